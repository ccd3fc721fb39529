"""The contract's JSON Schema, one view a direction, and what to say where a value breaks it.

The contract's own schema decides what is valid; pydantic is only the typed view of what has passed.
Schemas live in one registry a view: the *request* view does not demand read-only properties, the
*response* view forbids write-only ones. Validators are compiled when they are first needed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import jsonschema_rs
import structlog
from jsonschema_rs import Registry, ValidationError, Validator

from handfast.runtime.errors import InputLocation, Violation

Schema: TypeAlias = dict[str, Any] | bool
"""A JSON Schema of draft 2020-12."""

Direction: TypeAlias = Literal["request", "response"]

MOST_VIOLATIONS = 50
"""More are not worth telling; the rest is left out."""

MOST_OPTIONS = 30

MOST_VALUES = 2000
"""A value that holds more is told its first violation alone: the engine finds all of them before it tells
one, which takes 20 µs and a kilobyte each."""

LONGEST_POINTER = 1000
"""Characters; the caller's own names make it, which may be as long as the body."""

MOST_BACKTRACKING = 20_000
"""Steps that one pattern may go back in one text, about a millisecond; only lookaround and backreferences
need any. What would take more is refused."""

_log = structlog.get_logger(__name__)

_ONE = frozenset(
    (
        "not",
        "if",
        "then",
        "else",
        "contains",
        "propertyNames",
        "additionalProperties",
        "unevaluatedProperties",
        "items",
        "unevaluatedItems",
        "contentSchema",
    )
)
_MANY = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
_NAMED = frozenset(("properties", "patternProperties", "dependentSchemas", "$defs"))
_ANNOTATIONS = frozenset(
    (
        "title",
        "description",
        "default",
        "example",
        "examples",
        "deprecated",
        "externalDocs",
        "xml",
        "discriminator",
        "$comment",
    )
)
_BOUNDS = {f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)} | {
    f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)
}
_LOCAL = "#/$defs/"


