"""Sorting and keyset paging of task lists.

Every sort key is a whole number, so a cursor has one form for all of them: 16 hexadecimal digits of the
key and 32 of the id, which breaks ties. Any string of that form is a position: a key beyond what the
column can hold is moved to the nearest one that it can.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Integer,
    SQLColumnExpression,
    Uuid,
    bindparam,
    case,
    func,
    tuple_,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from generated.task_management import models
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
    def of(cls, task: models.Task, sort: TaskSort) -> "Position":
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


def _type(sort: TaskSort) -> TypeEngine[Any]:
    match sort:
        case TaskSort.CREATED_AT:
            return DateTime(timezone=True)
        case TaskSort.DUE_DATE:
            return Date()
        case TaskSort.PRIORITY:
            return Integer()


def _value(sort: TaskSort, key: int) -> object:
    match sort:
        case TaskSort.CREATED_AT:
            return moment(key)
        case TaskSort.DUE_DATE:
            return date.fromordinal(min(max(key, 1), NO_DUE_DATE.toordinal()))
        case TaskSort.PRIORITY:
            return min(key, len(RANKS) + 1)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: what it holds, and where it starts."""

    sort: TaskSort
    order: SortOrder
    limit: int
    after: Position | None
    filters: Mapping[str, object]
    """The values of `FILTERS` that are given."""

    @property
    def statement(self) -> SelectOfScalar[Task]:
        """What to ask; one row more than `limit` tells if more follow."""
        return _statement(self.sort, self.order, frozenset(self.filters), self.after is not None)

    @property
    def values(self) -> dict[str, object]:
        """The values for `statement`."""
        place = {} if self.after is None else {"key": _value(self.sort, self.after.key), "id": self.after.id}
        return {**self.filters, **place, "limit": self.limit + 1}


FILTERS: Mapping[str, ColumnElement[bool]] = {
    "status": col(Task.status) == bindparam("status"),
    "priority": col(Task.priority) == bindparam("priority"),
    "due_from": col(Task.due_date) >= bindparam("due_from"),
    "due_to": col(Task.due_date) <= bindparam("due_to"),
}


@cache
def _statement(
    sort: TaskSort, order: SortOrder, filters: frozenset[str], goes_on: bool
) -> SelectOfScalar[Task]:
    """Made once for each kind of page; there are 192."""
    column, tie = _column(sort), col(Task.id)
    statement = select(Task).where(*(FILTERS[name] for name in sorted(filters)))
    ascending = order is SortOrder.ASC
    if goes_on:
        place = tuple_(bindparam("key", type_=_type(sort)), bindparam("id", type_=Uuid()))
        row = tuple_(column, tie)
        statement = statement.where(row > place if ascending else row < place)
    if ascending:
        return statement.order_by(column.asc(), tie.asc()).limit(bindparam("limit"))
    return statement.order_by(column.desc(), tie.desc()).limit(bindparam("limit"))
