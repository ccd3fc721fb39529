"""The schemas of a contract as they apply to one direction: what requests may hold, and what responses may.

A read-only property belongs to responses: nobody demands it of a request, though one may hold it. A
write-only property belongs to requests: nobody demands it of a response, and none may hold it (OpenAPI 3.0.4,
4.7.24.2; JSON Schema 2020-12 validation, 9.4). A property is what any schema of the same object says of it,
through `$ref` and `allOf`; a choice says it where all its branches do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias

from handfast.validation.formats import BOUNDS

Schema: TypeAlias = dict[str, Any] | bool
"""A JSON Schema of draft 2020-12."""

Direction: TypeAlias = Literal["request", "response"]

LOCAL = "#/$defs/"
NULL: Schema = {"type": "null"}
_ONE = frozenset((
    "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties", "unevaluatedProperties",
    "items", "unevaluatedItems",
))  # fmt: skip
_MANY = frozenset(("anyOf", "oneOf", "prefixItems"))
_NAMED = frozenset(("patternProperties", "dependentSchemas", "$defs"))
_ANNOTATIONS = frozenset((
    "title", "description", "default", "example", "examples", "deprecated", "externalDocs", "xml", "readOnly",
    "writeOnly", "discriminator", "contentSchema", "contentMediaType", "contentEncoding", "$comment",
))  # fmt: skip
_NOBODY: frozenset[str] = frozenset()


class Directed:
    """Schemas by their names, put into the form in which one direction is held against them."""

    def __init__(
        self,
        schemas: Mapping[str, Schema],
        direction: Direction,
        address: Callable[[str], str],
        *,
        at_once: bool = True,
    ) -> None:
        """Convert all schemas `at_once`, or none; `address` says by which URI a result is referred to."""
        self._schemas = schemas
        self._direction = direction
        self._mark = "readOnly" if direction == "request" else "writeOnly"
        self._address = address
        self._hidden: dict[str, frozenset[str]] = {}
        self._demanded: dict[str, frozenset[str]] = {}
        self._marks: dict[str, bool] = {}
        self._copies: dict[tuple[str, frozenset[str]], str] = {}
        self._waiting: list[tuple[str, frozenset[str]]] = []
        self.definitions: dict[str, Schema] = {}
        """The schemas in that form; those that somebody else hides properties of are there once more."""
        if at_once:
            for name, schema in schemas.items():
                self.definitions[name] = self._of(schema)
            self._drain()

    def of(self, schema: Schema) -> Schema:
        """Return a part of one of the schemas in that form; `definitions` may grow."""
        made = self._of(schema)
        self._drain()
        return made

    def _drain(self) -> None:
        while self._waiting:
            name, hidden = self._waiting.pop()
            self.definitions[self._copies[name, hidden]] = self._of(self._schemas[name], hidden)

    def _of(self, schema: Schema, around: frozenset[str] = _NOBODY) -> Schema:
        """Convert `schema`; properties `around` are hidden by what it is a part of."""
        if not isinstance(schema, dict):
            return schema
        hidden = around | self._hides(schema)
        out: dict[str, Any] = {}
        for key, value in schema.items():
            if key in _ANNOTATIONS:
                continue
            if key == "$ref" and value.startswith(LOCAL):
                out[key] = self._reference(value.removeprefix(LOCAL), hidden)
            elif key == "allOf":
                out[key] = [self._of(one, hidden) for one in value]
            elif key in ("anyOf", "oneOf") and len(others := _not_null(value)) == 1:
                out[key] = [self._of(one, hidden if one is others[0] else _NOBODY) for one in value]
            elif key in _ONE:
                out[key] = self._of(value)
            elif key in _MANY:
                out[key] = [self._of(one) for one in value]
            elif key in _NAMED:
                out[key] = {name: self._of(one) for name, one in value.items()}
            elif key == "properties":
                out[key] = {name: self._property(one) for name, one in value.items()}
            elif key == "required":
                out[key] = [name for name in value if name not in hidden]
            elif key == "dependentRequired":
                out[key] = {
                    name: [one for one in names if one not in hidden] for name, names in value.items()
                }
            else:
                out[key] = value
        _bound(schema, out)
        if self._direction == "request" and isinstance(schema.get("discriminator"), dict):
            _discriminate(schema["discriminator"], schema, out)
        return out

    def _property(self, schema: Schema) -> Schema:
        if self._direction == "response" and self._marked(schema):
            return False
        return self._of(schema)

    def _reference(self, name: str, hidden: frozenset[str]) -> str:
        """Return the URI of the schema `name` that does not demand what is `hidden` where it is applied."""
        if not hidden or name not in self._schemas:
            return self._address(name)
        more = hidden & self._demanded_of(name) - self._hidden_of(name)
        if not more:
            return self._address(name)
        copy = self._copies.get((name, more))
        if copy is None:
            copy = self._copies[name, more] = f"{name}.{len(self._copies)}"
            self._waiting.append((name, more))
        return self._address(copy)

    # -- what the schemas say of properties ------------------------------------------------------------------
    # No schema is a part of itself (codegen refuses that), so what a name stands for is found once.

    def _hidden_of(self, name: str) -> frozenset[str]:
        if name not in self._hidden:
            self._hidden[name] = _NOBODY
            self._hidden[name] = self._hides(self._schemas.get(name, True))
        return self._hidden[name]

    def _hides(self, schema: Schema) -> frozenset[str]:
        """Return the properties that belong to the other direction."""
        if not isinstance(schema, dict):
            return _NOBODY
        found = frozenset(name for name, one in schema.get("properties", {}).items() if self._marked(one))
        name = _target(schema)
        if name is not None:
            found |= self._hidden_of(name)
        for one in schema.get("allOf", ()):
            found |= self._hides(one)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                sets = [self._hides(one) for one in _not_null(schema[key])]
                found |= sets[0].intersection(*sets) if sets else _NOBODY
        return found

    def _demanded_of(self, name: str) -> frozenset[str]:
        if name not in self._demanded:
            self._demanded[name] = _NOBODY
            self._demanded[name] = self._demands(self._schemas.get(name, True))
        return self._demanded[name]

    def _demands(self, schema: Schema) -> frozenset[str]:
        """Return the properties that `schema` or a part of the same object may demand."""
        if not isinstance(schema, dict):
            return _NOBODY
        found = frozenset(schema.get("required", ()))
        for names in schema.get("dependentRequired", {}).values():
            found |= frozenset(names)
        name = _target(schema)
        if name is not None:
            found |= self._demanded_of(name)
        parts = list(schema.get("allOf", ()))
        for key in ("anyOf", "oneOf"):
            others = _not_null(schema.get(key, ()))
            parts += others if len(others) == 1 else []
        return found.union(*(self._demands(one) for one in parts))

    def _marked(self, schema: Schema) -> bool:
        """Whether a property of that schema belongs to the other direction."""
        if not isinstance(schema, dict):
            return False
        name = _target(schema)
        if schema.get(self._mark) is True or (name is not None and self._is_marked(name)):
            return True
        if any(self._marked(one) for one in schema.get("allOf", ())):
            return True
        choices = (_not_null(schema[key]) for key in ("anyOf", "oneOf") if key in schema)
        return any(others and all(self._marked(one) for one in others) for others in choices)

    def _is_marked(self, name: str) -> bool:
        if name not in self._marks:
            self._marks[name] = False
            self._marks[name] = self._marked(self._schemas.get(name, True))
        return self._marks[name]


def _target(schema: dict[str, Any]) -> str | None:
    ref = schema.get("$ref")
    return ref.removeprefix(LOCAL) if isinstance(ref, str) and ref.startswith(LOCAL) else None


def _not_null(members: Iterable[Schema]) -> list[Schema]:
    return [one for one in members if one != NULL]


def _bound(schema: dict[str, Any], out: dict[str, Any]) -> None:
    """Formats of numbers are bounds: the engine looks at formats of strings only."""
    bounds = BOUNDS.get(str(schema.get("format")))
    if bounds is None:
        return
    low, high = bounds
    out["minimum"] = max(low, out.get("minimum", low))
    out["maximum"] = min(high, out.get("maximum", high))


def _discriminate(discriminator: dict[str, Any], schema: dict[str, Any], out: dict[str, Any]) -> None:
    """Let each branch take only its own names, so that the name a caller gives chooses the branch.

    A response must satisfy plain `oneOf`, so nothing is added there. Where there is a default (3.2), it
    takes every name that no other branch has, and no name.
    """
    name, mapping = discriminator["propertyName"], discriminator.get("mapping", {})
    default = discriminator.get("defaultMapping")
    for key in ("oneOf", "anyOf"):
        for index, branch in enumerate(schema.get(key, ())):
            target = branch_target(branch)
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


def branch_target(branch: Schema) -> str | None:
    """Return the reference of a branch of a choice, which may stand beside null."""
    if not isinstance(branch, dict):
        return None
    others = _not_null(branch.get("anyOf", ()))
    if "$ref" not in branch and len(others) == 1 and isinstance(others[0], dict):
        branch = others[0]
    ref = branch.get("$ref")
    return ref if isinstance(ref, str) else None
