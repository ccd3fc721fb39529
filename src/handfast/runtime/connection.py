"""One connection: what the HTTP parser leaves open is bounded here, before any application runs.

llhttp (through httptools) parses strictly: it refuses bare line feeds, contradicting lengths, unknown
methods and malformed chunks. It sets no bounds, and uvicorn few. This protocol adds them: the size and the
time of a request's head, requests that wait in the pipeline, the rest of a body that nobody wants any more,
responses that nobody reads, and the number of connections. Each refusal is one small problem (RFC 9457),
after which the connection is closed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote
from uuid import uuid4

import httptools
import structlog
from pydantic_core import to_json
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from handfast.runtime.cycle import Cycle
from handfast.runtime.deadline import Deadlines
from handfast.runtime.errors import phrase
from handfast.runtime.problems import PROBLEM_JSON
from handfast.runtime.settings import Settings

LINGER_SECONDS: Final = 2.0
"""How long what a caller still sends after its refusal is read and thrown away, so that it can read why."""
MOST_PIPELINED: Final = 100
"""Requests of one connection that may wait for the one before them; more close the connection."""

MOST_FRAMING: Final = 16
"""Bytes of chunk framing that are taken for each byte of body; a chunk of one byte needs five."""

_BODY: Final = frozenset((b"content-length", b"transfer-encoding"))

_unasked: Final = Deadlines()
"""Connections between two requests."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds of one process's connections; sizes in bytes, times in seconds."""

    head_bytes: int
    headers: int
    url_bytes: int
    connections: int
    head_seconds: float
    write_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> ConnectionLimits:
        """Return what `settings` say."""
        return cls(
            head_bytes=settings.head_limit_bytes,
            headers=settings.header_limit,
            url_bytes=settings.url_limit_bytes,
            connections=settings.connection_limit,
            head_seconds=settings.head_timeout_seconds,
            write_seconds=settings.write_timeout_seconds,
        )