class View:
    """The contract's schemas as they apply to one direction, over one registry."""

    def __init__(self, schemas: Mapping[str, Schema], direction: Direction) -> None:
        """Derive the view; the schemas themselves stay as they are."""
        self.schemas = schemas
        self.direction = direction
        self._uri = f"urn:handfast:{direction}"
        self._registry = Registry(
            [(self._uri, {"$id": self._uri, "$defs": {name: self._of(one) for name, one in schemas.items()}})]
        )
        self._named: dict[str | None, Check] = {}

    def named(self, name: str | None) -> Check:
        """The check of the schema called `name`; None is the schema that admits anything."""
        if name not in self._named:
            self._named[name] = Check(
                self, True if name is None else {"$ref": self._address(name)}, name or "anything"
            )
        return self._named[name]

    def _address(self, name: str) -> str:
        """Where the registry has the schema called `name`; a URI is ASCII, a name need not be."""
        return f"{self._uri}{_LOCAL}{quote(name)}"

    def inline(self, schema: Schema) -> Check:
        """The check of a part of one of the contract's schemas."""
        return Check(self, self._of(schema), "part of a schema")

    def schema(self, name: str | None) -> Schema:
        """The schema called `name` as the contract has it."""
        return True if name is None else self.schemas[name]

    def target(self, ref: str) -> Schema:
        """The schema that a `$ref` of the contract leads to."""
        return self.schemas.get(ref.removeprefix(_LOCAL), True)

    def resolve(self, schema: Schema) -> Iterator[dict[str, Any]]:
        """Yield `schema` and what its `$ref`s lead to, each once; boolean schemas yield nothing."""
        seen = set()
        while isinstance(schema, dict):
            yield schema
            ref = schema.get("$ref", "")
            if not ref.startswith(_LOCAL) or ref in seen:
                return
            seen.add(ref)
            schema = self.target(ref)

    def compile(self, schema: Schema, name: str) -> Validator:
        """Compile `schema`; one that the engine cannot take admits anything, and says so in the log."""
        options: dict[str, Any] = {
            "registry": self._registry,
            "validate_formats": True,
            "offline": True,
            "formats": {"byte": _is_base64},
            "email_options": jsonschema_rs.EmailOptions(allow_display_text=False),
            "pattern_options": jsonschema_rs.FancyRegexOptions(backtrack_limit=MOST_BACKTRACKING),
        }
        try:
            return jsonschema_rs.Draft202012Validator(schema, **options)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            _log.error("schema_not_enforced", schema=name, reason=type(error).__name__)
            return jsonschema_rs.Draft202012Validator(True)

    def _of(self, schema: Schema) -> Schema:
        if not isinstance(schema, dict):
            return schema
        out: dict[str, Any] = {}
        for key, value in schema.items():
            if key in _ANNOTATIONS:
                continue
            if key == "$ref" and value.startswith(_LOCAL):
                out[key] = self._address(value.removeprefix(_LOCAL))
            elif key in _ONE:
                out[key] = self._of(value)
            elif key in _MANY:
                out[key] = [self._of(one) for one in value]
            elif key in _NAMED:
                out[key] = {name: self._of(one) for name, one in value.items()}
            elif key == "pattern" and not _compiles(value):
                _log.warning("pattern_not_enforced", pattern=value)
            else:
                out[key] = value
        bounds = _BOUNDS.get(str(schema.get("format")))
        if bounds:
            out["minimum"] = max(bounds[0], out.get("minimum", bounds[0]))
            out["maximum"] = min(bounds[1], out.get("maximum", bounds[1]))
        if self.direction == "request" and isinstance(schema.get("discriminator"), dict):
            self._discriminate(schema["discriminator"], schema, out)
        self._one_way(schema, out)
        return out

    def _discriminate(
        self, discriminator: dict[str, Any], schema: dict[str, Any], out: dict[str, Any]
    ) -> None:
        """Let each branch take only its own names, so that the name a caller gives chooses the branch.

        A response must satisfy plain `oneOf`, so nothing is added there. Where there is a default (3.2), it
        takes every name that no other branch has, and no name.
        """
        name, mapping = discriminator["propertyName"], discriminator.get("mapping", {})
        default = discriminator.get("defaultMapping")
        for key in ("oneOf", "anyOf"):
            for index, branch in enumerate(schema.get(key, ())):
                target = branch.get("$ref") if isinstance(branch, dict) else None
                names = [tag for tag, ref in mapping.items() if ref == target]
                if not names:
                    continue
                own: dict[str, Any] = {"properties": {name: {"enum": names}}}
                if default == target:
                    others = [tag for tag, ref in mapping.items() if ref != target]
                    own = {"properties": {name: {"not": {"enum": others}}}}
                elif default is not None:
                    own["required"] = [name]
                out[key][index] = {"allOf": [out[key][index], own]}

    def _one_way(self, schema: dict[str, Any], out: dict[str, Any]) -> None:
        """Take properties of the other direction out of `required`, and forbid them in a response."""
        mark = "readOnly" if self.direction == "request" else "writeOnly"
        hidden = {name for name, one in self._properties(schema) if self._has(one, mark)}
        if not hidden:
            return
        if "required" in out:
            out["required"] = [name for name in out["required"] if name not in hidden]
        for branch in out.get("allOf", ()):
            if isinstance(branch, dict) and "required" in branch:
                branch["required"] = [name for name in branch["required"] if name not in hidden]
        if self.direction == "response":
            own = out.get("properties", {})
            out["properties"] = {name: False if name in hidden else one for name, one in own.items()}

    def _properties(self, schema: Schema, depth: int = 0) -> Iterator[tuple[str, Schema]]:
        for one in self.resolve(schema):
            yield from one.get("properties", {}).items()
            if depth < 8:  # a chain of allOf may be recursive
                for branch in one.get("allOf", ()):
                    yield from self._properties(branch, depth + 1)

    def _has(self, schema: Schema, mark: str) -> bool:
        return any(one.get(mark) is True for one in self.resolve(schema))


class Check:
    """One schema, ready to say whether a JSON value obeys it and where it does not."""

    def __init__(self, view: View, schema: Schema, name: str) -> None:
        """Compile nothing yet."""
        self._view = view
        self._schema = schema
        self._name = name

    @cached_property
    def validator(self) -> Validator:
        """The compiled schema."""
        return self._view.compile(self._schema, self._name)

    def is_valid(self, value: object) -> bool:
        """Whether `value` obeys the schema."""
        return self.validator.is_valid(value)

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


def pointer(parts: Sequence[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901) of `parts`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


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
    if keyword in ("anyOf", "oneOf"):
        closest = _closest(facts.get("context", []))
        if closest:
            for inner in closest:
                yield from _violations(inner, location, prefix)
            return
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        for name in facts["unexpected"]:
            yield Violation(location, place + _place([name]), keyword, "this property is not allowed here")
        return
    if keyword == "required":
        yield Violation(location, place + pointer([facts["property"]]), keyword, "this property is required")
        return
    yield Violation(location, place, keyword, _message(keyword, facts))


def _closest(branches: list[list[ValidationError]]) -> list[ValidationError]:
    """The errors of the one branch whose type fits the value, if there is exactly one such."""
    fitting = [
        branch
        for branch in branches
        if branch and not any(e.kind.name in ("type", "const", "enum", "falseSchema") for e in branch)
    ]
    return fitting[0] if len(fitting) == 1 else []


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


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _compiles(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True
