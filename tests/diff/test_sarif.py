"""Reports for code review are well-formed: SARIF 2.1.0, and GitHub's workflow commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
import pytest

from handfast.codegen import reviewforms
from handfast.codegen.ir import Source
from handfast.codegen.project import load_file
from handfast.diff import formats
from handfast.diff.report import Excused, Report
from handfast.lint import formats as lint_formats
from handfast.lint.lint import lint
from tests.diff.sarif import LOG
from tests.diff.test_cases import CASES, changes

VALID = jsonschema_rs.Draft202012Validator(LOG, validate_formats=True)
COMMAND = re.compile(
    r"::(?:error|warning|notice) (?:file=[^:,\n]+,line=[1-9]\d*,col=[1-9]\d*,)?title=[^:,\n]+::[^\n]+"
)
"""A command, its properties with their commas and colons escaped, its message on one line."""


def held(text: str) -> list[dict[str, Any]]:
    """Return the results of a log that is as the standard demands, each of a rule that is there."""
    log = json.loads(text)
    VALID.validate(log)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    results: list[dict[str, Any]] = run["results"]
    for result in results:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    return results


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_report_of_changes_in_both_forms(case: Path) -> None:
    found = changes(case / "old.yaml", case / "new.yaml")
    report = Report("old", "new", found)
    assert len(held(formats.sarif(report))) == len(found)
    lines = formats.github(report).splitlines()
    assert len(lines) == len(found)
    for line in lines:
        assert COMMAND.fullmatch(line), line


def test_excused_changes_are_suppressed() -> None:
    found = changes(CASES[0] / "old.yaml", CASES[0] / "new.yaml")
    report = Report("old", "new", (), tuple(Excused(one, "agreed with the callers") for one in found))
    assert all(one["suppressions"][0]["status"] == "accepted" for one in held(formats.sarif(report)))
    assert formats.github(report) == ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_the_linter_finds_in_both_forms(case: Path) -> None:
    findings = lint(load_file(case / "old.yaml", case))
    assert len(held(lint_formats.sarif(findings))) == len(findings)
    for line in lint_formats.github(findings).splitlines():
        assert COMMAND.fullmatch(line), line


@pytest.mark.parametrize("name", ["a b.yaml", "ä/ö.yaml", "50%.yaml", "a#b?c.yaml", "a:b.yaml", "a,b.yaml"])
def test_any_file_name_is_a_reference_and_a_property(name: str) -> None:
    uri = reviewforms.physical(Source(name, 3, 7))["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9._~/%+-]+", uri), uri
    assert unquote(uri) == name
    command = reviewforms.github("error", Source(name, 3, 7), "what: it is", "one\ntwo")
    assert COMMAND.fullmatch(command), command
