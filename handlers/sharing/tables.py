"""The `task_shares` table (specs/003-sharing/data-model.md)."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from generated.sharing import models
from handlers.task_management.tables import Task, now


class TaskShare(SQLModel, table=True):
    """One task of `user_id`, shared with `grantee_id`."""

    __tablename__ = "task_shares"
    __owner__: ClassVar[str] = "user_id"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "task_id"],
            ["tasks.user_id", "tasks.id"],
            name="fk_task_shares_task",
            ondelete="CASCADE",
        ),
        CheckConstraint("grantee_id <> user_id", name="ck_task_shares_grantee_id"),
        Index("ix_task_shares_grantee_id", "grantee_id", "created_at", "task_id"),
    )

    user_id: UUID = Field(primary_key=True)
    task_id: UUID = Field(primary_key=True)
    grantee_id: UUID = Field(primary_key=True)
    may_write: bool
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True))

    @property
    def access(self) -> models.Access:
        """What the grantee may do."""
        return models.Access.WRITE if self.may_write else models.Access.READ

    def to_api(self) -> models.TaskShare:
        """The share as its owner sees it."""
        return models.TaskShare(
            task_id=self.task_id, user_id=self.grantee_id, access=self.access, created_at=self.created_at
        )

    def with_task(self, task: Task) -> models.SharedTask:
        """The shared task as the grantee sees it in a list."""
        return models.SharedTask(
            id=task.id,
            user_id=task.user_id,
            title=task.title,
            status=models.TaskStatus(task.status),
            priority=models.TaskPriority(task.priority),
            due_date=task.due_date,
            access=self.access,
            shared_at=self.created_at,
        )
