"""Values that a JSON Schema admits, the same for the same seed: what a mock answers without an example.

Values are made from what the schema demands (`merged`) and judged by the contract's own validator: what it
refuses is made again in another way, a hundred times at most.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any, Final

from handfast.mock import regex
from handfast.mock.merged import Merged, ways
from handfast.mock.texts import texts, words
from handfast.runtime.schemas import Check, Schema, View

ATTEMPTS: Final = 12
"""How often each way to satisfy a schema is tried."""
FULL_DEPTH: Final = 3
"""Levels on which optional properties are given, on the first try."""
DEEPEST: Final = 20
"""Levels; a schema that demands more has no value of a sensible size."""
MOST_BUILT: Final = 4000
"""Values that one attempt may hold."""
_NUMBERS: Final = (1, 2, 3, 5, 7, 10, 20, 42, 100)


class Impossible(Exception):
    """A value that cannot be made."""


@dataclass(slots=True)
class _Attempt:
    """How one value is made."""

    random: Random
    full_depth: int
    """Levels on which optional properties are given."""
    budget: int = MOST_BUILT


class Maker:
    """Makes values of one contract's schemas in one direction."""

    def __init__(self, view: View, seed: int) -> None:
        """Make the same values for the same `seed`."""
        self._view = view
        self._seed = seed

    def value(self, schema: Schema, key: str = "", check: Check | None = None) -> Any:
        """Return a value that `schema` admits; raises `Impossible` where none is found.

        `key` tells apart what is made of the same schema.
        """
        judge = check or self._view.inline(schema)
        for attempt in range(ATTEMPTS):
            random = Random(f"{self._seed}/{key}/{attempt}")  # noqa: S311 (sameness is the point)
            depth = (FULL_DEPTH, 0, 1, 2)[attempt % 4]
            for way in ways(self._view, schema):
                try:
                    made = self._of(way, _Attempt(random, depth), 0)
                except Impossible:
                    continue
                for one in (made, *self._apart(schema, made)):
                    if judge.is_valid(one):
                        return one
        raise Impossible

    # -- one value ----------------------------------------------------------------------------------------

    def _any(self, schemas: list[Schema], attempt: _Attempt, level: int, name: str = "") -> Any:
        """Make a value of all `schemas`, which one of the ways admits."""
        attempt.budget -= 1
        if level > DEEPEST or attempt.budget < 0:
            raise Impossible
        schema: Schema = schemas[0] if len(schemas) == 1 else {"allOf": schemas}
        judge = self._view.inline(schema)
        found = list(ways(self._view, schema))
        if level > FULL_DEPTH:
            found.sort(key=_weight)  # the shortest way out of a recursive schema
        for number, way in enumerate(found):
            for _ in range(3 if number < 8 else 1):
                try:
                    made = self._of(way, attempt, level, name)
                except Impossible:
                    break
                for one in (made, *self._apart(schema, made)):
                    if judge.is_valid(one):
                        return one
        raise Impossible

    def _apart(self, schema: Schema, made: Any) -> Iterator[dict[str, Any]]:
        """Propose what is no value of other branches of `oneOf`, by a property that only they describe."""
        several = any("oneOf" in one for one in self._view.resolve(schema))
        if not several or not isinstance(made, dict):
            return
        described = {name for way in ways(self._view, schema) for name in way.properties}
        for name in sorted(described - made.keys()):
            yield from (made | {name: value} for value in _ODD)

    def _of(self, way: Merged, attempt: _Attempt, level: int, name: str = "") -> Any:
        values = way.values
        if values is not None:
            if not values:
                raise Impossible
            return attempt.random.choice(values) if attempt.full_depth != FULL_DEPTH else values[0]
        for examples in way.all("examples"):
            if examples and attempt.full_depth == FULL_DEPTH and level:
                return examples[0]
        for kind in _order(way, attempt.random, full=attempt.full_depth == FULL_DEPTH):
            try:
                return self._kind(kind, way, attempt, level, name)
            except Impossible:
                continue
        raise Impossible

    def _kind(self, kind: str, way: Merged, attempt: _Attempt, level: int, name: str) -> Any:
        match kind:
            case "null":
                return None
            case "boolean":
                return attempt.random.random() < 0.5
            case "integer" | "number":
                return number(way, attempt.random, whole=kind == "integer")
            case "string":
                return self._text(way, attempt.random, name)
            case "array":
                return self._array(way, attempt, level)
            case _:
                return self._object(way, attempt, level)

    def _text(self, way: Merged, random: Random, name: str) -> str:
        least, most = way.most("minLength") or 0, way.least("maxLength")
        if most is not None and least > most:
            raise Impossible
        if least > regex.LONGEST:
            raise Impossible
        wanted, patterns = way.all("format"), way.all("pattern")
        said = [{key: part[key] for key in part if key in _TEXT_KEYWORDS} for part in way.parts]
        if not any(said):
            return _named(name, random)
        judge = self._view.inline({"allOf": [{"type": "string"}, *said]})
        for made in texts(random, wanted=wanted, patterns=patterns, least=least, most=most):
            if judge.is_valid(made):
                return made
        raise Impossible

    # -- arrays -------------------------------------------------------------------------------------------

    def _array(self, way: Merged, attempt: _Attempt, level: int) -> list[Any]:
        least, most = way.most("minItems") or 0, way.least("maxItems")
        if most is not None and least > most:
            raise Impossible
        prefixes: list[list[Schema]] = way.all("prefixItems")
        first = max((len(one) for one in prefixes), default=0)
        wanted = max(least, 1, first) if level < attempt.full_depth else least
        contains = [
            (part["contains"], part.get("minContains", 1)) for part in way.parts if "contains" in part
        ]
        wanted = max([wanted, *(count for _, count in contains)])
        if most is not None:
            wanted = min(wanted, most)
        if wanted > MOST_BUILT:
            raise Impossible
        unique = True in way.all("uniqueItems")
        made: list[Any] = []
        for index in range(wanted):
            schemas = self._at(way, prefixes, index)
            extra = [schema for schema, count in contains if index < count]
            try:
                made.append(self._item([*schemas, *extra] or [True], attempt, level, made if unique else ()))
            except Impossible:
                if index < least:
                    raise
                break
        return made

    def _at(self, way: Merged, prefixes: list[list[Schema]], index: int) -> list[Schema]:
        """Return what the item at `index` must meet."""
        found: list[Schema] = []
        for part in way.parts:
            own = part.get("prefixItems", ())
            if index < len(own):
                found.append(own[index])
            elif "items" in part:
                found.append(part["items"])
        if not found and index >= max((len(one) for one in prefixes), default=0):
            found += way.all("unevaluatedItems")
        return found

    def _item(self, schemas: list[Schema], attempt: _Attempt, level: int, others: Any) -> Any:
        for _ in range(24 if others else 1):
            made = self._any(schemas, attempt, level + 1)
            if made not in others:
                return made
            attempt = _Attempt(attempt.random, max(0, attempt.full_depth - 1), attempt.budget)
        raise Impossible

    # -- objects ------------------------------------------------------------------------------------------

    def _object(self, way: Merged, attempt: _Attempt, level: int) -> dict[str, Any]:
        properties = {name: all_ for name, all_ in way.properties.items() if not self._hidden(all_)}
        required = [name for name in way.required if name in properties or name not in way.properties]
        least, most = way.most("minProperties") or 0, way.least("maxProperties")
        names = [name for name in properties if name in required]
        names += [name for name in required if name not in properties]
        optional = [name for name in properties if name not in required]
        if level >= attempt.full_depth:
            optional = [name for name in optional if len(names) < least]
        made: dict[str, Any] = {}
        for name in names:
            made[name] = self._property(way, name, properties, attempt, level)
        for name in optional:
            if most is not None and len(made) >= most:
                break
            try:
                made[name] = self._property(way, name, properties, attempt, level)
            except Impossible:
                continue
        made |= self._dependents(way, made, properties, attempt, level)
        self._fill(way, made, least, attempt, level)
        ordered = {name: made[name] for name in properties if name in made}
        return ordered | made

    def _hidden(self, schemas: list[Schema]) -> bool:
        """Whether a property goes the other way only."""
        mark = "writeOnly" if self._view.direction == "response" else "readOnly"
        return any(one.get(mark) is True for schema in schemas for one in self._view.resolve(schema))

    def _dependents(
        self,
        way: Merged,
        made: dict[str, Any],
        properties: dict[str, list[Schema]],
        attempt: _Attempt,
        level: int,
    ) -> dict[str, Any]:
        """Make what properties that are there demand besides."""
        found: dict[str, Any] = {}
        for demands in way.all("dependentRequired"):
            for name, others in demands.items():
                for other in others if name in made else ():
                    if other not in made and other not in found:
                        found[other] = self._property(way, other, properties, attempt, level)
        for demands in way.all("dependentSchemas"):
            for name, schema in demands.items():
                if name in made:
                    extra = self._any([schema, {"type": "object"}], attempt, level + 1)
                    found |= {key: value for key, value in extra.items() if key not in made}
        return found

    def _property(
        self, way: Merged, name: str, properties: dict[str, list[Schema]], attempt: _Attempt, level: int
    ) -> Any:
        return self._any(self._schemas_of(way, name, properties) or [True], attempt, level + 1, name)

    def _schemas_of(self, way: Merged, name: str, properties: dict[str, list[Schema]]) -> list[Schema]:
        """Return what the property `name` must meet: its own schema, those of patterns, else of the rest."""
        found = list(properties.get(name, ()))
        for part in way.parts:
            matched = name in part.get("properties", {})
            for pattern, schema in part.get("patternProperties", {}).items():
                if self._view.inline({"pattern": pattern}).is_valid(name):
                    found.append(schema)
                    matched = True
            if not matched and "additionalProperties" in part:
                found.append(part["additionalProperties"])
        if not found:
            found += way.all("unevaluatedProperties")
        return found

    def _fill(self, way: Merged, made: dict[str, Any], least: int, attempt: _Attempt, level: int) -> None:
        """Add properties that the schema does not name: as many as it demands, else one to show it."""
        free = [one for one in way.all("additionalProperties") if isinstance(one, dict)]
        shown = 1 if free and not made and level < attempt.full_depth else 0
        wanted = max(least, shown)
        properties = way.properties
        for made_name in self._names(way, attempt.random) if len(made) < wanted else ():
            if len(made) >= wanted:
                return
            if made_name in made:
                continue
            try:
                made[made_name] = self._property(way, made_name, properties, attempt, level)
            except Impossible:
                if len(made) < least:
                    continue
                return
        if len(made) < least:
            raise Impossible

    def _names(self, way: Merged, random: Random) -> Iterator[str]:
        """Propose names of further properties."""
        demands: list[Schema] = way.all("propertyNames")
        for patterns in way.all("patternProperties"):
            for pattern in patterns:
                for _ in range(8):
                    try:
                        yield regex.text(pattern, random)
                    except regex.Unreadable:
                        break
        for number_ in range(64):
            if demands:
                try:
                    yield self._any([*demands, {"type": "string"}], _Attempt(random, number_ % 3), 1)
                except Impossible:
                    return
            else:
                yield f"{words(random, 1)}{number_ or ''}"


