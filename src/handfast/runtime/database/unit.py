"""One request's transaction.

    reads                             a pipeline each: set_config + SELECT, an implicit transaction, read only
    first write or locking read      BEGIN + set_config + statement in one pipeline
    later statements                  one pipeline each, in that transaction
    commit                            buffered rows + COMMIT in one pipeline
    last                              all of it in one pipeline
    elevated                          audit row + role + statement + role back, in that transaction

The user's id is a setting of the transaction, so it ends with it: nothing outlives a request on a connection.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.errors import Error, InFailedSqlTransaction, OperationalError
from psycopg.pq.abc import PGresult
from sqlalchemy import Executable
from sqlmodel.ext.asyncio.session import AsyncSession

from handfast.runtime.database import audit, statements
from handfast.runtime.database.access import Database
from handfast.runtime.database.audit import Origin
from handfast.runtime.database.rows import Row
from handfast.runtime.database.session import open_session
from handfast.runtime.database.statements import Call
from handfast.runtime.database.wire import STALE, Statement, Wire
from handfast.runtime.turns import Turns

if TYPE_CHECKING:
    from handfast.runtime.database.pool import Pool

_log = logging.getLogger("handfast.sql")

_BEGIN: Statement = (b"BEGIN", (), False)
_COMMIT: Statement = (b"COMMIT", (), False)
_USER = b"select set_config('app.user_id', $1, true)"
# An implicit transaction commits by itself, so it must not be able to write, whatever a function in it tries.
_READER = b"select set_config('app.user_id', $1, true), set_config('transaction_read_only', 'on', true)"

Answer = tuple[list[Row], PGresult]


@lru_cache(maxsize=10_000)
def _said(owner: UUID | None) -> bytes:
    """An owner as `app.user_id` holds it."""
    return b"" if owner is None else str(owner).encode()


class TransactionEnded(Exception):
    """A statement came after the request's transaction had ended; a mistake in the handler."""


class ConnectionLost(OperationalError):
    """The connection went away before the answer came; what was not committed is undone."""


