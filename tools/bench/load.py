"""Put load on a running service, and read what it cost: wrk outside, /proc for the processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from tools.bench.scenarios import Request

SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Figures:
    """What one service did under one load."""

    requests_per_second: float
    cpu_us: float
    """CPU microseconds of the service's processes per request."""
    database_us: float
    """The same of all of PostgreSQL's processes."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failed: float
    requests: float
    """How many were answered."""


def need_wrk() -> None:
    """End with a word where wrk is not installed."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed.\n  fix: apt-get install wrk")


def tree(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from tree(int(child))


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of those that it started, so far, ended ones included, user and system."""
    ticks = 0
    for process in tree(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident memory of the largest process of a service, which is a worker, in MB."""
    pages = (int(Path(f"/proc/{process}/statm").read_text().split()[1]) for process in tree(pid))
    return max(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def load(
    url: str, pid: int, database: int, requests: Sequence[Request], *, connections: int, seconds: float
) -> Figures:
    """Send `requests` in turn to the service `pid`, which uses the PostgreSQL `database`."""
    with NamedTemporaryFile("w", suffix=".tsv") as file:
        for request in requests:
            print(request.method, request.path, request.authorization, request.body, sep="\t", file=file)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(SCRIPT), url]
        before = cpu_seconds(pid), cpu_seconds(database)
        environment = {**os.environ, "BENCH_REQUESTS": file.name}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        spent = cpu_seconds(pid) - before[0], cpu_seconds(database) - before[1]
    told = json.loads(run.stdout.splitlines()[-1])
    done = told["requests"] or 1
    return Figures(
        requests_per_second=told["requests"] / told["seconds"],
        cpu_us=spent[0] / done * 1e6,
        database_us=spent[1] / done * 1e6,
        p50_ms=told["p50_ms"],
        p95_ms=told["p95_ms"],
        p99_ms=told["p99_ms"],
        failed=told["failed"],
        requests=told["requests"],
    )
