"""What a careful team writes by hand today: async FastAPI, SQLModel's AsyncSession, PyJWT.

It answers as the reference service does, but has no row-level security, no exact validation, no request log
and no metrics: whatever it lacks makes it faster, not slower.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlmodel.ext.asyncio.session import AsyncSession

from tools.bench.peers import store
from tools.bench.peers.shapes import Task, TaskCreate, TaskPage, TaskUpdate


async def session() -> AsyncIterator[AsyncSession]:
    """One session a request."""
    async with store.sessions() as opened:
        yield opened


async def user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> UUID:
    """The caller, from the bearer token; a coroutine, since FastAPI gives a function a thread."""
    try:
        return store.user_of(credentials.credentials)
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error


Session = Annotated[AsyncSession, Depends(session)]
User = Annotated[UUID, Depends(user)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Close the engine at the end."""
    yield
    await store.engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    """Say that the process is there."""
    return {"status": "ok"}


@app.post("/api/tasks", status_code=201)
async def create_task(body: TaskCreate, db: Session, caller: User) -> Task:
    """Store a task."""
    return Task.model_validate(await store.create(db, caller, body.model_dump()))


@app.get("/api/tasks/{task_id}")
async def get_task(task_id: UUID, db: Session, caller: User) -> Task:
    """Return one task."""
    row = await store.get(db, caller, task_id)
    if row is None:
        raise HTTPException(404)
    return Task.model_validate(row)


@app.patch("/api/tasks/{task_id}")
async def update_task(task_id: UUID, body: TaskUpdate, db: Session, caller: User) -> Task:
    """Change a task."""
    row = await store.change(db, caller, task_id, body.model_dump(exclude_unset=True))
    if row is None:
        raise HTTPException(404)
    return Task.model_validate(row)


@app.get("/api/tasks")
async def list_tasks(db: Session, caller: User, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> TaskPage:
    """Return the newest tasks."""
    rows, more = await store.newest(db, caller, limit)
    return TaskPage(items=[Task.model_validate(row) for row in rows], next_cursor=more)
