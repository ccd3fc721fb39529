"""`ctx.db.session()`: SQLModel's session in the request's transaction, behind row security."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text
from sqlalchemy.exc import InvalidRequestError, ProgrammingError
from sqlmodel import select

from handfast.runtime.database import Dsns, Pool, TransactionEnded
from tests.integration.database.conftest import committed, opened, settings_left
from tests.integration.database.schema import Customer, Order


async def names(pool: Pool, user: UUID) -> list[str]:
    async with committed(pool, user) as unit:
        return await unit.db.all(select(Customer.name).order_by(Customer.name))


async def test_it_shares_the_transaction(pool: Pool, alice: UUID) -> None:
    unit = pool.unit(alice)
    await unit.db.insert(Customer(user_id=alice, name="a"))
    async with unit.db.session() as session:
        assert [row.name for row in await session.exec(select(Customer))] == ["a"]
        session.add(Customer(user_id=alice, name="b"))
    assert len(await unit.db.all(select(Customer))) == 2
    assert await names(pool, alice) == []
    await unit.commit()
    assert await names(pool, alice) == ["a", "b"]


async def test_commit_in_it_commits_no_request(pool: Pool, alice: UUID) -> None:
    unit = pool.unit(alice)
    async with unit.db.session() as session:
        session.add(Customer(user_id=alice, name="a"))
        await session.commit()
        session.add(Customer(user_id=alice, name="b"))
        await session.flush()
        await session.rollback()
    assert await names(pool, alice) == []
    await unit.rollback()
    assert await names(pool, alice) == []


async def test_nor_does_commit_on_its_connection(pool: Pool, alice: UUID) -> None:
    unit = pool.unit(alice)
    with pytest.raises(InvalidRequestError):  # noqa: PT012  (the block is the subject)
        async with unit.db.session() as session:
            session.add(Customer(user_id=alice, name="a"))
            await session.flush()
            await (await session.connection()).commit()
    await unit.rollback()
    assert await names(pool, alice) == []


async def test_a_rolled_back_part_is_gone_the_rest_stays(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit, unit.db.session() as session:
        session.add(Customer(user_id=alice, name="a"))
        await session.commit()
        session.add(Customer(user_id=alice, name="b"))
        await session.flush()
        await session.rollback()
    assert await names(pool, alice) == ["a"]


async def test_an_error_undoes_its_work_alone(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit:
        await unit.db.insert(Customer(user_id=alice, name="kept"))
        with pytest.raises(ZeroDivisionError):  # noqa: PT012  (the block is the subject)
            async with unit.db.session() as session:
                session.add(Customer(user_id=alice, name="lost"))
                await session.flush()
                raise ZeroDivisionError
    assert await names(pool, alice) == ["kept"]


@pytest.mark.threat("elevation.forgotten-filter")
async def test_row_security_is_its_wall(pool: Pool, alice: UUID, bob: UUID) -> None:
    async with committed(pool, bob) as unit:
        order = await unit.db.insert(Order(user_id=bob, reference="bob's"))
    async with committed(pool, alice) as unit:
        async with unit.db.session() as session:
            assert list(await session.exec(select(Order))) == []
            assert await session.get(Order, order.id) is None
            assert (await (await session.connection()).execute(text("delete from orders"))).rowcount == 0
        with pytest.raises(ProgrammingError) as caught:  # noqa: PT012  (the block is the subject)
            async with unit.db.session() as session:
                session.add(Order(user_id=bob, reference="forged"))
                await session.flush()
        assert isinstance(caught.value.orig, InsufficientPrivilege)
    async with committed(pool, bob) as unit:
        assert [row.reference for row in await unit.db.all(select(Order))] == ["bob's"]


@pytest.mark.parametrize("word", ["commit", "rollback"])
async def test_ending_the_transaction_by_hand_is_found_out(pool: Pool, alice: UUID, word: str) -> None:
    unit = pool.unit(alice)
    with pytest.raises(TransactionEnded, match="session"):  # noqa: PT012  (the block is the subject)
        async with unit.db.session() as session:
            await (await session.connection()).execute(text(word))
            assert (
                await (await session.connection()).execute(
                    text("select current_setting('app.user_id', true)")
                )
            ).scalar() == ""
    with pytest.raises(TransactionEnded, match="session"):
        await unit.db.all(select(Customer))
    await unit.rollback()
    assert await settings_left(pool) == {""}


async def test_it_never_asks_the_server_about_itself(pool: Pool, shop: Dsns, alice: UUID) -> None:
    def asked() -> set[str]:
        with psycopg.connect(shop.admin) as connection:
            rows = connection.execute("select query from pg_stat_activity where usename = 'handfast_service'")
            return {row[0] for row in rows}

    async with committed(pool, alice) as unit:
        for _ in range(2):
            async with unit.db.session() as session:
                # The last query of the held connection is what began the transaction, not a question.
                assert "select set_config('app.user_id', $1, true)" in asked()
                assert unit._connection is not None
                assert unit._connection._notice_handlers == []
                await session.exec(select(Customer))
            await unit.rollback()
            unit = pool.unit(alice)


@pytest.mark.threat("disclosure.identity-left-in-pool")
async def test_cancelled_in_it(pool: Pool, alice: UUID) -> None:
    async def request() -> None:
        async with committed(pool, alice) as unit, unit.db.session() as session:
            session.add(Customer(user_id=alice, name="never"))
            await session.flush()
            await (await session.connection()).execute(text("select pg_sleep(2)"))

    for delay in (0.0, 0.01, 0.05):
        task = asyncio.create_task(request())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await settings_left(pool) == {""}
    assert await names(pool, alice) == []


async def test_the_engine_is_made_when_it_could_not_be_at_first(pool: Pool, alice: UUID) -> None:
    pool._engine = None
    async with committed(pool, alice) as unit, unit.db.session() as session:
        session.add(Customer(id=uuid4(), user_id=alice, name="a"))
    assert await names(pool, alice) == ["a"]


async def test_a_rollback_in_a_session_leaves_our_prepared_statements_alone(shop: Dsns, alice: UUID) -> None:
    """psycopg forgets its own after a ROLLBACK, by DEALLOCATE ALL: then ours would be gone too."""
    async with opened(shop.service, size=1) as pool:

        async def write() -> None:
            async with committed(pool, alice) as unit:
                await unit.db.insert(Order(user_id=alice, reference=str(uuid4())))

        for _ in range(4):
            await write()
        async with committed(pool, alice) as unit, unit.db.session() as session:
            for _ in range(7):
                await session.exec(select(Order))
            await session.rollback()
            await session.exec(select(Order))
        await write()
