"""Schemas whose parts no value can meet together, through references: `allOf` of closed objects above all.

The engine's canonical form proves it. It is asked about schemas without references, for its stack ends at
chains of about 1,500 of them: what a reference leads to is put in its place, a few levels down; what stands
deeper is taken for a schema that takes everything, and a keyword that would be stricter so is left out. So a
schema that is told takes nothing, and one whose fault lies deeper is not told. Nor is one that is larger, or
has more combinations of branches, than the engine decides within some milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import prod
from typing import Final

import jsonschema_rs
from jsonschema_rs import canonical

from handfast.codegen import unsatisfiable
from handfast.codegen.ir import ClassName, Json, Source
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Seq
from handfast.codegen.types import PREFIX

MOST_LEVELS: Final = 4
"""References and levels of properties that are looked through."""
_MOST_PARTS: Final = 400
_LARGEST: Final = 6_000
"""Characters."""
_MOST_COMBINATIONS: Final = 256
"""Of branches of choices that apply to the same value."""

_LISTS: Final = ("anyOf", "oneOf")
_INSIDE: Final = frozenset(("items", "additionalProperties", "propertyNames"))
_EXACT: Final = frozenset((
    "not", "if", "then", "else", "contains", "unevaluatedProperties", "unevaluatedItems",
))  # fmt: skip
"""Keywords that may become stricter where a schema inside or beside them becomes weaker."""
_MAPS: Final = frozenset(("properties", "patternProperties", "dependentSchemas"))
_COPIED: Final = frozenset((
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties",
    "maxProperties", "required", "dependentRequired", "minContains", "maxContains",
))  # fmt: skip
_APPLICATORS: Final = ("allOf", "oneOf", "anyOf", "not", "if", "dependentSchemas", "$ref")
Object = dict[str, Json]


class _TooLarge(Exception):
    """A schema that is not asked about."""


def check(
    named: Iterable[tuple[Map, ClassName]], schemas: Mapping[ClassName, Json], report: Report, *, old: bool
) -> None:
    """Warn of each schema of `named` (where it stands, its name in `schemas`) whose parts exclude each other.

    What `unsatisfiable` has told of a single object is not told again; nor is a schema that takes nothing
    only because one that is told does. `old` is OpenAPI 3.0.
    """
    places = list(named)
    known = frozenset(name for node, name in places if unsatisfiable.cause(node, old=old) is not None)
    asked = [(node, name) for node, name in places if any(key in node for key in _APPLICATORS)]
    empty = [one for one in asked if one[1] not in known and takes_nothing(one[1], schemas)]
    found = known | {name for _, name in empty}
    for node, name in empty:
        inlined = _without_empty_members(_Inlined(schemas, found - {name}).named(name))
        if _is_empty(inlined) and isinstance(inlined, dict):
            source, what, fix = _told(node, inlined)
            report.warn(source, unsatisfiable.CODE, f"{what}: no value can meet this schema", fix)


def takes_nothing(name: ClassName, schemas: Mapping[ClassName, Json]) -> bool:
    """Whether it is proved that the one of `schemas` that is called `name` takes no value."""
    return _is_empty(_Inlined(schemas).named(name))


def _is_empty(schema: Json) -> bool:
    """Whether it is proved that `schema`, which has no references, takes no value."""
    if (
        not isinstance(schema, dict)
        or len(json.dumps(schema)) > _LARGEST
        or _combinations(schema) > _MOST_COMBINATIONS
    ):
        return False
    try:
        form = jsonschema_rs.canonicalize(schema, draft=20, offline=True)
        return form.satisfiability() == canonical.Satisfiability.NO
    except (ValueError, jsonschema_rs.ReferencingError):
        return False


def _combinations(schema: Json) -> int:
    """How many ways there are to choose a branch everywhere in the parts of `schema`."""
    if not isinstance(schema, dict):
        return 1
    parts = schema.get("allOf")
    ways = prod(map(_combinations, parts)) if isinstance(parts, list) else 1
    for key in _LISTS:
        branches = schema.get(key)
        if isinstance(branches, list):
            ways *= sum(map(_combinations, branches))
    members = schema.get("properties")
    return ways * prod(map(_combinations, members.values())) if isinstance(members, dict) else ways


class _Inlined:
    """Writes schemas without references; those that are `left` out are taken to take everything."""

    def __init__(self, schemas: Mapping[ClassName, Json], left: frozenset[ClassName] = frozenset()) -> None:
        self._schemas = schemas
        self._left = left
        self._parts = 0
        self._weaker = False
        """Whether what is being written has become weaker anywhere inside."""

    def named(self, name: ClassName) -> Json:
        """Return the schema called `name`, or a weaker one; True if it is too large."""
        try:
            return self._of(self._schemas.get(name, True), MOST_LEVELS, frozenset((name,)))
        except _TooLarge:
            return True

    def _of(self, schema: Json, levels: int, within: frozenset[ClassName]) -> Json:
        """Write `schema` without references; `within` are the names that it is a part of."""
        if not isinstance(schema, dict):
            return schema
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise _TooLarge
        outer, self._weaker = self._weaker, False
        made: Object = {key: schema[key] for key in schema if key in _COPIED}
        for key, value in schema.items():
            if key in _MAPS and isinstance(value, dict):
                down = key != "dependentSchemas"
                made[key] = {name: self._below(one, levels - down, within) for name, one in value.items()}
            elif key == "prefixItems" and isinstance(value, list):
                made[key] = [self._below(one, levels - 1, within) for one in value]
            elif key in _INSIDE or key in _EXACT:
                made[key] = self._below(value, levels - 1, within)
        together = [self._of(one, levels, within) for one in _list(schema.get("allOf"))]
        if "$ref" in schema:
            together.append(self._target(str(schema["$ref"]), levels - 1, within))
        together += [self._choice(key, schema, levels, within) for key in _LISTS if key in schema]
        if together:
            made["allOf"] = together
        if self._weaker:
            made = {key: value for key, value in made.items() if key not in _EXACT}
        self._weaker |= outer
        return made

    def _below(self, schema: Json, levels: int, within: frozenset[ClassName]) -> Json:
        if levels >= 0:
            return self._of(schema, levels, within)
        self._weaker = True
        return True

    def _target(self, ref: str, levels: int, within: frozenset[ClassName]) -> Json:
        name = ClassName(ref.removeprefix(PREFIX))
        if name in self._left or name in within:
            self._weaker = True
            return True
        return self._below(self._schemas.get(name, True), levels, within | {name})

    def _choice(self, key: str, schema: Object, levels: int, within: frozenset[ClassName]) -> Json:
        """Of branches that became weaker several may take a value that only one took: any of them will do.

        So it is where a discriminator tells: requests are held against the branch that it names alone.
        """
        outer, self._weaker = self._weaker, "discriminator" in schema
        made: list[Json] = [self._of(one, levels, within) for one in _list(schema[key])]
        found: Json = {"anyOf" if self._weaker else key: made}
        self._weaker |= outer
        return found


def _without_empty_members(schema: Json) -> Json:
    """Return `schema` without what it says of properties that take nothing for reasons of their own."""
    members = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(schema, dict) or not isinstance(members, dict):
        return schema
    return {**schema, "properties": {name: one for name, one in members.items() if not _is_empty(one)}}


def _told(node: Map, inlined: Object) -> tuple[Source, str, str]:
    """Say which part is at fault, and how to mend it."""
    key = next(key for key in _APPLICATORS if key in node)
    source, what = node.key_source(key), f"what `{key}` takes is refused by what stands beside it"
    parts = node.get("allOf")
    for index in range(len(parts) if isinstance(parts, Seq) else 0):
        rest = _list(inlined["allOf"])
        if isinstance(parts, Seq) and not _is_empty({**inlined, "allOf": rest[:index] + rest[index + 1 :]}):
            source = parts.value_source(index)
            what = f"part {index + 1} of `allOf` takes nothing that the rest of the schema takes"
            break
    if not _is_empty(_opened(inlined)):
        fix = "`additionalProperties: false` knows the properties beside it alone: leave it out of the parts"
        return source, what, fix
    return source, what, "let all parts take a value in common"


def _opened(schema: Json) -> Json:
    """Return `schema` without `additionalProperties: false` in what applies to the same value."""
    if not isinstance(schema, dict):
        return schema
    made = {key: value for key, value in schema.items() if (key, value) != ("additionalProperties", False)}
    for key in ("allOf", "anyOf", "oneOf"):
        if key in made:
            made[key] = [_opened(one) for one in _list(made[key])]
    return made


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
