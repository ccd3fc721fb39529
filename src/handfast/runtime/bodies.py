"""Request bodies: chosen by Content-Type, decoded, checked.

Files stay on disk or in the stream. What is read whole has a limit of its own, for a value takes many times
the memory of its text.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from handfast.mediatypes import MediaType
from handfast.runtime.admission import too_large
from handfast.runtime.content import BROKEN, UTF_8, ContentReader
from handfast.runtime.contract import Body, Media
from handfast.runtime.errors import UnsupportedMediaType, Violation
from handfast.runtime.items import PartItems, RawItems, TextItems
from handfast.runtime.multipart import Bounds, MalformedMultipart
from handfast.runtime.parts import OrderedParts, Source, reader_of
from handfast.runtime.results import Upload
from handfast.runtime.schemas import Check, View

MOST_KNOWN_TYPES: Final = 256
_EMPTY_IS_NONE: Final = frozenset(("json", "xml", "yaml"))
"""Kinds of which no text at all is no document."""


@dataclass(slots=True)
class Decoded:
    """A body as the handler takes it, and what must be closed after the request."""

    value: object = None
    files: list[UploadFile] = field(default_factory=list)
    items: RawItems | None = None
    """The value, where it is a stream of items that are still to be read."""


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
        self._known: dict[bytes, tuple[_MediaDecoder, MediaType]] = {}

    async def decode(self, request: Request, out: list[Violation]) -> Decoded:
        """Return the body; what is wrong with it is added to `out`.

        Raises `UnsupportedMediaType` for a Content-Type that the contract does not name, and for a body
        without one.
        """
        header = _content_type(request)
        if header is None:
            if await _any(request):
                raise UnsupportedMediaType("The body has no Content-Type.", headers={"Accept": self._accept})
            return self._missing(out)
        decoder, media_type = self._known.get(header) or self._choose(header)
        decoded = await decoder.decode(request, media_type, out)
        return self._missing(out) if decoded is None else decoded

    def _choose(self, header: bytes) -> tuple[_MediaDecoder, MediaType]:
        sent = MediaType.parse(header.decode("latin-1"))
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
        self._content = ContentReader.of(media, view)
        self._parts = reader_of(media, view) if media.kind in ("multipart", "parts") else None
        self._limit_bytes = document_limit_bytes

    async def decode(self, request: Request, media_type: MediaType, out: list[Violation]) -> Decoded | None:
        match self._kind:
            case "multipart" | "parts":
                return await self._multipart(request, media_type, out)
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
        content = await self._whole(request)
        if not content and self._kind in _EMPTY_IS_NONE:
            return None
        return Decoded(self._content.checked(self._kind, content, media_type, out))

    async def _whole(self, request: Request) -> bytes:
        """The whole body, which must be small enough to be one value in memory."""
        chunks = []
        length = 0
        more = True
        receive = request.receive if not request._stream_consumed else _again(request)
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            length += len(chunk)
            if length > self._limit_bytes:
                raise too_large(self._limit_bytes)
            chunks.append(chunk)
            more = message.get("more_body", False)
        return b"".join(chunks)

    def _checked(self, value: object, out: list[Violation]) -> None:
        if self._check is not None and not self._check.is_valid(value):
            out += self._check.violations(value, "body")

    async def _items(self, request: Request) -> Decoded:
        """A stream of items, which checks each of them; a list of them where the contract has a list."""
        kind = MediaType.parse(self._type).essence
        if self._of_items:
            items = TextItems(request.stream(), kind, self._check, self._limit_bytes)
            return Decoded(items, items=items)
        content = await self._whole(request)
        return Decoded([item async for item in TextItems(_once(content), kind, None, self._limit_bytes)])

    async def _multipart(
        self, request: Request, media_type: MediaType, out: list[Violation]
    ) -> Decoded | None:
        """Parts, whose files are closed with the request; or at once, where reading them comes to nothing."""
        if self._kind == "multipart" and media_type.parameters.get("charset", "utf-8").lower() not in UTF_8:
            raise UnsupportedMediaType("A multipart form must be UTF-8 (RFC 7578, 4.6).")
        parts = self._parts
        assert parts is not None  # noqa: S101 - such a media type has them
        bounds = Bounds(self._limit_bytes)
        chunks, some = await _begun(request.stream())
        source = Source(chunks, request.headers["content-type"], bounds)
        if self._kind == "parts" and not some:
            return None
        if isinstance(parts, OrderedParts) and self._of_items:
            items = PartItems(parts, source, self._check)
            return Decoded(items, bounds.files, items)
        try:
            pair = await parts.read(source, out)
        except MalformedMultipart as error:
            out.append(Violation("body", "", "syntax", f"must be multipart (RFC 2046): {error}"))
            return Decoded(files=bounds.files)
        except BaseException:  # a cancelled request must close its files too
            for file in bounds.files:
                await file.close()
            raise
        if pair.plain is BROKEN:
            return Decoded(files=bounds.files)
        self._checked(pair.plain, out)
        return Decoded(pair.typed, bounds.files)


def _content_type(request: Request) -> bytes | None:
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            found: bytes = value
            return found
    return None


def _again(request: Request) -> Receive:
    """What gives the message of a body that a dependency has read: the request keeps it."""

    async def receive() -> Message:
        return {"type": "http.request", "body": await request.body(), "more_body": False}

    return receive


async def _begun(chunks: AsyncIterator[bytes]) -> tuple[AsyncIterator[bytes], bool]:
    """The same chunks, and whether there is any byte in them."""
    first = b""
    async for first in chunks:
        if first:
            break

    async def all_of_them() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return all_of_them(), bool(first)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _without_empty(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if chunk:
            yield chunk


async def _any(request: Request) -> bool:
    """Whether there is a body at all."""
    async for chunk in request.stream():
        if chunk:
            return True
    return False
