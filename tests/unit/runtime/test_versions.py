"""Which migrations are lacking: where it is plain, told without Alembic, and never otherwise than by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from handfast.runtime.database import migrate, versions
from handfast.runtime.faults import ConfigError

ENV = "from sqlalchemy import MetaData\nfrom handfast.runtime.database.migrate import run_env\n"


def write(root: Path, *revisions: str) -> Path:
    folder = root / "migrations/versions"
    folder.mkdir(parents=True)
    (root / "migrations/env.py").write_text(ENV)
    for number, text in enumerate(revisions):
        (folder / f"{number}.py").write_text(text)
    return root


ONE = "revision = '1'\ndown_revision = None\nbranch_labels = None\ndepends_on = None\n"
TWO = "revision: str = '2'\ndown_revision: str = '1'\n"


@pytest.mark.parametrize(
    "chain",
    [
        [],
        [ONE],
        [TWO, ONE],
        [ONE, "NAME = '2'\nrevision = NAME\ndown_revision = '1'\n"],
        [ONE, TWO + "if True:\n    revision = '3'\n"],
        [ONE, TWO, "revision = '3'\ndown_revision = ('2',)\n"],
        [ONE, "revision = '2'\ndown_revision = '1'\nbranch_labels = 'side'\n"],
        [ONE, "revision = '2'\ndown_revision = None\ndepends_on = '1'\n"],
        [ONE, TWO, "revision = '3'\ndown_revision = '1'\n"],
        [ONE, TWO, "revision = '3'\ndown_revision = 'none'\n"],
        [ONE, TWO, TWO],
        [ONE, "down_revision = '1'\n"],
        [ONE, "def broken(:\n"],
    ],
)
@pytest.mark.parametrize("applied", [[], ["1"], ["2"], ["3"], ["9"], ["1", "2"]])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_it_says_what_alembic_says(tmp_path: Path, chain: list[str], applied: list[str]) -> None:
    root = write(tmp_path, *chain)

    def told(ask: object) -> object:
        assert callable(ask)
        try:
            return list(ask())
        except ConfigError as error:
            return error.faults

    expected = told(lambda: migrate.missing(root, tuple(sorted(applied))))
    assert told(lambda: versions.lacking(root, applied)) == expected


@pytest.mark.parametrize(("applied", "asked"), [("2", False), ("1", True)])
def test_alembic_is_asked_only_where_there_is_something_to_say(
    tmp_path: Path, applied: str, asked: bool
) -> None:
    root = write(tmp_path, ONE, TWO)
    (root / "migrations/versions/__init__.py").touch()
    program = (
        "import sys; from pathlib import Path; from handfast.runtime.database import versions\n"
        "lacking = versions.lacking(Path(sys.argv[1]), [sys.argv[2]])\n"
        "print(lacking, 'alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(root), applied], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{['2'] if asked else []} {asked}"
