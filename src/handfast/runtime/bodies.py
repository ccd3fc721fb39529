"""Request bodies: chosen by Content-Type, decoded, checked.

JSON is parsed strictly (`jsontext`). Forms follow the contract's `encoding`; an empty form is `{}`. Files
stay on disk or in the stream, and the schema sees an empty string in their place. What is read whole has a
limit of its own, for a value takes many times the memory of its text.
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from handfast.runtime import deep, xmltext
from handfast.runtime.admission import too_large
from handfast.runtime.contract import Body, Media
from handfast.runtime.errors import UnsupportedMediaType, Violation
from handfast.runtime.items import RawItems
from handfast.runtime.jsontext import MalformedJson, parse_json
from handfast.runtime.multipart import Field, MalformedMultipart, parse_multipart
from handfast.runtime.readings import MalformedText, Reader, parse_pairs, percent_decode
from handfast.runtime.results import CHUNK_BYTES, Upload
from handfast.runtime.schemas import Check, View
from handfast.validation.pointers import pointer

MOST_FIELDS: Final = 1000
MOST_KNOWN_TYPES: Final = 256
_FILE_IN_SCHEMA = ""
_UTF_8: Final = frozenset(("utf-8", "utf8", "us-ascii"))
_NO_CHARSETS: Final = frozenset(
    ("idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf-7")
)
"""Codecs of Python that are slow on purpose-made input, or that nobody means by a charset."""


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


@dataclass(slots=True)
class Decoded:
    """A body as the handler takes it, and what must be closed after the request."""

    value: object = None
    files: list[UploadFile] = field(default_factory=list)


class BodyDecoder:
    """Decodes the body of one operation; built once, when the service starts."""

    def __init__(self, body: Body, view: View, *, document_limit_bytes: int) -> None:
        """Prepare a decoder for each media type; exact types are tried before ranges."""
        self._required = body.required
        self._accept = ", ".join(media.type for media in body.media)
        ranked = sorted(body.media, key=lambda media: media.type.count("*"))
        self._media = [
            (MediaType.parse(media.type), _MediaDecoder(media, view, document_limit_bytes))
            for media in ranked
        ]
        self._known: dict[str, tuple[_MediaDecoder, MediaType]] = {}

    async def decode(self, request: Request, out: list[Violation]) -> Decoded:
        """Return the body; what is wrong with it is added to `out`.

        Raises `UnsupportedMediaType` for a Content-Type that the contract does not name, and for a body
        without one.
        """
        header = request.headers.get("content-type")
        if header is None:
            if await _any(request):
                raise UnsupportedMediaType("The body has no Content-Type.", headers={"Accept": self._accept})
            return self._missing(out)
        decoder, media_type = self._known.get(header) or self._choose(header)
        decoded = await decoder.decode(request, media_type, out)
        return self._missing(out) if decoded is None else decoded

    def _choose(self, header: str) -> tuple[_MediaDecoder, MediaType]:
        sent = MediaType.parse(header)
        for declared, decoder in self._media:
            if declared.covers(sent):
                if len(self._known) < MOST_KNOWN_TYPES:  # boundaries make multipart headers endless
                    self._known[header] = (decoder, sent)
                return decoder, sent
        raise UnsupportedMediaType(
            f"This operation takes a body of the type {self._accept}.", headers={"Accept": self._accept}
        )

    def _missing(self, out: list[Violation]) -> Decoded:
        if self._required:
            out.append(Violation("body", "", "required", "a body is required"))
        return Decoded()


class _MediaDecoder:
    """Decodes one media type; None means that there was no body at all."""

    def __init__(self, media: Media, view: View, document_limit_bytes: int) -> None:
        self._kind = media.kind
        self._type = media.type
        self._of_items = media.of_items
        self._check: Check | None = None if media.schema is None else view.named(media.schema)
        self._reader = Reader(view, view.schema(media.schema), view.named(media.schema))
        self._encoding = media.encoding
        self._limit_bytes = document_limit_bytes
        self._view = view

    async def decode(self, request: Request, media_type: MediaType, out: list[Violation]) -> Decoded | None:
        match self._kind:
            case "json":
                return self._json(await self._whole(request), media_type, out)
            case "form":
                return self._form(await self._whole(request), out)
            case "multipart":
                return await self._multipart(request, media_type, out)
            case "xml":
                return self._xml(await self._whole(request), out)
            case "yaml":
                return self._yaml(await self._whole(request), out)
            case "text":
                return self._text(await self._whole(request), media_type, out)
            case "jsonl" | "sse":
                decoded = await self._items(request)
                if not self._of_items:
                    self._checked(decoded.value, out)
                return decoded
            case "binary":
                length = request.headers.get("content-length")
                return Decoded(
                    Upload(
                        _without_empty(request.stream()),
                        content_type=request.headers["content-type"],
                        size=int(length) if length else None,
                    )
                )

    async def _whole(self, request: Request) -> bytes:
        """The whole body, which must be small enough to be one value in memory."""
        length = 0
        chunks = []
        async for chunk in request.stream():
            length += len(chunk)
            if length > self._limit_bytes:
                raise too_large(self._limit_bytes)
            chunks.append(chunk)
        return b"".join(chunks)

    def _checked(self, value: object, out: list[Violation], prefix: str = "") -> None:
        if self._check is not None and not self._check.is_valid(value):
            out += self._check.violations(value, "body", prefix)

    def _json(self, content: bytes, media_type: MediaType, out: list[Violation]) -> Decoded | None:
        if not content:
            return None
        charset = media_type.parameters.get("charset", "utf-8").lower()
        if charset not in _UTF_8:
            raise UnsupportedMediaType("JSON must be UTF-8 (RFC 8259).")
        try:
            value = parse_json(content)
        except MalformedJson as error:
            out.append(Violation("body", "", "syntax", f"must be JSON (RFC 8259): {error}"))
            return Decoded()
        self._checked(value, out)
        return Decoded(value)

    async def _items(self, request: Request) -> Decoded:
        """A stream of items, which checks each of them; a list of them where the contract has a list."""
        kind = MediaType.parse(self._type).essence
        if self._of_items:
            return Decoded(RawItems(request.stream(), kind, self._check, self._limit_bytes))
        content = await self._whole(request)
        return Decoded([item async for item in RawItems(_once(content), kind, None, self._limit_bytes)])

    def _xml(self, content: bytes, out: list[Violation]) -> Decoded | None:
        if not content:
            return None
        try:
            value = xmltext.decode(content, self._reader)
        except xmltext.MalformedXml as error:
            out.append(Violation("body", "", "syntax", f"must be XML (XML 1.0): {error}"))
            return Decoded()
        self._checked(value, out)
        return Decoded(value)

    def _yaml(self, content: bytes, out: list[Violation]) -> Decoded | None:
        from handfast.runtime import yamltext  # most services take no YAML

        if not content:
            return None
        try:
            value = yamltext.parse(content)
        except yamltext.MalformedYaml as error:
            out.append(Violation("body", "", "syntax", f"must be YAML (YAML 1.2, 10.3): {error}"))
            return Decoded()
        self._checked(value, out)
        return Decoded(value)

    def _text(self, content: bytes, media_type: MediaType, out: list[Violation]) -> Decoded | None:
        try:
            text = _decoded(content, media_type.parameters.get("charset", "utf-8"))
        except LookupError:
            raise UnsupportedMediaType("The charset is not known.") from None
        except UnicodeDecodeError:
            out.append(Violation("body", "", "encoding", "must be text in the charset of its Content-Type"))
            return Decoded()
        value = self._reader.scalar(text)
        self._checked(value, out)
        return Decoded(value)

    def _form(self, content: bytes, out: list[Violation]) -> Decoded | None:
        if content.count(b"&") >= MOST_FIELDS:
            out.append(Violation("body", "", "syntax", f"must have at most {MOST_FIELDS} fields"))
            return Decoded()
        try:
            pairs = parse_pairs(content)
            texts = {name: [percent_decode(one, plus=True) for one in raw] for name, raw in pairs.items()}
        except MalformedText as error:
            out.append(Violation("body", "", "encoding", f"cannot be decoded: {error}"))
            return Decoded()
        value = self._object(texts, out)
        if value is not None:
            self._checked(value, out)
        return Decoded(value)

    async def _multipart(
        self, request: Request, media_type: MediaType, out: list[Violation]
    ) -> Decoded | None:
        if media_type.parameters.get("charset", "utf-8").lower() not in _UTF_8:
            raise UnsupportedMediaType("A multipart form must be UTF-8 (RFC 7578, 4.6).")
        if not _has_boundary(request):
            out.append(Violation("body", "", "syntax", "must be multipart with a boundary"))
            return Decoded()
        try:
            form = await parse_multipart(request, field_limit_bytes=self._limit_bytes)
        except MalformedMultipart as error:
            out.append(Violation("body", "", "syntax", f"must be multipart (RFC 7578): {error}"))
            return Decoded()
        files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        decoded = Decoded(files=files)
        texts: dict[str, list[str]] = {}
        uploads: dict[str, list[Upload]] = {}
        for name, part in form.multi_items():
            self._declared_type(name, getattr(part, "content_type", None), out)
            if isinstance(part, str):
                texts.setdefault(name, []).append(part if _is_form(part) else str(part))
            elif self._is_file(name):
                uploads.setdefault(name, []).append(_upload(part))
            else:
                if (part.size or 0) > self._limit_bytes:  # a file name makes it no file
                    raise too_large(self._limit_bytes)
                try:
                    text = (await part.read()).decode()
                except UnicodeDecodeError:
                    out.append(Violation("body", pointer([name]), "encoding", "must be UTF-8"))
                else:
                    texts.setdefault(name, []).append(text)
        for name in texts:
            if self._is_file(name) and name in self._reader.properties:
                out.append(Violation("body", pointer([name]), "type", "must be a file"))
        plain = self._object(texts, out)
        if plain is None or out:
            return decoded
        typed = dict(plain)
        for name, group in uploads.items():
            listed = len(group) > 1 if name not in self._reader.properties else self._takes_files(name)
            plain[name] = [_FILE_IN_SCHEMA for _ in group] if listed else _FILE_IN_SCHEMA
            typed[name] = group if listed else group[0]
            if not listed and len(group) > 1:
                out.append(Violation("body", pointer([name]), "style", "must be given once"))
        self._checked(plain, out)
        decoded.value = typed
        return decoded

    def _declared_type(self, name: str, sent: str | None, out: list[Violation]) -> None:
        """Hold the Content-Type that a part states against the one that `encoding` demands of it."""
        wanted = self._encoding.get(name, {}).get("contentType")
        if not sent or not isinstance(wanted, str):
            return
        part = MediaType.parse(sent)
        if not any(MediaType.parse(one).covers(part) for one in wanted.split(",")):
            out.append(Violation("body", pointer([name]), "contentType", f"must be of the type {wanted}"))

    def _takes_files(self, name: str) -> bool:
        """Whether the property is a list of files."""
        return "array" in self._reader.property(name).types and not _is_binary(self._view, self._reader, name)

    def _is_file(self, name: str) -> bool:
        """Whether the property takes a file, or files."""
        if name not in self._reader.properties:
            return True  # nothing is said of it: a part that says it is a file is one
        return _is_binary(self._view, self._reader, name) or _is_binary(
            self._view, self._reader.property(name), None
        )

    def _object(self, texts: Mapping[str, list[str]], out: list[Violation]) -> dict[str, object] | None:
        """Read a form's texts as an object, each property by its schema and encoding."""
        before = len(out)
        found: dict[str, object] = {}
        nested: set[str] = set()
        for key, values in texts.items():
            name, inner = deep.split(key)
            if inner and key not in self._reader.properties and name in self._reader.properties:
                nested.add(name)
            else:
                found[key] = self._value(key, values, out)
        for name in nested:
            try:
                tree = deep.tree_of(texts, name)
                found.setdefault(name, deep.value_of(tree, self._reader.property(name), str))
            except deep.Repeated:
                out.append(Violation("body", pointer([name]), "style", "each property must be given once"))
        return found if len(out) == before else None

    def _value(self, name: str, texts: list[str], out: list[Violation]) -> object:
        reader = self._reader.property(name)
        if "array" in reader.types and (len(texts) > 1 or reader.lists or "string" not in reader.types):
            encoding = self._encoding.get(name, {})
            style = str(encoding.get("style", "form"))
            if len(texts) == 1 and not encoding.get("explode", style == "form"):
                texts = texts[0].split(_DELIMITERS.get(style, ","))
            return _first_valid(reader, self._lists(reader, texts))
        if len(texts) > 1:
            if name not in self._reader.properties:
                return texts
            out.append(Violation("body", pointer([name]), "style", "must be given once"))
            return None
        if "object" in reader.types:
            return _first_valid(reader, _structured(texts[0], reader))
        return reader.scalar(str(texts[0]))

    def _lists(self, reader: Reader, texts: list[str]) -> Iterable[object]:
        item = reader.item
        if item.only_scalar:
            yield [item.scalar(text) for text in texts]
        else:
            yield [_first_valid(item, _structured(text, item)) for text in texts]
        if len(texts) == 1:
            yield from _structured(texts[0], reader)
            if texts == [""]:
                yield []


