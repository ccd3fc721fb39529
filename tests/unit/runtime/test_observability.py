"""What a log line says of an error, and of a process that goes down."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import structlog
from pydantic import BaseModel, SecretStr
from sqlalchemy.exc import IntegrityError

from handfast.redaction import REDACTED
from handfast.runtime import Settings
from handfast.runtime.observability import configure_logging

KEY = "known-to-the-settings-of-this-test-0123456789"
WORD = "pass-word-of-the-dsn"


@pytest.fixture(autouse=True)
def _configured() -> None:
    configure_logging(
        Settings(
            env="test",
            better_auth_secret=SecretStr(KEY),
            database_url=SecretStr(f"postgresql://svc:{WORD}@127.0.0.1:9/app"),
            log_level="debug",
        )
    )


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


class Body(BaseModel):
    age: int


def _validation() -> None:
    Body.model_validate({"age": "planted-body"})


def _row() -> None:
    cause = psycopg.errors.UniqueViolation(
        'duplicate key value violates unique constraint "uq"\nDETAIL:  Key (title)=(planted-body) exists.'
    )
    raise IntegrityError("insert into t values (%s)", {"title": "planted-body"}, cause)


def _in_group() -> None:
    raise ExceptionGroup("several", [ValueError("cannot take 'planted-body' here"), KeyError("planted-body")])


def _chained() -> None:
    try:
        int("planted-body")
    except ValueError as error:
        error.add_note("tried 'planted-body'\nplanted-body")
        raise RuntimeError("gave up") from error


RAISED = [
    _validation,
    _row,
    _in_group,
    _chained,
    lambda: UUID("planted-body"),
    lambda: json.loads('{"planted-body'),
    lambda: dict[str, int]()["planted-body"],
    lambda: b"planted-body\xff".decode(),
]


@pytest.mark.threat("disclosure.body-in-log")
@pytest.mark.parametrize("failing", RAISED)
def test_an_error_is_logged_without_the_data_that_it_quotes(
    capsys: pytest.CaptureFixture[str], failing: Any
) -> None:
    try:
        failing()
    except Exception:
        structlog.get_logger().exception("failed")
    text = capsys.readouterr().out
    (line,) = map(json.loads, text.splitlines())
    assert line["exception"][0]["frames"]
    assert "planted-body" not in text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AttributeError("'NoneType' object has no attribute 'x'"), "'NoneType' object has no attribute 'x'"),
        (psycopg.errors.UndefinedTable('relation "tasks" does not exist'), 'relation "tasks" does not exist'),
        (ValueError("3 is too many"), "3 is too many"),
        (ValueError("'abc' is not a valid Color"), "… is not a valid Color"),
    ],
)
def test_an_error_about_code_keeps_its_words(
    capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    structlog.get_logger().error("failed", exc_info=error)
    assert lines(capsys)[0]["exception"][0]["exc_value"] == said


@pytest.mark.threat("disclosure.secret-in-log")
def test_the_settings_secrets_are_in_no_line_whoever_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    log = structlog.get_logger("x")
    log.info("a", words=f"key {KEY}", deep=[{"x": (KEY,)}], dsn=f"postgresql://svc:{WORD}@127.0.0.1:9/app")
    log.info("b", raw=KEY.encode(), odd=object(), headers=[(b"authorization", b"x-planted")])
    logging.getLogger("uvicorn.error").error("refused %s with %r", KEY, {"cookie": "x-planted"})
    logging.getLogger("psycopg.pool").warning("error connecting: password=%s", WORD)
    try:
        raise RuntimeError(f"with {KEY}")
    except RuntimeError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    text = capsys.readouterr().out
    assert len([json.loads(line) for line in text.splitlines()]) == 5
    for planted in (KEY, WORD, "x-planted"):
        assert planted not in text
    assert text.count(REDACTED) >= 7


@pytest.mark.threat("repudiation.log-injection")
def test_a_value_cannot_begin_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger().info("a", value='x"}\n{"event":"forged"}\r\n\x1b[31m')
    logging.getLogger("uvicorn.error").warning('b\n{"event":"forged"}')
    text = capsys.readouterr().out
    assert [json.loads(line)["event"] for line in text.splitlines()] == ["a", "log"]
    assert "\x1b" not in text


CRASHES = {
    "uncaught": "raise RuntimeError(f'with {KEY}')",
    "thread": "import threading; t = threading.Thread(target=lambda: 1 / int(KEY)); t.start(); t.join()",
    "ignored": (
        "class Odd:\n    def __init__(self, key): self.key = key\n    def __repr__(self): return self.key\n"
        "    def __del__(self): raise RuntimeError(f'with {self.key}')\n"
        "Odd(KEY)\n"
    ),
    "task": (
        "import asyncio, gc\nasync def fail(): raise RuntimeError(f'with {KEY}')\n"
        "async def main():\n    t = asyncio.ensure_future(fail())\n    await asyncio.sleep(0)\n"
        "    await asyncio.sleep(0)\n    del t\n    gc.collect()\nasyncio.run(main())\n"
    ),
    "fault": "import faulthandler; faulthandler.enable(); import os; os.abort()",
}


@pytest.mark.threat("disclosure.crash-dump")
@pytest.mark.parametrize("crash", CRASHES)
def test_a_process_that_goes_down_shows_no_secret_and_leaves_no_core(tmp_path: Path, crash: str) -> None:
    program = (
        "import os\nfrom handfast.runtime import Settings\n"
        "from handfast.runtime.crash import guard_process\n"
        "from handfast.runtime.observability import configure_logging\n"
        "settings = Settings()\nconfigure_logging(settings)\nguard_process()\n"
        "import resource\nassert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0\n"
        "KEY = settings.better_auth_secret.get_secret_value()\n" + CRASHES[crash]
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"HANDFAST_ENV": "test", "BETTER_AUTH_SECRET": KEY},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert KEY not in said
    if crash == "fault":
        assert "Fatal Python error: Aborted" in said
    else:
        (line,) = map(json.loads, done.stdout.splitlines())
        assert line["event"] in ("crashed", "error_ignored", "log")
        assert line["exception"][0]["frames"]
        assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("core*"))
