"""Logs and metrics: JSON lines with the request's facts on each, counters by operation.

An event is a stable snake_case name, facts are fields. No line ever holds a token, a body, a query value
or an e-mail address; `handfast.redaction` is the last step of each line, for what should not have been said.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic_core import to_json

from handfast.redaction import redact, redact_fields
from handfast.runtime.settings import Settings

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
NO_OPERATION: Final = "none"
_HANDLER_NAME: Final = "handfast"


def configure_logging(settings: Settings) -> None:
    """Write JSON lines to standard output; lines of the standard library's `logging` go the same way.

    For the whole process: the last call counts.
    """
    level = _level(settings)
    configure_lines(settings)
    root = logging.getLogger()
    # Libraries tell addresses with their query values at this level: only what they warn of is for the log.
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("uvicorn.error").setLevel(level)
    for old in [handler for handler in root.handlers if handler.get_name() == _HANDLER_NAME]:
        root.removeHandler(old)
    handler = _ToStructlog()
    handler.set_name(_HANDLER_NAME)
    root.addHandler(handler)


def configure_lines(settings: Settings) -> None:
    """Write the service's own lines as JSON to standard output, and leave the standard library's alone."""
    structlog.configure(
        processors=[_line],
        wrapper_class=structlog.make_filtering_bound_logger(_level(settings)),
        logger_factory=_StandardOutput,
        cache_logger_on_first_use=False,
    )


def _level(settings: Settings) -> int:
    return logging.getLevelNamesMapping()[settings.log_level.upper()]


def _line(_: object, level: str, fields: structlog.typing.EventDict) -> str:
    """The whole line of an event, in one step: a call for each little one costs more than it does."""
    structlog.contextvars.merge_contextvars(None, level, fields)
    fields["level"] = level
    fields["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    if "exc_info" in fields:
        fields = _render(None, level, fields)
    return redact(to_json(redact_fields(fields), fallback=repr).decode())


_transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def _traceback(exc_info: structlog.typing.ExcInfo) -> list[dict[str, Any]]:
    """Frames without their variables; messages without what may quote a row or a body."""
    return _without_quotations(_transform(exc_info))


def _without_quotations(stacks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for stack in stacks:
        stack["exc_value"] = _message(stack["exc_type"], stack["exc_value"])
        stack["exc_notes"] = [_message("Exception", note) for note in stack.get("exc_notes") or ()]
        for member in stack.get("exceptions") or ():
            _without_quotations(member)
    return stacks


_render = structlog.processors.ExceptionRenderer(_traceback)

_AFTER_COLON = re.compile(r""":\s*b?["'].*""")
_QUOTATION = re.compile(r"""b?(["']).*\1|b?["'].*""")
_SPEAKS_OF_VALUES = re.compile(
    r"(Key|Index|Lookup|Value|Validation|Assertion|Unicode\w*|JSONDecode)Error|Exception"
)


def _message(kind: str, text: str) -> str:
    """Return the first line of `text` without its quotations of data.

    Further lines quote rows (PostgreSQL's DETAIL) and inputs (pydantic), and so does what stands in quotes
    after a colon: `invalid input syntax for type uuid: "…"`. Errors about values may quote one anywhere; in
    others quotes hold names: `'NoneType' object has no attribute 'x'`, `relation "tasks" does not exist`.
    """
    first = _AFTER_COLON.sub("", text.partition("\n")[0])
    return _QUOTATION.sub("…", first) if _SPEAKS_OF_VALUES.fullmatch(kind) else first


class _StandardOutput:
    """Writes lines; looks up `sys.stdout` at each, so that a redirected one is honoured."""

    def __init__(self, *_: object) -> None:
        """Be the same for everybody."""

    def msg(self, line: str) -> None:
        """Write one line, whole: other threads write, too."""
        output = sys.stdout
        output.write(f"{line}\n")
        output.flush()

    debug = info = warning = error = critical = msg


class _ToStructlog(logging.Handler):
    """Turns a line of the standard library into one of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        level = record.levelname.lower() if record.levelname.lower() in _LEVELS else "info"
        fields: dict[str, Any] = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        getattr(log, level)("log", **fields)


_LEVELS = frozenset(("debug", "info", "warning", "error", "critical"))


class Metrics:
    """The counters of one application, in a registry of its own."""

    def __init__(self) -> None:
        """Register them."""
        self.registry = CollectorRegistry()
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from the request's arrival to the end of its response.",
            ["operation_id", "method", "status"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._requests = Counter(
            "http_requests_total",
            "Requests answered.",
            ["operation_id", "method", "status"],
            registry=self.registry,
        )
        self.in_progress = Gauge(
            "http_requests_in_progress", "Requests being answered now.", registry=self.registry
        )
        self._violations = Counter(
            "response_violations_total",
            "Responses that broke the contract.",
            ["operation_id"],
            registry=self.registry,
        )
        self._deprecated = Counter(
            "deprecated_requests_total",
            "Requests of deprecated operations, by the kind of caller.",
            ["operation_id", "caller"],
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Histogram, Counter]] = {}

    def observe(self, operation_id: str, method: str, status: int, seconds: float) -> None:
        """Count one finished request."""
        key = (operation_id, method, status)
        children = self._children.get(key)
        if children is None:
            labels = (operation_id, method, str(status))
            children = self._duration.labels(*labels), self._requests.labels(*labels)
            self._children[key] = children
        children[0].observe(seconds)
        children[1].inc()

    def deprecated(self, operation_id: str, caller: str) -> None:
        """Count one request of a deprecated operation; `caller` is a kind of caller, never who it is."""
        self._deprecated.labels(operation_id, caller).inc()

    def violation(self, operation_id: str) -> None:
        """Count one response that broke the contract."""
        self._violations.labels(operation_id).inc()

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)
