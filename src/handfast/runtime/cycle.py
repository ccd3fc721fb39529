"""One response on its way out: uvicorn's cycle, which does not look at the same headers each time."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterable
from typing import Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

MOST_LINES: Final = 256
"""Header lines that are kept; most answers have the same ones, and each has one or two of its own."""

_FRAMING: Final = frozenset((b"transfer-encoding", b"connection"))
_lines: Final[dict[tuple[bytes, bytes], bytes]] = {}


class _Sent:
    """What there is to await of a message that is written already."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


_SENT: Final = _Sent()


class Cycle(RequestResponseCycle):
    """A request and its response.

    The messages of most responses, those of a known length on a connection that goes on, are written here and
    make no coroutine; all others, and what breaks ASGI's order, are uvicorn's.
    """

    # uvicorn's is a coroutine function; ASGI asks for something that can be awaited
    def send(self, message: ASGISendEvent) -> Awaitable[None]:  # type: ignore[override]
        """Write what `message` says; raises `RuntimeError` where it breaks ASGI's order or HTTP's syntax."""
        if not (self.flow.write_paused or self.disconnected):
            if message["type"] == "http.response.start":
                if not self.response_started and self._begin(message["status"], message.get("headers", ())):
                    return _SENT
            elif message["type"] == "http.response.body" and self._is_plain:
                body = message.get("body", b"")
                if len(body) == self.expected_content_length and not message.get("more_body", False):
                    self._end(body)
                    return _SENT
        return super().send(message)

    @property
    def _is_plain(self) -> bool:
        goes_on = self.chunked_encoding is False and not self.response_complete
        return goes_on and self.scope["method"] != "HEAD"

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Write the head, if the response has a length and the connection goes on."""
        lines = [STATUS_LINE[status]]
        length = None
        for header in (*self.default_headers, *headers):
            line = _lines.get(header)
            if line is None:
                name, value = header[0].lower(), header[1]
                if name == b"content-length" and length is None:
                    length = int(value)
                    line = b"content-length: %d\r\n" % length
                elif name in _FRAMING:
                    return False
                else:
                    line = _line(header)
            lines.append(line)
        if length is None or not self.keep_alive:
            return False
        lines.append(b"\r\n")
        self.response_started = True
        self.waiting_for_100_continue = False
        self.chunked_encoding = False
        self.expected_content_length = length
        self.transport.write(b"".join(lines))
        return True

    def _end(self, body: bytes) -> None:
        """Write a body that is whole."""
        self.transport.write(body)
        self.expected_content_length = 0
        self.response_complete = True
        self.message_event.set()
        self.on_response()


def _line(header: tuple[bytes, bytes]) -> bytes:
    """Return the line of `header`, kept for the next response; raises `RuntimeError` where it is none."""
    name, value = header
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise RuntimeError(f"Invalid HTTP header: {name!r}")
    if len(_lines) >= MOST_LINES:
        _lines.clear()
    line = _lines[header] = b"%b: %b\r\n" % (name.lower(), value)
    return line
