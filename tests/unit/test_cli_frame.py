"""What all commands share: options, exit codes, forms of output, no stack trace."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from handfast.cli.errors import CliError, WrongUse
from handfast.cli.options import EXTRAS, Run, command, exit_code
from handfast.cli.output import Output
from handfast.codegen.ir import Finding, Source
from handfast.runtime.faults import ConfigError, Fault
from tests.unit.cli_kit import NOTES, handfast

FINDING = Finding(Source("api.yaml", 3, 5), "code", "what", "how")
WARNING = Finding(Source("api.yaml", 4, 1), "code", "what", "how", fatal=False)


def outcome(error: Exception | None, *arguments: str) -> tuple[int, str, str, BaseException | None]:
    """Run a command that raises `error`."""
    app = typer.Typer()

    def fails(run: Run, times: int = 1) -> int:
        if error is not None:
            raise error
        run.out.result("done", times=times)
        return 0

    command(app, "fails")(fails)
    app.callback()(lambda: None)
    result = CliRunner().invoke(app, ["fails", *arguments])
    return result.exit_code, result.stdout, result.stderr, result.exception


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CliError("no disk", "buy one"), 3, "no disk\n  fix: buy one"),
        (WrongUse("no such thing"), 2, "no such thing"),
        (ConfigError([Fault("no secret", "set it", where="SECRET")]), 3, "SECRET: no secret\n  fix: set it"),
        (
            ConfigError([Fault("no function", "write it", where="handlers/x.py:3")]),
            1,
            "handlers/x.py:3: no function",
        ),
        (ModuleNotFoundError("yaml", name="yaml"), 3, "pip install 'handfast[codegen]'"),
        (ModuleNotFoundError("other", name="other"), 3, "--debug"),
        (ValueError("odd"), 3, "ValueError: odd"),
    ],
)
def test_errors_are_words_and_a_code(error: Exception, code: int, said: str) -> None:
    got, out, err, _ = outcome(error)
    assert got == code
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_debug_shows_where_an_error_came_from() -> None:
    error = ValueError("odd")
    assert outcome(error, "--debug")[3] is error
    trouble = CliError("no disk")
    assert outcome(trouble, "--debug")[3] is trouble


def test_json_is_one_document() -> None:
    code, out, err, _ = outcome(None, "--json", "--times", "3")
    assert (code, json.loads(out), err) == (0, {"ok": True, "times": 3}, "")
    code, out, err, _ = outcome(CliError("no disk", "buy one"), "--json")
    assert (code, json.loads(out), err) == (
        3,
        {"ok": False, "error": {"what": "no disk", "fix": "buy one"}},
        "",
    )
    faults = ConfigError([Fault("a", "b", where="C")])
    assert json.loads(outcome(faults, "--json")[1])["faults"] == [
        {"where": "C", "what": "a", "fix": "b", "fatal": True}
    ]


def test_mixed_faults_are_the_environments() -> None:
    faults = [Fault("a", "b", where="handlers/x.py:3"), Fault("c", "d", where="DATABASE_URL")]
    assert exit_code(ConfigError(faults)) == 3


def test_every_extra_that_is_named_exists() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for extra in EXTRAS.values():
        assert f"\n{extra} = [\n" in text


def test_texts(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(color=False)
    out.findings([FINDING, WARNING])
    out.faults([Fault("a", "b")])
    out.event("moved", "it moved")
    out.finding_event(FINDING)
    out.fault_event(Fault("c", "d"))
    out.note("slow")
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "api.yaml:3:5: what",
        "  fix: how",
        "api.yaml:4:1: warning: what",
        "  fix: how",
        "it moved",
        "api.yaml:3:5: what",
        "  fix: how",
        "c",
        "  fix: d",
    ]
    assert said.err == "a\n  fix: b\nslow\n"


def test_quiet_leaves_findings_and_data(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(quiet=True)
    out.result("result")
    out.note("note")
    out.event("event", "event")
    out.data("data")
    out.finding_event(FINDING)
    said = capsys.readouterr()
    assert said.out == "data\napi.yaml:3:5: what\n  fix: how\n"
    assert said.err == ""


def test_events_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(json=True)
    out.event("moved", "it moved", by=3)
    out.finding_event(WARNING)
    out.close(0)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"event": "moved", "by": 3}
    assert (lines[1]["event"], lines[1]["line"], lines[1]["fatal"]) == ("finding", 4, False)
    assert len(lines) == 2


def test_colours_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    Output().findings([WARNING])
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    Output().findings([WARNING])
    assert "\x1b" in capsys.readouterr().out
    Output(color=False).findings([WARNING])
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    Output().findings([WARNING])
    assert "\x1b" not in capsys.readouterr().out


def test_progress_is_told_after_a_while(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = threading.Event()

    class Told(Output):
        def note(self, text: str) -> None:
            super().note(text)
            told.set()

    monkeypatch.setattr("handfast.cli.output.SLOW_SECONDS", 0.01)
    with Told().progress("counting"):
        assert told.wait(30)
    assert capsys.readouterr().err == "counting …\n"
    monkeypatch.setattr("handfast.cli.output.SLOW_SECONDS", 60)
    with Output().progress("counting"):
        pass
    assert capsys.readouterr().err == ""


def test_wrong_use_is_exit_code_2(tmp_path: Path) -> None:
    assert handfast("no-such-command").code == 2
    assert handfast("check", "--no-such-option").code == 2
    assert handfast("check", "--project", tmp_path / "none").code == 2
    for command_ in ("dev", "serve", "migrate"):
        refused = handfast(command_, "--project", tmp_path)
        assert refused.code == 2
        assert "fix: " in refused.err


def test_the_version() -> None:
    assert handfast("--version").out.startswith("handfast 0.")


def test_help_is_cheap() -> None:
    program = (
        "import resource, sys; sys.argv = ['handfast', '--help']\n"
        "from handfast.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'fastapi', 'pydantic', 'yaml', 'sqlalchemy', 'uvicorn', 'rich'} & set(sys.modules)\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(used.ru_utime + used.ru_stime, sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.splitlines()[-1].split(" ", 1)
    assert heavy == "[]"
    assert float(seconds) < 0.6  # 0.15 s where nothing else runs and coverage is not measured


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    contracts = tmp_path / "specs" / "001-notes" / "contracts"
    contracts.mkdir(parents=True)
    shutil.copy(NOTES, contracts / "api.yaml")
    command = [sys.executable, "-m", "handfast", "generate", "--ledger", "--project", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert "BrokenPipe" not in said
    assert "fix:" not in said
    assert process.returncode == 1
