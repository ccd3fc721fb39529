"""From SQLAlchemy statements to SQL text and parameters, worked out once per shape of statement.

Two statements have the same shape when they differ in values alone. SQLAlchemy tells that by a cache key, and
extracts the values along with it; everything else about a statement is kept in its `Plan`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import index
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import BindParameter, Executable, Integer, TextClause, bindparam

from handfast.runtime.database.compiler import DIALECT, DIALECTS, OWNER, IsolatingCompiler
from handfast.runtime.database.owners import IsolationError
from handfast.runtime.database.reach import Reach
from handfast.runtime.database.rows import Processor, Reader, reader_of

_KEPT = 1000
"""How many shapes are kept; beyond that the one that was not used for longest is forgotten."""


@dataclass(eq=False, slots=True)
class Call:
    """One statement ready to be sent: SQL with `$1` placeholders and the values for them."""

    sql: bytes
    values: Sequence[Any]
    plan: Plan
    keep: bool = True
    """Whether the same SQL text will come again, so that it is worth a prepared statement."""


@dataclass(eq=False, slots=True)
class Plan:
    """All that can be known of a statement without its values."""

    sql: bytes
    writes: bool
    """It changes or locks rows, and so needs an explicit transaction."""
    isolated: bool
    """It reads or writes rows that belong to a user, and so needs one."""
    names: tuple[str, ...]
    """The parameters in the order of their placeholders."""
    places: Mapping[str, int]
    """Which of the extracted values fills a parameter."""
    constants: Mapping[str, Any]
    processors: Mapping[str, Processor]
    expanding: IsolatingCompiler | None
    """Set if SQLAlchemy must write the text at each call: for lists (IN), or values quoted in it."""
    limits: Mapping[str, bytes]
    """Parameters whose number stands in the text, as that of LIMIT does -> the marks in their places."""
    fresh: Mapping[str, Callable[[], Any]]
    """Parameters that Python makes up at each call: the columns' own `default` and `onupdate`."""
    wanted: frozenset[str] = frozenset()
    """Parameters that a caller has to give a value: `bindparam(name)` without one."""
    tables: tuple[str, ...] = ()
    """The tables in it whose rows belong to users, in order of name."""
    reader: Reader | None = None
    """Makes what the statement returns out of its rows; `None` if it returns none."""
    _binders: tuple[tuple[str | None, Processor | None], ...] = field(init=False)
    """For each placeholder the parameter, None for the owner, and what its value passes through."""
    _own: Mapping[str, Any] = field(init=False)
    """The constants among the parameters."""

    def __post_init__(self) -> None:
        """Work out what each call needs."""
        self._binders = tuple(
            (None, None) if name == OWNER else (name, self.processors.get(name)) for name in self.names
        )
        placed = {*self.names, *self.limits} - {OWNER} - self.places.keys() - self.wanted
        self._own = {name: self.constants[name] for name in placed if name in self.constants}

    def call(self, extracted: Sequence[BindParameter[Any]], owner: UUID | None) -> Call:
        """Bind the values of one statement of this shape."""
        values = {name: extracted[place].effective_value for name, place in self.places.items()}
        return self.call_with(values, owner)

    def call_with(self, values: Mapping[str, Any], owner: UUID | None) -> Call:
        """Bind values by name."""
        if self.isolated and owner is None:
            raise IsolationError(
                "this operation has no user, but its statement is about rows that belong to users"
            )
        if self.fresh:
            values = {**{name: make() for name, make in self.fresh.items()}, **values}
        if self.expanding is not None:
            return self._expanded(self.expanding, values, owner)
        if self._own:
            values = {**self._own, **values}
        bound = [
            owner if name is None else values[name] if processor is None else processor(values[name])
            for name, processor in self._binders
        ]
        sql = self.sql
        for name, mark in self.limits.items():
            number = values[name]
            sql = sql.replace(mark, b"%d" % index(number))
        return Call(sql, bound, self)

    def _expanded(self, compiled: IsolatingCompiler, values: Mapping[str, Any], owner: UUID | None) -> Call:
        state = compiled.construct_expanded_state({**self.constants, **values, OWNER: owner})
        bound = []
        for name in state.positiontup or ():
            value = state.parameters[name]
            processor = state.processors.get(name) or self.processors.get(name)
            bound.append(value if processor is None or name == OWNER else processor(value))
        return Call(state.statement.encode(), bound, self, keep=False)


