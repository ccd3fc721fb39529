"""The layers of a request, outermost first, as pure ASGI: `layers` is the whole list.

What stands before the router. After it, each operation goes on by itself (`routing.Call`): security, decode
and validate, transaction, handler, check and encode, commit.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from uuid import uuid4

import structlog
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handfast.runtime.admission import Admission
from handfast.runtime.basepaths import BasePaths, base_paths
from handfast.runtime.errors import (
    ApiError,
    InternalError,
    NotImplementedYet,
    NotWritten,
    RequestTimeout,
    ServiceUnavailable,
    error_of_status,
)
from handfast.runtime.observability import NO_OPERATION, Metrics
from handfast.runtime.problems import error_response
from handfast.runtime.securityheaders import SecurityHeaders
from handfast.runtime.settings import Settings
from handfast.runtime.state import KEY, RequestState, state_of

CORRELATION_HEADER: Final = "X-Correlation-ID"
EXPOSED_HEADERS: Final = (
    CORRELATION_HEADER,
    "Location",
    "ETag",
    "Link",
    "Retry-After",
    "WWW-Authenticate",
    "Deprecation",
    "Sunset",
)
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
QUIET_PATHS: Final = frozenset(("/health", "/ready", "/metrics"))
CLIENT_GONE: Final = 499

_CORRELATION = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

_log = structlog.get_logger(__name__)


def layers(
    settings: Settings, metrics: Metrics, document: Mapping[str, Any], methods: Iterable[str] = ()
) -> list[Middleware]:
    """All layers, outermost first, for the servers and paths of an OpenAPI document and for its methods."""
    bases = base_paths(document)
    return [
        Middleware(CorrelationId),
        Middleware(RequestLog, metrics=metrics),
        Middleware(SecurityHeaders, settings=settings),
        *([Middleware(DeprecationHeaders)] if _deprecates(document) else []),
        *_cors(settings.cors_origins, methods),
        Middleware(Errors),
        Middleware(Admission, settings=settings),
        Middleware(Deadline, seconds=settings.deadline_seconds, body_seconds=settings.body_timeout_seconds),
        Middleware(EncodedSlashes),
        *([Middleware(BasePaths, bases=bases)] if bases.all() else []),
    ]


def _deprecates(document: Mapping[str, Any]) -> bool:
    """Whether any operation of an OpenAPI document is deprecated."""
    nodes = [node for item in document.get("paths", {}).values() for node in item.values()]
    nodes += [node for one in nodes if isinstance(one, dict) for node in one.values()]  # additionalOperations
    return any(isinstance(node, dict) and node.get("deprecated") is True for node in nodes)


def _cors(origins: Iterable[str], methods: Iterable[str]) -> list[Middleware]:
    allowed = list(origins)
    if not allowed:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=allowed,
            allow_methods=[*METHODS, *sorted(set(methods).difference(METHODS))],
            allow_headers=["*"],
            allow_credentials="*" not in allowed,
            expose_headers=EXPOSED_HEADERS,
            max_age=600,
        )
    ]


class CorrelationId:
    """Gives each request an id: the caller's own if it is a sane one, else its trace's, else a new one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        correlation_id, trace_id = _ids(scope)
        scope[KEY] = RequestState(correlation_id)
        bound = {"correlation_id": correlation_id}
        if trace_id is not None:
            bound["trace_id"] = trace_id
        header = (b"x-correlation-id", correlation_id.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        tokens = structlog.contextvars.bind_contextvars(**bound)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            structlog.contextvars.unbind_contextvars("operation_id", "user_id")
            structlog.contextvars.reset_contextvars(**tokens)


def _ids(scope: Scope) -> tuple[str, str | None]:
    """The correlation id, and the trace id of a valid `traceparent` (W3C Trace Context)."""
    chosen: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in (b"x-correlation-id", b"x-request-id", b"traceparent"):
            chosen.setdefault(name, value)
    trace = _TRACEPARENT.fullmatch(chosen.get(b"traceparent", b""))
    trace_id = trace[1].decode() if trace else None
    for name in (b"x-correlation-id", b"x-request-id"):
        value = chosen.get(name, b"")
        if _CORRELATION.fullmatch(value):
            return value.decode(), trace_id
    return trace_id or uuid4().hex, trace_id


class RequestLog:
    """Writes `request_finished` and counts each request, whatever its end."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.in_progress.inc()
        try:
            await self.app(scope, receive, send_and_note)
        finally:
            self._metrics.in_progress.dec()
            self._note(scope, status or CLIENT_GONE, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        state = state_of(scope)
        operation_id = NO_OPERATION if state.operation is None else state.operation.operation_id
        # A caller may invent methods; labels must stay few.
        method = scope["method"] if state.operation is not None or scope["method"] in METHODS else "other"
        self._metrics.observe(operation_id, method, status, seconds)
        ends = state.operation is not None and bool(state.operation.end)
        if ends:
            self._metrics.deprecated(operation_id, state.caller)
        quiet = scope["path"] in QUIET_PATHS
        write = _log.debug if quiet else _log.info
        write(
            "request_finished",
            method=scope["method"],
            route=None if state.operation is None else state.operation.path,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            operation_id=operation_id,
            user_id=None if state.user_id is None else str(state.user_id),
            db_statements=state.statements,
            db_ms=round(state.database_seconds * 1000, 3),
            **({"deprecated": True} if ends else {}),
        )


class DeprecationHeaders:
    """Says on every answer of a deprecated operation since when it is, and when it will be gone."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_end(message: Message) -> None:
            operation = state_of(scope).operation
            if message["type"] == "http.response.start" and operation is not None and operation.end:
                headers = list(message.get("headers", ()))
                # What a handler says itself is more than the contract knows.
                own = {name.lower() for name, _ in headers}
                message["headers"] = [*headers, *(one for one in operation.end if one[0] not in own)]
            await send(message)

        await self.app(scope, receive, send_with_end)


class Errors:
    """Turns whatever is raised further in into a response in the contract's own words."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except ClientDisconnect:
            _log.info("client_disconnected")
        except Exception as error:
            if started:
                _log.exception("response_interrupted")
                raise  # the server cuts the connection, which is all that can still be said
            state = state_of(scope)
            response = error_response(
                _api_error(error),
                contract=state.contract,
                operation=state.operation,
                correlation_id=state.correlation_id,
            )
            await response(scope, receive, send)


def _api_error(error: Exception) -> ApiError:
    match error:
        case ApiError():
            return error
        case HTTPException():
            known = error_of_status(error.status_code, headers=error.headers)
            # Starlette's detail is the reason phrase unless somebody wrote another.
            if error.detail and error.detail != known.title:
                known.detail = error.detail
            return known
        case NotWritten():
            return NotImplementedYet()
    _log.exception("request_failed")
    return InternalError()


class Deadline:
    """Ends a request whose body does not arrive in time, or whose response has not begun in time.

    The caller gets 408 in the first case and 503 in the second; the transaction is rolled back.
    """

    def __init__(self, app: ASGIApp, seconds: float, body_seconds: float) -> None:
        self.app = app
        self._seconds = seconds
        self._body_seconds = min(seconds, body_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        incomplete = state_of(scope).has_body
        begun = waiting = False
        try:
            async with asyncio.timeout(self._body_seconds if incomplete else self._seconds) as timeout:
                end = asyncio.get_running_loop().time() + self._seconds

                async def receive_in_time() -> Message:
                    nonlocal incomplete, waiting
                    waiting = incomplete
                    message = await receive()
                    waiting = False
                    if incomplete and not message.get("more_body", False):
                        incomplete = False
                        if not begun:
                            timeout.reschedule(end)
                    return message

                async def send_and_free(message: Message) -> None:
                    nonlocal begun
                    if not begun:
                        begun = True
                        timeout.reschedule(None)
                    await send(message)

                await self.app(scope, receive_in_time, send_and_free)
        except TimeoutError:
            if not timeout.expired():
                raise
            if waiting:
                raise RequestTimeout("The body did not arrive in time.") from None
            raise ServiceUnavailable("The request took too long.", headers={"Retry-After": "1"}) from None


class EncodedSlashes:
    """Keeps `%2F` inside a path segment from dividing it: the router sees it still encoded."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = undivided_path(scope)
        await self.app(scope, receive, send)


def undivided_path(scope: Scope) -> str:
    """The path of a request, in which a slash that a caller has encoded is still encoded."""
    raw = scope.get("raw_path") or b""
    if b"%2" not in raw or b"%2f" not in raw.lower():
        path: str = scope["path"]
        return path
    segments = [unquote_to_bytes(segment).decode("utf-8", "replace") for segment in raw.split(b"/")]
    return "/".join(segment.replace("/", "%2F") for segment in segments)


__all__ = ["CORRELATION_HEADER", "layers"]
