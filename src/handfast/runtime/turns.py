"""One at a time, in the order of asking: a lock that costs no coroutine where nobody else has it."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Like `asyncio.Lock`, also with `async with`.

    Where every microsecond counts: `take` it, else `wait` for it, and `give` it in a `finally`.
    """

    __slots__ = ("_waiting", "taken")

    def __init__(self) -> None:
        """Be free."""
        self.taken = False
        """Whether somebody has the turn."""
        self._waiting: deque[asyncio.Future[None]] | None = None

    async def __aenter__(self) -> None:
        """Wait for the turn."""
        await self.wait()

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        self.give()

    def take(self) -> bool:
        """Take the turn if it is free; whether it was."""
        if self.taken:
            return False
        self.taken = True
        return True

    async def wait(self) -> None:
        """Take the turn after all who have asked before."""
        if self.take():
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.give()  # it came at the same moment
            raise

    def give(self) -> None:
        """End the turn, which goes to whoever has waited for longest."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.taken = False
