"""The reference service's migrations: up, down and up again, nothing left between, no drift at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psycopg
from psycopg import sql
from sqlmodel import SQLModel

import handlers.sharing.tables
import handlers.task_management.tables  # noqa: F401  (they declare their tables on import)
from handfast.runtime.database import isolation, migrate, throwaway
from tests.conftest import ROOT


def tables_and_functions(admin: str) -> set[str]:
    """What the migrations have made: tables, functions and policies outside the system's own schemas."""
    query = sql.SQL(
        "select relname from pg_class c join pg_namespace n on n.oid = relnamespace "
        "where relkind in ('r', 'v') and nspname not like 'pg\\_%' and nspname <> 'information_schema' "
        "union select proname from pg_proc where proname like 'handfast%' "
        "union select polname from pg_policy"
    )
    with psycopg.connect(admin) as connection:
        return {str(row[0]) for row in connection.execute(query)}


def test_up_down_up(postgres: throwaway.Server) -> None:
    dsns = throwaway.database(postgres, root=ROOT)
    up = tables_and_functions(dsns.admin)
    assert "tasks" in up
    migrate.downgrade(dsns.owner, ROOT, "base")
    assert tables_and_functions(dsns.admin) == {"alembic_version"}
    migrate.upgrade(dsns.owner, ROOT)
    assert tables_and_functions(dsns.admin) == up
    assert migrate.pending(dsns.owner, ROOT) == []
    with psycopg.connect(dsns.owner) as connection:
        assert isolation.drift(connection, SQLModel.metadata) == []


def test_the_tables_are_what_the_migrations_make(postgres: throwaway.Server) -> None:
    """Autogenerate finds nothing to do."""
    dsns = throwaway.database(postgres, root=ROOT)
    assert migrate.differences(dsns.owner, SQLModel.metadata) == []


def test_replicas_that_migrate_at_once_wait_for_one_another(postgres: throwaway.Server) -> None:
    dsns = throwaway.database(postgres)
    environment = os.environ | {
        "DATABASE_URL": dsns.service,
        "HANDFAST_DATABASE_OWNER_URL": dsns.owner,
        "HANDFAST_ENV": "production",
    }
    command = [sys.executable, "-m", "handfast", "migrate"]
    with psycopg.connect(dsns.admin) as connection:  # holds all back until they stand in line
        connection.execute("select pg_advisory_xact_lock(%s)", [migrate.LOCK])
        replicas = [
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        while connection.execute(waiting).fetchone() != (3,):
            assert all(replica.poll() is None for replica in replicas)
            time.sleep(0.05)
    told = [replica.communicate(timeout=60)[0] for replica in replicas]
    assert [replica.returncode for replica in replicas] == [0, 0, 0], told
    with psycopg.connect(dsns.owner) as connection:
        assert isolation.drift(connection, SQLModel.metadata) == []
