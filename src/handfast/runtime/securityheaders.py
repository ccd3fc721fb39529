"""Headers that tell browsers and caches what they may not do with an answer.

Each is a default: an answer that sets the header itself keeps its own.
"""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handfast.runtime.settings import Settings
from handfast.runtime.state import RequestState, state_of

_NO_STORE: Final = (b"cache-control", b"no-store")


class SecurityHeaders:
    """Adds the headers of `settings` to every response, and `no-store` where the answer is for one caller."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Put the headers together once."""
        self.app = app
        self._public = list(_defaults(settings).items())
        self._private = [*self._public, _NO_STORE]
        self._names = frozenset(name for name, _ in self._private)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add what the response lacks."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = state_of(scope)

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                added = self._private if _private(state, message["status"]) else self._public
                for name, _ in headers:
                    if name in self._names:
                        own = {name for name, _ in headers}
                        added = [pair for pair in added if pair[0] not in own]
                        break
                message["headers"] = [*headers, *added]
            await send(message)

        await self.app(scope, receive, send_safely)


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
