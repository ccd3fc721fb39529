"""What isolation needs of the declared tables, judged before any database is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint

from handfast.runtime.database.owners import Undeclared, owner_name, share_table_of, sharing_of, single_key
from handfast.runtime.faults import Fault


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
        faults += _sharing_rules(table, owner)
    return faults


def _sharing_rules(table: Table, owner: str | None) -> Iterator[Fault]:
    sharing = sharing_of(table)
    if sharing is None:
        return
    if owner is None or single_key(table) is None:
        yield Fault(
            f"rows of `{table.name}` are shared, but have no owner or no key of one column",
            "give its class an `__owner__` and a primary key of one column",
        )
        return
    try:
        shares = share_table_of(table, sharing)
    except Undeclared as error:
        yield Fault(str(error), f"declare the table `{sharing.by}` as `__shared__` of `{table.name}` says")
        return
    wanted = {(owner_name(shares), owner), (sharing.key, single_key(table))}
    if not any(
        constraint.referred_table is table
        and {(element.parent.name, element.column.name) for element in constraint.elements} == wanted
        for constraint in shares.foreign_key_constraints
    ):
        yield Fault(
            f"the shares in `{shares.name}` do not refer to `{table.name}`: anybody could share any row",
            f"give it a foreign key ({owner_name(shares)}, {sharing.key}) references {table.name} "
            f"({owner}, {single_key(table)}) on delete cascade",
        )


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
