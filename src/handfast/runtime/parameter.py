"""One parameter: from its text by `style` and `explode`, checked, its default filled in.

Every style yields the possible readings of the whole value; the schema chooses (see `readings`). Where a
style has no wire form for a value, these rules hold: an empty text for an array is one empty item if the
schema admits that, else the empty array; for a schema that admits objects alone it is the empty object; a
scalar that is given twice is refused. The headers of parts are read as headers of requests are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

from handfast.runtime import deep
from handfast.runtime.contract import Parameter
from handfast.runtime.errors import InputLocation, Violation
from handfast.runtime.jsontext import MalformedJson, parse_json
from handfast.runtime.readings import SCALARS, MalformedText, Reader, percent_decode
from handfast.runtime.schemas import View
from handfast.validation.pointers import pointer

ABSENT: Final = object()
"""The parameter was not sent."""


class ParameterDecoder:
    """Decodes one parameter; built once, when the service starts."""

    def __init__(self, parameter: Parameter, view: View) -> None:
        """Prepare readers for the parameter's schema."""
        self.name = parameter.name
        self.wire = parameter.wire
        self.location: InputLocation = location_of(parameter)
        self.key = parameter.wire.lower() if parameter.location == "header" else parameter.wire
        self._pointer = pointer([parameter.wire])
        self.required = parameter.required
        self.absent = parameter.default if parameter.has_default else None
        """Its value where it was not sent."""
        self._allow_empty = parameter.allow_empty and not parameter.required
        self._style = parameter.style
        self._explode = parameter.explode
        self._json = parameter.content is not None and "json" in parameter.content
        self._plain = parameter.content is not None and not self._json
        check = view.named(parameter.schema)
        self._check = check
        self._reader = Reader(view, view.schema(parameter.schema), check)
        self.is_option = not parameter.required and (
            parameter.content is not None or self._reader.only_scalar
        )
        """Whether it is `absent` wherever nothing has its `key`; an object may be spread over other names."""
        self._is_scalar = parameter.content is None and self._reader.only_scalar
        self._is_bare = self._is_scalar and (parameter.location != "path" or parameter.style == "simple")
        """Whether a text without any encoding is read as it is."""

    def decode(
        self, source: Mapping[str, list[str]], claimed: frozenset[str], out: list[Violation]
    ) -> object:
        """Return the parameter's value, or add to `out` why there is none.

        `source` holds the location's raw texts by name, `claimed` the names of its other parameters.
        """
        texts = source.get(self.key)
        if texts is not None and self._is_bare and len(texts) == 1:
            text = texts[0]
            if "%" not in text and "+" not in text:
                scalar = self._reader.scalar(text)
                if self._check.is_valid(scalar):
                    return scalar
        try:
            if self._json:
                candidates = [] if texts is None else [self._parse(texts)]
            elif self._plain:
                candidates = [] if texts is None else [self._reader.scalar(self._text(texts[0]))]
            elif self._is_scalar:
                candidates = [] if texts is None else [self._scalar(texts)]
            else:
                candidates = list(self._candidates(texts, source, claimed))
        except MalformedText as error:
            out.append(Violation(self.location, self._pointer, "encoding", f"cannot be decoded: {error}"))
            return ABSENT
        except _Refused as refused:
            out.append(Violation(self.location, self._pointer, refused.keyword, refused.message))
            return ABSENT
        except deep.Repeated:
            out.append(Violation(self.location, self._pointer, "style", "each property must be given once"))
            return ABSENT
        if not candidates:
            if self.required:
                out.append(Violation(self.location, self._pointer, "required", "this parameter is required"))
            return self.absent
        for value in candidates:
            if self._check.is_valid(value):
                return value
        if self._allow_empty and texts == [""]:
            return self.absent  # sent instead of leaving it out (OpenAPI 3.1.1, 4.8.12.2)
        out += self._check.violations(candidates[0], self.location, self._pointer)
        return ABSENT

    # Text of one location ---------------------------------------------------------------------

    def _text(self, raw: str) -> str:
        if self.location == "query":
            return percent_decode(raw, plus=True)
        if self.location == "path":
            return percent_decode(raw)
        if self.location == "cookie" and self._style != "cookie":
            try:
                return percent_decode(raw)
            except MalformedText:
                return raw  # RFC 6265 gives `%` in a cookie no meaning
        return raw

    def _split(self, raw: str, delimiter: str) -> list[str]:
        # Most clients encode the delimiter too: a literal one divides; without any, a decoded one does.
        if delimiter in raw:
            return [
                self._text(piece).strip() if self.location == "header" else self._text(piece)
                for piece in raw.split(delimiter)
            ]
        return self._text(raw).split(delimiter)

    # Readings of one location -----------------------------------------------------------------

    def _parse(self, texts: list[str]) -> object:
        if len(texts) > 1:
            raise _Refused("style", "must be given once")
        try:
            return parse_json(self._text(texts[0]).encode())
        except MalformedJson as error:
            raise _Refused("syntax", f"must be JSON (RFC 8259): {error}") from None

    def _scalar(self, texts: list[str]) -> object:
        if len(texts) > 1:
            raise _Refused("style", "must be given once")
        raw = texts[0]
        if self.location == "path":
            raw = self._without_prefix(raw)
        return self._reader.scalar(self._text(raw))

    def _without_prefix(self, raw: str) -> str:
        """What follows the marks of the style; RFC 6570: an empty matrix value has no equals sign."""
        value: str | None = raw
        if self._style == "label":
            value = raw[1:] if raw.startswith(".") else None
        elif self._style == "matrix":
            value = self._named(raw[1:]) if raw.startswith(";") else None
        if value is None:
            raise _Refused("style", f"must be written in the style `{self._style}`")
        return value

    def _named(self, piece: str) -> str | None:
        """The value of `name=value`, where that is this parameter's name; clients may encode it."""
        name, _, value = piece.partition("=")
        return value if percent_decode(name) == self.wire else None

    def _candidates(
        self, texts: list[str] | None, source: Mapping[str, list[str]], claimed: frozenset[str]
    ) -> Iterable[object]:
        reader = self._reader
        objects = self._objects(texts, source, claimed) if "object" in reader.types else []
        if texts is None:
            return objects
        arrays = self._arrays(texts) if "array" in reader.types else []
        plain: list[object] = []
        if len(texts) == 1 and reader.types & SCALARS:
            with suppress(_Refused):
                plain = [self._scalar(texts)]
        if not (objects or arrays or plain):
            raise _Refused("style", f"must be written in the style `{self._style}`")
        if len(texts) > 1 or reader.lists:
            return [*objects, *arrays, *plain]
        if reader.properties:
            return [*objects, *plain, *arrays]
        return [*plain, *objects, *arrays]

    def _arrays(self, texts: list[str]) -> list[object]:
        item = self._reader.item
        return [[item.scalar(text) for text in pieces] for pieces in self._pieces(texts)]

    def _pieces(self, texts: list[str]) -> list[list[str]]:
        """The ways to divide `texts` into items."""
        raw = texts[0]
        style = self._style
        if self.location in ("query", "cookie"):
            if style in ("spaceDelimited", "pipeDelimited") and len(texts) == 1:
                ways = [self._split(raw, " " if style == "spaceDelimited" else "|")]
            elif self._explode or len(texts) > 1:
                ways = [[self._text(one) for one in texts]]
                if self.location == "cookie" and len(texts) == 1 and "," in raw:
                    ways.append(self._split(raw, ","))  # for clients that write a cookie once
            else:
                ways = [self._split(raw, ",")]
            return [*ways, []] if ways == [[""]] else ways
        if self.location == "header":
            return [[piece for one in texts for piece in self._split(one, ",")] if raw else []]
        if style == "matrix" and self._explode:
            before, *parts = raw.split(";")
            values = [value for part in parts if (value := self._named(part)) is not None]
            if before or not parts or len(values) < len(parts):
                return []
            return [[self._text(value) for value in values]]
        raw = self._without_prefix(raw)
        if style == "label":
            ways = [self._split(raw, ".")]
            return ways if self._explode else [self._split(raw, ","), *ways]
        return [self._split(raw, ",")]

    def _objects(
        self, texts: list[str] | None, source: Mapping[str, list[str]], claimed: frozenset[str]
    ) -> list[object]:
        if self._style == "deepObject":
            return self._deep_object(source)
        if self.location in ("query", "cookie") and self._explode and self._style in ("form", "cookie"):
            spread = self._spread_object(source, claimed)
            if spread or texts is None or self.location == "query":
                return spread  # else as a header would have it: some clients write a cookie so
        if texts is None:
            return []
        raw = ",".join(texts) if self.location == "header" else texts[0]
        return [self._object(pairs) for pairs in self._pairs(raw)]

    def _pairs(self, raw: str) -> Iterable[list[tuple[str, str]]]:
        """The ways to read an object's text as names and values; none where its style is another."""
        delimiter = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(self._style, ",")
        if self.location == "path" and self._style == "matrix" and self._explode:
            if not raw.startswith(";"):
                return
            raw, delimiter = raw[1:], ";"
        elif self.location == "path":
            raw = self._without_prefix(raw)
            delimiter = "." if self._style == "label" and self._explode else delimiter
        if not raw and self._reader.only_object:
            yield []
            return
        pieces = [piece.strip() if self.location == "header" else piece for piece in raw.split(delimiter)]
        ways: list[tuple[list[str], Callable[[str], str]]] = [(pieces, self._text)]
        if len(pieces) == 1 and (text := self._text(raw)) != raw:  # most clients encode the delimiter too
            ways.append((text.split(delimiter), str))
        divide = _equations if self._explode and self.location != "query" else _alternating
        for pieces, decode in ways:
            if (pairs := divide(pieces)) is not None:
                yield [(decode(name), decode(value)) for name, value in pairs]

    def _object(self, pairs: Iterable[tuple[str, str]]) -> object:
        return {name: self._reader.property(name).scalar(value) for name, value in pairs}

    def _deep_object(self, source: Mapping[str, list[str]]) -> list[object]:
        tree = deep.tree_of(source, self.wire)
        return [deep.value_of(tree, self._reader, self._text)] if tree else []

    def _spread_object(self, source: Mapping[str, list[str]], claimed: frozenset[str]) -> list[object]:
        reader = self._reader
        names = [
            name for name in source if name in reader.properties or (reader.open and name not in claimed)
        ]
        if not names:
            return []
        return [{name: deep.value_of(source[name], reader.property(name), self._text) for name in names}]


def location_of(parameter: Parameter) -> InputLocation:
    """Where a caller is told that the parameter stands."""
    return "query" if parameter.location == "querystring" else parameter.location


class _Refused(Exception):
    """The parameter is not written as its style demands."""

    def __init__(self, keyword: str, message: str) -> None:
        self.keyword = keyword
        self.message = message


def _alternating(pieces: list[str]) -> list[tuple[str, str]] | None:
    """`a,1,b,2` as pairs; None for an odd number of pieces."""
    return None if len(pieces) % 2 else list(zip(pieces[::2], pieces[1::2], strict=True))


def _equations(pieces: list[str]) -> list[tuple[str, str]] | None:
    """`a=1`, `b=2` as pairs; None where an equals sign is missing."""
    divided = [piece.partition("=") for piece in pieces]
    return [(name, value) for name, _, value in divided] if all(sign for _, sign, _ in divided) else None
