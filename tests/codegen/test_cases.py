"""Case folders: each is a project; `findings.txt` and `ir.txt` beside its specs say what `load` makes of it.

`HANDFAST_UPDATE_CASES=1 pytest tests/codegen/test_cases.py` rewrites the expected files; read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handfast.codegen.project import Project, load
from tests.codegen.invariants import check_feature
from tests.codegen.summary import features_text, findings_text

CASES = sorted(path.parent for path in (Path(__file__).parent / "cases").glob("*/specs"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    loaded = load(Project(case))
    assert load(Project(case)) == loaded, "the same input must give the same result"
    for feature in loaded.features:
        check_feature(feature)
    for name, actual in (("findings.txt", findings_text(loaded)), ("ir.txt", features_text(loaded))):
        expected = case / name
        if os.environ.get("HANDFAST_UPDATE_CASES"):
            expected.write_text(actual, encoding="utf-8")
        assert actual == expected.read_text(encoding="utf-8"), f"{case.name}/{name} differs"
