"""The pool: first come, first served, in bounded time, over as many connections as it may have."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from sqlmodel import select

from handfast.runtime.database import Dsns
from handfast.runtime.database import pool as module
from handfast.runtime.database.pool import Pool
from handfast.runtime.database.wire import Wire
from handfast.runtime.errors import ServiceUnavailable
from tests.integration.database.conftest import committed, opened
from tests.integration.database.schema import Customer

pytestmark = pytest.mark.threat("denial.pool-exhausted")


async def test_who_comes_first_is_served_first(shop: Dsns) -> None:
    async with opened(shop.service, size=1) as pool:
        held = await pool.take()
        served: list[int] = []

        async def wait(number: int) -> None:
            connection = await pool.take()
            served.append(number)
            await asyncio.sleep(0)
            await pool.give_back(connection)

        tasks = []
        for number in range(20):
            tasks.append(asyncio.create_task(wait(number)))
            await asyncio.sleep(0)
        await pool.give_back(held)
        late = asyncio.create_task(wait(99))
        await asyncio.gather(*tasks, late)
        assert served == [*range(20), 99]


async def test_there_are_never_more_connections_than_its_size(shop: Dsns) -> None:
    async with opened(shop.service, size=3) as pool:
        seen: set[Wire] = set()

        async def use() -> None:
            connection = await pool.take()
            seen.add(connection)
            await connection.exchange([(b"select pg_sleep(0.01)", (), False)])
            await pool.give_back(connection)

        await asyncio.gather(*(use() for _ in range(30)))
        assert len(seen) == 3


async def test_some_who_give_up_do_not_hold_up_the_others(shop: Dsns) -> None:
    async with opened(shop.service, size=1, patience=0.3) as pool:
        held = await pool.take()
        waiting = [asyncio.create_task(pool.take()) for _ in range(9)]
        await asyncio.sleep(0)
        for task in waiting[:5]:
            task.cancel()
        await pool.give_back(held)
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        lent = [one for one in outcomes if isinstance(one, Wire)]
        assert lent == [held]
        assert sum(isinstance(one, asyncio.CancelledError) for one in outcomes) == 5
        assert sum(isinstance(one, ServiceUnavailable) for one in outcomes) == 3
        await pool.give_back(held)
        await pool.ping()


async def test_a_connection_is_replaced_after_its_lifetime(
    shop: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIFETIME_SECONDS", 0.2)
    async with opened(shop.service, size=1) as pool:
        first = await pool.take()
        await asyncio.sleep(0.3)
        await pool.give_back(first)
        second = await pool.take()
        assert second is not first
        assert first.closed
        await pool.give_back(second)


async def test_what_nobody_uses_is_closed(shop: Dsns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.2)
    async with opened(shop.service, size=5) as pool:
        lent = [await pool.take() for _ in range(5)]
        for connection in lent:
            await pool.give_back(connection)
        await asyncio.sleep(0.6)
        assert sum(not connection.closed for connection in lent) == module.KEPT
        await pool.ping()


async def test_it_connects_as_soon_as_the_server_is_there(shop: Dsns) -> None:
    async with opened("postgresql://x:y@127.0.0.1:1/none", size=2, patience=5) as pool:
        waiting = asyncio.create_task(pool.take())
        await asyncio.sleep(0.15)
        pool.dsn = shop.service  # as a server that comes up
        connection = await waiting
        await pool.give_back(connection)
        await pool.ping()


async def test_a_dead_idle_connection_is_noticed_before_it_is_lent(shop: Dsns) -> None:
    async with opened(shop.service, size=2) as pool, opened(shop.admin, size=1) as admin:
        connections = [await pool.take() for _ in range(2)]
        for connection in connections:
            await connection.exchange([(b"select 1", (), False)])
            await pool.give_back(connection)
        executioner = await admin.take()
        for connection in connections:
            await executioner.exchange(
                [(b"select pg_terminate_backend($1)", [connection.info.backend_pid], False)]
            )
        await admin.give_back(executioner)
        await asyncio.sleep(0.1)
        for _ in range(4):
            await pool.ping()


async def test_closing_ends_every_wait(shop: Dsns) -> None:
    pool = Pool.create(shop.service, size=1, timeout=30)
    await pool.open()
    held = await pool.take()
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    await pool.close()
    with pytest.raises(ServiceUnavailable):
        await waiting
    await pool.give_back(held)
    assert held.closed
    unreachable = Pool.create("postgresql://x:y@127.0.0.1:1/none", size=1, timeout=30)
    await unreachable.open()
    await asyncio.wait_for(unreachable.close(), 1)


async def test_a_session_and_pipelines_take_turns_on_one_connection(shop: Dsns) -> None:
    user = uuid4()
    async with opened(shop.service, size=1) as pool:
        for number in range(3):
            async with committed(pool, user) as unit:
                await unit.db.insert(Customer(user_id=user, name=f"{number}"))
                async with unit.db.session() as session:
                    found = await session.exec(select(Customer.name))
                    assert len(found.all()) == number + 1
                assert len(await unit.db.all(select(Customer))) == number + 1


async def test_a_message_larger_than_the_socket_takes_goes_through(shop: Dsns) -> None:
    user, name = uuid4(), "x" * 30_000_000
    async with opened(shop.service, size=1) as pool, committed(pool, user) as unit:
        row = await unit.db.insert(Customer(user_id=user, name=name))
        assert row.name == name
        assert (await unit.db.get(Customer, row.id)).name == name
