"""Case folders: two contracts and what is found between them (`HANDFAST_UPDATE_CASES=1` writes it anew)."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from handfast.codegen.project import load_file
from handfast.diff.catalogue import RULES
from handfast.diff.compare import compare
from handfast.diff.contract import contracts
from handfast.diff.formats import operations, witness
from handfast.diff.model import Change

FOLDER = Path(__file__).parent / "cases"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir())
TODAY = date(2026, 1, 1)


def changes(old: Path, new: Path) -> tuple[Change, ...]:
    """Return the changes between two contract files."""
    before, after = load_file(old, old.parent), load_file(new, new.parent)
    assert not before.fatal, before.findings
    assert not after.fatal, after.findings
    return compare(contracts(before), contracts(after), TODAY)


def line(change: Change) -> str:
    """Return a change as expectations are written: severity, direction, rule, pointer, places, words."""
    places = " -> ".join(str(one.source) if one else "nothing" for one in (change.old, change.new))
    shown = f" e.g. {witness(change)}" if change.witness else ""
    return (
        f"{change.severity} {change.direction} {change.rule} {change.pointer} [{operations(change)}] "
        f"{places}: {change.what}{shown}"
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    found = "".join(f"{line(change)}\n" for change in changes(case / "old.yaml", case / "new.yaml"))
    expected = case / "expected.txt"
    if os.environ.get("HANDFAST_UPDATE_CASES"):
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_contract_has_not_changed_from_itself(case: Path) -> None:
    for name in ("old.yaml", "new.yaml"):
        assert changes(case / name, case / name) == ()


def test_every_rule_is_seen_in_a_case() -> None:
    seen = {
        text.split(" ")[2]
        for case in CASES
        for text in (case / "expected.txt").read_text(encoding="utf-8").splitlines()
    }
    assert sorted(set(RULES) - seen) == [], "rules that no case shows"
    assert sorted(seen - set(RULES)) == [], "findings that the catalogue does not know"
