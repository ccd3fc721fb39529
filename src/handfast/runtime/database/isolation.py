"""Isolation as migrations, and the checks that it is in force.

Importing this module gives Alembic these operations, all reversible:

    op.enable_row_security("tasks", owner="user_id")   # what belongs to a user
    op.disable_row_security("tasks")
    op.share_table("countries")                        # reference data: everybody reads, migrations write
    op.unshare_table("countries")
    op.backfill("tasks", "update tasks set ...")       # a data migration over all users' rows
    op.enable_sharing("tasks", owner="user_id", by="task_shares", key="task_id")
    op.disable_sharing("tasks", by="task_shares")
    op.create_audit_table()                            # what elevated statements are noted in
    op.allow_elevation("tasks", write=False)           # all users' rows for elevated statements
    op.forbid_elevation("tasks")
    op.drop_audit_table()

The same are functions of this module, which type checkers know: `isolation.enable_row_security(...)`.

`rules` holds the declared tables against what isolation needs of a schema, `drift` the database against the
tables.
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import MetaData

from handfast.runtime.database import catalogue, roles
from handfast.runtime.database.catalogue import Catalogue
from handfast.runtime.database.drift import known_tables, role_faults, table_faults
from handfast.runtime.database.elevation import (
    allow_elevation,
    create_audit_table,
    drop_audit_table,
    forbid_elevation,
)
from handfast.runtime.database.operations import (
    backfill,
    disable_row_security,
    enable_row_security,
    share_table,
    unshare_table,
)
from handfast.runtime.database.rules import rules
from handfast.runtime.database.sharing import disable_sharing, enable_sharing
from handfast.runtime.faults import Fault

__all__ = [
    "allow_elevation",
    "backfill",
    "create_audit_table",
    "disable_row_security",
    "disable_sharing",
    "drift",
    "drop_audit_table",
    "enable_row_security",
    "enable_sharing",
    "forbid_elevation",
    "judge",
    "rules",
    "share_table",
    "unshare_table",
]


def drift(
    connection: psycopg.Connection[Any], metadata: MetaData, *, service: str = roles.SERVICE
) -> list[Fault]:
    """Return where the database does not isolate the owned tables of `metadata`; reads catalogues only."""
    row = connection.execute(catalogue.QUERY, catalogue.parameters(service)).fetchone()
    assert row is not None  # noqa: S101  (an aggregate without GROUP BY)
    return judge(catalogue.parse(row[0]), metadata, service)


def judge(found: Catalogue, metadata: MetaData, service: str) -> list[Fault]:
    """Return what `drift` does, of catalogues that have been read already."""
    return [*role_faults(found, service), *table_faults(found, known_tables(found, metadata), service)]
