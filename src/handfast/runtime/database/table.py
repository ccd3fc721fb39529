"""`Table`: a SQLModel base whose rows cost little to make."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy.orm import ClassManager
from sqlalchemy.orm.base import opt_manager_of_class
from sqlmodel import SQLModel

_PLAIN: Final = (str, int, float, bytes, Decimal, UUID, date, time, timedelta, enum.Enum, type(None))
"""Types of defaults that all rows may share, since nobody can change them."""


class Table(SQLModel):
    """Base of table classes; whatever SQLModel's own table classes do, these do too.

    SQLModel sets each attribute of a new row through pydantic and through SQLAlchemy, which notes a history
    that a row needs only once it is stored. Here a new row's columns are put into it at once, a sixth of the
    work (`python -m tools.bench.rows`). Rows that are made with relationships go SQLModel's way.
    """

    def __new__(cls, *args: Any, **data: Any) -> Self:
        """Give a new row the state that SQLAlchemy keeps of it.

        SQLAlchemy would find out by an error that it has none, and call `__init__` by way of its events.
        """
        made: Self = super().__new__(cls)
        if data:
            known = _known(cls)
            if known is not None and known.manager is not None and _has_no_events(known.manager):
                known.manager.setup_instance(made)
        return made

    def __init__(self, **data: Any) -> None:
        """Make a row; what is not given takes its default."""
        known = _known(type(self))
        if not data or known is None or not data.keys() <= known.names:
            super().__init__(**data)
            return
        values = self.__dict__
        values.update(known.defaults)
        for name, make in known.factories.items():
            if name not in data:
                values[name] = make()
        values.update(data)
        self.__pydantic_fields_set__.update(data)


@dataclass(frozen=True, slots=True)
class _Known:
    """What a new row consists of."""

    names: frozenset[str]
    defaults: Mapping[str, Any]
    factories: Mapping[str, Callable[[], Any]]
    manager: ClassManager[Any] | None
    """Where SQLAlchemy keeps what it does with instances."""


@cache
def _known(cls: type[SQLModel]) -> _Known | None:
    """Return what rows of `cls` are made of; None where only SQLModel knows."""
    defaults: dict[str, Any] = {}
    factories: dict[str, Callable[[], Any]] = {}
    for name, field in cls.model_fields.items():
        make: Any = field.default_factory
        if field.alias not in (None, name):
            return None
        if make is not None:
            if field.default_factory_takes_validated_data:
                return None
            factories[name] = make
        elif not field.is_required():
            if not isinstance(field.default, _PLAIN):
                return None
            defaults[name] = field.default
    return _Known(frozenset(cls.model_fields), defaults, factories, opt_manager_of_class(cls))


def _has_no_events(manager: ClassManager[Any]) -> bool:
    """Whether nobody listens to new instances but the mapper, which then has nothing to do."""
    mapper = manager.mapper
    return mapper.configured and mapper.polymorphic_on is None and len(manager.dispatch.init) == 1
