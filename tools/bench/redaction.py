"""What redaction costs: microseconds for each log line. `python -m tools.bench.redaction`."""

from __future__ import annotations

import secrets
import timeit
from collections.abc import Callable
from functools import partial

from handfast.redaction import Redactor

SECRETS = [
    secrets.token_urlsafe(48),
    *(
        f"postgresql://handfast_{role}:{secrets.token_urlsafe(24)}@db:5432/app"
        for role in ("service", "owner")
    ),
]
FIELDS: dict[str, object] = {
    "method": "GET",
    "route": "/api/tasks/{task_id}",
    "status": 200,
    "duration_ms": 1.972,
    "operation_id": "getTask",
    "user_id": "5ff2b1a9-9b4c-4a39-8f1d-1f9a4a4a7c11",
    "db_statements": 1,
    "db_ms": 0.412,
    "event": "request_finished",
    "correlation_id": "56e31139a6504a48a980ae35789680ff",
    "level": "info",
    "timestamp": "2026-11-25T15:04:32.711859Z",
}
TEXTS = {
    "request_finished": str(FIELDS).replace("'", '"'),
    "with a token": f"eyJhbGciOiJIUzI1NiJ9.{secrets.token_urlsafe(60)}.{secrets.token_urlsafe(32)} refused",
    "with an address": "cannot connect to postgresql://handfast_service:hush-word@db.example.com:5432/app",
    "with a known secret": f"key {SECRETS[0]} refused",
}


def main() -> None:
    """Print a table."""
    redactor = Redactor(SECRETS)
    costs = {
        f"{name}, {len(text)} characters": _microseconds(partial(redactor.text, text))
        for name, text in TEXTS.items()
    }
    costs[f"{len(FIELDS)} fields by name"] = _microseconds(partial(redactor.fields, FIELDS))
    for name, cost in costs.items():
        print(f"{name:40} {cost:6.2f} µs")


def _microseconds(work: Callable[[], object]) -> float:
    timer = timeit.Timer("work()", globals={"work": work})
    count, _ = timer.autorange()
    return min(timer.repeat(5, count)) / count * 1e6


if __name__ == "__main__":
    main()
