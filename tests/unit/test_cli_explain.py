"""`handfast explain`: an operation is found by any of its names, and its page tells all of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from textwrap import dedent

import pytest

from handfast.cli.touched import touched
from tests.unit.cli_kit import handfast

ROOT = Path(__file__).parents[2]
API = "specs/001-task-management/contracts/api.yaml"


def line_of(file: str, text: str) -> int:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


@pytest.mark.parametrize(
    "name", ["updateTask", "update_task", "task_management.update_task", "PATCH /api/tasks/{task_id}",
             "patch /api/tasks/{id}", "PATCH /api/tasks/01234567-89ab-cdef-0123-456789abcdef"],
)  # fmt: skip
def test_an_operation_has_several_names(name: str) -> None:
    assert handfast("explain", name, "--project", ROOT, "--json").json["function"] == "update_task"


def test_the_page_leads_from_the_contract_to_the_tables() -> None:
    facts = handfast("explain", "updateTask", "--project", ROOT, "--json").json
    assert facts["contract"]["file"] == API
    written = (ROOT / API).read_text(encoding="utf-8").splitlines()
    assert written[facts["contract"]["line"] - 1].strip() == "patch:"
    assert facts["security"] == {
        "context": "Context",
        "alternatives": [[{"scheme": "bearerAuth", "type": "http bearer", "scopes": []}]],
    }
    assert [(one["in"], one["wire"], one["style"], one["type"]) for one in facts["parameters"]] == [
        ("path", "task_id", "simple", "UUID")
    ]
    assert facts["body"]["media"][0]["model"] == "TaskUpdate"
    assert facts["validators"]["request"][-1] == "TaskUpdate"
    assert "Task" in facts["validators"]["response"]
    assert {"status": "413", "why": "bodies are bounded"} in facts["overlay"]["answers"]
    assert facts["handler"] == {
        "file": "handlers/task_management/operations.py",
        "line": line_of("handlers/task_management/operations.py", "async def update_task("),
        "state": "written",
    }
    assert facts["routes"]["file"] == "generated/task_management/routes.py"
    assert [(one["table"], one["owner"], one["sharedBy"]) for one in facts["tables"]] == [
        ("tasks", "user_id", "task_shares")
    ]
    assert {one["what"].partition("(")[0] for one in facts["policies"]} == {
        "isolation.enable_row_security",
        "isolation.enable_sharing",
    }
    assert facts["ledger"]["counts"]["enforced"] > 20
    text = handfast("explain", "updateTask", "--project", ROOT).out
    for fact in (API, "problem", "TaskUpdate", "operations.py", "tasks (Task): rows of user_id", "enforced"):
        assert fact in text


def test_the_parts_of_a_body_are_shown(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "codegen" / "cases" / "parts", tmp_path, dirs_exist_ok=True)
    text = handfast("explain", "page", "--project", tmp_path).out
    assert (
        "part 1: text/html with Content-ID?, Content-Location read as text, schema PageBodyPart1 → Part[str]"
        in text
    )
    assert "each further part: text/css,text/javascript,image/* read as text" in text
    assert "  part 2: its usual type read as text" in handfast("explain", "nested", "--project", tmp_path).out
    named = handfast("explain", "person", "--project", tmp_path).out
    assert "property image: image/png, image/jpeg with X-Limit?" in named
    parts = handfast("explain", "album", "--project", tmp_path, "--json").json["body"]["media"][0]["parts"]
    assert [(one["place"], one["kind"], one["types"]) for one in parts] == [
        ("part 1", "json", ""),
        ("part 2", "binary", "image/*"),
    ]


def test_a_name_that_is_none_is_told_with_the_nearest() -> None:
    told = handfast("explain", "updateTsk", "--project", ROOT)
    assert told.code == 2
    assert "did you mean `updateTask`?" in told.err
    assert "write an operationId" in handfast("explain", "zzz", "--project", ROOT).err


CONTRACT = """
    openapi: 3.0.3
    info: {title: Notes, version: '1'}
    paths:
      '/notes/{id*}':
        servers: [{url: /v1}]
        get:
          summary:
          parameters: [{$ref: '#/components/parameters/Id'}]
          responses: {'200': {$ref: '#/components/responses/Note'}}
    components:
      parameters: {Id: {name: id, in: path, schema: {type: integer, minimum: 1}}}
      responses: {Note: {content: {application/json: {schema: {type: string}}}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    contract = tmp_path / "specs/001-notes/contracts/api.yaml"
    contract.parent.mkdir(parents=True)
    contract.write_text(dedent(CONTRACT), encoding="utf-8")
    return tmp_path


def test_what_was_mended_and_what_is_missing_is_told(project: Path) -> None:
    facts = handfast("explain", "GET /notes/{id}", "--project", project, "--json").json
    assert facts["handler"] == {"file": "handlers/notes/operations.py", "line": 1, "state": "missing"}
    assert facts["routes"] is None
    assert facts["servers"] == ["/v1"]
    assert (
        handfast("explain", "GET /v1/notes/7", "--project", project, "--json").json["path"] == "/notes/{id}"
    )
    assert [step["path"] for step in facts["legalisations"]] == [
        "/paths/~1notes~1{id}",
        "/paths/~1notes~1{id}/get/summary",
        "/components/parameters/Id/required",
        "/components/responses/Note/description",
    ]
    told = {(line["name"], line["status"]) for line in facts["ledger"]["lines"]}
    assert ("path", "enforced") not in told  # the path item is more than the operation
    assert ("operation.summary", "refused") in told
    assert facts["security"]["context"] == "PublicContext"
    text = handfast("explain", "GET /notes/{id}", "--project", project).out
    assert "not generated yet" in text
    assert "public: no credentials are asked for" in text


# --- what can be told of a handler ----------------------------------------------------------------


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")


TABLES = """
    class Note(SQLModel, table=True):
        __tablename__ = "notes"
        __owner__: ClassVar[str] = "user_id"

    class Tag(SQLModel, table=True):
        pass

    class Draft(SQLModel):
        pass
"""


def test_tables_are_found_through_whatever_a_function_calls(tmp_path: Path) -> None:
    operations = """
        from handlers.notes import rules, tables
        from handlers.notes.tables import Tag as Label, Draft

        async def direct(ctx): return await ctx.db.all(select(tables.Note))
        async def aliased(ctx): return Label(), Draft()
        async def helped(ctx): return await rules.tidy(ctx)
        async def local(ctx): return await _inner(ctx)
        async def _inner(ctx): return await helped(ctx)
        async def none(ctx): return 3
        async def hidden(ctx):
            async with ctx.db.session() as session: pass
    """
    rules = "from handlers.notes.tables import Note\n\nasync def tidy(ctx): return Note\n"
    write(tmp_path, {"handlers/notes/operations.py": operations, "handlers/notes/rules.py": rules})
    write(tmp_path, {"handlers/notes/tables.py": TABLES, "handlers/broken.py": "def ("})

    def names(function: str) -> list[str]:
        return [one.table for one in touched(tmp_path, "handlers/notes/operations.py", function).tables]

    assert names("direct") == names("helped") == names("local") == ["notes"]
    assert names("aliased") == ["tag"]
    assert names("none") == names("hidden") == names("absent") == []
    assert touched(tmp_path, "handlers/notes/operations.py", "hidden").unknown == [
        "statements of `ctx.db.session()` are not looked at"
    ]
    assert touched(tmp_path, "handlers/gone.py", "x").unknown == ["handlers/gone.py cannot be read"]


def test_policies_are_what_the_migrations_leave_standing(tmp_path: Path) -> None:
    write(tmp_path, {"handlers/notes/operations.py": TABLES + "\n    async def f(ctx): return Note\n"})
    first = """
        revision = "b"
        def upgrade():
            isolation.enable_row_security("notes", owner="user_id")
            isolation.allow_elevation("notes")
            isolation.enable_row_security("others", owner="user_id")
        def downgrade():
            isolation.disable_row_security("notes")
    """
    second = """
        revision: str = "a"
        down_revision = "b"
        def upgrade():
            isolation.forbid_elevation("notes")
            op.execute("create policy p on notes")
    """
    write(tmp_path, {"migrations/versions/z_first.py": first, "migrations/versions/a_second.py": second})
    found = touched(tmp_path, "handlers/notes/operations.py", "f")
    assert [one.text for one in found.policies] == ["isolation.enable_row_security('notes', owner='user_id')"]
    assert found.unknown == ["statements that migrations execute as text are not looked at"]
    write(
        tmp_path,
        {"migrations/versions/third.py": 'down_revision = "a"\ndef upgrade():\n    op.drop_table("notes")\n'},
    )
    assert touched(tmp_path, "handlers/notes/operations.py", "f").policies == []
