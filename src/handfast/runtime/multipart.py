"""The parts of a multipart body (RFC 2046, 5.1; RFC 7578), one after the other and within bounds.

python-multipart finds the parts; it bounds the boundary, the headers of a part and their size. Added here:
one limit for all parts together, those of parts inside of parts too; one for a part that is kept in memory,
while files are kept on disk; text before the first boundary, which is a comment; and no end without the
closing boundary, for what comes without it has been cut.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers, UploadFile

from handfast.runtime.admission import too_large

MOST_PARTS: Final = 1000
_SPOOLED_BYTES: Final = 1024 * 1024
"""What a file may have before it goes to disk."""


class MalformedMultipart(ValueError):
    """A body is no multipart that this service takes; the message says why and quotes nothing of it."""


@dataclass(slots=True)
class Bounds:
    """What may still come of one request body, and the files that were opened for it.

    Whoever makes one closes the files, however reading ends.
    """

    field_limit_bytes: int
    """What a part that is no file may have."""
    parts_left: int = MOST_PARTS
    files: list[UploadFile] = field(default_factory=list)


@dataclass(slots=True)
class RawPart:
    """One part: its headers, and its content in memory or in a file."""

    headers: Headers
    name: str | None = None
    """What `Content-Disposition` calls it."""
    filename: str | None = None
    content: bytearray = field(default_factory=bytearray)
    file: UploadFile | None = None

    @property
    def content_type(self) -> str:
        """The media type that it says it has; empty where it says none."""
        return self.headers.get("content-type", "")


IsFile = Callable[[RawPart], bool]
"""Says of a part whose headers are known, in the order of parts, whether its content goes to a file."""


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary that a Content-Type names; None where it names none."""
    try:
        return parse_options_header(content_type)[1].get(b"boundary") or None
    except UnicodeEncodeError:  # no boundary is beyond Latin-1
        return None


async def read_parts(
    chunks: AsyncIterator[bytes], boundary: bytes, bounds: Bounds, is_file: IsFile
) -> AsyncIterator[RawPart]:
    """Yield the parts that `chunks` hold, each when it is complete; nothing at all is no part.

    Raises `MalformedMultipart`, `ContentTooLarge` for a part over the limit, and whatever reading the body
    raises.
    """
    try:
        parser = _Parser(boundary, bounds, is_file)
        async for chunk in _from_first_boundary(chunks, b"--" + boundary):
            for part in await parser.feed(chunk):
                yield part
        parser.finish()
    except FormParserError:
        raise MalformedMultipart("its parts or their headers cannot be told apart") from None


class _Parser:
    """Takes the calls of python-multipart and makes parts of them."""

    def __init__(self, boundary: bytes, bounds: Bounds, is_file: IsFile) -> None:
        self._bounds = bounds
        self._is_file = is_file
        self._headers: list[tuple[bytes, bytes]] = []
        self._name = b""
        self._value = b""
        self._part = RawPart(Headers())
        self._to_write: list[tuple[UploadFile, bytes]] = []
        self._done: list[RawPart] = []
        self._fed = False
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_begin,
                "on_header_field": self._on_name,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part,
                "on_end": self._on_end,
            },
        )

    async def feed(self, chunk: bytes) -> list[RawPart]:
        """Return the parts that `chunk` completes."""
        self._fed = True
        self._parser.write(chunk)
        for file, data in self._to_write:
            await file.write(data)
        done, self._done = self._done, []
        self._to_write.clear()
        for part in done:
            if part.file is not None:
                await part.file.seek(0)
        return done

    def finish(self) -> None:
        """Raise `MalformedMultipart` where the closing boundary has not come."""
        if self._fed and not self._ended:
            raise MalformedMultipart("its closing boundary is missing")

    def _on_begin(self) -> None:
        self._bounds.parts_left -= 1
        if self._bounds.parts_left < 0:
            raise MalformedMultipart(f"at most {MOST_PARTS} parts")
        self._headers = []

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers.append((self._name.lower(), self._value))
        self._name = self._value = b""

    def _on_headers(self) -> None:
        headers = Headers(raw=self._headers)
        said = next((value for name, value in self._headers if name == b"content-disposition"), None)
        options = parse_options_header(said)[1]
        self._part = RawPart(headers, _text(options.get(b"name")), _text(options.get(b"filename")))
        if self._is_file(self._part):
            spooled: Any = SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115 (whoever has the form closes it)
            file = UploadFile(spooled, size=0, filename=self._part.filename, headers=headers)
            self._bounds.files.append(file)
            self._part.file = file

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.file is not None:
            self._to_write.append((part.file, data[start:end]))
            return
        if len(part.content) + end - start > self._bounds.field_limit_bytes:
            raise too_large(self._bounds.field_limit_bytes)
        part.content += data[start:end]

    def _on_part(self) -> None:
        self._done.append(self._part)

    def _on_end(self) -> None:
        self._ended = True


async def _from_first_boundary(chunks: AsyncIterator[bytes], mark: bytes) -> AsyncIterator[bytes]:
    """Yield `chunks` from the first boundary on, which begins a line; before it are comments."""
    line = b"\r\n" + mark
    held, some, found = b"\r\n", False, False
    async for chunk in chunks:
        some = some or bool(chunk)
        if found:
            yield chunk
            continue
        held += chunk
        at = held.find(line)
        if at >= 0:
            found = True
            yield held[at + 2 :]
        else:
            held = held[1 - len(line) :]
    if some and not found:
        raise MalformedMultipart("its boundary does not come")


def _text(value: bytes | None) -> str | None:
    """A name as it is meant: UTF-8, or else what HTTP takes bytes for."""
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
