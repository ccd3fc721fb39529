"""Servers with a base path: the service is below it, as the contract says, and at the root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from handfast.runtime import create_app
from handfast.runtime.basepaths import MOST_COMBINATIONS, base_paths
from tests.unit.runtime.small import (
    client,
    contract,
    echo,
    media,
    operation,
    parameter,
    response,
    router,
    settings,
)

INFO = {"title": "Small"}
TEXTS = {"Id": {"type": "string"}, "A": {"type": "string"}}


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
    assert base_paths({"servers": servers}).all() == expected


def test_servers_have_a_bounded_number_of_paths() -> None:
    variables = {name: {"enum": [str(number) for number in range(50)], "default": "0"} for name in "abcd"}
    servers = [{"url": "/{a}/{b}/{c}/{d}", "variables": variables}]
    assert len(base_paths({"servers": servers}).common) == MOST_COMBINATIONS


def test_servers_of_an_operation_stand_in_for_those_of_its_path_and_these_for_the_documents() -> None:
    item = {
        "parameters": [],
        "servers": [{"url": "/path"}],
        "get": {"servers": [{"url": "/get"}, {"url": "https://a.example.com"}]},
        "put": {"servers": []},
        "additionalOperations": {"COPY": {"servers": [{"url": "/copy"}]}, "MOVE": {}},
    }
    document = {
        "servers": [{"url": "/all"}],
        "paths": {"/x/{id}": {"$ref": "#/components/pathItems/A~1B"}, "/y": {"get": {}}, "x-note": "n"},
        "components": {"pathItems": {"A/B": item}},
    }
    bases = base_paths(document)
    assert {method: bases.of("/x/{name}", method) for method in ("GET", "PUT", "COPY", "MOVE", "POST")} == {
        "GET": {"/get"},
        "PUT": {"/path"},
        "COPY": {"/copy"},
        "MOVE": {"/path"},
        "POST": {"/all"},
    }
    assert bases.of("/y", "GET") == {"/all"}
    assert bases.all() == ["/copy", "/path", "/all", "/get"]


def located(tmp_path: Path, published: dict[str, Any], *operations: tuple[str, str]) -> FastAPI:
    """The service of `published`, whose operations are of one method and path each."""
    entries = {
        f"op{number}": operation(
            method,
            path,
            parameters=[parameter(name, "path") for name in ("id", "a") if f"{{{name}}}" in path],
            responses={"200": response(media())},
            operationId=path,
        )
        for number, (method, path) in enumerate(operations)
    }
    folder = tmp_path / "generated"
    made = router(folder / "small", contract(entries, TEXTS), dict.fromkeys(entries, echo))
    (folder / "openapi.json").write_text(json.dumps({"openapi": "3.1.0", "info": INFO, **published}))
    return create_app(settings(), root=tmp_path, routers=[made])


async def test_operations_answer_below_the_base_and_at_the_root(tmp_path: Path) -> None:
    app = located(tmp_path, {"servers": [{"url": "https://x.example.com/api/v1"}]}, ("GET", "/pets/{id}"))
    async with client(app) as http:
        for path in ("/pets/7", "/api/v1/pets/7"):
            assert (await http.get(path)).json() == {"id": "7"}
            assert (await http.delete(path)).status_code == 405
        assert (await http.get("/api/v1/pets/a%2Fb")).json() == {"id": "a/b"}
        assert (await http.get("/api/v1/health")).status_code == 200
        for path in ("/api/v1pets/7", "/api/v1", "/api/v1/api/v1/pets/7"):
            assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v1/pets/7", {"id": "7"}),
        ("/v1/pets/owners", {}),
        ("/v1/none", None),
        ("/pets/7", {"id": "7"}),
        ("/v1/pets/a/b", {"a": "a"}),
        ("/v1/owners", {}),
    ],
)
async def test_of_several_bases_the_one_before_a_path_of_the_contract_counts(
    path: str, answer: dict[str, str] | None, tmp_path: Path
) -> None:
    published = {"servers": [{"url": "/v1/pets"}, {"url": "/v1"}]}
    app = located(tmp_path, published, ("GET", "/pets/{id}"), ("GET", "/owners"), ("GET", "/{a}/b"))
    async with client(app) as http:
        got = await http.get(path)
        assert (got.json() if got.status_code == 200 else None) == answer


async def test_an_operation_with_servers_of_its_own_is_below_these_alone(tmp_path: Path) -> None:
    published = {
        "servers": [{"url": "/v1"}],
        "paths": {
            "/files/{id}": {"get": {}, "put": {"servers": [{"url": "https://up.example.com/raw"}]}},
            "/files/new": {"servers": [{"url": "https://up.example.com"}], "get": {}},
            "/none": {"get": {}},
        },
    }
    app = located(
        tmp_path,
        published,
        *(("GET", "/files/{id}"), ("PUT", "/files/{id}"), ("GET", "/files/new"), ("GET", "/none")),
    )
    async with client(app) as http:
        got = {
            (method, path): (await http.request(method, path)).status_code
            for method in ("GET", "PUT")
            for path in ("/files/7", "/v1/files/7", "/raw/files/7", "/v1/raw/files/7")
        }
        assert got == {
            ("GET", "/files/7"): 200,
            ("GET", "/v1/files/7"): 200,
            ("GET", "/raw/files/7"): 404,
            ("GET", "/v1/raw/files/7"): 404,
            ("PUT", "/files/7"): 200,
            ("PUT", "/v1/files/7"): 404,
            ("PUT", "/raw/files/7"): 200,
            ("PUT", "/v1/raw/files/7"): 404,
        }
        assert (await http.get("/files/new")).status_code == 200
        for base in ("/v1", "/raw"):
            assert (await http.get(f"{base}/files/new")).status_code == 404
        assert (await http.delete("/v1/files/7")).status_code == 405
        assert (await http.get("/v1/none")).status_code == 200
        assert (await http.get("/raw/none")).status_code == 404
        assert (await http.get("/v1/health")).status_code == 200