_ODD: Final[tuple[Any, ...]] = ("other", 1, False, [], {}, None)
"""One value of each type: most schemas refuse most of them."""
_TEXT_KEYWORDS: Final = frozenset(("minLength", "maxLength", "pattern", "format"))


def _named(name: str, random: Random) -> str:
    """A text for a property of which nothing but its name is known."""
    return words(random, 1 if name.lower().endswith(("name", "id", "key", "code", "type", "tag")) else 2)


def _weight(way: Merged) -> int:
    """How much a way demands."""
    if way.values is not None:
        return 0
    scalar = way.types & {"null", "boolean", "integer", "number", "string"}
    return 1 if scalar else 2 + len(way.required) + (way.most("minItems") or 0)


_KINDS: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_HINTS: Final = {
    "properties": "object", "required": "object", "additionalProperties": "object",
    "patternProperties": "object", "minProperties": "object", "dependentRequired": "object",
    "dependentSchemas": "object", "propertyNames": "object", "items": "array", "prefixItems": "array",
    "contains": "array", "minItems": "array", "uniqueItems": "array", "minLength": "string",
    "maxLength": "string", "pattern": "string", "format": "string", "minimum": "integer",
    "maximum": "integer", "exclusiveMinimum": "integer", "exclusiveMaximum": "integer",
    "multipleOf": "integer",
}  # fmt: skip


