"""A pytest plugin that writes how each test ended, and what it says of itself, as JSON.

Load it with `-p tools.audit.collector`; HANDFAST_AUDIT_RESULTS names the file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

MARKS = ("threat", "planted")
HOSTILE = "hostile"
"""A property that a test records for each hostile input which the service survived."""
_results: dict[str, dict[str, Any]] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each test carry its marks in its report, which also comes from other processes."""
    for item in items:
        for mark in MARKS:
            item.user_properties += [(mark, str(found.args[0])) for found in item.iter_markers(mark)]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the worst outcome of a test's phases, and which statuses its operations answered."""
    result = _results.setdefault(
        report.nodeid, {"outcome": "passed", "threat": [], "planted": [], HOSTILE: [], "answers": []}
    )
    for mark in (*MARKS, HOSTILE):
        result[mark] = sorted({str(value) for name, value in report.user_properties if name == mark})
    if report.outcome == "failed" or (report.outcome == "skipped" and result["outcome"] == "passed"):
        result["outcome"] = report.outcome
    for title, text in report.sections:
        if title.startswith("Captured stdout"):
            result["answers"] = sorted({*map(tuple, result["answers"]), *_answers(text)})


def _answers(text: str) -> set[tuple[str, int]]:
    found = set()
    for line in text.splitlines():
        if line.startswith("{") and '"request_finished"' in line:
            try:
                facts = json.loads(line)
                found.add((str(facts["operation_id"]), int(facts["status"])))
            except (ValueError, KeyError, TypeError):
                continue
    return found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file, from the process that has seen all reports."""
    if not hasattr(session.config, "workerinput"):
        Path(os.environ["HANDFAST_AUDIT_RESULTS"]).write_text(json.dumps(_results), encoding="utf-8")
