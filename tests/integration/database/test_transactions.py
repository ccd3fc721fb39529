"""One request, one transaction: when it begins, what ends it, and what its connection keeps of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import (
    AdminShutdown,
    InFailedSqlTransaction,
    OperationalError,
    QueryCanceled,
    ReadOnlySqlTransaction,
    UniqueViolation,
)
from psycopg.pq.abc import PGresult
from sqlalchemy import func
from sqlmodel import col, delete, insert, select, update
from sqlmodel.sql.expression import SelectOfScalar

from handfast.runtime.database import Dsns, Pool, TransactionEnded, UnitOfWork
from handfast.runtime.database.wire import Statement, Wire
from handfast.runtime.errors import NotFound, ServiceUnavailable
from tests.integration.database.conftest import committed, opened, settings_left
from tests.integration.database.schema import Country, Customer, Order


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The round trips that follow, each a list of the first words of its statements."""
    seen: list[list[str]] = []
    exchange = Wire.exchange

    async def recorded(self: Wire, statements: Sequence[Statement]) -> list[PGresult]:
        words = [sql.decode().split()[0].upper() for sql, *_ in statements]
        if words != ["SET"]:
            seen.append(words)
        return await exchange(self, statements)

    monkeypatch.setattr(Wire, "exchange", recorded)
    return seen


async def names(pool: Pool, user: UUID) -> list[str]:
    async with committed(pool, user) as unit:
        return await unit.db.all(select(Customer.name).order_by(Customer.name))


async def test_a_read_is_one_round_trip_without_begin(
    pool: Pool, alice: UUID, trips: list[list[str]]
) -> None:
    async with committed(pool, alice) as unit:
        await unit.db.all(select(Customer))
        with pytest.raises(NotFound):
            await unit.db.get(Customer, uuid4())
    assert trips == [["SELECT", "SELECT"], ["SELECT", "SELECT"], ["SELECT", "SELECT", "SELECT"]]
    assert unit.statements == 4
    assert unit.seconds > 0


@pytest.mark.parametrize("first", ["write", "lock"])
async def test_the_first_write_or_lock_begins_and_commit_ends(
    pool: Pool, alice: UUID, trips: list[list[str]], first: str
) -> None:
    async with committed(pool, alice) as unit:
        if first == "write":
            await unit.db.insert(Customer(user_id=alice, name="a"))
        else:
            await unit.db.all(select(Customer).with_for_update())
        await unit.db.all(select(Customer))
        unit.buffer(insert(Customer).values(id=uuid4(), name="b"))
    word = "INSERT" if first == "write" else "SELECT"
    assert trips == [["BEGIN", "SELECT", word], ["SELECT"], ["INSERT", "COMMIT"]]
    assert "b" in await names(pool, alice)


async def test_nothing_done_costs_nothing(pool: Pool, alice: UUID, trips: list[list[str]]) -> None:
    async with committed(pool, alice):
        pass
    assert trips == []


async def test_buffered_rows_alone_are_one_round_trip(
    pool: Pool, alice: UUID, trips: list[list[str]]
) -> None:
    async with committed(pool, alice) as unit:
        unit.buffer(insert(Customer).values(id=uuid4(), name="b"))
    assert trips == [["BEGIN", "SELECT", "INSERT", "COMMIT"]]
    assert await names(pool, alice) == ["b"]


async def test_last_is_one_round_trip_and_the_end(pool: Pool, alice: UUID, trips: list[list[str]]) -> None:
    async with committed(pool, alice) as unit:
        made = await unit.db.last(insert(Customer).values(id=uuid4(), name="l").returning(Customer))
        assert [row.name for row in made] == ["l"]
        assert trips == [["BEGIN", "SELECT", "INSERT", "COMMIT"]]
        for call in (
            unit.db.all(select(Customer)),
            unit.db.execute(delete(Customer)),
            unit.db.last(select(Customer)),
        ):
            with pytest.raises(TransactionEnded, match="last"):
                await call
        with pytest.raises(TransactionEnded):
            unit.buffer(delete(Customer))
    async with committed(pool, alice) as unit:
        await unit.db.insert(Customer(user_id=alice, name="m"))
        assert await unit.db.last(update(Customer).values(name="n")) == 2
    assert await names(pool, alice) == ["n", "n"]


