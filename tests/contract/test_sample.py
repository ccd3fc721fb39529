"""The corpus session on a few contracts: generated, and held against their mocks by Schemathesis."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.codegen.test_corpus import CORPUS
from tools.corpus.exercise import Exercised, Options, exercise
from tools.corpus.generation import make, place
from tools.corpus.report import Row, details, table
from tools.corpus.unsendable import NO_404

pytestmark = pytest.mark.unmeasured

SAMPLE = Path(__file__).with_name("sample") / "parcels"
REAL = ("camara-simswap",)


def tried(contract: Path, root: Path, examples: int) -> tuple[Row, Exercised]:
    project = root / "project"
    place(contract, project, contract.name)
    made, _ = make(project)
    assert made.sound, made.faults
    assert made.declared == made.exposed
    exercised = exercise(project, root / "fuzz", Options(examples=examples))
    row = Row(contract.name, made, exercised)
    assert not row.failures, "\n".join(details([row]))
    assert not exercised.errors
    return row, exercised


def test_a_contract_of_ours_is_what_its_mock_obeys(tmp_path: Path) -> None:
    row, exercised = tried(SAMPLE, tmp_path, 2)
    assert row.made is not None
    assert row.made.declared == 5
    assert row.made.legalisations == 0
    assert exercised.cases > 100
    assert all("in a form" in rule or rule == NO_404 for rule in exercised.ruled), exercised.ruled
    assert "| parcels | 5 | 5 |" in table([row])


@pytest.mark.parametrize("name", REAL)
def test_real_contracts_in_json_need_no_rule(name: str, tmp_path: Path) -> None:
    if not (CORPUS / name).is_dir():
        pytest.skip(f"no {name} in {CORPUS}; set HANDFAST_CORPUS to a folder of contracts")
    _, exercised = tried(CORPUS / name, tmp_path, 2)
    assert not exercised.ruled
    assert not exercised.collisions
