"""Known vulnerabilities of the locked packages: pip-audit on the lock, where a source can be reached.

Exit code 0: every package was checked and none has a known vulnerability. 1: some have, or some could not be
checked. 75: nobody could be asked, and nothing was checked; that is said, never taken for a success.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "all.txt"
SOURCES = ("pypi", "osv")
UNAVAILABLE = 75
"""`EX_TEMPFAIL` of sysexits.h."""


def ask(source: str, lock: Path) -> list[dict[str, Any]] | None:
    """Return what `source` says of each package of `lock`; None where it cannot be asked."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--format", "json"]
        command += ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", "10"]
        command += ["--vulnerability-service", source, "--output", str(answer)]
        subprocess.run(command, capture_output=True, check=False, timeout=900)
        if not answer.is_file():
            return None
        found: list[dict[str, Any]] = json.loads(answer.read_text(encoding="utf-8"))["dependencies"]
        return found


def verdict(answers: list[dict[str, Any]] | None) -> tuple[int, list[str]]:
    """Return the exit code and what to print."""
    if not answers or all("skip_reason" in one for one in answers):
        return UNAVAILABLE, [
            "advisories: skipped: no source of advisories could be reached; nothing was checked"
        ]
    lines = [f"{one['name']}: not checked: {one['skip_reason']}" for one in answers if "skip_reason" in one]
    for one in answers:
        for vulnerability in one.get("vulns", ()):
            fixed = ", ".join(vulnerability.get("fix_versions", ())) or "no version yet"
            lines.append(f"{one['name']} {one['version']}: {vulnerability['id']}, fixed in {fixed}")
    checked = sum("skip_reason" not in one for one in answers)
    if lines:
        return 1, lines
    return 0, [f"advisories: {checked} packages checked, no known vulnerability"]


def main() -> int:
    """Ask one source after the other until one answers."""
    answers = next((found for source in SOURCES if (found := ask(source, LOCK)) is not None), None)
    code, lines = verdict(answers)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
