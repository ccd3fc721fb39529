"""The way of a request through a whole application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from sqlalchemy import MetaData
from starlette.exceptions import HTTPException
from structlog.testing import capture_logs

from handfast.runtime import (
    ApiError,
    ConfigError,
    Conflict,
    Context,
    ContractRouter,
    Created,
    Fault,
    Forbidden,
    Inputs,
    Model,
    NotFound,
    NotWritten,
    PublicContext,
    create_app,
    database,
    development_authenticator,
)
from handfast.runtime.database.audit import Origin
from handfast.testing import client_of
from tests.unit.runtime.small import (
    SECRET,
    body,
    client,
    contract,
    echo,
    media,
    operation,
    parameter,
    response,
    router,
    service,
    settings,
)

SECURE: list[dict[str, list[str]]] = [{"bearerAuth": []}]
THING = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
SCHEMAS = {
    "Id": {"type": "string"},
    "Limit": {"type": "integer", "minimum": 1},
    "Thing": THING,
    "Name": {"type": "string"},
}


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
async def test_what_no_type_can_hold_is_refused_not_a_500(tmp_path: Path) -> None:
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
        answer = await http.post("/things?day=0000-01-01", json={"on": "0000-01-01"})
        assert answer.status_code == 422
        places = [(one["location"], one["pointer"], one["keyword"]) for one in answer.json()["errors"]]
        assert places == [("query", "/day", "representation"), ("body", "/on", "representation")]


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


PETS = {
    "find": operation("GET", "/pets/findByStatus"),
    "get": operation("GET", "/pets/{id}", parameters=[parameter("id", "path")]),
    "delete": operation("DELETE", "/pets/{id}", parameters=[parameter("id", "path")]),
    "root": operation("GET", "/pets"),
}


async def named(ctx: PublicContext, inputs: Inputs) -> object:
    return ctx.operation_id


async def check_routing(app: FastAPI) -> None:
    async with client(app) as http:
        assert (await http.get("/pets/findByStatus")).json() == "get_pets_findByStatus"
        assert (await http.get("/pets/5")).json() == "get_pets_{id}"
        for method in ("DELETE", "PUT", "TRACE", "OPTIONS", "QUERY"):
            answer = await http.request(method, "/pets/findByStatus")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET"), method
        answer = await http.put("/pets/5")
        assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")
        assert (await http.get("/pets/")).status_code == 404
        assert (await http.get("/pets/5/x")).status_code == 404


async def test_the_most_literal_path_answers_for_every_method(tmp_path: Path) -> None:
    app = service(tmp_path, dict(reversed(PETS.items())), dict.fromkeys(PETS, named), schemas=SCHEMAS)
    await check_routing(app)


async def test_the_same_after_include_router(tmp_path: Path) -> None:
    made = router(tmp_path / "generated" / "small", contract(PETS, SCHEMAS), dict.fromkeys(PETS, named))
    app = create_app(settings(), root=tmp_path, routers=[made])
    between = APIRouter()
    between.include_router(made)
    app.router.routes.clear()
    app.include_router(between)
    await check_routing(app)


async def test_a_deleted_route_is_not_found(tmp_path: Path) -> None:
    made = router(tmp_path / "generated" / "small", contract(PETS, SCHEMAS), dict.fromkeys(PETS, named))
    made.routes[:] = [
        route for route in made.routes if getattr(route, "operation_id", "") != "delete_pets_{id}"
    ]
    app = create_app(settings(), root=tmp_path, routers=[made])
    async with client(app) as http:
        assert (await http.delete("/pets/5")).status_code == 404
        assert (await http.get("/pets/5")).status_code == 200
        assert (await http.put("/pets/5")).headers["allow"] == "DELETE, GET"


async def test_two_features_share_a_path_and_the_order_of_literals(tmp_path: Path) -> None:
    one = {name: PETS[name] for name in ("get", "delete")}
    two = {
        "find": PETS["find"],
        "put": operation("PUT", "/pets/{pet}", parameters=[parameter("pet", "path", schema="Id")]),
    }
    routers = [
        router(tmp_path / "generated" / "one", contract(one, SCHEMAS), dict.fromkeys(one, named)),
        router(tmp_path / "generated" / "two", contract(two, SCHEMAS), dict.fromkeys(two, named)),
    ]
    app = create_app(settings(), root=tmp_path, routers=routers)
    async with client(app) as http:
        assert (await http.get("/pets/findByStatus")).json() == "get_pets_findByStatus"
        assert (await http.put("/pets/5")).json() == "put_pets_{pet}"
        assert (await http.post("/pets/5")).headers["allow"] == "DELETE, GET, PUT"


async def test_an_operation_outside_an_application_says_what_to_do(tmp_path: Path) -> None:
    made = router(tmp_path, contract({"get": operation()}), {"get": echo})
    with pytest.raises(RuntimeError, match=r"create_app\(routers"):
        _ = made.operations["get"].plan


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


def scope(path: str, headers: list[tuple[bytes, bytes]] | None = None, method: str = "GET") -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *(headers or [])],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


# --- the unit of work -----------------------------------------------------------------------------


class Unit:
    """Notes how it was ended."""

    def __init__(self, owner: UUID | None, refuses: bool = False) -> None:
        self.owner = owner
        self.ended: list[str] = []
        self.db = "the database"
        self.statements, self.seconds = 3, 0.5
        self.refuses = refuses

    async def commit(self) -> None:
        self.ended.append("commit")
        if self.refuses:
            raise Conflict("at commit")

    async def rollback(self) -> None:
        self.ended.append("rollback")


class Pool:
    """Hands out `Unit`s."""

    def __init__(self, refuses: bool = False) -> None:
        self.units: list[Unit] = []
        self.refuses = refuses

    def unit(self, owner: UUID | None, origin: Origin) -> Unit:
        assert origin.operation
        assert origin.correlation_id
        self.units.append(Unit(owner, self.refuses))
        return self.units[-1]


def with_pool(folder: Path, handler: Any, pool: Pool, **entry: Any) -> FastAPI:
    entry = {"responses": {"200": response(media("Thing"))}} | entry
    document = contract({"get": operation(**entry)}, SCHEMAS)
    made = router(folder / "generated" / "small", document, {"get": handler})
    app = create_app(settings(deadline_seconds=0.2), root=folder, routers=[made])
    made.operations["get"].plan.service.pool = pool  # type: ignore[assignment]
    return app


async def get(app: FastAPI, user: str | None = None) -> httpx.Response:
    async with client(app, user) as http:
        return await http.get("/things")


async def test_success_is_committed_before_the_response_leaves(tmp_path: Path) -> None:
    async def good(ctx: PublicContext, inputs: Inputs) -> object:
        return {"a": str(ctx.db)}

    pool = Pool()
    app = with_pool(tmp_path, good, pool)
    with capture_logs() as logs:
        answer = await get(app)
    assert answer.json() == {"a": "the database"}
    assert [unit.ended for unit in pool.units] == [["commit"]]
    assert pool.units[0].owner is None
    (line,) = [line for line in logs if line["event"] == "request_finished"]
    assert (line["db_statements"], line["db_ms"]) == (3, 500.0)


async def test_the_unit_belongs_to_the_caller(tmp_path: Path) -> None:
    async def good(ctx: PublicContext, inputs: Inputs) -> object:
        return {"a": ""}

    pool = Pool()
    user = "0191b0f0-0000-7000-8000-000000000000"
    await get(with_pool(tmp_path, good, pool, security=SECURE), user)
    assert pool.units[0].owner == UUID(user)


@pytest.mark.parametrize(("error", "status"), [(RuntimeError(), 500), (Forbidden(), 403), (None, 500)])
async def test_any_error_is_rolled_back(tmp_path: Path, error: ApiError | None, status: int) -> None:
    async def bad(ctx: PublicContext, inputs: Inputs) -> object:
        if error is not None:
            raise error
        return {"wrong": 1}

    pool = Pool()
    declared = {"200": response(media("Thing")), "403": response()}
    assert (await get(with_pool(tmp_path, bad, pool, responses=declared))).status_code == status
    assert [unit.ended for unit in pool.units] == [["rollback"]]


async def test_a_commit_that_fails_is_rolled_back_and_told(tmp_path: Path) -> None:
    async def good(ctx: PublicContext, inputs: Inputs) -> object:
        return {"a": ""}

    pool = Pool(refuses=True)
    assert (await get(with_pool(tmp_path, good, pool))).status_code == 409
    assert pool.units[0].ended == ["commit", "rollback"]


@pytest.mark.threat("denial.slow-request")
async def test_the_deadline_cancels_and_rolls_back(tmp_path: Path) -> None:
    async def slow(ctx: PublicContext, inputs: Inputs) -> object:
        await asyncio.sleep(5)
        return {"a": ""}

    pool = Pool()
    answer = await get(with_pool(tmp_path, slow, pool))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert [unit.ended for unit in pool.units] == [["rollback"]]


async def test_a_refused_request_opens_no_unit(tmp_path: Path) -> None:
    pool = Pool()
    app = with_pool(tmp_path, echo, pool, security=SECURE)
    assert (await get(app)).status_code == 401
    assert pool.units == []


async def test_without_a_database_the_context_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="set DATABASE_URL"):
        _ = PublicContext().db
    with pytest.raises(RuntimeError, match="has no user"):
        _ = Context().user


# --- start-up -------------------------------------------------------------------------------------


def refusal(folder: Path, **given: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        service(
            folder, {"get": operation(security=[{"key": []}, {"bearerAuth": []}])}, {"get": echo}, **given
        )
    return str(caught.value)


KEY = {
    "key": {"type": "apiKey", "in": "header", "name": "X"},
    "bearerAuth": {"type": "http", "scheme": "bearer"},
}


def test_production_refuses_with_every_fault_at_once(tmp_path: Path) -> None:
    text = refusal(tmp_path, schemes=KEY, env="production", better_auth_secret="short")
    assert "`key` has no authenticator" in text
    assert "BETTER_AUTH_SECRET: the secret is shorter than 32 bytes" in text
    assert text.count("fix: ") == 2
    given = {"key": development_authenticator()}
    assert "development only" in refusal(tmp_path, schemes=KEY, env="production", authenticators=given)


def test_development_warns_of_the_same_and_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    operations = {"get": operation(security=[{"key": []}, {"bearerAuth": []}])}
    service(tmp_path, operations, {"get": echo}, schemes=KEY, env="development", better_auth_secret="short")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [("fault", "warning")] * 2


def test_some_faults_stop_development_too(tmp_path: Path) -> None:
    assert "not an http(s) URL" in refusal(tmp_path, env="development", better_auth_url="nonsense")


def test_production_needs_a_database_where_there_are_tables(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set DATABASE_URL"):
        create_app(settings(env="production"), root=tmp_path, routers=[], tables=MetaData())


def test_production_needs_the_published_contract(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="handfast generate"):
        create_app(settings(env="production"), root=tmp_path, routers=[])


async def test_a_service_without_a_contract_has_its_probes(tmp_path: Path) -> None:
    app = create_app(settings(env="development"), root=tmp_path, routers=[])
    async with client_of(app) as http:
        assert (await http.get("/health")).json() == {"status": "ok"}
        assert (await http.get("/ready")).json() == {"status": "ready"}
        assert (await http.get("/openapi.json")).status_code == 404
        assert (await http.post("/health")).status_code == 405


async def test_ready_tells_every_reason_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(settings(), root=tmp_path, routers=[], tables=MetaData())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.get("/ready")  # its lifespan has not begun
        assert (answer.status_code, answer.json()["detail"]) == (503, "the database is not open")
        assert answer.headers["content-type"] == "application/problem+json"


async def test_start_up_opens_the_database_and_looks_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    class Opened(Pool):
        async def open(self) -> None:
            steps.append("open")

        async def close(self) -> None:
            steps.append("close")

    found = [Fault("a pending migration", "run `handfast migrate`", fatal=False)]

    async def checks(*_: object, users: bool) -> list[Fault]:
        return found

    monkeypatch.setattr(database, "resolve", lambda *_: database.Dsns(service="dsn", owner=""))
    monkeypatch.setattr(database.Pool, "create", lambda *_, **__: Opened())
    monkeypatch.setattr(database, "checks", checks)
    app = create_app(settings(), root=tmp_path, routers=[], tables=MetaData())
    async with client_of(app) as http:
        assert (await http.get("/ready")).json()["detail"] == "a pending migration"
        found.clear()
        assert (await http.get("/ready")).json() == {"status": "ready"}
    assert steps == ["open", "close"]
    found.append(Fault("a role that sees too much", "use another"))
    steps.clear()
    with pytest.raises(ConfigError, match="sees too much"):
        async with client_of(app):
            pass
    assert steps == ["open", "close"]


async def test_documents_and_docs(tmp_path: Path) -> None:
    app = service(tmp_path, {"get": operation()}, {"get": echo})
    published = (tmp_path / "generated" / "openapi.json").read_bytes()
    assert app.openapi() == json.loads(published)
    assert app.title == "Small"
    async with client(app) as http:
        assert (await http.get("/openapi.json")).content == published
        page = await http.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert "http" not in page.text
        assert "connect-src 'self'" in page.headers["content-security-policy"]
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png", "start.js"):
            assert (await http.get(f"/docs/{name}")).status_code == 200
            assert name in page.text
        assert (await http.get("/docs/redoc.standalone.js")).status_code == 404
        assert "validatorUrl: null" in (await http.get("/docs/start.js")).text
    app = service(tmp_path, {"get": operation()}, {"get": echo}, docs=False)
    async with client(app) as http:
        assert (await http.get("/docs")).status_code == 404
        assert (await http.get("/openapi.json")).status_code == 200


async def test_metrics_count_by_operation(tmp_path: Path) -> None:
    app = service(tmp_path, {"get": operation()}, {"get": echo})
    async with client(app) as http:
        await http.get("/things")
        await http.get("/nothing")
        await http.request("INVENTED", "/things")
        text = (await http.get("/metrics")).text
    assert 'http_requests_total{method="GET",operation_id="get_things",status="200"} 1.0' in text
    assert 'http_requests_total{method="GET",operation_id="none",status="404"} 1.0' in text
    assert (
        'http_request_duration_seconds_count{method="GET",operation_id="get_things",status="200"} 1.0' in text
    )


# --- layers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-correlation-id": "abc-1"}, "abc-1"),
        ({"x-request-id": "abc-2"}, "abc-2"),
        ({"x-correlation-id": "a", "x-request-id": "b"}, "a"),
        ({"x-correlation-id": "not sane", "x-request-id": "b"}, "b"),
        ({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, "a" * 32),
        ({"traceparent": "odd"}, None),
        ({"x-correlation-id": "x" * 200}, None),
        ({}, None),
    ],
)
@pytest.mark.threat("repudiation.correlation-id-forged")
async def test_correlation_ids(tmp_path: Path, headers: dict[str, str], expected: str | None) -> None:
    app = service(tmp_path, {"get": operation()}, {"get": echo})
    async with client(app) as http:
        found = (await http.get("/things", headers=headers)).headers["x-correlation-id"]
    assert found == expected if expected else len(found) == 32


@pytest.mark.threat("repudiation.request-without-a-line")
async def test_every_log_line_of_a_request_carries_its_facts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import structlog

    async def logs(ctx: Context, inputs: Inputs) -> object:
        structlog.get_logger().info("thing_done", count=1)
        return {}

    entry = operation(security=SECURE, parameters=[parameter("name")])
    app = service(tmp_path, {"get": entry}, {"get": logs}, schemas=SCHEMAS)
    async with client(app, "0191b0f0-0000-7000-8000-000000000000") as http:
        trace = f"00-{'a' * 32}-{'b' * 16}-01"
        await http.get("/things?name=sekret", headers={"x-correlation-id": "c-1", "traceparent": trace})
        await http.get("/health")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    done, finished = [line for line in lines if line["event"] in ("thing_done", "request_finished")]
    for line in (done, finished):
        assert line["correlation_id"] == "c-1"
        assert line["trace_id"] == "a" * 32
        assert line["operation_id"] == "get_things"
        assert line["user_id"] == "0191b0f0-0000-7000-8000-000000000000"
    assert finished["method"] == "GET"
    assert finished["route"] == "/things"
    assert finished["status"] == 200
    assert finished["duration_ms"] >= 0
    assert "sekret" not in str(lines)


@pytest.mark.threat("disclosure.secret-in-log")
async def test_a_traceback_shows_no_variables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(ctx: PublicContext, inputs: Inputs) -> object:
        password = "sek" + "ret"
        raise RuntimeError(f"first line: '{password}'\nDETAIL: {password}")

    app = service(tmp_path, {"get": operation()}, {"get": fail})
    async with client(app) as http:
        await http.get("/things")
    text = capsys.readouterr().out
    assert "first line" in text
    assert "request_failed" in text
    assert "sekret" not in text


@pytest.mark.threat("denial.body-too-large")
async def test_a_body_over_the_limit_is_refused_by_its_length_or_on_the_way(tmp_path: Path) -> None:
    entry = operation("POST", body=body(media("Thing")))
    app = service(tmp_path, {"post": entry}, {"post": echo}, schemas=SCHEMAS, body_limit_bytes=20)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b'{"a":    '

    async with client(app) as http:
        assert (await http.post("/things", json={"a": "x"})).status_code == 200
        assert (await http.post("/things", json={"a": "x" * 20})).status_code == 413
        answer = await http.post("/things", content=chunks(), headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")


@pytest.mark.threat("disclosure.cross-origin")
async def test_cors_preflight(tmp_path: Path) -> None:
    app = service(tmp_path, {"get": operation()}, {"get": echo}, cors_origins="*")
    ask = {"origin": "https://a.example.com", "access-control-request-method": "PATCH"}
    async with client(app) as http:
        answer = await http.options("/things", headers=ask)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        answer = await http.get("/things", headers={"origin": "https://a.example.com"})
        assert "X-Correlation-ID" in answer.headers["access-control-expose-headers"]


async def test_a_client_that_goes_away_is_no_error(tmp_path: Path) -> None:
    entry = operation("POST", body=body(media("Thing")))
    app = service(tmp_path, {"post": entry}, {"post": echo}, schemas=SCHEMAS)

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    with capture_logs() as logs:
        await app(scope("/things", [(b"content-type", b"application/json")], "POST"), receive, send)
    assert [line["event"] for line in logs] == ["client_disconnected", "request_finished"]
    assert logs[1]["status"] == 499


async def test_what_is_no_request_passes_all_layers(tmp_path: Path) -> None:
    app = service(tmp_path, {"get": operation()}, {"get": echo}, cors_origins="*")
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app(scope("/things") | {"type": "websocket", "subprotocols": []}, receive, send)
    assert sent == ["websocket.close"]


async def test_created_with_its_own_status(tmp_path: Path) -> None:
    async def create(ctx: PublicContext, inputs: Inputs) -> object:
        return Created({"a": "x"})

    entry = operation("POST", responses={"200": response(media()), "201": response(media("Thing"))})
    app = service(tmp_path, {"post": entry}, {"post": create}, schemas=SCHEMAS)
    async with client(app) as http:
        assert (await http.post("/things")).status_code == 201


def test_the_secret_of_these_tests_is_long_enough() -> None:
    assert len(SECRET) >= 32
