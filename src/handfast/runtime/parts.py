"""The parts of multipart bodies as values, by their names or by their order (OpenAPI 3.2, 4.14.5).

Each part is read by its own Content-Type, which must be one of those that its encoding names, and has the
headers that its encoding declares. A file stays where it is: the schema sees a text in its place.
What the schema sees and what the handler is given are two values of the same shape.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from handfast.mediatypes import MediaKind, MediaType, kind_of_part
from handfast.runtime.admission import too_large
from handfast.runtime.content import BROKEN, ContentReader, part_kind
from handfast.runtime.contract import Encoding, Media, PartSpec
from handfast.runtime.errors import UnsupportedMediaType, Violation
from handfast.runtime.forms import Field
from handfast.runtime.multipart import Bounds, IsFile, MalformedMultipart, RawPart, boundary_of, read_parts
from handfast.runtime.partmarks import PartMarks, encoding_named
from handfast.runtime.readings import ALL_TYPES, Reader
from handfast.runtime.results import CHUNK_BYTES, Part, Upload
from handfast.runtime.schemas import MOST_VIOLATIONS, View
from handfast.validation.pointers import pointer

_OWN: Final[frozenset[MediaKind]] = frozenset(("xml", "yaml", "multipart"))
"""Kinds of named parts that are no texts of a form."""
_USUAL: Final[Mapping[MediaKind, str]] = {"json": "application/json", "text": "text/plain"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A value as the schema sees it, and as the handler is given it."""

    plain: object
    typed: object


