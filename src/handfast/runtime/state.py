"""What the layers of one request tell each other; kept in the ASGI scope."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from handfast.runtime.contract import Contract, OperationSpec

KEY: Final = "handfast"


@dataclass(slots=True)
class RequestState:
    """Filled in as the request goes inwards, read by the outer layers when it is done."""

    correlation_id: str
    trace_id: str | None = None
    has_foreign_id: bool = True
    """Whether one of them comes from the caller."""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    """The request's headers by their lower-case name, the first of those that came several times."""
    contract: Contract | None = None
    operation: OperationSpec | None = None
    has_body: bool = False
    user_id: str | None = None
    caller: str = "anonymous"
    """The kind of caller: `anonymous`, `user`, `service` or `admin`."""
    statements: int = 0
    database_seconds: float = 0.0


current: Final[ContextVar[RequestState | None]] = ContextVar("handfast_request", default=None)
"""The request that the running code answers; log lines tell which one it is."""


def state_of(scope: MutableMapping[str, Any]) -> RequestState:
    """The state of the request in `scope`; a fresh one where no layer has made it."""
    state = scope.get(KEY)
    if not isinstance(state, RequestState):
        state = RequestState(correlation_id="")
        scope[KEY] = state
    return state
