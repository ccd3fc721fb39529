"""Migrations that cannot be run: the file, what is wrong, and the cure."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from handfast.runtime.database import Dsns, migrate, throwaway
from handfast.runtime.faults import ConfigError, Fault

ENV = """\
from sqlalchemy import MetaData
from handfast.runtime.database.migrate import run_env
run_env(MetaData())
"""
FIRST = """\
from alembic import op
revision = "0001"
down_revision = None
def upgrade(): op.execute("create table things ()")
def downgrade(): op.execute("drop table things")
"""
SECOND = """\
from alembic import op
revision = "0002"
down_revision = "0001"
def upgrade():
    op.execute("create table others ()")
    {statement}
def downgrade(): op.execute("drop table others")
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one migration."""
    (tmp_path / "migrations/versions").mkdir(parents=True)
    (tmp_path / "migrations/env.py").write_text(ENV)
    write(tmp_path, "0001_things.py", FIRST)
    return tmp_path


@pytest.fixture
def dsns(postgres: throwaway.Server) -> Dsns:
    """An empty database."""
    return throwaway.database(postgres)


def write(root: Path, name: str, text: str) -> None:
    (root / "migrations/versions" / name).write_text(text)


def fault(dsns: Dsns, root: Path) -> Fault:
    """What `upgrade` has to say."""
    with pytest.raises(ConfigError) as caught:
        migrate.upgrade(dsns.owner, root)
    (found,) = caught.value.faults
    return found


def test_a_parent_that_does_not_exist(dsns: Dsns, root: Path) -> None:
    write(root, "0002_others.py", SECOND.format(statement="pass").replace('= "0001"', '= "0001_thing"'))
    found = fault(dsns, root)
    assert found.where == "migrations/versions/0002_others.py"
    assert found.what == "`down_revision` names `0001_thing`, and there is no such migration"


def test_two_children_of_one_parent(dsns: Dsns, root: Path) -> None:
    write(root, "0002_others.py", SECOND.format(statement="pass"))
    write(root, "0003_more.py", SECOND.format(statement="pass").replace('= "0002"', '= "0003"'))
    found = fault(dsns, root)
    assert found.where == "migrations/versions/0003_more.py"
    assert found.what == "there are 2 newest migrations: `0003` stands beside `0002`"
    assert "set `down_revision`" in found.fix


def test_a_circle(dsns: Dsns, root: Path) -> None:
    write(root, "0002_others.py", SECOND.format(statement="pass"))
    write(root, "0001_things.py", FIRST.replace("= None", '= "0002"'))
    assert "make no chain" in fault(dsns, root).what


def test_a_migration_that_ran_and_is_gone(dsns: Dsns, root: Path) -> None:
    write(root, "0002_others.py", SECOND.format(statement="pass"))
    migrate.upgrade(dsns.owner, root)
    (root / "migrations/versions/0002_others.py").unlink()
    found = fault(dsns, root)
    assert found.what == "the database is at the migration `0002`, which is not among the files here"
    assert "restore the file" in found.fix
    assert migrate.pending(dsns.owner, root) == []


@pytest.mark.parametrize(
    ("statement", "line", "words"),
    [
        (
            "op.execute('alter table nope add column x int')",
            6,
            'UndefinedTable: relation "nope" does not exist',
        ),
        ("raise RuntimeError", 6, "RuntimeError"),
        ("def broken(:", 6, "SyntaxError"),
    ],
)
def test_an_error_in_a_migration_names_its_line(
    dsns: Dsns, root: Path, statement: str, line: int, words: str
) -> None:
    write(root, "0002_others.py", SECOND.format(statement=statement))
    found = fault(dsns, root)
    assert found.where == f"migrations/versions/0002_others.py:{line}"
    assert words in found.what
    with psycopg.connect(dsns.owner) as connection:
        assert connection.execute("select to_regclass('others')").fetchone() == (None,)
