"""One row by its key: plans made once per table class, no SQLAlchemy expression per call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Column,
    Executable,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import class_mapper
from sqlmodel import SQLModel

from handfast.runtime.database.owners import IsolationError, owner_column, single_key
from handfast.runtime.database.policies import existence_function
from handfast.runtime.database.reach import Reach
from handfast.runtime.database.rows import Entity, Reader, entity
from handfast.runtime.database.statements import Call, Plan, plan_of, prepare

KEY = "handfast_key"
"""The name of the parameter that carries a row's key."""
_KEPT = 1000


@dataclass(frozen=True, eq=False, slots=True)
class Single:
    """What is known of a table class for reading and writing one row."""

    entity: Entity
    table: Table
    attributes: Mapping[str, Column[Any]]
    """Attribute name → column."""
    reader: Reader
    """For rows of all columns."""
    columns: tuple[tuple[str, str, Any, bool, bool], ...]
    """Attribute, the parameter that sets it, default in Python, whether the database fills it in, whether
    it is the owner."""

    @property
    def key(self) -> Column[Any]:
        """The primary key, apart from the owner."""
        key = single_key(self.table)
        if key is None:
            name = self.entity.mapper.class_.__name__
            raise IsolationError(
                f"`{name}` has no primary key of one column: use select(), update() or delete()"
            )
        return self.table.columns[key]


@cache
def single(cls: type[SQLModel]) -> Single:
    """Return what there is to know of the table class `cls`."""
    mapper = class_mapper(cls)
    table = cast("Table", mapper.local_table)
    columns = tuple(table.columns)
    made = entity(mapper, columns)
    attributes = {mapper.get_property_by_column(column).key: column for column in columns}
    reader = Reader(columns, ((0, made),))
    owner = owner_column(table)
    each = tuple(
        (name, parameter_of(name), _default(one), _is_left_out(one), one is owner)
        for name, one in attributes.items()
    )
    return Single(made, table, attributes, reader, each)


def _default(column: Column[Any]) -> Any:
    default = column.default
    return default if default is not None and (default.is_scalar or default.is_callable) else None


def _is_left_out(column: Column[Any]) -> bool:
    return column.server_default is not None or column is column.table.autoincrement_column


@cache
def parameter_of(attribute: str) -> str:
    """What the parameter is called that sets an attribute; asked for each value that is written."""
    return f"set_{attribute}"


@cache
def get_plan(cls: type[SQLModel], lock: bool, reach: Reach) -> Plan:
    """Plan of `select ... where key = $1`, locking the row if `lock`."""
    known = single(cls)
    statement = select(*known.reader.columns).where(known.key == bindparam(KEY, type_=known.key.type))
    return _plan_for_row(known, statement.with_for_update() if lock else statement, reach)


@lru_cache(maxsize=_KEPT)
def update_plan(cls: type[SQLModel], names: tuple[str, ...], reach: Reach) -> Plan:
    """Plan of `update ... set names where key = $n returning ...`; the values are called `set_<name>`."""
    known = single(cls)
    statement = update(known.table).where(known.key == bindparam(KEY, type_=known.key.type))
    changed = statement.values(_placeholders(known, names)).returning(*known.reader.columns)
    return _plan_for_row(known, changed, reach)


@cache
def delete_plan(cls: type[SQLModel], reach: Reach) -> Plan:
    """Plan of `delete ... where key = $1`."""
    known = single(cls)
    statement = delete(known.table).where(known.key == bindparam(KEY, type_=known.key.type))
    return plan_of(statement, reach=reach)


@lru_cache(maxsize=_KEPT)
def insert_plan(cls: type[SQLModel], parameters: tuple[str, ...], reach: Reach) -> Plan:
    """Plan of `insert ... returning ...` with the columns that these `set_<name>` set."""
    known = single(cls)
    names = tuple(name for name, parameter, *_ in known.columns if parameter in parameters)
    statement = insert(known.table).values(_placeholders(known, names))
    return _plan_for_row(known, statement.returning(*known.reader.columns), reach)


def update_call(
    cls: type[SQLModel], key: object, values: Mapping[str, Any], owner: UUID | None, reach: Reach
) -> Call:
    """Return an update of one row whose values may be SQL expressions."""
    known = single(cls)
    columns = {known.attributes[name]: value for name, value in values.items()}
    statement = update(known.table).where(known.key == key).values(columns)
    call = prepare(statement.returning(*known.reader.columns), owner, reach)
    return replace(call, plan=replace(call.plan, reader=known.reader))


def probe_call(cls: type[SQLModel], key: object) -> Call:
    """Return the question whether a row with this key exists, whoever owns it."""
    return _probe_plan(cls).call_with({KEY: key}, None)


@cache
def _probe_plan(cls: type[SQLModel]) -> Plan:
    known = single(cls)
    question = getattr(func, existence_function(known.table.name))(bindparam(KEY, type_=known.key.type))
    return plan_of(select(question), None)


def _placeholders(known: Single, names: tuple[str, ...]) -> dict[Column[Any], BindParameter[Any]]:
    columns = {name: known.attributes[name] for name in names}
    return {column: bindparam(parameter_of(name), type_=column.type) for name, column in columns.items()}


def _plan_for_row(known: Single, statement: Executable, reach: Reach) -> Plan:
    plan = plan_of(statement, reach=reach)
    plan.reader = known.reader
    return plan
