"""Deadlines of requests: one timer for all of them, for most requests end long before theirs."""

from __future__ import annotations

import asyncio
import threading
from typing import Final, Protocol

TICKS: Final = 32
"""A second's parts: that much later than asked for a deadline may come."""


class Expiring(Protocol):
    """What is told when its time is over."""

    def expire(self) -> None:
        """End now."""


class Deadlines(threading.local):
    """Who is told at which tick of the running loop's clock; each thread, and so each loop, has its own."""

    def __init__(self) -> None:
        """Wait for nobody."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[int, set[Expiring]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0

    def put(self, one: Expiring, when: float, loop: asyncio.AbstractEventLoop) -> int:
        """Tell `one` when the clock of `loop`, the running one, says `when`.

        Unless it is taken from the returned tick before.
        """
        if loop is not self._loop:  # the one before has ended
            self._loop, self._waiting, self._timer = loop, {}, None
        tick = int(when * TICKS) + 1
        waiting = self._waiting.get(tick)
        if waiting is None:
            self._waiting[tick] = {one}
            if self._timer is None or tick < self._armed:
                self._arm(loop, tick)
        else:
            waiting.add(one)
        return tick

    def take(self, one: Expiring, tick: int) -> None:
        """Tell `one` nothing any more."""
        waiting = self._waiting.get(tick)
        if waiting is not None:
            waiting.discard(one)
            if not waiting:
                del self._waiting[tick]  # the timer may ring for nothing: that is cheaper than to stop it

    def _arm(self, loop: asyncio.AbstractEventLoop, tick: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed = tick
        self._timer = loop.call_at(tick / TICKS, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time() * TICKS
        for tick in [tick for tick in self._waiting if tick <= now]:
            for one in self._waiting.pop(tick):
                one.expire()
        if self._waiting:
            self._arm(loop, min(self._waiting))
