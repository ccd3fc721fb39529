"""`handfast migrate`: up, down, looking only, and making roles on a server that has none."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest

from handfast.runtime.database import migrate, throwaway
from handfast.runtime.database.embedded import Server
from tests.conftest import ROOT
from tests.unit.cli_kit import handfast


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HANDFAST_ENV", "DATABASE_URL", "HANDFAST_DATABASE_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)


def test_down_and_up(postgres: throwaway.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    dsns = throwaway.database(postgres, root=ROOT)
    monkeypatch.setenv("DATABASE_URL", dsns.service)
    monkeypatch.setenv("HANDFAST_DATABASE_OWNER_URL", dsns.owner)
    assert handfast("migrate", "--project", ROOT, "--check").out == "nothing is pending\n"
    assert handfast("migrate", "base", "--down", "--project", ROOT).out == "went back to base\n"
    pending = handfast("migrate", "--check", "--project", ROOT, "--json")
    assert pending.code == 1
    assert pending.json["pending"] == migrate.pending(dsns.owner, ROOT)
    assert pending.json["pending"]
    assert handfast("migrate", "--project", ROOT).out == f"ran {', '.join(pending.json['pending'])}\n"
    assert handfast("migrate", "--project", ROOT).out == "nothing was pending\n"
    assert handfast("migrate", "--down", "--project", ROOT).code == 2


def test_the_services_role_does_not_migrate(
    postgres: throwaway.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", throwaway.database(postgres).service)
    refused = handfast("migrate", "--project", ROOT)
    assert refused.code == 3
    assert "HANDFAST_DATABASE_OWNER_URL" in refused.err


def test_an_unreachable_database_is_the_environments_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDFAST_DATABASE_OWNER_URL", "postgresql://owner:hush-word@127.0.0.1:9/app")
    refused = handfast("migrate", "--project", ROOT)
    assert refused.code == 3
    assert "127.0.0.1:9" in refused.err
    assert "hush-word" not in refused.err


def test_set_up_makes_roles_and_prints_their_urls(tmp_path: Path) -> None:
    with throwaway.server(tmp_path) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("create database shop")
        admin = server.dsn("shop")
        made = handfast("migrate", "--project", ROOT, "--setup", admin, "--json")
        assert made.code == 0, made.err
        with psycopg.connect(made.json["database_url"]) as service:
            assert service.execute("select count(*) from tasks").fetchone() == (0,)
            assert service.info.user == "handfast_service"
            assert service.info.dbname == "shop"
        with psycopg.connect(made.json["database_owner_url"]) as owner:
            assert owner.info.user == "handfast_owner"
        assert made.json["migrated"]


def test_set_up_takes_passwords_that_are_set_and_prints_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with throwaway.server(tmp_path) as server:
        place = f"127.0.0.1:{server.port}/shop"
        monkeypatch.setenv("DATABASE_URL", f"postgresql://handfast_service:one@{place}")
        monkeypatch.setenv("HANDFAST_DATABASE_OWNER_URL", f"postgresql+psycopg://handfast_owner:two@{place}")
        made = handfast("migrate", "--project", ROOT, "--setup", server.dsn())
        assert made.code == 0, made.err
        assert "one" not in made.out
        with psycopg.connect(f"postgresql://handfast_service:one@{place}") as service:
            assert service.execute("select count(*) from tasks").fetchone() == (0,)


def test_without_urls_the_embedded_server_is_migrated_and_left_as_it_was(tmp_path: Path) -> None:
    root = tmp_path / "service"
    for folder in ("generated", "handlers", "migrations"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    server = Server(root / ".handfast" / "postgres")
    try:
        assert handfast("migrate", "--project", root).code == 0
        assert not server.running()
        server.start()
        assert handfast("migrate", "--check", "--project", root).code == 0
        assert server.running()
    finally:
        server.stop()


def test_production_has_no_embedded_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "migrations").mkdir()
    monkeypatch.setenv("HANDFAST_ENV", "production")
    refused = handfast("migrate", "--project", tmp_path)
    assert refused.code == 3
    assert not (tmp_path / ".handfast").exists()