_DELIMITERS: Final = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


def document_decoder(media: Media, view: View) -> Callable[[bytes, list[Violation]], object]:
    """Return what reads a whole document of a media type outside a body: JSON, a form, else a text."""
    decoder, media_type = _MediaDecoder(media, view, 0), MediaType.parse(media.type)

    def decode(content: bytes, out: list[Violation]) -> object:
        if media.kind == "form":
            found = decoder._form(content, out)
        elif media.kind == "json":
            found = decoder._json(content, media_type, out)
        else:
            found = decoder._text(content, media_type, out)
        return None if found is None else found.value

    return decode


def _structured(text: str, reader: Reader) -> Iterable[object]:
    """As the part says by its Content-Type; else JSON, as a part with an object is by default, or plain."""
    if _is_form(text):
        with suppress(MalformedText):
            pairs = parse_pairs(text.encode())
            yield {
                name: _first_valid(
                    reader.property(name),
                    _repeated(reader.property(name), [percent_decode(one, plus=True) for one in values]),
                )
                for name, values in pairs.items()
            }
    with suppress(ValueError):
        yield parse_json(text.encode())
    yield reader.scalar(str(text))


def _is_form(text: str) -> bool:
    """Whether a part says that it holds a form of its own."""
    return isinstance(text, Field) and text.content_type == "application/x-www-form-urlencoded"


