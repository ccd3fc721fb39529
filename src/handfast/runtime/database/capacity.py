"""How many connections each worker may keep, so that all workers fit into what the database gives."""

from __future__ import annotations

from typing import Final, LiteralString

import psycopg
import structlog

from handfast.runtime.faults import ConfigError, Fault

_TIMEOUT_SECONDS: Final = 5
_ROOM: Final[LiteralString] = """
select least(
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0),
  (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
  (select nullif(datconnlimit, -1) from pg_database where datname = current_database()))
"""
"""The least of what server, role and database allow; `reserved_connections` came with PostgreSQL 16."""

_log = structlog.get_logger(__name__)


async def room(dsn: str) -> int | None:
    """Return how many connections the role of `dsn` may have; None where the database does not tell.

    A database that cannot be reached is another check's finding.
    """
    try:
        async with await psycopg.AsyncConnection.connect(dsn, connect_timeout=_TIMEOUT_SECONDS) as connection:
            found = await (await connection.execute(_ROOM)).fetchone()
    except psycopg.Error:
        return None
    return None if found is None else int(found[0])


def share(wanted: int, workers: int, room: int | None) -> int:
    """Return the size of one worker's pool: `wanted`, or less where `workers` such pools exceed `room`.

    Raises `ConfigError` where there is not even one connection for each worker.
    """
    if room is None or wanted * workers <= room:
        return wanted
    if room < workers:
        raise ConfigError(
            [
                Fault(
                    f"the database gives the service's role {room} connections for {workers} workers",
                    "start fewer workers, or raise max_connections or the limit of role and database",
                    where="HANDFAST_WORKERS",
                )
            ]
        )
    size = room // workers
    _log.warning(
        "pool_reduced",
        wanted=wanted,
        size=size,
        workers=workers,
        database_gives=room,
        fix="lower HANDFAST_DATABASE_POOL_SIZE or the number of workers, or raise what the database gives",
    )
    return size
