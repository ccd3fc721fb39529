"""`ctx.db`: what handlers do with the database. It sees and changes the user's own rows only."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, overload
from uuid import UUID

from sqlalchemy import ClauseElement, Executable
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select, SelectOfScalar

from handfast.runtime.database import single, statements
from handfast.runtime.database.single import KEY
from handfast.runtime.database.statements import Call, Plan
from handfast.runtime.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from handfast.runtime.database.unit import Answer, UnitOfWork

T = TypeVar("T", bound=SQLModel)
V = TypeVar("V")
Vs = TypeVarTuple("Vs")


class Database:
    """The rows of one request's user, in one request's transaction.

    Every statement is kept to rows that the user owns: tables with an `__owner__` get `owner = user`
    wherever they appear. Handlers neither filter by user nor commit. Several coroutines of one request may
    use it; their statements are sent one after the other.
    """

    def __init__(self, unit: UnitOfWork) -> None:
        """Belong to one unit of work."""
        self._unit = unit

    async def get(self, table: type[T], key: UUID, *, lock: bool = False) -> T:
        """Return the row with this primary key, locked until the transaction ends if `lock` (FOR UPDATE).

        Raises `NotFound` if there is none, and `Forbidden` if it is somebody else's.
        """
        plan = single.get_plan(table, lock)
        row: T = await self._one(table, key, plan, {KEY: key})
        return row

    @overload
    async def first(self, statement: SelectOfScalar[V]) -> V | None: ...
    @overload
    async def first(self, statement: Select[*Vs]) -> tuple[*Vs] | None: ...
    @overload
    async def first(self, statement: Executable) -> Any: ...
    async def first(self, statement: Any) -> Any:
        """Return the first row, or `None` if there is none; of a statement for one thing, that thing."""
        rows = await self._rows(statement)
        return rows[0] if rows else None

    @overload
    async def all(self, statement: SelectOfScalar[V]) -> list[V]: ...
    @overload
    async def all(self, statement: Select[*Vs]) -> list[tuple[*Vs]]: ...
    @overload
    async def all(self, statement: Executable) -> list[Any]: ...
    async def all(self, statement: Any) -> Any:
        """Return all rows: instances and values that belong to no session."""
        return await self._rows(statement)

    async def insert(self, row: T) -> T:
        """Store `row` as the user's, and return it with what the database filled in."""
        known = single.single(type(row))
        given = {name: value for name, value in row.__dict__.items() if name in known.attributes}
        values: dict[str, Any] = {}
        for name, column in known.attributes.items():
            value = given.get(name)
            if value is None:
                if column.default is not None and (column.default.is_scalar or column.default.is_callable):
                    value = statements.default_of(column.default)
                elif column.server_default is not None or column is known.table.autoincrement_column:
                    continue  # the database fills it in
            if column is not known.owner:
                values[name] = value
        plan = single.insert_plan(type(row), tuple(values))
        rows, result = await self._write(plan, {f"set_{name}": value for name, value in values.items()})
        (stored,) = known.reader.processed(rows, result)
        known.entity.fill(row, stored)
        return row

    async def update(self, table: type[T], key: UUID, /, **values: object) -> T:
        """Change columns of the row with this primary key and return the row as it is then.

        Raises `NotFound` and `Forbidden` as `get` does. A value may be an SQL expression.
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
            changed: T = await self._one_by(
                table, key, single.update_call(table, key, values, self._unit.owner)
            )
            return changed
        plan = single.update_plan(table, tuple(sorted(values)))
        row: T = await self._one(
            table, key, plan, {KEY: key, **{f"set_{name}": value for name, value in values.items()}}
        )
        return row

    async def delete(self, table: type[T], key: UUID) -> None:
        """Delete the row with this primary key; raises `NotFound` and `Forbidden` as `get` does."""
        await self._one(table, key, single.delete_plan(table), {KEY: key})

    async def execute(self, statement: Executable) -> int:
        """Run a statement that changes many rows, and return how many of the user's it touched."""
        (answer,) = await self._unit.write([statements.prepare(statement, self._unit.owner)])
        return answer[1].command_tuples or 0

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

    async def _rows(self, statement: Executable) -> list[Any]:
        call = statements.prepare(statement, self._unit.owner)
        if call.plan.reader is None:
            raise TypeError("this statement returns no rows: use execute()")
        run = self._unit.write if call.plan.writes else self._unit.read
        ((rows, result),) = await run([call])
        return call.plan.reader.read(rows, result)

    async def _write(self, plan: Plan, values: dict[str, Any]) -> Answer:
        (answer,) = await self._unit.write([plan.call_with(values, self._unit.owner)])
        return answer

    async def _one(self, table: type[T], key: object, plan: Plan, values: dict[str, Any]) -> Any:
        return await self._one_by(table, key, plan.call_with(values, self._unit.owner))

    async def _one_by(self, table: type[T], key: object, call: Call) -> Any:
        """Run `call`, which is about one row, and return that row; tell 404 from 403 if it met none."""
        run = self._unit.write if call.plan.writes else self._unit.read
        (answer,) = await run([call])
        if _met(answer):
            return _row(call, answer)
        if not call.plan.isolated:
            raise NotFound
        # Asked first and tried again: a row of the user's own that came between is found, not forbidden.
        probed, answer = await run([single.probe_call(table, key), call])
        if _met(answer):
            return _row(call, answer)
        raise Forbidden if probed[0][0][0] else NotFound


def _met(answer: Answer) -> bool:
    rows, result = answer
    return bool(rows) or bool(not result.nfields and result.command_tuples)


def _row(call: Call, answer: Answer) -> Any:
    reader = call.plan.reader
    return None if reader is None else reader.read(*answer)[0]
