"""A schema as alternatives of plain demands: references followed, `allOf` joined, branches chosen.

JSON Schema 2020-12 lets a value satisfy a schema in several ways (`anyOf`, `oneOf`, `if`). Each way is one
`Merged`: everything that the value has to meet then, without combinators. What a way must not be (`not`, the
other branches of `oneOf`) is left to the validator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeAlias

from handfast.runtime.readings import ALL_TYPES
from handfast.runtime.schemas import Schema, View

Part: TypeAlias = dict[str, Any]
MOST_WAYS: Final = 48
"""Ways of one schema that are looked at."""
DEEPEST: Final = 24
"""How many references and combinators may follow one another."""


@dataclass(slots=True)
class Merged:
    """What a value has to meet, each keyword with all that is said of it."""

    types: frozenset[str] = ALL_TYPES
    parts: list[Part] = field(default_factory=list)

    def all(self, keyword: str) -> list[Any]:
        """Every value of `keyword`."""
        return [part[keyword] for part in self.parts if keyword in part]

    def most(self, keyword: str) -> Any | None:
        """The largest value of `keyword`, None where nothing says it."""
        return max(self.all(keyword), default=None)

    def least(self, keyword: str) -> Any | None:
        """The smallest value of `keyword`, None where nothing says it."""
        return min(self.all(keyword), default=None)

    @property
    def values(self) -> list[Any] | None:
        """The only values there are, None where they are not listed."""
        lists = [*self.all("enum"), *([one] for one in self.all("const"))]
        if not lists:
            return None
        first, *others = lists
        return [value for value in first if all(_in(value, other) for other in others)]

    @property
    def required(self) -> list[str]:
        """The properties that must be there, each once."""
        return list(dict.fromkeys(name for names in self.all("required") for name in names))

    @property
    def properties(self) -> dict[str, list[Schema]]:
        """The properties that are described, with every schema each must meet."""
        found: dict[str, list[Schema]] = {}
        for described in self.all("properties"):
            for name, schema in described.items():
                found.setdefault(name, []).append(schema)
        return found


def _in(value: object, values: list[Any]) -> bool:
    return any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in values)


def ways(view: View, schema: Schema) -> Iterator[Merged]:
    """Yield the ways to satisfy `schema`, the author's first choice first; none where nothing can."""
    return islice(_ways(view, [schema], Merged(), 0, frozenset()), MOST_WAYS)


def _ways(
    view: View, todo: list[Schema], found: Merged, depth: int, seen: frozenset[str]
) -> Iterator[Merged]:
    if not todo:
        yield found
        return
    schema, *rest = todo
    if schema is False or depth > DEEPEST:
        return
    if schema is True:
        yield from _ways(view, rest, found, depth, seen)
        return
    plain = {key: value for key, value in schema.items() if key not in _COMBINATORS}
    types = found.types & _types(schema)
    if not types:
        return
    merged = Merged(types, [*found.parts, plain])
    ref = schema.get("$ref")
    if isinstance(ref, str):
        if ref in seen and depth > DEEPEST // 2:
            return
        seen |= {ref}
        rest = [view.target(ref), *rest]
    rest = [*schema.get("allOf", ()), *rest]
    for chosen in _choices(schema):
        yield from _ways(view, [*chosen, *rest], merged, depth + 1, seen)


_COMBINATORS: Final = frozenset(("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else", "not"))


def _choices(schema: Part) -> Iterator[list[Schema]]:
    """Yield the combinations of branches; one of each combinator has to hold."""
    branches: list[list[list[Schema]]] = []
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            branches.append([[one] for one in schema[keyword]])
    if "if" in schema:
        branches.append([[schema["if"], schema.get("then", True)], [schema.get("else", True)]])
    yield from _product(branches)


def _product(branches: list[list[list[Schema]]]) -> Iterator[list[Schema]]:
    if not branches:
        yield []
        return
    first, *others = branches
    for option in first:
        for rest in _product(others):
            yield [*option, *rest]


def _types(schema: Part) -> frozenset[str]:
    """Return the types that `type` leaves, and `not` where it names nothing but types."""
    found = ALL_TYPES if "type" not in schema else _named_types(schema["type"])
    forbidden = schema.get("not")
    if isinstance(forbidden, dict) and set(forbidden) == {"type"}:
        found -= _named_types(forbidden["type"])
    return found


def _named_types(named: str | list[str]) -> frozenset[str]:
    found = frozenset(named if isinstance(named, list) else [named])
    return found | {"integer"} if "number" in found else found
