"""Media types: their syntax, which of them covers which, and how the bytes of each are read.

Generation and the running service must agree on this, so both take it from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

MediaKind: TypeAlias = Literal[
    "json", "form", "multipart", "parts", "text", "binary", "sse", "jsonl", "xml", "yaml"
]
"""How bytes of a media type are decoded or encoded; `parts` is a multipart whose parts have an order."""

_JSONL: Final = frozenset((
    "application/jsonl", "application/x-ndjson", "application/x-jsonlines", "application/ndjson",
    "application/json-seq", "application/jsonlines", "application/geo+json-seq", "text/jsonl",
))  # fmt: skip

_NEVER_TEXT: Final = frozenset(("image", "audio", "video", "font"))


@dataclass(frozen=True, slots=True)
class MediaType:
    """A parsed Content-Type or Accept element."""

    essence: str
    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Read `text` leniently: names in any case, values with or without quotes."""
        essence, *pieces = text.split(";")
        parameters = {}
        for piece in pieces:
            name, _, value = piece.partition("=")
            parameters[name.strip().lower()] = value.strip().strip('"')
        return cls(essence.strip().lower(), parameters)

    def covers(self, other: MediaType) -> bool:
        """Whether `other` is of this type or in this range; parameters stated here must agree."""
        main, _, sub = self.essence.partition("/")
        other_main, _, _ = other.essence.partition("/")
        if main != "*" and (main != other_main or sub not in ("*", other.essence.partition("/")[2])):
            return False
        return all(
            other.parameters.get(name, "").lower() == value.lower()
            for name, value in self.parameters.items()
            if name not in ("charset", "boundary")
        )


def listed(text: str) -> tuple[MediaType, ...]:
    """The media types and ranges of a `contentType`, which divides them by commas (OpenAPI 3.2, 4.15.1.1)."""
    return tuple(MediaType.parse(one) for one in text.split(",") if one.strip())


def kind_of(media_type: str) -> MediaKind:
    """Return how a media type is decoded."""
    bare = media_type.split(";")[0].strip().lower()
    if bare in _JSONL or bare.endswith("+json-seq"):
        return "jsonl"
    if bare in ("application/json", "*/*", "application/*") or bare.endswith("+json") or bare == "text/json":
        return "json"
    if bare == "application/x-www-form-urlencoded":
        return "form"
    if bare.startswith("multipart/"):
        return "multipart"
    if bare == "text/event-stream":
        return "sse"
    if bare.endswith(("+xml", "/xml")):
        return "xml"
    if bare.endswith(("+yaml", "/yaml", "/x-yaml")):
        return "yaml"
    if bare.startswith("text/"):
        return "text"
    return "binary"


def is_never_text(media_type: str) -> bool:
    """Whether what has that type or range is bytes to everybody, even where a schema calls it a string."""
    main, _, _ = media_type.strip().lower().partition("/")
    return main in _NEVER_TEXT or media_type.strip().lower().startswith("application/octet-stream")


def kind_of_part(media_type: str) -> MediaKind:
    """Return how a part of that type or range is read: what may be anything, and streams, are bytes.

    `image/svg+xml` is a picture to whoever sends it, so XML counts only where it is no picture.
    """
    bare = media_type.split(";")[0].strip().lower()
    if "*" in bare and not bare.startswith("text/"):
        return "binary"
    kind = kind_of(bare)
    return "binary" if kind in ("sse", "jsonl") or bare.startswith("image/") else kind