class UnitOfWork:
    """The database's side of one request: at most one connection, at most one transaction."""

    def __init__(self, pool: Pool, owner: UUID | None, origin: Origin | None = None) -> None:
        """Prepare it for the user `owner`; `None` for operations without one."""
        self.owner = owner
        self.origin = origin or Origin()
        self.statements = 0
        """How many statements the handler sent, for the request log and the test kit."""
        self.seconds = 0.0
        """How long they took, waiting for a connection included."""
        self._pool = pool
        self._user = _said(owner)
        self._connection: Wire | None = None
        """Held while a transaction is open."""
        self._begun = False
        self._buffered: list[Call] = []
        self._ended = ""
        self._turns = Turns()

    @property
    def db(self) -> Database:
        """What handlers do with it; made anew, so that no two objects hold each other."""
        return Database(self)

    def buffer(self, statement: Executable) -> None:
        """Keep `statement` to be sent along with COMMIT."""
        self._refuse_if_ended()
        self._buffered.append(statements.prepare(statement, self.owner))

    async def read(self, calls: Sequence[Call]) -> list[Answer]:
        """Run `calls` in the open transaction if there is one, else in one of their own that cannot write."""
        if not self._turns.take():
            await self._turns.wait()
        try:
            if self._ended and self._ended != "committed":
                raise self._ended_error()
            if self._connection is not None:
                return await self._exchange(self._connection, self._head(self._connection), calls)
            try:
                return await self._alone(calls)
            except ConnectionLost:
                return await self._alone(calls)
        finally:
            self._turns.give()

    async def _alone(self, calls: Sequence[Call]) -> list[Answer]:
        """Run `calls` in a transaction of their own."""
        head: Sequence[Statement] = [(_READER, self._user, True)]
        connection = self._pool.lend() or await self._taken()
        try:
            return await self._exchange(connection, head, calls)
        except Error as error:
            if error.sqlstate not in STALE:
                raise
            # Nothing was done, and nothing is open: the same again, without the prepared statement.
            return await self._exchange(connection, head, calls)
        finally:
            if not self._pool.regain(connection):
                await self._pool.give_back(connection)

    async def write(self, calls: Sequence[Call]) -> list[Answer]:
        """Run `calls` in the request's transaction, beginning it in the same round trip."""
        if not self._turns.take():
            await self._turns.wait()
        try:
            if self._ended:
                raise self._ended_error()
            held = self._connection
            head = await self._begin() if held is None else self._head(held)
            try:
                return await self._exchange(self._held(), head, calls)
            except ConnectionLost:
                if not head or self._connection is None:
                    raise
                # The transaction that this would have begun is gone with the connection: begin it on another.
                connection, self._connection = self._connection, None
                await self._pool.give_back(connection)
                head = await self._begin()
                return await self._exchange(self._held(), head, calls)
        finally:
            self._turns.give()

    async def elevated(self, calls: Sequence[Call], reason: str) -> list[Answer]:
        """Run `calls` as the elevated role in the request's transaction, with an audit row for them."""
        async with self._turns:
            self._refuse_if_ended()
            head = await self._begin()
            before, after = audit.elevated(calls, owner=self.owner, origin=self.origin, reason=reason)
            return await self._exchange(self._held(), [*head, *before], calls, after)

    async def last(self, calls: Sequence[Call]) -> list[Answer]:
        """Run `calls` and commit in one round trip; refuses every statement afterwards."""
        async with self._turns:
            self._refuse_if_ended()
            head = await self._begin()
            self._ended = "ended by ctx.db.last()"
            return await self._commit(head, calls)

    async def commit(self) -> None:
        """Commit what was written, buffered rows along with it; does nothing if nothing was."""
        if not self._turns.take():
            await self._turns.wait()
        try:
            if self._ended:
                return
            if self._connection is not None or self._buffered:
                held = self._connection
                await self._commit(await self._begin() if held is None else self._head(held), [])
            self._ended = "committed"
        finally:
            self._turns.give()

    def settle(self) -> bool:
        """Commit as `commit` does, if there is nothing to be sent for it; whether that was so."""
        if self._connection is not None or self._buffered or self._turns.taken:
            return False
        self._ended = self._ended or "committed"
        return True

    async def rollback(self) -> None:
        """Undo what is not committed and return the connection, whatever its state; safe to repeat."""
        self._ended = self._ended or "rolled back"
        self._buffered.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.give_back(connection)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Yield a session in the request's transaction, beginning it."""
        engine = await self._pool.engine()
        async with self._turns:
            self._refuse_if_ended()
            head = await self._begin()
            connection = self._held()
            if head:
                await self._exchange(connection, head, [])
            self.statements += 1
            start = time.perf_counter()
            try:
                async with open_session(engine, connection) as session:
                    yield session
            except Exception as error:
                self._note_end(connection)
                if self._ended:
                    raise self._ended_error() from error
                raise
            finally:
                self.seconds += time.perf_counter() - start
            self._note_end(connection)
        self._refuse_if_ended()

    def _note_end(self, connection: Wire) -> None:
        if connection.idle:
            self._ended = "ended by a COMMIT or ROLLBACK in session()"

    async def _begin(self) -> Sequence[Statement]:
        """Hold a connection and return what must be sent first to begin its transaction, if anything."""
        if self._connection is None:
            self._connection = self._pool.lend() or await self._taken()
        return self._head(self._connection)

    async def _taken(self) -> Wire:
        start = time.perf_counter()
        connection = await self._pool.take()
        self.seconds += time.perf_counter() - start
        return connection

    def _head(self, connection: Wire) -> Sequence[Statement]:
        """What must be sent first on the held connection to begin its transaction, if anything."""
        if not connection.idle:
            return ()
        # Without an open transaction a write would commit by itself.
        if self._begun:
            raise TransactionEnded("the request's transaction is gone: no statement may follow")
        return (_BEGIN, (_USER, self._user, True))

    def _held(self) -> Wire:
        if self._connection is None:
            raise TransactionEnded("the transaction was rolled back while a statement was running")
        return self._connection

    async def _commit(self, head: Sequence[Statement], calls: Sequence[Call]) -> list[Answer]:
        connection = self._held()
        if not head and connection.failed:
            raise InFailedSqlTransaction("a statement failed before, so nothing can be committed")
        buffered, self._buffered = self._buffered, []
        answers = await self._exchange(connection, head, [*calls, *buffered], tail=[_COMMIT])
        self._connection = None
        if not self._pool.regain(connection):
            await self._pool.give_back(connection)
        return answers[: len(calls)]

    async def _exchange(
        self,
        connection: Wire,
        head: Sequence[Statement],
        calls: Sequence[Call],
        tail: Sequence[Statement] = (),
    ) -> list[Answer]:
        if _log.isEnabledFor(logging.DEBUG):
            for call in calls:
                _log.debug("sql %s", call.sql.decode())
        self.statements += len(calls)
        sent = [*head]
        for call in calls:
            sent.append((call.sql, call.values, call.keep))
        sent += tail
        start = time.perf_counter()
        try:
            results = await connection.exchange(sent)
        except Error as error:
            if connection.clean:
                raise
            raise ConnectionLost("the connection to the database is lost") from error
        finally:
            self.seconds += time.perf_counter() - start
        self._begun = self._connection is not None
        if tail and tail[-1] is _COMMIT and results[-1].command_status != b"COMMIT":
            raise InFailedSqlTransaction("the transaction was rolled back instead of committed")
        answers: list[Answer] = []
        for result in results[len(head) : len(head) + len(calls)]:
            answers.append((connection.rows(result), result))
        return answers

    def _refuse_if_ended(self) -> None:
        if self._ended:
            raise self._ended_error()

    def _ended_error(self) -> TransactionEnded:
        return TransactionEnded(f"the request's transaction is {self._ended}: no statement may follow")
