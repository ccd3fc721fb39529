"""What a mock answers to requests that are right: status, headers, media type and body."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from handfast.codegen.ir import Json
from tests.mock.kit import client_of, document, ok

NAME: dict[str, Json] = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
OBJECT: dict[str, Json] = {"type": "object", "properties": {"b": {"const": "c"}}}


def get(responses: Json, **parts: Json) -> Json:
    return {"/thing": {"get": {"operationId": "readThing", "responses": responses, **parts}}}


def answer(*statuses: str) -> dict[str, Json]:
    return {status: {"description": "Said."} for status in statuses}


async def test_the_example_of_the_media_type_is_answered() -> None:
    async with client_of(document(get(ok(NAME, example={"name": "Ada"})))) as client:
        response = await client.get("/thing")
    assert response.json() == {"name": "Ada"}
    assert response.headers["content-type"] == "application/json"


async def test_the_first_named_example_is_answered() -> None:
    examples: Json = {"one": {"value": {"name": "Ada"}}, "two": {"value": {"name": "Bo"}}}
    async with client_of(document(get(ok(NAME, examples=examples)))) as client:
        assert (await client.get("/thing")).json() == {"name": "Ada"}


async def test_the_example_of_the_schema_is_answered() -> None:
    schema: dict[str, Json] = {**NAME, "examples": [{"name": "Cy"}]}
    async with client_of(document(get(ok(schema)))) as client:
        assert (await client.get("/thing")).json() == {"name": "Cy"}


async def test_examples_of_properties_are_answered() -> None:
    schema: Json = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "examples": ["Dee"]}},
    }
    async with client_of(document(get(ok(schema)))) as client:
        assert (await client.get("/thing")).json() == {"name": "Dee"}


async def test_an_example_that_breaks_its_schema_is_not_answered() -> None:
    async with client_of(document(get(ok(NAME, example={"name": 7})))) as client:
        assert isinstance((await client.get("/thing")).json()["name"], str)


async def test_an_example_that_shows_what_is_only_written_is_not_answered() -> None:
    schema: Json = {
        "type": "object",
        "required": ["name", "password"],
        "properties": {"name": {"type": "string"}, "password": {"type": "string", "writeOnly": True}},
    }
    async with client_of(document(get(ok(schema, example={"name": "Ada", "password": "x"})))) as client:
        made = (await client.get("/thing")).json()
    assert list(made) == ["name"]


async def test_the_same_request_is_answered_the_same() -> None:
    contract = document(
        get(ok({"type": "object", "properties": {"id": {"type": "string", "format": "uuid"}}}))
    )
    answers = []
    for seed in (1, 1, 2):
        async with client_of(contract, seed=seed) as client:
            answers += [(await client.get("/thing")).text, (await client.get("/thing")).text]
    assert len(set(answers[:4])) == 1
    assert answers[4] == answers[5] != answers[0]


@pytest.mark.parametrize(
    ("declared", "status"),
    [
        (("201", "400"), 201),
        (("404", "204"), 204),
        (("2XX",), 200),
        (("default",), 200),
        (("302", "default"), 302),
        (("4XX",), 404),
        (("409", "500"), 409),
        (("400", "429"), 429),
        (("503",), 200),  # errors alone: the published contract has the empty 200 as well
        (("5XX",), 200),
    ],
)
async def test_the_likeliest_status_is_answered(declared: tuple[str, ...], status: int) -> None:
    async with client_of(document(get(answer(*declared)))) as client:
        assert (await client.get("/thing")).status_code == status


async def test_required_and_optional_headers_are_sent_in_simple_style() -> None:
    headers: Json = {
        "X-Total": {"required": True, "schema": {"type": "integer", "minimum": 7, "maximum": 7}},
        "X-Tags": {"schema": {"type": "array", "items": {"enum": ["a"]}, "minItems": 2}},
        "X-Map": {
            "schema": {"type": "object", "required": ["k"], "properties": {"k": {"const": "v"}}},
            "explode": True,
        },
    }
    async with client_of(document(get({"204": {"description": "Gone.", "headers": headers}}))) as client:
        response = await client.get("/thing")
    assert response.headers["x-total"] == "7"
    assert response.headers["x-tags"] == "a,a"
    assert response.headers["x-map"] == "k=v"
    assert response.content == b""


async def test_headers_of_http_have_values_that_make_sense() -> None:
    text: Json = {"required": True, "schema": {"type": "string"}}
    headers: Json = {"Location": text, "ETag": text, "Content-Length": text, "Content-Encoding": text}
    async with client_of(document(get({"302": {"description": "Else.", "headers": headers}}))) as client:
        response = await client.get("/thing")
    assert response.headers["location"] == "/mock"
    assert response.headers["etag"] == '"mock"'
    assert response.headers["content-length"] == "0"
    assert "content-encoding" not in response.headers


async def test_a_header_with_a_media_type_is_json() -> None:
    headers: Json = {"X-Map": {"content": {"application/json": {"schema": {"const": {"k": [1]}}}}}}
    async with client_of(document(get({"204": {"description": "Gone.", "headers": headers}}))) as client:
        response = await client.get("/thing")
    assert json.loads(response.headers["x-map"]) == {"k": [1]}


async def test_head_has_no_body() -> None:
    paths: Json = {"/thing": {"head": {"operationId": "look", "responses": ok(NAME)}}}
    async with client_of(document(paths)) as client:
        response = await client.head("/thing")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    ("media_type", "schema", "body"),
    [
        ("text/plain", {"const": "hello"}, b"hello"),
        (
            "application/xml",
            {"type": "object", "xml": {"name": "a"}, "properties": {"b": {"const": "c"}}},
            None,
        ),
        (
            "application/x-www-form-urlencoded",
            {"type": "object", "properties": {"b": {"const": "c"}}},
            b"b=c",
        ),
        ("text/event-stream", {"type": "string"}, b": mock\n\n"),
        ("application/vnd.api+json", {"const": 1}, b"1"),
        ("application/octet-stream", True, b"mock"),
    ],
)
async def test_bodies_are_of_their_media_type(media_type: str, schema: Json, body: bytes | None) -> None:
    async with client_of(document(get(ok(schema, media_type)))) as client:
        response = await client.get("/thing")
    assert response.headers["content-type"].partition(";")[0] == media_type
    if body is None:
        assert b"<b>c</b>" in response.content
    else:
        assert response.content == body


@pytest.mark.parametrize("media_type", ["application/jsonl", "application/x-ndjson"])
async def test_each_line_of_json_lines_is_an_item(media_type: str) -> None:
    responses: Json = {"200": {"description": "Good.", "content": {media_type: {"itemSchema": NAME}}}}
    async with client_of(document(get(responses), version="3.2.0")) as client:
        response = await client.get("/thing")
    lines = response.text.splitlines()
    assert lines
    assert all("name" in json.loads(line) for line in lines)


async def test_multipart_answers_carry_their_boundary() -> None:
    schema: Json = {"type": "object", "required": ["b"], "properties": {"b": {"const": "c"}}}
    async with client_of(document(get(ok(schema, "multipart/form-data")))) as client:
        response = await client.get("/thing")
    kind, _, boundary = response.headers["content-type"].partition("boundary=")
    assert kind.startswith("multipart/form-data")
    assert boundary
    assert boundary.encode() in response.content


async def test_accept_chooses_among_media_types() -> None:
    content: Json = {
        "application/json": {"schema": {"const": "j"}},
        "text/plain": {"schema": {"const": "t"}},
    }
    async with client_of(document(get({"200": {"description": "Good.", "content": content}}))) as client:
        assert (await client.get("/thing", headers={"accept": "text/*"})).text == "t"
        assert (await client.get("/thing", headers={"accept": "application/json"})).text == '"j"'
        assert (await client.get("/thing", headers={"accept": "image/png"})).status_code == 406


async def test_where_nothing_can_be_made_another_declared_answer_is_given() -> None:
    responses: Json = {
        **ok({"type": "string", "pattern": "^a$", "minLength": 5}),
        "202": {"description": "Later.", "content": {"application/json": {"schema": {"const": 1}}}},
    }
    async with client_of(document(get(responses))) as client:
        response = await client.get("/thing")
    assert (response.status_code, response.json()) == (202, 1)


async def test_where_nothing_can_be_made_at_all_it_says_so() -> None:
    async with client_of(document(get(ok({"allOf": [{"type": "string"}, {"type": "integer"}]})))) as client:
        response = await client.get("/thing")
    assert response.status_code < 500


async def test_recursive_schemas_take_the_short_way_out() -> None:
    node: Json = {
        "type": "object",
        "required": ["next", "children"],
        "properties": {
            "next": {"oneOf": [{"$ref": "#/components/schemas/Node"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
        },
        "additionalProperties": False,
    }
    contract = document(
        get(ok({"$ref": "#/components/schemas/Node"})), components={"schemas": {"Node": node}}
    )
    async with client_of(contract) as client:
        made = (await client.get("/thing")).json()
    schema: Any = {"$ref": "#/components/schemas/Node", "components": {"schemas": {"Node": node}}}
    jsonschema_rs.validate(schema, made)
    assert len(json.dumps(made)) < 5000


TWICE: Json = {"oneOf": [NAME, NAME]}


async def test_an_operation_whose_answers_no_value_meets_says_so_and_where() -> None:
    async with client_of(
        document(get({**ok(TWICE), "409": {"description": "No.", **media(TWICE)}}))
    ) as client:
        response = await client.get("/thing")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/problem+json"
    assert "answer 200, 409 of `readThing`, declared at api.json:" in response.json()["detail"]


async def test_an_answer_that_is_preferred_and_that_no_value_meets_is_a_bad_request() -> None:
    async with client_of(document(get({**ok(TWICE), **answer("404")}))) as client:
        assert (await client.get("/thing")).status_code == 404
        response = await client.get("/thing", headers={"prefer": "code=200"})
    assert response.status_code == 400
    assert "answer 200 of `readThing`, declared at api.json:" in response.text


def media(schema: Json) -> dict[str, Json]:
    return {"content": {"application/json": {"schema": schema}}}
