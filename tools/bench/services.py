"""The services that are measured: how each is started, and that all of them answer alike."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from handfast.testing import free_port
from tools.bench.environments import programs
from tools.bench.load import cpu_seconds
from tools.bench.scenarios import NAMES, TITLE, requests
from tools.bench.seed import ROOT, Database

CONTRACT = ROOT / "specs/001-task-management/contracts/api.yaml"
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """One service."""

    target: str
    peers: bool = False
    """Whether it runs in the peers' environment, not in ours."""
    prepare: Callable[[Path], None] | None = None
    """Writes what it needs into a folder that it then imports from."""


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers."""

    url: str
    pid: int
    startup_seconds: float
    """CPU until the first answer."""


def _generate(folder: Path) -> None:
    command: list[str | Path] = [
        programs("peers") / "datamodel-codegen", "--input", CONTRACT, "--input-file-type", "openapi",
        "--preset", "standard-py311-20261027", "--output-model-type", "pydantic_v2.BaseModel",
        "--disable-timestamp", "--output", folder / "models.py", "--generate-server", "fastapi",
        "--server-output", folder / "server", "--server-package", "server",
        "--server-model-package", "models", "--server-handler-mode", "async",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)


OURS = "handfast"
SERVICES: Mapping[str, Service] = {
    OURS: Service("app:app"),
    "naive": Service("tools.bench.peers.naive:app"),
    "idiomatic": Service("tools.bench.peers.idiomatic:app"),
    "connexion": Service("tools.bench.peers.connexion_:app", peers=True),
    "codegen": Service("tools.bench.peers.codegen:app", peers=True, prepare=_generate),
    "limit": Service("tools.bench.peers.limit:app"),
    "limit-tx": Service("tools.bench.peers.limit:app_in_transactions"),
}


@contextmanager
def serving(name: str, environment: Mapping[str, str], workers: int = 1) -> Iterator[Running]:
    """Start a service, ours as in production, and wait until it answers."""
    service = SERVICES[name]
    port = free_port()
    uvicorn = ["uvicorn", service.target, "--host=127.0.0.1", "--no-access-log", "--log-level=error"]
    uvicorn += ["--loop=uvloop", "--http=httptools"]
    command = ["handfast", "serve"] if name == OURS else uvicorn
    python = str(programs("peers") / "python") if service.peers else sys.executable
    with TemporaryDirectory() as folder:
        if service.prepare:
            service.prepare(Path(folder))
        inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        path = os.pathsep.join(filter(None, (folder, *([] if service.peers else inherited))))
        process = subprocess.Popen(
            [python, "-m", *command, f"--port={port}", f"--workers={workers}"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, **environment},
            stdout=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(name, url, process)
            yield Running(url, process.pid, cpu_seconds(process.pid))
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()  # one that hangs must not outlive its measurement
                process.wait()


def _wait(name: str, url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/health").raise_for_status()
        except httpx.HTTPError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start") from None
            time.sleep(0.05)
        else:
            return


def answers(service: Running, database: Database) -> list[tuple[str, int, Any]]:
    """What a service says to one request of each kind, ids and times apart; it leaves no task behind."""
    said = []
    for kind in sorted(NAMES[:-1], key=lambda name: name != "patch"):  # so that all see the task changed
        request = requests(kind, database.tasks[:1])[0]
        answer = httpx.request(
            request.method,
            service.url + request.path,
            content=request.body or None,
            headers={"authorization": request.authorization, "content-type": "application/json"},
        )
        said.append((kind, answer.status_code, without_chance(answer.json())))
    database.forget(TITLE)
    return said


def without_chance(value: Any) -> Any:
    """JSON with nothing but the presence of those values that differ from call to call."""
    if isinstance(value, list):
        return [without_chance(item) for item in value]
    if isinstance(value, dict):
        return {
            name: item is not None
            if name in ("id", "next_cursor") or name.endswith("_at")
            else without_chance(item)
            for name, item in sorted(value.items())
        }
    return value


def differences(first: list[tuple[str, int, Any]], other: list[tuple[str, int, Any]]) -> list[str]:
    """Where two services differ, in words."""
    return [
        f"{kind}: {str(mine[1:])[:400]} and {str(theirs[1:])[:400]}"
        for mine, theirs in zip(first, other, strict=True)
        if mine != theirs
        for kind in [mine[0]]
    ]
