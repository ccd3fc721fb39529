"""How far a statement reaches: whose rows the first wall lets it meet.

    OWN       the user's own rows; what `ctx.db` does
    SHARED    those, and what others share with the user (`ctx.db.shared`)
    GRANTED   only what others share with the user (`ctx.db.granted`)
    ALL       every row that the elevated role is shown (`ctx.db.elevated(...)`)

A table that is not shared is kept to the user's own rows under SHARED and GRANTED alike. A table of shares
then shows the shares that were given to the user.
"""

from __future__ import annotations

import enum

from sqlalchemy import BindParameter, ColumnElement, FromClause, Table, exists, or_

from handfast.runtime.database.owners import owner_column, share_table_of, shares_in, sharing_of, single_key


class Reach(enum.Enum):
    """Whose rows a statement may meet."""

    OWN = "own"
    SHARED = "shared"
    GRANTED = "granted"
    ALL = "all"

    # Each member is there once; enum's own hash is a call of Python, and plans are looked up by reach.
    __hash__ = object.__hash__


class Access(enum.Enum):
    """What a statement does with the rows of one table."""

    READ = "read"
    CHANGE = "change"
    """UPDATE, and locks as UPDATE takes them."""
    DELETE = "delete"


def criterion(
    source: FromClause, table: Table, reach: Reach, access: Access, user: BindParameter[object]
) -> ColumnElement[bool] | None:
    """Return the condition that keeps `source`, which is `table` or an alias of it, within `reach`.

    None if nothing has to be added: the table has no owner, or everything is within reach.
    """
    owner = owner_column(table)
    if owner is None or reach is Reach.ALL:
        return None
    own: ColumnElement[bool] = source.c[owner.key] == user
    if reach is Reach.OWN or access is Access.DELETE:
        return own  # nobody deletes what others share
    held = shares_in(table)
    if held is not None:
        return own if access is Access.CHANGE else source.c[table.columns[held.grantee].key] == user
    granted = _granted(source, table, access)
    if granted is None:
        return own
    return granted if reach is Reach.GRANTED else or_(own, granted)


def _granted(source: FromClause, table: Table, access: Access) -> ColumnElement[bool] | None:
    """Return the condition that somebody shares a row of `source` with the user.

    That the share is the user's is added where the subquery is rendered, as for any table of shares.
    """
    sharing, owner, key = sharing_of(table), owner_column(table), single_key(table)
    if sharing is None or owner is None or key is None:
        return None
    shares = share_table_of(table, sharing).alias()
    giver = owner_column(share_table_of(table, sharing))
    assert giver is not None  # noqa: S101  (share_table_of has made sure)
    same_row = (
        shares.c[giver.key] == source.c[owner.key],
        shares.c[sharing.key] == source.c[table.columns[key].key],
    )
    found = exists().where(*same_row)
    if access is Access.CHANGE:
        found = found.where(shares.c[sharing.writable])
    return found.correlate(source)