def _repeated(reader: Reader, texts: list[str]) -> Iterable[object]:
    if "array" in reader.types:
        yield [reader.item.scalar(text) for text in texts]
    if len(texts) == 1:
        yield reader.scalar(texts[0])
    yield texts


def _first_valid(reader: Reader, candidates: Iterable[object]) -> object:
    tried = list(candidates)
    return next((value for value in tried if reader.check.is_valid(value)), tried[0])


def _is_binary(view: View, reader: Reader, name: str | None) -> bool:
    schema = (reader.property(name) if name is not None else reader.item).schema
    for one in view.resolve(schema):
        if one.get("format") == "binary" or ("contentMediaType" in one and "contentEncoding" not in one):
            return True
    return False


def _upload(part: UploadFile) -> Upload:
    return Upload(
        _chunks(part),
        filename=part.filename,
        content_type=part.content_type or "application/octet-stream",
        size=part.size,
    )


async def _chunks(part: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await part.read(CHUNK_BYTES):
        yield chunk


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _without_empty(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if chunk:
            yield chunk


def _has_boundary(request: Request) -> bool:
    return bool(MediaType.parse(request.headers["content-type"]).parameters.get("boundary"))


async def _any(request: Request) -> bool:
    """Whether there is a body at all."""
    async for chunk in request.stream():
        if chunk:
            return True
    return False


def _decoded(content: bytes, charset: str) -> str:
    """Decode `content`; raises LookupError for what Python has a codec for but is no charset of text."""
    name = codecs.lookup(charset).name
    if name in _NO_CHARSETS:
        raise LookupError(charset)
    return content.decode(name)
