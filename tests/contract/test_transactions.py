"""One request, one transaction: an error after a write leaves nothing behind, wherever it comes from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import httpx
import pytest
from sqlmodel import SQLModel
from starlette.types import ASGIApp

import handlers.sharing.tables  # noqa: F401  (tasks are shared through its table)
from generated.task_management.handler import Handler
from generated.task_management.models import Task, TaskCreate
from generated.task_management.routes import build_router
from handfast.runtime import Conflict, Context, Settings, create_app
from handlers.task_management import operations, tables
from tests.conftest import ROOT, live
from tests.contract.test_tasks import Headers

CreateTask = Callable[[Context, TaskCreate], Awaitable[Task]]


async def raises_after_the_write(ctx: Context, body: TaskCreate) -> Task:
    """Fail with a defect."""
    await operations.create_task(ctx, body)
    raise RuntimeError("a defect")


async def refuses_after_the_write(ctx: Context, body: TaskCreate) -> Task:
    """Fail with an error that the contract does not declare for this operation."""
    await operations.create_task(ctx, body)
    raise Conflict("too late")


async def breaks_the_contract(ctx: Context, body: TaskCreate) -> Task:
    """Return a task whose title is longer than the contract allows."""
    task = await operations.create_task(ctx, body)
    return task.model_copy(update={"title": "x" * 201})


async def writes_through_a_session(ctx: Context, body: TaskCreate) -> Task:
    """Commit the session, then fail: the session's commit is a savepoint of the request's transaction."""
    async with ctx.db.session() as session:
        row = tables.Task.new(body, owner=ctx.user.id)
        session.add(row)
        await session.commit()
    raise RuntimeError("a defect")


async def swallows_a_database_error(ctx: Context, body: TaskCreate) -> Task:
    """Go on after a statement failed: nothing of the transaction may be committed any more."""
    task = await operations.create_task(ctx, body)
    row = tables.Task.new(body, owner=ctx.user.id)
    row.id = task.id
    try:
        await ctx.db.insert(row)
    except Exception:
        return task
    raise AssertionError("a second row with the same id was stored")


def service(settings: Settings, create_task: CreateTask, root: Path = ROOT) -> ASGIApp:
    """The reference service with another `create_task`."""
    names = ("list_tasks", "get_task", "update_task", "delete_task", "complete_task")
    handler = SimpleNamespace(create_task=create_task, **{name: getattr(operations, name) for name in names})
    router = build_router(cast(Handler, handler))
    return create_app(settings, root=root, routers=[router], tables=SQLModel.metadata)


@pytest.mark.parametrize(
    ("create_task", "status"),
    [
        (raises_after_the_write, 500),
        (refuses_after_the_write, 500),
        (breaks_the_contract, 500),
        (writes_through_a_session, 500),
        (swallows_a_database_error, 500),
    ],
)
@pytest.mark.threat("tampering.half-done-work")
def test_a_failed_request_leaves_nothing(
    settings: Settings, client: httpx.Client, new_user: Headers, create_task: CreateTask, status: int
) -> None:
    with live(service(settings, create_task)) as url, httpx.Client(base_url=url) as broken:
        answer = broken.post("/api/tasks", json={"title": "Lost"}, headers=new_user)
        assert answer.status_code == status
        assert "defect" not in answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/api/tasks", headers=new_user).json()["items"] == []


def test_in_production_a_response_outside_the_contract_is_counted_and_sent(
    settings: Settings, client: httpx.Client, new_user: Headers
) -> None:
    production = settings.model_copy(update={"response_validation": "log"})
    with live(service(production, breaks_the_contract)) as url, httpx.Client(base_url=url) as lenient:
        assert lenient.post("/api/tasks", json={"title": "Kept"}, headers=new_user).status_code == 201
        metrics = lenient.get("/metrics").text
    assert 'response_violations_total{operation_id="createTask"} 1.0' in metrics
    assert [task["title"] for task in client.get("/api/tasks", headers=new_user).json()["items"]] == ["Kept"]


def test_a_full_session_works_inside_the_request(
    settings: Settings, client: httpx.Client, new_user: Headers, user_id: UUID
) -> None:
    async def create_task(ctx: Context, body: TaskCreate) -> Task:
        async with ctx.db.session() as session:
            row = tables.Task.new(body, owner=ctx.user.id)
            session.add(row)
            await session.flush()
            return Task.model_validate(row, from_attributes=True)

    with live(service(settings, create_task)) as url, httpx.Client(base_url=url) as sessions:
        assert sessions.post("/api/tasks", json={"title": "Kept"}, headers=new_user).status_code == 201
    assert [task["title"] for task in client.get("/api/tasks", headers=new_user).json()["items"]] == ["Kept"]
