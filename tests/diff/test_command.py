"""`handfast diff` over a git repository and over files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from handfast.diff.model import Severity
from handfast.diff.version import raised
from tests.unit.cli_kit import handfast

CONTRACT = """\
openapi: 3.1.0
info: {title: Notes, version: 1.2.3}
paths:
  /notes:
    get:
      operationId: listNotes
      parameters:
      - {name: limit, in: query, schema: {$ref: '../../shared.yaml#/limit'}}
      responses: {'204': {description: none}}
"""
FILE = "specs/001-notes/contracts/api.yaml"


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(CONTRACT)
    (tmp_path / "specs" / "shared.yaml").write_text("limit: {type: integer, maximum: 100}\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def lower(project: Path) -> None:
    (project / "specs" / "shared.yaml").write_text("limit: {type: integer, maximum: 50}\n")


def test_nothing_has_changed(project: Path) -> None:
    ran = handfast("diff", "--project", project, "--fail-on", "risky")
    assert (ran.code, ran.out) == (0, "no change since HEAD\n")


def test_a_change_in_a_file_that_is_referred_to(project: Path) -> None:
    lower(project)
    ran = handfast("diff", "--project", project)
    assert ran.code == 0
    assert (
        "specs/shared.yaml:1:24: breaking: request: the greatest value was lowered from 100 to 50" in ran.out
    )
    assert "  in: GET /notes" in ran.out
    assert "1 breaking, 0 risky, 0 safe since HEAD; semantic version: major" in ran.out
    assert handfast("diff", "--project", project, "--fail-on", "breaking").code == 1


def test_two_revisions(project: Path) -> None:
    lower(project)
    git(project, "commit", "--quiet", "--all", "--message", "second")
    assert handfast("diff", "--project", project).out == "no change since HEAD\n"
    ran = handfast("diff", "HEAD", "HEAD~1", "--project", project, "--json")
    assert [one["rule"] for one in ran.json["changes"]] == ["maximum-raised"]
    assert ran.json["counts"] == {"breaking": 0, "risky": 0, "safe": 1}
    assert ran.json["bump"] == "minor"


def test_a_file(project: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.yaml"
    old.write_text(CONTRACT.replace("{$ref: '../../shared.yaml#/limit'}", "{type: integer}"))
    ran = handfast("diff", old, "--project", project, "--fail-on", "breaking")
    assert ran.code == 1
    assert "(maximum-added)" in ran.out


@pytest.mark.parametrize("revision", ["nothing", "--help-me", "HEAD~5", "HEAD:specs"])
def test_a_revision_that_is_none(project: Path, revision: str) -> None:
    ran = handfast("diff", "--project", project, "--", revision)
    assert ran.code == 2
    assert "no revision" in ran.err


def test_no_repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    (project / ".git").rename(project / "was")
    ran = handfast("diff", "--project", project)
    assert ran.code == 2
    assert "compare with a file" in ran.err


def test_a_faulty_contract_is_told(project: Path) -> None:
    (project / FILE).write_text(CONTRACT.replace("/limit", "/nothing"))
    ran = handfast("diff", "--project", project)
    assert ran.code == 1
    assert "names nothing" in ran.out


def report(project: Path, form: str) -> str:
    lower(project)
    return handfast("diff", "--project", project, "--format", form).out


def test_markdown(project: Path) -> None:
    text = report(project, "markdown")
    assert text.startswith("# Changes of the contract\n")
    assert "| the greatest value was lowered from 100 to 50<br>for example `" in text


def test_github_annotations(project: Path) -> None:
    text = report(project, "github")
    assert text.startswith(
        "::error file=specs/shared.yaml,line=1,col=24,title=breaking%3A maximum-lowered (request)::"
    )


def test_sarif(project: Path) -> None:
    document: Any = json.loads(report(project, "sarif"))
    (result,) = document["runs"][0]["results"]
    assert document["version"] == "2.1.0"
    assert (result["ruleId"], result["level"]) == ("maximum-lowered", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "specs/shared.yaml"
    assert place["region"] == {"startLine": 1, "startColumn": 24}


def test_a_report_in_a_file(project: Path, tmp_path: Path) -> None:
    lower(project)
    target = tmp_path / "report.json"
    ran = handfast("diff", "--project", project, "--format", "json", "--output", target)
    assert ran.out.startswith("1 breaking, 0 risky, 0 safe since HEAD; semantic version: major\n")
    assert json.loads(target.read_text())["bump"] == "major"


# --- exceptions -----------------------------------------------------------------------------------

EXCEPTION = """\
exceptions:
- rule: maximum-lowered
  pointer: '#/components/*/maximum'
  operation: GET /notes
  reason: nobody asks for more
  expires: {expires}
