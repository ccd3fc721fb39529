"""docs/tutorial.md to the letter: what it says to write type-checks, runs and passes its own test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.codegen.generated import SOURCE, check_types
from tests.conftest import ROOT
from tests.unit.cli_kit import handfast

BLOCK = re.compile(r"^```(yaml|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_tutorial_ends_in_a_passing_test(tmp_path: Path, mypy_cache: Path) -> None:
    blocks = BLOCK.findall((ROOT / "docs/tutorial.md").read_text(encoding="utf-8"))
    assert [language for language, _ in blocks] == ["yaml", "python", "python", "python", "python"]
    contract, tables, migration, operations, test = (text for _, text in blocks)
    (tmp_path / "notes.yaml").write_text(contract)
    project = tmp_path / "notes"
    made = handfast("new", project, "--contract", tmp_path / "notes.yaml")
    assert made.code == 0, made.out + made.err

    (project / "handlers/notes/tables.py").write_text(tables)
    (project / "migrations/versions/0001_notes.py").write_text(migration)
    (project / "tests/test_notes.py").write_text(test)
    module = project / "handlers/notes/operations.py"
    head = module.read_text().partition("\nasync def ")[0]
    module.write_text(f"{head}\n{operations}")

    assert handfast("check", "--project", project).code == 0
    check_types(project, mypy_cache)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout
    assert not (project / ".handfast").exists()


def environment() -> dict[str, str]:
    """As a developer's own shell, whatever runs these tests."""
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(SOURCE)}
