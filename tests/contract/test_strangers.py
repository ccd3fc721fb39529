"""What a stranger learns from an answer: its status as declared, and nothing else."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from sqlmodel import SQLModel, func, select

import handlers.sharing.tables  # noqa: F401  (tasks are shared through its table)
from generated.task_management.handler import Handler
from generated.task_management.models import Task
from generated.task_management.routes import build_router
from handfast.runtime import Context, Settings, create_app
from handfast.runtime.database import Dsns
from handlers.task_management import operations, tables
from tests.conftest import ROOT, headers_of, live
from tests.contract.test_sharing import ON_A_TASK
from tests.contract.test_tasks import Headers, create

VARYING = ("date", "x-correlation-id", "content-length")


def told(answer: httpx.Response) -> tuple[dict[str, str], dict[str, Any]]:
    """All that an answer says beside its status: headers, and the body with its status words left out."""
    headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
    body = answer.json()
    for word in ("status", "title", "code", "detail"):
        body.pop(word, None)
    return headers, body


@pytest.mark.threat("disclosure.answers-to-strangers")
@pytest.mark.parametrize("what", ON_A_TASK)
def test_forbidden_and_unknown_differ_in_status_alone(
    client: httpx.Client, auth_headers: Headers, new_user: Headers, what: str
) -> None:
    task = create(client, auth_headers, title="Not for strangers", description="Secret words")
    method, tail, body = ON_A_TASK[what]
    tail = tail.format(grantee=uuid4(), other=uuid4())
    forbidden = client.request(method, f"/api/tasks/{task['id']}{tail}", json=body, headers=new_user)
    unknown = client.request(method, f"/api/tasks/{uuid4()}{tail}", json=body, headers=new_user)
    assert (forbidden.status_code, unknown.status_code) == (403, 404)
    assert told(forbidden) == told(unknown)
    # Two tasks of two owners are told alike to the byte.
    other = create(client, headers_of(uuid4()), title="Another", priority="high")
    again = client.request(method, f"/api/tasks/{other['id']}{tail}", json=body, headers=new_user)
    assert (again.status_code, again.content) == (403, forbidden.content)
    for value in (task["id"], task["user_id"], "strangers", "Secret", task["created_at"]):
        assert value not in forbidden.text


@pytest.mark.threat("disclosure.answers-to-strangers")
def test_an_invalid_change_of_anothers_task_is_told_as_of_an_unknown_one(
    client: httpx.Client, auth_headers: Headers, new_user: Headers
) -> None:
    """Validation comes first, and rules of the row are never reached: no 409 for what is not one's own."""
    task = create(client, auth_headers)
    client.post(f"/api/tasks/{task['id']}/complete", headers=auth_headers)
    for path in (f"/api/tasks/{task['id']}", f"/api/tasks/{uuid4()}"):
        assert client.patch(path, json={"title": ""}, headers=new_user).status_code == 422
    done = client.patch(f"/api/tasks/{task['id']}", json={"status": "in_progress"}, headers=new_user)
    assert done.status_code == 403
    assert client.post(f"/api/tasks/{task['id']}/complete", headers=new_user).status_code == 403


async def doze(ctx: Context, task_id: UUID) -> Task:
    """Change a task, then wait in the database."""
    task = await ctx.db.update(tables.Task, task_id, into=Task, title="Never committed")
    await ctx.db.all(select(func.pg_sleep(30)).select_from(tables.Task).where(tables.Task.id == task_id))
    return task


def dozing(settings: Settings, root: Path = ROOT) -> Any:
    """The reference service with a slow `complete_task` and one connection."""
    names = ("create_task", "list_tasks", "get_task", "update_task", "delete_task")
    handler = SimpleNamespace(complete_task=doze, **{name: getattr(operations, name) for name in names})
    router = build_router(cast(Handler, handler))
    small = settings.model_copy(update={"database_pool_size": 1})
    return create_app(small, root=root, routers=[router], tables=SQLModel.metadata)


def sleepers(dsns: Dsns) -> int:
    with psycopg.connect(dsns.admin) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where query like '%pg_sleep%' and state = 'active' "
            "and pid <> pg_backend_pid()"
        ).fetchone()
        return int(row[0]) if row else 0


def wait_for_a_sleeper(dsns: Dsns) -> None:
    limit = time.monotonic() + 10
    while not sleepers(dsns):
        assert time.monotonic() < limit
        time.sleep(0.02)


@pytest.mark.threat("disclosure.identity-left-in-pool")
async def test_a_client_that_leaves_takes_its_identity_along(
    settings: Settings, dsns: Dsns, user_id: UUID
) -> None:
    """One connection: the next user gets it after the first one hung up in the middle of a query."""
    mine, theirs = headers_of(user_id), headers_of(uuid4())
    with live(dozing(settings.model_copy(update={"deadline_seconds": 5.0}))) as url:
        async with httpx.AsyncClient(base_url=url, timeout=20) as client:
            task = (await client.post("/api/tasks", json={"title": "Kept"}, headers=mine)).json()
            path = f"/api/tasks/{task['id']}"
            call = asyncio.create_task(client.post(f"{path}/complete", headers=mine))
            await asyncio.to_thread(wait_for_a_sleeper, dsns)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.sleep(1)  # so that the first deadline is over long before those of the next ones
            answers = await asyncio.gather(
                *(client.get(path, headers=headers) for headers in (theirs, mine)),
                client.get("/api/tasks", headers=theirs),
            )
    statuses = [answer.status_code for answer in answers]
    assert statuses == [403, 200, 200]
    assert answers[1].json() == task
    assert answers[2].json()["items"] == []
    assert sleepers(dsns) == 0


@pytest.mark.threat("disclosure.answers-to-strangers")
def test_a_row_deleted_while_a_stranger_asks_is_403_or_404(
    client: httpx.Client, auth_headers: Headers, new_user: Headers
) -> None:
    """Whichever comes first; never a 500, never the row."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        for _ in range(15):
            task = create(client, auth_headers, title="Vanishing")
            path = f"/api/tasks/{task['id']}"
            asked = [pool.submit(client.get, path, headers=new_user) for _ in range(2)]
            gone = pool.submit(client.delete, path, headers=auth_headers)
            assert gone.result().status_code == 204
            for answer in (future.result() for future in asked):
                assert answer.status_code in (403, 404)
                assert "Vanishing" not in answer.text
            assert client.get(path, headers=new_user).status_code == 404
