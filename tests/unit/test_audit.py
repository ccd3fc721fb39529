"""The register of threats is held to the tests, and the audit to what it must not overlook."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.audit import model, register, report, surface

ROOT = Path(__file__).parents[2]


def test_every_threat_has_a_test_and_every_mark_names_a_threat() -> None:
    known = [threat.id for threat in register.threats()]
    assert len(known) == len(set(known))
    assert sorted(known) == sorted(register.marked())


def test_threats_are_named_and_placed_as_agreed() -> None:
    for threat in register.threats():
        assert re.fullmatch(rf"({'|'.join(register.CATEGORIES)})\.[a-z0-9-]+", threat.id), threat.id
        assert threat.boundary in register.BOUNDARIES
        assert threat.title[0].isupper() or threat.title[0] == "`"
        assert not threat.title.endswith(".")
        assert threat.mitigation.endswith(".")
    assert {threat.category for threat in register.threats()} == set(register.CATEGORIES)
    assert {threat.boundary for threat in register.threats()} == set(register.BOUNDARIES)


def test_the_threat_model_is_made_from_the_register() -> None:
    assert model.FILE.read_text(encoding="utf-8") == model.render(), "run `python -m tools.audit.model`"


def test_a_mark_that_is_no_plain_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_x.py").write_text("import pytest\nX = 'a'\npytestmark = pytest.mark.threat(X)\n")
    with pytest.raises(ValueError, match=r"test_x\.py:3"):
        register.marked(tmp_path)


KNOWN = [
    register.Threat("spoofing.a", "client", "A", "Walls."),
    register.Threat("denial.b", "client", "B", "Walls."),
]


def result(outcome: str = "passed", threat: str = "", planted: str = "", **more: Any) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "threat": [threat] if threat else [],
        "planted": [planted] if planted else [],
        "hostile": [],
        "answers": [],
    } | more


def audited(results: dict[str, dict[str, Any]], **parts: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "date": "2026-11-25T00:00:00+00:00",
        "versions": {"handfast": "1"},
        "threats": report.by_threat(KNOWN, results),
        "operations": [],
        "tables": [],
        "planted": report.by_mark(results, "planted"),
        "hostile": report.hostile(results),
    } | parts
    document["problems"] = report.problems(document, results, KNOWN)
    return document


WELL = {"t1": result(threat="spoofing.a"), "t2": result(threat="denial.b")}
OPERATION = {
    "operation": "getTask",
    "method": "GET",
    "path": "/t",
    "schemes": ["bearer (tokens)"],
    "scopes": [],
    "public": False,
    "refused_401": True,
    "refused_403": True,
    "needs_403": True,
}
TABLE = {
    "table": "tasks",
    "row_security": True,
    "forced": True,
    "owner": "o",
    "policies": ["p"],
    "faults": [],
}


@pytest.mark.parametrize(
    ("results", "parts", "problem"),
    [
        (WELL, {"operations": [OPERATION], "tables": [TABLE]}, None),
        ({"t1": result(threat="spoofing.a")}, {}, "threat denial.b is untested"),
        (WELL | {"t3": result("failed", threat="denial.b")}, {}, "threat denial.b is failed"),
        (WELL | {"t2": result("skipped", threat="denial.b")}, {}, "threat denial.b is skipped"),
        (WELL | {"t3": result(threat="denial.c")}, {}, "mark denial.c names no threat of docs/threats.toml"),
        (WELL | {"t3": result("failed", planted="hole")}, {}, "test t3 failed"),
        (
            WELL,
            {"operations": [OPERATION | {"refused_401": False}]},
            "operation getTask was never seen to answer 401",
        ),
        (
            WELL,
            {"operations": [OPERATION | {"refused_403": False}]},
            "operation getTask was never seen to answer 403",
        ),
        (WELL, {"tables": [TABLE | {"faults": ["row security is off"]}]}, "table tasks: row security is off"),
    ],
)
def test_whatever_is_amiss_is_a_problem(
    results: dict[str, dict[str, Any]], parts: dict[str, Any], problem: str | None
) -> None:
    document = audited(results, **parts)
    text = report.markdown(document)
    if problem is None:
        assert document["problems"] == []
        assert "**passed**" in text
    else:
        assert problem in document["problems"]
        assert f"- {problem}\n" in text
        assert "**failed**" in text


def test_planted_holes_and_hostile_inputs_are_counted() -> None:
    results = {
        "tests/fuzz/a": result(planted="missing policy"),
        "tests/hostile/b": result(),
        "tests/hostile/c": result("failed"),
        "tests/hostile/d": result(hostile=["tall", "wide"]),
        "tests/hostile/e": result("failed", hostile=["odd"]),
    }
    assert report.by_mark(results, "planted") == {"missing policy": {"tests/fuzz/a": "passed"}}
    assert report.hostile(results) == {"failed": 2, "passed": 4}
    text = report.markdown(audited(results))
    assert "- missing policy: passed" in text
    assert "- failed: 2" in text


def test_operations_are_those_of_the_published_contract() -> None:
    found = {one["operation"]: one for one in surface.operations(ROOT, {"getTask": {200, 401}})}
    assert found["getTask"]["schemes"] == ["bearerAuth (the service's tokens)"]
    assert found["getTask"]["refused_401"]
    assert not found["getTask"]["refused_403"]
    assert not found["listTasks"]["refused_401"]


def test_the_collector_writes_marks_outcomes_and_answers(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(
        "import json, pytest\n"
        "@pytest.mark.threat('spoofing.x')\n@pytest.mark.planted('hole')\n"
        "def test_well(record_property):\n    record_property('hostile', 'tall')\n"
        "    facts = {'event': 'request_finished', 'operation_id': 'getTask', 'status': 401}\n"
        "    print(json.dumps(facts))\n"
        "@pytest.mark.threat('spoofing.x')\ndef test_ill(): raise ValueError\n"
        "def test_skipped(): pytest.skip('why')\n"
    )
    for spread in ([], ["-n", "2"]):
        file = tmp_path / "results.json"
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "tools.audit.collector", *spread),
                *("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path)),
            ],
            cwd=ROOT,
            env=os.environ | {"HANDFAST_AUDIT_RESULTS": str(file), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        results = {name.rpartition("::")[2]: one for name, one in json.loads(file.read_text()).items()}
        assert results["test_well"] == {
            "outcome": "passed",
            "threat": ["spoofing.x"],
            "planted": ["hole"],
            "hostile": ["tall"],
            "answers": [["getTask", 401]],
        }
        assert results["test_ill"]["outcome"] == "failed"
        assert results["test_skipped"]["outcome"] == "skipped"
