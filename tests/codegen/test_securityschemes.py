# ruff: noqa: E501 (one case a line reads best)
"""A security scheme that cannot be used is told with what is wrong in it, where, and its own cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.codegen.helpers import HEAD, contract, fixes, found


@pytest.mark.parametrize(
    ("scheme", "place", "said", "fix"),
    [
        ("{type: http}", "5:22", "is of the type `http` and has no `scheme`", "add `scheme:` with the scheme of"),
        ("{type: apiKey, in: header}", "5:22", "and has no `name`;", "add `name:` with"),
        ("{type: apiKey, name: X}", "5:22", "and has no `in`;", "add `in:` with `query`, `header` or `cookie`"),
        ("{type: apiKey}", "5:22", "and has no `name` and no `in`;", "header or cookie and `in:` with"),
        ("{type: oauth2}", "5:22", "`oauth2` and has no `flows`", "add `flows:` with how a token is got"),
        ("{type: openIdConnect}", "5:22", "has no `openIdConnectUrl`", "add `openIdConnectUrl:` with the address"),
        ("{type: apiKey, in: body, name: k}", "5:44", "stands in `body`, which is no place", "write `in:` with"),
        ("{type: apiKey, in: Header, name: k}", "5:44", "stands in `Header`", "did you mean `in: header`?"),
        ("{type: apiKey, in: header, name: 'a b'}", "5:58", "`a b`, which HTTP does not", "name the header in"),
        ("{type: apiKey, in: cookie, name: ''}", "5:58", "the name ``, which HTTP", "name the cookie"),
        ("{type: bearer}", "5:32", "`bearer`, which OpenAPI does not know", "`type: http` with `scheme: bearer`"),
        ("{type: ApiKey, in: query, name: k}", "5:32", "`ApiKey`, which", "did you mean `type: apiKey`?"),
        ("{type: saml}", "5:32", "is of the type `saml`, which", "write `type:` with `apiKey`, `http`,"),
        ("{scheme: basic}", "5:22", "has no `type`", "add `type: http`"),
        ("{flows: {}}", "5:22", "has no `type`", "add `type: oauth2`"),
        ("{}", "5:22", "has no `type`", "add `type:` with `apiKey`, `http`,"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(
    tmp_path: Path, scheme: str, place: str, said: str, fix: str
) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{}}\ncomponents:\n  securitySchemes: {{ k: {scheme} }}\n")
    (what,), (cure,) = found(loaded, "bad-scheme"), fixes(loaded, "bad-scheme")
    assert what.startswith(f"{place} the security scheme `k` ")
    assert said in what
    assert fix in cure


@pytest.mark.parametrize("scheme", ["bearer", "[]", "7"])
def test_what_is_no_object_is_told_as_such(tmp_path: Path, scheme: str) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{}}\ncomponents:\n  securitySchemes: {{ k: {scheme} }}\n")
    (what,) = found(loaded, "wrong-structure")
    assert what.startswith("5:25 `k` must be a mapping (a security scheme), not ")
