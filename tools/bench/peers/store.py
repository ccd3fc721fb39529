"""The data of the async peers, as SQLModel's documentation has it; they differ in all that is around it."""

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import jwt
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

SECRET = os.environ["BETTER_AUTH_SECRET"]
URL = os.environ["BENCH_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
engine = create_async_engine(URL, pool_size=10, max_overflow=0)
sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


def now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


class TaskRow(SQLModel, table=True):
    """The reference service's own table."""

    __tablename__ = "tasks"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID
    title: str
    description: str | None = None
    status: str = "todo"
    priority: str = "medium"
    due_date: date | None = None
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    completed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


def user_of(token: str) -> UUID:
    """The caller that a token names."""
    return UUID(jwt.decode(token, SECRET, algorithms=["HS256"])["sub"])


def page(rows: list[TaskRow], limit: int) -> tuple[list[TaskRow], str | None]:
    """The rows of a page, and where the next one starts."""
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], f"{int(last.created_at.timestamp() * 1e6):016x}{last.id.hex}"


async def create(db: AsyncSession, caller: UUID, values: Mapping[str, Any]) -> TaskRow:
    """Store a task."""
    row = TaskRow(user_id=caller, **values)
    db.add(row)
    await db.commit()
    await db.refresh(row)
    return row


async def get(db: AsyncSession, caller: UUID, task_id: UUID) -> TaskRow | None:
    """One task."""
    return (await db.exec(select(TaskRow).where(TaskRow.id == task_id, TaskRow.user_id == caller))).first()


async def newest(db: AsyncSession, caller: UUID, limit: int) -> tuple[list[TaskRow], str | None]:
    """The newest tasks."""
    statement = (
        select(TaskRow)
        .where(TaskRow.user_id == caller)
        .order_by(col(TaskRow.created_at).desc(), col(TaskRow.id).desc())
        .limit(limit + 1)
    )
    return page(list((await db.exec(statement)).all()), limit)


async def change(db: AsyncSession, caller: UUID, task_id: UUID, values: Mapping[str, Any]) -> TaskRow | None:
    """Change a task."""
    row = await get(db, caller, task_id)
    if row is not None:
        row.sqlmodel_update({**values, "updated_at": now()})
        db.add(row)
        await db.commit()
        await db.refresh(row)
    return row
