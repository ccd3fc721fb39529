"""OpenAPI 3.2 over real HTTP: QUERY, further methods, whole query strings, cookies as they are, streams."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httptools
import httpx
import pytest

from handfast.codegen import overlay
from handfast.codegen.grammar import SERVABLE
from handfast.codegen.project import Project, load
from handfast.codegen.publish import publish
from tests.codegen.serving import application, imported, made
from tests.conftest import live

CASE = Path(__file__).parent / "cases/openapi-32"
CONTRACT = (CASE / "specs/001-query/contracts/api.yaml").read_text(encoding="utf-8")


async def search_notes(ctx: object, body: Any) -> list[str]:
    return [body.text] * (body.limit or 1)


async def copy_notes(ctx: object, *, destination: str) -> None:
    assert destination


async def purge_notes(ctx: object) -> None: ...


async def find_by_form(ctx: object, *, filter_: Any) -> Any:
    return filter_


async def select_by_json(ctx: object, *, selector: Any) -> str | None:
    return None if selector is None else selector.text


async def select_by_path(ctx: object, *, path: str | None) -> str | None:
    return path


async def read_cookies(ctx: object, *, color: list[str] | None, greeting: str | None) -> list[str]:
    return [*(color or ()), greeting or ""]


async def reads_it_twice(ctx: object, *, q: str | None) -> None: ...


async def stream_entries(ctx: object) -> AsyncIterator[dict[str, int]]:
    async def entries() -> AsyncIterator[dict[str, int]]:
        for level in range(3):
            yield {"level": level}

    return entries()


async def take_entries(ctx: object, body: Any) -> int:
    if isinstance(body, list):
        return sum(entry.level for entry in body)
    return sum([entry.level async for entry in body])


async def take_events(ctx: object, body: Any) -> list[Any]:
    return [event async for event in body]


async def post_parts(ctx: object, body: Any) -> None: ...


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    root = tmp_path_factory.mktemp("query")
    made(root, {"001-query/contracts/api.yaml": CONTRACT})
    names = [name for name, value in globals().items() if getattr(value, "__module__", "") == __name__]
    with imported(root):
        app = application(root, {"query": SimpleNamespace(**{name: globals()[name] for name in names})})
        with live(app) as url, httpx.Client(base_url=url) as found:
            yield found


def test_query_is_a_method_with_a_body(client: httpx.Client) -> None:
    answer = client.request("QUERY", "/notes", json={"text": "a", "limit": 2})
    assert (answer.status_code, answer.json()) == (200, ["a", "a"])
    refused = client.request("QUERY", "/notes", json={"text": ""})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/text"


def test_further_methods_are_routed(client: httpx.Client) -> None:
    assert client.request("COPY", "/notes", headers={"Destination": "/x"}).status_code == 204
    assert client.request("COPY", "/notes").status_code == 422
    assert client.request("PURGE", "/notes").status_code == 204


def test_allow_names_every_method(client: httpx.Client) -> None:
    for method in ("GET", "OPTIONS", "SEARCH"):
        answer = client.request(method, "/notes")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "COPY, PURGE, QUERY")
    assert client.request("QUERY", "/find").headers["Allow"] == "GET"


def test_a_form_is_the_whole_query_string(client: httpx.Client) -> None:
    answer = client.get("/find?text=a+b%26&tags=x,y&limit=3")
    assert answer.json() == {"text": "a b&", "tags": ["x", "y"], "limit": 3}
    for query, keyword in (
        ("limit=3", "required"),
        ("text=a&other=1", "additionalProperties"),
        ("", "required"),
    ):
        refused = client.get(f"/find?{query}")
        assert refused.status_code == 422, query
        assert [(one["location"], one["keyword"]) for one in refused.json()["errors"]] == [("query", keyword)]


def test_json_is_the_whole_query_string(client: httpx.Client) -> None:
    quoted = httpx.URL("/select", query=b"%7B%22text%22%3A%22a%2Bb+c%22%7D")
    assert client.get(quoted).json() == "a+b+c"
    assert client.get("/select").json() is None
    assert client.get("/select?text=a").json()["errors"][0]["keyword"] == "syntax"
    assert client.get("/select?%7B%7D").json()["errors"][0]["pointer"] in ("", "/text")
    assert client.get("/select?%FF").json()["errors"][0]["keyword"] == "encoding"


def test_another_type_is_a_text(client: httpx.Client) -> None:
    assert client.get("/path?%24.a.b%5B1%3A1%5D").json() == "$.a.b[1:1]"
    assert client.get("/path?a").status_code == 422


def test_cookies_of_their_own_style_are_not_decoded(client: httpx.Client) -> None:
    headers = {"Cookie": "color=blue; greeting=Hello%2C%20world!; color=black"}
    assert client.get("/cookies", headers=headers).json() == ["blue", "black", "Hello%2C%20world!"]


@pytest.mark.parametrize("kind", ["application/jsonl", "application/json-seq"])
def test_items_are_streamed(client: httpx.Client, kind: str) -> None:
    answer = client.get("/entries", headers={"Accept": kind})
    assert answer.headers["Content-Type"].startswith(kind)
    lines = [line.strip("\x1e") for line in answer.text.strip("\n").split("\n")]
    assert [json.loads(line) for line in lines] == [{"level": 0}, {"level": 1}, {"level": 2}]
    assert answer.text.startswith("\x1e") is (kind == "application/json-seq")


@pytest.mark.parametrize("kind", ["application/jsonl", "application/json-seq"])
def test_items_are_taken(client: httpx.Client, kind: str) -> None:
    mark = "\x1e" if kind == "application/json-seq" else ""
    content = "".join(f'{mark}{{"level": {level}}}\n' for level in (1, 2, 3))
    assert client.post("/entries", content=content, headers={"Content-Type": kind}).json() == 6
    refused = client.post(
        "/entries", content=content + f'{mark}{{"level": -1}}\n', headers={"Content-Type": kind}
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/3/level"


def test_events_are_taken(client: httpx.Client) -> None:
    content = (
        "event: a\rdata: 1\rretry: 5\r\r: a comment\r\n\r\nevent: b\r\ndata\r\ndata: x: y\r\n\r\nevent: lost"
    )
    answer = client.post("/events", content=content, headers={"Content-Type": "text/event-stream"})
    assert answer.json() == [{"data": "1", "event": "a", "retry": 5}, {"data": "\nx: y", "event": "b"}]
    refused = client.post("/events", content="data: 1\n\n", headers={"Content-Type": "text/event-stream"})
    assert [one["keyword"] for one in refused.json()["errors"]] == ["required"]


def test_the_published_contract_is_the_source_and_its_overlay(client: httpx.Client) -> None:
    published = publish(load(Project(CASE)).features)
    served = client.get("/openapi.json").json()
    assert served == published.document
    assert overlay.subtract(published.document, published.overlay) == published.source
    assert sorted(served["paths"]["/notes"]["additionalOperations"]) == ["COPY", "PURGE"]


def test_servable_methods_are_those_that_the_parser_takes() -> None:
    class Requests:
        def on_url(self, url: bytes) -> None: ...

    def takes(method: str) -> bool:
        try:
            httptools.HttpRequestParser(Requests()).feed_data(
                f"{method} / HTTP/1.1\r\nhost: x\r\n\r\n".encode()
            )
        except httptools.HttpParserError:
            return False
        return True

    assert all(takes(method) for method in SERVABLE)
    known = ("FROB", "Copy", "get", "PRI", "DESCRIBE", "SETUP", "BASELINE-CONTROL")
    assert not [method for method in known if takes(method)]
