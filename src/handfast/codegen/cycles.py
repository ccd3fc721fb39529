"""Schemas that apply to the same value without end: `A: {allOf: [{$ref: A}]}` can never be decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from handfast.codegen import pointer as pointers
from handfast.codegen.source import Map, Node, Seq

_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLES = ("not", "if", "then", "else")
_MAPS = ("dependentSchemas", "dependencies")


def find(root: Map, references: list[Map]) -> list[Map]:
    """Return the reference that closes each such circle; `references` are the `$ref` schemas of `root`."""
    done: set[int] = set()
    closing: list[Map] = []
    for reference in references:
        if id(reference) not in done:
            _search(root, reference, done, closing)
    return closing


def _search(root: Map, start: Map, done: set[int], closing: list[Map]) -> None:
    """Walk depth first with a stack of its own: chains of references may be longer than Python's."""
    active: set[int] = {id(start)}
    stack: list[tuple[Map, Iterator[Map]]] = [(start, _same_value(root, start))]
    while stack:
        node, children = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
            active.discard(id(node))
            done.add(id(node))
        elif id(child) in active:
            closing += [one for one, _ in reversed(stack) if "$ref" in one][:1]
        elif id(child) not in done:
            active.add(id(child))
            stack.append((child, _same_value(root, child)))


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
