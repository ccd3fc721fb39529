"""Isolation as migrations, and the checks that it is in force.

Importing this module gives Alembic these operations, all reversible:

    op.enable_row_security("tasks", owner="user_id")   # what belongs to a user
    op.disable_row_security("tasks")
    op.share_table("countries")                        # reference data: everybody reads, migrations write
    op.unshare_table("countries")
    op.backfill("tasks", "update tasks set ...")       # a data migration over all users' rows

The same are functions of this module, which type checkers know: `isolation.enable_row_security(...)`.

`rules` holds the declared tables against what isolation needs of a schema, `drift` the database against the
tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

import psycopg
from sqlalchemy import Column, ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint

from handfast.runtime.database import roles
from handfast.runtime.database.operations import (
    OWNER_POLICY,
    PROBE_POLICY,
    backfill,
    disable_row_security,
    enable_row_security,
    existence_function,
    quoted,
    share_table,
    unshare_table,
)
from handfast.runtime.database.owners import USER_SETTING, Undeclared, owned_tables, owner_name
from handfast.runtime.faults import Fault

__all__ = [
    "backfill",
    "disable_row_security",
    "drift",
    "enable_row_security",
    "rules",
    "share_table",
    "unshare_table",
]


def rules(metadata: MetaData) -> list[Fault]:
    """Return where the tables of `metadata` cannot be isolated, or would tell of other users' rows."""
    faults: list[Fault] = []
    for table in sorted(metadata.tables.values(), key=lambda table: table.fullname):
        try:
            owner = owner_name(table)
        except Undeclared as error:
            faults.append(
                Fault(str(error), 'give its class `__owner__ = "user_id"`, or `None` if everybody shares it')
            )
            continue
        if owner is not None:
            faults += _table_rules(table, owner)
    return faults


def _table_rules(table: Table, owner: str) -> Iterator[Fault]:
    if table.columns[owner].nullable:
        yield Fault(f"`{table.name}.{owner}` may be null", "make the owner column not null")
    if not any(_leads(list(columns), owner) for columns in _indexed(table)):
        yield Fault(f"no index of `{table.name}` leads with `{owner}`", f"add an index on ({owner}, ...)")
    uniques: list[tuple[str, Sequence[Any]]] = [
        (str(c.name or "unnamed"), list(c.columns))
        for c in table.constraints
        if isinstance(c, UniqueConstraint)
    ]
    uniques += [(str(i.name), list(i.columns)) for i in table.indexes if i.unique]
    for name, columns in sorted(uniques, key=lambda unique: unique[0]):
        if not _leads(columns, owner):
            yield Fault(
                f"unique constraint `{name}` of `{table.name}` does not lead with `{owner}`: "
                "a conflict would tell one user of another's row",
                f"make it ({owner}, ...)",
            )
    for constraint in sorted(table.foreign_key_constraints, key=lambda c: str(c.name)):
        yield from _foreign_key_rule(table, owner, constraint)


def _foreign_key_rule(table: Table, owner: str, constraint: ForeignKeyConstraint) -> Iterator[Fault]:
    try:
        other_owner = owner_name(constraint.referred_table)
    except Undeclared:
        return
    pairs = {element.parent.name: element.column.name for element in constraint.elements}
    if other_owner is not None and pairs.get(owner) != other_owner:
        other = constraint.referred_table.name
        yield Fault(
            f"foreign key of `{table.name}` to `{other}` does not include the owner: a row could point at "
            "another user's row, and would tell that it exists",
            f"make it ({owner}, ...) references {other} ({other_owner}, ...)",
        )


def _indexed(table: Table) -> Iterator[Sequence[Column[Any]]]:
    for index in table.indexes:
        yield list(index.columns)
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint):
            yield list(constraint.columns)


def _leads(columns: Sequence[Column[Any]], owner: str) -> bool:
    return bool(columns) and columns[0].name == owner


