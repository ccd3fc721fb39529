"""Task management: the rules behind specs/001-task-management/contracts/api.yaml."""

from datetime import date
from uuid import UUID

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
from handlers.task_management.paging import Page, Position
from handlers.task_management.rules import check_transition


async def create_task(ctx: Context, body: TaskCreate) -> Task:
    """Store a new task of the caller."""
    return await ctx.db.insert(tables.Task.new(body, owner=ctx.user.id), into=Task)


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
    filters = {"status": status, "priority": priority, "due_from": due_from, "due_to": due_to}
    wanted = Page(
        sort=sort,
        order=order,
        limit=limit,
        after=None if cursor is None else Position.parse(cursor),
        filters={name: value for name, value in filters.items() if value is not None},
    )
    tasks = await ctx.db.all(wanted.statement, wanted.values, into=Task)
    more = len(tasks) > limit
    return TaskPage(
        items=tasks[:limit],
        next_cursor=str(Position.of(tasks[limit - 1], sort)) if more else None,
    )


async def get_task(ctx: Context, task_id: UUID) -> Task:
    """Return one task: 404 if there is none, 403 if it is somebody else's who does not share it."""
    return await ctx.db.shared.get(tables.Task, task_id, into=Task)


async def update_task(ctx: Context, task_id: UUID, body: TaskUpdate) -> Task:
    """Change what the body names; a change of status must be a transition of data-model.md."""
    changes: dict[str, object] = {"updated_at": tables.now()}
    if body.title is not UNSET:
        changes["title"] = body.title
    if body.description is not UNSET:
        changes["description"] = body.description
    if body.priority is not UNSET:
        changes["priority"] = body.priority.value
    if body.due_date is not UNSET:
        changes["due_date"] = body.due_date
    if body.status is not UNSET:
        # Only a transition depends on what the row is; its lock lets simultaneous ones come one by one.
        row = await ctx.db.shared.get(tables.Task, task_id, lock=True)
        if body.status.value != row.status:
            changes |= _move(row, body.status)
    return await ctx.db.shared.update(tables.Task, task_id, into=Task, **changes)


async def delete_task(ctx: Context, task_id: UUID) -> None:
    """Delete one task; nobody but its owner may."""
    await ctx.db.delete(tables.Task, task_id)


async def complete_task(ctx: Context, task_id: UUID) -> Task:
    """Move one task to `done`; the row lock lets one of two simultaneous callers come second: 409."""
    row = await ctx.db.shared.get(tables.Task, task_id, lock=True)
    changes = {"updated_at": tables.now(), **_move(row, TaskStatus.DONE)}
    return await ctx.db.shared.update(tables.Task, task_id, into=Task, **changes)


def _move(row: tables.Task, status: TaskStatus) -> dict[str, object]:
    check_transition(TaskStatus(row.status), status)
    return {"status": status.value, "completed_at": tables.now() if status is TaskStatus.DONE else None}
