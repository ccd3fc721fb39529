"""Cost of a request as the table grows: 10,000 to 10 million tasks, 1,000 of them a user's.

One database is filled step by step; at each size the reference service runs as in production, and wrk asks
for random tasks of random users. Printed per size: CPU of the service and of PostgreSQL per request, latency,
and what a new task adds to the write-ahead log and to the disk. Needs `wrk`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg

from handfast.runtime.database import throwaway
from tools.bench.load import load
from tools.bench.scenarios import requests
from tools.bench.seed import ROOT, SECRET
from tools.bench.services import OURS, serving

TASKS_OF_A_USER = 1000
ASKED = 500
"""How many different tasks are asked for, each with its user's token."""
FILL = """
insert into tasks (id, user_id, title, description, status, priority, created_at, updated_at)
select gen_random_uuid(), ('00000000-0000-4000-8000-' || lpad((1 + i %% %(users)s)::text, 12, '0'))::uuid,
  'Task ' || i, 'What there is to do about task ' || i, 'todo',
  (array['low', 'medium', 'high'])[1 + i %% 3], now() - i * interval '1 second', now()
from generate_series(%(first)s::int, %(last)s::int) i
"""


@dataclass(frozen=True, slots=True)
class Point:
    """One scenario at one size."""

    tasks: int
    scenario: str
    requests_per_second: float
    server_cpu_us: float
    database_cpu_us: float
    p50_ms: float
    p95_ms: float
    failed: int
    wal_bytes: float
    """Per request; what wrote them includes the service's own statements only."""


def fill(dsn: str, first: int, last: int) -> None:
    """Store the tasks number `first` to `last`, and let PostgreSQL look at the table."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        users = max(1, last // TASKS_OF_A_USER)
        connection.execute(FILL, {"users": users, "first": first, "last": last})
        connection.execute("vacuum (analyze) tasks")
        connection.execute("checkpoint")


def asked(dsn: str) -> list[tuple[UUID, UUID]]:
    """Random tasks, with their users."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select id, user_id from tasks order by hashtextextended(id::text, 0) limit %s", [ASKED]
        )
        return [(row[0], row[1]) for row in rows]


def wal(dsn: str) -> int:
    """How many bytes the write-ahead log has had so far."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchone()
    return int(row[0]) if row else 0


def sizes(dsn: str) -> tuple[int, int]:
    """Bytes of the table with its indexes, and how many rows it has."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select pg_total_relation_size('tasks'), count(*) from tasks").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def measure(
    dsns: throwaway.Dsns, postgres: int, tasks: int, *, connections: int, seconds: float
) -> Iterator[Point]:
    """Run the service on the database as it is, and every scenario on it."""
    environment = {
        "HANDFAST_ENV": "production",
        "DATABASE_URL": dsns.service,
        "HANDFAST_DATABASE_OWNER_URL": dsns.owner,
        "BETTER_AUTH_SECRET": SECRET,
        "LOG_LEVEL": "info",
    }
    pairs = [(user, task) for task, user in asked(dsns.admin)]
    with serving(OURS, environment) as running:
        for name in ("get", "list 20", "create"):
            sent = requests(name, pairs)
            put = partial(load, running.url, running.pid, postgres, sent, connections=connections)
            put(seconds=2)
            log = wal(dsns.admin)
            figures = put(seconds=seconds)
            yield Point(
                tasks=tasks,
                scenario=name,
                requests_per_second=figures.requests_per_second,
                server_cpu_us=figures.cpu_us,
                database_cpu_us=figures.database_us,
                p50_ms=figures.p50_ms,
                p95_ms=figures.p95_ms,
                failed=int(figures.failed),
                wal_bytes=(wal(dsns.admin) - log) / (figures.requests or 1),
            )


@contextmanager
def database() -> Iterator[tuple[throwaway.Dsns, int]]:
    """A migrated database, and the process id of its server."""
    with tempfile.TemporaryDirectory() as folder, throwaway.server(Path(folder)) as server:
        dsns = throwaway.database(server, root=ROOT)
        yield dsns, int((server.folder / "data" / "postmaster.pid").read_text().split()[0])


HEAD = """\
| tasks | scenario | CPU of the service, us | of PostgreSQL, us | both, to 10,000 tasks | req/s | p50 ms | p95 ms | WAL, bytes |
|---:|---|---:|---:|---:|---:|---:|---:|---:|"""  # noqa: E501  (a row of a table)


def line(point: Point, first: Point) -> str:
    """One row of the table; `first` is the same scenario at the smallest size."""
    ratio = (point.server_cpu_us + point.database_cpu_us) / (first.server_cpu_us + first.database_cpu_us)
    cells = (
        f"{point.tasks:,}",
        point.scenario,
        f"{point.server_cpu_us:.0f}",
        f"{point.database_cpu_us:.0f}",
        f"{ratio:.2f}",
        f"{point.requests_per_second:,.0f}",
        f"{point.p50_ms:.1f}",
        f"{point.p95_ms:.1f}",
        f"{point.wal_bytes:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.scale", description=__doc__)
    parser.add_argument("--most", type=int, default=10_000_000, help="how many tasks in the end")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    points: list[Point] = []
    print(HEAD)
    with database() as (dsns, postgres):
        stored, size = 0, 10_000
        while size <= options.most:
            fill(dsns.admin, stored + 1, size)
            for point in measure(
                dsns, postgres, size, connections=options.connections, seconds=options.seconds
            ):
                points.append(point)
                print(line(point, next(one for one in points if one.scenario == point.scenario)), flush=True)
                if point.failed:
                    raise SystemExit(f"{point.failed} requests of {point.scenario} failed")
            stored, size = size, size * 10
        total, rows = sizes(dsns.admin)
    print(f"\nThe table with its indexes: {total / rows:.0f} bytes a task ({rows:,} tasks).")
    if options.json:
        options.json.write_text(json.dumps([asdict(point) for point in points], indent=2) + "\n")


if __name__ == "__main__":
    main()
