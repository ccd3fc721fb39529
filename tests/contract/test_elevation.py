"""Administrators over real HTTP: who may see all users' rows, and what is written down of it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

import handlers.sharing.tables  # noqa: F401  (tasks are shared through its table)
from generated.task_management.handler import Handler
from generated.task_management.models import Task
from generated.task_management.routes import build_router
from handfast.runtime import Context, Settings, create_app
from handfast.runtime.database import Dsns, throwaway
from handfast.testing import make_token
from handlers.task_management import operations, tables
from tests.conftest import ROOT, SECRET, live

pytestmark = pytest.mark.threat("elevation.admin-access")

NAMES = ("create_task", "list_tasks", "update_task", "delete_task", "complete_task")
ELEVATED = """
create policy handfast_elevated on tasks for select to handfast_elevated using (true);
grant usage on schema public to handfast_elevated;
grant select on tasks to handfast_elevated;
create table handfast_audit (
  id bigint generated always as identity primary key, at timestamptz not null default now(), user_id uuid,
  role text not null, operation text not null, correlation_id text not null, reason text not null,
  action text not null, tables text[] not null);
grant insert on handfast_audit to handfast_service;
"""


async def get_task(ctx: Context, task_id: UUID) -> Task:
    """Read any task as an administrator."""
    async with ctx.db.elevated("support case") as db:
        return await db.get(tables.Task, task_id, into=Task)


async def forgets_to_elevate(ctx: Context, task_id: UUID) -> Task:
    """Use the plain handle, as an administrator."""
    return await ctx.db.get(tables.Task, task_id, into=Task)


@pytest.fixture(scope="module")
def database(postgres: throwaway.Server) -> Iterator[Dsns]:
    dsns = throwaway.database(postgres, root=ROOT)
    with psycopg.connect(dsns.owner) as connection:
        connection.execute(ELEVATED)
    yield dsns
    throwaway.drop(postgres, dsns)


def service(database: Dsns, get: Any, **changes: object) -> Any:
    handler = SimpleNamespace(get_task=get, **{name: getattr(operations, name) for name in NAMES})
    made = Settings.model_validate(
        {"env": "test", "database_url": database.service, "better_auth_secret": SECRET} | changes
    )
    return create_app(made, root=ROOT, routers=[build_router(cast(Handler, handler))])


def headers(user: UUID, **claims: object) -> dict[str, str]:
    token = make_token(user, secret=SECRET, **cast(Any, claims))
    return {"Authorization": f"Bearer {token}", "X-Correlation-ID": f"case-{user}"}


def trail(database: Dsns, user: UUID) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.owner) as connection:
        return connection.execute(
            "select role, operation, correlation_id, reason, action, tables from handfast_audit "
            "where user_id = %s",
            [user],
        ).fetchall()


@pytest.mark.parametrize(
    ("admin_roles", "claims", "status"),
    [
        ("admin", {"role": "admin"}, 200),
        ("admin,support", {"role": "support"}, 200),
        ("admin", {"role": "user,admin"}, 200),
        ("admin", {"role": ["user", "admin"]}, 200),
        ("admin", {"role": "administrator"}, 403),
        ("admin", {"role": "Admin"}, 403),
        ("admin", {"role": ""}, 403),
        ("admin", {"role": {"admin": True}}, 403),
        ("admin", {"role": True}, 403),
        ("admin", {"roles": "admin", "scope": "admin"}, 403),
        ("admin", {}, 403),
        ("", {"role": "admin"}, 403),
        (" , ", {"role": ""}, 403),
    ],
)
def test_only_the_roles_of_the_setting_elevate(
    database: Dsns, admin_roles: str, claims: dict[str, object], status: int
) -> None:
    owner, other = uuid4(), uuid4()
    app = service(database, get_task, admin_roles=admin_roles)
    with live(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        task = client.post("/api/tasks", json={"title": "Theirs"}, headers=headers(owner)).json()
        answer = client.get(f"/api/tasks/{task['id']}", headers=headers(other, **claims))
        assert answer.status_code == status, answer.text
        if status == 200:
            assert answer.json() == task
            unknown = client.get(f"/api/tasks/{uuid4()}", headers=headers(other, **claims))
            assert unknown.status_code == 404
            row = ("admin", "getTask", f"case-{other}", "support case", "read", ["tasks"])
            assert trail(database, other) == [row]
        else:
            assert "Theirs" not in answer.text
            assert trail(database, other) == []
        # Other operations of an administrator stay with the administrator's own rows.
        assert client.get("/api/tasks", headers=headers(other, **claims)).json()["items"] == []
        changed = client.patch(f"/api/tasks/{task['id']}", json={}, headers=headers(other, **claims))
        assert changed.status_code == 403


def test_a_role_alone_changes_nothing(database: Dsns) -> None:
    owner, admin = uuid4(), uuid4()
    app = service(database, forgets_to_elevate, admin_roles="admin")
    with live(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        task = client.post("/api/tasks", json={"title": "Theirs"}, headers=headers(owner)).json()
        answer = client.get(f"/api/tasks/{task['id']}", headers=headers(admin, role="admin"))
    assert answer.status_code == 403
    assert trail(database, admin) == []
