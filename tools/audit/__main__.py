"""Run the tests that answer threats, write reports/audit.md and audit.json; exit 1 where anything is amiss.

Anything: a test that failed, a threat that no test answered, a mark that names no threat, an operation that
was never seen to refuse, a table that is not isolated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from tools.audit import report, surface
from tools.audit.register import ROOT, threats

PACKAGES = (
    "handfast",
    "fastapi",
    "starlette",
    "pydantic",
    "pyjwt",
    "cryptography",
    "psycopg",
    "sqlalchemy",
    "uvicorn",
)


def main() -> int:
    """Do it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "reports")
    parser.add_argument("selection", nargs="*", help="what to give to pytest instead of `-n 2 tests`")
    arguments = parser.parse_args()
    results = run(arguments.selection or ["-n", "2", "--dist", "loadfile", "tests"])
    tables, postgres = surface.tables()
    document: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: metadata.version(name) for name in PACKAGES}
        | {"python": sys.version.partition(" ")[0], "postgresql": postgres},
        "threats": report.by_threat(threats(), results),
        "operations": surface.operations(ROOT, report.answers(results)),
        "tables": tables,
        "planted": report.by_mark(results, "planted"),
        "hostile": report.hostile(results),
    }
    document["problems"] = report.problems(document, results, threats())
    arguments.out.mkdir(exist_ok=True)
    (arguments.out / "audit.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (arguments.out / "audit.md").write_text(report.markdown(document), encoding="utf-8")
    print(
        f"{len(document['threats'])} threats, {len(document['problems'])} problems: {arguments.out}/audit.md"
    )
    print("\n".join(document["problems"]))
    return 1 if document["problems"] else 0


def run(selection: list[str]) -> dict[str, dict[str, Any]]:
    """Return how each test that says something of security ended."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "results.json")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "(threat or planted) and not better_auth",
            "-p",
            "tools.audit.collector",
        ]
        subprocess.run(
            [*command, *selection],
            cwd=ROOT,
            env=os.environ | {"HANDFAST_AUDIT_RESULTS": str(file), "PYTHONPATH": str(ROOT)},
            check=False,
        )
        found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return found


if __name__ == "__main__":
    sys.exit(main())
