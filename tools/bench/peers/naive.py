"""What many write: FastAPI with a synchronous SQLAlchemy session inside `async def`: it blocks the loop."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import create_engine
from sqlmodel import Session, col, select

from tools.bench.peers.shapes import Task, TaskCreate, TaskPage, TaskUpdate
from tools.bench.peers.store import URL, TaskRow, now, page, user_of

engine = create_engine(URL, pool_size=10, max_overflow=0)


async def session() -> AsyncIterator[Session]:
    """One session a request.

    As a plain function it would be closed on a thread: requests that wait for a connection block the loop
    that is to close those of others, and more callers than connections stop the service for good.
    """
    with Session(engine) as opened:
        yield opened


def user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> UUID:
    """The caller, from the bearer token."""
    try:
        return user_of(credentials.credentials)
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error


Database = Annotated[Session, Depends(session)]
User = Annotated[UUID, Depends(user)]
app = FastAPI()


def found(db: Session, caller: UUID, task_id: UUID) -> TaskRow:
    """One task, or 404."""
    row = db.exec(select(TaskRow).where(TaskRow.id == task_id, TaskRow.user_id == caller)).first()
    if row is None:
        raise HTTPException(404)
    return row


@app.get("/health")
async def health() -> dict[str, str]:
    """Say that the process is there."""
    return {"status": "ok"}


@app.post("/api/tasks", status_code=201, response_model=Task)
async def create_task(body: TaskCreate, db: Database, caller: User) -> TaskRow:
    """Store a task."""
    row = TaskRow(user_id=caller, **body.model_dump())
    db.add(row)
    db.commit()
    db.refresh(row)
    return row


@app.get("/api/tasks/{task_id}", response_model=Task)
async def get_task(task_id: UUID, db: Database, caller: User) -> TaskRow:
    """Return one task."""
    return found(db, caller, task_id)


@app.patch("/api/tasks/{task_id}", response_model=Task)
async def update_task(task_id: UUID, body: TaskUpdate, db: Database, caller: User) -> TaskRow:
    """Change a task."""
    row = found(db, caller, task_id)
    row.sqlmodel_update({**body.model_dump(exclude_unset=True), "updated_at": now()})
    db.add(row)
    db.commit()
    db.refresh(row)
    return row


@app.get("/api/tasks")
async def list_tasks(db: Database, caller: User, limit: int = 20) -> TaskPage:
    """Return the newest tasks."""
    statement = (
        select(TaskRow)
        .where(TaskRow.user_id == caller)
        .order_by(col(TaskRow.created_at).desc(), col(TaskRow.id).desc())
        .limit(limit + 1)
    )
    rows, more = page(list(db.exec(statement).all()), limit)
    return TaskPage(items=[Task.model_validate(row) for row in rows], next_cursor=more)
