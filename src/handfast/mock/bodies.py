"""Values as the bytes of their media type, for answers that no handler writes."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from pydantic_core import to_json

from handfast.runtime.contract import Contract, Media

BOUNDARY: Final = "handfast"


def content_of(media: Media, value: Any, contract: Contract) -> bytes:
    """Return `value` as a body of the media type; a stream of events holds a comment, and no event."""
    match media.kind:
        case "sse":
            return b": mock\n\n"
        case "binary":
            return value.encode() if isinstance(value, str) else b"mock"
        case "text":
            return value.encode() if isinstance(value, str) else to_json(value)
        case "jsonl":
            mark = b"\x1e" if media.type.endswith("json-seq") else b""
            return mark + to_json(value) + b"\n"
        case "form":
            return _form(value)
        case _:
            return to_json(value)


def _form(value: Any) -> bytes:
    pairs: list[tuple[str, str]] = []
    for name, member in value.items() if isinstance(value, dict) else ():
        members = member if isinstance(member, list) else [member]
        pairs += [(name, one if isinstance(one, str) else to_json(one).decode()) for one in members]
    return urlencode(pairs).encode()
