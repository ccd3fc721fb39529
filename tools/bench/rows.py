"""CPU of what `ctx.db` does in Python for a row, a statement and a list of 20: ours beside the plain way.

Needs no database.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from sqlmodel import Field, SQLModel, col, select

from generated.task_management import models
from handfast.runtime.database.reach import Reach
from handfast.runtime.database.rows import view_of
from handfast.runtime.database.single import single
from handfast.runtime.database.statements import prepare
from handlers.task_management.paging import Page
from handlers.task_management.tables import Task

ROUNDS, CALLS = 5, 2000


class PlainTask(SQLModel, table=True):
    """The same columns as SQLModel's own class has them."""

    id: str = Field(default_factory=lambda: "x", primary_key=True)
    user_id: str
    title: str
    description: str | None = None
    status: str = "todo"
    priority: str = "medium"
    due_date: str | None = None
    created_at: str = Field(default_factory=lambda: "x")
    updated_at: str = Field(default_factory=lambda: "x")
    completed_at: str | None = None


def cpu_us(do: Callable[[], object]) -> float:
    """CPU microseconds of one call: the median of the rounds."""
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(CALLS):
            do()
        found.append((time.process_time() - start) / CALLS * 1e6)
    return statistics.median(found)


def main() -> None:
    """Measure and print."""
    gc.freeze()
    me, now = uuid4(), datetime.now(UTC)
    row = (uuid4(), me, "t", "d", "todo", "high", None, now, now, None)
    known = single(Task)
    view = view_of(models.Task, known.entity.names)
    page = Page(models.TaskSort.CREATED_AT, models.SortOrder.DESC, 20, None, {})
    given = {"user_id": "u", "title": "t", "description": "d", "priority": "high"}

    def anew() -> object:
        order = col(Task.created_at).desc(), col(Task.id).desc()
        return prepare(select(Task).order_by(*order).limit(21), me)

    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "a new row: SQLModel, Table": (
            lambda: PlainTask(**given),
            lambda: Task(user_id=me, title="t", description="d", priority="high"),
        ),
        "a statement: made anew, made once": (
            anew,
            lambda: prepare(page.statement, me, Reach.OWN, page.values),
        ),
        "20 rows: instances, models at once": (
            lambda: [known.entity.load(row) for _ in range(20)],
            lambda: [view(row) for _ in range(20)],
        ),
    }
    for name, (plain, ours) in pairs.items():
        slow, fast = cpu_us(plain), cpu_us(ours)
        print(f"{name:36} {slow:8.1f} us {fast:8.1f} us   {fast / slow:.2f}")


if __name__ == "__main__":
    main()
