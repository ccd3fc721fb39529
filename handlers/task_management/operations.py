"""Task management: the rules behind specs/001-task-management/contracts/api.yaml."""

from datetime import date
from uuid import UUID

from sqlmodel import col, select

from generated.task_management.models import (
    SortOrder,
    Task,
    TaskCreate,
    TaskPage,
    TaskPriority,
    TaskSort,
    TaskStatus,
    TaskUpdate,
)
from handfast.runtime import UNSET, Context
from handlers.task_management import tables
from handlers.task_management.paging import Position, page
from handlers.task_management.rules import check_transition


async def create_task(ctx: Context, body: TaskCreate) -> Task:
    """Store a new task of the caller."""
    row = await ctx.db.insert(tables.Task.new(body, owner=ctx.user.id))
    return row.to_api()


async def list_tasks(
    ctx: Context,
    *,
    status: TaskStatus | None = None,
    priority: TaskPriority | None = None,
    due_from: date | None = None,
    due_to: date | None = None,
    sort: TaskSort = TaskSort.CREATED_AT,
    order: SortOrder = SortOrder.DESC,
    limit: int = 20,
    cursor: str | None = None,
) -> TaskPage:
    """Return one page of the caller's tasks."""
    statement = select(tables.Task)
    if status is not None:
        statement = statement.where(col(tables.Task.status) == status.value)
    if priority is not None:
        statement = statement.where(col(tables.Task.priority) == priority.value)
    if due_from is not None:
        statement = statement.where(col(tables.Task.due_date) >= due_from)
    if due_to is not None:
        statement = statement.where(col(tables.Task.due_date) <= due_to)
    after = None if cursor is None else Position.parse(cursor)
    rows = await ctx.db.all(page(statement, sort=sort, order=order, after=after, limit=limit))
    more = len(rows) > limit
    return TaskPage(
        items=[row.to_api() for row in rows[:limit]],
        next_cursor=str(Position.of(rows[limit - 1], sort)) if more else None,
    )


async def get_task(ctx: Context, task_id: UUID) -> Task:
    """Return one task: 404 if there is none, 403 if it is somebody else's who does not share it."""
    return (await ctx.db.shared.get(tables.Task, task_id)).to_api()


async def update_task(ctx: Context, task_id: UUID, body: TaskUpdate) -> Task:
    """Change what the body names; a change of status must be a transition of data-model.md."""
    row = await ctx.db.shared.get(tables.Task, task_id, lock=True)
    changes: dict[str, object] = {"updated_at": tables.now()}
    if body.title is not UNSET:
        changes["title"] = body.title
    if body.description is not UNSET:
        changes["description"] = body.description
    if body.priority is not UNSET:
        changes["priority"] = body.priority.value
    if body.due_date is not UNSET:
        changes["due_date"] = body.due_date
    if body.status is not UNSET and body.status.value != row.status:
        changes |= _move(row, body.status)
    return (await ctx.db.shared.update(tables.Task, task_id, **changes)).to_api()


async def delete_task(ctx: Context, task_id: UUID) -> None:
    """Delete one task; nobody but its owner may."""
    await ctx.db.delete(tables.Task, task_id)


async def complete_task(ctx: Context, task_id: UUID) -> Task:
    """Move one task to `done`; the row lock lets one of two simultaneous callers come second: 409."""
    row = await ctx.db.shared.get(tables.Task, task_id, lock=True)
    changes = _move(row, TaskStatus.DONE)
    row = await ctx.db.shared.update(tables.Task, task_id, updated_at=tables.now(), **changes)
    return row.to_api()


def _move(row: tables.Task, status: TaskStatus) -> dict[str, object]:
    check_transition(TaskStatus(row.status), status)
    return {"status": status.value, "completed_at": tables.now() if status is TaskStatus.DONE else None}
