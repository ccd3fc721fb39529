"""Which changes of files `handfast dev` hears of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from handfast.cli.watch import Watcher
from tests.unit.cli_kit import handfast


@pytest.fixture
def watcher(project: Path) -> Iterator[Watcher]:
    """A watcher of the notes project."""
    made = Watcher(project)
    yield made
    made.close()


LAST = {"last.py", "handlers/last.py"}
"""One for each of the two threads that watch: what came before them has been told when they are."""


def heard(watcher: Watcher) -> set[str]:
    """What is told of all changes so far."""
    for path in LAST:
        (watcher.root / path).touch()
    found: set[str] = set()
    deadline = time.monotonic() + 20
    while not found >= LAST and time.monotonic() < deadline:
        found |= watcher.next(timeout=0.1)
    return found - LAST


def test_only_sources_count(watcher: Watcher) -> None:
    for path in ("handlers/notes/operations.py", "handlers/notes/notes.txt", "README.md", ".env"):
        (watcher.root / path).write_text("# changed\n")
    (watcher.root / "generated/notes/routes.py").write_text("# our own doing\n")
    assert heard(watcher) == {"handlers/notes/operations.py", ".env"}


def test_a_generated_file_that_is_gone_counts(watcher: Watcher) -> None:
    (watcher.root / "generated/notes/routes.py").unlink()
    assert heard(watcher) == {"generated/notes/routes.py"}


def test_a_generation_is_not_heard(watcher: Watcher) -> None:
    """What it lays down on its way, hidden files, comes and goes."""
    contract = watcher.root / "specs/001-notes/contracts/notes.yaml"
    contract.write_text(contract.read_text().replace("title: Notes", "title: Other notes"))
    heard(watcher)
    assert handfast("generate", "--project", watcher.root).code == 0
    assert heard(watcher) == set()
