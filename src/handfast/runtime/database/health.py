"""What must be true of the database before the service answers, and while it does (`/ready`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import Column, MetaData, Table

from handfast.runtime.database import isolation, migrate, roles
from handfast.runtime.database.owners import USER_SETTING, owned_tables
from handfast.runtime.database.pool import Pool
from handfast.runtime.faults import ConfigError, Fault

_ROLE: LiteralString = """
select current_user, array(
  select rolname from pg_roles
  where (rolsuper or rolbypassrls) and pg_has_role(current_user, oid, 'member') order by rolname)
"""
_OWN_ROLE = "let DATABASE_URL log in as a role that owns nothing, such as `roles.setup` makes"


async def checks(pool: Pool, metadata: MetaData | None, root: Path | None) -> list[Fault]:
    """Return every reason not to serve: unreachable, too powerful a role, pending migrations, leaks.

    `metadata` are the tables that the handlers declare, `root` the folder that holds `migrations`.
    """
    return await asyncio.to_thread(inspect, pool.dsn, metadata, root)


def inspect(dsn: str, metadata: MetaData | None, root: Path | None) -> list[Fault]:
    """Do what `checks` does, outside an event loop."""
    faults = [] if metadata is None else isolation.rules(metadata)
    try:
        with migrate.connect(dsn) as connection:
            faults += _role_faults(connection)
            lacking = [] if root is None else migrate.pending(dsn, root)
            if lacking:
                # What a migration will bring need not be reported as missing too.
                number = f"{len(lacking)} pending migrations" if len(lacking) > 1 else "a pending migration"
                faults.append(
                    Fault(f"the database has {number}: {', '.join(lacking)}", "run `handfast migrate`")
                )
            elif metadata is not None:
                faults += isolation.drift(connection, metadata, service=roles.user(dsn))
                faults += _leaks(connection, metadata)
    except ConfigError as error:
        faults += error.faults
    except psycopg.Error as error:
        faults.append(
            Fault(f"the database cannot be inspected: {error}", "grant the service role what it needs")
        )
    return faults


def _role_faults(connection: psycopg.Connection[Any]) -> Iterator[Fault]:
    ((role, powers),) = connection.execute(_ROLE).fetchall()
    if role in powers:
        yield Fault(
            f"the service's role `{role}` is a superuser or has BYPASSRLS: nothing is isolated", _OWN_ROLE
        )
    elif powers:
        names = ", ".join(f"`{name}`" for name in powers)
        yield Fault(
            f"the service's role `{role}` can become {names}, which nothing is isolated from", _OWN_ROLE
        )


def _leaks(connection: psycopg.Connection[Any], metadata: MetaData) -> Iterator[Fault]:
    """Look, as a user who does not exist and as nobody, at rows that must not be seen."""
    for table, owner in owned_tables(metadata):
        try:
            seen = any(_sees_rows(connection, table, owner, user) for user in (str(uuid4()), ""))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable):
            continue  # told as drift already
        if seen:
            yield Fault(
                f"the service's role sees rows of other users in `{table.name}`",
                f'run `op.enable_row_security("{table.name}", owner="{owner.name}")` in a migration',
            )


def _sees_rows(connection: psycopg.Connection[Any], table: Table, owner: Column[Any], user: str) -> bool:
    name = sql.Identifier(*filter(None, (table.schema, table.name)))
    with connection.transaction():
        connection.execute("select set_config(%s, %s, true)", [USER_SETTING, user])
        statement = sql.SQL("select exists (select from {} where {}::text is distinct from %s)")
        row = connection.execute(statement.format(name, sql.Identifier(owner.name)), [user]).fetchone()
    return bool(row and row[0])
