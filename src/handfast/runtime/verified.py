"""Tokens that were verified a short while ago: their signature need not be checked at each request."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from handfast.runtime.security import Caller

MOST_TOKENS: Final = 10_000
MOST_BYTES: Final = 8 * 1024 * 1024
"""How much text of tokens is stood for; what is kept of each grows with its claims, and so with its text."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What one token said."""

    caller: Caller
    until: float
    """Unix time from which it must be verified again."""
    thumbprint: bytes | None
    """The published key that verified it; None for the shared secret."""
    size: int


class VerifiedTokens:
    """The outcome of verifications; when full, the one not used for longest goes.

    It is kept under the token's digest, so that no token is held here that somebody could use.
    """

    def __init__(self, *, most: int = MOST_TOKENS, most_bytes: int = MOST_BYTES) -> None:
        """Keep at most `most` tokens of at most `most_bytes` together."""
        self._most = most
        self._most_bytes = most_bytes
        self._found: OrderedDict[bytes, Verified] = OrderedDict()
        self._bytes = 0
        self.generation = 0
        """Grows when users are forgotten: what was found out before must not be kept afterwards."""

    def __len__(self) -> int:
        """How many tokens are kept."""
        return len(self._found)

    def get(self, token: bytes, now: float) -> Verified | None:
        """Return what is known of a token at the Unix time `now`."""
        digest = sha256(token).digest()
        found = self._found.get(digest)
        if found is None:
            return None
        if now >= found.until:
            self._drop(digest)
            return None
        self._found.move_to_end(digest)
        return found

    def put(self, token: bytes, found: Verified, *, generation: int) -> None:
        """Keep what was found out, unless somebody was forgotten since `generation`."""
        if generation != self.generation:
            return
        self.drop(token)
        self._found[sha256(token).digest()] = found
        self._bytes += found.size
        while len(self._found) > self._most or self._bytes > self._most_bytes:
            self._drop(next(iter(self._found)))

    def drop(self, token: bytes) -> None:
        """Forget one token."""
        self._drop(sha256(token).digest())

    def forget(self, user: UUID) -> None:
        """Forget every token of `user`."""
        self.generation += 1
        for digest in [key for key, found in self._found.items() if found.caller.user.id == user]:
            self._drop(digest)

    def _drop(self, digest: bytes) -> None:
        found = self._found.pop(digest, None)
        if found is not None:
            self._bytes -= found.size
