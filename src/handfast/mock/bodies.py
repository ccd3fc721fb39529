"""Values as the bytes of their media type, for answers that no handler writes."""

from __future__ import annotations

from typing import Any

from handfast.runtime.contract import Contract, Media
from handfast.runtime.documents import encoded


def content_of(media: Media, value: Any, contract: Contract) -> bytes:
    """Return `value` as a body of the media type; a stream of events holds a comment, and no event."""
    match media.kind:
        case "sse":
            return b": mock\n\n"
        case "binary":
            return value.encode() if isinstance(value, str) else b"mock"
        case _:
            return encoded(media, value, contract.response)
