"""The `tasks` table (specs/001-task-management/data-model.md)."""

from datetime import UTC, date, datetime
from typing import ClassVar
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, DateTime, Index, Text, UniqueConstraint, text
from sqlmodel import Field

from generated.task_management import models
from handfast.runtime.database import Sharing, Table


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class Task(Table, table=True):
    """One piece of work of one user."""

    __tablename__ = "tasks"
    __owner__: ClassVar[str] = "user_id"
    __shared__: ClassVar[Sharing] = Sharing(by="task_shares", key="task_id")
    __table_args__ = (
        UniqueConstraint("user_id", "id", name="uq_tasks_user_id_id"),
        CheckConstraint("char_length(title) between 1 and 200", name="ck_tasks_title"),
        CheckConstraint("status in ('todo', 'in_progress', 'done')", name="ck_tasks_status"),
        CheckConstraint("priority in ('low', 'medium', 'high')", name="ck_tasks_priority"),
        CheckConstraint("(status = 'done') = (completed_at is not null)", name="ck_tasks_completed_at"),
        Index("ix_tasks_user_id_created_at", "user_id", "created_at", "id"),
        Index("ix_tasks_user_id_due_date", "user_id", "due_date", "id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID
    title: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    status: str = Field(default="todo", sa_type=Text, sa_column_kwargs={"server_default": text("'todo'")})
    priority: str = Field(
        default="medium", sa_type=Text, sa_column_kwargs={"server_default": text("'medium'")}
    )
    due_date: date | None = None
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))
    completed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))

    @classmethod
    def new(cls, body: models.TaskCreate, *, owner: UUID) -> "Task":
        """A task as `owner` asked for it, not yet stored."""
        moment = now()
        return cls(
            user_id=owner,
            title=body.title,
            description=body.description,
            priority=body.priority.value,
            due_date=body.due_date,
            created_at=moment,
            updated_at=moment,
        )
