"""The layers of a request, outermost first, as pure ASGI: `layers` is the whole list.

What stands before the router. There are few layers, since each costs every request and each of its messages
a call; what they do is told where each thing is: `correlation`, `requestlog`, `securityheaders`, `admission`,
`deadline`, `basepaths`. After the router, each operation goes on by itself (`routing.Call`): security, decode
and validate, transaction, handler, check and encode, commit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import structlog
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handfast.runtime.admission import Admission, too_large
from handfast.runtime.basepaths import BasePaths, base_paths
from handfast.runtime.correlation import CORRELATION_HEADER, ids_of
from handfast.runtime.deadline import Deadlines
from handfast.runtime.errors import (
    ApiError,
    InternalError,
    NotImplementedYet,
    NotWritten,
    RequestTimeout,
    ServiceUnavailable,
    error_of_status,
)
from handfast.runtime.observability import Metrics
from handfast.runtime.problems import error_response
from handfast.runtime.requestlog import METHODS, RequestLog
from handfast.runtime.securityheaders import SecurityHeaders
from handfast.runtime.settings import Settings
from handfast.runtime.state import KEY, RequestState, current, state_of

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
CLIENT_GONE: Final = 499

_log = structlog.get_logger(__name__)


def layers(
    settings: Settings, metrics: Metrics, document: Mapping[str, Any], methods: Iterable[str] = ()
) -> list[Middleware]:
    """All layers, outermost first, for the servers and paths of an OpenAPI document and for its methods."""
    origins = settings.cors_origins
    return [
        Middleware(Envelope, settings=settings, metrics=metrics),
        *([Middleware(Cors, origins=origins, methods=methods)] if origins else []),
        Middleware(Gate, settings=settings, bases=BasePaths(base_paths(document))),
    ]


class Cors:
    """Starlette's layer for CORS, out of the way of requests that no page of another origin sends."""

    def __init__(self, app: ASGIApp, origins: Sequence[str], methods: Iterable[str] = ()) -> None:
        """Let pages of `origins` ask, with credentials unless they may be of any origin."""
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=[*METHODS, *sorted(set(methods).difference(METHODS))],
            allow_headers=["*"],
            allow_credentials="*" not in origins,
            expose_headers=EXPOSED_HEADERS,
            max_age=600,
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and b"origin" in state_of(scope).headers:
            return self._cors(scope, receive, send)
        return self._app(scope, receive, send)


