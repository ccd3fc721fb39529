"""Real projects to fuzz: generated, migrated and served in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from handfast.cli.children import Child, listen
from handfast.fuzz import isolation
from handfast.fuzz.http import HttpSurface
from handfast.fuzz.identities import Minted
from handfast.fuzz.report import Report
from handfast.fuzz.tokens import Authority
from handfast.runtime.database import Dsns, throwaway
from handfast.testing import make_token
from tests.conftest import SECRET
from tests.unit.cli_kit import handfast

SHELF = Path(__file__).with_name("shelf")
LIFT = "alter table {0} no force row level security, disable row level security"
FORCE = "alter table {0} enable row level security, force row level security"


def planted(name: str, *, always: bool) -> list[pytest.MarkDecorator]:
    """The marks of a test of the hole `name`, which `make test` runs too if it is one for `always`."""
    return [pytest.mark.planted(name), *([] if always else [pytest.mark.long])]


def token(user: UUID) -> str:
    """A good token of `user`."""
    return make_token(user, secret=SECRET)


def fuzz(
    surface: HttpSurface,
    *,
    calls: int,
    seed: int = 1,
    public: Sequence[str] = (),
    operations: Sequence[str] = (),
) -> Report:
    """Let two identities make `calls` calls."""
    return isolation.run(
        surface,
        Minted(surface.contract.schemes, token),
        calls=calls,
        seed=seed,
        public=public,
        operations=operations,
        authority=Authority(SECRET),
    )


@dataclass(frozen=True)
class Shelf:
    """The running shelf, and its database."""

    surface: HttpSurface
    dsns: Dsns
    file: Path

    @contextmanager
    def hole(self, name: str, *statements: str, undo: Sequence[str] = ()) -> Iterator[HttpSurface]:
        """Open the hole `name` and run `statements` as the tables' owner; `undo` mends them."""
        with psycopg.connect(self.dsns.owner, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
            self.file.write_text(name)
            try:
                yield self.surface
            finally:
                self.file.write_text("")
                connection.execute("truncate comments, notes")
                for statement in undo:
                    connection.execute(statement)


@contextmanager
def shelf(root: Path, postgres: throwaway.Server, *edits: tuple[str, str, str]) -> Iterator[Shelf]:
    """Make the shelf in `root`, with (file, old, new) `edits`, and serve it."""
    places = {
        "api.yaml": "specs/001-shelf/contracts/api.yaml",
        "migration.py": "migrations/versions/0001_shelf.py",
        "app.py": "app.py",
    }
    for source in SHELF.iterdir():
        if not source.is_file():
            continue
        text = source.read_text(encoding="utf-8")
        for name, old, new in edits:
            if name == source.name:
                assert old in text
                text = text.replace(old, new)
        write(root / places.get(source.name, f"handlers/shelf/{source.name}"), text)
    write(root / "handlers/__init__.py", "")
    write(root / "handlers/shelf/__init__.py", "")
    write(
        root / "migrations/env.py",
        "from handfast.runtime.database.migrate import run_env\n"
        "from handlers.shelf.tables import metadata\n\nrun_env(metadata)\n",
    )
    made = handfast("generate", "--project", root)
    assert made.code == 0, made.out
    file = root / "hole"
    file.write_text("")
    dsns = throwaway.database(postgres)
    environment = os.environ | {
        "HANDFAST_ENV": "test",
        "DATABASE_URL": dsns.service,
        "HANDFAST_DATABASE_OWNER_URL": dsns.owner,
        "BETTER_AUTH_SECRET": SECRET,
        "LOG_LEVEL": "error",
        "SHELF_HOLE": str(file),
        "SHELF_OWNER_URL": dsns.owner,
        "SHELF_ADMIN_URL": dsns.admin,
    }
    command = [sys.executable, "-m", "handfast", "migrate", "--project", str(root)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    with serve(root, environment) as url:
        surface = HttpSurface(url)
        yield Shelf(surface, dsns, file)
        surface.close()


@contextmanager
def serve(root: Path, environment: dict[str, str]) -> Iterator[str]:
    """Serve the project in `root` and yield its address."""
    with listen("127.0.0.1", 0) as listener:
        child = Child(root, listener, environment, grace=0)
        try:
            assert child.wait().faults == ()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            child.stop()


def write(path: Path, text: str) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
