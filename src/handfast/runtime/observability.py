"""Logs and metrics: JSON lines with the request's facts on each, counters by operation.

An event is a stable snake_case name, facts are fields. No line ever holds a token, a body, a query value
or an e-mail address; `handfast.redaction` is the last step of each line, for what should not have been said.
"""

from __future__ import annotations

import logging
import re
import sys
from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from pydantic_core import to_json

from handfast.redaction import redact, redact_fields
from handfast.runtime.settings import Settings
from handfast.runtime.state import RequestState, current

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


class OwnWords(str):
    """An event all of whose fields are made up by the service: numbers, ids, words of the contract.

    Nothing in such a line can be a secret, so it is not searched for one, unless something else is told with
    it: what a handler has bound for its request, or an id that the caller has chosen.
    """

    __slots__ = ()


def _line(_: object, level: str, fields: structlog.typing.EventDict) -> str:
    """The whole line of an event, in one step: a call for each little one costs more than it does."""
    own = len(fields) if type(fields["event"]) is OwnWords else 0
    structlog.contextvars.merge_contextvars(None, level, fields)
    plain = own == len(fields)
    request = current.get()
    if request is not None:
        _tell(request, fields)
        plain = plain and not request.has_foreign_id
    fields["level"] = level
    fields["timestamp"] = _timestamp()
    if plain:
        return to_json(fields).decode()
    if "exc_info" in fields:
        fields = _render(None, level, fields)
    return redact(to_json(redact_fields(fields), fallback=repr).decode())


def _timestamp() -> str:
    """The present moment by RFC 3339, in UTC."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _tell(request: RequestState, fields: structlog.typing.EventDict) -> None:
    """Say of which request a line is, unless the line says otherwise."""
    fields.setdefault("correlation_id", request.correlation_id)
    if request.trace_id is not None:
        fields.setdefault("trace_id", request.trace_id)
    if request.operation is not None:
        fields.setdefault("operation_id", request.operation.operation_id)
    if request.user_id is not None:
        fields.setdefault("user_id", request.user_id)


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
        self.in_progress = 0
        self._tallies: dict[tuple[str, str, int], _Tally] = {}
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
        self.registry.register(self)

    def observe(self, operation_id: str, method: str, status: int, seconds: float) -> None:
        """Count one finished request; for the thread of the event loop alone."""
        key = (operation_id, method, status)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
        tally.buckets[bisect_left(SECONDS, seconds)] += 1
        tally.seconds += seconds

    def deprecated(self, operation_id: str, caller: str) -> None:
        """Count one request of a deprecated operation; `caller` is a kind of caller, never who it is."""
        self._deprecated.labels(operation_id, caller).inc()

    def violation(self, operation_id: str) -> None:
        """Count one response that broke the contract."""
        self._violations.labels(operation_id).inc()

    def collect(self) -> Iterable[Metric]:
        """What is counted of each request, for the registry: plain numbers until somebody asks for them."""
        labels = ("operation_id", "method", "status")
        duration = HistogramMetricFamily(
            "http_request_duration_seconds",
            "Time from the request's arrival to the end of its response.",
            labels=labels,
        )
        requests = CounterMetricFamily("http_requests", "Requests answered.", labels=labels)
        for (operation_id, method, status), tally in list(self._tallies.items()):
            named = (operation_id, method, str(status))
            counts = list(accumulate(tally.buckets))
            duration.add_metric(named, list(zip(_BOUNDS, counts, strict=True)), tally.seconds)
            requests.add_metric(named, counts[-1])
        yield duration
        yield requests
        yield GaugeMetricFamily(
            "http_requests_in_progress", "Requests being answered now.", value=self.in_progress
        )

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)


_BOUNDS: Final = (*map(str, SECONDS), "+Inf")


class _Tally:
    """The finished requests of one operation, method and status."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUNDS)
        """How many took at most as long as the bound of `SECONDS`, and longer than the one before."""
        self.seconds = 0.0