class Envelope:
    """What goes around each request and its answer: an id, headers, and what is kept of it afterwards."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self._headers = SecurityHeaders(settings)
        self._requests = RequestLog(metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = CLIENT_GONE
        headers = dict(reversed(scope["headers"]))
        state = scope[KEY] = RequestState(*ids_of(headers), headers)
        correlation_id = state.correlation_id

        def send_enveloped(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                completed = self._headers.completed(state, status, message.get("headers", ()))
                completed.append((b"x-correlation-id", correlation_id.encode()))
                message["headers"] = completed
            return send(message)

        token = current.set(state)
        self._requests.begin()
        try:
            await self.app(scope, receive, send_enveloped)
        finally:
            self._requests.end(scope, state, status, time.perf_counter() - started)
            current.reset(token)


class Gate:
    """Lets in what can be asked of an operation, for as long as it may take, and answers what goes wrong."""

    def __init__(self, app: ASGIApp, settings: Settings, bases: BasePaths) -> None:
        self.app = app
        self._admission = Admission(settings)
        self._bases = bases
        self._deadlines = Deadlines()
        self._seconds = settings.deadline_seconds
        self._body_seconds = min(settings.deadline_seconds, settings.body_timeout_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = state_of(scope)
        passage = _Passage(receive, send, self._deadlines, self._admission.body_limit_bytes)
        try:
            state.has_body = has_body = self._admission.check(scope)
            passage.begin(self._seconds, self._body_seconds if has_body else None)
            try:
                scope["path"] = undivided_path(scope)
                self._bases.note(scope)
                await self.app(scope, passage.receive, passage.send)
            except asyncio.CancelledError:
                if not passage.end():
                    raise
                raise passage.too_late() from None
            finally:
                passage.end()
        except ClientDisconnect:
            _log.info("client_disconnected")
        except Exception as error:
            if passage.begun:
                _log.exception("response_interrupted")
                raise  # the server cuts the connection, which is all that can still be said
            response = error_response(
                _api_error(error),
                contract=state.contract,
                operation=state.operation,
                correlation_id=state.correlation_id,
            )
            await response(scope, receive, send)


class _Passage:
    """One request within its bounds: the body's length, the time until that is there and until the answer.

    It ends a request whose body does not arrive in time, or whose response has not begun in time. The caller
    gets 408 in the first case and 503 in the second; the transaction is rolled back.
    """

    __slots__ = (
        "_cancelling",
        "_deadlines",
        "_end",
        "_expired",
        "_incomplete",
        "_length",
        "_limit_bytes",
        "_loop",
        "_receive",
        "_send",
        "_task",
        "_tick",
        "_waiting",
        "begun",
    )

    def __init__(self, receive: Receive, send: Send, deadlines: Deadlines, limit_bytes: int) -> None:
        self._receive = receive
        self._send = send
        self._deadlines = deadlines
        self._limit_bytes = limit_bytes
        self._length = 0
        self._incomplete = self._waiting = self._expired = False
        self._tick: int | None = None
        self.begun = False
        """Whether the response has."""

    def begin(self, seconds: float, body_seconds: float | None) -> None:
        """Count the time from now on; `body_seconds` are given where a body is to come."""
        loop = self._loop = asyncio.get_running_loop()  # once: it asks the system for the process's id
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 (a coroutine of ASGI runs in one)
        self._task = task
        self._cancelling = task.cancelling()
        now = loop.time()
        self._end = now + seconds
        self._incomplete = body_seconds is not None
        when = self._end if body_seconds is None else now + body_seconds
        self._tick = self._deadlines.put(self, when, loop)

    def expire(self) -> None:
        """Break off the request: its time is over."""
        self._tick = None
        self._expired = True
        self._task.cancel()

    def end(self) -> bool:
        """Count no longer; whether nothing but this has cancelled the request, which it then is no more."""
        self._free()
        if not self._expired:
            return False
        self._expired = False
        return self._task.uncancel() <= self._cancelling

    def too_late(self) -> ApiError:
        """What the caller is told when the time was over."""
        if self._waiting:
            return RequestTimeout("The body did not arrive in time.")
        return ServiceUnavailable("The request took too long.", headers={"Retry-After": "1"})

    async def receive(self) -> Message:
        """Take the next message, and count what it holds of the body."""
        self._waiting = self._incomplete
        message = await self._receive()
        if message["type"] == "http.request":
            self._length += len(message.get("body", b""))
            if self._length > self._limit_bytes:
                raise too_large(self._limit_bytes)
        self._waiting = False
        if self._incomplete and not message.get("more_body", False):
            self._incomplete = False
            if self._tick is not None:
                self._free()
                self._tick = self._deadlines.put(self, self._end, self._loop)
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message; a response that has begun may take its time."""
        if not self.begun and message["type"] == "http.response.start":
            self.begun = True
            self._free()
        return self._send(message)

    def _free(self) -> None:
        if self._tick is not None:
            self._deadlines.take(self, self._tick)
            self._tick = None


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


def undivided_path(scope: Scope) -> str:
    """The path of a request, in which a slash that a caller has encoded is still encoded."""
    raw = scope.get("raw_path") or b""
    if b"%2" not in raw or b"%2f" not in raw.lower():
        path: str = scope["path"]
        return path
    segments = [unquote_to_bytes(segment).decode("utf-8", "replace") for segment in raw.split(b"/")]
    return "/".join(segment.replace("/", "%2F") for segment in segments)


__all__ = ["CORRELATION_HEADER", "layers"]
