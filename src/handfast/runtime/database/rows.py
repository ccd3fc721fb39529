"""From rows to what handlers see: values, tuples, and instances of table classes outside any session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from psycopg.pq.abc import PGresult
from pydantic import BaseModel
from sqlalchemy import ColumnElement, CompoundSelect, Delete, FromClause, Insert, Select, Update, inspect
from sqlalchemy.orm import FromStatement, Mapper
from sqlalchemy.orm.attributes import instance_state

from handfast.runtime.database.compiler import DIALECT
from handfast.runtime.database.owners import IsolationError

Processor = Callable[[Any], Any]
Processors = list[tuple[int, Processor]]
"""Which columns of a row pass through what."""
Row = tuple[Any, ...]
View = Callable[[Row], BaseModel]
"""Makes a model of a row."""


@dataclass(frozen=True, slots=True)
class Entity:
    """Consecutive columns that make up one instance of a table class."""

    mapper: Mapper[Any]
    names: tuple[str, ...]
    keys: tuple[int, ...]
    """Places of the primary key among the columns."""

    def load(self, values: Sequence[Any]) -> Any:
        """Make a detached instance out of one row's values; `None` if an outer join found nothing."""
        identity = tuple([values[place] for place in self.keys])
        if None in identity:
            return None
        instance: Any = self.mapper.class_manager.new_instance()
        # As the ORM's own loader leaves it: a session can take the instance over with `add` or `merge`.
        instance.__dict__.update(zip(self.names, values, strict=True))
        instance_state(instance).key = self.mapper.identity_key_from_primary_key(identity)
        return instance

    def fill(self, instance: Any, values: Sequence[Any]) -> None:
        """Put one row's values into `instance` as if just read, and mark it as stored and detached."""
        state = instance_state(instance)
        state.dict.update(zip(self.names, values, strict=True))
        state.key = self.mapper.identity_key_from_primary_key(tuple([values[place] for place in self.keys]))
        state._commit_all(state.dict)


@dataclass(eq=False, slots=True)
class Reader:
    """Makes values and instances out of the rows of one shape of statement."""

    columns: tuple[ColumnElement[Any], ...]
    parts: tuple[tuple[int, Entity | None], ...]
    """What each row consists of: where it starts, and the entity, or `None` for a plain value."""
    _processors: dict[tuple[int, ...], Processors] = field(default_factory=dict)
    """By the OIDs of the columns' types, on which a processor may depend."""
    _plain: bool = field(init=False)
    """No column has a processor, whatever the server sends: of most statements, whose OIDs nobody asks."""
    _views: dict[type[BaseModel], View] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find out whether values are used as psycopg loads them."""
        try:
            self._plain = not self._processors_for([_UnknownOid()] * len(self.columns))
        except _OidAsked:
            self._plain = False

    def read(self, rows: Sequence[Row], result: PGresult, into: type[BaseModel] | None = None) -> list[Any]:
        """Return per row an instance or a value, or a tuple of them where the statement has several parts.

        With `into`, a model of that class per row. Raises `TypeError` where the statement does not return
        what the model needs, and pydantic's `ValidationError` where a value is not what the model says.
        """
        rows = self.processed(rows, result)
        if into is not None:
            view = self._views.get(into)
            if view is None:
                view = self._views[into] = view_of(into, self.names)
            return list(map(view, rows))
        if len(self.parts) == 1:
            entity = self.parts[0][1]
            return [row[0] for row in rows] if entity is None else [entity.load(row) for row in rows]
        return [
            tuple(
                row[start] if entity is None else entity.load(row[start : start + len(entity.names)])
                for start, entity in self.parts
            )
            for row in rows
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """What each column of a row is called."""
        if len(self.parts) == 1 and (entity := self.parts[0][1]) is not None:
            return entity.names
        if any(entity is not None for _, entity in self.parts):
            raise TypeError("a model can be made of the columns of one table class, or of single columns")
        return tuple(str(column.key) for column in self.columns)

    def processed(self, rows: Sequence[Row], result: PGresult) -> Sequence[Row]:
        """Return `rows` as the columns' types show them in Python."""
        if result.nfields != len(self.columns):
            raise IsolationError("a statement that names a column twice cannot be read back: name it once")
        if self._plain:
            return rows
        types = tuple(map(result.ftype, range(result.nfields)))
        processors = self._processors.get(types)
        if processors is None:
            processors = self._processors[types] = self._processors_for(types)
        if not processors:
            return rows
        processed = []
        for row in rows:
            values = list(row)
            for number, processor in processors:
                values[number] = processor(values[number])
            processed.append(tuple(values))
        return processed

    def _processors_for(self, types: Sequence[Any]) -> Processors:
        found = map(_result_processor, self.columns, types)
        return [(number, one) for number, one in enumerate(found) if one is not None]


