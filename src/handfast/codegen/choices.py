"""Discriminators: which values of the property lead to which branch.

A value leads to the schema that `mapping` gives for it, else to the schema of that name: a mapping adds names
and takes none away (OpenAPI 3.1.1, 4.8.25). Where a branch says itself which values it takes, and the name of
its schema is none of them, authors mean those values: the letter of the specification would let nothing pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handfast.codegen.ir import ClassName, Json
from handfast.codegen.report import Report
from handfast.codegen.source import Map
from handfast.codegen.types import PREFIX
from handfast.validation.directions import branch_target

_DEEPEST = 20
"""How many references and parts are looked through for the values that a branch takes."""


@dataclass(slots=True)
class Choice:
    """One discriminator: where it stands, its property, what it maps and what may be chosen."""

    node: Map
    name: str
    mapping: dict[str, Json]
    branches: list[Json]

    def settle(
        self, schemas: Mapping[ClassName, Json], components: Mapping[ClassName, str], report: Report
    ) -> None:
        """Complete the mapping by what the author left to the rules; `components` says the authors' names."""
        explicit = set(map(str, self.mapping.values()))
        for branch in self.branches:
            target = branch_target(branch) if isinstance(branch, (dict, bool)) else None
            if target is None:
                continue
            name = ClassName(target.removeprefix(PREFIX))
            implicit = components.get(name, str(name))
            own = _values(schemas.get(name), self.name, schemas, 0)
            if own is None:
                if target in explicit or not _is_choice(schemas.get(name), schemas, 0):
                    self.mapping.setdefault(implicit, target)
            elif implicit in own:
                self.mapping.setdefault(implicit, target)
            elif target not in explicit:
                for value in own:
                    self.mapping.setdefault(value, target)
                shown = ", ".join(f"`{value[:30]}`" for value in own[:3])
                what = f"the discriminator has no mapping for `{implicit}`, whose `{self.name}` is {shown}"
                fix = f"write `mapping: {{{own[0] if own else '…'}: '#/components/schemas/{implicit}'}}`"
                report.warn(self.node.source, "missing-mapping", f"{what}; it is taken as mapped", fix)


def _values(schema: Json, name: str, schemas: Mapping[ClassName, Json], depth: int) -> list[str] | None:
    """Return the texts that `schema` lets the property `name` be; None where it may be any."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    found: list[str] | None = None
    properties = schema.get("properties")
    if isinstance(properties, dict):
        found = _texts(properties.get(name), schemas, depth)
    for part in _parts(schema, schemas):
        more = _values(part, name, schemas, depth + 1)
        if more is not None:
            found = more if found is None else [value for value in found if value in more]
    return found


def _texts(schema: Json, schemas: Mapping[ClassName, Json], depth: int) -> list[str] | None:
    """Return the texts that `schema` accepts; None where it may accept any."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    if isinstance(schema.get("const"), str):
        return [str(schema["const"])]
    values = schema.get("enum")
    if isinstance(values, list):
        return [value for value in values if isinstance(value, str)]
    for part in _parts(schema, schemas):
        found = _texts(part, schemas, depth + 1)
        if found is not None:
            return found
    for key in ("anyOf", "oneOf"):
        members = schema.get(key)
        if isinstance(members, list):
            sets = [_texts(one, schemas, depth + 1) for one in members if one != {"type": "null"}]
            if all(one is not None for one in sets):
                return [value for one in sets if one is not None for value in one]
    return None


def _is_choice(schema: Json, schemas: Mapping[ClassName, Json], depth: int) -> bool:
    """Whether a branch has branches itself, which have names of their own."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return False
    if "oneOf" in schema or "anyOf" in schema:
        return True
    return any(_is_choice(part, schemas, depth + 1) for part in _parts(schema, schemas))


def _parts(schema: dict[str, Json], schemas: Mapping[ClassName, Json]) -> list[Json]:
    """Return what `schema` refers to and its parts, all of which hold for the same value."""
    members = schema.get("allOf")
    parts = list(members) if isinstance(members, list) else []
    ref = schema.get("$ref")
    return [schemas.get(ClassName(ref.removeprefix(PREFIX))), *parts] if isinstance(ref, str) else parts
