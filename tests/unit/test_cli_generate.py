"""`handfast generate` and `handfast check`: one code path, exit codes 0, 1 and 2."""

from __future__ import annotations

import shutil
from pathlib import Path

from handfast.codegen.cache import FOLDER
from tests.unit.cli_kit import handfast

CONTRACT = "specs/001-notes/contracts/notes.yaml"
HANDLER = "handlers/notes/operations.py"
NEW = """\
  /notes/{note_id}/archive:
    post:
      operationId: archiveNote
      parameters:
        - {name: note_id, in: path, required: true, schema: {type: string, format: uuid}}
      responses:
        '204': {description: Archived.}
components:
"""


def edit(project: Path, old: str, new: str) -> None:
    contract = project / CONTRACT
    text = contract.read_text()
    assert old in text
    contract.write_text(text.replace(old, new, 1))


def snapshot(project: Path) -> dict[str, bytes]:
    files = [path for path in project.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files if FOLDER not in path.as_posix()}


def test_nothing_changes_twice(project: Path) -> None:
    before = snapshot(project)
    made = handfast("generate", "--project", project, "--json")
    assert made.code == 0
    assert made.json == {"ok": True, "written": [], "deleted": [], "legalisations": 0, "work": []} | {
        "findings": made.json["findings"]
    }
    assert snapshot(project) == before


def test_the_ledger_tells_what_becomes_of_each_construct(project: Path) -> None:
    text = handfast("generate", "--project", project, "--ledger").out
    assert f"{CONTRACT}:2:1: enforced: OpenAPI field `document.openapi` at #/openapi\n" in text
    assert ": annotation: OpenAPI field `info.title` at #/info/title\n  why: is for people who read" in text
    assert "\nOpenAPI field document.openapi " in text
    made = handfast("generate", "--project", project, "--ledger", "--json").json
    assert made["ledger"][0] | {"status": "enforced", "pointer": "/openapi", "line": 2} == made["ledger"][0]
    assert sum(count["enforced"] for count in made["summary"]) == len(
        [line for line in made["ledger"] if line["status"] == "enforced"]
    )


def test_what_is_published_otherwise_is_told(project: Path) -> None:
    edit(project, "paths:\n", "paths:\n  /x?y:\n    get: {}\n")
    made = handfast("generate", "--project", project)
    assert (
        "1 legalisation, of what is published otherwise than written, in contracts/legalisation.yaml"
        in made.out
    )
    assert (project / "contracts/legalisation.yaml").is_file()


def test_a_new_operation_is_generated_and_its_handler_asked_for(project: Path) -> None:
    edit(project, "components:\n", NEW)
    drift = handfast("check", "--project", project)
    assert drift.code == 1
    assert "+    async def archive_note(" in drift.out
    assert "handfast generate" in drift.out
    dry = handfast("generate", "--project", project, "--dry-run")
    assert (dry.code, "+    raise NotWritten" in dry.out) == (0, True)
    assert b"archive_note" not in (project / HANDLER).read_bytes()
    made = handfast("generate", "--project", project)
    assert made.code == 0
    lines = (project / HANDLER).read_text().splitlines()
    line = lines.index("async def archive_note(ctx: PublicContext, note_id: UUID) -> None:") + 1
    assert f"{HANDLER}:{line}: `archive_note` is still to be written: a stub was added" in made.out
    assert handfast("check", "--project", project).code == 0


def test_a_handler_that_cannot_be_read_stops_everything(project: Path) -> None:
    edit(project, "components:\n", NEW)
    (project / HANDLER).write_text("async def broken(:\n")
    before = snapshot(project)
    made = handfast("generate", "--project", project)
    assert made.code == 1
    assert f"{HANDLER}:1: the contract's change cannot reach this file" in made.out
    assert handfast("check", "--project", project).code == 1
    assert snapshot(project) == before


