"""`handfast lint` as a command: forms, exit codes, rules that are switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.kit import GOOD, changed
from tests.unit.cli_kit import handfast

BAD = changed(GOOD, "      operationId: listBooks\n", "", "'422'", "'404'")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "api.yaml"
    path.write_text(BAD)
    return path


def test_findings_have_places_severities_and_cures(file: Path) -> None:
    ran = handfast("lint", file, "--project", file.parent)
    assert ran.code == 0
    assert "api.yaml:6:7: warning [no-operation-id]: `GET /books` has no `operationId`\n  fix: add" in ran.out
    assert "api.yaml:6:7: advice [no-input-error]: `GET /books` takes input" in ran.out
    assert "2 findings: " in ran.out
    assert handfast("lint", file, "--project", file.parent, "--strict").code == 1


def test_json_is_for_programs(file: Path) -> None:
    made = handfast("lint", file, "--project", file.parent, "--json").json
    assert {(one["code"], one["severity"], one["line"]) for one in made["findings"]} == {
        ("no-operation-id", "warning", 6),
        ("no-input-error", "advice", 6),
    }
    assert made["counts"] == {"no-operation-id": 1, "no-input-error": 1}


def test_other_programs_show_findings_beside_the_text(file: Path) -> None:
    made = handfast("lint", file, "--project", file.parent, "--format", "json").json
    assert made["counts"] == {"no-operation-id": 1, "no-input-error": 1}
    (run,) = handfast("lint", file, "--project", file.parent, "--format", "sarif").json["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["no-input-error", "no-operation-id"]
    assert {(one["ruleId"], one["ruleIndex"], one["level"]) for one in run["results"]} == {
        ("no-operation-id", 1, "warning"),
        ("no-input-error", 0, "note"),
    }
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["region"] == {
        "startLine": 6,
        "startColumn": 7,
    }
    lines = handfast("lint", file, "--project", file.parent, "--format", "github", "--strict")
    assert lines.code == 1
    assert "::warning file=" in lines.out
    assert "api.yaml,line=6,col=7,title=warning%3A no-operation-id::`GET /books` has no" in lines.out
    assert "::notice file=" in lines.out


def test_what_stops_generation_is_an_error(file: Path) -> None:
    file.write_text(changed(BAD, "schemas/Error'", "schemas/Eror'"))
    (file.parent / "pyproject.toml").write_text('[tool.handfast.lint.off]\ndangling-ref = "no"\n')
    ran = handfast("lint", file, "--project", file.parent)
    assert ran.code == 1
    assert " error [dangling-ref]: " in ran.out


def test_a_rule_is_switched_off_with_a_reason(file: Path) -> None:
    config = file.parent / "pyproject.toml"
    config.write_text('[tool.handfast.lint.off]\nno-operation-id = "names come from elsewhere"\n')
    ran = handfast("lint", file, "--project", file.parent)
    assert "1 finding: 1 no-input-error" in ran.out
    for text, said in (
        ('no-operation-id = ""', "without a reason"),
        ('no-operation-ids = "x"', "did you mean `no-operation-id`?"),
        ("no-operation-id", "cannot be read"),
    ):
        config.write_text(f"[tool.handfast.lint.off]\n{text}\n")
        wrong = handfast("lint", file, "--project", file.parent)
        assert wrong.code == 2
        assert said in wrong.err


def test_a_project_is_read_as_a_whole(tmp_path: Path) -> None:
    for number, text in ((1, GOOD), (2, changed(BAD, "/books", "/shelves"))):
        folder = tmp_path / "specs" / f"00{number}-x{number}" / "contracts"
        folder.mkdir(parents=True)
        (folder / "api.yaml").write_text(text)
    ran = handfast("lint", "--project", tmp_path)
    assert "specs/002-x2/contracts/api.yaml:6:7: " in ran.out
    assert "001-x1" not in ran.out
    assert handfast("lint", tmp_path / "specs", "--project", tmp_path).code == 2
