"""What is kept of each request when it is done: a line `request_finished`, and what is counted of it."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.types import Scope

from handfast.runtime.observability import NO_OPERATION, Metrics
from handfast.runtime.state import RequestState

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
QUIET_PATHS: Final = frozenset(("/health", "/ready", "/metrics"))

_log = structlog.get_logger(__name__)


class RequestLog:
    """Writes `request_finished` and counts each request."""

    def __init__(self, metrics: Metrics) -> None:
        """Count in `metrics`."""
        self._metrics = metrics

    def begin(self) -> None:
        """A request has come."""
        self._metrics.in_progress.inc()

    def end(self, scope: Scope, state: RequestState, status: int, seconds: float) -> None:
        """It is done, whatever its end."""
        self._metrics.in_progress.dec()
        operation, method = state.operation, scope["method"]
        operation_id = NO_OPERATION if operation is None else operation.operation_id
        # A caller may invent methods; labels must stay few.
        known = method if operation is not None or method in METHODS else "other"
        self._metrics.observe(operation_id, known, status, seconds)
        ends = operation is not None and bool(operation.end)
        if ends:
            self._metrics.deprecated(operation_id, state.caller)
        write = _log.debug if scope["path"] in QUIET_PATHS else _log.info
        write(
            "request_finished",
            method=method,
            route=None if operation is None else operation.path,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            operation_id=operation_id,
            user_id=state.user_id,
            db_statements=state.statements,
            db_ms=round(state.database_seconds * 1000, 3),
            **({"deprecated": True} if ends else {}),
        )