def test_a_changed_signature_and_a_removed_operation_are_told(project: Path) -> None:
    edit(
        project,
        "name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100, default: 20}",
        "name: tag, in: query, schema: {type: string}",
    )
    edit(project, "operationId: deleteNote", "operationId: dropNote")
    work = {
        (item["kind"], item["function"]): item
        for item in handfast("generate", "--project", project, "--json").json["work"]
    }
    assert set(work) == {("change", "list_notes"), ("rename", "drop_note")}
    lines = (project / HANDLER).read_text().splitlines()
    assert lines[work["change", "list_notes"]["line"] - 1].startswith("async def list_notes(")
    assert "tag: str | None = None" in work["change", "list_notes"]["fix"]


def test_a_broken_contract_writes_nothing(project: Path) -> None:
    edit(project, "operationId: deleteNote", "operationId: createNote")
    before = snapshot(project)
    for command in ("generate", "check"):
        refused = handfast(command, "--project", project)
        assert refused.code == 1
        assert f"{CONTRACT}:" in refused.out
        assert "fix: " in refused.out
    assert snapshot(project) == before


def test_a_file_edited_by_hand_is_refused(project: Path) -> None:
    routes = project / "generated/notes/routes.py"
    routes.write_text(routes.read_text() + "# mine\n")
    edit(project, "operationId: deleteNote", "operationId: dropNote")
    refused = handfast("generate", "--project", project)
    assert refused.code == 1
    assert "generated/notes/routes.py" in refused.out
    assert routes.read_text().endswith("# mine\n")
    assert handfast("check", "--project", project, "--json").json["ok"] is False


def test_warnings_fail_only_where_asked_to(project: Path) -> None:
    edit(
        project,
        "    parameters:\n      - {name: note_id,",
        "    parameters:\n      - {name: other, in: path, required: true, schema: {type: string}}\n"
        "      - {name: note_id,",
    )
    lenient = handfast("generate", "--project", project)
    assert lenient.code == 0
    assert "warning" in lenient.out
    assert handfast("generate", "--project", project, "--strict").code == 1
    assert handfast("check", "--project", project, "--strict").code == 1


def test_quiet_prints_findings_only(project: Path) -> None:
    assert handfast("check", "--project", project, "--quiet").out == ""
    assert "all well: 4 operations" in handfast("check", "--project", project).out


def test_a_folder_without_contracts_is_wrong_use(tmp_path: Path) -> None:
    refused = handfast("generate", "--project", tmp_path)
    assert refused.code == 2
    assert "handfast new" in refused.err
    (tmp_path / "specs").mkdir()
    refused = handfast("check", "--project", tmp_path, "--json")
    assert refused.code == 2
    assert refused.json["error"]["what"].startswith("no contract in")


def test_a_folder_that_cannot_be_written(project: Path) -> None:
    edit(project, "components:\n", NEW)
    shutil.rmtree(project / "contracts")
    (project / "contracts").write_text("in the way")
    before = snapshot(project)
    refused = handfast("generate", "--project", project)
    assert refused.code == 3
    assert "cannot be written" in refused.err
    assert "make the folder writable" in refused.err
    assert snapshot(project) == before


def test_a_deprecated_operation_stays_until_its_sunset_unless_forced(project: Path) -> None:
    edit(
        project,
        "components:\n",
        NEW.replace(
            "operationId: archiveNote",
            "operationId: archiveNote\n      deprecated: true\n      x-sunset: 2999-01-01",
        ),
    )
    assert handfast("generate", "--project", project).code == 0
    published = (project / "contracts/openapi.yaml").read_text()
    text = (project / CONTRACT).read_text()
    start, end = text.index("  /notes/{note_id}/archive:"), text.index("components:\n")
    (project / CONTRACT).write_text(text[:start] + text[end:])
    for command in (("generate",), ("check",), ("generate", "--no-cache")):
        refused = handfast(*command, "--project", project)
        assert refused.code == 1
        assert "contracts/openapi.yaml:" in refused.out
        assert "`POST /notes/{note_id}/archive` is removed before its sunset on 2999-01-01" in refused.out
        assert (project / "contracts/openapi.yaml").read_text() == published
    assert handfast("generate", "--project", project, "--force").code == 0
    assert "/archive" not in (project / "contracts/openapi.yaml").read_text()
    assert "is removed before" not in handfast("check", "--project", project).out
