"""The corpus session on a contract of our own: generated, and its mock held against it by Schemathesis."""

from __future__ import annotations

from pathlib import Path

from tools.corpus.events import STATELESS
from tools.corpus.exercise import Options, exercise
from tools.corpus.generation import make, place
from tools.corpus.report import Row, details, table

SAMPLE = Path(__file__).with_name("sample") / "parcels"


def test_a_contract_is_what_its_mock_obeys(tmp_path: Path) -> None:
    project = tmp_path / "project"
    place(SAMPLE, project, "parcels")
    made, loaded = make(project)
    assert made.sound, made.faults
    assert (made.declared, made.exposed) == (5, 5)
    assert not loaded.findings
    tried = exercise(project, tmp_path / "fuzz", Options(examples=2))
    row = Row("parcels", made, tried)
    assert not row.failures, "\n".join(details([row]))
    assert not tried.errors
    assert tried.cases > 100
    assert all("in a form" in rule or rule == STATELESS for rule in tried.ruled), tried.ruled
    assert "| parcels | 5 | 5 |" in table([row])
