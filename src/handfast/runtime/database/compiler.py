"""The first wall: SQL in which every table that belongs to users is filtered by its owner.

How far the filter reaches is a property of the dialect that a statement is compiled with (`reach`).

The filter is put in where SQLAlchemy renders a FROM list, so it reaches whatever ends up as SQL: subqueries,
CTEs, EXISTS, unions, aliases, relationship joins. What is optional in an outer join is filtered in its ON
clause; UPDATE and DELETE are filtered on target and sources; INSERT gets the owner as a value.

The wall fails closed: a table that is rendered without having been filtered is an `IsolationError`, so
neither a construct unknown to this module nor a new SQLAlchemy can open it. What is given as text could say
anything, `or` for one, so it is refused, and the statement's own conditions stand in parentheses before ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    FromClause,
    Insert,
    Integer,
    Join,
    Select,
    Table,
    Update,
    and_,
    bindparam,
)
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.selectable import Alias, FromGrouping, TableSample

from handfast.runtime.database.owners import IsolationError, owner_column
from handfast.runtime.database.reach import Access, Reach, criterion

OWNER = "handfast_owner"
"""The name of the parameter that carries the user's id."""

_TEXT = (
    "text within a statement could lead around the user's rows: use SQLModel's expressions, "
    "or session(), where row security alone stands"
)
_POWERFUL = frozenset(
    {"set_config", "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml"}
    | {f"{whole}_to_xml{tail}" for whole in ("table", "schema", "database") for tail in ("", "schema")}
)


