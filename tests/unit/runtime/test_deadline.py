"""One timer for all deadlines: each is told in time, and nobody who was taken out."""

from __future__ import annotations

import asyncio
import threading

from handfast.runtime.deadline import TICKS, Deadlines


class Told:
    """Remembers when it was told."""

    def __init__(self) -> None:
        self.at: float | None = None

    def expire(self) -> None:
        self.at = asyncio.get_running_loop().time()


async def test_each_is_told_in_its_tick_whatever_the_order() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    now = loop.time()
    asked = {seconds: Told() for seconds in (0.3, 0.05, 0.15, 0.0)}
    for seconds, one in asked.items():
        deadlines.put(one, now + seconds, loop)
    await asyncio.sleep(0.5)
    for seconds, one in asked.items():
        assert one.at is not None
        assert seconds - 0.002 <= one.at - now < seconds + 2 / TICKS + 0.1


async def test_nobody_is_told_who_was_taken_out() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    now = loop.time()
    first, second, third = Told(), Told(), Told()
    tick = deadlines.put(first, now + 0.05, loop)
    deadlines.put(second, now + 0.05, loop)
    deadlines.take(first, tick)
    deadlines.take(third, deadlines.put(third, now + 0.1, loop))
    await asyncio.sleep(0.2)
    assert (first.at, third.at) == (None, None)
    assert second.at is not None
    deadlines.take(second, tick)  # too late, and no error


def test_loops_do_not_know_each_other() -> None:
    deadlines = Deadlines()
    told: list[float | None] = []

    async def wait() -> None:
        one = Told()
        loop = asyncio.get_running_loop()
        deadlines.put(one, loop.time() + 0.05, loop)
        await asyncio.sleep(0.2)
        told.append(one.at)

    async def leave() -> None:
        loop = asyncio.get_running_loop()
        deadlines.put(Told(), loop.time() + 0.01, loop)

    threads = [threading.Thread(target=asyncio.run, args=(wait(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    asyncio.run(leave())
    asyncio.run(wait())
    for thread in threads:
        thread.join()
    assert len(told) == 3
    assert None not in told
