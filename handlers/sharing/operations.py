"""Sharing: the rules behind specs/003-sharing/contracts/api.yaml.

`ctx.db` reaches the caller's own tasks alone, so each operation on a task's shares is the owner's: for
anybody else, also whom the task is shared with, its first statement raises 403.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Uuid, and_, literal, tuple_
from sqlmodel import col, delete, select, update

from generated.sharing.models import Access, SharedTaskPage, TaskShare, TaskSharePage, TaskShareUpdate
from handfast.runtime import Conflict, Context, Created, Ok
from handlers.sharing import tables
from handlers.task_management.paging import EPOCH, MICROSECOND, Position, moment
from handlers.task_management.tables import Task


class OwnTask(Conflict, code="own_task"):
    """The task is the user's own: there is nothing to share."""


async def list_task_shares(
    ctx: Context, task_id: UUID, *, limit: int = 20, cursor: UUID | None = None
) -> TaskSharePage:
    """Return one page of the users with whom the caller's task is shared."""
    await ctx.db.get(Task, task_id)
    statement = select(tables.TaskShare).where(col(tables.TaskShare.task_id) == task_id)
    if cursor is not None:
        statement = statement.where(col(tables.TaskShare.grantee_id) > cursor)
    rows = await ctx.db.all(statement.order_by(col(tables.TaskShare.grantee_id)).limit(limit + 1))
    more = len(rows) > limit
    return TaskSharePage(
        items=[row.to_api() for row in rows[:limit]], next_cursor=rows[limit - 1].grantee_id if more else None
    )


async def share_task(
    ctx: Context, task_id: UUID, user_id: UUID, body: TaskShareUpdate
) -> Ok[TaskShare] | Created[TaskShare]:
    """Share the caller's task with one user; the row lock lets simultaneous calls come in turn."""
    await ctx.db.get(Task, task_id, lock=True)
    if ctx.user.id == user_id:
        raise OwnTask
    may_write = body.access is Access.WRITE
    replaced = await ctx.db.first(
        update(tables.TaskShare)
        .where(_share(task_id, user_id))
        .values(may_write=may_write)
        .returning(tables.TaskShare)
    )
    if replaced is not None:
        return Ok(replaced.to_api())
    row = tables.TaskShare(user_id=ctx.user.id, task_id=task_id, grantee_id=user_id, may_write=may_write)
    return Created((await ctx.db.insert(row)).to_api())


async def unshare_task(ctx: Context, task_id: UUID, user_id: UUID) -> None:
    """Take one share of the caller's task back; it may be gone already."""
    await ctx.db.get(Task, task_id)
    await ctx.db.execute(delete(tables.TaskShare).where(_share(task_id, user_id)))


async def list_shared_tasks(ctx: Context, *, limit: int = 20, cursor: str | None = None) -> SharedTaskPage:
    """Return one page of what others share with the caller, the newest share first."""
    shared_at, tie = col(tables.TaskShare.created_at), col(tables.TaskShare.task_id)
    statement = select(Task, tables.TaskShare).join(tables.TaskShare)
    if cursor is not None:
        after = Position.parse(cursor)
        place = tuple_(literal(moment(after.key), DateTime(timezone=True)), literal(after.id, Uuid()))
        statement = statement.where(tuple_(shared_at, tie) < place)
    rows = await ctx.db.granted.all(statement.order_by(shared_at.desc(), tie.desc()).limit(limit + 1))
    more = len(rows) > limit
    return SharedTaskPage(
        items=[share.with_task(task) for task, share in rows[:limit]],
        next_cursor=_cursor(rows[limit - 1][1]) if more else None,
    )


def _share(task_id: UUID, user_id: UUID) -> ColumnElement[bool]:
    return and_(col(tables.TaskShare.task_id) == task_id, col(tables.TaskShare.grantee_id) == user_id)


def _cursor(share: tables.TaskShare) -> str:
    return str(Position(key=(share.created_at - EPOCH) // MICROSECOND, id=share.task_id))
