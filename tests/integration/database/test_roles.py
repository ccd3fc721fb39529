"""The three roles: none with special rights, set-up that can be repeated, passwords that stay secret."""

from __future__ import annotations

import stat
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from handfast.runtime.database import Dsns, roles, throwaway
from handfast.runtime.database.roles import Passwords
from handfast.runtime.faults import ConfigError

POWERS = "rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication"


@pytest.mark.threat("elevation.database-role")
def test_no_role_has_special_rights(shop: Dsns) -> None:
    with psycopg.connect(shop.admin) as connection:
        found = connection.execute(
            f"select rolname, rolcanlogin, {POWERS} from pg_roles where rolname like 'handfast%' order by 1"
        ).fetchall()
    assert found == [
        ("handfast_elevated", False, False),
        ("handfast_owner", True, False),
        ("handfast_probe", False, False),
        ("handfast_service", True, False),
    ]


@pytest.mark.threat("elevation.database-role")
def test_setup_mends_what_is_wrong_and_keeps_what_is_right(postgres: throwaway.Server) -> None:
    dsns = throwaway.database(postgres)
    with psycopg.connect(dsns.admin, autocommit=True) as connection:
        connection.execute("alter role handfast_service superuser bypassrls createdb")
        connection.execute("alter role handfast_probe login")
        connection.execute("alter role handfast_owner nologin")
        database = connection.execute("select current_database()").fetchone()
        assert database is not None
        passwords = Passwords.stored(postgres.folder)
        assert roles.setup(postgres.dsn(), database=database[0], passwords=passwords) == dsns
        found = connection.execute(
            f"select rolname, rolcanlogin, {POWERS} from pg_roles where rolname like 'handfast%' order by 1"
        ).fetchall()
    assert [row[1:] for row in found] == [(False, False), (True, False), (False, False), (True, False)]
    for dsn in (dsns.owner, dsns.service):
        psycopg.connect(dsn).close()
    throwaway.drop(postgres, dsns)


@pytest.mark.threat("disclosure.secret-in-log")
def test_a_password_can_be_changed_and_never_reaches_the_servers_log(postgres: throwaway.Server) -> None:
    dsns = throwaway.database(postgres)
    old = Passwords.stored(postgres.folder)
    new = Passwords(owner=f"owner-{uuid4().hex}", service=f"service-{uuid4().hex}")
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute("alter system set log_statement = 'all'")
        connection.execute("select pg_reload_conf()")
        try:
            changed = roles.setup(postgres.dsn(), database="postgres", passwords=new)
            psycopg.connect(changed.service).close()
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(dsns.service)
        finally:
            connection.execute("alter system reset log_statement")
            connection.execute("select pg_reload_conf()")
            roles.setup(postgres.dsn(), database="postgres", passwords=old)
    log = postgres.log.read_text()
    assert "SCRAM-SHA-256" in log
    assert new.owner not in log
    assert new.service not in log
    throwaway.drop(postgres, dsns)


def test_an_administrator_need_not_be_a_superuser(postgres: throwaway.Server, tmp_path: Path) -> None:
    """As on managed servers: CREATEROLE and CREATEDB, and no roles of ours before."""
    with throwaway.server(tmp_path) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("create role boss login createrole createdb password 'b'")
        boss = make_conninfo(server.dsn(), user="boss", password="b")
        for _ in range(2):
            dsns = roles.setup(boss, database="app", passwords=Passwords("o", "s"))
        psycopg.connect(dsns.service).close()
        with psycopg.connect(dsns.owner) as connection:
            connection.execute("create table t (id int)")


@pytest.mark.threat("disclosure.stored-password")
def test_stored_passwords_are_kept_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    passwords = Passwords.stored(folder)
    assert Passwords.stored(folder) == passwords
    assert len({passwords.owner, passwords.service}) == 2
    assert len(passwords.owner) >= 32
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_password_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot keep a password"):
        Passwords.stored(tmp_path / "file" / "below")


@pytest.mark.threat("disclosure.secret-in-error")
def test_connection_strings_are_not_printed_with_passwords() -> None:
    dsns = Dsns(service="postgresql://u:hunter2@h:5/d", owner="postgresql://o:hunter2@h:5/d")
    assert repr(dsns) == "Dsns(h:5/d)"
    assert "hunter2" not in f"{dsns}"
