"""The database that every service is measured on: users, many tasks, and which of them are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict

from handfast.runtime.database import throwaway

ROOT = Path(__file__).parents[2]
SECRET = "only-for-benchmarks-0123456789abcdefghij"
USERS = 1_000
MEASURED_USERS = 50
"""Requests are spread over as many users, and for each over as many tasks as below."""
MEASURED_TASKS = 20

_SUBJECT = "('00000000-0000-4000-8000-' || lpad(to_hex({}), 12, '0'))::uuid"
_USERS = f"""
    insert into handfast_users (id, subject)
    select {_SUBJECT.format("n")}, {_SUBJECT.format("n")}::text from generate_series(1, %s) n
"""
_TASKS = f"""
    insert into tasks (id, user_id, title, description, status, priority, due_date, created_at, updated_at)
    select md5('task ' || n)::uuid, {_SUBJECT.format("1 + n %% %s")},
           'Task ' || n, 'What task ' || n || ' is about',
           'todo', (array['low', 'medium', 'high'])[1 + n %% 3],
           case when n %% 4 = 0 then date '2027-01-01' + n %% 365 end, moment, moment
    from generate_series(1, %s) n,
         lateral (select timestamptz '2026-01-01' + n * interval '1 second') at(moment)
"""
_MEASURED = f"""
    select user_id, id from (
        select user_id, id, row_number() over (partition by user_id order by id) place
        from tasks where user_id in (select {_SUBJECT.format("n")} from generate_series(1, %s) n)
    ) numbered where place <= %s order by place, user_id
"""


@dataclass(frozen=True, slots=True)
class Database:
    """A running server with its data."""

    environment: dict[str, str]
    """How the services are told of it."""
    admin: str
    pid: int
    """The process whose children are all of the server."""
    tasks: tuple[tuple[UUID, UUID], ...]
    """Measured tasks, as owner and id, of one user after the other."""

    def tidy(self) -> None:
        """Give space of changed rows back, as autovacuum would, but never during a measurement."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute("vacuum analyze tasks")

    def forget(self, title: str) -> None:
        """Delete the tasks of that title."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute("delete from tasks where title = %s", [title])


@contextmanager
def database(tasks: int) -> Iterator[Database]:
    """Start a PostgreSQL with `tasks` tasks of 1,000 users; it is gone afterwards."""
    with TemporaryDirectory() as folder, throwaway.server(Path(folder)) as server:
        dsns = throwaway.database(server, root=ROOT)
        with psycopg.connect(dsns.admin, autocommit=True) as connection:
            connection.execute(_USERS, [USERS])
            connection.execute(_TASKS, [USERS, tasks])
            connection.execute("vacuum analyze")
            measured = connection.execute(_MEASURED, [MEASURED_USERS, MEASURED_TASKS]).fetchall()
        yield Database(
            environment={
                "HANDFAST_ENV": "production",
                "DATABASE_URL": dsns.service,
                "HANDFAST_DATABASE_OWNER_URL": dsns.owner,
                "BENCH_DATABASE_URL": _url(dsns.admin),
                "BETTER_AUTH_SECRET": SECRET,
                "CORS_ORIGINS": "http://127.0.0.1",
                "LOG_LEVEL": "info",
            },
            admin=dsns.admin,
            pid=int((server.data / "postmaster.pid").read_text().split("\n", 1)[0]),
            tasks=tuple((owner, task) for owner, task in measured),
        )


def _url(dsn: str) -> str:
    """A connection string as a URL, the one form that every driver reads."""
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format_map(conninfo_to_dict(dsn))