def _order(way: Merged, random: Random, *, full: bool) -> list[str]:
    """Return the types to try: what the keywords speak of first, null last unless chance wants it."""
    hinted = [kind for part in way.parts for key, kind in _HINTS.items() if key in part]
    kinds = [kind for kind in (*dict.fromkeys(hinted), *_KINDS) if kind in way.types]
    if not hinted and len(way.types) == len(_KINDS):
        kinds = ["string", *(kind for kind in kinds if kind != "string")]
    kinds = list(dict.fromkeys(kinds))
    if not full and "null" in kinds and random.random() < 0.3:
        kinds.remove("null")
        kinds.insert(0, "null")
    return kinds


def number(way: Merged, random: Random, *, whole: bool) -> int | float:
    """Return a number within the bounds, of every `multipleOf`; raises `Impossible`."""
    low, high = _bounds(way)
    steps = [Decimal(repr(step)) for step in way.all("multipleOf")]
    if whole:
        steps.append(Decimal(1))
    if steps:
        step = steps[0]
        for other in steps[1:]:
            step = _common(step, other)
        return _multiple(low, high, step, random, whole=whole)
    if low is None and high is None:
        return random.choice(_NUMBERS) + 0.5
    if low is None or high is None:
        bound = low if low is not None else high
        assert bound is not None  # noqa: S101 (one of them is there)
        distance = random.choice(_NUMBERS) + Decimal("0.5")
        return float(bound[0] + distance) if low is not None else float(bound[0] - distance)
    if low[0] > high[0] or (low[0] == high[0] and not (low[1] and high[1])):
        raise Impossible
    if low[0] == high[0]:
        return float(low[0])
    return float(low[0] + (high[0] - low[0]) * Decimal(random.choice(("0.5", "0.25", "0.75"))))


