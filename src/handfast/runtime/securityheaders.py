"""Headers that tell browsers and caches what they may not do with an answer.

Each is a default: an answer that sets the header itself keeps its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from handfast.runtime.settings import Settings
from handfast.runtime.state import RequestState

_NO_STORE: Final = (b"cache-control", b"no-store")

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


class SecurityHeaders:
    """The headers of `settings` for every response, and `no-store` where the answer is for one caller."""

    def __init__(self, settings: Settings) -> None:
        """Put the headers together once."""
        self._public = list(_defaults(settings).items())
        self._private = [*self._public, _NO_STORE]
        self._names = frozenset(name for name, _ in self._private)

    def added(self, state: RequestState, status: int, headers: Headers) -> Headers:
        """What a response lacks that has `headers`."""
        added = self._private if _private(state, status) else self._public
        for name, _ in headers:
            if name in self._names:
                own = {name for name, _ in headers}
                return [pair for pair in added if pair[0] not in own]
        return added


def ending(state: RequestState, headers: Headers) -> Headers:
    """On an answer of a deprecated operation: since when it is, and when it will be gone."""
    operation = state.operation
    if operation is None or not operation.end:
        return ()
    # What a handler says itself is more than the contract knows.
    own = {name.lower() for name, _ in headers}
    return [one for one in operation.end if one[0] not in own]


def _defaults(settings: Settings) -> dict[bytes, bytes]:
    found = {
        "x-content-type-options": "nosniff",
        "content-security-policy": settings.content_security_policy,
        "cross-origin-resource-policy": settings.resource_policy,
        "permissions-policy": settings.permissions_policy,
        "referrer-policy": settings.referrer_policy,
    }
    if settings.hsts_seconds:
        found["strict-transport-security"] = f"max-age={settings.hsts_seconds}"
    return {name.encode(): value.encode("ascii") for name, value in found.items()}


def _private(state: RequestState, status: int) -> bool:
    """Whether no cache may keep the answer: it depends on who asked, or it is an error."""
    return status >= 400 or (state.operation is not None and bool(state.operation.security))
