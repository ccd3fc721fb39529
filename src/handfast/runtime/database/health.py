"""What must be true of the database before the service answers, and while it does (`/ready`).

A probe comes every few seconds from each replica, so it borrows a connection and makes three round trips:
the catalogues, the migrations, and a look at the rows themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final, LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import MetaData, Table

from handfast.runtime.database import catalogue, direct, roles, versions
from handfast.runtime.database.catalogue import Catalogue
from handfast.runtime.database.drift import bound, known_tables, role_faults, table_faults
from handfast.runtime.database.owners import owned_tables
from handfast.runtime.database.pool import Pool
from handfast.runtime.database.rules import rules
from handfast.runtime.database.usertable import USERS
from handfast.runtime.database.wire import Statement, Wire
from handfast.runtime.errors import ServiceUnavailable
from handfast.runtime.faults import ConfigError, Fault

_AS_USER: Final[LiteralString] = "select set_config('app.user_id', %s, true)"
_AS_USER_WIRE: Final = b"select set_config('app.user_id', $1, true)"


async def checks(
    pool: Pool, metadata: MetaData | None, root: Path | None, *, users: bool = False
) -> list[Fault]:
    """Return every reason not to serve: unreachable, too powerful a role, pending migrations, leaks.

    `metadata` are the tables that the handlers declare, `root` the folder that holds `migrations`; with
    `users` the platform's table of users has to be there too.
    """
    try:
        connection = await pool.take()
    except ServiceUnavailable:
        # Down, or merely busy: a connection of its own tells which.
        return await asyncio.to_thread(inspect, pool.dsn, metadata, root, users=users)
    try:
        return await _examine(connection, roles.user(pool.dsn), metadata, root, users)
    except psycopg.OperationalError as error:
        connection.drop()
        return [direct.unreachable(pool.dsn, error)]
    except psycopg.Error as error:
        return [_refused(error)]
    finally:
        await pool.give_back(connection)


def inspect(dsn: str, metadata: MetaData | None, root: Path | None, *, users: bool = False) -> list[Fault]:
    """Do what `checks` does, outside an event loop, on a connection of its own."""
    service = roles.user(dsn)
    try:
        with direct.connect(dsn) as connection:
            row = connection.execute(catalogue.QUERY, catalogue.parameters(service)).fetchone()
            found = catalogue.parse((row or [{}])[0])
            rows = connection.execute(versions.VERSIONS).fetchall() if _migrated(found) else []
            faults = _judged(found, service, metadata, root, rows, users)
            if metadata is None or not bound(found):
                return faults
            look = _look(found, known_tables(found, metadata))
            seen: set[str] = set()
            for user in (str(uuid4()), ""):
                connection.execute(_AS_USER, [user])
                seen |= {str(table) for (table,) in connection.execute(look)}
            return faults + _seen(known_tables(found, metadata), seen)
    except ConfigError as error:
        return list(error.faults)
    except psycopg.Error as error:
        return [_refused(error)]


async def _examine(
    connection: Wire, service: str, metadata: MetaData | None, root: Path | None, users: bool
) -> list[Fault]:
    row = await (await connection.execute(catalogue.QUERY, catalogue.parameters(service))).fetchone()
    found = catalogue.parse((row or [{}])[0])
    rows = await (await connection.execute(versions.VERSIONS)).fetchall() if _migrated(found) else []
    faults = await asyncio.to_thread(_judged, found, service, metadata, root, rows, users)
    if metadata is None or not bound(found):
        return faults
    look: Statement = (_look(found, known_tables(found, metadata)).as_bytes(), (), True)
    pipeline: list[Statement] = []
    for user in (str(uuid4()), ""):
        pipeline += [(_AS_USER_WIRE, [user], True), look]
    results = (await connection.exchange(pipeline))[1::2]
    seen = {str(table) for result in results for (table,) in connection.rows(result)}
    return faults + _seen(known_tables(found, metadata), seen)


def _migrated(found: Catalogue) -> bool:
    return (found.path, versions.VERSION_TABLE) in found.relations


def _judged(
    found: Catalogue,
    service: str,
    metadata: MetaData | None,
    root: Path | None,
    applied: Sequence[tuple[str]],
    users: bool,
) -> list[Fault]:
    """Return what declarations, roles, migrations and tables are lacking."""
    faults = [] if metadata is None else rules(metadata)
    faults += role_faults(found, service)
    lacking = [] if root is None else versions.lacking(root, [version for (version,) in applied])
    if lacking:
        # What a migration will bring need not be reported as missing too.
        number = f"{len(lacking)} pending migrations" if len(lacking) > 1 else "a pending migration"
        faults.append(Fault(f"the database has {number}: {', '.join(lacking)}", "run `handfast migrate`"))
    elif metadata is not None and bound(found):
        faults += table_faults(found, known_tables(found, metadata), service)
        if users and (found.path, USERS.name) not in found.relations:
            faults.append(Fault(f"the table `{USERS.name}` does not exist", _MAKE_USERS))
    return faults


_MAKE_USERS: Final = (
    "call `users.create_users()` of handfast.runtime.database in a new migration, "
    "or leave out `users=True` of create_app"
)


def _look(found: Catalogue, tables: Sequence[Table]) -> sql.Composed:
    """Return a statement for the names of owned tables that show rows which are not the user's.

    Asked as a user who does not exist and as nobody, it shows what the catalogues may not tell.
    """
    looks = [
        sql.SQL(
            "select {} where exists (select from {} "
            "where {}::text is distinct from current_setting('app.user_id', true))"
        ).format(sql.Literal(table.name), sql.Identifier(*_name(found, table)), sql.Identifier(owner.name))
        for table, owner in owned_tables(tables)
        if (relation := found.relations.get(_name(found, table))) and "select" in relation.rights
    ]
    return sql.SQL(" union all ").join(looks) if looks else sql.SQL("select '' where false").format()


def _name(found: Catalogue, table: Table) -> tuple[str, str]:
    return (table.schema or found.path, table.name)


def _seen(tables: Sequence[Table], names: set[str]) -> list[Fault]:
    return [
        Fault(
            f"the service's role sees rows of other users in `{table.name}`",
            f'run `isolation.enable_row_security("{table.name}", owner="{owner.name}")` in a new migration',
        )
        for table, owner in owned_tables(tables)
        if table.name in names
    ]


def _refused(error: psycopg.Error) -> Fault:
    return Fault(f"the database cannot be inspected: {error}", "grant the service role what it needs")
