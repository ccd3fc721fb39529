"""Migrations: run by an owner without special rights, reversible, careful with all users' rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from psycopg.conninfo import make_conninfo
from sqlalchemy import MetaData

from handfast.runtime.database import Dsns, health, isolation, migrate, roles, throwaway
from handfast.runtime.faults import ConfigError
from tests.integration.database.conftest import SHOP
from tests.integration.database.schema import metadata


@pytest.fixture
def empty(postgres: throwaway.Server) -> Iterator[Dsns]:
    dsns = throwaway.database(postgres)
    yield dsns
    throwaway.drop(postgres, dsns)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the shop, to add migrations to."""
    shutil.copytree(SHOP, tmp_path / "100% shop", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "100% shop"


def add(project: Path, revision: str, after: str, body: str) -> None:
    (project / "migrations" / "versions" / f"{revision}.py").write_text(
        "from alembic import op\nfrom handfast.runtime.database import isolation\n"
        f"revision = {revision!r}\ndown_revision = {after!r}\n"
        f"def upgrade() -> None:\n    {body}\ndef downgrade() -> None:\n    pass\n"
    )


def test_up_and_down(empty: Dsns) -> None:
    assert migrate.heads(SHOP) == ["0001_shop"]
    assert migrate.pending(empty.service, SHOP) == ["0001_shop"]
    for _ in range(2):
        migrate.upgrade(empty.owner, SHOP)
        migrate.upgrade(empty.owner, SHOP)
        assert migrate.pending(empty.service, SHOP) == []
        assert migrate.differences(empty.owner, metadata) == []
        with psycopg.connect(empty.service) as connection:
            assert isolation.drift(connection, metadata) == []
        migrate.downgrade(empty.owner, SHOP, "base")
        assert migrate.pending(empty.service, SHOP) == ["0001_shop"]
    with psycopg.connect(empty.admin) as connection:
        assert connection.execute("select count(*) from pg_policy").fetchone() == (0,)
        functions = connection.execute("select count(*) from pg_proc where proname like 'handfast%'")
        assert functions.fetchone() == (0,)


def test_differences_are_told(empty: Dsns) -> None:
    assert len(migrate.differences(empty.owner, metadata)) >= 4


@pytest.mark.threat("tampering.migration")
def test_a_failing_migration_leaves_nothing(empty: Dsns, project: Path) -> None:
    add(project, "0002_bad", "0001_shop", "op.execute('select 1/0')")
    with pytest.raises(Exception, match="division by zero"):
        migrate.upgrade(empty.owner, project)
    assert migrate.pending(empty.service, project) == ["0001_shop", "0002_bad"]
    migrate.upgrade(empty.owner, project, "0001_shop")
    assert migrate.pending(empty.service, project) == ["0002_bad"]
    # An older replica, which does not know the newest revision, is not behind.
    (project / "migrations" / "versions" / "0002_bad.py").unlink()
    with psycopg.connect(empty.owner) as connection:
        connection.execute("update alembic_version set version_num = '0002_bad'")
    assert migrate.pending(empty.service, project) == []


def test_replicas_migrate_one_after_the_other(empty: Dsns) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(migrate.upgrade, empty.owner, SHOP).result()
    assert migrate.pending(empty.service, SHOP) == []


def test_a_project_without_migrations(empty: Dsns, tmp_path: Path) -> None:
    assert migrate.heads(tmp_path) == []
    assert migrate.pending(empty.service, tmp_path) == []
    migrate.upgrade(empty.owner, tmp_path)


def test_an_unreachable_database(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot connect"):
        migrate.upgrade("postgresql://a:b@127.0.0.1:1/c", SHOP)


def rows(dsns: Dsns, count: int) -> None:
    with psycopg.connect(dsns.service) as connection:
        for _ in range(count):
            user = uuid4()
            connection.execute("select set_config('app.user_id', %s, true)", [str(user)])
            connection.execute("insert into customers values (gen_random_uuid(), %s, 'old')", [user])


def names(dsns: Dsns) -> set[str]:
    with psycopg.connect(dsns.admin) as connection:
        return {row[0] for row in connection.execute("select name from customers")}


def test_a_backfill_reaches_all_users_and_closes_behind_itself(empty: Dsns, project: Path) -> None:
    migrate.upgrade(empty.owner, project)
    rows(empty, 3)
    add(
        project,
        "0002_fill",
        "0001_shop",
        "assert op.backfill('customers', \"update customers set name = 'new'\") == 3; "
        "assert isolation.backfill('customers', 'update customers set name = name') == 3",
    )
    migrate.upgrade(empty.owner, project)
    assert names(empty) == {"new"}
    with psycopg.connect(empty.service) as connection:
        assert isolation.drift(connection, metadata) == []


@pytest.mark.threat("tampering.migration")
def test_a_backfill_that_touches_nothing_is_refused(empty: Dsns, project: Path) -> None:
    migrate.upgrade(empty.owner, project)
    statement = "op.backfill('customers', \"update customers set name = 'new' where name = 'nobody'\")"
    add(project, "0002_fill", "0001_shop", statement)
    rows(empty, 1)
    with pytest.raises(ConfigError, match="touched none"):
        migrate.upgrade(empty.owner, project)
    with psycopg.connect(empty.admin) as connection:
        connection.execute("delete from customers")
    migrate.upgrade(empty.owner, project)


def test_operations_of_op_and_of_the_module_are_the_same(empty: Dsns, project: Path) -> None:
    add(
        project,
        "0002_again",
        "0001_shop",
        "op.disable_row_security('orders'); op.enable_row_security('orders', owner='user_id'); "
        "op.unshare_table('countries'); op.share_table('countries', writable=True)",
    )
    migrate.upgrade(empty.owner, project)
    with psycopg.connect(empty.service) as connection:
        assert isolation.drift(connection, metadata) == []
        connection.execute("insert into countries values (gen_random_uuid(), 'x')")


def test_operations_can_be_reversed() -> None:
    from handfast.runtime.database.operations import EnableRowSecurity, ShareTable

    enabled = EnableRowSecurity("t", owner="o", key="id", key_type="bigint", schema="s")
    undone: Any = enabled.reverse()
    assert (undone.table, undone.key_type, undone.schema) == ("t", "bigint", "s")
    unshared: Any = ShareTable("t", writable=True, schema=None).reverse()
    assert unshared.table == "t"


def test_migrations_can_be_printed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(project, "0002_fill", "0001_shop", "op.backfill('customers', 'update customers set name = name')")
    config = migrate._config(project)
    config.attributes["service"] = "svc"
    command.upgrade(config, "head", sql=True)
    printed = capsys.readouterr().out
    assert 'alter table "public"."orders" force row level security' in printed
    assert "create policy handfast_backfill" in printed
    assert "'app.user_id'" in printed


def test_the_alembic_command_itself(empty: Dsns, monkeypatch: pytest.MonkeyPatch) -> None:
    config = migrate._config(SHOP)
    monkeypatch.delenv("HANDFAST_DATABASE_OWNER_URL", raising=False)
    with pytest.raises(ConfigError, match="not known"):
        command.upgrade(config, "head")
    monkeypatch.setenv("HANDFAST_DATABASE_OWNER_URL", empty.owner)
    command.upgrade(migrate._config(SHOP), "head")
    assert migrate.pending(empty.service, SHOP) == []


def test_a_server_of_ones_own_with_roles_of_its_own(postgres: throwaway.Server, tmp_path: Path) -> None:
    """Owner and service are plain roles that inherit nothing; the owner may only pass our roles on."""
    name = f"managed_{uuid4().hex[:8]}"
    owner, service = f"{name}_owner", f"{name}_service"
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"create role {owner} login noinherit createrole password 'o'")
        connection.execute(f"create role {service} login noinherit password 's'")
        connection.execute(f"create database {name} owner {owner}")
        for role in ("handfast_probe", "handfast_elevated"):
            connection.execute(f"grant {role} to {owner} with admin option, inherit false, set false")
    owner_dsn = make_conninfo(postgres.dsn(name), user=owner, password="o")
    service_dsn = make_conninfo(postgres.dsn(name), user=service, password="s")
    assert roles.user(service_dsn) == service
    assert "pending" in health.inspect(service_dsn, metadata, SHOP)[0].what
    migrate.upgrade(owner_dsn, SHOP, service=service)
    assert health.inspect(service_dsn, metadata, SHOP) == []
    migrate.downgrade(owner_dsn, SHOP, "base", service=service)
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")
        connection.execute(f"drop role {service}")
        connection.execute(f"drop owned by {owner} cascade")
        connection.execute(f"drop role {owner}")


def test_an_owner_without_the_probe_is_told_what_to_do(postgres: throwaway.Server) -> None:
    name = f"poor_{uuid4().hex[:8]}"
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"create role {name} login password 'o'")
        connection.execute(f"create database {name} owner {name}")
    dsn = make_conninfo(postgres.dsn(name), user=name, password="o")
    with pytest.raises(Exception, match="grant handfast_probe to"):
        migrate.upgrade(dsn, SHOP)
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")
        connection.execute(f"drop role {name}")


@pytest.mark.threat("elevation.policy-drift")
def test_a_template_that_is_not_isolated_is_refused(postgres: throwaway.Server, project: Path) -> None:
    add(project, "0002_open", "0001_shop", "op.execute('alter table orders disable row level security')")
    with pytest.raises(AssertionError, match="not enabled"):
        throwaway.database(postgres, root=project, metadata=metadata)
    add(project, "0002_open", "0001_shop", "op.execute('select 1/0')")
    with pytest.raises(Exception, match="division"):
        throwaway.database(postgres, root=project, metadata=MetaData())
