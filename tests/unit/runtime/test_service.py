"""What every request of an application passes: documents, metrics, logs, limits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from handfast.runtime import (
    Context,
    Inputs,
    PublicContext,
)
from tests.unit.runtime.small import (
    SCHEMAS,
    SECURE,
    body,
    client,
    echo,
    media,
    operation,
    parameter,
    scope,
    service,
)


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
@pytest.mark.parametrize("place", ["x-correlation-id", "x-request-id", "bound", "method"])
async def test_the_request_line_tells_no_secret_that_somebody_else_put_into_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    secret = "SOMEBODY@EXAMPLE.COM"

    async def bind(ctx: PublicContext, inputs: Inputs) -> object:
        if place == "bound":
            structlog.contextvars.bind_contextvars(note=secret)
        return {}

    app = service(tmp_path, {"get": operation()}, {"get": bind})
    headers = {place: secret} if place.startswith("x-") else {}
    async with client(app) as http:
        await http.request(secret if place == "method" else "GET", "/things", headers=headers)
    structlog.contextvars.clear_contextvars()
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "request_finished" in line)
    assert secret not in line
    assert "[redacted]" in line


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
