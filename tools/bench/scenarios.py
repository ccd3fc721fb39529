"""What is asked of the services: requests spread over users and tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from handfast.testing import make_token
from tools.bench.seed import MEASURED_USERS, SECRET

NAMES = ("health", "get", "list 20", "create", "patch", "mixed 80/20")
TITLE = "Written by a benchmark"
_NEW = json.dumps({"title": TITLE, "description": "Test description", "priority": "high"})
_CHANGE = json.dumps({"title": "Changed", "priority": "low"})
_MIX = ("get", "list 20", "get", "create", "get", "list 20", "get", "patch", "list 20", "get")
"""Four reads of five."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one user."""

    method: str
    path: str
    body: str
    authorization: str


def requests(scenario: str, tasks: Sequence[tuple[UUID, UUID]]) -> list[Request]:
    """Return the requests of a scenario, sent in turn; `tasks` are owners and ids."""
    signed: dict[UUID, str] = {}
    made = []
    for number, (owner, task) in enumerate(tasks):
        if owner not in signed:
            signed[owner] = f"Bearer {make_token(owner, secret=SECRET)}"
        # As many owners as a multiple of the mix's length: without the shift each would always do the same.
        kind = (
            _MIX[(number + number // MEASURED_USERS) % len(_MIX)] if scenario == "mixed 80/20" else scenario
        )
        made.append(Request(*_said(kind, task), signed[owner]))
    return made


def _said(kind: str, task: UUID) -> tuple[str, str, str]:
    match kind:
        case "health":
            return "GET", "/health", ""
        case "get":
            return "GET", f"/api/tasks/{task}", ""
        case "list 20":
            return "GET", "/api/tasks", ""
        case "create":
            return "POST", "/api/tasks", _NEW
        case "patch":
            return "PATCH", f"/api/tasks/{task}", _CHANGE
        case _:
            raise ValueError(f"no scenario is called {kind!r}: {', '.join(NAMES)}")
