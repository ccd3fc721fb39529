"""The id that all log lines of a request carry: its caller's, its trace's, or a new one."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Final

CORRELATION_HEADER: Final = "X-Correlation-ID"

_CORRELATION = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def ids_of(headers: Mapping[bytes, bytes]) -> tuple[str, str | None, bool]:
    """The correlation id, the trace id, and whether one of them comes from the caller.

    The trace id is that of a valid `traceparent` (W3C Trace Context). The correlation id is the caller's own
    if it is a sane one, else its trace's, else a new one.
    """
    trace = _TRACEPARENT.fullmatch(headers[b"traceparent"]) if b"traceparent" in headers else None
    trace_id = trace[1].decode() if trace else None
    for name in (b"x-correlation-id", b"x-request-id"):
        if name in headers and _CORRELATION.fullmatch(headers[name]):
            return headers[name].decode(), trace_id, True
    return (_new(), None, False) if trace_id is None else (trace_id, trace_id, True)


def _new() -> str:
    # No secret, for callers may send any: 128 random bits without a system call; a fork seeds anew.
    return f"{random.getrandbits(128):032x}"
