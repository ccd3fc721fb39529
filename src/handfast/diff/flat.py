"""One schema as the list of its parts: through `$ref` and `allOf`, and past a mere "or null".

What a schema says of a value is then found in one list, however its author has divided it; so moving
properties into a shared part is no change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from handfast.codegen import pointer as pointers
from handfast.codegen.source import Map
from handfast.diff.contract import At

_ALL = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))
_NOT_ASKED = frozenset(("$ref", "allOf"))
Bound: TypeAlias = "tuple[float, bool]"
"""A border, and whether it is itself excluded."""


@dataclass(frozen=True, slots=True)
class Part:
    """One schema object, its keywords as JSON Schema 2020-12 has them."""

    at: At
    keywords: dict[str, Any]
    nullable: bool
    """Whether null is accepted beside what it says."""

    @property
    def node(self) -> Map:
        """The schema object."""
        assert isinstance(self.at.node, Map)  # noqa: S101 (made of mappings only)
        return self.at.node

    def types(self) -> frozenset[str]:
        """The types that it admits; a number includes whole ones."""
        named = self.keywords.get("type")
        if named is None:
            return _ALL
        found = frozenset([named] if isinstance(named, str) else named)
        found |= {"integer"} if "number" in found else frozenset()
        return found | {"null"} if self.nullable else found


@dataclass(slots=True)
class Flat:
    """All parts of what a value must obey."""

    roots: tuple[At, ...]
    """The schemas themselves; empty means that anything is accepted."""
    parts: list[Part] = field(default_factory=list)
    never: bool = False

    @property
    def nodes(self) -> tuple[Any, ...]:
        """The schemas as their contract has them."""
        return tuple(at.node for at in self.roots)

    def types(self) -> frozenset[str]:
        """The types that all parts admit."""
        found = _ALL
        for part in self.parts:
            found &= part.types()
        return found

    def holder(self, *keys: str) -> Part | None:
        """Return the first part that has one of the keywords."""
        return next((part for part in self.parts if any(key in part.keywords for key in keys)), None)

    def all(self, key: str) -> list[Any]:
        """Return every value of a keyword that holds no schemas."""
        return [part.keywords[key] for part in self.parts if key in part.keywords]

    def values(self) -> list[Any] | None:
        """Return the values that `enum` and `const` leave; None where there is no such keyword."""
        found: list[Any] | None = None
        for part in self.parts:
            for key in ("enum", "const"):
                if key in part.keywords:
                    named = part.keywords[key] if key == "enum" else [part.keywords[key]]
                    named = [*named, None] if part.nullable and None not in named else named
                    found = named if found is None else [one for one in found if _in(one, named)]
        return found

    def required(self) -> dict[str, Part]:
        """Return the properties that are demanded, and by which part."""
        return {name: part for part in self.parts for name in part.keywords.get("required", ())}

    def children(self, key: str) -> list[At]:
        """Return the schemas under a keyword that holds one."""
        return [part.at.child(key) for part in self.parts if isinstance(part.node.get(key), (Map, bool))]

    def named(self, key: str) -> dict[str, list[At]]:
        """Return the schemas under a keyword that holds several by name."""
        found: dict[str, list[At]] = {}
        for part in self.parts:
            for name, at in _entries(part.at, key):
                found.setdefault(name, []).append(at)
        return found

    def having(self, keys: frozenset[str]) -> list[Part]:
        """Return the parts that have one of the keys as the author wrote them."""
        return [part for part in self.parts if keys & part.node.keys() - _NOT_ASKED]


def _entries(at: At, key: str) -> Iterator[tuple[str, At]]:
    inner = at.child(key)
    if isinstance(inner.node, Map):
        for name in inner.node:
            yield name, inner.child(name)


def _in(value: Any, values: Sequence[Any]) -> bool:
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in values)


def flatten(roots: tuple[At, ...]) -> Flat:
    """Return the parts of schemas that hold together."""
    flat = Flat(roots)
    for at in roots:
        _collect(at, flat, nullable=False, seen=frozenset())
    return flat


def _collect(at: At, flat: Flat, *, nullable: bool, seen: frozenset[int]) -> None:
    node = at.node
    if node is False:
        flat.never = True
    if not isinstance(node, Map) or id(node) in seen:
        return
    seen |= {id(node)}
    dialect = at.contract.dialect
    if dialect.old and node.get("nullable") is True and not dialect.types(node):
        nullable = nullable or "enum" not in node
    ref = node.get("$ref")
    if isinstance(ref, str) and ref.startswith("#"):
        _collect(at.deref(), flat, nullable=nullable, seen=seen)
        if dialect.old:
            return
    other = _beside_null(at)
    keywords = {} if isinstance(ref, str) and set(node) == {"$ref"} else dialect.keywords(node)
    if other is not None:
        _collect(other, flat, nullable=True, seen=seen)
    if keywords or set(node) - {"$ref"}:
        flat.parts.append(Part(at, keywords, nullable))
    for one in at.items("allOf"):
        _collect(one, flat, nullable=nullable, seen=seen)


def _beside_null(at: At) -> At | None:
    """Return the one branch beside null of a choice that says nothing else."""
    for key in ("anyOf", "oneOf"):
        branches = at.items(key)
        others = [one for one in branches if not is_null(one)]
        if len(branches) == 2 and len(others) == 1:
            return others[0]
    return None


def referred(at: At) -> At:
    """Return what a schema that is nothing but a reference leads to, so that all its users share it."""
    for _ in range(100):
        node = at.node
        if not isinstance(node, Map) or set(node) != {"$ref"} or not str(node["$ref"]).startswith("#"):
            break
        at = at.contract.at(tuple(pointers.tokens(str(node["$ref"])[1:])))
    return at


def is_null(at: At) -> bool:
    """Whether a schema admits null alone."""
    node = at.node
    return isinstance(node, Map) and node.get("type") in ("null", ["null"])


def choices(part: Part) -> list[tuple[str, list[At]]]:
    """Return the choices of a part (`anyOf`, `oneOf`) that are more than an "or null"."""
    found = []
    for key in ("anyOf", "oneOf"):
        branches = part.at.items(key)
        others = [one for one in branches if not is_null(one)]
        if branches and not (len(branches) == 2 and len(others) == 1):
            found.append((key, branches))
    return found
