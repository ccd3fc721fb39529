"""Which column of a table says whose row it is.

A table class says it itself: `__owner__: ClassVar[str | None] = "user_id"`, or `None` for a reference table
that everybody shares. Silence is a fault, so that no table is shared by oversight. A plain `sqlalchemy.Table`
(a link table, say) says it in `info={"owner": ...}`.

Two more things may be declared beside it, each held against the database as the owner is:

    __shared__: ClassVar[Sharing] = Sharing(by="task_shares", key="task_id")   # rows shared with other users
    __elevation__: ClassVar[Elevation] = "read"                # all users' rows for `ctx.db.elevated(...)`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Table
from sqlalchemy.orm import class_mapper
from sqlalchemy.orm.exc import UnmappedClassError
from sqlmodel import SQLModel

USER_SETTING = "app.user_id"
"""The setting that carries the user of the transaction to the policies."""

Elevation: TypeAlias = Literal["read", "write"]
"""What `ctx.db.elevated(...)` may do with all users' rows of a table."""

_declared: WeakKeyDictionary[Table, str | None] = WeakKeyDictionary()
_sharings: WeakKeyDictionary[Table, Sharing | None] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Sharing:
    """How rows of a table are shared: each row of the table `by` shares one row with one user.

    The owner column of `by` is the owner of the shared row; `(owner, key)` refers to it as one foreign key.
    """

    by: str
    """The table of shares."""
    key: str
    """Its column that holds the shared row's primary key."""
    grantee: str = "grantee_id"
    """Its column that names the user who gets access."""
    writable: str = "may_write"
    """Its boolean column: whether that user may change the row too."""


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
    declared = _of_class(table)
    if declared is not None and declared not in table.columns:
        raise Undeclared(f"table `{table.name}`: its owner column `{declared}` does not exist")
    _declared[table] = declared
    return declared


def owner_column(table: Table) -> Column[Any] | None:
    """Return the owner column of `table`, `None` if shared; `Undeclared` if it does not say."""
    name = owner_name(table)
    return None if name is None else table.columns[name]


def owned_tables(tables: Iterable[Table]) -> Iterator[tuple[Table, Column[Any]]]:
    """Yield those of `tables` that belong to users, each with its owner column, in order of name."""
    for table in sorted(tables, key=lambda table: table.fullname):
        try:
            column = owner_column(table)
        except Undeclared:
            continue
        if column is not None:
            yield table, column


def sharing_of(table: Table) -> Sharing | None:
    """Return how rows of `table` are shared with other users, `None` if they are not."""
    try:
        return _sharings[table]
    except KeyError:
        pass
    found: Sharing | None = _declaration(table, "shared", None)
    _sharings[table] = found
    return found


def share_table_of(table: Table, sharing: Sharing) -> Table:
    """Return the table that holds the shares of `table`; `Undeclared` if it or a column of it is missing."""
    key = sharing.by if table.schema is None else f"{table.schema}.{sharing.by}"
    shares = table.metadata.tables.get(key)
    if shares is None:
        raise Undeclared(f"table `{table.name}`: the table of its shares, `{sharing.by}`, does not exist")
    for column in (sharing.key, sharing.grantee, sharing.writable):
        if column not in shares.columns:
            raise Undeclared(f"table `{table.name}`: the column `{sharing.by}.{column}` does not exist")
    if owner_name(shares) is None:
        raise Undeclared(f"table `{table.name}`: its shares in `{sharing.by}` need an `__owner__`")
    return shares


def shares_in(table: Table) -> Sharing | None:
    """Return the sharing whose shares are the rows of `table`, `None` if they are something else."""
    for other in table.metadata.tables.values():
        sharing = sharing_of(other)
        if sharing is not None and sharing.by == table.name and other.schema == table.schema:
            return sharing
    return None


def elevation_of(table: Table) -> Elevation | None:
    """Return what elevated statements may do with all users' rows of `table`; `None`: nothing."""
    found: Elevation | None = _declaration(table, "elevation", None)
    return found


def single_key(table: Table) -> str | None:
    """Return the primary key's one column apart from the owner, `None` if it has another number of them."""
    owner = owner_name(table)
    names = [column.name for column in table.primary_key if column.name != owner]
    return names[0] if len(names) == 1 else None


_MISSING: Any = object()


def _of_class(table: Table) -> str | None:
    owner = _declaration(table, "owner", _MISSING)
    if owner is _MISSING:
        raise Undeclared(f"table `{table.name}` does not say whose its rows are")
    found: str | None = owner
    return found


def _declaration(table: Table, name: str, default: Any) -> Any:
    """Return what the class of `table`, or its `info`, says under `name`."""
    if name in table.info:
        return table.info[name]
    for cls in _subclasses(SQLModel):
        try:
            mapped = class_mapper(cls, configure=False).local_table
        except UnmappedClassError:
            continue
        if mapped is table and hasattr(cls, f"__{name}__"):
            return getattr(cls, f"__{name}__")
    return default


def _subclasses(cls: type) -> Iterator[type[Any]]:
    subclass: type[Any]
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
