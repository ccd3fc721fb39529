"""Which column of a table says whose row it is.

A table class says it itself: `__owner__: ClassVar[str | None] = "user_id"`, or `None` for a reference table
that everybody shares. Silence is a fault, so that no table is shared by oversight. A plain `sqlalchemy.Table`
(a link table, say) says it in `info={"owner": ...}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.orm import class_mapper
from sqlalchemy.orm.exc import UnmappedClassError
from sqlmodel import SQLModel

USER_SETTING = "app.user_id"
"""The setting that carries the user of the transaction to the policies."""

_declared: WeakKeyDictionary[Table, str | None] = WeakKeyDictionary()


class IsolationError(Exception):
    """A statement that cannot be kept to its user's rows: the handler's or its tables' mistake."""


class Undeclared(IsolationError):
    """A table that does not say whose its rows are."""


def owner_name(table: Table) -> str | None:
    """Return the name of the owner column of `table`, `None` if shared; `Undeclared` if it does not say."""
    try:
        return _declared[table]
    except KeyError:
        pass
    declared: str | None = table.info["owner"] if "owner" in table.info else _of_class(table)
    if declared is not None and declared not in table.columns:
        raise Undeclared(f"table `{table.name}`: its owner column `{declared}` does not exist")
    _declared[table] = declared
    return declared


def owner_column(table: Table) -> Column[Any] | None:
    """Return the owner column of `table`, `None` if shared; `Undeclared` if it does not say."""
    name = owner_name(table)
    return None if name is None else table.columns[name]


def owned_tables(metadata: MetaData) -> Iterator[tuple[Table, Column[Any]]]:
    """Yield the tables of `metadata` that belong to users, each with its owner column, in order of name."""
    for table in sorted(metadata.tables.values(), key=lambda table: table.fullname):
        try:
            column = owner_column(table)
        except Undeclared:
            continue
        if column is not None:
            yield table, column


def _of_class(table: Table) -> str | None:
    for cls in _subclasses(SQLModel):
        try:
            mapped = class_mapper(cls, configure=False).local_table
        except UnmappedClassError:
            continue
        if mapped is table and hasattr(cls, "__owner__"):
            owner: str | None = cls.__owner__
            return owner
    raise Undeclared(f"table `{table.name}` does not say whose its rows are")


def _subclasses(cls: type) -> Iterator[type[Any]]:
    subclass: type[Any]
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