class IsolatingCompiler(PGCompiler_psycopg):
    """SQLAlchemy's compiler for psycopg, adding the owner filter.

    (SQLAlchemy leaves many methods of its compilers without types: hence the ignores.)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Compile; SQLAlchemy's compilers do their work as they are made."""
        self._filtered: list[set[Table]] = []
        self.uses_owner = False
        self.writes = False
        """Whether the statement changes rows or locks them: then it needs an explicit transaction."""
        self.owned: set[str] = set()
        """Names of the tables in it whose rows belong to users."""
        super().__init__(*args, **kwargs)

    def _compose_select_body(
        self,
        text: str,
        select: Any,
        compile_state: Any,
        inner_columns: Any,
        froms: Any,
        byfrom: Any,
        toplevel: Any,
        kwargs: Any,
    ) -> str:
        tables: set[Table] = set()
        criteria: list[ColumnElement[bool]] = []
        rewritten = []
        # A lock needs the right to change what it locks.
        access = Access.READ if select._for_update_arg is None else Access.CHANGE
        for source in froms:
            source, added = self._isolate(source, tables, access)
            rewritten.append(source)
            criteria += added
        if criteria:
            select = _with_criteria(select, criteria)
        self._filtered.append(tables)
        try:
            composed: str = super()._compose_select_body(  # type: ignore[no-untyped-call]
                text, select, compile_state, inner_columns, rewritten, byfrom, toplevel, kwargs
            )
        finally:
            self._filtered.pop()
        return composed

    def visit_update(self, update_stmt: Update, *args: Any, **kwargs: Any) -> str:
        """Render an UPDATE of the user's rows, from the user's rows."""
        self.writes = True
        update_stmt, tables = self._isolate_change(update_stmt, Access.CHANGE, **kwargs)
        owner = owner_column(_target(update_stmt))
        _refuse_new_owner(owner, _assigned(update_stmt))
        self._filtered.append(tables)
        try:
            return super().visit_update(update_stmt, *args, **kwargs)
        finally:
            self._filtered.pop()

    def visit_delete(self, delete_stmt: Delete, *args: Any, **kwargs: Any) -> str:
        """Render a DELETE of the user's rows."""
        self.writes = True
        delete_stmt, tables = self._isolate_change(delete_stmt, Access.DELETE, **kwargs)
        self._filtered.append(tables)
        try:
            text: str = super().visit_delete(delete_stmt, *args, **kwargs)  # type: ignore[no-untyped-call]
        finally:
            self._filtered.pop()
        return text

    def visit_insert(self, insert_stmt: Insert, *args: Any, **kwargs: Any) -> str:
        """Render an INSERT whose rows belong to the user, whatever the statement said.

        An elevated one has to say whose they are.
        """
        self.writes = True
        table = _target(insert_stmt)
        owner = owner_column(table)
        if owner is not None:
            self.owned.add(table.name)
        _refuse_new_owner(owner, _assigned_on_conflict(insert_stmt))
        if owner is not None and self.reach is not Reach.ALL:
            insert_stmt = _insert_for(insert_stmt, owner, self._owner_parameter(owner))
        # ON CONFLICT DO UPDATE names the target table; row security watches over the row that it meets.
        self._filtered.append({table})
        try:
            text: str = super().visit_insert(insert_stmt, *args, **kwargs)  # type: ignore[no-untyped-call]
        finally:
            self._filtered.pop()
        return text

    def for_update_clause(self, select: Any, **kwargs: Any) -> str:
        """Render the lock, and note that there is one."""
        self.writes = True
        text: str = super().for_update_clause(select, **kwargs)  # type: ignore[no-untyped-call]
        return text

    def limit_clause(self, select: Any, **kwargs: Any) -> str:
        """Render LIMIT with a mark for its number, which `Plan` puts into the text.

        PostgreSQL takes a parameter there for a tenth of all rows, and so plans the statement anew each time.
        """
        if select._simple_int_clause(select._limit_clause):
            number = select._limit_clause
            select = select._generate()
            select._limit_clause = number.render_literal_execute()
        elif isinstance(select._limit_clause, BindParameter):
            number = select._limit_clause
            select = select._generate()
            select._limit_clause = bindparam(
                number.key, number.value, Integer(), required=number.required, literal_execute=True
            )
        text: str = super().limit_clause(select, **kwargs)  # type: ignore[no-untyped-call]
        return text

    def visit_textclause(self, textclause: Any, *args: Any, **kwargs: Any) -> str:
        """Refuse what is given as text, in a condition, an ORDER BY or a prefix."""
        raise IsolationError(_TEXT)

    def visit_textual_select(self, taf: Any, *args: Any, **kwargs: Any) -> str:
        """Refuse a SELECT that is given as text."""
        raise IsolationError(_TEXT)

    def visit_column(self, column: Any, *args: Any, **kwargs: Any) -> str:
        """Render a column; `literal_column()` only for the `*` of `count(*)`."""
        if getattr(column, "is_literal", False) and column.name != "*":
            raise IsolationError(_TEXT)
        text: str = super().visit_column(column, *args, **kwargs)
        return text

    def visit_function(self, func: Any, *args: Any, **kwargs: Any) -> str:
        """Render a function, unless it could change whose transaction this is, or run text."""
        if func.name.lower() in _POWERFUL:
            raise IsolationError(f"`{func.name}()` could reach other users' rows")
        text: str = super().visit_function(func, *args, **kwargs)
        return text

    def get_statement_hint_text(self, hint_texts: Any) -> str:
        """Refuse hints: they are text."""
        raise IsolationError(_TEXT)

    def get_from_hint_text(self, table: Any, text: Any) -> str:
        """Refuse hints: they are text."""
        raise IsolationError(_TEXT)

    def visit_table(self, table: Any, asfrom: Any = False, *args: Any, **kwargs: Any) -> str:
        """Render a table's name; an owned one only after its filter."""
        if (
            asfrom
            and owner_column(_plain(table)) is not None
            and not (self._filtered and _plain(table) in self._filtered[-1])
        ):
            raise IsolationError(f"`{table.name}` is used in a way that cannot be kept to the user's rows")
        text: str = super().visit_table(table, asfrom, *args, **kwargs)  # type: ignore[no-untyped-call]
        return text

    @property
    def reach(self) -> Reach:
        """Whose rows the statement may meet."""
        return self.dialect.reach if isinstance(self.dialect, IsolatingDialect) else Reach.OWN

    def _isolate(
        self, source: FromClause, tables: set[Table], access: Access = Access.READ
    ) -> tuple[FromClause, list[ColumnElement[bool]]]:
        """Return `source` with filters in its outer joins, and the filters that belong into WHERE.

        Adds the tables that are filtered so to `tables`.
        """
        if isinstance(source, FromGrouping):
            return self._isolate(source.element, tables, access)
        if isinstance(source, Join):
            return self._isolate_join(source, tables, access)
        table = source
        while isinstance(table, Alias | TableSample):
            table = table.element
        if not isinstance(table, Table):
            return source, []  # a subquery, CTE, function or VALUES: whatever it reads is filtered inside
        table = _plain(table)
        owner = owner_column(table)
        if owner is None:
            return source, []
        tables.add(table)
        self.owned.add(table.name)
        user = bindparam(OWNER, None, type_=owner.type)
        added = criterion(source, table, self.reach, access, user)
        self.uses_owner = self.uses_owner or added is not None
        return source, [] if added is None else [added]

    def _isolate_join(
        self, join: Join, tables: set[Table], access: Access
    ) -> tuple[FromClause, list[ColumnElement[bool]]]:
        left, left_criteria = self._isolate(join.left, tables, access)
        right, right_criteria = self._isolate(join.right, tables, access)
        if join.full and (left_criteria or right_criteria):
            raise IsolationError(
                "FULL JOIN of owned tables: join subqueries, which are filtered before they are joined"
            )
        onclause = join.onclause
        if join.isouter and right_criteria:
            # In WHERE it would drop the left row along with a right row of somebody else.
            onclause = and_(*_bracketed(onclause), *right_criteria)
            right_criteria = []
        if left is join.left and right is join.right and onclause is join.onclause:
            return join, left_criteria + right_criteria
        return Join(
            left, right, onclause, isouter=join.isouter, full=join.full
        ), left_criteria + right_criteria

    def _isolate_change(self, statement: Any, access: Access, **kwargs: Any) -> tuple[Any, set[Table]]:
        """Return an UPDATE or DELETE with filters on its target and on the tables that it reads beside it."""
        tables: set[Table] = set()
        # The same work that rendering does first: it finds the tables that the conditions bring in.
        state = statement._compile_state_factory(statement, self, **kwargs)
        criteria: list[ColumnElement[bool]] = []
        for source in (state.statement.table, *state._extra_froms):
            changed = source is state.statement.table
            isolated, added = self._isolate(source, tables, access if changed else Access.READ)
            if isolated is not source:
                raise IsolationError("an outer join in UPDATE or DELETE: use a subquery in its condition")
            criteria += added
        return (_with_criteria(statement, criteria) if criteria else statement), tables

    def _owner_parameter(self, owner: ColumnElement[Any]) -> BindParameter[Any]:
        self.uses_owner = True
        return bindparam(OWNER, None, type_=owner.type)


