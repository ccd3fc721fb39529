"""The bytes of a media type as a JSON value: what bodies, parts, query strings and answers have in common."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from typing import Final

from handfast.mediatypes import MediaKind, MediaType
from handfast.runtime import xmltext
from handfast.runtime.contract import Encoding, Media
from handfast.runtime.errors import UnsupportedMediaType, Violation
from handfast.runtime.forms import FormReader
from handfast.runtime.jsontext import MalformedJson, parse_json
from handfast.runtime.readings import Reader
from handfast.runtime.schemas import View

UTF_8: Final = frozenset(("utf-8", "utf8", "us-ascii"))
BROKEN: Final = object()
"""What cannot be read; violations say why."""
_NO_CHARSETS: Final = frozenset(
    ("idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf-7")
)
"""Codecs of Python that are slow on purpose-made input, or that nobody means by a charset."""


class ContentReader:
    """Reads the documents of one schema, whole in memory."""

    def __init__(self, reader: Reader, encoding: Mapping[str, Encoding] | None = None) -> None:
        """Read by the schema of `reader`; `encoding` is that of a form's fields."""
        self.reader = reader
        self.form = FormReader(reader, encoding or {})

    @classmethod
    def of(cls, media: Media, view: View) -> ContentReader:
        """The reader of a media type's documents."""
        return cls(Reader(view, view.schema(media.schema), view.named(media.schema)), media.encoding)

    def read(
        self, kind: MediaKind, content: bytes, media_type: MediaType, out: list[Violation], place: str = ""
    ) -> object:
        """Return the value, which has not been checked yet, or `BROKEN`, and add to `out` why.

        Raises `UnsupportedMediaType` for a charset that is not known, or not allowed there.
        """
        match kind:
            case "json":
                return self._json(content, media_type, out, place)
            case "form":
                return self.form.read(content, out, place)
            case "xml":
                return self._xml(content, out, place)
            case "yaml":
                return self._yaml(content, out, place)
        text = self.text(content, media_type, out, place)
        return self.reader.scalar(text) if isinstance(text, str) else text

    def checked(self, kind: MediaKind, content: bytes, media_type: MediaType, out: list[Violation]) -> object:
        """As `read`, and held against the schema; None where `out` says what is wrong."""
        before = len(out)
        value = self.read(kind, content, media_type, out)
        if len(out) > before:
            return None
        if not self.reader.check.is_valid(value):
            out += self.reader.check.violations(value, "body")
        return value

    def text(self, content: bytes, media_type: MediaType, out: list[Violation], place: str = "") -> object:
        """Return the text as such, or `BROKEN`; raises as `read` does."""
        try:
            return _decoded(content, media_type.parameters.get("charset", "utf-8"))
        except LookupError:
            raise UnsupportedMediaType("The charset is not known.") from None
        except UnicodeDecodeError:
            return _broken(out, place, "encoding", "must be text in the charset of its Content-Type")

    def _json(self, content: bytes, media_type: MediaType, out: list[Violation], place: str) -> object:
        if media_type.parameters.get("charset", "utf-8").lower() not in UTF_8:
            raise UnsupportedMediaType("JSON must be UTF-8 (RFC 8259).")
        try:
            return parse_json(content)
        except MalformedJson as error:
            return _broken(out, place, "syntax", f"must be JSON (RFC 8259): {error}")

    def _xml(self, content: bytes, out: list[Violation], place: str) -> object:
        try:
            return xmltext.decode(content, self.reader)
        except xmltext.MalformedXml as error:
            return _broken(out, place, "syntax", f"must be XML (XML 1.0): {error}")

    def _yaml(self, content: bytes, out: list[Violation], place: str) -> object:
        from handfast.runtime import yamltext  # most services take no YAML

        try:
            return yamltext.parse(content)
        except yamltext.MalformedYaml as error:
            return _broken(out, place, "syntax", f"must be YAML (YAML 1.2, 10.3): {error}")


def part_kind(kind: MediaKind, reader: Reader) -> MediaKind:
    """How a part is read by its schema: XML and YAML of which the schema asks a text are that very text."""
    whole = kind in ("xml", "yaml") and reader.only_scalar and "string" in reader.types
    return "text" if whole else kind


def document_reader(media: Media, view: View) -> Callable[[bytes, list[Violation]], object]:
    """Return what reads a whole document of a media type outside a body: JSON, a form, else a text.

    Of JSON nothing at all is no document, and None.
    """
    reader, media_type = ContentReader.of(media, view), MediaType.parse(media.type)
    kind: MediaKind = media.kind if media.kind in ("json", "form") else "text"

    def read(content: bytes, out: list[Violation]) -> object:
        return reader.checked(kind, content, media_type, out) if content or kind != "json" else None

    return read


def _broken(out: list[Violation], place: str, keyword: str, message: str) -> object:
    out.append(Violation("body", place, keyword, message))
    return BROKEN


def _decoded(content: bytes, charset: str) -> str:
    """Decode `content`; raises LookupError for what Python has a codec for but is no charset of text."""
    name = codecs.lookup(charset).name
    if name in _NO_CHARSETS:
        raise LookupError(charset)
    return content.decode(name)