_NOTHING: Final = Pair(BROKEN, BROKEN)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes of parts come from."""

    chunks: AsyncIterator[bytes]
    content_type: str
    bounds: Bounds

    def parts(self, is_file: IsFile) -> AsyncIterator[RawPart]:
        """The parts; raises `MalformedMultipart` at once where no boundary is named."""
        boundary = boundary_of(self.content_type)
        if boundary is None:
            raise MalformedMultipart("its Content-Type has no boundary")
        return read_parts(self.chunks, boundary, self.bounds, is_file)


def reader_of(media: Media, view: View, *, files: bool = True) -> NamedParts | OrderedParts:
    """Return what reads bodies of a multipart media type; without `files`, those are read as texts."""
    if media.kind == "parts":
        return OrderedParts(media, view, files=files)
    return NamedParts(media, view, files=files)


class OrderedParts:
    """Reads parts by their order: one item a part (OpenAPI 3.2, 4.14.5.2)."""

    def __init__(self, media: Media, view: View, *, files: bool = True) -> None:
        """Prepare nothing yet: each place is looked at when a part stands there."""
        self._media = media
        self._view = view
        self._files = files
        self._readers: dict[int, PartReader] = {}

    async def read(self, source: Source, out: list[Violation], place: str = "") -> Pair:
        """Return the list of all parts, not yet checked as a whole."""
        plain: list[object] = []
        typed: list[object] = []
        before = len(out)
        async for pair in self.each(source, out, place):
            plain.append(pair.plain)
            typed.append(pair.typed)
            if len(out) - before >= MOST_VIOLATIONS:
                break
        return Pair(plain, typed) if len(out) == before else _NOTHING

    async def each(self, source: Source, out: list[Violation], place: str = "") -> AsyncIterator[Pair]:
        """Yield one part after the other."""
        seen = 0

        def is_file(part: RawPart) -> bool:
            nonlocal seen
            seen += 1
            return self._reader(seen - 1).is_file(part)

        index = 0
        async for part in source.parts(is_file):
            yield await self._reader(index).read(part, source.bounds, out, place + pointer([index]))
            index += 1

    def _reader(self, index: int) -> PartReader:
        at = min(index, len(self._media.prefix))
        if at not in self._readers:
            self._readers[at] = PartReader(self._media.part(at), self._view, files=self._files)
        return self._readers[at]


class PartReader:
    """Reads the parts that stand in one place."""

    def __init__(self, part: PartSpec, view: View, *, files: bool = True) -> None:
        """Prepare for the schema and the encoding of `part`."""
        encoding = part.encoding
        self._kind = part.kind
        self._files = files
        self._schema = view.schema(part.schema)
        self._view = view
        self._marks = PartMarks(encoding, view)
        self._content = ContentReader(Reader(view, self._schema, view.named(part.schema)))
        self._inner = None if encoding.inner is None else reader_of(encoding.inner, view, files=files)
        self._with_headers = bool(encoding.headers)

    def is_file(self, part: RawPart) -> bool:
        """Whether the content goes to a file."""
        return self.kind(part) in ("binary", "multipart") and (self._files or self._inner is not None)

    def kind(self, part: RawPart) -> MediaKind:
        """How the part is read: by its own type, else by the first one that its encoding names."""
        if not part.content_type or (self._kind == "binary" and not self._marks.types):
            return self._kind
        return self._marks.kind(part.content_type)

    async def read(self, part: RawPart, bounds: Bounds, out: list[Violation], place: str) -> Pair:
        """Return the value of `part`; where `out` says what is wrong with it, there may be none."""
        before = len(out)
        self._marks.check(part, out, place, encoding_named(self._view, self._schema))
        kind = self.kind(part)
        if part.content_type and not self._marks.types and kind != self._kind:
            wanted = _USUAL.get(self._kind, "another type")
            out.append(Violation("body", place, "contentType", f"must be of the type {wanted}"))
        if len(out) > before:
            return _NOTHING
        found = await self._value(kind, part, bounds, out, place)
        if not self._with_headers or found is _NOTHING:
            return found
        return Pair(found.plain, Part(found.typed, part.headers, part.content_type or None))

    async def _value(
        self, kind: MediaKind, part: RawPart, bounds: Bounds, out: list[Violation], place: str
    ) -> Pair:
        if kind == "multipart" and self._inner is not None:
            return await inner_parts(self._inner, part, bounds, out, place)
        if part.file is not None:
            return Pair(self._content.reader.stand_in(part.file.size), upload_of(part))
        value = _read(self._content, kind, bytes(part.content), part.content_type, out, place)
        return _NOTHING if value is BROKEN else Pair(value, value)


class NamedParts:
    """Reads parts by their names: one property a part, or a list of several (OpenAPI 3.2, 4.14.5.1)."""

    def __init__(self, media: Media, view: View, *, files: bool = True) -> None:
        """Prepare for the properties that have an encoding."""
        self._view = view
        self._files = files
        self._content = ContentReader.of(media, view)
        self._reader = self._content.reader
        self._unmarked = PartMarks(Encoding(), view)
        self._marks = {name: PartMarks(one, view) for name, one in media.encoding.items()}
        self._inner = {
            name: reader_of(one.inner, view, files=False)
            for name, one in media.encoding.items()
            if one.inner is not None
        }

    async def read(self, source: Source, out: list[Violation], place: str = "") -> Pair:
        """Return the object of all parts, not yet checked as a whole."""
        before = len(out)
        texts: dict[str, list[str]] = {}
        uploads: dict[str, list[Upload]] = {}
        values: dict[str, list[object]] = {}
        async for part in source.parts(self._goes_to_file):
            if part.name is None:
                raise MalformedMultipart("each part must have a name (RFC 7578, 4.2)")
            name, there = part.name, place + pointer([part.name])
            self._check(name, part, out, there)
            kind = self._kind(name, part)
            if kind in _OWN and (kind != "multipart" or name in self._inner):
                values.setdefault(name, []).append(
                    await self._value(kind, name, part, source.bounds, out, there)
                )
            elif part.file is not None and self._is_file(name):
                uploads.setdefault(name, []).append(upload_of(part))
            else:
                await self._text(name, part, source.bounds, texts, out, there)
        for name in texts:
            if self._is_file(name) and name in self._reader.properties:
                out.append(Violation("body", place + pointer([name]), "type", "must be a file"))
        plain = self._content.form.fields(texts, out, place)
        if plain is None or len(out) > before:
            return _NOTHING
        for name, found in values.items():
            plain[name] = found if len(found) > 1 or _is_list(self._reader.property(name)) else found[0]
        typed = dict(plain)
        for name, group in uploads.items():
            many = len(group) > 1 if name not in self._reader.properties else self._takes_files(name)
            reader = self._reader.property(name)
            stand_ins = [(reader.item if many else reader).stand_in(one.size) for one in group]
            plain[name] = stand_ins if many else stand_ins[0]
            typed[name] = group if many else group[0]
            if not many and len(group) > 1:
                out.append(Violation("body", place + pointer([name]), "style", "must be given once"))
        return Pair(plain, typed)

    def _check(self, name: str, part: RawPart, out: list[Violation], there: str) -> None:
        marks = self._marks.get(name, self._unmarked)
        schema = self._reader.property(name).schema if name in self._reader.properties else True
        marks.check(part, out, there, encoding_named(self._view, schema))

    def _kind(self, name: str, part: RawPart) -> MediaKind:
        """How a part is read, as far as it or its encoding says so; else it is a text of a form."""
        marks = self._marks.get(name, self._unmarked)
        stated = part.content_type or (marks.types[0].essence if marks.types else "")
        if not stated or self._is_file(name):
            return "text"
        reader = self._reader.property(name)
        return part_kind(marks.kind(stated), reader.item if _is_list(reader) else reader)

    def _goes_to_file(self, part: RawPart) -> bool:
        """A file has a file name; without one, a type that is no text (RFC 7578, 4.2 and 4.4)."""
        name = part.name or ""
        if part.filename is not None or name in self._inner:
            return True
        stated = part.content_type
        return (
            bool(stated)
            and name in self._reader.properties
            and self._is_file(name)
            and kind_of_part(stated) != "text"
        )

    async def _value(
        self,
        kind: MediaKind,
        name: str,
        part: RawPart,
        bounds: Bounds,
        out: list[Violation],
        there: str,
    ) -> object:
        """A part that is no text of a form; each of several has the schema of an item."""
        if kind == "multipart":
            return (await inner_parts(self._inner[name], part, bounds, out, there)).plain
        reader = self._reader.property(name)
        reader = reader.item if _is_list(reader) else reader
        return _read(ContentReader(reader), kind, await _content(part, bounds), part.content_type, out, there)

    async def _text(
        self,
        name: str,
        part: RawPart,
        bounds: Bounds,
        texts: dict[str, list[str]],
        out: list[Violation],
        there: str,
    ) -> None:
        try:
            text = (await _content(part, bounds)).decode()
        except UnicodeDecodeError:
            out.append(Violation("body", there, "encoding", "must be UTF-8"))
            return
        types = self._marks.get(name, self._unmarked).types
        field = Field(text, part.content_type or (types[0].essence if types else ""))
        texts.setdefault(name, []).append(field)

    def _takes_files(self, name: str) -> bool:
        """Whether the property is a list of files."""
        reader = self._reader.property(name)
        return "array" in reader.types and not _is_binary(self._view, reader)

    def _is_file(self, name: str) -> bool:
        """Whether the property takes a file, or files."""
        if not self._files:
            return False
        if name not in self._reader.properties:
            return True  # nothing is said of it: a part that says it is a file is one
        reader = self._reader.property(name)
        return _is_binary(self._view, reader) or _is_binary(self._view, reader.item)


async def inner_parts(
    reader: NamedParts | OrderedParts, part: RawPart, bounds: Bounds, out: list[Violation], place: str
) -> Pair:
    """Return the parts inside of a part (OpenAPI 3.2, 4.15.2), which count as parts of the body."""
    chunks = _chunks(part) if part.file is not None else _once(bytes(part.content))
    try:
        return await reader.read(Source(chunks, part.content_type, bounds), out, place)
    except MalformedMultipart as error:
        out.append(Violation("body", place, "syntax", f"must be multipart (RFC 2046): {error}"))
        return _NOTHING


def upload_of(part: RawPart) -> Upload:
    """The file of a part, as handlers take it."""
    return Upload(
        _chunks(part),
        filename=part.filename,
        content_type=part.content_type or "application/octet-stream",
        size=part.file.size if part.file is not None else len(part.content),
        headers=part.headers,
    )


def _read(
    reader: ContentReader, kind: MediaKind, content: bytes, stated: str, out: list[Violation], place: str
) -> object:
    """The value of a part that is no file, or `BROKEN`; of what may be anything a text is a text."""
    media_type, kind = MediaType.parse(stated), part_kind(kind, reader.reader)
    try:
        if kind in ("text", "binary") and reader.reader.types == ALL_TYPES:
            return reader.text(content, media_type, out, place)
        return reader.read(kind, content, media_type, out, place)
    except UnsupportedMediaType as error:
        out.append(Violation("body", place, "encoding", error.detail))
        return BROKEN


def _is_list(reader: Reader) -> bool:
    """Whether each part of that name is an item."""
    return "array" in reader.types and (reader.lists or not reader.types & {"string", "object"})


def _is_binary(view: View, reader: Reader) -> bool:
    return any(
        one.get("format") == "binary" or ("contentMediaType" in one and "contentEncoding" not in one)
        for one in view.resolve(reader.schema)
    )


async def _content(part: RawPart, bounds: Bounds) -> bytes:
    """The content of a part that is read whole; a file name makes it no file."""
    if part.file is None:
        return bytes(part.content)
    if (part.file.size or 0) > bounds.field_limit_bytes:
        raise too_large(bounds.field_limit_bytes)
    return await part.file.read()


async def _chunks(part: RawPart) -> AsyncIterator[bytes]:
    file = part.file
    while file is not None and (chunk := await file.read(CHUNK_BYTES)):
        yield chunk


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
