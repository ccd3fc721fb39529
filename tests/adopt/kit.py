"""The sample shop: copied, adopted, and served over HTTP by a process of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

import handfast as handfast_package
from handfast.runtime.database import Dsns
from handfast.testing import free_port
from tests.unit.cli_kit import handfast

SAMPLE = Path(__file__).parent / "sample"
TARGET = "shop.main:app"


def shop(folder: Path) -> Path:
    """Return a copy of the hand-written application, and of nothing else, in `folder`/shop-api."""
    project = folder / "shop-api"
    shutil.copytree(SAMPLE / "shop", project / "shop")
    return project


def report(project: Path, *more: str) -> dict[str, Any]:
    """Return what `handfast adopt` reports, as JSON."""
    ran = handfast("adopt", TARGET, "--project", project, "--json", *more)
    assert ran.code == 0, ran.out + ran.err
    found: dict[str, Any] = ran.json
    return found


def states(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the state of each operation, by its operationId."""
    return {one["operationId"]: one["state"] for one in found["operations"]}


def splice(path: Path, old: str, new: str) -> None:
    """Replace the one place where `old` stands in a file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def environment_of(dsns: Dsns) -> dict[str, str]:
    """What a process of the project is given."""
    return os.environ | {
        "SHOP_DSN": dsns.service,
        "DATABASE_URL": dsns.service,
        "HANDFAST_ENV": "test",
        # Not the root of this repository, whose packages are called like the project's own.
        "PYTHONPATH": str(Path(handfast_package.__file__).parents[1]),
    }


@contextmanager
def served(project: Path, application: str | None, dsns: Dsns) -> Iterator[httpx.Client]:
    """Run `uvicorn APPLICATION`, or else `handfast serve`, in the project and yield a client of it."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        *(("handfast", "serve") if application is None else ("uvicorn", application)),
    ]
    command += ["--port", str(port)]
    log = (project / "server.log").open("wb")
    with (
        log,
        subprocess.Popen(command, cwd=project, env=environment_of(dsns), stdout=log, stderr=log) as process,
    ):
        try:
            _wait(port, process, project)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                yield client
        finally:
            process.terminate()
            process.wait(20)


def _wait(port: int, process: subprocess.Popen[bytes], project: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                log = (project / "server.log").read_text(encoding="utf-8")
                raise RuntimeError(f"the application did not start: {log}") from None
            time.sleep(0.05)
