"""A call through a whole application: its inputs, its order, its errors and its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from starlette.exceptions import HTTPException
from structlog.testing import capture_logs

from handfast.runtime import (
    ApiError,
    ConfigError,
    Conflict,
    Context,
    ContractRouter,
    Created,
    Inputs,
    Model,
    NotFound,
    NotWritten,
    PublicContext,
    create_app,
)
from tests.unit.runtime.small import (
    SCHEMAS,
    SECRET,
    SECURE,
    body,
    client,
    contract,
    echo,
    media,
    operation,
    parameter,
    response,
    scope,
    service,
    settings,
)


async def test_inputs_are_decoded_checked_and_defaulted(tmp_path: Path) -> None:
    entry = operation(
        "POST",
        "/things/{id}",
        parameters=[parameter("id", "path"), parameter("limit", default=20), parameter("name")],
        body=body(media("Thing")),
    )
    app = service(tmp_path, {"post": entry}, {"post": echo}, schemas=SCHEMAS)
    async with client(app) as http:
        answer = await http.post("/things/a%2Fb?name=n", json={"a": "x"})
        assert answer.json() == {"id": "a/b", "limit": 20, "name": "n", "body": {"a": "x"}}
        answer = await http.post("/things/1?limit=0", json={"a": 1})
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"location": "query", "pointer": "/limit", "keyword": "minimum", "message": "must be at least 1"},
            {"location": "body", "pointer": "/a", "keyword": "type", "message": "must be of type string"},
        ]


@pytest.mark.threat("tampering.unchecked-input")
async def test_a_violation_has_the_declared_status(tmp_path: Path) -> None:
    entry = operation(
        parameters=[parameter("limit")], responses={"200": response(media()), "400": response()}
    )
    app = service(tmp_path, {"get": entry}, {"get": echo}, schemas=SCHEMAS)
    async with client(app) as http:
        answer = await http.get("/things?limit=0")
        assert (answer.status_code, answer.json()["title"]) == (400, "Bad Request")


@pytest.mark.threat("tampering.unchecked-input")
async def test_what_no_plain_type_can_hold_is_seen_and_given_back(tmp_path: Path) -> None:
    from datetime import date

    class Dated(Model):
        on: date

    entry = operation("POST", parameters=[parameter("day")], body=body(media("Dated")))
    dated = {"type": "object", "properties": {"on": {"type": "string", "format": "date"}}}
    schemas = {"Day": {"type": "string", "format": "date"}, "Dated": dated}
    app = service(
        tmp_path, {"post": entry}, {"post": echo}, schemas=schemas, body_type=Dated, types={"day": date}
    )
    async with client(app) as http:
        answer = await http.post("/things?day=0000-02-29", json={"on": "0000-01-01"})
        assert answer.status_code == 200
        assert answer.json() == {"day": "0000-02-29", "body": {"on": "0000-01-01"}}


async def test_the_body_of_an_error_is_checked_and_sent_as_declared(tmp_path: Path) -> None:
    class Taken(Model):
        reference: str

    async def clash(ctx: PublicContext, inputs: Inputs) -> None:
        raise Conflict(body=Taken(reference="r"))

    async def wrong(ctx: PublicContext, inputs: Inputs) -> None:
        raise Conflict(body=[1])

    async def tea(ctx: PublicContext, inputs: Inputs) -> None:
        raise ApiError(body="No coffee.", status=418)

    declared = {
        "200": response(),
        "409": response(media("Taken")),
        "418": response(media(type="text/plain", kind="text")),
    }
    paths = ("clash", "wrong", "tea")
    entries = {name: operation(path=f"/{name}", responses=declared) for name in paths}
    schemas = {"Taken": {"type": "object", "required": ["reference"]}}
    app = service(tmp_path, entries, {"clash": clash, "wrong": wrong, "tea": tea}, schemas=schemas)
    async with client(app) as http:
        assert (await http.get("/clash")).json() == {"reference": "r"}
        answer = await http.get("/tea")
        assert (answer.status_code, answer.text) == (418, "No coffee.")
        assert answer.headers["content-type"].startswith("text/plain")
        assert (await http.get("/wrong")).status_code == 500


@pytest.mark.threat("spoofing.no-credentials")
async def test_the_order_is_security_then_unwritten_then_validation(tmp_path: Path) -> None:
    entry = operation("POST", "/things", security=SECURE, body=body(media("Thing")), operationId="makeThing")
    folder = tmp_path / "generated" / "small"
    folder.mkdir(parents=True)
    (folder / "contract.json").write_text(json.dumps(contract({"make_thing": entry}, SCHEMAS)))

    class Protocol:
        async def make_thing(self, ctx: Context, body: object) -> object: ...

    made = ContractRouter(str(folder / "routes.py"), object(), Protocol)
    bound = made.operation("make_thing", Context, Inputs)

    @made.post("/things")
    async def endpoint(request: Request) -> Any:
        async with bound(request) as call:
            raise AssertionError(call)

    app = create_app(settings(), root=tmp_path, routers=[made])
    async with client(app) as http:
        assert (await http.post("/things", content=b"{")).status_code == 401
    async with client(app, "user") as http:
        answer = await http.post("/things", content=b"{")
        assert answer.status_code == 501
        assert answer.headers["content-type"] == "application/problem+json"
        assert "`make_thing` is not written yet" in answer.json()["detail"]
        assert "handlers/small/operations.py" in answer.json()["detail"]
    with pytest.raises(ConfigError, match="`make_thing` is missing"):
        create_app(settings(env="production"), root=tmp_path, routers=[made])


async def test_the_context_knows_the_caller(tmp_path: Path) -> None:
    async def who(ctx: Context, inputs: Inputs) -> object:
        return {"id": ctx.user.id, "operation": ctx.operation_id, "correlation": ctx.correlation_id}

    app = service(tmp_path, {"get": operation(security=SECURE)}, {"get": who})
    user = "0191b0f0-0000-7000-8000-000000000000"
    async with client(app, user) as http:
        answer = await http.get("/things", headers={"x-correlation-id": "abc"})
        assert answer.json() == {"id": user, "operation": "get_things", "correlation": "abc"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound("gone"), 404, "not_found"),
        (Conflict(), 409, "conflict"),
        (HTTPException(418, "short and stout"), 418, "i'm_a_teapot"),
        (HTTPException(404), 404, "not_found"),
        (NotWritten(), 501, "not_implemented"),
        (RuntimeError("sekret"), 500, "internal_error"),
        (TimeoutError("sekret"), 500, "internal_error"),
    ],
)
async def test_errors_of_handlers(tmp_path: Path, error: Exception, status: int, code: str) -> None:
    async def fail(ctx: PublicContext, inputs: Inputs) -> object:
        raise error

    declared = operation(responses={"200": response(media()), "default": response()})
    app = service(tmp_path, {"get": declared}, {"get": fail}, cors_origins="https://app.example.com")
    async with client(app) as http:
        answer = await http.get("/things", headers={"origin": "https://app.example.com"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    assert answer.headers["x-correlation-id"]
    assert "sekret" not in answer.text


async def test_a_response_that_breaks_the_contract_is_a_500(tmp_path: Path) -> None:
    async def wrong(ctx: PublicContext, inputs: Inputs) -> object:
        return {"b": 1}

    entry = operation(responses={"200": response(media("Thing"))})
    app = service(tmp_path, {"get": entry}, {"get": wrong}, schemas=SCHEMAS)
    async with client(app) as http:
        assert (await http.get("/things")).status_code == 500
        assert 'response_violations_total{operation_id="get_things"} 1.0' in (await http.get("/metrics")).text
    app = service(tmp_path, {"get": entry}, {"get": wrong}, schemas=SCHEMAS, response_validation="log")
    async with client(app) as http:
        assert (await http.get("/things")).json() == {"b": 1}


@pytest.mark.parametrize("error", [Conflict("no"), HTTPException(409)])
async def test_an_undeclared_error_breaks_the_contract(tmp_path: Path, error: Exception) -> None:
    async def fail(ctx: PublicContext, inputs: Inputs) -> object:
        raise error

    declared = operation(responses={"200": response(media()), "409": response()})
    operations = {"a": operation(path="/a"), "b": declared | {"path": "/b", "route": "/b"}}
    async with client(service(tmp_path, operations, {"a": fail, "b": fail})) as http:
        with capture_logs() as logs:
            assert (await http.get("/a")).status_code == 500
            assert (await http.get("/b")).status_code == 409
        assert 'response_violations_total{operation_id="get_a"} 1.0' in (await http.get("/metrics")).text
    assert [line["found"] for line in logs if line["event"] == "response_violation"] == [
        ("409 is not declared for this operation",)
    ]
    lenient = service(tmp_path, operations, {"a": fail, "b": fail}, response_validation="log")
    async with client(lenient) as http:
        assert (await http.get("/a")).status_code == 409


async def test_a_stream_is_sent_after_the_call_has_ended(tmp_path: Path) -> None:
    order: list[str] = []

    async def watch(ctx: PublicContext, inputs: Inputs) -> object:
        async def items() -> AsyncIterator[int]:
            order.append("items")
            yield 1
            yield 2

        order.append("handler")
        return items()

    entry = operation(responses={"200": response(media(None, "application/jsonl", "jsonl"))})
    app = service(tmp_path, {"get": entry}, {"get": watch})
    async with client(app) as http:
        assert (await http.get("/things")).text == "1\n2\n"
    assert order == ["handler", "items"]


async def test_a_stream_that_breaks_off_ends_the_connection(tmp_path: Path) -> None:
    async def watch(ctx: PublicContext, inputs: Inputs) -> object:
        async def items() -> AsyncIterator[int]:
            yield 1
            raise RuntimeError("sekret")

        return items()

    entry = operation(responses={"200": response(media(None, "application/jsonl", "jsonl"))})
    app = service(tmp_path, {"get": entry}, {"get": watch})
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError, match="sekret"):
        await app(scope("/things"), receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_created_with_its_own_status(tmp_path: Path) -> None:
    async def create(ctx: PublicContext, inputs: Inputs) -> object:
        return Created({"a": "x"})

    entry = operation("POST", responses={"200": response(media()), "201": response(media("Thing"))})
    app = service(tmp_path, {"post": entry}, {"post": create}, schemas=SCHEMAS)
    async with client(app) as http:
        assert (await http.post("/things")).status_code == 201


def test_the_secret_of_these_tests_is_long_enough() -> None:
    assert len(SECRET) >= 32
