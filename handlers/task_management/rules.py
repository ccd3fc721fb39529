"""The rules of data-model.md that are not a column: status transitions."""

from generated.task_management.models import TaskStatus
from handfast.runtime import Conflict

TRANSITIONS: frozenset[tuple[TaskStatus, TaskStatus]] = frozenset(
    {
        (TaskStatus.TODO, TaskStatus.IN_PROGRESS),
        (TaskStatus.TODO, TaskStatus.DONE),
        (TaskStatus.IN_PROGRESS, TaskStatus.TODO),
        (TaskStatus.IN_PROGRESS, TaskStatus.DONE),
        (TaskStatus.DONE, TaskStatus.TODO),
    }
)
"""(from, to), as the table "Status transitions" of data-model.md lists them."""


class WrongStatus(Conflict, code="wrong_status"):
    """The task's status does not allow this transition."""


def check_transition(old: TaskStatus, new: TaskStatus) -> None:
    """Raise `WrongStatus` unless a task may move from `old` to `new`."""
    if (old, new) not in TRANSITIONS:
        raise WrongStatus(f"A task that is `{old.value}` cannot become `{new.value}`.")
