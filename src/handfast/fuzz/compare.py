"""Whether two answers can be told apart, leaving out what differs between any two answers."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TypeAlias

from handfast.fuzz.contract import Json
from handfast.fuzz.surface import Answer

Way: TypeAlias = tuple[str, ...]


def shape(value: Json) -> Json:
    """Return the structure of `value`: names and types, no values; of a list, the shapes of its items."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        found: list[Json] = []
        for item in value:
            if (one := shape(item)) not in found:
                found.append(one)
        return found
    return "null" if value is None else "number" if type(value) in (int, float) else type(value).__name__


def leaves(value: Json, way: Way = ()) -> Iterator[tuple[Way, Json]]:
    """Yield every value that holds no other ones, with the way to it."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from leaves(one, (*way, name))
    elif isinstance(value, list) and value:
        for index, one in enumerate(value):
            yield from leaves(one, (*way, str(index)))
    else:
        yield way, value


def differences(one: Json, other: Json) -> frozenset[Way]:
    """Return the ways at which two values differ."""
    first, second = dict(leaves(one)), dict(leaves(other))
    return frozenset(
        way for way in first.keys() | second.keys() if first.get(way, ...) != second.get(way, ...)
    )


def told_apart(answer: Answer, unknown: Answer, again: Answer) -> str | None:
    """Return how `answer` differs from two answers of which the second shows what varies anyhow.

    Compared are media type, names of headers and the body's structure, and where the statuses are equal
    the values too.
    """
    if answer.media_type != unknown.media_type:
        return f"the media type is `{answer.media_type}`, not `{unknown.media_type}`"
    names = [{name for name, _ in one.headers} for one in (answer, unknown, again)]
    odd = (names[0] ^ names[1]) - (names[1] ^ names[2])
    if odd:
        return f"the headers differ: {', '.join(sorted(odd))}"
    if answer.json is None and unknown.json is None:
        if answer.status != unknown.status or unknown.body != again.body:
            return None
        return None if answer.body == unknown.body else "the bodies differ"
    if shape(answer.json) != shape(unknown.json):
        varying = shape(unknown.json) != shape(again.json)
        return None if varying else "the bodies have different members"
    if answer.status != unknown.status:
        return None
    odd_ways = differences(answer.json, unknown.json) - differences(unknown.json, again.json)
    return f"the bodies differ at {_listed(odd_ways)}" if odd_ways else None


def _listed(ways: Set[Way]) -> str:
    return ", ".join(f"`{'/'.join(way) or 'the whole'}`" for way in sorted(ways)[:5])