async def test_after_commit_reads_go_on_and_writes_are_refused(pool: Pool, alice: UUID) -> None:
    unit = pool.unit(alice)
    await unit.db.insert(Customer(user_id=alice, name="a"))
    await unit.commit()
    await unit.commit()
    assert len(await unit.db.all(select(Customer))) == 1
    with pytest.raises(TransactionEnded, match="committed"):
        await unit.db.execute(delete(Customer))
    await unit.rollback()
    assert await names(pool, alice) == ["a"]


@pytest.mark.threat("disclosure.identity-left-in-pool")
async def test_rollback_leaves_nothing(pool: Pool, alice: UUID) -> None:
    unit = pool.unit(alice)
    await unit.db.insert(Customer(user_id=alice, name="a"))
    unit.buffer(insert(Customer).values(id=uuid4(), name="b"))
    await unit.rollback()
    await unit.rollback()
    await unit.commit()
    with pytest.raises(TransactionEnded, match="rolled back"):
        await unit.db.all(select(Customer))
    assert await names(pool, alice) == []


@pytest.mark.threat("tampering.half-done-work")
async def test_a_swallowed_error_cannot_be_committed(pool: Pool, alice: UUID) -> None:
    with pytest.raises(InFailedSqlTransaction):  # noqa: PT012  (the block is the subject)
        async with committed(pool, alice) as unit:
            await unit.db.insert(Order(user_id=alice, reference="1"))
            with pytest.raises(UniqueViolation):
                await unit.db.insert(Order(user_id=alice, reference="1"))
            with pytest.raises(InFailedSqlTransaction):
                await unit.db.all(select(Order))
    with pytest.raises(InFailedSqlTransaction):  # noqa: PT012  (the block is the subject)
        async with committed(pool, alice) as unit:
            with contextlib.suppress(UniqueViolation):
                await unit.db.execute(
                    insert(Order).values([{"id": uuid4(), "reference": "2", "total": 0}] * 2)
                )
    async with committed(pool, alice) as unit:
        assert await unit.db.all(select(Order)) == []


async def test_a_failing_buffered_row_undoes_everything(pool: Pool, alice: UUID) -> None:
    with pytest.raises(UniqueViolation):  # noqa: PT012  (the block is the subject)
        async with committed(pool, alice) as unit:
            await unit.db.insert(Order(user_id=alice, reference="1"))
            unit.buffer(insert(Order).values(id=uuid4(), reference="1", total=0))
    async with committed(pool, alice) as unit:
        assert await unit.db.all(select(Order)) == []


async def test_a_read_cannot_write_whatever_its_functions_do(pool: Pool, shop: Dsns, alice: UUID) -> None:
    with psycopg.connect(shop.owner) as connection:
        connection.execute(
            "create or replace function sneak(who uuid) returns int language sql as "
            "$$ insert into customers values (gen_random_uuid(), who, 'sneaked'); select 1 $$"
        )
    async with committed(pool, alice) as unit:
        with pytest.raises(ReadOnlySqlTransaction):
            await unit.db.first(select(func.sneak(alice)))
    assert await names(pool, alice) == []
    async with committed(pool, alice) as unit:
        await unit.db.execute(select(func.sneak(alice)))
    assert await names(pool, alice) == ["sneaked"]


