"""Nothing that breaks is missed: pairs that a sampler refutes are told to be breaking."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diff.test_cases import CASES
from tools import diff_pairs
from tools.diff_figures import measure

pytestmark = pytest.mark.unmeasured

PAIRS = 30


def test_no_refuted_pair_is_missed() -> None:
    figures = measure(PAIRS, seed=2)
    assert figures.refuted > PAIRS // 4
    assert not figures.missed, "\n".join(figures.missed)
    assert len(figures.alarms) <= figures.breaking // 20, "\n".join(figures.alarms)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_place_of_a_case_that_a_value_refutes_is_missed(case: Path) -> None:
    assert diff_pairs.measure(case / "old.yaml", case / "new.yaml").missed == []


def test_values_of_contracts_refute_places() -> None:
    folder = CASES[0].parent
    pairs = [
        diff_pairs.measure(folder / name / "old.yaml", folder / name / "new.yaml")
        for name in ("bounds", "enums")
    ]
    assert all(pair.refuted for pair in pairs)
