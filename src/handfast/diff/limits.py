"""What a keyword says of values, as a schema of its own: the limit that it sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handfast.diff import words
from handfast.diff.flat import Flat
from handfast.validation.directions import Schema
from handfast.validation.formats import FORMATS


def nothing(flat: Flat) -> Schema | None:
    """Set no limit."""
    return None


def listed(flat: Flat) -> Schema | None:
    """Take the values that the schema lists."""
    values = flat.values()
    return None if values is None else {"enum": values}


def listed_but(others: list[Any]) -> Callable[[Flat], Schema | None]:
    """Return the limit of an enum, let alone values that another finding tells of."""

    def says(flat: Flat) -> Schema | None:
        values = flat.values() or []
        return {"enum": [*values, *(one for one in others if not words.among(one, values))]}

    return says


def border(flat: Flat, keys: list[str], *, low: bool) -> tuple[Any, bool] | None:
    """Return the narrowest border, and whether it is itself excluded."""
    found: list[tuple[Any, bool]] = []
    for key in keys:
        found += [(value, key.startswith("exclusive")) for value in flat.all(key)]
    found = [one for one in found if not (low and len(keys) == 1 and one[0] == 0)]
    if not found:
        return None
    return max(found) if low else min(found, key=lambda one: (one[0], not one[1]))


def tighter(ours: tuple[Any, bool] | None, theirs: tuple[Any, bool] | None, *, low: bool) -> bool:
    """Whether a border leaves less than another one."""
    if ours is None or theirs is None:
        return ours is not None
    if ours[0] != theirs[0]:
        return bool(ours[0] > theirs[0]) if low else bool(ours[0] < theirs[0])
    return ours[1] and not theirs[1]


def within(keys: list[str], *, low: bool) -> Callable[[Flat], Schema | None]:
    """Return the limit of a pair of keywords such as `minimum` and `exclusiveMinimum`."""

    def says(flat: Flat) -> Schema | None:
        bound = border(flat, keys, low=low)
        return None if bound is None else {keys[-1 if bound[1] else 0]: bound[0]}

    return says


def conjoined(key: str, theirs: list[Any]) -> Callable[[Flat], Schema | None]:
    """Return the limit that a keyword sets, as far as the other side does not set the same."""

    def says(flat: Flat) -> Schema | None:
        own = [{key: value} for value in flat.all(key) if value not in theirs and _counts(key, value)]
        if not own:
            return None
        return own[0] if len(own) == 1 else {"allOf": own}

    return says


def _counts(key: str, value: Any) -> bool:
    """Whether a keyword limits anything: a format that nobody enforces does not (JSON Schema, 7.2.3)."""
    return key != "format" or (value in FORMATS and FORMATS[value].by != "nobody")


def all_of(made: list[Schema]) -> Schema:
    """Return one document of several of one contract."""
    defs: dict[str, Any] = {}
    parts: list[Schema] = []
    for one in made:
        if isinstance(one, dict):
            defs |= one.get("$defs", {})
            one = {key: value for key, value in one.items() if key != "$defs"}
        parts.append(one)
    return {"allOf": parts, "$defs": defs} if defs else {"allOf": parts}


def forbids(flat: Flat) -> bool:
    """Whether properties that are not described are refused."""
    return any(at.node is False for at in flat.children("additionalProperties"))


def forbidding(name: str, described: Flat) -> Callable[[Flat], Schema | None]:
    """Return the limit that refuses `name`, of the one schema that does not describe it."""

    def says(flat: Flat) -> Schema | None:
        if flat is not described or not forbids(flat):
            return None
        return {"properties": {name: False}}

    return says


def demands(document: Schema, name: str) -> bool:
    """Whether a document demands a property somewhere."""
    waiting: list[Any] = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            required = one.get("required")
            if isinstance(required, list) and name in required:
                return True
            waiting += [value for key, value in one.items() if key not in ("enum", "const")]
        elif isinstance(one, list):
            waiting += one
    return False
