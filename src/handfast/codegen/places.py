"""What a schema says of its values: their JSON types, and what stands in each place of an array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from handfast.codegen.ir import ClassName, Json
from handfast.codegen.types import PREFIX

_DEEPEST: Final = 8
_PYTHON: Final = {
    str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array",
}  # fmt: skip

JsonTypes = frozenset[str] | None
"""JSON types that a schema admits; None where it says nothing of types."""


@dataclass(frozen=True, slots=True)
class Places:
    """Reads the normalised schemas of one feature, which may still grow."""

    schemas: Mapping[ClassName, Json]

    def members(self, schema: Json) -> Iterator[dict[str, Json]]:
        """Yield the schemas that hold for every value of `schema`: its own, references and `allOf`."""
        pending, seen = [schema], set[str]()
        while pending:
            one = pending.pop()
            if not isinstance(one, dict):
                continue
            yield one
            ref = one.get("$ref")
            if isinstance(ref, str) and ref not in seen:
                seen.add(ref)
                pending.append(self.schemas.get(ClassName(ref.removeprefix(PREFIX))))
            pending += listed_in(one, "allOf")

    def is_array(self, schema: Json) -> bool:
        """Whether its values are arrays: by its type, else by its speaking of items."""
        members = list(self.members(schema))
        types = [kinds for one in members if (kinds := _own_types(one)) is not None]
        if types:
            return all("array" in kinds for kinds in types)
        return any("prefixItems" in one or "items" in one for one in members)

    def types(self, schema: Json, depth: int = 0) -> JsonTypes:
        """The types that it may admit, as far down as anybody writes choices: never too few."""
        found: JsonTypes = None
        for one in self.members(schema) if depth < _DEEPEST else ():
            told = [_own_types(one)]
            for key in ("anyOf", "oneOf"):
                branches = [self.types(branch, depth + 1) for branch in listed_in(one, key)]
                known = [branch for branch in branches if branch is not None]
                if branches and len(known) == len(branches):
                    told.append(frozenset[str]().union(*known))
            for kinds in told:
                if kinds is not None:
                    found = kinds if found is None else found & kinds
        return found


def schema_at(members: list[dict[str, Json]], place: int | None) -> Json:
    """Return the schema of the part at `place`, or of those behind all that have one of their own."""
    found: list[Json] = []
    for one in members:
        prefix = listed_in(one, "prefixItems")
        schema = prefix[place] if place is not None and place < len(prefix) else one.get("items", True)
        if schema is False:
            return False
        if schema is not True and schema != {}:
            found.append(schema)
    return found[0] if len(found) == 1 else {"allOf": found} if found else True


def _own_types(schema: dict[str, Json]) -> JsonTypes:
    kind = schema.get("type")
    if kind is not None:
        named = frozenset(map(str, kind)) if isinstance(kind, list) else frozenset((str(kind),))
        return named | {"integer"} if "number" in named else named
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        return frozenset(_PYTHON.get(type(value), "null") for value in values)
    return None


def says_binary(schema: dict[str, Json]) -> bool:
    """Whether a text of that schema is bytes as they are, which is a file wherever bodies hold files."""
    raw = "contentMediaType" in schema and "contentEncoding" not in schema
    return schema.get("format") == "binary" or raw


def listed_in(schema: dict[str, Json], key: str) -> list[Json]:
    """Return the list at `key`; nothing where there is none."""
    value = schema.get(key)
    return value if isinstance(value, list) else []
