"""What a process does not import when it serves."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("before", "taken"), [("", False), ("import structlog", True), ("import rich", True)]
)
def test_structlog_comes_without_rich_unless_somebody_wants_it(before: str, taken: bool) -> None:
    script = f"""
import sys
{before}
import handfast.runtime
print("rich.traceback" in sys.modules)
import rich.traceback, structlog
structlog.get_logger().info("said")
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    first, *_, last = run.stdout.splitlines()
    assert first == str(taken)
    assert "said" in last
