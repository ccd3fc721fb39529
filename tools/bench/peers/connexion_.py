"""Connexion 3 on the reference contract, which it validates requests by, with the async peers' data."""

from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import yaml
from connexion import AsyncApp
from connexion.exceptions import OAuthProblem
from connexion.resolver import Resolver
from starlette.requests import Request
from starlette.responses import JSONResponse

from tools.bench.peers import store
from tools.bench.peers.shapes import Task, TaskCreate, TaskPage, TaskUpdate

CONTRACT = Path(__file__).parents[3] / "specs/001-task-management/contracts/api.yaml"
JSON = {"Content-Type": "application/json"}
PROBLEM = {"Content-Type": "application/problem+json"}
Answer = tuple[dict[str, Any], int, dict[str, str]]


def in_3_0(value: Any) -> Any:
    """The contract in the words of OpenAPI 3.0, the latest that Connexion knows."""
    if isinstance(value, list):
        return [in_3_0(item) for item in value if item != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    said = {name: in_3_0(item) for name, item in value.items()}
    if isinstance(kinds := said.get("type"), list):
        (said["type"],) = (kind for kind in kinds if kind != "null")
        said["nullable"] = True
    if "openapi" in said:
        said["openapi"] = "3.0.3"
        said["components"]["securitySchemes"]["bearerAuth"]["x-bearerInfoFunc"] = f"{__name__}.bearer"
    return said


def bearer(token: str) -> dict[str, Any]:
    """The caller, from the bearer token."""
    try:
        return {"sub": store.user_of(token)}
    except jwt.InvalidTokenError as error:
        raise OAuthProblem("the token is not valid") from error


def shown(row: store.TaskRow | None) -> Answer:
    """A task, or that there is none."""
    if row is None:
        return {"title": "Not Found", "status": 404}, 404, PROBLEM
    return Task.model_validate(row, from_attributes=True).model_dump(mode="json"), 200, JSON


async def create_task(body: dict[str, Any], user: UUID) -> Answer:
    """Store a task."""
    async with store.sessions() as db:
        row = await store.create(db, user, TaskCreate.model_validate(body).model_dump())
    return shown(row)[0], 201, JSON


async def list_tasks(user: UUID, limit: int = 20, **_: Any) -> Answer:
    """Return the newest tasks."""
    async with store.sessions() as db:
        rows, more = await store.newest(db, user, limit)
    found = TaskPage(items=[Task.model_validate(row) for row in rows], next_cursor=more)
    return found.model_dump(mode="json"), 200, JSON


async def get_task(task_id: str, user: UUID) -> Answer:
    """Return one task."""
    async with store.sessions() as db:
        return shown(await store.get(db, user, UUID(task_id)))


async def update_task(task_id: str, body: dict[str, Any], user: UUID) -> Answer:
    """Change a task."""
    values = TaskUpdate.model_validate(body).model_dump(exclude_unset=True)
    async with store.sessions() as db:
        return shown(await store.change(db, user, UUID(task_id), values))


async def unmeasured(**_: Any) -> Answer:
    """What no benchmark calls."""
    return {"title": "Not Implemented", "status": 501}, 501, PROBLEM


async def health(_: Request) -> JSONResponse:
    """Say that the process is there."""
    return JSONResponse({"status": "ok"})


OPERATIONS = {
    "createTask": create_task,
    "listTasks": list_tasks,
    "getTask": get_task,
    "updateTask": update_task,
}
app = AsyncApp(__name__)
app.add_api(
    in_3_0(yaml.safe_load(CONTRACT.read_text())),
    resolver=Resolver(lambda operation: OPERATIONS.get(operation, unmeasured)),
)
app.add_url_rule("/health", "health", health, methods=["GET"])
