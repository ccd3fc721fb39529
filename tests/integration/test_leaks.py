"""The watch over the run is proven by what it must catch: a run of pytest whose tests let secrets out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

LEAKING = """
import json, subprocess, sys
import httpx, jwt, pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from handfast.testing import make_token
from tests import leaks
from tests.conftest import SECRET, live

PASSWORD = "hush-hush-of-a-dsn"
leaks.plant("a password of the database", PASSWORD)
TOKEN = make_token("somebody", secret=SECRET)
LINE = {"event": "e", "level": "info"}


async def echo(request):
    told = {"x-told": request.query_params.get("told", "")}
    return JSONResponse(json.loads(await request.body()), headers=told)


APP = Starlette(routes=[Route("/", echo, methods=["POST"])])


def log(**fields):
    print(json.dumps(LINE | fields), flush=True)


def test_leaks_the_signing_secret_on_stderr(): print(SECRET, file=sys.stderr)
def test_leaks_a_token_in_a_log(): log(message="Bearer " + TOKEN)
def test_leaks_a_foreign_token_in_a_log(): log(message="eyJhbGciOiJub25l.eyJzdWIiOiIxIn0." + "x" * 20)
def test_leaks_an_address_in_a_log(): log(message="to alice@example.com")
def test_leaks_a_cookie_in_a_log(): log(message="Cookie: session=1")
def test_leaks_to_capsys(capsys):
    print(PASSWORD)
    assert capsys.readouterr().out
def test_leaks_from_a_child_by_a_pipe():
    subprocess.run([sys.executable, "-c", f"print({PASSWORD!r})"], capture_output=True, text=True, check=True)
def test_leaks_from_a_child_by_its_own_output():
    subprocess.run([sys.executable, "-c", f"print({PASSWORD!r})"], check=True)
def test_leaks_a_body_in_a_log():
    with live(APP) as url:
        assert httpx.post(url, json={"title": "a body of this test"}).json()["title"]
    log(message="got a body of this test")
def test_leaks_in_a_response_body():
    with live(APP) as url:
        httpx.post(url, json={"token": TOKEN})
def test_leaks_in_a_response_header():
    with live(APP) as url:
        httpx.post(url, params={"told": PASSWORD}, json={})
def test_leaks_in_this_process():
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, text=SECRET))) as client:
        client.get("http://test/")
@pytest.fixture
def late():
    yield
    log(message=TOKEN)
def test_leaks_at_its_end(late): pass


def test_is_clean():
    with live(APP) as url:
        body = {"title": "a body of this test", "to": "alice@example.com"}
        assert httpx.post(url, json=body).status_code == 200
    log(message="nothing to see")
    print("a body of this test, and alice@example.com, on no log line")
"""


@pytest.mark.threat("disclosure.secret-in-log")
@pytest.mark.threat("disclosure.secret-in-response")
@pytest.mark.parametrize("spread", [(), ("--numprocesses", "2")], ids=["one process", "two processes"])
def test_a_run_that_lets_a_secret_out_fails(tmp_path: Path, spread: tuple[str, ...]) -> None:
    (tmp_path / "test_leaking.py").write_text(LEAKING)
    options = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "tests.conftest", *spread)
    with (tmp_path / "said").open("w") as output:  # not a pipe: this run watches pipes too
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, str(tmp_path / "test_leaking.py"), "-rfEp", "-q"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=300,
        )
    said = (tmp_path / "said").read_text()
    names = {line.partition("(")[0] for line in LEAKING.splitlines() if line.startswith("def test_leaks")}
    failed = {name for name in names if f"::{name.removeprefix('def ')}" in _summary(said)}
    assert failed == names, said
    assert "PASSED" in said
    assert "::test_is_clean" in said
    assert f"{len(names) - 1} failed, 2 passed, 1 error" in said, said
    assert done.returncode == 1
    assert said.count("a secret got out:") >= len(names)


def _summary(said: str) -> str:
    return "\n".join(line for line in said.splitlines() if line.startswith(("FAILED", "ERROR")))