_plans: OrderedDict[Any, Plan] = OrderedDict()
_constant: WeakKeyDictionary[Any, dict[Reach, Plan]] = WeakKeyDictionary()


def prepare(
    statement: Executable,
    owner: UUID | None,
    reach: Reach = Reach.OWN,
    values: Mapping[str, Any] | None = None,
) -> Call:
    """Return what to send for `statement` in the name of `owner`; compiles only a shape not met before.

    With `values` for its `bindparam(name)`, `statement` is one that is made once and used again and again:
    it is known by itself, so that not even its shape has to be found out.
    """
    if isinstance(statement, TextClause) or not hasattr(statement, "_generate_cache_key"):
        raise IsolationError(
            "text cannot be kept to the user's rows: use SQLModel's select(), insert() ..., or session()"
        )
    if values is not None:
        return _filled(statement, owner, reach, values)
    key = statement._generate_cache_key()
    if key is None:
        return _filled(statement, owner, reach, {})
    shape = (reach, key.key)
    plan = _plans.get(shape)
    if plan is None:
        plan = _plans[shape] = plan_of(statement, key, reach=reach)
        if len(_plans) > _KEPT:
            _plans.popitem(last=False)
    else:
        _plans.move_to_end(shape)
    return plan.call(key.bindparams, owner)


def _filled(statement: Executable, owner: UUID | None, reach: Reach, values: Mapping[str, Any]) -> Call:
    plans = _constant.setdefault(statement, {})
    plan = plans.get(reach)
    if plan is None:
        plan = plans[reach] = plan_of(statement, reach=reach)
    if values.keys() != plan.wanted:
        lacking, unknown = sorted(plan.wanted - values.keys()), sorted(values.keys() - plan.wanted)
        if lacking:
            raise TypeError(f"the statement needs values for {lacking}")
        raise TypeError(f"the statement has no bindparam called {unknown}")
    return plan.call_with(values, owner)


def plan_of(statement: Any, key: Any = None, *, reach: Reach = Reach.OWN) -> Plan:
    """Compile `statement`; with its cache `key`, the plan serves all statements of that key."""
    compiled: IsolatingCompiler = statement.compile(dialect=DIALECTS[reach], cache_key=key)
    in_text = {compiled.bind_names[bind]: bind for bind in compiled.literal_execute_params}
    numbers = [name for name, bind in in_text.items() if isinstance(bind.type, Integer)]
    names = tuple(name for name in compiled.positiontup or () if name not in in_text)
    # Fill the statement with marks in place of values, and see where each mark comes out.
    marks = (
        [bindparam(None, object(), type_=found.type) for found in key.bindparams] if key is not None else []
    )
    place_of = {id(mark.value): place for place, mark in enumerate(marks)}
    filled = compiled.construct_params(extracted_parameters=marks) if marks else {}
    places = {name: place_of[id(value)] for name, value in filled.items() if id(value) in place_of}
    fresh = {column.key: partial(default_of, column.default) for column in compiled.insert_prefetch}
    fresh |= {column.key: partial(default_of, column.onupdate) for column in compiled.update_prefetch}
    given = compiled.construct_params(_check=key is not None)
    constants = {name: value for name, value in given.items() if name not in places}
    wanted = (
        frozenset(bind.key for bind in compiled.bind_names if bind.required) if key is None else frozenset()
    )
    processors: dict[str, Processor] = {}
    for name in names:
        kind = compiled.binds[name].type
        processor = kind.dialect_impl(DIALECT).bind_processor(DIALECT)
        if processor is not None:
            processors[name] = processor
    return Plan(
        sql=str(compiled).encode(),
        writes=compiled.writes,
        isolated=compiled.uses_owner,
        names=names,
        places=places,
        constants=constants,
        processors=processors,
        fresh=fresh,
        expanding=compiled if compiled.post_compile_params or len(numbers) < len(in_text) else None,
        limits={name: f"__[POSTCOMPILE_{name}]".encode() for name in numbers},
        wanted=wanted,
        tables=tuple(sorted(compiled.owned)),
        reader=reader_of(statement),
    )


def default_of(default: Any) -> Any:
    """Return what a column's `default` or `onupdate` gives this time."""
    return default.arg(None) if default.is_callable else default.arg
