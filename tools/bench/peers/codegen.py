"""What datamodel-code-generator's server mode makes of the reference contract, with the async peers' data.

`models` and `server` are generated before it starts (tools/bench/services.py).
"""

from datetime import date
from uuid import UUID

import jwt
import models
from fastapi import HTTPException
from server import Credentials, HTTPResult, RequirementSets, create_app
from server.services import TasksService

from tools.bench.peers import store


async def authorize(requirement_sets: RequirementSets, credentials: Credentials) -> UUID:
    """The caller, from the bearer token."""
    try:
        return store.user_of(credentials["bearerAuth"].credentials)
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error


def shown(row: store.TaskRow) -> models.Task:
    """A row as the contract shows it."""
    return models.Task.model_validate(row, from_attributes=True)


def absent() -> HTTPResult[models.Problem]:
    """The answer where there is no such task."""
    return HTTPResult(models.Problem(title="Not Found", status=404), status_code=404)


class Tasks(TasksService[UUID]):
    """The operations."""

    async def create_task(self, *, principal: UUID, body: models.TaskCreate) -> models.Task:
        """Store a task."""
        async with store.sessions() as db:
            return shown(await store.create(db, principal, body.model_dump()))

    async def list_tasks(
        self,
        *,
        principal: UUID,
        status: models.TaskStatus | None,
        priority: models.TaskPriority | None,
        due_from: date | None,
        due_to: date | None,
        sort: models.TaskSort,
        order: models.SortOrder,
        limit: int,
        cursor: str | None,
    ) -> models.TaskPage:
        """Return the newest tasks."""
        async with store.sessions() as db:
            rows, more = await store.newest(db, principal, limit)
        found = None if more is None else models.Cursor(more)
        return models.TaskPage(items=[shown(row) for row in rows], next_cursor=found)

    async def get_task(self, *, principal: UUID, task_id: UUID) -> models.Task | HTTPResult[models.Problem]:
        """Return one task."""
        async with store.sessions() as db:
            row = await store.get(db, principal, task_id)
        return absent() if row is None else shown(row)

    async def update_task(
        self, *, principal: UUID, task_id: UUID, body: models.TaskUpdate
    ) -> models.Task | HTTPResult[models.Problem]:
        """Change a task."""
        async with store.sessions() as db:
            row = await store.change(db, principal, task_id, body.model_dump(exclude_unset=True))
        return absent() if row is None else shown(row)

    async def delete_task(self, *, principal: UUID, task_id: UUID) -> None:
        """What no benchmark calls."""
        raise HTTPException(501)

    async def complete_task(self, *, principal: UUID, task_id: UUID) -> models.Task:
        """What no benchmark calls."""
        raise HTTPException(501)


app = create_app(tasks=Tasks(), authorize=authorize)


@app.get("/health")
async def health() -> dict[str, str]:
    """Say that the process is there."""
    return {"status": "ok"}