def _bounds(way: Merged) -> tuple[tuple[Decimal, bool] | None, tuple[Decimal, bool] | None]:
    """Return both bounds, each with whether it belongs to the range."""
    lows = [(Decimal(repr(one)), True) for one in way.all("minimum")]
    lows += [(Decimal(repr(one)), False) for one in way.all("exclusiveMinimum")]
    highs = [(Decimal(repr(one)), True) for one in way.all("maximum")]
    highs += [(Decimal(repr(one)), False) for one in way.all("exclusiveMaximum")]
    low = max(lows, key=lambda bound: (bound[0], not bound[1]), default=None)
    high = min(highs, key=lambda bound: (bound[0], bound[1]), default=None)
    return low, high


def _multiple(
    low: tuple[Decimal, bool] | None,
    high: tuple[Decimal, bool] | None,
    step: Decimal,
    random: Random,
    *,
    whole: bool,
) -> int | float:
    first = None if low is None else math.ceil(low[0] / step)
    if low is not None and first is not None and not low[1] and first * step == low[0]:
        first += 1
    last = None if high is None else math.floor(high[0] / step)
    if high is not None and last is not None and not high[1] and last * step == high[0]:
        last -= 1
    if first is not None and last is not None:
        if first > last:
            raise Impossible
        chosen = first + random.randint(0, min(last - first, 100))
        if first <= 1 <= last and last - first > 1000:
            chosen = random.choice([one for one in _NUMBERS if first <= one <= last])
    elif first is not None:
        chosen = max(first, 1) if first <= 1 else first
        chosen += random.randint(0, 9)
    elif last is not None:
        chosen = min(last, random.choice(_NUMBERS))
    else:
        chosen = random.choice(_NUMBERS)
    value = chosen * step
    return int(value) if whole or value == value.to_integral_value() else float(value)


def _common(one: Decimal, other: Decimal) -> Decimal:
    """Return the least common multiple of two positive numbers."""
    scale = Decimal(10) ** max(0, -_exponent(one), -_exponent(other))
    return Decimal(math.lcm(int(one * scale), int(other * scale))) / scale


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
