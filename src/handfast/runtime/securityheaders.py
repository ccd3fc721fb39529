"""Headers that tell browsers and caches what they may not do with an answer.

Each is a default: an answer that sets the header itself keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from handfast.runtime.settings import Settings
from handfast.runtime.state import RequestState

_NO_STORE: Final = (b"cache-control", b"no-store")

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


class SecurityHeaders:
    """The headers of `settings` for every response, and `no-store` where the answer is for one caller."""

    def __init__(self, settings: Settings) -> None:
        """Put the headers together once."""
        self._public = list(_defaults(settings))
        self._private = [*self._public, _NO_STORE]
        self._names = frozenset(name for name, _ in self._private)

    def completed(self, state: RequestState, status: int, headers: Headers) -> list[tuple[bytes, bytes]]:
        """Return the `headers` of a response, whose names are in lower case, and those that it lacks."""
        operation = state.operation
        # No cache may keep what depends on who asked, or an error.
        private = status >= 400 or (operation is not None and bool(operation.security))
        added: Headers = self._private if private else self._public
        if operation is not None and operation.end:
            added = _lacking(headers, [*added, *operation.end])
        else:
            for name, _ in headers:
                if name in self._names:
                    added = _lacking(headers, added)
                    break
        return [*headers, *added]


def _lacking(headers: Headers, defaults: Headers) -> Headers:
    """Those of `defaults` that stand not in `headers`; `Vary` may stand twice (RFC 9110, 5.3)."""
    own = {name.lower() for name, _ in headers}
    varies = b",".join(value for name, value in headers if name.lower() == b"vary").lower()
    if b"origin" not in varies:
        own.discard(b"vary")
    return [pair for pair in defaults if pair[0] not in own]


def _defaults(settings: Settings) -> Iterable[tuple[bytes, bytes]]:
    yield b"x-content-type-options", b"nosniff"
    yield b"content-security-policy", settings.content_security_policy.encode("ascii")
    yield b"cross-origin-resource-policy", settings.resource_policy.encode("ascii")
    yield b"permissions-policy", settings.permissions_policy.encode("ascii")
    yield b"referrer-policy", settings.referrer_policy.encode("ascii")
    if settings.hsts_seconds:
        yield b"strict-transport-security", b"max-age=%d" % settings.hsts_seconds
    if settings.cors_origins:
        yield b"vary", b"Origin"  # also where no origin asks: caches must not give others this answer
