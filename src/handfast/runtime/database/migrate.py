"""Alembic migrations in `<root>/migrations`, run by the owner role; no alembic.ini is needed.

`migrations/env.py` is two lines: import the tables, then `run_env(SQLModel.metadata)`. It also serves the
`alembic` command itself, which finds the database in HANDFAST_DATABASE_OWNER_URL or the file that
HANDFAST_DATABASE_OWNER_URL_FILE names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, NullPool, create_engine, text

from handfast.runtime.database import revisions, roles
from handfast.runtime.database.direct import connect
from handfast.runtime.database.resolve import plain
from handfast.runtime.database.versions import VERSION_TABLE, VERSIONS, has_migrations, lacking
from handfast.runtime.faults import ConfigError, Fault
from handfast.runtime.settings import Settings

PLATFORM_PREFIX: Final = "handfast_"
"""How the names of the platform's own tables begin."""
LOCK = 0x68616E64
"""The advisory lock ("hand") that keeps two replicas from migrating at once."""


def upgrade(dsn: str, root: Path, revision: str = "head", *, service: str = roles.SERVICE) -> None:
    """Migrate up to `revision` in one transaction; `service` is the role that answers requests."""
    _run(dsn, root, service, lambda config: command.upgrade(config, revision))


def downgrade(dsn: str, root: Path, revision: str, *, service: str = roles.SERVICE) -> None:
    """Migrate down to `revision` (`base` for all the way) in one transaction."""
    _run(dsn, root, service, lambda config: command.downgrade(config, revision))


def heads(root: Path) -> list[str]:
    """Return the newest revisions in `root`/migrations: one, or none before the first migration."""
    return sorted(_script(root).get_heads()) if has_migrations(root) else []


def pending(dsn: str, root: Path) -> list[str]:
    """Return the revisions that the database still lacks, oldest first; any role that may connect can ask.

    A database ahead of `root`, as during a rolling deployment, lacks nothing.
    """
    with connect(dsn) as connection:
        versions: list[str] = []
        if connection.execute("select to_regclass(%s)", [VERSION_TABLE]).fetchone() != (None,):
            versions = [row[0] for row in connection.execute(VERSIONS)]
    return lacking(root, versions)


def missing(root: Path, versions: tuple[str, ...]) -> tuple[str, ...]:
    """Do what `lacking` does, by Alembic's word."""
    script = _script(root)
    try:
        found = list(script.iterate_revisions("heads", versions or "base"))
    except (CommandError, RevisionError):
        return ()
    return tuple(revision.revision for revision in reversed(found))


def differences(dsn: str, metadata: MetaData) -> list[Any]:
    """Return what Alembic finds different between the database and `metadata`, as `alembic check` does."""
    with _connection(dsn) as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _is_the_projects})
        return list(compare_metadata(context, metadata))


def run_env(metadata: MetaData) -> None:
    """Do an Alembic `env.py`'s work: run the migrations as the owner, or print them (`--sql`)."""
    from handfast.runtime.database import isolation as isolation  # registers the operations

    given = context.config.attributes.get("connection")
    if context.is_offline_mode():
        context.configure(
            dialect_name="postgresql",
            target_metadata=metadata,
            literal_binds=True,
            include_name=_is_the_projects,
        )
        with context.begin_transaction():
            context.run_migrations()
    elif given is not None:
        _migrate(given, metadata)
    else:
        dsn = Settings().database_owner_url
        if dsn is None:
            fix = "run `handfast migrate`, or set HANDFAST_DATABASE_OWNER_URL"
            raise ConfigError([Fault("the owner's connection is not known here", fix)])
        with _connection(plain(dsn.get_secret_value())) as connection, connection.begin():
            _migrate(connection, metadata)


def _migrate(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata, include_name=_is_the_projects)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
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


def _is_the_projects(name: str | None, kind: str, parents: Any) -> bool:
    """Whether autogenerate should look at it: the platform's own tables are in no project's metadata."""
    return not (kind == "table" and name is not None and name.startswith(PLATFORM_PREFIX))


def _run(dsn: str, root: Path, service: str, work: Any) -> None:
    if not has_migrations(root):
        return
    with revisions.told(root):
        _script(root)
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
    script = ScriptDirectory.from_config(_config(root))
    with revisions.told(root):
        revisions.check(script)
    return script
