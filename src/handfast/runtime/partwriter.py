"""Values as multipart bodies: the counterpart of `parts`, for responses and mocks.

The boundary of a body that is known whole is a digest of it, which nothing in it can hold by intent; that of
one that is sent as it comes is random. A text states its charset, since parts without one are ASCII
(RFC 2046, 4.1.2).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from handfast.mediatypes import MediaKind, MediaType, kind_of_part, listed
from handfast.runtime.content import part_kind
from handfast.runtime.contract import Encoding, Header, Media, PartSpec
from handfast.runtime.documents import concrete, encoded
from handfast.runtime.headertexts import breaks_line, header_text, one_line, text_of
from handfast.runtime.readings import Reader
from handfast.runtime.results import Part, Stream, disposition
from handfast.runtime.schemas import Check, View
from handfast.runtime.views import jsonable

Declared = Sequence[tuple[Header, Check]]
"""The headers that a contract declares, each with the check of its values."""

_NO_ENCODING: Final = Encoding()
_TEXTUAL: Final[frozenset[MediaKind]] = frozenset(("text", "xml"))


class Judge(Protocol):
    """Is told what breaks the contract, and may stop it from being sent."""

    def judge(self, check: Check | None, value: object, place: str) -> None:
        """Hold `value`, which stands at `place`, against the contract."""

    def violated(self, place: str, *found: str) -> None:
        """Take note that what stands at `place` breaks the contract as `found` says."""


def declared_texts(
    declared: Declared, headers: Mapping[str, object], judge: Judge, within: str = ""
) -> dict[str, str]:
    """Return the texts of `headers`, each judged, and those that are declared alone told of."""
    texts = {}
    given = {name.lower(): value for name, value in headers.items() if value is not None}
    for header, check in declared:
        value = given.get(header.wire.lower())
        if value is not None:
            judge.judge(check, jsonable(value), f"{within}header {header.wire}")
        elif header.required:
            judge.violated(f"{within}header {header.wire}", "this header is required")
    forms = {header.wire.lower(): header.form for header, _ in declared}
    for name, value in headers.items():
        if value is None:
            continue
        text = header_text(jsonable(value), forms.get(name.lower(), "simple"))
        if breaks_line(text):
            judge.violated(f"{within}header {name}", "a header cannot hold a line break")
        texts[name] = one_line(text)
    return texts


@dataclass(frozen=True, slots=True)
class Piece:
    """One part: its headers as bytes, its content, and what the schema sees of it."""

    head: bytes
    content: bytes | AsyncIterable[bytes]
    plain: object


class OrderedWriter:
    """Writes lists as parts in their order (OpenAPI 3.2, 4.14.5.2)."""

    def __init__(self, media: Media, view: View) -> None:
        """Prepare nothing yet."""
        self._media = media
        self._view = view
        self._writers: dict[int, _PartWriter] = {}

    def pieces(self, values: Iterable[object], judge: Judge, within: str = "") -> list[Piece]:
        """Return the parts of a whole body."""
        return [self.piece(index, value, judge, within) for index, value in enumerate(values)]

    def piece(self, index: int, value: object, judge: Judge, within: str = "") -> Piece:
        """Return the part at `index`."""
        at = min(index, len(self._media.prefix))
        if at not in self._writers:
            self._writers[at] = _PartWriter(self._media.part(at), self._view)
        return self._writers[at].piece(value, judge, f"{within}part {index}, ")


class _PartWriter:
    """Writes the parts of one place."""

    def __init__(self, part: PartSpec, view: View) -> None:
        encoding = part.encoding
        self._part = part
        self._view = view
        self._types = listed(encoding.content_type)
        named = [one.strip() for one in encoding.content_type.split(",")]
        self._usual = next((one for one in named if one and "*" not in one), "")
        self._headers = [(header, view.named(header.schema)) for header in encoding.headers]
        self._inner = encoding.inner
        self._reader = Reader(view, view.schema(part.schema), view.named(part.schema))

    def piece(self, value: object, judge: Judge, place: str) -> Piece:
        """Return `value` as a part: a `Part` has headers of its own, a `Stream` a type and a name."""
        headers: dict[str, object] = {}
        media_type, filename = None, None
        if isinstance(value, Part):
            headers, media_type, value = dict(value.headers), value.media_type, value.value
        if isinstance(value, Stream):
            media_type, filename = value.media_type or media_type, value.filename
        if media_type is not None and self._types and not self._covers(media_type):
            judge.violated(f"{place}media type", "it is not one that the contract declares")
        media_type = media_type or self._usual or _usual(self._part.kind)
        plain, content = self._content(value, media_type, judge, place)
        if self._inner is not None and isinstance(content, bytes):
            media_type = with_boundary(media_type, content)
        texts = declared_texts(self._headers, headers, judge, place)
        if filename is not None and "content-disposition" not in {name.lower() for name in texts}:
            texts["Content-Disposition"] = disposition(filename)
        return Piece(_head({"Content-Type": _with_charset(media_type), **texts}), content, plain)

    def _covers(self, media_type: str) -> bool:
        sent = MediaType.parse(media_type)
        return any(one.covers(sent) for one in self._types)

    def _content(
        self, value: object, media_type: str, judge: Judge, place: str
    ) -> tuple[object, bytes | AsyncIterable[bytes]]:
        if isinstance(value, Stream):
            size = len(value.content) if isinstance(value.content, bytes) else None
            return self._reader.stand_in(size), value.content
        if self._inner is not None and self._inner.kind == "multipart":
            plain = jsonable(value)
            return plain, named(self._inner, plain, self._view)
        if self._inner is not None and isinstance(value, (list, tuple)):
            pieces = OrderedWriter(self._inner, self._view).pieces(value, judge, place)
            if any(not isinstance(one.content, bytes) for one in pieces):
                judge.violated(f"{place}parts", "parts inside of a part must be bytes, not streams of them")
            return [one.plain for one in pieces], joined(pieces)
        plain = jsonable(value)
        kind = part_kind(kind_of_part(media_type), self._reader)
        media = Media(media_type, "text" if kind == "binary" else kind, self._part.schema)
        return plain, encoded(media, plain, self._view)


def named(media: Media, value: object, view: View) -> bytes:
    """Return an object as parts, lists as repeated ones (RFC 7578, 4.3).

    Objects are JSON, and other values texts, unless `encoding` says otherwise.
    """
    pieces: list[Piece] = []
    reader = Reader(view, view.schema(media.schema), view.named(media.schema))
    for name, member in value.items() if isinstance(value, dict) else ():
        encoding = media.encoding.get(name, _NO_ENCODING)
        for one in member if isinstance(member, list) else [member]:
            types = [text for text in listed(encoding.content_type) if "*" not in text.essence]
            media_type = types[0].essence if types else ""
            if not media_type and isinstance(one, (dict, list)):
                media_type = "application/json"
            heads = {"Content-Disposition": f'form-data; name="{_quoted(name)}"'}
            if media_type:
                heads["Content-Type"] = media_type
            own = reader.property(name)
            own = own.item if isinstance(member, list) else own
            content = _of_kind(part_kind(kind_of_part(media_type), own), one, own, name)
            pieces.append(Piece(_head(heads), content, one))
    return joined(pieces)


def _of_kind(kind: MediaKind, value: object, reader: Reader, name: str) -> bytes:
    if kind == "json":
        return encoded(Media("application/json", "json", None), value, reader.view)
    if kind == "xml":
        from handfast.runtime import xmltext  # most parts are no XML

        return xmltext.encode(value, reader, name)
    return text_of(value).encode("utf-8", "replace")


def multipart(media: Media, value: object, view: View, judge: Judge) -> bytes:
    """Return a value of JSON alone as the body of a multipart media type."""
    if media.kind != "parts":
        return named(media, value, view)
    values = value if isinstance(value, (list, tuple)) else [value]
    return joined(OrderedWriter(media, view).pieces(values, judge))


# --- pieces as bytes ------------------------------------------------------------------------------


def joined(pieces: Iterable[Piece]) -> bytes:
    """Return the whole body; streams in it, which have been told of, are left out."""
    parts = [one.head + (one.content if isinstance(one.content, bytes) else b"") for one in pieces]
    boundary = sha256(b"\r\n".join(parts)).hexdigest()[:32].encode()
    lines = [b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts]
    return b"".join(lines) + b"--" + boundary + b"--\r\n"


def with_boundary(media_type: str, content: bytes | str) -> str:
    """Return `media_type` with a boundary: that of a body which `joined` made, or the text that is given."""
    if isinstance(content, bytes):
        content = content[2 : content.find(b"\r\n")].removesuffix(b"--").decode("ascii")
    kept = [one.strip() for one in media_type.split(";") if not one.strip().lower().startswith("boundary=")]
    return "; ".join([*kept, f"boundary={content}"])


def new_boundary() -> str:
    """A boundary that nobody can foresee, for a body that is not known yet."""
    return secrets.token_hex(16)


async def streamed(pieces: AsyncIterable[Piece], boundary: str) -> AsyncIterator[bytes]:
    """Yield a body as its parts come."""
    mark = b"--" + boundary.encode("ascii")
    async for piece in pieces:
        yield mark + b"\r\n" + piece.head
        if isinstance(piece.content, bytes):
            yield piece.content
        else:
            async for chunk in piece.content:
                yield chunk
        yield b"\r\n"
    yield mark + b"--\r\n"


def _head(headers: Mapping[str, str]) -> bytes:
    lines = [f"{name}: {text}\r\n" for name, text in headers.items()]
    return ("".join(lines) + "\r\n").encode("utf-8", "replace")


def _usual(kind: MediaKind) -> str:
    """The media type of a part of which the contract names none, or ranges alone."""
    return "application/octet-stream" if kind == "binary" else concrete(Media("*/*", kind, None))


def _with_charset(media_type: str) -> str:
    is_text = kind_of_part(media_type) in _TEXTUAL and media_type.lower().startswith("text/")
    return media_type if not is_text or "charset" in media_type.lower() else f"{media_type}; charset=utf-8"


def _quoted(name: str) -> str:
    """A name within quotation marks (HTML, multipart/form-data encoding algorithm)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
