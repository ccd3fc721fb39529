"""What a careful team writes by hand today: async FastAPI, SQLModel's AsyncSession, PyJWT.

It answers as the reference service does for create, get and list, but has no row-level security, no
exact validation, no request log and no metrics: whatever it lacks makes it faster, not slower.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field as Column
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

SECRET = os.environ["BETTER_AUTH_SECRET"]
engine = create_async_engine(
    os.environ["BENCH_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"),
    pool_size=10,
    max_overflow=0,
)
sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


class Status(StrEnum):
    """Where the work stands."""

    TODO = "todo"
    IN_PROGRESS = "in_progress"
    DONE = "done"


class Priority(StrEnum):
    """How much it matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class TaskRow(SQLModel, table=True):
    """The reference service's own table."""

    __tablename__ = "tasks"
    id: UUID = Column(default_factory=uuid4, primary_key=True)
    user_id: UUID
    title: str
    description: str | None = None
    status: str = "todo"
    priority: str = "medium"
    due_date: date | None = None
    created_at: datetime = Column(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))
    updated_at: datetime = Column(default_factory=lambda: datetime.now(UTC), sa_type=DateTime(timezone=True))
    completed_at: datetime | None = Column(default=None, sa_type=DateTime(timezone=True))


class TaskCreate(BaseModel):
    """What a caller says of a new task."""

    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str | None, Field(max_length=10_000)] = None
    priority: Priority = Priority.MEDIUM
    due_date: date | None = None


class Task(BaseModel):
    """A task as the contract shows it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    user_id: UUID
    title: str
    description: str | None
    status: Status
    priority: Priority
    due_date: date | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


class TaskPage(BaseModel):
    """A part of a list."""

    items: list[Task]
    next_cursor: str | None


async def session() -> AsyncIterator[AsyncSession]:
    """One session a request."""
    async with sessions() as opened:
        yield opened


def user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> UUID:
    """The caller, from the bearer token."""
    try:
        return UUID(jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])["sub"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error


Session = Annotated[AsyncSession, Depends(session)]
User = Annotated[UUID, Depends(user)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Close the engine at the end."""
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    """Say that the process is there."""
    return {"status": "ok"}


@app.post("/api/tasks", status_code=201)
async def create_task(body: TaskCreate, db: Session, caller: User) -> Task:
    """Store a task."""
    row = TaskRow(user_id=caller, **body.model_dump())
    db.add(row)
    await db.commit()
    return Task.model_validate(row)


@app.get("/api/tasks/{task_id}")
async def get_task(task_id: UUID, db: Session, caller: User) -> Task:
    """Return one task."""
    row = (await db.exec(select(TaskRow).where(TaskRow.id == task_id, TaskRow.user_id == caller))).first()
    if row is None:
        raise HTTPException(404)
    return Task.model_validate(row)


@app.get("/api/tasks")
async def list_tasks(db: Session, caller: User, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> TaskPage:
    """Return the newest tasks."""
    statement = (
        select(TaskRow)
        .where(TaskRow.user_id == caller)
        .order_by(col(TaskRow.created_at).desc(), col(TaskRow.id).desc())
        .limit(limit + 1)
    )
    rows = (await db.exec(statement)).all()
    more = rows[limit - 1].id.hex if len(rows) > limit else None
    return TaskPage(items=[Task.model_validate(row) for row in rows[:limit]], next_cursor=more)
