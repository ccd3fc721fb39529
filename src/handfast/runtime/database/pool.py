"""The service's connections, lent to one unit of work at a time and never handed on dirty."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import OperationalError
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests
from sqlalchemy.ext.asyncio import AsyncEngine

from handfast.runtime.database import session
from handfast.runtime.database.audit import Origin
from handfast.runtime.database.unit import UnitOfWork
from handfast.runtime.database.wire import Wire
from handfast.runtime.errors import ServiceUnavailable

_ROLLBACK_SECONDS = 5.0
_UTC = b"set time zone 'UTC'"


class Pool:
    """The connections of one process to its database, as the service role."""

    def __init__(self, dsn: str, *, size: int, timeout: float, prepare: bool = True) -> None:
        """Describe the pool; nothing is connected before `open`."""
        self.dsn = dsn
        self._prepare = prepare
        self._engine: AsyncEngine | None = None
        self._engine_lock = asyncio.Lock()
        self._returning: set[asyncio.Task[None]] = set()
        self._pool: AsyncConnectionPool[Wire] = AsyncConnectionPool(
            dsn,
            connection_class=Wire,
            kwargs={"autocommit": True},
            min_size=min(size, 2),
            max_size=size,
            timeout=timeout,
            open=False,
            configure=self._configure,
            name="handfast",
        )

    @classmethod
    def create(cls, dsn: str, *, size: int, timeout: float, prepare: bool = True) -> Pool:
        """Return a pool of at most `size` connections; a wait of over `timeout` seconds for one is a 503.

        `prepare=False` is for poolers that cannot keep prepared statements.
        """
        return cls(dsn, size=size, timeout=timeout, prepare=prepare)

    async def open(self) -> None:
        """Begin to connect; returns at once, also while the database cannot be reached."""
        await self._pool.open()
        with contextlib.suppress(psycopg.Error):
            await self.engine()

    async def close(self) -> None:
        """Close every connection, after those being returned have come back."""
        if self._returning:
            await asyncio.wait(self._returning)
        await self._pool.close()
        if self._engine is not None:
            await self._engine.dispose()

    def unit(self, owner: UUID | None, origin: Origin | None = None) -> UnitOfWork:
        """Begin the database's side of one request of the user `owner`; connects at its first statement.

        `origin` is what the audit trail tells of it; without one its caller may not elevate.
        """
        return UnitOfWork(self, owner, origin)

    async def engine(self) -> AsyncEngine:
        """Return the engine for `session()`; it learns about the server once, on a connection of its own."""
        if self._engine is None:
            async with self._engine_lock:
                if self._engine is None:
                    self._engine = await session.make_engine(self.dsn)
        return self._engine

    async def take(self) -> Wire:
        """Lend a clean connection; 503 if none becomes free in time."""
        task = asyncio.current_task()
        cancellations = task.cancelling() if task is not None else 0
        try:
            connection = await self._pool.getconn()
        except (PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise ServiceUnavailable(headers={"Retry-After": "1"}) from error
        if task is not None and task.cancelling() > cancellations:
            # Python 3.11's wait_for, which the pool uses, loses a cancellation that comes at the same moment.
            await self.give_back(connection)
            raise asyncio.CancelledError
        return connection

    async def give_back(self, connection: Wire) -> None:
        """Take a connection back: rolled back if a transaction is open, dropped if its state is unknown.

        Goes on to its end even if the caller is cancelled meanwhile.
        """
        task = asyncio.get_running_loop().create_task(self._give_back(connection))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        await asyncio.shield(task)

    async def _give_back(self, connection: Wire) -> None:
        with contextlib.suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(_ROLLBACK_SECONDS):
                if connection.lock.locked():
                    # Another coroutine of the request still runs a statement: end that first.
                    await connection.cancel_safe(timeout=_ROLLBACK_SECONDS)
                    async with connection.lock:
                        pass
                if connection.clean and connection.state is not TransactionStatus.IDLE:
                    await connection.exchange([(b"ROLLBACK", (), False)])
        if not connection.clean or connection.state is not TransactionStatus.IDLE:
            # Something may still be in flight or open; the pool replaces what is closed.
            connection.pgconn.finish()
        with contextlib.suppress(PoolClosed):
            await self._pool.putconn(connection)

    async def _configure(self, connection: Any) -> None:
        connection.preparing = self._prepare
        # session() must not prepare: after a ROLLBACK psycopg sends DEALLOCATE ALL, which takes ours along.
        connection.prepare_threshold = None
        # Times come back in the session's zone, and a client sees them as they come.
        await connection.exchange([(_UTC, (), False)])

    async def ping(self) -> None:
        """Make one round trip on a lent connection; raises psycopg's error or 503 where there is none."""
        connection = await self.take()
        try:
            await connection.exchange([(b"select 1", (), True)])
        except OperationalError:
            connection.pgconn.finish()
            raise
        finally:
            await self.give_back(connection)
