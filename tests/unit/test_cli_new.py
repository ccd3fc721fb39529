"""`handfast new`: a project around any contract, or nothing at all."""

from __future__ import annotations

import hashlib
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handfast.codegen.scaffold import related, slug
from tests.unit.cli_kit import NOTES, handfast

CONTRACT = """\
openapi: 3.1.0
info: {title: Parts, version: 1.0.0}
paths:
  /parts:
    $ref: 'paths/parts.yaml'
"""
PARTS = """\
get:
  operationId: listParts
  responses:
    '200':
      description: Parts.
      content:
        application/json:
          schema: {type: array, items: {$ref: '../../shared/part.yaml#/Part'}}
"""
PART = """\
Part:
  type: object
  properties:
    of: {$ref: '#/Part'}
"""


def test_the_project_holds_everything_and_is_in_step(made_project: Path) -> None:
    assert handfast("check", "--project", made_project).code == 0
    files = {path.relative_to(made_project).as_posix() for path in made_project.rglob("*") if path.is_file()}
    assert files >= {
        ".env.example",
        ".gitignore",
        "Makefile",
        "README.md",
        "app.py",
        "authenticators.py",
        "generated/notes/routes.py",
        "handlers/notes/__init__.py",
        "handlers/notes/operations.py",
        "handlers/notes/tables.py",
        "migrations/env.py",
        "pyproject.toml",
        "specs/001-notes/contracts/notes.yaml",
        "tests/test_service.py",
    }
    assert (made_project / "specs/001-notes/contracts/notes.yaml").read_bytes() == NOTES.read_bytes()
    assert not list(made_project.parent.glob(".notes-*"))
    assert stat.S_IMODE(made_project.stat().st_mode) == 0o755


def test_a_development_authenticator_for_each_scheme_that_tokens_do_not_serve(made_project: Path) -> None:
    text = (made_project / "authenticators.py").read_text()
    assert '"key": development_authenticator()' in text
    assert '"login": development_authenticator()' in text
    assert '"bearer"' not in text


@pytest.mark.threat("spoofing.malformed-credentials")
async def test_the_api_key_of_the_comment_works(made_project: Path) -> None:
    text = (made_project / "authenticators.py").read_text()
    shown = [line[6:] for line in text.splitlines() if line.startswith("#     ") or line == "#"]
    digest = hashlib.sha256(b"a-key").hexdigest()
    code, changed = re.subn(r"<the output of[^>]*>", digest, "\n".join(shown))
    assert changed == 1
    module: dict[str, Any] = {}
    exec(code, module)  # noqa: S102 - what the scaffold tells people to write
    principal = await module["api_key"]("a-key")
    assert (principal.subject, principal.may(["write"])) == ("reports", False)
    for wrong in ("", "a-kez", digest, "k\N{SNOWMAN}", "\ud800"):
        assert await module["api_key"](wrong) is None


def test_no_authenticator_where_tokens_serve_every_scheme(tmp_path: Path) -> None:
    contract = tmp_path / "api.yaml"
    contract.write_text(
        NOTES.read_text()
        .replace("{type: apiKey, in: header, name: X-API-Key}", "&b {type: http, scheme: bearer}")
        .replace("{type: http, scheme: basic}", "*b")
    )
    assert handfast("new", tmp_path / "service", "--contract", contract).code == 0
    assert (
        "authenticators: dict[str, Authenticator] = {}"
        in (tmp_path / "service/authenticators.py").read_text()
    )


def test_what_is_written_by_hand_passes_ruff(made_project: Path) -> None:
    for arguments in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
        done = subprocess.run(ruff, cwd=made_project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    made = handfast("new", tmp_path / "empty", "--contract", NOTES, "--json")
    assert made.code == 0
    assert made.json["ok"] is True
    assert made.json["operations"] == 4
    assert "app.py" in made.json["written"]


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter").write_text("mine")
    refused = handfast("new", tmp_path / "full", "--contract", NOTES)
    assert refused.code == 2
    assert "holds something already" in refused.err
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "letter"]


def test_a_broken_contract_is_reported_at_its_own_place_and_nothing_is_written(tmp_path: Path) -> None:
    contract = tmp_path / "broken.yaml"
    contract.write_text(
        NOTES.read_text().replace(
            "#/components/schemas/NoteCreate'}\n      responses",
            "#/components/schemas/Nothing'}\n      responses",
        )
    )
    refused = handfast("new", tmp_path / "service", "--contract", contract)
    assert refused.code == 1
    assert f"{contract}:" in refused.out
    assert "fix: " in refused.out
    assert [path.name for path in tmp_path.iterdir()] == ["broken.yaml"]
    assert (
        handfast("new", tmp_path / "service", "--contract", contract, "--json").json["findings"][0]["fatal"]
        is True
    )


def test_a_document_that_is_no_contract_is_reported(tmp_path: Path) -> None:
    contract = tmp_path / "compose.yaml"
    contract.write_text("services:\n  db: {image: postgres}\n")
    refused = handfast("new", tmp_path / "service", "--contract", contract)
    assert refused.code == 1
    assert f"{contract}:1:1: this is no OpenAPI document" in refused.out
    assert "fix: " in refused.out
    assert [path.name for path in tmp_path.iterdir()] == ["compose.yaml"]


def test_a_contract_without_operations_makes_a_project(tmp_path: Path) -> None:
    contract = tmp_path / "empty.yaml"
    contract.write_text("openapi: 3.1.0\ninfo: {title: Nothing, version: '1'}\npaths: {}\n")
    made = handfast("new", tmp_path / "my service", "--contract", contract)
    assert made.code == 0, made.out + made.err
    assert "no operation yet" in made.out
    assert f"cd '{tmp_path / 'my service'}'" in made.out


def test_a_file_that_is_no_yaml_is_reported(tmp_path: Path) -> None:
    contract = tmp_path / "broken.yaml"
    contract.write_text("openapi: [3.1.0\n")
    refused = handfast("new", tmp_path / "service", "--contract", contract)
    assert refused.code == 1
    assert f"{contract}:" in refused.out


def test_files_that_the_contract_refers_to_come_along(tmp_path: Path) -> None:
    (tmp_path / "api/paths").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    (tmp_path / "api/api.yaml").write_text(CONTRACT)
    (tmp_path / "api/paths/parts.yaml").write_text(PARTS)
    (tmp_path / "shared/part.yaml").write_text(PART)
    (tmp_path / "api/other.yaml").write_text("not: referred to")
    assert set(related(tmp_path / "api/api.yaml")) == {
        "api/api.yaml",
        "api/paths/parts.yaml",
        "shared/part.yaml",
    }
    made = handfast("new", tmp_path / "service", "--contract", tmp_path / "api/api.yaml")
    assert made.code == 0, made.out
    assert "list_parts" in (tmp_path / "service/handlers/service/operations.py").read_text()


def test_a_missing_contract_is_wrong_use(tmp_path: Path) -> None:
    assert handfast("new", tmp_path / "service", "--contract", tmp_path / "none.yaml").code == 2


def test_a_folder_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = handfast("new", tmp_path / "file/service", "--contract", NOTES)
    assert refused.code == 3
    assert "cannot be made" in refused.err


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("museum", "museum"),
        ("My Service_2", "my-service-2"),
        ("2nd-try", "nd-try"),
        ("import", "import-api"),
        ("---", "service"),
        ("äöü", "service"),
    ],
)
def test_names_of_spec_folders(text: str, name: str) -> None:
    assert slug(text) == name
