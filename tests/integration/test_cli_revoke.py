"""`handfast revoke`: a user signed out everywhere from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from handfast.runtime.database import Dsns, throwaway
from handfast.runtime.security import user_id
from tests.conftest import ROOT
from tests.unit.cli_kit import handfast


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HANDFAST_ENV", "DATABASE_URL", "HANDFAST_DATABASE_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.threat("spoofing.token-after-sign-out")
def test_the_tokens_of_a_user_end(dsns: Dsns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsns.service)
    subject = f"ann-{uuid4().hex}@example.com"
    done = handfast("revoke", subject, "--project", ROOT, "--json")
    assert done.code == 0, done.err
    assert done.json["user"] == str(user_id(subject))
    assert subject not in done.out + done.err
    with psycopg.connect(dsns.admin) as connection:
        rows = connection.execute(
            "select valid_after is not null from handfast_users where id = %s", [user_id(subject)]
        ).fetchall()
    assert rows == [(True,)]
    assert str(user_id(subject)) in handfast("revoke", subject, "--project", ROOT).out


@pytest.mark.parametrize("user", ["", "u" * 256])
def test_what_is_no_user(user: str) -> None:
    assert handfast("revoke", user, "--project", ROOT).code == 2


def test_a_database_without_the_table(postgres: throwaway.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", throwaway.database(postgres).service)
    refused = handfast("revoke", "ann-unknown", "--project", ROOT)
    assert refused.code == 3
    assert "users.create_users()" in refused.err
    assert "ann-unknown" not in refused.err


def test_a_database_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://service:hush-word@127.0.0.1:9/app")
    refused = handfast("revoke", "ann-unknown", "--project", ROOT)
    assert refused.code == 3
    assert "127.0.0.1:9" in refused.err
    assert "hush-word" not in refused.err
    assert "ann-unknown" not in refused.err


def test_production_names_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").touch()
    monkeypatch.setenv("HANDFAST_ENV", "production")
    refused = handfast("revoke", "ann", "--project", tmp_path)
    assert refused.code == 3
    assert "DATABASE_URL" in refused.err


def test_the_embedded_database(tmp_path: Path) -> None:
    for name in ("app.py", "migrations", "handlers", "generated"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, tmp_path / name)
    assert handfast("revoke", "ann", "--project", tmp_path).code == 3  # not migrated yet
    assert handfast("migrate", "--project", tmp_path).code == 0
    assert handfast("revoke", "ann", "--project", tmp_path).code == 0