class _OidAsked(Exception):
    """Whether a type has a processor depends on what the server sends."""


class _UnknownOid:
    """An OID that tells who looks at it."""

    def __eq__(self, other: object) -> bool:
        raise _OidAsked

    def __hash__(self) -> int:
        raise _OidAsked


def view_of(model: type[BaseModel], names: Sequence[str]) -> View:
    """Return how to make a `model` of a row whose columns have `names`; what it does not know stays out."""
    fields = model.model_fields
    missing = [name for name, one in fields.items() if one.is_required() and name not in names]
    if missing:
        raise TypeError(f"`{model.__name__}` needs {missing}, which the statement does not return")
    taken = [(place, name) for place, name in enumerate(names) if name in fields]
    validate = model.__pydantic_validator__.validate_python

    def view(row: Row) -> BaseModel:
        made: BaseModel = validate({name: row[place] for place, name in taken}, by_alias=False, by_name=True)
        return made

    return view


def _result_processor(column: ColumnElement[Any], oid: Any) -> Processor | None:
    return column.type.dialect_impl(DIALECT).result_processor(DIALECT, oid)


def reader_of(statement: Any) -> Reader | None:
    """Return how to read what `statement` returns; `None` if it returns nothing."""
    if isinstance(statement, FromStatement):
        return _reader(statement.column_descriptions, list(cast("Any", statement.element).selected_columns))
    if isinstance(statement, CompoundSelect):
        first: Any = statement
        while isinstance(first, CompoundSelect):
            first = first.selects[0]
        return _reader(getattr(first, "column_descriptions", []), list(statement.selected_columns))
    if isinstance(statement, Select):
        return _reader(statement.column_descriptions, list(statement.selected_columns))
    if isinstance(statement, Insert | Update | Delete) and statement._returning:
        # SQLAlchemy's own description of RETURNING fails on a whole class.
        notes = [getattr(returned, "_annotations", {}) for returned in statement._returning]
        whole = [isinstance(returned, FromClause) for returned in statement._returning]
        described = [
            {"expr": note.get("parententity") if table else None}
            for note, table in zip(notes, whole, strict=True)
        ]
        return _reader(described, list(statement.exported_columns))
    return None


def _reader(descriptions: Sequence[Any], columns: list[ColumnElement[Any]]) -> Reader:
    parts: list[tuple[int, Entity | None]] = []
    start = 0
    for description in descriptions:
        mapper = _mapper_of(description["expr"])
        if mapper is None:
            parts.append((start, None))
            start += 1
        else:
            parts.append((start, entity(mapper, columns[start : start + len(mapper.columns)])))
            start += len(mapper.columns)
    if start != len(columns):
        # A whole plain Table: its columns one by one.
        parts = [(number, None) for number in range(len(columns))]
    return Reader(tuple(columns), tuple(parts))


def _mapper_of(expression: Any) -> Mapper[Any] | None:
    found = inspect(expression, raiseerr=False)
    if found is None or isinstance(expression, FromClause):
        return None
    if getattr(found, "is_mapper", False) or getattr(found, "is_aliased_class", False):
        mapper: Mapper[Any] = found.mapper
        return mapper
    return None


def entity(mapper: Mapper[Any], columns: Sequence[ColumnElement[Any]]) -> Entity:
    """Return how `columns` make up an instance of `mapper`'s class."""
    order = [column.key for column in columns]
    names = tuple(mapper.get_property_by_column(mapper.local_table.c[str(key)]).key for key in order)
    keys = tuple(order.index(column.key) for column in mapper.primary_key)
    return Entity(mapper, names, keys)
