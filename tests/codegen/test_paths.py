"""Odd paths over real HTTP: each template matches what it says, and the most literal one wins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from handfast.codegen.project import Project, load
from tests.codegen.helpers import HEAD, contract
from tests.codegen.serving import application, imported, made
from tests.conftest import live

TEMPLATES = [
    "/a/{b}.json",
    "/a/{b}",
    "/a/fixed.json",
    "/x/{a}:{verb}",
    "/x/{a}:start",
    "/{one}/{two}",
    "/files/{path}",
    "/slash",
    "/slash/",
    "/slash/{id}/",
    "/{v}-{w}.{ext}",
    "/naïve/{é}",
    "/with%20space",
    "/en%2fcoded/{id}",
    "/dots/../{id}",
    "/dollar/$value",
    "/plus+star*/{(id)}",
]


def text() -> str:
    lines = [f"{HEAD}paths:"]
    for number, path in enumerate(TEMPLATES):
        lines += [f"  {path!r}:", "    get:", f"      operationId: op{number}"]
        lines += ["      responses: {'200': {description: ok, content: {application/json: {}}}}"]
        names = [piece.split("}")[0] for piece in path.split("{")[1:]]
        if names:
            lines.append("      parameters:")
        lines += [
            f"        - {{name: {name!r}, in: path, required: true, schema: {{type: string}}}}"
            for name in names
        ]
    return "\n".join([*lines, ""])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    root = tmp_path_factory.mktemp("paths")
    made(root, {"001-paths/contracts/api.yaml": text()})

    def handler(number: int) -> Any:
        async def answer(ctx: object, *values: str) -> list[object]:
            return [TEMPLATES[number], *values]

        return answer

    handlers = SimpleNamespace(**{f"op{number}": handler(number) for number in range(len(TEMPLATES))})
    with imported(root):
        app = application(root, {"paths": handlers})
        with live(app) as url, httpx.Client(base_url=url) as found:
            yield found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b.json", ["/a/{b}.json", "b"]),
        ("/a/fixed.json", ["/a/fixed.json"]),
        ("/a/b.jsonx", ["/a/{b}", "b.jsonx"]),
        ("/a/b%2Fc", ["/a/{b}", "b/c"]),
        ("/a/b%2Fc.json", ["/a/{b}.json", "b/c"]),
        ("/a/b%252Fc", ["/a/{b}", "b%2Fc"]),
        ("/x/job:stop", ["/x/{a}:{verb}", "job", "stop"]),
        ("/x/job:start", ["/x/{a}:start", "job"]),
        ("/x/job%3Astop", ["/x/{a}:{verb}", "job", "stop"]),
        ("/1/2", ["/{one}/{two}", "1", "2"]),
        ("/files/a%2Fb%20c", ["/files/{path}", "a/b c"]),
        ("/slash", ["/slash"]),
        ("/slash/", ["/slash/"]),
        ("/slash/5/", ["/slash/{id}/", "5"]),
        ("/v1-w2.tar", ["/{v}-{w}.{ext}", "v1", "w2", "tar"]),
        ("/na%C3%AFve/%C3%BC", ["/naïve/{é}", "ü"]),
        ("/with%20space", ["/with%20space"]),
        ("/en%2Fcoded/a%2Fb", ["/en%2fcoded/{id}", "a/b"]),
        ("/dollar/$value", ["/dollar/$value"]),
        ("/plus+star*/7", ["/plus+star*/{(id)}", "7"]),
    ],
)
def test_each_path_leads_to_its_operation(client: httpx.Client, path: str, expected: list[str]) -> None:
    answer = client.get(httpx.URL(str(client.base_url).rstrip("/") + path))
    assert (answer.status_code, answer.json()) == (200, expected)


@pytest.mark.parametrize("path", ["/slash/5", "/a/b/", "/1", "/files/a/b", "/SLASH"])
def test_nothing_else_matches(client: httpx.Client, path: str) -> None:
    expected = 200 if path in ("/slash/5",) else 404
    answer = client.get(path)
    assert answer.status_code == expected, answer.text
    if expected == 200:
        assert answer.json() == ["/{one}/{two}", "slash", "5"]


@pytest.mark.parametrize(
    "text",
    [
        "paths: {}",
        "paths: {/a: {}}",
        "paths: {/a: {x-only: 1}, x-own: {get: {}}}",
        "paths: {/a: {summary: s, servers: [{url: /v1}], parameters: []}}",
        "webhooks: {a: {post: {responses: {'200': {description: ok}}}}}",
        "components: {schemas: {A: {type: string}}}",
    ],
)
def test_contracts_without_operations_are_contracts(tmp_path: Path, text: str) -> None:
    loaded = contract(tmp_path, f"{HEAD}{text}\n")
    assert not loaded.fatal
    assert [len(one.operations) for one in loaded.features] == [0]
    made(tmp_path, {})
    assert not load(Project(tmp_path)).fatal
