"""Whatever goes wrong on a connection, the pool is as good as new: ten thousand uses later all is well."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import DivisionByZero, InFailedSqlTransaction, OperationalError, UniqueViolation
from sqlalchemy import bindparam, func
from sqlmodel import col, select

from handfast.runtime.database import Dsns, Pool
from tests.integration.database.conftest import committed, opened, settings_left
from tests.integration.database.schema import Country, Customer, Order

pytestmark = [pytest.mark.threat("disclosure.identity-left-in-pool"), pytest.mark.unmeasured]

USES = 10_000
NAMED = select(Customer.name).where(Customer.name == bindparam("name"))


class Line:
    """A way to the server that can be cut, or hold back what the server says."""

    def __init__(self, dsn: str) -> None:
        known = conninfo_to_dict(dsn)
        self.host, self.port = str(known["host"]), int(str(known["port"]))
        self._known = known
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.bytes_left: int | None = None
        """After how many bytes from the server every connection is cut; None for never."""

    @property
    def dsn(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user, password = quote(str(self._known["user"])), quote(str(self._known["password"]))
        return f"postgresql://{user}:{password}@127.0.0.1:{port}/{self._known['dbname']}"

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        try:
            yield self
        finally:
            self._server.close()
            self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.host, self.port)
        ends = {writer, back}
        self._writers |= ends
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer, counted=True))
        self._writers -= ends
        for end in ends:
            end.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, counted: bool = False
    ) -> None:
        while data := await source.read(1 << 16):
            if counted and self.bytes_left is not None:
                data = data[: self.bytes_left]
                self.bytes_left -= len(data)
            target.write(data)
            if self.bytes_left == 0:
                self.bytes_left = None
                await target.drain()
                self.cut()
        target.close()


async def statement_fails(pool: Pool, user: UUID) -> None:
    async with committed(pool, user) as unit:
        with pytest.raises(DivisionByZero):
            await unit.db.first(select(1 / func.nullif(func.length(""), 1)))


async def write_fails(pool: Pool, user: UUID) -> None:
    with contextlib.suppress(InFailedSqlTransaction):
        async with committed(pool, user) as unit:
            await unit.db.insert(Order(user_id=user, reference="once"))
            with pytest.raises(UniqueViolation):
                await unit.db.insert(Order(user_id=user, reference="once"))


async def cancelled(pool: Pool, user: UUID) -> None:
    async def request() -> None:
        async with committed(pool, user) as unit:
            await unit.db.insert(Customer(user_id=user, name="never"))
            await unit.db.all(NAMED, {"name": "x"})
            await unit.db.execute(select(func.pg_sleep(2)))

    task = asyncio.create_task(request())
    for _ in range(random.randrange(12)):  # noqa: S311  (moments, not secrets)
        await asyncio.sleep(0)
    if random.random() < 0.3:  # noqa: S311  (as above)
        await asyncio.sleep(0.005)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def killer(shop: Dsns, when: str) -> Callable[[Pool, UUID], Awaitable[None]]:
    def kill() -> None:
        with psycopg.connect(shop.admin) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'handfast_service'"
            )

    async def idle(pool: Pool, user: UUID) -> None:
        await asyncio.to_thread(kill)

    async def in_flight(pool: Pool, user: UUID) -> None:
        async def request() -> None:
            async with committed(pool, user) as unit:
                await unit.db.insert(Customer(user_id=user, name="never"))
                await unit.db.execute(select(func.pg_sleep(5)))

        task = asyncio.create_task(request())
        await asyncio.sleep(0.1)
        await asyncio.to_thread(kill)
        with pytest.raises(OperationalError):
            await task

    return idle if when == "idle" else in_flight


def migrator(shop: Dsns) -> Callable[[Pool, UUID], Awaitable[None]]:
    def migrate() -> None:
        with psycopg.connect(shop.owner) as connection:
            connection.execute("alter table countries alter column name type varchar(90)")
            connection.execute("alter table countries alter column name type text")

    async def changed(pool: Pool, user: UUID) -> None:
        for _ in range(4):
            async with committed(pool, user) as unit:
                await unit.db.all(select(Country))
        await asyncio.to_thread(migrate)
        async with committed(pool, user) as unit:
            await unit.db.all(select(Country))

    return changed


async def test_ten_thousand_uses_after_every_fault(shop: Dsns) -> None:
    users = [uuid4() for _ in range(5)]
    faults: list[Callable[[Pool, UUID], Awaitable[None]]] = [
        statement_fails,
        write_fails,
        cancelled,
        killer(shop, "idle"),
        killer(shop, "in flight"),
        migrator(shop),
    ]
    async with opened(shop.service, size=3) as pool:
        for user in users:
            async with committed(pool, user) as unit:
                await unit.db.insert(Customer(user_id=user, name=str(user)))
        for turn in range(4):
            for fault in faults:
                await fault(pool, users[turn])
        uses = iter(range(USES))

        async def use() -> None:
            for number in uses:
                user = users[number % len(users)]
                async with committed(pool, user) as unit:
                    if number % 10 == 0:
                        await unit.db.first(select(Customer).with_for_update())
                    names = await unit.db.all(NAMED, {"name": str(user)})
                    assert names == [str(user)]
                    assert await unit.db.all(select(col(Customer.name))) == [str(user)]

        await asyncio.gather(*(use() for _ in range(8)))
        assert await settings_left(pool) == {""}


async def test_a_line_that_is_cut_anywhere_loses_nothing_that_was_told(shop: Dsns) -> None:
    """Each request either ends in an error or has its row; no row is there twice, no answer is another's."""
    user, told = uuid4(), []
    async with Line(shop.service).open() as line, opened(line.dsn, size=2) as pool:
        for number in range(60):
            line.bytes_left = None if number % 3 == 0 else 1 + 17 * (number % 20)
            name = f"n{number}"
            try:
                async with committed(pool, user) as unit:
                    row = await unit.db.insert(Customer(user_id=user, name=name))
                    assert row.name == name
            except (psycopg.Error, OSError):
                continue
            told.append(name)
        line.bytes_left = None
        async with committed(pool, user) as unit:
            stored = await unit.db.all(select(Customer.name))
    assert len(told) >= 20
    assert set(told) <= set(stored)
    assert len(stored) == len(set(stored))


async def test_a_server_that_says_nothing_after_a_cancellation_is_given_up(
    shop: Dsns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handfast.runtime.database.wire._DRAIN_SECONDS", 0.2)
    user = uuid4()
    async with Line(shop.service).open() as line, opened(line.dsn, size=1) as pool:
        async with committed(pool, user) as unit:
            await unit.db.insert(Customer(user_id=user, name="kept"))
        unit = pool.unit(user)
        task = asyncio.create_task(unit.db.execute(select(func.pg_sleep(1))))
        await asyncio.sleep(0.05)
        assert line._server is not None
        line._server.close()  # no new connection gets through, so the server hears of no cancellation
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await unit.rollback()
    async with opened(shop.service, size=1) as pool, committed(pool, user) as unit:
        assert await unit.db.all(select(Customer.name)) == ["kept"]
