"""Putting ids and canaries into requests, always within what the contract allows."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

from handfast.fuzz.contract import Json, Operation, Slot
from handfast.fuzz.markers import CANARY_LENGTHS, Markers
from handfast.fuzz.surface import ABSENT, Surface, Values

_FORMS = ("{}", "{}@example.com", "https://example.com/{}")
_UNPLANTED = frozenset(("uuid", "date", "date-time", "time", "duration", "binary", "byte"))
_ADDED = 0.7
"""How often an optional text is added to what was drawn, so that there is room for a canary."""


def place(values: Values, slot: Slot, value: Json) -> Values:
    """Return `values` with `value` in `slot`, inside a list where the slot is one."""
    if slot.location == "body":
        return values.with_body(_set(None if values.body is ABSENT else values.body, slot.path, value))
    listed = slot.path[-1] == "*"
    return values.put(slot.location, slot.path[0], [value] if listed else value)


def remove(values: Values, slot: Slot) -> Values:
    """Return `values` without what is in `slot`."""
    if slot.location != "body":
        return values.drop(slot.location, slot.path[0])
    if values.body is ABSENT:
        return values
    body = copy.deepcopy(values.body)
    _remove(body, slot.path)
    return values.with_body(body)


def minimal(operation: Operation, values: Values) -> Values:
    """Return `values` with the parameters that the operation needs, and no others."""
    for location, name in operation.parameters:
        if (location, name) not in operation.required and location != "path":
            values = values.drop(location, name)
    return values


class Planter:
    """Plants canaries in bodies: in every text and every wide number that the schema leaves free."""

    def __init__(self, surface: Surface, markers: Markers, random: Random) -> None:
        """Take canaries from `markers`."""
        self._surface = surface
        self._markers = markers
        self._random = random
        self._forms: dict[tuple[str, tuple[str, ...]], tuple[str, int] | None] = {}
        """Operation and way -> which form of a canary fits there; None where none does."""

    def plant(self, operation: Operation, values: Values, owner: str, *, add: bool = True) -> Values:
        """Return `values` with canaries of `owner`; with `add` absent texts are filled in too."""
        if operation.body is None or values.body is ABSENT:
            return values
        slots = {slot.path for slot in operation.slots if slot.location == "body"}
        if add:
            values = self._with_texts(operation, values, slots)
        for way, value in list(_scalars(None if values.body is ABSENT else values.body)):
            if tuple("*" if isinstance(part, int) else part for part in way) in slots:
                continue
            if isinstance(value, str):
                values = self._plant_text(operation, values, way, owner)
            elif isinstance(value, int) and not isinstance(value, bool) and self._random.random() < 0.5:
                changed = _at(values, way, self._markers.number(owner))
                values = changed if self._surface.valid(operation, changed) else values
        return values

    def _with_texts(self, operation: Operation, values: Values, slots: set[tuple[str, ...]]) -> Values:
        schema = operation.body if isinstance(operation.body, dict) else {}
        properties = schema.get("properties")
        if not isinstance(properties, dict) or not isinstance(values.body, dict):
            return values
        for name, one in properties.items():
            kinds = one.get("type") if isinstance(one, dict) else None
            text = kinds == "string" or (isinstance(kinds, list) and "string" in kinds)
            free = isinstance(one, dict) and one.get("format") not in _UNPLANTED and "enum" not in one
            if text and free and (name,) not in slots and not isinstance(values.body.get(name), str):
                if self._random.random() > _ADDED:
                    continue
                changed = values.with_body({**values.body, name: "zqzqzqzq"})
                values = changed if self._surface.valid(operation, changed) else values
                assert isinstance(values.body, dict)  # noqa: S101 - it was one before
        return values

    def _plant_text(
        self, operation: Operation, values: Values, way: tuple[str | int, ...], owner: str
    ) -> Values:
        key = operation.label, tuple("*" if isinstance(part, int) else part for part in way)
        known = [self._forms[key]] if key in self._forms else None
        if known == [None]:
            return values
        tried = known or [(form, length) for form in _FORMS for length in CANARY_LENGTHS]
        for one in tried:
            assert one is not None  # noqa: S101 - None alone was handled above
            form, length = one
            changed = _at(values, way, form.format(self._markers.canary(owner, length)))
            if self._surface.valid(operation, changed):
                self._forms[key] = one
                return changed
        if known is None:
            self._forms[key] = None
        return values


def _scalars(value: Json, way: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _scalars(one, (*way, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _scalars(one, (*way, index))
    else:
        yield way, value


def _at(values: Values, way: tuple[str | int, ...], value: Json) -> Values:
    """Return `values` with the body's value at `way` replaced."""
    if not way:
        return values.with_body(value)
    body: Any = copy.deepcopy(values.body)
    node = body
    for part in way[:-1]:
        node = node[part]
    node[way[-1]] = value
    return values.with_body(body)


def _set(node: Json, way: tuple[str, ...], value: Json) -> Json:
    if not way:
        return value
    head, rest = way[0], way[1:]
    if head == "*":
        items = node if isinstance(node, list) and node else [None]
        return [_set(items[0], rest, value), *items[1:]] if rest else [value]
    whole = dict(node) if isinstance(node, dict) else {}
    whole[head] = _set(whole.get(head), rest, value)
    return whole


def _remove(node: Json, way: tuple[str, ...]) -> None:
    if way[0] == "*":
        for item in node if isinstance(node, list) else ():
            _remove(item, way[1:]) if way[1:] else None
    elif isinstance(node, dict):
        if len(way) == 1 or way[1:] == ("*",):
            node.pop(way[0], None)
        elif way[0] in node:
            _remove(node[way[0]], way[1:])
