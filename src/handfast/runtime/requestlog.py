"""What is kept of each request when it is done: a line `request_finished`, and what is counted of it."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.types import Scope

from handfast.runtime.observability import NO_OPERATION, Metrics, OwnWords
from handfast.runtime.state import RequestState

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_FINISHED: Final = OwnWords("request_finished")
QUIET_PATHS: Final = frozenset(("/health", "/ready", "/metrics"))


class RequestLog:
    """Writes `request_finished` and counts each request."""

    def __init__(self, metrics: Metrics) -> None:
        """Count in `metrics`, and write as structlog is configured now."""
        self._metrics = metrics
        self._log = structlog.get_logger(__name__).bind()

    def begin(self) -> None:
        """A request has come."""
        self._metrics.in_progress += 1

    def end(self, scope: Scope, state: RequestState, status: int, seconds: float) -> None:
        """It is done, whatever its end."""
        metrics = self._metrics
        metrics.in_progress -= 1
        operation, method = state.operation, scope["method"]
        event: str = _FINISHED
        fields: dict[str, object] = {
            "method": method,
            "route": None,
            "status": status,
            "duration_ms": round(seconds * 1000, 3),
            "operation_id": NO_OPERATION,
            "user_id": state.user_id,
            "db_statements": state.statements,
            "db_ms": round(state.database_seconds * 1000, 3),
        }
        if operation is None:
            # A caller may invent methods; labels must stay few.
            known = method if method in METHODS else "other"
            metrics.observe(NO_OPERATION, known, status, seconds)
            event = _FINISHED if known is method else str(_FINISHED)
        else:
            operation_id = operation.operation_id
            fields["route"], fields["operation_id"] = operation.path, operation_id
            metrics.observe(operation_id, method, status, seconds)
            if operation.end:
                fields["deprecated"] = True
                metrics.deprecated(operation_id, state.caller)
        write = self._log.debug if scope["path"] in QUIET_PATHS else self._log.info
        write(event, **fields)
