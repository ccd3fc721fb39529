"""Multipart bodies (RFC 7578), parsed by Starlette and python-multipart within bounds.

python-multipart bounds the boundary, the headers of a part and their size; Starlette the number of parts
and the size of a field, and keeps files on disk. Added here: one limit for files and fields together, no
part in an encoding of its own, and no field that is not text.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from handfast.runtime.admission import too_large

MOST_PARTS: Final = 1000
_PLAIN: Final = frozenset((b"7bit", b"8bit", b"binary"))


class MalformedMultipart(ValueError):
    """A body is no multipart that this service takes; the message says why and quotes nothing of it."""


class Field(str):
    """The text of a part, and the media type that the part says it has."""

    __slots__ = ("content_type",)
    content_type: str

    def __new__(cls, text: str, content_type: str) -> Field:
        """Keep both."""
        made = super().__new__(cls, text)
        made.content_type = content_type
        return made


class _Parser(MultiPartParser):
    @property
    def _charset(self) -> str:
        """What names and fields are decoded by, whatever the header says: a codec may take hours."""
        return "utf-8"

    @_charset.setter
    def _charset(self, value: str) -> None:
        pass

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._current_part
        if part.file is None and len(part.data) + end - start > self.max_part_size:
            raise too_large(self.max_part_size)
        super().on_part_data(data, start, end)

    def on_part_end(self) -> None:
        part = self._current_part
        if part.file is None:
            try:
                part.data.decode("utf-8")
            except UnicodeDecodeError:
                raise MultiPartException("a field is not UTF-8") from None  # Starlette would guess Latin-1
        super().on_part_end()
        if part.file is None:
            sent = next((value for name, value in part.item_headers if name == b"content-type"), b"")
            name, text = self.items[-1]
            essence = sent.decode("latin-1").partition(";")[0].strip().lower()
            self.items[-1] = (name, Field(str(text), essence))

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        if self._current_files + self._current_fields > MOST_PARTS:
            raise MultiPartException(f"at most {MOST_PARTS} parts")
        for name, value in self._current_part.item_headers:
            if name == b"content-transfer-encoding" and value.strip().lower() not in _PLAIN:
                raise MultiPartException("no part may have a transfer encoding (RFC 7578, 4.7)")


async def parse_multipart(request: Request, *, field_limit_bytes: int) -> FormData:
    """Return the parts of `request`; files among them must be closed.

    Raises `MalformedMultipart`, `ContentTooLarge` for a field over the limit, and whatever reading the body
    raises; then no file is left open.
    """
    parser = _Parser(
        request.headers,
        request.stream(),
        max_files=MOST_PARTS,
        max_fields=MOST_PARTS,
        max_part_size=field_limit_bytes,
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise MalformedMultipart(error.message) from None


__all__ = ["Field", "MalformedMultipart", "parse_multipart"]
