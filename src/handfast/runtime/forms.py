"""Forms: texts by name as an object, each property by its schema and encoding.

The fields of `application/x-www-form-urlencoded` and the parts of `multipart/form-data` are read alike, but
for what a part says of its own type. An empty form is `{}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from handfast.mediatypes import kind_of, listed
from handfast.runtime import deep
from handfast.runtime.contract import Encoding
from handfast.runtime.errors import Violation
from handfast.runtime.jsontext import parse_json
from handfast.runtime.readings import MalformedText, Reader, parse_pairs, percent_decode
from handfast.validation.pointers import pointer

MOST_FIELDS: Final = 1000
_DELIMITERS: Final = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
_PLAIN: Final = Encoding()


class Field(str):
    """The text of a part, and the media type that the part says it has, or that its encoding demands."""

    __slots__ = ("content_type",)
    content_type: str

    def __new__(cls, text: str, content_type: str) -> Field:
        """Keep both."""
        made = super().__new__(cls, text)
        made.content_type = content_type
        return made


class FormReader:
    """Reads the forms of one schema."""

    def __init__(self, reader: Reader, encoding: Mapping[str, Encoding]) -> None:
        """Read by the schema of `reader`."""
        self.reader = reader
        self._encoding = encoding

    def read(self, content: bytes, out: list[Violation], place: str = "") -> object:
        """Return an urlencoded form as an object; None where `out` says why there is none."""
        if content.count(b"&") >= MOST_FIELDS:
            out.append(Violation("body", place, "syntax", f"must have at most {MOST_FIELDS} fields"))
            return None
        try:
            pairs = parse_pairs(content)
            texts = {name: [self._text(name, one) for one in raw] for name, raw in pairs.items()}
        except MalformedText as error:
            out.append(Violation("body", place, "encoding", f"cannot be decoded: {error}"))
            return None
        return self.fields(texts, out, place)

    def _text(self, name: str, raw: str) -> str:
        """A decoded field, which has the type that its encoding names (OpenAPI 3.2, 4.15.1)."""
        text, types = percent_decode(raw, plus=True), listed(self._encoding.get(name, _PLAIN).content_type)
        return Field(text, types[0].essence) if types else text

    def fields(
        self, texts: Mapping[str, list[str]], out: list[Violation], place: str = ""
    ) -> dict[str, object] | None:
        """Return the object that `texts` say; None where `out` says why there is none."""
        before = len(out)
        found: dict[str, object] = {}
        nested: set[str] = set()
        for key, values in texts.items():
            name, inner = deep.split(key)
            if inner and key not in self.reader.properties and name in self.reader.properties:
                nested.add(name)
            else:
                found[key] = self._value(key, values, out, place)
        for name in nested:
            try:
                tree = deep.tree_of(texts, name)
                found.setdefault(name, deep.value_of(tree, self.reader.property(name), str))
            except deep.Repeated:
                what = "each property must be given once"
                out.append(Violation("body", place + pointer([name]), "style", what))
        return found if len(out) == before else None

    def _value(self, name: str, texts: list[str], out: list[Violation], place: str) -> object:
        reader = self.reader.property(name)
        if "array" in reader.types and (len(texts) > 1 or reader.lists or "string" not in reader.types):
            encoding = self._encoding.get(name, _PLAIN)
            style = encoding.style or "form"
            explode = style == "form" if encoding.explode is None else encoding.explode
            if len(texts) == 1 and not explode:
                texts = texts[0].split(_DELIMITERS.get(style, ","))
            return _first_valid(reader, self._lists(reader, texts))
        if len(texts) > 1:
            if name not in self.reader.properties:
                return texts
            out.append(Violation("body", place + pointer([name]), "style", "must be given once"))
            return None
        if "object" in reader.types:
            return _first_valid(reader, _structured(texts[0], reader))
        return _scalar(reader, texts[0])

    def _lists(self, reader: Reader, texts: list[str]) -> Iterable[object]:
        item = reader.item
        if item.only_scalar:
            yield [_scalar(item, text) for text in texts]
        else:
            yield [_first_valid(item, _structured(text, item)) for text in texts]
        if len(texts) == 1:
            yield from _structured(texts[0], reader)
            if texts == [""]:
                yield []


def is_form(text: str) -> bool:
    """Whether a part says that it holds a form of its own."""
    return isinstance(text, Field) and kind_of(text.content_type) == "form"


def _scalar(reader: Reader, text: str) -> object:
    """A text, or the JSON in a part that is JSON; what is no JSON there is the text that it looks like."""
    if not isinstance(text, Field) or kind_of(text.content_type) != "json":
        return reader.scalar(str(text))
    return _first_valid(reader, _structured(text, reader))


def _structured(text: str, reader: Reader) -> Iterable[object]:
    """As the part says by its Content-Type; else JSON, as a part with an object is by default, or plain."""
    if is_form(text):
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


def _repeated(reader: Reader, texts: list[str]) -> Iterable[object]:
    if "array" in reader.types:
        yield [reader.item.scalar(text) for text in texts]
    if len(texts) == 1:
        yield reader.scalar(texts[0])
    yield texts


def _first_valid(reader: Reader, candidates: Iterable[object]) -> object:
    tried = list(candidates)
    return next((value for value in tried if reader.check.is_valid(value)), tried[0])
