"""Write what `--help` prints into README.md and docs/reference/cli.md: `python -m tools.cli_help`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from handfast.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
PROGRAM = "from handfast.cli.main import program; program()(prog_name='handfast')"


def help_of(*command: str) -> str:
    """Return what `handfast COMMAND --help` prints on a screen of 100 columns."""
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command, "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def pages() -> dict[Path, str]:
    """Return the pages as they should be."""
    readme = ROOT / "README.md"
    shown = f"```text\n{help_of()}\n```"
    text = readme.read_text(encoding="utf-8")
    text = re.sub(r"```text\nUsage: handfast \[OPTIONS\].*?```", lambda _: shown, text, flags=re.DOTALL)
    parts = ["# The command line", "A test keeps this page equal to what the commands print."]
    parts += [f"## handfast {name}\n\n```text\n{help_of(name)}\n```" for name in COMMANDS]
    return {readme: text, ROOT / "docs" / "reference" / "cli.md": "\n\n".join(parts) + "\n"}


if __name__ == "__main__":
    for page, content in pages().items():
        page.write_text(content, encoding="utf-8")
