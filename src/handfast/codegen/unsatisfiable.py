"""Schemas that no value can meet, as far as the keywords of one object prove it.

JSON Schema 2020-12 lets such schemas be: they are told, and enforced as they are written. A keyword speaks of
one type of values, so a schema is told only where every type that it takes is ruled out. What its parts and
references prove together is for `contradictions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from handfast.codegen.ir import Source
from handfast.codegen.report import Report, listed
from handfast.codegen.source import Map, Node, Seq, strings
from handfast.counted import counted

CODE: Final = "unsatisfiable"
_COUNTS: Final = (
    ("string", "minLength", "maxLength"),
    ("array", "minItems", "maxItems"),
    ("object", "minProperties", "maxProperties"),
)
Cause = tuple[Source, str, str]
"""Where a contradiction stands, what it is, and how to end it."""


def check(schema: Map, report: Report, *, old: bool) -> None:
    """Warn where no value can meet `schema`, whose structure has been checked; `old` is OpenAPI 3.0."""
    found = cause(schema, old=old)
    if found is not None:
        source, what, fix = found
        report.warn(source, CODE, f"{what}: no value can meet this schema", fix)


def cause(schema: Map, *, old: bool) -> Cause | None:
    """Return why no value can meet `schema`, as far as its own keywords tell."""
    if old and "$ref" in schema:
        return None  # what stands beside a reference means nothing there
    return next(_causes(schema), None)


def _causes(schema: Map) -> Iterator[Cause]:
    types = _types(schema)
    if types is not None and types:
        ruled = [_ruled_out(schema, one) for one in sorted(types)]
        if all(ruled):
            yield from (cause for cause in ruled if cause is not None)
    yield from _values(schema, types)
    yield from _parts(schema, types)


def _types(schema: Map) -> set[str] | None:
    """Return the types that `schema` takes by its own `type`, None for any."""
    kind = schema.get("type")
    names = {kind} if isinstance(kind, str) else set(strings(kind)) if isinstance(kind, Seq) else set()
    if not names:
        return None
    return names | {"null"} if schema.get("nullable") is True else names


def _ruled_out(schema: Map, kind: str) -> Cause | None:
    """Return why no value of the type `kind` meets the bounds of `schema`."""
    if kind in ("number", "integer"):
        return _bounds(schema)
    for one, low, high in _COUNTS:
        least, most = _number(schema.get(low)), _number(schema.get(high))
        if one == kind and least is not None and most is not None and least > most:
            return (
                schema.key_source(low),
                f"`{low}: {least}` is more than `{high}: {most}`",
                "correct one of them",
            )
    return _members(schema) if kind == "object" else None


def _bounds(schema: Map) -> Cause | None:
    lows = [_bound(schema, "minimum", "exclusiveMinimum"), _bound(schema, "exclusiveMinimum", "")]
    highs = [_bound(schema, "maximum", "exclusiveMaximum"), _bound(schema, "exclusiveMaximum", "")]
    for low in lows:
        for high in highs:
            if low is None or high is None:
                continue
            if low[1] > high[1] or (low[1] == high[1] and (low[2] or high[2])):
                what = f"`{low[0]}: {low[1]}` leaves nothing below `{high[0]}: {high[1]}`"
                return schema.key_source(low[0]), what, "correct one of them"
    return None


def _bound(schema: Map, key: str, flag: str) -> tuple[str, int | float, bool] | None:
    """Return a bound's keyword, number, and whether it excludes the number (a flag in OpenAPI 3.0)."""
    value = _number(schema.get(key))
    return None if value is None else (key, value, not flag or schema.get(flag) is True)


def _members(schema: Map) -> Cause | None:
    properties, required = schema.get("properties"), schema.get("required")
    names = dict.fromkeys(strings(required)) if isinstance(required, Seq) else {}
    known = properties if isinstance(properties, Map) else {}
    for name in names:
        if isinstance(properties, Map) and properties.get(name) is False:
            what = f"`{name}` is required, and its schema `false` takes no value"
            return properties.key_source(name), what, "give it a schema, or do not require it"
    closed = schema.get("additionalProperties") is False and not schema.get("patternProperties")
    for name in names:
        if closed and name not in known:
            what = f"`{name}` is required, and `additionalProperties: false` takes none of that name"
            return schema.key_source("required"), what, "add it to `properties`, or do not require it"
    most = _number(schema.get("maxProperties"))
    if most is not None and len(names) > most:
        needed = counted(len(names), "property is", "properties are")
        what = f"{needed} required, and `maxProperties: {most}` takes fewer"
        return schema.key_source("maxProperties"), what, "correct one of them"
    return None


def _values(schema: Map, types: set[str] | None) -> Iterator[Cause]:
    """Hold `enum` and `const` against the types."""
    if types is None:
        return
    shown = listed(sorted(types))
    values = schema.get("enum")
    if isinstance(values, Seq) and values and not any(_kinds(one) & types for one in values):
        yield schema.key_source("enum"), f"no value of `enum` is of the type {shown}", _quotes(types)
    if "const" in schema and not _kinds(schema["const"]) & types:
        yield schema.key_source("const"), f"the value of `const` is not of the type {shown}", _quotes(types)


def _quotes(types: set[str]) -> str:
    return "correct the type, or " + ("put values in quotes" if "string" in types else "correct the value")


def _kinds(value: Node) -> set[str]:
    """Return the types of JSON Schema that `value` is of."""
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, (int, float)):
        return {"number", "integer"} if value == value // 1 else {"number"}
    return {"string"} if isinstance(value, str) else {"array"} if isinstance(value, Seq) else {"object"}


def _parts(schema: Map, types: set[str] | None) -> Iterator[Cause]:
    """Hold the types of `allOf` against each other."""
    parts = schema.get("allOf")
    if not isinstance(parts, Seq) or schema.get("nullable") is True:
        return
    left = _widened(types)
    for index, part in enumerate(parts):
        if part is False:
            yield parts.value_source(index), "a part of `allOf` is `false`", "remove it"
        if not isinstance(part, Map) or "$ref" in part:
            continue
        own = _widened(_types(part))
        if own is None:
            continue
        if left is not None and not left & own:
            what = (
                f"the part of `allOf` takes the type {listed(sorted(_types(part) or ()))}, the others do not"
            )
            yield part.source, what, "let all parts take a type in common"
        left = own if left is None else left & own


def _widened(types: set[str] | None) -> set[str] | None:
    """Return `types` with whole numbers, which are numbers, beside these."""
    return types | {"integer"} if types is not None and "number" in types else types


def _number(value: Node) -> int | float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
