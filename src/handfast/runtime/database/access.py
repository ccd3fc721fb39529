"""`ctx.db`: what handlers do with the database. It sees and changes the user's own rows only.

Two ways lead further, each only as far as tables and migrations say: `shared` and `granted` to what others
share with the user, `elevated` to all users' rows for callers whose role allows it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, TypeVarTuple, overload
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ClauseElement, Executable
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select, SelectOfScalar

from handfast.runtime.database import single, statements
from handfast.runtime.database.audit import LONGEST_REASON
from handfast.runtime.database.owners import IsolationError
from handfast.runtime.database.reach import Reach
from handfast.runtime.database.single import KEY
from handfast.runtime.database.statements import Call, Plan
from handfast.runtime.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from handfast.runtime.database.unit import Answer, UnitOfWork

T = TypeVar("T", bound=SQLModel)
M = TypeVar("M", bound=BaseModel)
V = TypeVar("V")
Vs = TypeVarTuple("Vs")
Values: TypeAlias = Mapping[str, object] | None
"""Values for the `bindparam(name)` of a statement."""


class Rows:
    """Statements over the rows within one reach, in one request's transaction."""

    __slots__ = ("_reach", "_unit")

    def __init__(self, unit: UnitOfWork, reach: Reach) -> None:
        """Belong to one unit of work."""
        self._unit = unit
        self._reach = reach

    @overload
    async def get(self, table: type[T], key: UUID, *, lock: bool = False) -> T: ...
    @overload
    async def get(self, table: type[T], key: UUID, *, lock: bool = False, into: type[M]) -> M: ...
    def get(
        self, table: type[T], key: UUID, *, lock: bool = False, into: type[M] | None = None
    ) -> Coroutine[Any, Any, Any]:
        """Return the row with this primary key, locked until the transaction ends if `lock` (FOR UPDATE).

        With `into`, a model of the contract instead of the row: its fields are the columns of their names.
        Raises `NotFound` if there is no such row, and `Forbidden` if it is somebody else's.
        """
        return self._one(table, key, single.get_plan(table, lock, self._reach), {KEY: key}, into)

    @overload
    async def first(self, statement: Executable, values: Values = None, *, into: type[M]) -> M | None: ...
    @overload
    async def first(self, statement: SelectOfScalar[V], values: Values = None) -> V | None: ...
    @overload
    async def first(self, statement: Select[*Vs], values: Values = None) -> tuple[*Vs] | None: ...
    @overload
    async def first(self, statement: Executable, values: Values = None) -> Any: ...
    async def first(self, statement: Any, values: Values = None, *, into: type[M] | None = None) -> Any:
        """Return the first row, or `None` if there is none; of a statement for one thing, that thing.

        `values` and `into` are those of `all`.
        """
        rows = await self._rows(statement, values, into)
        return rows[0] if rows else None

    @overload
    async def all(self, statement: Executable, values: Values = None, *, into: type[M]) -> list[M]: ...
    @overload
    async def all(self, statement: SelectOfScalar[V], values: Values = None) -> list[V]: ...
    @overload
    async def all(self, statement: Select[*Vs], values: Values = None) -> list[tuple[*Vs]]: ...
    @overload
    async def all(self, statement: Executable, values: Values = None) -> list[Any]: ...
    async def all(self, statement: Any, values: Values = None, *, into: type[M] | None = None) -> Any:
        """Return all rows: instances and values that belong to no session.

        A statement that is made once, as a constant or by a cached function, says `bindparam(name)` where
        something differs from call to call, and takes it from `values`; it costs a tenth of one that is put
        together anew. With `into`, each row is a model of the contract, whose fields are the columns of their
        names. Raises `TypeError` where a value or a column is missing.
        """
        return await self._rows(statement, values, into)

    @overload
    async def insert(self, row: T) -> T: ...
    @overload
    async def insert(self, row: SQLModel, *, into: type[M]) -> M: ...
    async def insert(self, row: T, *, into: type[M] | None = None) -> T | M:
        """Store `row` as the user's, and return it with what the database filled in; `into` as in `get`."""
        known = single.single(type(row))
        given = row.__dict__
        own = self._reach is not Reach.ALL
        values: dict[str, Any] = {}
        for name, parameter, default, is_left_out, is_owner in known.columns:
            value = given.get(name)
            if value is None:
                if default is not None:
                    value = statements.default_of(default)
                elif is_left_out:
                    continue
            if not is_owner or not own:
                values[parameter] = value
        call = single.insert_plan(type(row), tuple(values), self._reach).call_with(values, self._unit.owner)
        ((rows, result),) = await self._write([call])
        if into is not None:
            made: M = known.reader.read(rows, result, into)[0]
            return made
        (stored,) = known.reader.processed(rows, result)
        known.entity.fill(row, stored)
        return row

    @overload
    async def update(self, table: type[T], key: UUID, /, *, into: type[M], **values: object) -> M: ...
    @overload
    async def update(self, table: type[T], key: UUID, /, *, into: None = None, **values: object) -> T: ...
    def update(
        self, table: type[T], key: UUID, /, *, into: type[M] | None = None, **values: object
    ) -> Coroutine[Any, Any, Any]:
        """Change columns of the row with this primary key and return the row as it is then.

        `into` as in `get`. Raises `NotFound` and `Forbidden` as `get` does. A value may be an SQL expression.
        """
        known = single.single(table)
        unknown = values.keys() - known.attributes.keys()
        if unknown or not values:
            raise TypeError(
                f"{table.__name__} has no column {sorted(unknown)}" if unknown else "nothing to update"
            )
        if any(
            hasattr(value, "__clause_element__") or isinstance(value, ClauseElement)
            for value in values.values()
        ):
            call = single.update_call(table, key, values, self._unit.owner, self._reach)
            return self._one_by(table, key, call, into)
        plan = single.update_plan(table, tuple(sorted(values)), self._reach)
        named = {single.parameter_of(name): value for name, value in values.items()}
        return self._one(table, key, plan, {KEY: key, **named}, into)

    async def delete(self, table: type[T], key: UUID) -> None:
        """Delete the row with this primary key; raises `NotFound` and `Forbidden` as `get` does."""
        await self._one(table, key, single.delete_plan(table, self._reach), {KEY: key})

    async def execute(self, statement: Executable, values: Values = None) -> int:
        """Run a statement that changes many rows, and return how many of the user's it touched.

        `values` as in `all`.
        """
        (answer,) = await self._write([self._prepare(statement, values)])
        return answer[1].command_tuples or 0

    async def _rows(self, statement: Executable, values: Values, into: type[BaseModel] | None) -> list[Any]:
        call = self._prepare(statement, values)
        if call.plan.reader is None:
            raise TypeError("this statement returns no rows: use execute()")
        ((rows, result),) = await self._run(call)
        return call.plan.reader.read(rows, result, into)

    def _prepare(self, statement: Executable, values: Values) -> Call:
        return statements.prepare(statement, self._unit.owner, self._reach, values)

    def _run(self, call: Call, *before: Call) -> Coroutine[Any, Any, list[Answer]]:
        """Run `call`, after those `before` it, in a transaction that can write only if `call` does."""
        return (self._write if call.plan.writes else self._read)([*before, call])

    def _read(self, calls: Sequence[Call]) -> Coroutine[Any, Any, list[Answer]]:
        return self._unit.read(calls)

    def _write(self, calls: Sequence[Call]) -> Coroutine[Any, Any, list[Answer]]:
        return self._unit.write(calls)

    async def _one(
        self,
        table: type[T],
        key: object,
        plan: Plan,
        values: dict[str, Any],
        into: type[BaseModel] | None = None,
    ) -> Any:
        """Run `plan`, which is about one row, and return that row; tell 404 from 403 if it met none."""
        call = plan.call_with(values, self._unit.owner)
        (answer,) = await (self._write if plan.writes else self._read)([call])
        return (
            _row(call, answer, into)
            if answer[0] or _met(answer)
            else await self._again(table, key, call, into)
        )

    async def _one_by(self, table: type[T], key: object, call: Call, into: type[BaseModel] | None) -> Any:
        """Do what `_one` does by a call that is ready."""
        (answer,) = await self._run(call)
        return _row(call, answer, into) if _met(answer) else await self._again(table, key, call, into)

    async def _again(self, table: type[T], key: object, call: Call, into: type[BaseModel] | None) -> Any:
        """Try again what met no row; tell 404 from 403 if it still does not."""
        if not call.plan.isolated:
            raise NotFound
        # Asked first and tried again: a row of the user's own that came between is found, not forbidden.
        probed, answer = await self._run(call, single.probe_call(table, key))
        if _met(answer):
            return _row(call, answer, into)
        raise Forbidden if probed[0][0][0] else NotFound


