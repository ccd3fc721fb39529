"""Schemathesis against the running service: every phase, every check, no failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.test_tasks import Headers

EXAMPLES = os.environ.get("HANDFAST_FUZZ_EXAMPLES", "25")
"""Test cases an operation and phase; the nox session `fuzz` asks for more."""


@pytest.mark.unmeasured
def test_the_service_obeys_its_contract(service_url: str, auth_headers: Headers, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{service_url}/openapi.json",
        "--checks=all",
        "--phases=examples,coverage,fuzzing,stateful",
        "--mode=all",
        "--seed=1",
        f"--max-examples={EXAMPLES}",
        "--continue-on-failure",
        "--generation-database=none",
        f"--report-dir={tmp_path}",
        f"--header=Authorization: {auth_headers['Authorization']}",
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
    assert "No issues found" in run.stdout, run.stdout[-5_000:]
