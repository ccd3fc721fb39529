"""Packages that only a measurement needs, in environments of their own, so that they never touch ours."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements")
HOME = Path(__file__).parents[2] / ".nox"


def programs(name: str) -> Path:
    """Return the folder of programs of an environment with what `requirements/<name>.txt` locks by hash."""
    lock = REQUIREMENTS / f"{name}.txt"
    home = HOME / f"bench-{name}" / sha256(lock.read_bytes()).hexdigest()[:16]
    installed = home / "installed"
    if not installed.exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], check=True)
        install = [
            *uv,
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            str(home / "bin/python"),
        ]
        subprocess.run([*install, "--require-hashes", "--requirement", str(lock)], check=True)
        installed.touch()
    return home / "bin"
