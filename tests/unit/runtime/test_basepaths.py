"""Servers with a base path: the service is below it, as the contract says, and at the root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from handfast.runtime import Inputs, PublicContext, create_app
from handfast.runtime.basepaths import MOST_COMBINATIONS, BasePaths, base_paths
from tests.unit.runtime.small import client, contract, operation, parameter, router, settings


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ([], []),
        ([{"url": "/"}], []),
        ([{"url": "https://api.example.com"}, {"url": "https://api.example.com/"}], []),
        ([{"url": "/api/v1"}], ["/api/v1"]),
        ([{"url": "api/"}], ["/api"]),
        (
            [{"url": "https://a.example.com/v1?x=1"}, {"url": "http://b.example.com:80/v1/beta"}],
            ["/v1/beta", "/v1"],
        ),
        ([{"url": "{scheme}://a.example.com/{base}", "variables": {"scheme": {"default": "https"}}}], []),
        (
            [
                {
                    "url": "{scheme}://a.example.com/{base}/",
                    "variables": {"scheme": {"default": "https"}, "base": {"default": "v2"}},
                }
            ],
            ["/v2"],
        ),
        ([{"url": "{everything}"}, {}], []),
        ([{"url": "//a.example.com/v1"}, {"url": "./v2"}, {"url": "../v3/./x/"}], ["/v3/x", "/v1", "/v2"]),
        (
            [
                {
                    "url": "/{v}/{t}",
                    "variables": {"v": {"enum": ["v2", "v1"], "default": "v1"}, "t": {"default": "t"}},
                }
            ],
            ["/v1/t", "/v2/t"],
        ),
        ([{"url": "{all}/v1", "variables": {"all": {"default": "https://a.example.com/b"}}}], ["/b/v1"]),
    ],
)
def test_the_base_of_each_server(servers: list[dict[str, Any]], expected: list[str]) -> None:
    assert base_paths({"servers": servers}) == expected


def test_servers_have_a_bounded_number_of_paths() -> None:
    variables = {name: {"enum": [str(number) for number in range(50)], "default": "0"} for name in "abcd"}
    assert (
        len(base_paths({"servers": [{"url": "/{a}/{b}/{c}/{d}", "variables": variables}]}))
        == MOST_COMBINATIONS
    )


def test_servers_behind_references_count() -> None:
    item = {"additionalOperations": {"COPY": {"servers": [{"url": "/c"}]}}, "servers": [{"url": "/a"}]}
    assert base_paths({"paths": {}, "components": {"pathItems": {"A": item}}}) == ["/a", "/c"]


def test_servers_of_path_items_and_operations_count() -> None:
    item = {"servers": [{"url": "/a"}], "get": {"servers": [{"url": "/b/c"}]}, "parameters": []}
    assert base_paths({"paths": {"/x": item}}) == ["/b/c", "/a"]


async def test_operations_answer_below_the_base_and_at_the_root(tmp_path: Path) -> None:
    async def name(ctx: PublicContext, inputs: Inputs) -> object:
        return inputs.model_dump()

    entry = operation("GET", "/pets/{id}", parameters=[parameter("id", "path")])
    made = router(
        tmp_path / "generated" / "small", contract({"get": entry}, {"Id": {"type": "string"}}), {"get": name}
    )
    published = {
        "openapi": "3.1.0",
        "info": {"title": "Small"},
        "servers": [{"url": "https://x.example.com/api/v1"}],
    }
    (tmp_path / "generated" / "openapi.json").write_text(json.dumps(published))
    async with client(create_app(settings(), root=tmp_path, routers=[made])) as http:
        for path in ("/pets/7", "/api/v1/pets/7"):
            assert (await http.get(path)).json() == {"id": "7"}
            assert (await http.delete(path)).status_code == 405
        assert (await http.get("/api/v1/pets/a%2Fb")).json() == {"id": "a/b"}
        assert (await http.get("/api/v1/health")).status_code == 200
        for path in ("/api/v1pets/7", "/api/v1", "/api/v1/api/v1/pets/7"):
            assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/v1/pets/7", "/v1"),
        ("/v1/pets/owners", "/v1/pets"),
        ("/v1/none", "/v1"),
        ("/pets/7", ""),
        ("/v1/pets/a/b", "/v1/pets"),
    ],
)
async def test_of_several_bases_the_one_before_a_path_of_the_contract_counts(path: str, base: str) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope.get("root_path", ""))

    layer = BasePaths(app, ["/v1/pets", "/v1"], ["/pets/{id}", "/owners", "/{a}/b"])
    await layer({"type": "http", "path": path}, None, None)  # type: ignore[arg-type]  # nothing is read or sent
    assert seen == [base]