class Refused(Exception):
    """The connection goes no further: `status` and `code` are what the caller is told."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        """Say why."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail

    def response(self) -> bytes:
        """The whole answer as it goes on the wire."""
        problem = {
            "type": "about:blank",
            "title": phrase(self.status),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        body = to_json(problem)
        head = (
            f"HTTP/1.1 {self.status} {phrase(self.status)}\r\n"
            f"content-type: {PROBLEM_JSON}\r\n"
            f"content-length: {len(body)}\r\n"
            "cache-control: no-store\r\n"
            "x-content-type-options: nosniff\r\n"
            f"x-correlation-id: {uuid4().hex}\r\n"
            "connection: close\r\n\r\n"
        )
        return head.encode("ascii") + body


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools, bounded; make one with `bounded(limits)`."""

    limits: ConnectionLimits

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin a connection, as uvicorn does."""
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._in_body = False
        self._begun = False
        self._size = 0
        """Of the names and values so far, in bytes."""
        self._head_bytes = 0
        self._framing = 0
        self._delivered = 0
        self._refused = False
        self._running: RequestResponseCycle | None = None
        self._idle_until: int | None = None
        """The tick from which on it is closed, while it has no request."""
        self._head_timer: asyncio.TimerHandle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    # The connection -----------------------------------------------------------------------------

    # uvicorn narrows the transport of `asyncio.Protocol` in the same way
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self.limits.connections:
            self._refused = True
            transport.abort()  # even those who are being told no are too many
        elif len(self.connections) > self.limits.connections:
            self._refuse(Refused(503, "too_many_connections", "Too many connections; try again later."))
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._unset_keepalive_if_required()
        for timer in (self._head_timer, self._rest_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a request that cannot be one is refused."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._begun = False
        in_head, in_body, delivered = self._in_head, self._in_body, self._delivered
        try:
            self._feed(data)
            if not self._begun:  # still the request of the bytes before
                if in_head and self._in_head:
                    self._count_head(len(data))
                elif in_body and self._in_body:
                    self._count_framing(len(data) - (self._delivered - delivered))
        except Refused as refused:
            self._refuse(refused)
            return
        if not self._in_body and self._idle:
            self._expect_head()

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # Nothing is upgraded to: go on as if it had not been asked for.
                rest = data[upgrade.args[0] :]
                if rest and len(rest) < len(data):
                    data = rest
                    continue
            except httptools.HttpParserError as error:
                if isinstance(error.__context__, Refused):
                    raise error.__context__ from None
                raise Refused(400, "malformed_request", "This is not HTTP/1.1 (RFC 9112).") from None
            return

    def _count_head(self, length: int) -> None:
        """A header is told when it is whole: until then its bytes are counted as they come."""
        self._head_bytes += length
        if self._head_bytes > self.limits.head_bytes:
            raise Refused(431, "head_too_large", f"Headers may have {self.limits.head_bytes} bytes together.")

    def _count_framing(self, length: int) -> None:
        """Chunk extensions and trailers reach no application, so that no other limit would end them."""
        self._framing += length
        if self._framing > self.limits.head_bytes + MOST_FRAMING * self._delivered:
            raise Refused(400, "malformed_request", "There is more framing than body.")

    # The head -----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._begun = self._in_head = True
        self._head_bytes = self._framing = self._delivered = self._size = 0

    def on_url(self, url: bytes) -> None:
        """Gather the request target."""
        self.url += url
        if len(self.url) > self.limits.url_bytes:
            raise Refused(414, "uri_too_long", f"A request target may have {self.limits.url_bytes} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Gather a header; a trailer only counts, for nobody asks for one."""
        if not self._in_head:
            return
        name = name.lower()
        self.headers.append((name, value))
        self._size += len(name) + len(value)
        if len(self.headers) > self.limits.headers:
            raise Refused(431, "too_many_headers", f"A request may have {self.limits.headers} headers.")
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        """Hand the request to the application, or to the queue of those before it."""
        self._head_bytes = 0
        self._count_head(len(self.url) + self._size)
        if len(self.pipeline) >= MOST_PIPELINED:
            raise Refused(429, "too_many_requests", "Wait for answers before you send more requests.")
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise Refused(400, "unknown_version", "This service speaks HTTP/1.1.")
        if self.parser.should_upgrade() and any(name in _BODY for name, _ in self.headers):
            # The parser takes a body behind `Upgrade` for the next request.
            raise Refused(400, "upgrade_with_body", "A request to upgrade must have no body.")
        self._hand_over(version)
        self._in_head, self._in_body = False, True
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hand_over(self, version: str) -> None:
        """Do what uvicorn does, with a cycle of ours, and without what bounds do otherwise."""
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        scope["raw_path"] = self.root_path.encode("ascii") + url.path
        scope["query_string"] = url.query or b""
        before: RequestResponseCycle | None = self.cycle
        cycle = self.cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _should_upgrade(self) -> bool:
        return False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        task = self.loop.create_task(cycle.run_asgi(app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    @property
    def _idle(self) -> bool:
        """Whether every request so far has its answer."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _expect_head(self) -> None:
        """Give the next request's head its time; a byte now and then gives it no more."""
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limits.head_seconds, self._head_expired)

    def _head_expired(self) -> None:
        if self._in_head:
            self._refuse(Refused(408, "head_timeout", "The request did not arrive in time."))
        else:
            self.transport.close()

    # The body and the response ------------------------------------------------------------------

    def on_body(self, body: bytes) -> None:
        """Hand a piece of the body on."""
        self._delivered += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_body = False
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin what waits; what is left of a refused body gets little time."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            if self.transport.get_write_buffer_size():
                self._cut_later()
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            if self.pipeline:
                self.flow.pause_reading()
            return
        self._idle_until = _unasked.put(self, self.loop.time() + self.timeout_keep_alive, self.loop)
        if self._in_body:
            self._rest_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _unset_keepalive_if_required(self) -> None:
        if self._idle_until is not None:
            _unasked.take(self, self._idle_until)
            self._idle_until = None

    def expire(self) -> None:
        """Nobody has asked anything for long."""
        self._idle_until = None
        self.timeout_keep_alive_handler()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection without requests, at once if the last answer has not been read either."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """The caller does not read as fast as we write."""
        super().pause_writing()
        self._cut_later()

    def resume_writing(self) -> None:
        """The caller reads again."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _cut_later(self) -> None:
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    # Refusing -----------------------------------------------------------------------------------

    def _refuse(self, refused: Refused) -> None:
        """Answer `refused`, unless another answer is under way, and close the connection."""
        self._refused = True
        _log.info("connection_refused", status=refused.status, code=refused.code)
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        answered = self._idle
        if answered and self._in_body:
            self.transport.close()  # a second answer would be taken for the next request's
            return
        if self.pipeline or not (answered or self._in_body):
            # Requests before this one still wait for their answers: the one that runs is the last.
            self.pipeline.clear()
            if self._running is not None:
                self._running.keep_alive = False
            return
        if cycle is not None and not answered:  # its own body turned out to be malformed
            started = cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
            if started:
                self.transport.abort()
                return
        self.transport.write(refused.response())
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        self.flow.resume_reading()


def bounded(limits: ConnectionLimits) -> type[BoundedProtocol]:
    """Return the protocol with `limits`, as `uvicorn.Config(http=...)` takes it."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits})
