"""The contract's JSON Schema, one view a direction, and what to say where a value breaks it.

The contract's own schema decides what is valid; pydantic is only the typed view of what has passed.
Schemas live in one registry a view; validators are compiled when they are first needed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

from jsonschema_rs import ValidationError, Validator

from handfast.runtime.errors import InputLocation, Violation
from handfast.validation.definitions import Definitions
from handfast.validation.directions import LOCAL, Direction, Schema
from handfast.validation.errors import CHOICES, closest
from handfast.validation.pointers import pointer

__all__ = ("Check", "Direction", "Schema", "View")

MOST_VIOLATIONS = 50
"""More are not worth telling; the rest is left out."""

MOST_OPTIONS = 30

_UNLIKE = frozenset(("type", "const", "enum", "falseSchema"))
"""Keywords that a branch breaks because another one is meant."""

MOST_VALUES = 2000
"""A value that holds more is told its first violation alone: the engine finds all of them before it tells
one, which takes 20 µs and a kilobyte each."""

LONGEST_POINTER = 1000
"""Characters; the caller's own names make it, which may be as long as the body."""


class View:
    """The contract's schemas as they apply to one direction, over one registry."""

    def __init__(self, schemas: Mapping[str, Schema], direction: Direction) -> None:
        """Derive the view; the schemas themselves stay as they are."""
        self.schemas = schemas
        self.direction = direction
        self._definitions = Definitions(schemas, direction)
        self._named: dict[str | None, Check] = {}

    def named(self, name: str | None) -> Check:
        """The check of the schema called `name`; None is the schema that admits anything."""
        if name not in self._named:
            self._named[name] = Check(self, self._definitions.named(name))
        return self._named[name]

    def inline(self, schema: Schema) -> Check:
        """The check of a part of one of the contract's schemas."""
        return Check(self, self._definitions.inline(schema))

    def schema(self, name: str | None) -> Schema:
        """The schema called `name` as the contract has it."""
        return True if name is None else self.schemas[name]

    def target(self, ref: str) -> Schema:
        """The schema that a `$ref` of the contract leads to."""
        return self.schemas.get(ref.removeprefix(LOCAL), True)

    def resolve(self, schema: Schema) -> Iterator[dict[str, Any]]:
        """Yield `schema` and what its `$ref`s lead to, each once; boolean schemas yield nothing."""
        seen = set()
        while isinstance(schema, dict):
            yield schema
            ref = schema.get("$ref", "")
            if not ref.startswith(LOCAL) or ref in seen:
                return
            seen.add(ref)
            schema = self.target(ref)

    def compile(self, schema: Schema) -> Validator:
        """Compile `schema`; raises `Unusable`, which generation has ruled out."""
        return self._definitions.compile(schema)


class Check:
    """One schema, ready to say whether a JSON value obeys it and where it does not."""

    def __init__(self, view: View, schema: Schema) -> None:
        """Compile nothing yet."""
        self._view = view
        self._schema = schema

    @cached_property
    def validator(self) -> Validator:
        """The compiled schema."""
        return self._view.compile(self._schema)

    @cached_property
    def is_valid(self) -> Callable[[object], bool]:
        """Whether a value obeys the schema."""
        return self.validator.is_valid

    def violations(self, value: object, location: InputLocation, prefix: str = "") -> list[Violation]:
        """Each place where `value` breaks the schema, pointers starting with `prefix`."""
        found: list[Violation] = []
        for error in self._errors(value):
            found += islice(_violations(error, location, prefix), MOST_VIOLATIONS)
            if len(found) >= MOST_VIOLATIONS:
                break
        return found[:MOST_VIOLATIONS]

    def _errors(self, value: object) -> Iterable[ValidationError]:
        if not _holds_more(value, MOST_VALUES):
            return self.validator.iter_errors(value)
        try:
            self.validator.validate(value)
        except ValidationError as error:
            return [error]
        return []


def _holds_more(value: object, most: int) -> bool:
    """Whether there are more than `most` values in `value`, itself and all levels counted."""
    waiting = [value]
    count = 0
    while waiting:
        one = waiting.pop()
        count += 1
        if isinstance(one, dict | list):
            if count + len(waiting) + len(one) > most:
                return True
            waiting += one.values() if isinstance(one, dict) else one
    return False


def _place(parts: Sequence[str | int]) -> str:
    text = pointer(parts)
    return text if len(text) <= LONGEST_POINTER else text[:LONGEST_POINTER] + "…"


def _violations(error: ValidationError, location: InputLocation, prefix: str) -> Iterator[Violation]:
    place = prefix + _place(error.instance_path)
    keyword = error.kind.name
    facts = error.kind.as_dict()
    if keyword in CHOICES:
        inner = closest(facts.get("context", ()), _UNLIKE)
        if inner:
            for one in inner:
                yield from _violations(one, location, prefix)
            return
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        for name in facts["unexpected"]:
            yield Violation(location, place + _place([name]), keyword, "this property is not allowed here")
        return
    if keyword == "required":
        yield Violation(location, place + pointer([facts["property"]]), keyword, "this property is required")
        return
    yield Violation(location, place, keyword, _message(keyword, facts))


_LIMITS = {
    "minimum": "must be at least {limit}",
    "maximum": "must be at most {limit}",
    "exclusiveMinimum": "must be greater than {limit}",
    "exclusiveMaximum": "must be less than {limit}",
    "minLength": "must have at least {limit} characters",
    "maxLength": "must have at most {limit} characters",
    "minItems": "must have at least {limit} items",
    "maxItems": "must have at most {limit} items",
    "minProperties": "must have at least {limit} properties",
    "maxProperties": "must have at most {limit} properties",
    "multipleOf": "must be a multiple of {multiple_of}",
    "pattern": "must match the pattern {pattern}",
    "format": "must have the format {format}",
    "uniqueItems": "must not hold an item twice",
    "contains": "must hold a certain item",
    "not": "must not be of a certain form",
    "falseSchema": "must not be given",
    "propertyNames": "has a property with a name that is not allowed",
    "oneOf": "must be of exactly one of the forms that the contract names",
    "anyOf": "must be of one of the forms that the contract names",
}


def _message(keyword: str, facts: Mapping[str, Any]) -> str:
    """Say what the contract expects, from the contract's side alone: the value sent is never quoted."""
    if keyword == "type":
        return "must be of type " + " or ".join(sorted(facts["types"]))
    if keyword == "enum":
        options = facts["options"]
        shown = ", ".join(json.dumps(option) for option in options[:MOST_OPTIONS])
        return f"must be one of {shown}{', …' if len(options) > MOST_OPTIONS else ''}"
    if keyword == "const":
        return f"must be {json.dumps(facts['expected_value'])}"
    if keyword == "pattern" and "pattern" not in facts:
        return "takes too long to hold against its pattern"
    text = _LIMITS.get(keyword)
    return text.format(**facts) if text else f"breaks the rule {keyword}"
