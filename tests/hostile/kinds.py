"""What one hostile kind is, and small helpers to write its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

CANARY: Final = b"canary-7f3a9c51"
"""Planted in headers, paths, queries and bodies; it must be in no log."""
TOKEN: Final = b"@TOKEN@"
"""Stands for a valid bearer token, put in when the bytes are sent."""
CLOSED: Final = 0
"""The connection is closed without an answer."""

Layer: TypeAlias = Literal[
    "llhttp", "connection", "admission", "cors", "router", "decode", "contract", "database"
]
"""Who decides: the parser inside httptools, `connection`, `admission`, CORS, routing, decoding, the
contract's schema, or PostgreSQL."""

Right: TypeAlias = int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to hurt: what is sent, piece by piece, and what may come back."""

    name: str
    send: tuple[bytes | float, ...]
    """Bytes to send; a number is a pause in seconds."""
    right: frozenset[int]
    """Statuses that are right; `CLOSED` for no answer at all."""
    layer: Layer
    threat: str
    most_answers: int = 1
    """More than this many answers mean that something was smuggled in."""

    @property
    def slow(self) -> bool:
        """Whether it takes its time, so that it is better sent beside the others."""
        return not all(isinstance(piece, bytes) for piece in self.send)

    def __str__(self) -> str:
        return self.name


def kind(
    name: str,
    send: bytes | Iterable[bytes | float],
    right: Right,
    layer: Layer,
    threat: str,
    most_answers: int = 1,
) -> Kind:
    """Return a kind; single bytes and statuses stand for one-element sequences."""
    pieces = (send,) if isinstance(send, bytes) else tuple(send)
    statuses = frozenset((right,)) if isinstance(right, int) else frozenset(right)
    return Kind(name, pieces, statuses, layer, threat, most_answers)


def head(line: bytes, *headers: bytes, host: bool = True) -> bytes:
    """Return a request's head: the request line, Host and canary unless unwanted, `headers` as they are."""
    usual = (b"Host: localhost", b"X-Canary: " + CANARY) if host else ()
    return b"\r\n".join((line, *usual, *headers, b"", b""))


def get(target: bytes, *headers: bytes) -> bytes:
    """Return a GET request."""
    return head(b"GET " + target + b" HTTP/1.1", *headers)


def post(target: bytes, body: bytes, *headers: bytes, type: bytes = b"application/json") -> bytes:
    """Return a POST request with a body of its true length."""
    lines = (b"Content-Type: " + type, b"Content-Length: %d" % len(body), *headers)
    return head(b"POST " + target + b" HTTP/1.1", *lines) + body


def chunked(target: bytes, *chunks: bytes, type: bytes = b"application/json") -> bytes:
    """Return a POST request whose body is `chunks` exactly as they are, framing included."""
    lines = (b"Content-Type: " + type, b"Transfer-Encoding: chunked")
    return head(b"POST " + target + b" HTTP/1.1", *lines) + b"".join(chunks)


AUTH: Final = b"Authorization: Bearer " + TOKEN