"""


def excepted(project: Path, text: str) -> Path:
    lower(project)
    (project / "diff-exceptions.yaml").write_text(text)
    return project


def test_a_reviewed_change_is_let_through_and_told(project: Path) -> None:
    excepted(project, EXCEPTION.format(expires="2999-01-01"))
    found = handfast("diff", "--project", project, "--json").json
    pointer = (found["excused"] or found["changes"])[0]["pointer"]
    assert pointer.endswith("/maximum")
    text = EXCEPTION.format(expires="2999-01-01").replace("#/components/*/maximum", pointer)
    ran = handfast("diff", "--project", excepted(project, text), "--fail-on", "breaking")
    assert ran.code == 0
    assert "0 breaking, 0 risky, 0 safe, 1 excused since HEAD; semantic version: major" in ran.out
    result: Any = json.loads(handfast("diff", "--project", project, "--format", "sarif").out)
    (suppressed,) = result["runs"][0]["results"]
    assert "nobody asks for more" in suppressed["suppressions"][0]["justification"]


def test_an_exception_expires(project: Path) -> None:
    text = EXCEPTION.format(expires="2020-01-01").replace("#/components/*/maximum", "*")
    ran = handfast("diff", "--project", excepted(project, text), "--fail-on", "breaking")
    assert ran.code == 1
    assert "diff-exceptions.yaml:2:3: warning: the exception for `maximum-lowered` has expired" in ran.out


@pytest.mark.parametrize("change", [("#/components/*/maximum", "#/x"), ("GET /notes", "GET /other")])
def test_an_exception_that_nothing_matches_is_told(project: Path, change: tuple[str, str]) -> None:
    text = EXCEPTION.format(expires="2999-01-01").replace("#/components/*/maximum", "*")
    text = text.replace("'*'", "'#/x'") if change[1] == "#/x" else text.replace(*change)
    ran = handfast("diff", "--project", excepted(project, text), "--fail-on", "breaking")
    assert ran.code == 1
    assert "warning: nothing matches the exception for `maximum-lowered`" in ran.out


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- a\n", "has no list `exceptions`"),
        ("exceptions: [a]\n", "an exception must be a mapping"),
        (EXCEPTION.format(expires="soon"), "`expires` must be a date"),
        (
            EXCEPTION.format(expires="2999-01-01").replace("-lowered", "-lowerd"),
            "did you mean `maximum-lowered`?",
        ),
        (EXCEPTION.replace("reason", "reasons"), "did you mean `reason`?"),
        ("exceptions: [\n", "not YAML"),
    ],
)
def test_faulty_exceptions_stop(project: Path, text: str, what: str) -> None:
    ran = handfast("diff", "--project", excepted(project, text))
    assert ran.code == 1
    assert what in ran.out


# --- versions -------------------------------------------------------------------------------------


def test_the_version_is_suggested_and_written(project: Path) -> None:
    contract = project / FILE
    changed = CONTRACT.replace("listNotes", "listNotes\n      # kept").replace(
        "/limit'}}", "/limit'}}\n      - {name: must, in: query, required: true, schema: {type: string}}"
    )
    contract.write_bytes(changed.replace("\n", "\r\n").encode())
    ran = handfast("diff", "--project", project)
    assert f"{FILE}:2:31: warning: the version was 1.2.3, is 1.2.3, and should be 2.0.0" in ran.out
    handfast("diff", "--project", project, "--write-version")
    assert contract.read_bytes() == changed.replace("1.2.3", "2.0.0").replace("\n", "\r\n").encode()
    assert "warning: the version" not in handfast("diff", "--project", project).out


def test_no_version_is_written_into_other_contracts(project: Path) -> None:
    assert handfast("diff", "HEAD", "HEAD", "--project", project, "--write-version").code == 2


@pytest.mark.parametrize(
    ("version", "worst", "due"),
    [
        ("1.2.3", Severity.BREAKING, "2.0.0"), ("1.2.3", Severity.RISKY, "1.3.0"),
        ("1.2.3", Severity.SAFE, "1.3.0"),
        ("1.2.3", None, "1.2.4"), ("0.2.3", Severity.BREAKING, "0.3.0"), ("0.2.3", Severity.SAFE, "0.2.4"),
        ("1.2.3-rc.1", None, "1.2.4"),
    ],
)  # fmt: skip
def test_versions_are_raised_as_semver_says(version: str, worst: Severity | None, due: str) -> None:
    assert raised(version, worst) == due
