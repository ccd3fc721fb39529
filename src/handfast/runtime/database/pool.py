"""The service's connections, lent to one unit of work at a time and never handed on dirty.

Whoever comes first is served first; nobody waits for longer than the pool's timeout. A connection that is
free changes hands without a task, a lock or a turn of the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Coroutine
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from psycopg.errors import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from handfast.runtime.database import session
from handfast.runtime.database.audit import Origin
from handfast.runtime.database.unit import UnitOfWork
from handfast.runtime.database.wire import Wire
from handfast.runtime.errors import ServiceUnavailable

KEPT: Final = 2
"""How many connections stay open, however long nobody uses them."""
IDLE_SECONDS: Final = 600.0
LIFETIME_SECONDS: Final = 3600.0
"""After which a connection is replaced, so that what its server process has gathered is freed."""

_ROLLBACK_SECONDS: Final = 5.0
_FIRST_DELAY_SECONDS: Final = 0.1
_LAST_DELAY_SECONDS: Final = 5.0
_UTC: Final = b"set time zone 'UTC'"

_log = structlog.get_logger(__name__)


class Pool:
    """The connections of one process to its database, as the service role."""

    def __init__(self, dsn: str, *, size: int, timeout: float, prepare: bool = True) -> None:
        """Describe the pool; nothing is connected before `open`."""
        self.dsn = dsn
        self._size = size
        self._timeout = timeout
        self._prepare = prepare
        self._engine: AsyncEngine | None = None
        self._engine_lock = asyncio.Lock()
        self._closed = True
        self._connections = 0
        """Open, lent or being opened: never more than `size`."""
        self._idle: deque[tuple[Wire, float]] = deque()
        """The last one returned is the first to be lent; with the loop's time of its return."""
        self._waiting: deque[asyncio.Future[Wire]] = deque()
        self._expiry: dict[Wire, float] = {}
        """When each open connection has lived long enough, in the loop's time."""
        self._connecting: set[asyncio.Task[None]] = set()
        self._returning: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None

    @classmethod
    def create(cls, dsn: str, *, size: int, timeout: float, prepare: bool = True) -> Pool:
        """Return a pool of at most `size` connections; a wait of over `timeout` seconds for one is a 503.

        `prepare=False` is for poolers that cannot keep prepared statements.
        """
        return cls(dsn, size=size, timeout=timeout, prepare=prepare)

    async def open(self) -> None:
        """Begin to connect; returns at once, also while the database cannot be reached."""
        self._closed = False
        for _ in range(min(self._size, KEPT)):
            self._grow()
        self._reap()
        with contextlib.suppress(psycopg.Error):
            await self.engine()

    async def close(self) -> None:
        """Close every connection, after those being returned have come back; lent ones when they do."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        while self._waiting:
            self._refuse(self._waiting.popleft())
        for task in self._connecting:
            task.cancel()
        if self._connecting or self._returning:
            await asyncio.wait(self._connecting | self._returning)
        while self._idle:
            self._drop(self._idle.pop()[0])
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

    # Lending ------------------------------------------------------------------------------------

    def lend(self) -> Wire | None:
        """Lend a clean connection, if one is there at once; 503 when the pool is closed."""
        if self._closed:
            raise _unavailable()
        while self._idle:
            connection = self._idle.pop()[0]
            if connection.free:
                return connection
            self._drop(connection)  # the server has closed it
        return None

    async def take(self) -> Wire:
        """Lend a clean connection; 503 if none becomes free in time."""
        connection = self.lend()
        if connection is not None:
            return connection
        self._grow()
        loop = asyncio.get_running_loop()
        place: asyncio.Future[Wire] = loop.create_future()
        self._waiting.append(place)
        end = loop.call_later(self._timeout, self._refuse, place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._hand_on(place.result())  # it came at the same moment
            raise
        finally:
            end.cancel()

    def regain(self, connection: Wire) -> bool:
        """Take a connection back if it is clean; whether it was. Any other is for `give_back`."""
        if not connection.free:
            return False
        self._hand_on(connection)
        return True

    async def give_back(self, connection: Wire) -> None:
        """Take a connection back: rolled back if a transaction is open, dropped if its state is unknown.

        Goes on to its end even if the caller is cancelled meanwhile.
        """
        if not self.regain(connection):
            await asyncio.shield(_started(self._clean(connection), self._returning))

    def _hand_on(self, connection: Wire) -> None:
        """Give a free connection to whoever has waited for longest; else keep it."""
        now = connection.loop.time()
        if self._closed or now > self._expiry[connection]:
            self._drop(connection)
            return
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(connection)
                return
        self._idle.append((connection, now))

    async def _clean(self, connection: Wire) -> None:
        with contextlib.suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(_ROLLBACK_SECONDS):
                if connection.turns.taken:
                    # Another coroutine of the request still runs a statement: end that first.
                    await connection.cancel_safe(timeout=_ROLLBACK_SECONDS)
                    async with connection.turns:
                        pass
                if connection.clean and not connection.idle:
                    await connection.exchange([(b"ROLLBACK", (), False)])
        if not self.regain(connection):
            self._drop(connection)  # something may still be in flight or open

    @staticmethod
    def _refuse(place: asyncio.Future[Wire]) -> None:
        if not place.done():
            place.set_exception(_unavailable())

    # Connecting ---------------------------------------------------------------------------------

    def _grow(self) -> None:
        """Open one more connection, if there may be one."""
        if self._connections < self._size and not self._closed:
            self._connections += 1
            _started(self._connect(), self._connecting)

    async def _connect(self) -> None:
        """Open a connection; try again for as long as somebody waits for one."""
        delay = _FIRST_DELAY_SECONDS
        connection = None
        try:
            while connection is None:
                try:
                    connection = await self._connected()
                except psycopg.Error as error:
                    # Its message names the address, and quotes what the server said: the class has to do.
                    _log.warning(
                        "database_connection_failed", error=type(error).__name__, sqlstate=error.sqlstate
                    )
                    await asyncio.sleep(delay * _spread())
                    delay = min(2 * delay, _LAST_DELAY_SECONDS)
                    if all(place.done() for place in self._waiting):
                        return
        finally:
            if connection is None:
                self._connections -= 1
        loop = asyncio.get_running_loop()
        self._expiry[connection] = loop.time() + LIFETIME_SECONDS * _spread()
        self._hand_on(connection)

    async def _connected(self) -> Wire:
        connection = await Wire.connect(self.dsn, autocommit=True)
        try:
            connection.preparing = self._prepare
            # session() must not prepare: after a ROLLBACK psycopg sends DEALLOCATE ALL, ours included.
            connection.prepare_threshold = None
            # Times come back in the session's zone, and a client sees them as they come.
            await connection.exchange([(_UTC, (), False)])
        except BaseException:
            connection.drop()
            raise
        return connection

    def _drop(self, connection: Wire) -> None:
        """Close a connection, and open another one if somebody waits."""
        connection.drop()
        self._expiry.pop(connection, None)
        self._connections -= 1
        if self._waiting:
            self._grow()

    def _reap(self) -> None:
        """Close, now and then, what nobody has used for long."""
        loop = asyncio.get_running_loop()
        while len(self._idle) > KEPT and self._idle[0][1] < loop.time() - IDLE_SECONDS:
            self._drop(self._idle.popleft()[0])
        self._reaper = loop.call_later(IDLE_SECONDS / 10, self._reap)

    async def ping(self) -> None:
        """Make one round trip on a lent connection; raises psycopg's error or 503 where there is none."""
        connection = await self.take()
        try:
            await connection.exchange([(b"select 1", (), True)])
        except OperationalError:
            connection.drop()
            raise
        finally:
            await self.give_back(connection)


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable(headers={"Retry-After": "1"})


def _started(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    """Run `work` in a task of its own, which is in `tasks` until it is done."""
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


def _spread() -> float:
    """About one, never twice the same: what many connections do at the same time is spread by it."""
    return random.uniform(0.8, 1.2)  # noqa: S311  (no secret)
