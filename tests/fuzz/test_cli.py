"""`handfast fuzz`: its own service and a running one, its exit codes, reports and refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi import FastAPI

from handfast.testing import free_port
from tests.conftest import ROOT, live
from tests.fuzz.kit import token
from tests.unit.cli_kit import handfast


@pytest.mark.long
@pytest.mark.threat("elevation.another-users-row")
def test_nothing_of_the_projects_own_service_is_left_out(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ("--identities", "2", "--calls", "2000", "--max-examples", "3", "--report", report)
    done = handfast("fuzz", "--project", ROOT, *arguments, "--strict")
    assert done.code == 0, done.out[-4000:]
    assert "no defect; 0 leaks in 2000 calls of two identities" in done.out
    written = json.loads(report.read_text())
    assert (written["calls"], written["leaked"], written["findings"]) == (2000, 0, [])
    assert [one["operation"] for one in written["operations"] if one["not_exercised"]] == []


@pytest.mark.threat("elevation.another-users-row")
def test_the_projects_own_service_with_two_identities(tmp_path: Path) -> None:
    """A small run of what `nox -s isolation_fuzz` does with 10,000 calls, and with `--strict`."""
    report = tmp_path / "report.json"
    arguments = ("--identities", "2", "--calls", "300", "--max-examples", "1", "--report", report)
    done = handfast("fuzz", "--project", ROOT, *arguments)
    assert done.code == 0, done.out[-4000:]
    assert "no defect; 0 leaks in 300 calls of two identities" in done.out
    written = json.loads(report.read_text())
    assert (written["calls"], written["leaked"]) == (300, 0)
    assert not [one for one in written["findings"] if one["fatal"]]
    assert (
        sum(1 for one in written["operations"] if not one["not_exercised"]) > len(written["operations"]) / 2
    )
    assert "Bearer" not in report.read_text() + done.out + done.err


def test_a_service_that_does_not_start_is_a_finding(tmp_path: Path) -> None:
    for name in ("generated", "handlers", "migrations"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", tmp_path)
    migration = tmp_path / "migrations/versions/0001_tasks.py"
    text = migration.read_text()
    secured = '    isolation.enable_row_security("tasks", owner="user_id")\n'
    assert secured in text
    forgotten = '    op.execute("grant select, insert, update, delete on tasks to handfast_service")\n'
    migration.write_text(text.replace(secured, forgotten))
    done = handfast("fuzz", "--project", tmp_path, "--identities", "2")
    assert done.code == 1, done.out + done.err
    assert "row security of `tasks` is not enabled" in done.out
    assert "enable_row_security" in done.out


def test_a_running_service_with_given_tokens(service_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = token(uuid4())
    monkeypatch.setenv("HANDFAST_FUZZ_TOKEN", secret)
    monkeypatch.setenv("HANDFAST_FUZZ_OTHER_TOKEN", token(uuid4()))
    done = handfast("fuzz", service_url, "--identities", "2", "--calls", "250", "--max-examples", "2")
    assert done.code == 0, done.out + done.err
    assert "0 leaks in 250 calls of two identities" in done.out
    assert secret not in done.out + done.err


def test_schemathesis_finds_what_breaks_the_contract_and_says_it_in_our_form(tmp_path: Path) -> None:
    app = FastAPI()

    @app.get("/broken", operation_id="readBroken")
    def broken() -> int:
        raise RuntimeError

    @app.get("/sound", operation_id="readSound")
    def sound() -> int:
        return 1

    report = tmp_path / "report.json"
    arguments = ("--max-examples", "2", "--operation", "readBroken", "--report", report)
    with live(app) as url:
        found = handfast("fuzz", url, *arguments)
    assert found.code == 1
    findings = json.loads(report.read_text())["findings"]
    (finding,) = [one for one in findings if one["oracle"] == "not_a_server_error"]
    assert finding["where"] == "GET /broken (readBroken)"
    assert finding["what"].startswith("Server error")
    assert finding["steps"][0]["url"] == f"{url}/broken"
    assert "GET /broken (readBroken): Server error" in found.out
    assert {one["where"] for one in findings} == {"GET /broken (readBroken)"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--project", "{empty}"), 2, "has no app.py"),
        (("--token", "t"), 2, "credentials are for a running service"),
        (("ftp://host",), 2, "is no address"),
        (("http://127.0.0.1:{port}", "--identities", "2", "--token", "t"), 2, "two identities need"),
        (("http://127.0.0.1:{port}", "--header", "nothing"), 2, "is no header"),
        (("http://127.0.0.1:{port}",), 3, "cannot be read"),
        (("{url}", "--operation", "nobodyKnows"), 2, "no operation 'nobodyKnows'"),
        (("{url}", "--identities", "3"), 2, ""),
        (("http://127.0.0.1:{port}", "--report", "/none/x"), 3, "cannot be written"),  # told before all else
    ],
)
def test_wrong_use_and_what_is_not_there(
    service_url: str, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    known = {"url": service_url, "port": free_port(), "empty": tmp_path}
    ran = handfast("fuzz", *(one.format(**known) for one in arguments))
    assert ran.code == code
    assert said in ran.err
    assert "fix: " in ran.err or not said
