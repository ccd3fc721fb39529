"""Run the reference service beside its peers under one load: requests per second, CPU and latency.

Needs `wrk`. All services share one embedded PostgreSQL and one table. They are started one at a time,
in turn, for several rounds; the medians of the rounds are compared. CPU is that of the server's processes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import httpx
from psycopg.conninfo import conninfo_to_dict

from handfast.runtime.database import throwaway
from handfast.testing import free_port, make_token

ROOT = Path(__file__).parents[2]
SECRET = "only-for-benchmarks-0123456789abcdefghij"
USER = UUID("00000000-0000-4000-8000-000000000001")
SERVICES = {
    "handfast": "app:app",
    "idiomatic": "tools.bench.peers.idiomatic:app",
    "limit": "tools.bench.peers.limit:app",
}
BODY = json.dumps({"title": "Test Task", "description": "Test description", "priority": "high"})


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is sent, in turn: "METHOD path body", each."""

    name: str
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one service did in one scenario; the median of the rounds."""

    requests_per_second: float
    cpu_us: float
    """CPU microseconds of the server's processes per request."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failed: int


def address(dsn: str) -> str:
    """Return a connection string as a URL, the one form that every driver reads."""
    info = conninfo_to_dict(dsn)
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format_map(info)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of those that it started, so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in started)


@contextmanager
def serving(target: str, environment: Mapping[str, str], workers: int) -> Iterator[tuple[str, int]]:
    """Start `target`, ours as in production; its address and process id."""
    port = free_port()
    uvicorn = ["uvicorn", target, "--host=127.0.0.1", "--no-access-log", "--log-level=error"]
    uvicorn += ["--loop=uvloop", "--http=httptools"]
    command = ["handfast", "serve"] if target == SERVICES["handfast"] else uvicorn
    process = subprocess.Popen(
        [sys.executable, "-m", *command, f"--port={port}", f"--workers={workers}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{url}/health").raise_for_status()
                break
            except httpx.HTTPError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{target} did not start") from None
                time.sleep(0.05)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(20)


def load(url: str, pid: int, scenario: Scenario, *, connections: int, seconds: float) -> Figures:
    """Put one scenario's load on a running service."""
    environment = {
        **os.environ,
        "BENCH_AUTHORIZATION": f"Bearer {token()}",
        "BENCH_REQUESTS": "\n".join(scenario.requests),
    }
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(ROOT / "tools/bench/load.lua")]
    before = cpu_seconds(pid)
    run = subprocess.run([*command, url], env=environment, capture_output=True, text=True, check=True)
    spent = cpu_seconds(pid) - before
    told = json.loads(run.stdout.splitlines()[-1])
    done = told["requests"] or 1
    return Figures(
        requests_per_second=told["requests"] / told["seconds"],
        cpu_us=spent / done * 1e6,
        p50_ms=told["p50_ms"],
        p95_ms=told["p95_ms"],
        p99_ms=told["p99_ms"],
        failed=told["failed"],
    )


def token() -> str:
    """A token of the measured user."""
    return make_token(USER, secret=SECRET)


def median(rounds: list[Figures]) -> Figures:
    """The median of each figure; failures are added up."""
    kept = {
        name: statistics.median(getattr(figures, name) for figures in rounds) for name in asdict(rounds[0])
    }
    return Figures(**{**kept, "failed": sum(figures.failed for figures in rounds)})


def seed(url: str) -> str:
    """Store some tasks; the id of one."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token()}"}) as client:
        created = [
            client.post("/api/tasks", content=BODY, headers={"content-type": "application/json"})
            for _ in range(40)
        ]
    for answer in created:
        answer.raise_for_status()
    return str(created[0].json()["id"])


COLUMNS = (
    "req/s to idiomatic",
    "CPU to idiomatic",
    "req/s",
    "CPU us",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "failed",
)


def table(results: Mapping[str, Mapping[str, Figures]]) -> str:
    """Results as Markdown: ratios to the idiomatic service first, then the figures."""
    lines = [f"| scenario | service | {' | '.join(COLUMNS)} |", "|---|---" + "|---:" * len(COLUMNS) + "|"]
    for scenario, services in results.items():
        base = services["idiomatic"]
        for service, figures in services.items():
            cells = (
                f"{figures.requests_per_second / base.requests_per_second:.2f}",
                f"{figures.cpu_us / base.cpu_us:.2f}",
                f"{figures.requests_per_second:,.0f}",
                f"{figures.cpu_us:,.0f}",
                f"{figures.p50_ms:.1f}",
                f"{figures.p95_ms:.1f}",
                f"{figures.p99_ms:.1f}",
                str(figures.failed),
            )
            lines.append(f"| {scenario} | {service} | {' | '.join(cells)} |")
    return "\n".join(lines)


def run(*, rounds: int, seconds: float, connections: int, workers: int) -> dict[str, dict[str, Figures]]:
    """Measure every service in every scenario, interleaved; scenario → service → figures."""
    collected: dict[str, dict[str, list[Figures]]] = {}
    with tempfile.TemporaryDirectory() as folder, throwaway.server(Path(folder)) as server:
        dsns = throwaway.database(server, root=ROOT)
        environment = {
            "HANDFAST_ENV": "production",
            "DATABASE_URL": dsns.service,
            "HANDFAST_DATABASE_OWNER_URL": dsns.owner,
            "BENCH_DATABASE_URL": address(dsns.admin),
            "BETTER_AUTH_SECRET": SECRET,
            "CORS_ORIGINS": "http://127.0.0.1",
            "LOG_LEVEL": "info",
        }
        for number in range(rounds):
            for service, target in SERVICES.items():
                print(f"round {number + 1} of {rounds}: {service}", file=sys.stderr, flush=True)
                with serving(target, environment, workers) as (url, pid):
                    task = seed(url)
                    get, list_, create = f"GET /api/tasks/{task}", "GET /api/tasks", f"POST /api/tasks {BODY}"
                    scenarios = (
                        Scenario("health", ("GET /health",)),
                        Scenario("get", (get,)),
                        Scenario("list 20", (list_,)),
                        Scenario("create", (create,)),
                        Scenario("mix", (get, list_, create)),
                    )
                    for scenario in scenarios:
                        load(url, pid, scenario, connections=connections, seconds=min(1.0, seconds))
                        figures = load(url, pid, scenario, connections=connections, seconds=seconds)
                        collected.setdefault(scenario.name, {}).setdefault(service, []).append(figures)
    return {
        scenario: {name: median(all_) for name, all_ in services.items()}
        for scenario, services in collected.items()
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load for each scenario and round")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1, help="processes of each service")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed.\n  fix: apt-get install wrk")
    results = run(
        rounds=options.rounds,
        seconds=options.seconds,
        connections=options.connections,
        workers=options.workers,
    )
    print(table(results))
    if options.json:
        plain = {
            name: {service: asdict(figures) for service, figures in row.items()}
            for name, row in results.items()
        }
        options.json.write_text(json.dumps(plain, indent=2) + "\n")


if __name__ == "__main__":
    main()