async def test_coroutines_of_one_request_take_turns(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit:
        await asyncio.gather(*(unit.db.insert(Customer(user_id=alice, name=f"{n:02}")) for n in range(20)))
        counts = [unit.db.all(select(Customer.name)) for _ in range(20)]
        assert {len(found) for found in await asyncio.gather(*counts)} == {20}


async def test_a_locked_row_makes_the_second_wait(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit:
        order = await unit.db.insert(Order(user_id=alice, reference="1"))

    async def add() -> None:
        async with committed(pool, alice) as unit:
            row = await unit.db.get(Order, order.id, lock=True)
            await asyncio.sleep(0.02)
            await unit.db.update(Order, order.id, total=row.total + 1)

    await asyncio.gather(*(add() for _ in range(4)))
    async with committed(pool, alice) as unit:
        assert (await unit.db.get(Order, order.id)).total == 4


@contextlib.contextmanager
def slow_customers(shop: Dsns) -> Iterator[None]:
    """Make each INSERT of a customer take a while."""
    with psycopg.connect(shop.owner, autocommit=True) as connection:
        connection.execute(
            "create or replace function doze() returns trigger language plpgsql as "
            "$$ begin perform pg_sleep(0.2); return new; end $$"
        )
        connection.execute(
            "create trigger doze before insert on customers for each row execute function doze()"
        )
        try:
            yield
        finally:
            connection.execute("drop trigger doze on customers")


@pytest.mark.threat("disclosure.identity-left-in-pool")
async def test_cancelled_requests_leave_connections_clean(pool: Pool, shop: Dsns) -> None:
    """Cancelled at any moment, connections come back without a transaction, a setting or another's answer."""
    users = [uuid4() for _ in range(4)]

    async def request(user: UUID) -> None:
        async with committed(pool, user) as unit:
            assert await unit.db.all(select(Customer)) == []
            await unit.db.first(select(func.count(), func.pg_sleep(0.01)).select_from(Customer))
            await unit.db.insert(Customer(user_id=user, name="never"))
            await unit.db.execute(select(func.pg_sleep(1)))

    chance = random.Random(7)  # noqa: S311  (moments, not secrets)
    with slow_customers(shop):
        for _ in range(10):
            tasks = [asyncio.create_task(request(user)) for user in users]
            await asyncio.sleep(chance.uniform(0, 0.25))
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(outcome, asyncio.CancelledError)
    assert await settings_left(pool) == {""}
    for number in range(50):
        user = users[number % 4]
        async with committed(pool, user) as unit:
            assert await unit.db.first(select(func.current_setting("app.user_id"))) == str(user)
            assert await unit.db.all(select(Customer)) == []


@pytest.mark.threat("disclosure.identity-left-in-pool")
async def test_cancelled_twice_is_no_worse(pool: Pool, alice: UUID) -> None:
    for _ in range(6):
        async with contextlib.AsyncExitStack() as stack:
            unit = pool.unit(alice)
            stack.push_async_callback(unit.rollback)
            task = asyncio.create_task(unit.db.execute(select(func.pg_sleep(2))))
            await asyncio.sleep(0.02)
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
    assert await settings_left(pool) == {""}
    assert await names(pool, alice) == []


async def test_a_cancelled_return_is_finished_all_the_same(pool: Pool, alice: UUID) -> None:
    for _ in range(4):
        unit = pool.unit(alice)
        await unit.db.insert(Customer(user_id=alice, name="never"))
        task = asyncio.create_task(unit.rollback())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await names(pool, alice) == []


async def test_a_lost_connection_is_replaced(pool: Pool, shop: Dsns, alice: UUID) -> None:
    def kill() -> None:
        with psycopg.connect(shop.admin) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'handfast_service'"
            )

    unit = pool.unit(alice)
    await unit.db.insert(Customer(user_id=alice, name="never"))
    kill()
    with pytest.raises((AdminShutdown, OperationalError)):
        await unit.commit()
    await unit.rollback()
    for _ in range(4):  # what was idle and is dead is found out, and another is asked
        kill()
        assert await names(pool, alice) == []
        kill()
        async with committed(pool, alice) as unit:
            await unit.db.insert(Customer(user_id=alice, name="kept"))
            await unit.db.delete(Customer, (await unit.db.all(select(Customer)))[0].id)


async def test_a_changed_column_type_does_not_break_prepared_reads(pool: Pool, shop: Dsns) -> None:
    statement: SelectOfScalar[str] = select(Country.name)
    for _ in range(5):
        async with committed(pool, None) as unit:
            await unit.db.all(statement)
    with psycopg.connect(shop.owner) as connection:
        connection.execute("alter table countries alter column name type varchar(99)")
    for _ in range(5):
        async with committed(pool, None) as unit:
            assert await unit.db.all(statement) == []
    with psycopg.connect(shop.owner) as connection:
        connection.execute("alter table countries alter column name type text")


async def test_without_prepared_statements(shop: Dsns, alice: UUID) -> None:
    pool = Pool.create(shop.service, size=1, timeout=5, prepare=False)
    await pool.open()
    for _ in range(6):
        assert await names(pool, alice) == []
    connection = await pool.take()
    cursor = await connection.execute("select count(*) from pg_prepared_statements")
    assert await cursor.fetchone() == (0,)
    await pool.give_back(connection)
    await pool.close()


@pytest.mark.threat("denial.pool-exhausted")
async def test_prepared_statements_are_kept_in_bounds(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit:
        await unit.db.all(select(Customer).with_for_update())
        for number in range(210):
            # A name in the text makes another text of it.
            statement: SelectOfScalar[str] = select(col(Customer.name).label(f"n{number}"))
            for _ in range(3):
                await unit.db.all(statement)
        connection = unit._connection
        assert connection is not None
        cursor = await connection.execute("select count(*) from pg_prepared_statements")
        assert (await cursor.fetchone() or [0])[0] <= 201


@pytest.mark.threat("denial.pool-exhausted")
async def test_a_pool_that_stays_empty_is_503(shop: Dsns, alice: UUID) -> None:
    async with opened(shop.service, size=1, patience=0.1) as pool:
        holder = pool.unit(alice)
        await holder.db.insert(Customer(user_id=alice, name="never"))
        with pytest.raises(ServiceUnavailable) as caught:
            await pool.unit(alice).db.all(select(Customer))
        assert caught.value.headers["Retry-After"] == "1"
        await holder.rollback()
        await pool.ping()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_unreachable_database_is_503(alice: UUID) -> None:
    async with opened("postgresql://x:y@127.0.0.1:1/none", size=1, patience=0.1) as pool:
        with pytest.raises(ServiceUnavailable):
            await pool.unit(alice).db.all(select(Customer))
        with pytest.raises(ServiceUnavailable):
            await pool.ping()


async def test_a_closed_pool_is_503(shop: Dsns, alice: UUID) -> None:
    async with opened(shop.service) as pool:
        unit = pool.unit(alice)
        await unit.db.insert(Customer(user_id=alice, name="never"))
        await pool.close()
        await unit.rollback()
        with pytest.raises(ServiceUnavailable):
            await pool.unit(alice).db.all(select(Customer))


async def test_ping_tells_a_dead_connection(pool: Pool, shop: Dsns, monkeypatch: pytest.MonkeyPatch) -> None:
    await pool.ping()

    async def broken(self: Wire, statements: Sequence[Statement]) -> list[Any]:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Wire, "exchange", broken)
        with pytest.raises(OperationalError):
            await pool.ping()
    await pool.ping()


async def test_statements_can_be_logged(pool: Pool, alice: UUID, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="handfast.sql")
    async with committed(pool, alice) as unit:
        await unit.db.all(select(Customer).where(Customer.name == "secret"))
    assert "customers.user_id = $" in caplog.text
    assert "secret" not in caplog.text
    assert str(alice) not in caplog.text


async def test_a_rollback_during_a_statement_stops_the_rest(pool: Pool, alice: UUID) -> None:
    unit: UnitOfWork = pool.unit(alice)
    await unit.db.insert(Customer(user_id=alice, name="never"))

    async def more() -> None:
        with pytest.raises(QueryCanceled):
            await unit.db.execute(select(func.pg_sleep(5)))
        await unit.db.insert(Customer(user_id=alice, name="never"))

    task = asyncio.create_task(more())
    await asyncio.sleep(0.01)
    await unit.rollback()
    with pytest.raises(TransactionEnded):
        await task
    assert await names(pool, alice) == []


async def test_a_handler_that_outlives_its_own_timeout_writes_in_a_transaction(
    pool: Pool, alice: UUID
) -> None:
    for delay in (0.0, 0.0005, 0.001, 0.002, 0.01):
        unit = pool.unit(alice)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await unit.db.execute(select(func.pg_sleep(1)))
        with contextlib.suppress(InFailedSqlTransaction):
            await unit.db.insert(Customer(user_id=alice, name="never"))
        await unit.rollback()
    assert await names(pool, alice) == []


async def test_a_cancellation_is_not_lost_while_waiting_for_a_connection(shop: Dsns) -> None:
    async with opened(shop.service, size=1) as pool:
        for moment in range(60):
            held = await pool.take()
            waiting = asyncio.create_task(pool.take())
            for _ in range(4):
                await asyncio.sleep(0)
            giving = asyncio.create_task(pool.give_back(held))
            for _ in range(moment % 12):
                await asyncio.sleep(0)
            if waiting.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            else:
                await pool.give_back(waiting.result())
            await giving
        await pool.ping()
