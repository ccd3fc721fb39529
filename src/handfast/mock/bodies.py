"""Values as the bytes of their media type, for answers that no handler writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from handfast.mediatypes import MediaKind
from handfast.runtime.contract import Contract, Header, Media, PartSpec
from handfast.runtime.documents import encoded
from handfast.runtime.partwriter import multipart
from handfast.runtime.results import Part, Stream
from handfast.runtime.schemas import Check

MakeHeader = Callable[[Header], Any]
"""Returns a value of a header of a part, and None where none is found."""

_BYTES: Final = b"mock"
_OPAQUE: Final[frozenset[MediaKind]] = frozenset(("binary",))


def content_of(media: Media, value: Any, contract: Contract, header: MakeHeader) -> bytes:
    """Return `value` as a body of the media type; a stream of events holds a comment, and no event.

    Of parts that stream, `value` is the first one.
    """
    match media.kind:
        case "sse":
            return b": mock\n\n"
        case "binary":
            return value.encode() if isinstance(value, str) else _BYTES
        case "multipart" | "parts":
            return multipart(media, _with_files(media, value, header), contract.response, _Unjudged())
        case _:
            return encoded(media, value, contract.response)


class _Unjudged:
    """Lets everything pass: what a mock writes was made of the contract."""

    def judge(self, check: Check | None, value: object, place: str) -> None:
        """Do nothing."""

    def violated(self, place: str, *found: str) -> None:
        """Do nothing."""


def _with_files(media: Media, value: Any, header: MakeHeader) -> Any:
    """Return a list as parts, with bytes for files and with the headers that each must have."""
    if media.kind != "parts":
        return value
    values = value if isinstance(value, list) and not media.of_items else [value]
    return [_part(media.part(at), one, header) for at, one in enumerate(values)]


def _part(spec: PartSpec, value: Any, header: MakeHeader) -> object:
    inner = spec.encoding.inner
    if inner is not None:
        value = _with_files(inner, value, header)
    elif spec.kind in _OPAQUE:
        value = Stream(value.encode() if isinstance(value, str) and value else _BYTES)
    made = {one.wire: header(one) for one in spec.encoding.headers}
    return Part(value, {name: one for name, one in made.items() if one is not None})
