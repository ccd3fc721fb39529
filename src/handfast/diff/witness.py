"""Values that one schema takes and another refuses, made from what both of them say.

Each keyword proposes the values on both sides of its border; a proposal is a witness only if the contract's
own validators agree.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any, Final
from urllib.parse import unquote

from jsonschema_rs import Validator

from handfast.diff.model import Witness
from handfast.mock import regex
from handfast.mock.texts import texts
from handfast.validation.directions import LOCAL, Schema
from handfast.validation.engine import Unusable, compiled

ATTEMPTS: Final = 120
"""Values that are tried for one pair of schemas."""
MORE: Final = 20
"""Values that are tried once there is a witness, for a smaller one."""
MOST_BUILT: Final = 600
"""Values, inner ones counted, that are made for one pair: large schemas get fewer attempts."""
THOROUGH: Final = 30
"""How many times more of both where nothing is known of a pair, and it is small."""
CURSORY: Final = 0.2
"""How many times fewer where the parts have been held against each other already, and the pair is large."""
DEEPEST: Final = 8
_LONGEST: Final = 5000
_MOST_ITEMS: Final = 64
_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_ODD: Final[tuple[Any, ...]] = ("", "a", 0, -1, 1, 0.5, True, False, None, [], {}, [None], {"a": None})


class _Dead(Exception):
    """A schema of which no value can be made this way."""


def find(
    tight: Schema, narrow: Schema, wide: Schema, rest: Schema | None = None, *, effort: float = 1
) -> Witness | None:
    """Return the smallest value found that `tight` and `narrow` take and `wide` refuses, or None.

    `tight` is `narrow` without what nobody declared; `rest` is a schema of such values, where it is known;
    `effort` says how much longer than usual to look.
    """
    try:
        judges = compiled(tight), compiled(narrow), compiled(wide)
    except Unusable:
        return None
    best: Any = None
    length = math.inf
    sources: list[Schema] = [rest, tight] if isinstance(rest, dict) else [tight]
    for source in sources:
        maker = _Maker(source, wide)
        left = int(ATTEMPTS * effort)
        for number in range(left):
            left -= 1
            if left < 0 or maker.built > MOST_BUILT * effort:
                break
            try:
                made = maker.value(number)
                proposals = [
                    (one, len(json.dumps(one, ensure_ascii=False))) for one in (made, maker.near(made))
                ]
            except (_Dead, RecursionError, ValueError, OverflowError):
                continue
            for one, size in proposals:
                if size < length and _shows(one, *judges):
                    left = MORE if best is None else left
                    best, length = one, size
        if length < math.inf:
            return Witness(best)
    return None


def _shows(value: Any, tight: Validator, narrow: Validator, wide: Validator) -> bool:
    try:
        return tight.is_valid(value) and narrow.is_valid(value) and not wide.is_valid(value)
    except ValueError:
        return False


class _Maker:
    """Makes values of one schema, with the literals and borders of another one mixed in."""

    def __init__(self, schema: Schema, other: Schema) -> None:
        self.schema = schema
        self.other = _renamed(other)
        self.defs: dict[str, Any] = {**_definitions(schema), **_definitions(self.other)}
        self.pool = _Pool()
        self.pool.add(schema)
        self.pool.add(other)
        self.random = Random(0)  # noqa: S311 (the same values for the same schemas)
        self.full = 0
        self.built = 0

    def value(self, number: int) -> Any:
        """Make the value of that number."""
        self.random = Random(number)  # noqa: S311 (as above)
        self.full = (DEEPEST, 0, 1, 2, 3)[number % 5]
        # What is of both, but for one branch more or less of a `oneOf`, is where `oneOf` decides.
        return self.of([self.schema, self.other] if number % 4 == 3 else [self.schema], 0)

    def near(self, value: Any) -> Any:
        """Return a value that differs in one place: a part left out, or a scalar changed a little."""
        if isinstance(value, dict) and value:
            name = self.random.choice([*value])
            rest = {key: one for key, one in value.items() if key != name}
            return rest if self.random.random() < 0.2 else {**rest, name: self.near(value[name])}
        if isinstance(value, list) and value:
            at = self.random.randrange(len(value))
            return [*value[:at], self.near(value[at]), *value[at + 1 :]]
        if self.random.random() < 0.2:
            return self.random.choice([*_ODD, *self.pool.values[:20]])
        if isinstance(value, str):
            return value[:-1] if self.random.random() < 0.5 else value + self.random.choice("aZ0 ")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value + self.random.choice((0.5, -0.5, 1, -1))
        return value

    def of(self, schemas: list[Any], depth: int) -> Any:
        """Make a value that all `schemas` take, as far as their keywords are easy to obey together."""
        self.built += 1
        if depth > DEEPEST:
            raise _Dead
        parts: list[dict[str, Any]] = []
        for schema in schemas:
            self.flatten(schema, parts, 0)
        for part in parts:
            if "const" in part:
                return part["const"]
            if "enum" in part:
                return self.random.choice(part["enum"]) if part["enum"] else self.dead()
        kinds = self.kinds(parts)
        kind = self.random.choice(kinds)
        match kind:
            case "null":
                return None
            case "boolean":
                return self.random.random() < 0.5
            case "integer" | "number":
                return self.number(parts, whole=kind == "integer")
            case "string":
                return self.text(parts)
            case "array":
                return self.array(parts, depth)
            case _:
                return self.object(parts, depth)

    def dead(self) -> Any:
        """End this attempt."""
        raise _Dead

    def flatten(self, schema: Any, parts: list[dict[str, Any]], hops: int) -> None:
        """Collect what a value must obey: through references and `allOf`, one branch of each choice."""
        if schema is False or hops > 40:
            raise _Dead
        if not isinstance(schema, dict):
            return
        parts.append(schema)
        ref = schema.get("$ref")
        if isinstance(ref, str):
            self.flatten(self.target(ref), parts, hops + 1)
        for one in schema.get("allOf", ()):
            self.flatten(one, parts, hops + 1)
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                self.flatten(self.random.choice(schema[key]), parts, hops + 1)
                if key == "oneOf" and self.random.random() < 0.15:
                    self.flatten(self.random.choice(schema[key]), parts, hops + 1)
        if "if" in schema:
            self.condition(schema, parts, hops + 1)

    def condition(self, schema: dict[str, Any], parts: list[dict[str, Any]], hops: int) -> None:
        """Collect a condition and what holds under it, or what holds otherwise of the same properties."""
        if self.random.random() < 0.5:
            self.flatten(schema["if"], parts, hops)
            self.flatten(schema.get("then", True), parts, hops)
            return
        if isinstance(schema["if"], dict):
            parts.append({"properties": dict.fromkeys(schema["if"].get("properties", {}), True)})
        self.flatten(schema.get("else", True), parts, hops)

    def target(self, ref: str) -> Any:
        """Return what a reference leads to."""
        if ref == "#":
            return self.schema
        return self.defs.get(unquote(ref.removeprefix(LOCAL)), True)

    def kinds(self, parts: list[dict[str, Any]]) -> list[str]:
        """Return the types that a value may have; those that keywords speak of come more often."""
        allowed = set(_TYPES)
        for part in parts:
            named = part.get("type")
            if named is not None:
                names = {named} if isinstance(named, str) else set(named)
                allowed &= names | ({"integer"} if "number" in names else set())
        found = [kind for kind in _TYPES if kind in allowed]
        if not found:
            raise _Dead
        hinted = [kind for part in parts for kind, keys in _HINTS.items() if keys & part.keys()]
        return found + [kind for kind in hinted if kind in allowed] * 4

    # -- scalars ------------------------------------------------------------------------------------------

    def number(self, parts: list[dict[str, Any]], *, whole: bool) -> int | float:
        """Propose a number: a border, beside a border, or a multiple."""
        lows = [part[key] for part in parts for key in ("minimum", "exclusiveMinimum") if key in part]
        highs = [part[key] for part in parts for key in ("maximum", "exclusiveMaximum") if key in part]
        steps = [part["multipleOf"] for part in parts if "multipleOf" in part]
        base = self.random.choice([*self.pool.numbers, *lows, *highs, 0, 1, -1, 7])
        made: Any = base + self.random.choice((0, 0, 1, -1, 0.5, -0.5, 2, 10))
        if self.random.random() < 0.3 and lows and highs:
            made = max(lows) + (min(highs) - max(lows)) * self.random.random()
        for step in steps:
            made = round(made / step) * step
        proposed: int | float = math.floor(made) if whole else made
        return proposed

    def text(self, parts: list[dict[str, Any]]) -> str:
        """Propose a text: of a format or pattern, of a length at a border, or one that is named somewhere."""
        least = max((part.get("minLength", 0) for part in parts), default=0)
        most = min((part["maxLength"] for part in parts if "maxLength" in part), default=None)
        formats = [part["format"] for part in parts if isinstance(part.get("format"), str)]
        patterns = [part["pattern"] for part in parts if "pattern" in part]
        choice = self.random.random()
        if (formats or patterns) and choice < 0.7:
            return self.one_of(formats, patterns, least, most)
        if choice < 0.85 and (self.pool.formats or self.pool.patterns):
            return self.one_of(
                self.pool.formats[:1] if not patterns else [], self.some(self.pool.patterns), least, most
            )
        if choice > 0.9 and self.pool.texts:
            return self.random.choice(self.pool.texts)
        wanted = self.random.choice([*self.pool.lengths, least, most if most is not None else least + 3])
        wanted = max(least, wanted if most is None else min(wanted, most))
        if wanted > _LONGEST:
            raise _Dead
        return self.random.choice("aZ0 é") * wanted

    def some(self, values: list[str]) -> list[str]:
        """Return one of `values`, as a list."""
        return [self.random.choice(values)] if values else []

    def one_of(self, formats: list[str], patterns: list[str], least: int, most: int | None) -> str:
        """Make a text of formats and patterns."""
        try:
            if patterns and self.random.random() < 0.5:
                return regex.text(self.random.choice(patterns), self.random)
            proposed = texts(self.random, wanted=formats, patterns=patterns, least=least, most=most)
            made = list(islice(proposed, 3))
        except regex.Unreadable:
            raise _Dead from None
        return self.random.choice(made) if made else self.dead()

    # -- containers ---------------------------------------------------------------------------------------

    def array(self, parts: list[dict[str, Any]], depth: int) -> list[Any]:
        """Make a list whose length may be at a border."""
        least = max((part.get("minItems", 0) for part in parts), default=0)
        most = min((part["maxItems"] for part in parts if "maxItems" in part), default=None)
        contains = [part["contains"] for part in parts if "contains" in part]
        first = max((len(part.get("prefixItems", ())) for part in parts), default=0)
        wanted = self.random.choice([least, least + 1, first, first + 1, *self.pool.counts])
        wanted = max(least, wanted, min(1, len(contains)))
        wanted = wanted if most is None else min(wanted, most)
        if wanted > _MOST_ITEMS or (depth >= self.full and wanted > least):
            wanted = least
        if wanted > _LONGEST:
            raise _Dead
        made: list[Any] = []
        for index in range(wanted):
            schemas = []
            for part in parts:
                own = part.get("prefixItems", ())
                schemas.append(own[index] if index < len(own) else part.get("items", True))
            if index < len(contains):
                schemas.append(contains[index])
            made.append(self.inner(schemas, depth))
        if made and self.random.random() < 0.2 and len(made) > 1:
            made[-1] = made[0]
        return made

    def object(self, parts: list[dict[str, Any]], depth: int) -> dict[str, Any]:
        """Make an object with some of its optional properties."""
        required = {name for part in parts for name in part.get("required", ())}
        names = {name for part in parts for name in part.get("properties", {})}
        if self.random.random() < 0.25 and any(self.is_open(part) for part in parts):
            names |= {"other", self.free_name(parts, 0), *self.pool.names[:12]}
        chance = 0.0 if depth >= self.full else self.random.choice((0.2, 0.5, 0.9, 1.0))
        made: dict[str, Any] = {}
        for name in sorted(names | required):
            if name not in required and self.random.random() >= chance:
                continue
            try:
                made[name] = self.inner([self.property(part, name) for part in parts], depth)
            except _Dead:
                if name in required:
                    raise
        wanted = self.random.choice([0, 0, *self.pool.counts])
        if any(self.is_open(part) for part in parts) and wanted <= _MOST_ITEMS:
            for number in range(len(made), wanted):
                name = self.free_name(parts, number)
                made[name] = self.inner([self.property(part, name) for part in parts], depth)
        return made

    def is_open(self, part: dict[str, Any]) -> bool:
        """Whether a part says that there may be further properties."""
        return part.get("additionalProperties", False) is not False or "patternProperties" in part

    def property(self, part: dict[str, Any], name: str) -> Any:
        """Return what a part says of one property."""
        own = part.get("properties", {})
        if name in own:
            return own[name]
        fitting = [one for pattern, one in part.get("patternProperties", {}).items() if _fits(pattern, name)]
        if fitting:
            return fitting[0] if len(fitting) == 1 else {"allOf": fitting}
        return part.get("additionalProperties", True)

    def free_name(self, parts: list[dict[str, Any]], number: int) -> str:
        """Return a name that no part describes: one that a pattern of either side asks for, or any."""
        patterns = [pattern for part in parts for pattern in part.get("patternProperties", ())]
        patterns += self.pool.name_patterns
        if patterns and self.random.random() < 0.7:
            try:
                return regex.text(self.random.choice(patterns), self.random)
            except regex.Unreadable:
                pass
        return f"x{number}"

    def inner(self, schemas: list[Any], depth: int) -> Any:
        """Make a part of a value; of what is not described, anything."""
        if all(schema is True for schema in schemas):
            odd = self.number([], whole=False) if self.random.random() < 0.3 else self.random.choice(_ODD)
            return self.random.choice(self.pool.values[:20] or [odd]) if self.random.random() < 0.3 else odd
        return self.of(schemas, depth + 1)


_HINTS: Final = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
    "array": {"items", "minItems", "maxItems", "prefixItems", "contains", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "integer": {"minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"},
}


def _fits(pattern: str, name: str) -> bool:
    """Whether a pattern is likely to match; the engine has the last word."""
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def _definitions(schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = schema.get("$defs", {}) if isinstance(schema, dict) else {}
    return found


def _renamed(schema: Schema) -> Schema:
    """Give the definitions of a document names that another one does not have."""
    if not isinstance(schema, dict) or "$defs" not in schema:
        return schema
    text = json.dumps(schema).replace(f'"{LOCAL}', f'"{LOCAL}other.')
    made: dict[str, Any] = json.loads(text)
    made["$defs"] = {f"other.{name}": one for name, one in made["$defs"].items()}
    return made


class _Pool:
    """The literals and borders of schemas."""

    def __init__(self) -> None:
        self.numbers: list[int | float] = []
        self.texts: list[str] = []
        self.values: list[Any] = []
        self.lengths: list[int] = [1]
        self.counts: list[int] = []
        self.formats: list[str] = []
        self.patterns: list[str] = []
        self.names: list[str] = []
        self.name_patterns: list[str] = []

    def add(self, schema: Any) -> None:
        """Collect from one schema and all that is in it."""
        for one in _schemas(schema):
            values = one.get("enum")
            for value in [*(values if isinstance(values, list) else ()), one.get("const")]:
                self.literal(value)
            for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
                if isinstance(one.get(key), (int, float)):
                    self.numbers.append(one[key])
            for key, into in (("Length", self.lengths), ("Items", self.counts), ("Properties", self.counts)):
                for bound in ("min", "max"):
                    if isinstance(one.get(bound + key), int):
                        into += [one[bound + key], max(0, one[bound + key] - 1), one[bound + key] + 1]
            if isinstance(one.get("format"), str):
                self.formats.append(one["format"])
            if isinstance(one.get("pattern"), str):
                self.patterns.append(one["pattern"])
            if isinstance(one.get("patternProperties"), dict):
                self.name_patterns += one["patternProperties"]
            for key in ("properties", "required"):
                self.names += one[key] if isinstance(one.get(key), (dict, list)) else ()

    def literal(self, value: Any) -> None:
        """Keep a value that a schema names."""
        self.values.append(value)
        if isinstance(value, str):
            self.texts.append(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            self.numbers.append(value)


def _schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in `schema` that may be one."""
    waiting = [schema]
    seen = 0
    while waiting and seen < 4000:
        one = waiting.pop()
        seen += 1
        if isinstance(one, dict):
            if not isinstance(one.get("type"), dict):
                yield one
            waiting += [value for key, value in one.items() if key not in ("enum", "const")]
        elif isinstance(one, list):
            waiting += one
