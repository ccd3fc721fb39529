"""Alembic migrations in `<root>/migrations`, run by the owner role; no alembic.ini is needed.

`migrations/env.py` is two lines: import the tables, then `run_env(SQLModel.metadata)`. It also serves the
`alembic` command itself, which finds the database in HANDFAST_DATABASE_OWNER_URL.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, MetaData, NullPool, create_engine, text

from handfast.runtime.database import roles
from handfast.runtime.faults import ConfigError, Fault

PLATFORM_PREFIX = "handfast_"
"""How the names of the platform's own tables begin."""

_LOCK = 0x68616E64
"""The advisory lock ("hand") that keeps two replicas from migrating at once."""


def upgrade(dsn: str, root: Path, revision: str = "head", *, service: str = roles.SERVICE) -> None:
    """Migrate up to `revision` in one transaction; `service` is the role that answers requests."""
    _run(dsn, root, service, lambda config: command.upgrade(config, revision))


def downgrade(dsn: str, root: Path, revision: str, *, service: str = roles.SERVICE) -> None:
    """Migrate down to `revision` (`base` for all the way) in one transaction."""
    _run(dsn, root, service, lambda config: command.downgrade(config, revision))


def heads(root: Path) -> list[str]:
    """Return the newest revisions in `root`/migrations: one, or none before the first migration."""
    return sorted(_script(root).get_heads()) if _has_migrations(root) else []


def pending(dsn: str, root: Path) -> list[str]:
    """Return the revisions that the database still lacks, oldest first; any role that may connect can ask.

    A database ahead of `root`, as during a rolling deployment, lacks nothing.
    """
    if not _has_migrations(root):
        return []
    with connect(dsn) as connection:
        current: list[str] = []
        if connection.execute("select to_regclass('alembic_version')").fetchone() != (None,):
            current = [row[0] for row in connection.execute("select version_num from alembic_version")]
    script = _script(root)
    try:
        lacking = list(script.iterate_revisions("heads", tuple(current) or "base"))
    except (CommandError, RevisionError):
        return []
    return [revision.revision for revision in reversed(lacking)]


def differences(dsn: str, metadata: MetaData) -> list[Any]:
    """Return what Alembic finds different between the database and `metadata`, as `alembic check` does."""
    with _connection(dsn) as connection:
        options = {"include_name": _is_projects}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def run_env(metadata: MetaData) -> None:
    """Do an Alembic `env.py`'s work: run the migrations as the owner, or print them (`--sql`)."""
    from handfast.runtime.database import isolation as isolation  # registers the operations

    given = context.config.attributes.get("connection")
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
    elif given is not None:
        _migrate(given, metadata)
    else:
        dsn = os.environ.get("HANDFAST_DATABASE_OWNER_URL", "")
        if not dsn:
            fix = "run `handfast migrate`, or set HANDFAST_DATABASE_OWNER_URL"
            raise ConfigError([Fault("the owner's connection is not known here", fix)])
        with _connection(dsn) as connection, connection.begin():
            _migrate(connection, metadata)


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


def _is_projects(name: str | None, kind: str, parents: object) -> bool:
    """Whether autogenerate may compare it: the platform's own tables are not among a project's metadata."""
    return kind != "table" or name is None or not name.startswith(PLATFORM_PREFIX)


def _migrate(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata, include_name=_is_projects)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        context.run_migrations()
        # The service tells by this table whether it fits the database.
        service = str(context.config.attributes.get("service") or roles.SERVICE).replace('"', '""')
        connection.execute(
            text(
                "do $$ begin if to_regclass('alembic_version') is not null "
                f"and to_regrole('\"{service}\"') is not null "
                f'then grant select on alembic_version to "{service}"; end if; end $$'
            )
        )


def _run(dsn: str, root: Path, service: str, work: Any) -> None:
    if not _has_migrations(root):
        return
    with _connection(dsn) as connection, connection.begin():
        config = _config(root)
        config.attributes |= {"connection": connection, "service": service}
        work(config)


@contextlib.contextmanager
def _connection(dsn: str) -> Iterator[Connection]:
    with connect(dsn) as raw:
        engine = create_engine("postgresql+psycopg://", creator=lambda: raw, poolclass=NullPool)
        with engine.connect() as connection:
            yield connection


def _config(root: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(root / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    # So that env.py can import the project's tables, wherever the command was started.
    config.set_main_option("prepend_sys_path", str(root).replace("%", "%%"))
    return config


def _script(root: Path) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(root))


def _has_migrations(root: Path) -> bool:
    return (root / "migrations" / "env.py").exists()