class Database(Rows):
    """The rows of one request's user, in one request's transaction.

    Every statement is kept to rows that the user owns: tables with an `__owner__` get `owner = user`
    wherever they appear. Handlers neither filter by user nor commit. Several coroutines of one request may
    use it; their statements are sent one after the other.
    """

    __slots__ = ()

    def __init__(self, unit: UnitOfWork) -> None:
        """Belong to one unit of work."""
        self._unit = unit
        self._reach = Reach.OWN

    @property
    def shared(self) -> Rows:
        """The user's own rows and those that others share with the user (`__shared__`).

        Only rows shared for writing are changed or locked; none of them is deleted. A row that is shared for
        reading alone raises `Forbidden` there. A table of shares shows the shares given to the user.
        """
        return Rows(self._unit, Reach.SHARED)

    @property
    def granted(self) -> Rows:
        """Only the rows that others share with the user; otherwise like `shared`."""
        return Rows(self._unit, Reach.GRANTED)

    @asynccontextmanager
    async def elevated(self, reason: str) -> AsyncIterator[Elevated]:
        """Yield a handle on all users' rows of the tables that a migration opened with `allow_elevation`.

        For callers whose role is `admin` or `service`; anybody else gets `Forbidden`. Each statement leaves a
        row in `handfast_audit`, committed with the request's transaction, and a line in the log; `reason`
        (at most 500 characters, no personal data) is part of the row. Statements of `ctx.db` itself stay
        with the caller's own rows, also within the block.
        """
        if not reason.strip() or len(reason) > LONGEST_REASON:
            raise ValueError(f"say in 1 to {LONGEST_REASON} characters why the statements are elevated")
        if not self._unit.origin.may_elevate:
            raise Forbidden
        handle = Elevated(self._unit, reason)
        try:
            yield handle
        finally:
            handle.close()

    async def last(self, statement: Executable) -> Any:
        """Run `statement` and commit in one round trip; nothing may follow.

        Returns rows as `all` does, or how many rows a statement without RETURNING touched. A fault found
        later, in the response say, rolls nothing back.
        """
        call = statements.prepare(statement, self._unit.owner)
        ((rows, result),) = await self._unit.last([call])
        reader = call.plan.reader
        return (result.command_tuples or 0) if reader is None else reader.read(rows, result)

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open SQLModel's full AsyncSession in the request's transaction.

        Here row security alone keeps the user to the user's rows. What is in the session when the block ends
        is flushed, and committed with the request; `session.commit()` ends a savepoint, not the request's
        transaction. Use `ctx.db` itself again after the block, not within it.
        """
        return self._unit.session()


class Elevated(Rows):
    """All users' rows, as far as migrations allow; usable within the block of `ctx.db.elevated(...)`.

    `insert` stores a row as its owner column says.
    """

    __slots__ = ("_closed", "_reason")

    def __init__(self, unit: UnitOfWork, reason: str) -> None:
        """Belong to one unit of work; `reason` goes into each audit row."""
        super().__init__(unit, Reach.ALL)
        self._reason = reason
        self._closed = False

    def close(self) -> None:
        """Refuse every further statement."""
        self._closed = True

    def _read(self, calls: Sequence[Call]) -> Coroutine[Any, Any, list[Answer]]:
        return self._write(calls)  # the audit row is written in any case

    def _write(self, calls: Sequence[Call]) -> Coroutine[Any, Any, list[Answer]]:
        if self._closed:
            raise IsolationError("the elevated block is over: no statement may follow on its handle")
        return self._unit.elevated(calls, self._reason)


def _met(answer: Answer) -> bool:
    rows, result = answer
    return bool(rows) or bool(not result.nfields and result.command_tuples)


def _row(call: Call, answer: Answer, into: type[BaseModel] | None) -> Any:
    reader = call.plan.reader
    return None if reader is None else reader.read(*answer, into)[0]
