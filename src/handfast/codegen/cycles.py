"""Schemas that apply to the same value without end: `A: {allOf: [{$ref: A}]}` can never be decided."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from handfast.codegen import pointer as pointers
from handfast.codegen.ir import ClassName, Json
from handfast.codegen.source import Map, Node, Seq
from handfast.codegen.types import PREFIX
from handfast.codegen.walk import walk

_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLES = ("not", "if", "then", "else")
_MAPS = ("dependentSchemas", "dependencies")
_SECTION: Final = re.compile(r"#/components/\w+/")
_SHOWN: Final = 5
"""Names of a chain that are told; the others are counted."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """References that follow each other, from the first: chains share their ends."""

    length: int
    first: Map
    rest: _Chain | None

    def nodes(self) -> Iterator[Map]:
        chain: _Chain | None = self
        while chain is not None:
            yield chain.first
            chain = chain.rest


def find(root: Map, references: list[Map]) -> list[list[Map]]:
    """Return each such circle as its `$ref` schemas, in their order; `references` are all those of `root`."""
    done: dict[int, _Chain | None] = {}
    circles: list[list[Map]] = []
    for reference in references:
        if id(reference) not in done:
            _search(root, reference, done, circles)
    return circles


def of_names(schemas: Mapping[ClassName, Json]) -> list[list[ClassName]]:
    """Return the circles among schemas that are converted, each as the names in it, in their order.

    Only dynamic references make any: circles of others are refused before.
    """
    led = {name: _names_in(schema) for name, schema in schemas.items()}
    done: set[ClassName] = set()
    circles = []
    for start in led:
        active: list[ClassName] = []
        stack = [] if start in done else [(start, iter(led[start]))]
        while stack:
            name, others = stack[-1]
            if not active or active[-1] != name:
                active.append(name)
            other = next(others, None)
            if other is None:
                stack.pop()
                active.pop()
                done.add(name)
            elif other in active:
                circles.append(active[active.index(other) :])
            elif other not in done and other in led:
                stack.append((other, iter(led[other])))
    return circles


def _names_in(schema: Json) -> list[ClassName]:
    """Return the names of the schemas that apply to the very value to which `schema` applies."""
    if not isinstance(schema, dict):
        return []
    found = [ClassName(str(schema["$ref"]).removeprefix(PREFIX))] if "$ref" in schema else []
    inner = [schema.get(key) for key in _SINGLES]
    for key in _LISTS:
        members = schema.get(key)
        inner += members if isinstance(members, list) else []
    members = schema.get("dependentSchemas")
    inner += members.values() if isinstance(members, dict) else ()
    return found + [name for one in inner for name in _names_in(one)]


def longest(root: Map) -> list[Map]:
    """Return the `$ref` schemas of the longest chain that applies to one value, in their order."""
    done: dict[int, _Chain | None] = {}
    for visit in walk(root):
        if visit.kind == "schema" and id(visit.node) not in done:
            _search(root, visit.node, done, [])
    chain = max(done.values(), key=_length, default=None)
    return list(chain.nodes()) if chain is not None else []


def _length(chain: _Chain | None) -> int:
    return 0 if chain is None else chain.length


def from_first(circle: list[Map]) -> list[Map]:
    """Return the references of a circle, begun at the one that is written first."""
    first = min(range(len(circle)), key=lambda at: _place(circle[at]))
    return circle[first:] + circle[:first]


def shown(chain: list[Map]) -> str:
    """Name what the references of a chain lead to, one after the other."""
    names = [f"`{_SECTION.sub('', str(one['$ref']))}`" for one in chain]
    left_out = len(names) - _SHOWN
    if left_out > 1:
        names = [*names[: _SHOWN - 1], f"{left_out} more", names[-1]]
    return " → ".join(names)


def _place(reference: Map) -> tuple[str, int, int]:
    source = reference.value_source("$ref")
    return source.file, source.line, source.column


def _search(root: Map, start: Map, done: dict[int, _Chain | None], circles: list[list[Map]]) -> None:
    """Walk depth first with a stack of its own: chains of references may be longer than Python's.

    `done` is filled with the longest chain of references from each schema.
    """
    active: set[int] = {id(start)}
    stack: list[tuple[Map, Iterator[Map]]] = [(start, _same_value(root, start))]
    chains: list[_Chain | None] = [None]
    while stack:
        node, children = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
            active.discard(id(node))
            chain = chains.pop()
            done[id(node)] = _Chain(_length(chain) + 1, node, chain) if "$ref" in node else chain
            if chains:
                chains[-1] = max(chains[-1], done[id(node)], key=_length)
        elif id(child) in active:
            at = next(at for at, (one, _) in enumerate(stack) if one is child)
            circles.append([one for one, _ in stack[at:] if "$ref" in one])
        elif id(child) not in done:
            active.add(id(child))
            stack.append((child, _same_value(root, child)))
            chains.append(None)
        else:
            chains[-1] = max(chains[-1], done[id(child)], key=_length)


def _same_value(root: Map, node: Map) -> Iterator[Map]:
    """Yield the schemas that apply to the very value to which `node` applies."""
    found: list[Node] = [node.get(key) for key in _SINGLES]
    for key in _LISTS:
        members = node.get(key)
        found += members if isinstance(members, Seq) else []
    for key in _MAPS:
        members = node.get(key)
        found += members.values() if isinstance(members, Map) else ()
    ref = node.get("$ref")
    if isinstance(ref, str) and ref.startswith("#"):
        with suppress(pointers.Dangling):  # reported elsewhere
            found.append(pointers.lookup(root, ref[1:]))
    return (child for child in found if isinstance(child, Map))
