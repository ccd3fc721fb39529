"""Elevated statements and the trail that each one leaves.

A statement runs as the elevated role between two others of the same pipeline, in the request's transaction:

    INSERT INTO handfast_audit     as the service; if it fails, nothing after it is run
    SET LOCAL ROLE elevated
    the statement
    SET LOCAL ROLE none

So the role lasts for that one statement: an error ends the transaction, and the transaction ends the role.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from handfast.redaction import redact
from handfast.runtime.database import roles
from handfast.runtime.database.statements import Call
from handfast.runtime.database.wire import Statement
from handfast.runtime.security import Role

TABLE: Final = "handfast_audit"
LONGEST_REASON: Final = 500

_RECORD: Final = (
    f"insert into {TABLE} (user_id, role, operation, correlation_id, reason, action, tables) "  # noqa: S608  (a constant)
    "values ($1, $2, $3, $4, $5, $6, $7)"
).encode()
_BECOME: Final[Statement] = (f"set local role {roles.ELEVATED}".encode(), (), False)
_RETURN: Final[Statement] = (b"set local role none", (), False)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Origin:
    """Where a unit of work comes from, as the audit trail tells it."""

    role: Role = "user"
    """The caller's; `service` and `admin` may elevate statements."""
    operation: str = ""
    """The contract's operationId."""
    correlation_id: str = ""

    @property
    def may_elevate(self) -> bool:
        """Whether the caller may see what other users own."""
        return self.role in ("service", "admin")


def elevated(
    calls: Sequence[Call], *, owner: object, origin: Origin, reason: str
) -> tuple[list[Statement], list[Statement]]:
    """Return what to send before and after `calls`, and write the log line `elevated`."""
    tables = sorted({table for call in calls for table in call.plan.tables})
    action = "write" if any(call.plan.writes for call in calls) else "read"
    _log.info("elevated", role=origin.role, operation_id=origin.operation, action=action, tables=tables)
    record: Statement = (
        _RECORD,
        [
            owner,
            origin.role,
            origin.operation,
            redact(origin.correlation_id),  # the caller's own words, in a table that nobody can mend
            reason,
            action,
            tables,
        ],
        True,
    )
    return [record, _BECOME], [_RETURN]
