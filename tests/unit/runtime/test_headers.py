"""Headers of every answer, and who is believed: security headers, CORS, Host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from handfast.runtime import Inputs, NotFound, PublicContext
from handfast.runtime.observability import Metrics
from handfast.runtime.pipeline import Cors, Envelope
from tests.conftest import live
from tests.unit.runtime.small import client, echo, operation, parameter, response, service, settings

ALWAYS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "referrer-policy": "no-referrer",
}
NAMED = "https://app.example.com"


async def fail(ctx: PublicContext, inputs: Inputs) -> object:
    raise RuntimeError("sekret")


async def missing(ctx: PublicContext, inputs: Inputs) -> object:
    raise NotFound()


async def get(app: Any, path: str = "/things", user: str | None = None, **headers: str) -> httpx.Response:
    async with client(app, user) as http:
        return await http.get(path, headers=headers)


@pytest.mark.threat("disclosure.security-headers")
@pytest.mark.parametrize("path", ["/things", "/fails", "/nothing", "/health", "/metrics", "/openapi.json"])
async def test_every_answer_carries_the_security_headers(tmp_path: Path, path: str) -> None:
    operations = {"get": operation(), "fails": operation(path="/fails")}
    app = service(tmp_path, operations, {"get": echo, "fails": fail}, cors_origins=NAMED)
    answer = await get(app, path, origin=NAMED)
    assert ALWAYS.items() <= dict(answer.headers).items()
    assert "strict-transport-security" not in answer.headers


@pytest.mark.threat("disclosure.security-headers")
async def test_settings_choose_the_security_headers(tmp_path: Path) -> None:
    chosen: dict[str, Any] = {
        "hsts_seconds": 63072000,
        "content_security_policy": "default-src 'self'",
        "permissions_policy": "usb=()",
        "referrer_policy": "same-origin",
        "resource_policy": "cross-origin",
    }
    answer = await get(service(tmp_path, {"get": operation()}, {"get": echo}, **chosen))
    assert answer.headers["strict-transport-security"] == "max-age=63072000"
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["permissions-policy"] == "usb=()"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.threat("disclosure.cached-answer")
@pytest.mark.parametrize(
    ("path", "user", "kept"),
    [
        ("/things", None, None),
        ("/mine", "0b0e4f4e-53d7-4d0e-8a2e-6a2ed3b9e9f1", "no-store"),
        ("/mine", None, "no-store"),
        ("/missing", None, "no-store"),
        ("/nothing", None, "no-store"),
        ("/health", None, "no-store"),
    ],
)
async def test_no_cache_keeps_what_is_for_one_caller_or_an_error(
    tmp_path: Path, path: str, user: str | None, kept: str | None
) -> None:
    operations = {
        "get": operation(),
        "mine": operation(path="/mine", security=[{"bearerAuth": []}]),
        "missing": operation(path="/missing", responses={"404": response()}),
    }
    app = service(tmp_path, operations, {"get": echo, "mine": echo, "missing": missing})
    assert (await get(app, path, user)).headers.get("cache-control") == kept


@pytest.mark.threat("disclosure.cross-origin")
@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://evilapp.example.com",
        "https://appXexample.com",
        "http://app.example.com",
        "https://app.example.com:444",
        "HTTPS://APP.EXAMPLE.COM",
    ],
)
async def test_another_origin_is_told_nothing(tmp_path: Path, origin: str) -> None:
    app = service(tmp_path, {"get": operation()}, {"get": echo}, cors_origins=NAMED)
    answer = await get(app, origin=origin)
    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]
    async with client(app) as http:
        asked = {"origin": origin, "access-control-request-method": "GET"}
        preflight = await http.options("/things", headers=asked)
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers


@pytest.mark.threat("disclosure.cross-origin")
async def test_a_named_origin_may_send_credentials_and_any_origin_may_not(tmp_path: Path) -> None:
    named = await get(
        service(tmp_path, {"get": operation()}, {"get": echo}, cors_origins=NAMED), origin=NAMED
    )
    assert named.headers["access-control-allow-origin"] == NAMED
    assert named.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in named.headers["vary"]
    anyone = await get(
        service(tmp_path, {"get": operation()}, {"get": echo}, cors_origins="*"), origin="null"
    )
    assert anyone.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in anyone.headers


@pytest.mark.threat("denial.header-bomb")
async def test_query_parameters_are_counted(tmp_path: Path) -> None:
    operations = {"get": operation(parameters=[parameter("a", schema=None)])}
    app = service(tmp_path, operations, {"get": echo}, query_limit=3)
    assert (await get(app, "/things?b=1&c=1&d=1")).status_code == 200
    assert (await get(app, "/things?b=1&c=1&d=1&e=1")).status_code == 400


def echoing(**values: Any) -> Starlette:
    """An application that tells for whom it takes its caller."""

    async def tell(request: Request) -> JSONResponse:
        return JSONResponse([request.client and request.client.host, request.url.scheme])

    app = Starlette(routes=[Route("/", tell)])
    app.state.settings = settings(**values)
    return app


@pytest.mark.threat("spoofing.forwarded-headers")
@pytest.mark.parametrize(
    ("trusted", "found"),
    [
        ("", ["127.0.0.1", "http"]),
        ("10.0.0.0/8", ["127.0.0.1", "http"]),
        ("127.0.0.0/8", ["203.0.113.9", "https"]),
    ],
)
def test_forwarded_headers_count_from_trusted_proxies_alone(trusted: str, found: list[str]) -> None:
    said = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "forwarded": "for=1.2.3.4"}
    with live(echoing(trusted_proxies=trusted)) as url:
        assert httpx.get(url, headers=said).json() == found


@pytest.mark.parametrize("own", [{}, {"Vary": "Accept"}, {"vary": "Accept, Cookie"}])
async def test_what_cors_says_is_what_starlettes_layer_says(own: dict[str, str]) -> None:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(headers=own)(scope, receive, send)

    chosen = settings(cors_origins=NAMED)
    ours = Envelope(Cors(answer, chosen.cors_origins), chosen, Metrics())
    starlettes = CORSMiddleware(answer, allow_origins=[NAMED], allow_credentials=True)
    for asking in ({}, {"origin": NAMED}, {"origin": "https://evil.example"}):
        found = []
        for app in (ours, starlettes):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
                headers = (await http.get("/", headers=asking)).headers
            names = [one for one in headers if one.startswith("access-control-a") or one == "vary"]
            found.append({name: headers[name] for name in names})
        assert found[0] == found[1]
        assert found[0]["vary"].endswith("Origin")
