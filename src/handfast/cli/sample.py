"""A value that a schema accepts, as a person would type it: examples first, the smallest valid one else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handfast.codegen.ir import Json

Defs = Mapping[str, "Json"]

DEPTH = 12
"""Schemas nested deeper than this are given up: recursion without an end."""

FORMATS = {
    "uuid": "00000000-0000-4000-8000-000000000001",
    "date": "2030-01-31",
    "date-time": "2030-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "idn-email": "someone@example.com",
    "hostname": "example.com",
    "uri": "https://example.com",
    "url": "https://example.com",
    "uri-reference": "/example",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "ZXhhbXBsZQ==",
}
"""A value of each common string format."""


class NoSampleError(Exception):
    """No value was found that the schema accepts."""


def sample(schema: Json, defs: Defs, *, first: Iterable[Json] = ()) -> Json:
    """Return a value that `schema` accepts, its `$ref`s resolved in `defs`; one of `first` where one fits.

    Raises `NoSampleError` where none of the guesses is valid, e.g. for a pattern without an example.
    """
    import jsonschema_rs

    validator = jsonschema_rs.Draft202012Validator({"$defs": dict(defs), "allOf": [schema]})
    for guess in chain(first, _guesses(schema, defs, DEPTH)):
        if validator.is_valid(guess):
            return guess
    raise NoSampleError


def _guesses(schema: Json, defs: Defs, depth: int) -> Iterator[Json]:
    if depth == 0 or not isinstance(schema, dict):
        if schema is True:
            yield {}
        return
    yield from _given(schema)
    if isinstance(ref := schema.get("$ref"), str):
        yield from _guesses(defs.get(ref.removeprefix("#/$defs/")), defs, depth - 1)
    for key in ("oneOf", "anyOf"):
        for branch in _list(schema.get(key)):
            yield from _guesses(_merged(schema, branch, defs), defs, depth - 1)
    parts = _list(schema.get("allOf"))
    if parts:
        whole = {key: value for key, value in schema.items() if key != "allOf"}
        for part in parts:
            whole = _merged(whole, part, defs)
        yield from _guesses(whole, defs, depth - 1)
    yield from _typed(schema, defs, depth)


def _given(schema: dict[str, Json]) -> Iterator[Json]:
    """What the author wrote down."""
    if "const" in schema:
        yield schema["const"]
    if "example" in schema:
        yield schema["example"]
    yield from _list(schema.get("examples"))
    if "default" in schema:
        yield schema["default"]
    yield from _list(schema.get("enum"))


def _typed(schema: dict[str, Json], defs: Defs, depth: int) -> Iterator[Json]:
    """The smallest value of each type that the schema names."""
    kind = schema.get("type")
    kinds = _list(kind) or [kind]
    if kind is None:
        kinds = ["object" if "properties" in schema or "required" in schema else "string"]
    for one in kinds:
        match one:
            case "object":
                yield from _objects(schema, defs, depth)
            case "array":
                yield from _arrays(schema, defs, depth)
            case "string":
                yield from _strings(schema)
            case "integer" | "number":
                yield from _numbers(schema)
            case "boolean":
                yield True
            case "null":
                yield None


def _objects(schema: dict[str, Json], defs: Defs, depth: int) -> Iterator[Json]:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    made: dict[str, Json] = {}
    for name in _list(schema.get("required")):
        if not isinstance(name, str):
            return
        value = next(_valid(known.get(name, True), defs, depth - 1), None)
        if value is None:
            return
        made[name] = value[0]
    yield made


def _arrays(schema: dict[str, Json], defs: Defs, depth: int) -> Iterator[Json]:
    least = schema.get("minItems")
    count = int(least) if isinstance(least, int | float) else 0
    if count == 0:
        yield []
        return
    item = next(_valid(schema.get("items", True), defs, depth - 1), None)
    if item is not None:
        yield [item[0]] * count


def _valid(schema: Json, defs: Defs, depth: int) -> Iterator[tuple[Json]]:
    """Valid values of a part, each in a tuple, so that null is told from nothing."""
    import jsonschema_rs

    validator = jsonschema_rs.Draft202012Validator({"$defs": dict(defs), "allOf": [schema]})
    for guess in _guesses(schema, defs, depth):
        if validator.is_valid(guess):
            yield (guess,)


def _strings(schema: dict[str, Json]) -> Iterator[Json]:
    named = FORMATS.get(str(schema.get("format")))
    if named is not None:
        yield named
    least, most = schema.get("minLength"), schema.get("maxLength")
    low = int(least) if isinstance(least, int | float) else 1
    high = int(most) if isinstance(most, int | float) else max(low, 7)
    yield ("example" * (low // 7 + 1))[: max(low, min(high, 7))]
    yield "1" * max(low, 1)


def _numbers(schema: dict[str, Json]) -> Iterator[Json]:
    for key, step in (("minimum", 0), ("exclusiveMinimum", 1), ("maximum", 0), ("exclusiveMaximum", -1)):
        bound = schema.get(key)
        if isinstance(bound, int | float):
            yield bound + step
    factor = schema.get("multipleOf")
    if isinstance(factor, int | float):
        yield factor
    yield from (1, 0, 1.5)


def _merged(schema: dict[str, Json], part: Json, defs: Defs) -> dict[str, Json]:
    """`schema` and `part` as one, as far as an example needs it."""
    if isinstance(part, dict) and isinstance(ref := part.get("$ref"), str):
        part = defs.get(ref.removeprefix("#/$defs/"))
    whole = {key: value for key, value in schema.items() if key not in ("oneOf", "anyOf", "$ref")}
    if not isinstance(part, dict):
        return whole
    for key, value in part.items():
        present = whole.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            whole[key] = {**present, **value}
        elif isinstance(present, list) and isinstance(value, list) and key == "required":
            whole[key] = [*present, *(name for name in value if name not in present)]
        else:
            whole[key] = value
    return whole


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
