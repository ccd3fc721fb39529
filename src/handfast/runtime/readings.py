"""From text to JSON values: produce readings, let the schema choose.

A text on the wire may be null, a boolean, a number or a string; the first reading that the schema admits
is taken, for each item and each property too. Numbers follow the JSON grammar alone: `01`, `1_0`, ` 5`,
`NaN` and `1e400` are strings. Only the text `null` is null; an empty text is not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import unquote_to_bytes

from handfast.runtime.schemas import Check, Schema, View

ALL_TYPES = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))
SCALARS = frozenset(("null", "boolean", "integer", "number", "string"))
JsonScalar = None | bool | int | float | str

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LONGEST_INTEGER = 4000
"""Digits; Python refuses to convert more than 4300, and no schema needs them."""


class MalformedText(ValueError):
    """A text is not properly percent-encoded UTF-8."""


def percent_decode(text: str, *, plus: bool = False) -> str:
    """Decode `%XX` strictly as UTF-8, and `+` as a space where `plus` says so."""
    if plus and "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    if _BAD_PERCENT.search(text):
        raise MalformedText("a % is not followed by two hexadecimal digits")
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedText("it is not UTF-8") from None


def parse_pairs(raw: bytes) -> dict[str, list[str]]:
    """Split a query string or urlencoded form: decoded names to values that are still encoded."""
    pairs: dict[str, list[str]] = {}
    if not raw:
        return pairs
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedText("it is not UTF-8") from None
    for piece in text.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            if "%" in name or "+" in name:
                name = percent_decode(name, plus=True)
            pairs.setdefault(name, []).append(value)
    return pairs


def number(text: str) -> int | float | None:
    """Read a JSON number; a whole one is an int however it is written. None for anything else."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > _LONGEST_INTEGER:
        return None
    if match[1] is None and match[2] is None:
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() else value


def scalars(text: str, types: frozenset[str]) -> list[JsonScalar]:
    """All readings of `text` among `types`, the most special first; the bare text if there is none."""
    found: list[JsonScalar] = []
    if text == "null" and "null" in types:
        found.append(None)
    if "boolean" in types and text in ("true", "false"):
        found.append(text == "true")
    if "integer" in types or "number" in types:
        value = number(text)
        if value is not None:
            found.append(value)
    if "string" in types or not found:
        found.append(text)
    return found


class Reader:
    """Reads texts as values of one schema."""

    def __init__(self, view: View, schema: Schema, check: Check | None = None) -> None:
        """Look at what `schema` admits; nothing is compiled yet."""
        self.view = view
        self.schema = schema
        self.check = check or view.inline(schema)
        self.types = types_of(view, schema)
        self.only_scalar = not self.types & {"array", "object"}
        self.only_text = self.types == {"string"}
        self.only_object = self.types == {"object"}

    @cached_property
    def item(self) -> Reader:
        """The reader of this array's items."""
        return Reader(self.view, _part(self.view, self.schema, "items") or True)

    @cached_property
    def properties(self) -> Mapping[str, Reader]:
        """Readers of the properties that the schema names."""
        found: dict[str, Schema] = {}
        for one in _branches(self.view, self.schema):
            for name, schema in one.get("properties", {}).items():
                found.setdefault(name, schema)
        return {name: Reader(self.view, schema) for name, schema in found.items()}

    @cached_property
    def others(self) -> Reader:
        """The reader of properties that the schema does not name."""
        return Reader(self.view, _part(self.view, self.schema, "additionalProperties") or True)

    @cached_property
    def open(self) -> bool:
        """Whether the schema says itself that further properties may come."""
        return bool(_part(self.view, self.schema, "additionalProperties"))

    @cached_property
    def lists(self) -> bool:
        """Whether the schema speaks of items."""
        return _part(self.view, self.schema, "items") is not None

    @cached_property
    def _lengths(self) -> tuple[int, int]:
        """The least length that the schema demands, and the greatest that it allows; -1 for no such."""
        branches = _branches(self.view, self.schema)
        least = max((one.get("minLength", 0) for one in branches), default=0)
        return int(least), int(max((one.get("maxLength", -1) for one in branches), default=-1))

    def stand_in(self, size: int | None) -> str:
        """The text that the schema sees in the place of a file of `size` bytes, or of as many as are due.

        Lengths of binary data are counted in bytes (OpenAPI 3.2, 4.14.3.2); what no length tells is left out.
        """
        least, most = self._lengths
        return "-" * (least if size is None else min(size, max(least, most + 1)))

    def property(self, name: str) -> Reader:
        """The reader of the property `name`."""
        return self.properties.get(name) or self.others

    def scalar(self, text: str) -> JsonScalar:
        """The first reading of `text` that this schema admits, or the first of all if it admits none."""
        if self.only_text:
            return text
        found = scalars(text, self.types)
        if len(found) > 1:
            for value in found:
                if self.check.is_valid(value):
                    return value
        return found[0]


def types_of(view: View, schema: Schema, depth: int = 0) -> frozenset[str]:
    """The JSON types that `schema` may admit: never too few, in doubt too many."""
    if schema is False:
        return frozenset()
    types = ALL_TYPES
    if depth > 12:  # recursive
        return types
    for one in view.resolve(schema):
        if "type" in one:
            named = one["type"] if isinstance(one["type"], list) else [one["type"]]
            types &= frozenset(named) | (frozenset(("integer",)) if "number" in named else frozenset())
        if "enum" in one:
            types &= frozenset().union(*(_types_of_value(value) for value in one["enum"]))
        if "const" in one:
            types &= _types_of_value(one["const"])
        for branch in one.get("allOf", ()):
            types &= types_of(view, branch, depth + 1)
        for key in ("anyOf", "oneOf"):
            if one.get(key):
                types &= frozenset().union(*(types_of(view, branch, depth + 1) for branch in one[key]))
    return types


def _types_of_value(value: object) -> frozenset[str]:
    match value:
        case None:
            return frozenset(("null",))
        case bool():
            return frozenset(("boolean",))
        case int() | float():
            return frozenset(("integer", "number"))
        case str():
            return frozenset(("string",))
        case list():
            return frozenset(("array",))
        case _:
            return frozenset(("object",))


def _branches(view: View, schema: Schema, depth: int = 0) -> list[dict[str, Any]]:
    """`schema`, what it refers to and what it is composed of."""
    found: list[dict[str, Any]] = []
    if depth > 6:
        return found
    for one in view.resolve(schema):
        found.append(one)
        for key in ("allOf", "oneOf", "anyOf"):
            for branch in one.get(key, ()):
                found += _branches(view, branch, depth + 1)
    return found


def _part(view: View, schema: Schema, key: str) -> Schema | None:
    for one in _branches(view, schema):
        if key in one:
            part: Schema = one[key]
            return part
    return None
