"""Turns: one at a time, in order, whoever is cancelled."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.runtime.turns import Turns


@settings(deadline=None)
@given(st.lists(st.sampled_from(("block", "steps", "cancelled", "late")), min_size=1, max_size=12))
def test_one_at_a_time_in_the_order_of_asking(kinds: list[str]) -> None:
    async def run() -> tuple[list[int], Turns]:
        turns, done, inside = Turns(), list[int](), list[int]()

        async def work(number: int, kind: str) -> None:
            if kind == "steps":
                if not turns.take():
                    await turns.wait()
                try:
                    await one(number)
                finally:
                    turns.give()
            else:
                async with turns:
                    await one(number)

        async def one(number: int) -> None:
            inside.append(number)
            assert inside == [number]
            await asyncio.sleep(0)
            inside.remove(number)
            done.append(number)

        assert turns.take()
        tasks = [asyncio.create_task(work(number, kind)) for number, kind in enumerate(kinds)]
        await asyncio.sleep(0)
        for task, kind in zip(tasks, kinds, strict=True):
            if kind == "cancelled":
                task.cancel()
        turns.give()
        for task, kind in zip(tasks, kinds, strict=True):
            if kind == "late":  # some of them in the same step in which their turn comes
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return done, turns

    done, turns = asyncio.run(run())
    assert done == [number for number, kind in enumerate(kinds) if kind in ("block", "steps")]
    assert not turns.taken


async def test_a_turn_that_is_given_while_nobody_waits_is_free() -> None:
    turns = Turns()
    with pytest.raises(KeyError):
        async with turns:
            raise KeyError
    assert turns.take()
    assert not turns.take()