class IsolatingDialect(PGDialect_psycopg):
    """PostgreSQL as libpq speaks it (`$1` for parameters), with the owner filter in every statement."""

    statement_compiler = IsolatingCompiler
    supports_statement_cache = True
    # Never connected, so what the server would be asked for is said here: backslashes are plain characters.
    _backslash_escapes = False

    def __init__(self, reach: Reach = Reach.OWN) -> None:
        """Make the dialect of statements that reach so far."""
        super().__init__(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
        self.reach = reach


DIALECT = IsolatingDialect()
"""The one for the user's own rows."""
DIALECTS = {reach: DIALECT if reach is Reach.OWN else IsolatingDialect(reach) for reach in Reach}
"""One for each reach."""


def _plain(table: Any) -> Table:
    """Return the table itself where SQLAlchemy's ORM has wrapped it in notes of its own."""
    plain: Table = table._deannotate() if table._annotations else table
    # The copy without notes is another object; the one that the class was mapped to is the known one.
    return plain.metadata.tables.get(plain.key, plain)


def _target(statement: Update | Delete | Insert) -> Table:
    target: Any = statement.table
    while isinstance(target, Alias):
        target = target.element
    if not isinstance(target, Table):
        raise IsolationError("only a plain table can be changed")
    return _plain(target)


def _assigned(statement: Update) -> list[str]:
    return [str(getattr(column, "key", column)) for column in statement._values or ()]


def _assigned_on_conflict(statement: Insert) -> list[str]:
    given = getattr(getattr(statement, "_post_values_clause", None), "update_values_to_set", None) or ()
    columns = given if isinstance(given, Mapping) else [column for column, _ in given]
    return [str(getattr(column, "key", column)) for column in columns]


def _refuse_new_owner(owner: Column[Any] | None, assigned: list[str]) -> None:
    if owner is not None and {owner.name, owner.key} & set(assigned):
        raise IsolationError(f"`{owner}` may not be changed: a row stays its owner's")


def _bracketed(condition: ColumnElement[Any] | None) -> list[ColumnElement[bool]]:
    """Return `condition` in parentheses, whatever operators of its own making it holds."""
    return [] if condition is None else [Grouping(condition)]


def _with_criteria(statement: Any, criteria: Sequence[ColumnElement[bool]]) -> Any:
    """Return a SELECT, UPDATE or DELETE with `criteria` after its own conditions, kept in parentheses."""
    own = statement._where_criteria
    changed = statement._generate()
    changed._where_criteria = (*_bracketed(and_(*own) if own else None), *criteria)
    return changed


def _insert_for(statement: Insert, owner: Column[Any], user: BindParameter[Any]) -> Insert:
    """Return `statement` with `user` in the column `owner` of every row."""
    if statement.select is not None:
        names = list(statement._select_names or ())
        if owner.key in names:
            raise IsolationError(
                f"INSERT ... SELECT into `{owner.table}`: leave out `{owner.key}`, it is the user's"
            )
        if not isinstance(statement.select, Select):
            raise IsolationError("INSERT ... SELECT: only from one SELECT")
        source = statement.select.add_columns(user)
        return Insert(statement.table).from_select([*names, owner.key], source, include_defaults=False)
    if statement._multi_values:
        rows: list[dict[Any, Any]] = []
        for row in (row for batch in statement._multi_values for row in batch):
            if not isinstance(row, Mapping):
                raise IsolationError("INSERT of many rows: give each as a dict")
            rows.append(
                {name: value for name, value in row.items() if getattr(name, "key", name) != owner.key}
            )
            rows[-1][owner.key] = user
        changed: Insert = statement._generate()
        changed._multi_values = (rows,)
        return changed
    return statement.values({owner.key: user})