_STATE: LiteralString = """
select c.relrowsecurity, c.relforcerowsecurity,
       pg_has_role(%(service)s, c.relowner, 'member'),
       has_table_privilege(%(service)s, c.oid, 'select')
         and has_table_privilege(%(service)s, c.oid, 'insert')
         and has_table_privilege(%(service)s, c.oid, 'update')
         and has_table_privilege(%(service)s, c.oid, 'delete'),
       n.nspname
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass(%(table)s)
"""

_POLICIES: LiteralString = """
select polname, polcmd, polpermissive,
       array(select case when r = 0 then 'public' else pg_get_userbyid(r) end from unnest(polroles) r),
       pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
from pg_policy where polrelid = to_regclass(%s) order by polname
"""

_FUNCTION: LiteralString = """
select p.prosecdef, pg_get_userbyid(p.proowner), has_function_privilege(%s, p.oid, 'execute'),
       r.rolsuper or r.rolbypassrls
from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles r on r.oid = p.proowner
where p.proname = %s and n.nspname = %s
"""


def drift(
    connection: psycopg.Connection[Any], metadata: MetaData, *, service: str = roles.SERVICE
) -> list[Fault]:
    """Return where the database does not isolate the owned tables of `metadata`; reads catalogues only."""
    faults: list[Fault] = []
    for table, owner in owned_tables(metadata):
        faults += _table_drift(connection, table, owner.name, service)
    return faults


def _table_drift(
    connection: psycopg.Connection[Any], table: Table, owner: str, service: str
) -> Iterator[Fault]:
    name = quoted(table.schema, table.name)
    fix = f'run `op.enable_row_security("{table.name}", owner="{owner}")` in a migration'
    state = connection.execute(_STATE, {"service": service, "table": name}).fetchone()
    if state is None:
        yield Fault(
            f"table `{table.name}` does not exist", "run `handfast migrate`, or write the migration for it"
        )
        return
    enabled, forced, owns, granted, schema = state
    if not enabled:
        yield Fault(f"row security of `{table.name}` is not enabled", fix)
    if not forced:
        yield Fault(f"row security of `{table.name}` is not forced: its owner sees all rows", fix)
    if owns:
        yield Fault(
            f"the service role `{service}` owns `{table.name}`", "let the service log in as a role of its own"
        )
    if not granted:
        yield Fault(f"the service role `{service}` may not read and write `{table.name}`", fix)
    setting = f"( SELECT current_setting('{USER_SETTING}'::text, true) AS current_setting)"
    own = f"({_rendered(owner)} = (NULLIF({setting}, ''::text))::uuid)"  # as PostgreSQL prints the policy
    wanted = {
        OWNER_POLICY: ("*", True, ["public"], own, own),
        PROBE_POLICY: ("r", True, [roles.PROBE], "true", None),
    }
    found = {row[0]: row[1:] for row in connection.execute(_POLICIES, [name])}
    for policy in sorted(wanted.keys() | found.keys()):
        if policy not in found:
            yield Fault(f"policy `{policy}` of `{table.name}` is missing", fix)
        elif policy not in wanted:
            # Permissive policies add up: each one more shows more rows. Restrictive ones only take away.
            if found[policy][1]:
                yield Fault(
                    f"policy `{policy}` of `{table.name}` lets more through",
                    "drop it, or make it restrictive",
                )
        elif found[policy] != wanted[policy]:
            yield Fault(f"policy `{policy}` of `{table.name}` is not what Handfast wrote", fix)
    function = connection.execute(_FUNCTION, [service, existence_function(table.name), schema]).fetchone()
    if function != (True, roles.PROBE, True, False):
        yield Fault(
            f"the existence function of `{table.name}` is missing or has the wrong owner or rights", fix
        )


def _rendered(name: str) -> str:
    """Return `name` as PostgreSQL prints identifiers: quoted only where it must be."""
    plain = (
        name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit() and name == name.lower()
    )
    return name if plain else quoted(name)
