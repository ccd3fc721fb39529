"""Sorting and keyset paging of task lists.

Every sort key is a whole number, so a cursor has one form for all of them: 16 hexadecimal digits of the
key and 32 of the id, which breaks ties. Any string of that form is a position: a key beyond what the
column can hold is moved to the nearest one that it can.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Date,
    DateTime,
    Integer,
    SQLColumnExpression,
    Uuid,
    case,
    func,
    literal,
    tuple_,
)
from sqlmodel import col
from sqlmodel.sql.expression import SelectOfScalar

from generated.task_management.models import SortOrder, TaskSort
from handlers.task_management.tables import Task

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime.max.replace(tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RANKS = {"low": 1, "medium": 2, "high": 3}
NO_DUE_DATE = date.max
"""Tasks without a due date sort as if due on the last day there is."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a sorted list: just after the task with this key and id."""

    key: int
    id: UUID

    @classmethod
    def parse(cls, cursor: str) -> "Position":
        """Read a cursor; the contract's pattern has made sure of 48 hexadecimal digits."""
        return cls(key=int(cursor[:16], 16), id=UUID(hex=cursor[16:]))

    @classmethod
    def of(cls, task: Task, sort: TaskSort) -> "Position":
        """The place just after `task`."""
        match sort:
            case TaskSort.CREATED_AT:
                key = (task.created_at - EPOCH) // MICROSECOND
            case TaskSort.DUE_DATE:
                key = (task.due_date or NO_DUE_DATE).toordinal()
            case TaskSort.PRIORITY:
                key = RANKS[task.priority]
        return cls(key=key, id=task.id)

    def __str__(self) -> str:
        """Return the cursor."""
        return f"{self.key:016x}{self.id.hex}"


def moment(key: int) -> datetime:
    """Return the moment that many microseconds after 1970, the last one there is if it would be later."""
    return EPOCH + MICROSECOND * min(key, (LAST_MOMENT - EPOCH) // MICROSECOND)


def _column(sort: TaskSort) -> SQLColumnExpression[Any]:
    match sort:
        case TaskSort.CREATED_AT:
            return col(Task.created_at)
        case TaskSort.DUE_DATE:
            return func.coalesce(col(Task.due_date), NO_DUE_DATE)
        case TaskSort.PRIORITY:
            return case(RANKS, value=col(Task.priority))


def _literal(sort: TaskSort, key: int) -> BindParameter[Any]:
    match sort:
        case TaskSort.CREATED_AT:
            return literal(moment(key), DateTime(timezone=True))
        case TaskSort.DUE_DATE:
            return literal(date.fromordinal(min(max(key, 1), NO_DUE_DATE.toordinal())), Date())
        case TaskSort.PRIORITY:
            return literal(min(key, len(RANKS) + 1), Integer())


def page(
    statement: SelectOfScalar[Task], *, sort: TaskSort, order: SortOrder, after: Position | None, limit: int
) -> SelectOfScalar[Task]:
    """Sort `statement` and start it after `after`; one row more than `limit` tells if more follow."""
    column, tie = _column(sort), col(Task.id)
    if after is not None:
        place = tuple_(_literal(sort, after.key), literal(after.id, Uuid()))
        row = tuple_(column, tie)
        statement = statement.where(row > place if order is SortOrder.ASC else row < place)
    if order is SortOrder.ASC:
        return statement.order_by(column.asc(), tie.asc()).limit(limit + 1)
    return statement.order_by(column.desc(), tie.desc()).limit(limit + 1)
