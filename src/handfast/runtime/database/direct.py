"""A connection outside the pool, for set-up work, and what is said where there is none to have."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from handfast.runtime.faults import ConfigError, Fault


def connect(dsn: str) -> psycopg.Connection[Any]:
    """Return a connection for set-up work; `ConfigError` says what is wrong where there is none to have."""
    try:
        return psycopg.connect(dsn, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise ConfigError([unreachable(dsn, error)]) from error


def unreachable(dsn: str, error: psycopg.OperationalError) -> Fault:
    """Return the fault of a database that cannot be reached; shows the place, never the password."""
    info = conninfo_to_dict(dsn)
    place = f"{info.get('host', 'localhost')}:{info.get('port', 5432)}/{info.get('dbname', '')}"
    reason = " ".join(str(error).split())
    return Fault(
        f"cannot connect to the database {place} as `{info.get('user', '')}`: {reason}",
        "start the server, or correct the connection string",
        where="DATABASE_URL",
    )
