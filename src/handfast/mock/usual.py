"""Response headers that HTTP itself gives a meaning: what a mock says in them, and which it leaves alone."""

from __future__ import annotations

from typing import Final

OF_THE_SERVER: Final = frozenset(
    ("connection", "content-encoding", "content-length", "content-type", "date", "transfer-encoding")
)
"""What is told by whoever writes the bytes; another value would break the answer."""

_DATE: Final = "Mon, 01 Jan 2024 00:00:00 GMT"
HEADERS: Final[dict[str, tuple[object, ...]]] = {
    "cache-control": ("no-store",),
    "content-disposition": ('attachment; filename="mock"',),
    "content-language": ("en",),
    "content-location": ("/mock", "https://example.com/mock"),
    "etag": ('"mock"',),
    "expires": (_DATE,),
    "last-modified": (_DATE,),
    "link": ('</mock>; rel="self"',),
    "location": ("/mock", "https://example.com/mock"),
    "retry-after": (120, "120", _DATE),
    "set-cookie": ("mock=1; Path=/",),
    "vary": ("Accept",),
    "www-authenticate": ("Bearer",),
}
"""Header → values to try before one is made: only those that the contract's schema admits are sent."""
