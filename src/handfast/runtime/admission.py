"""What a request must be like before anybody looks at what it asks for.

The server's parser has seen to the syntax; here stand the rules that need a proper answer: one Host, no
encoded body, a bounded body and a bounded number of query parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from starlette.types import Scope

from handfast.counted import counted
from handfast.runtime.errors import (
    ApiError,
    BadRequest,
    ContentTooLarge,
    UnsupportedMediaType,
    error_of_status,
)
from handfast.runtime.settings import Settings

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
"""`host [":" port]` of RFC 9110, 7.2; the brackets hold an IPv6 address."""
_IDENTITY: Final = {"Accept-Encoding": "identity"}


class Admission:
    """Refuses what no operation should have to look at."""

    def __init__(self, settings: Settings) -> None:
        """Take the limits from `settings`."""
        self.body_limit_bytes = settings.body_limit_bytes
        self._query_limit = settings.query_limit

    def check(self, scope: Scope) -> bool:
        """Return whether a body is announced; raise what is wrong with the request's head."""
        if scope["query_string"].count(b"&") >= self._query_limit:
            raise BadRequest(f"A request may have {counted(self._query_limit, 'query parameter')}.")
        hosts = 0
        has_body = False
        for name, value in scope["headers"]:
            if name == b"host":
                hosts += 1
                if _HOST.fullmatch(value) is None:
                    raise BadRequest("The Host header must be a host and, if needed, a port.")
            elif name == b"content-length":
                has_body = has_body or value != b"0"
                if not value.isdigit() or len(value) > 18 or int(value) > self.body_limit_bytes:
                    raise too_large(self.body_limit_bytes)
            elif name == b"transfer-encoding":
                has_body = True
                if value.strip().lower() != b"chunked":
                    raise _encoded("`Transfer-Encoding` may be `chunked` alone.")
            elif name == b"content-encoding":
                if any(coding != b"identity" for coding in _tokens(value)):
                    raise _encoded("Send the body as it is: encoded ones are not decoded.")
            elif name == b"expect" and value.lower() != b"100-continue":
                raise error_of_status(417, "The only expectation that can be met is `100-continue`.")
        # RFC 9112, 3.2: none or several are a 400. HTTP/1.0 knows no such header.
        if hosts > 1 or (hosts == 0 and scope.get("http_version") == "1.1"):
            raise BadRequest("A request must have one Host header.")
        return has_body


def too_large(limit_bytes: int) -> ApiError:
    """The refusal of a body that is longer than `limit_bytes`."""
    return ContentTooLarge(f"A body may have at most {limit_bytes} bytes.")


def _tokens(value: bytes) -> Iterable[bytes]:
    return (token.strip().lower() for token in value.split(b",") if token.strip())


def _encoded(detail: str) -> ApiError:
    return UnsupportedMediaType(detail, headers=_IDENTITY)  # RFC 9110, 12.5.3 names the header


__all__ = ["Admission", "too_large"]
