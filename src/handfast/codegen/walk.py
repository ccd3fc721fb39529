"""Visits every object of a document, by the grammar: one order for whoever mends, counts or explains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from handfast.codegen.grammar import KINDS, is_extension, slot_of
from handfast.codegen.source import Map, Node, Seq


@dataclass(frozen=True, slots=True)
class Visit:
    """One object of a document: its kind, and where it stands."""

    kind: str
    node: Map
    path: tuple[str, ...]
    """The tokens of its JSON Pointer."""
    owner: Map | Seq | None
    """What holds it; None for the document itself."""
    key: str | int
    """Its key or index in `owner`."""


def walk(root: Map, *, leaves: frozenset[str] = frozenset()) -> Iterator[Visit]:
    """Yield the document and every object in it, in the order of the text, those behind no `$ref`.

    What objects of the kinds `leaves` hold is passed over.

    An object may be changed while it is visited: what it holds is looked at afterwards.
    """
    pending = [Visit("document", root, (), None, "")]
    while pending:
        visit = pending.pop()
        yield visit
        if visit.kind not in leaves:
            pending.extend(reversed(list(_children(visit))))


def _children(visit: Visit) -> Iterator[Visit]:
    kind = KINDS[visit.kind]
    for key, value in visit.node.items():
        slot = slot_of(kind, key)
        path = (*visit.path, key)
        if slot.shape in ("one", "one-or-list") and isinstance(value, Map):
            yield Visit(slot.kind, value, path, visit.node, key)
        elif slot.shape in ("list", "one-or-list") and isinstance(value, Seq):
            for index, item in enumerate(value):
                if isinstance(item, Map):
                    yield Visit(slot.kind, item, (*path, str(index)), value, index)
        elif slot.shape == "map" and isinstance(value, Map):
            for name, item in _entries(value):
                if key == "responses" and visit.kind == "operation" and is_extension(name):
                    continue  # the only map of objects that may hold extensions (OpenAPI 3.1, 4.8.16)
                yield Visit(slot.kind, item, (*path, name), value, name)


def _entries(value: Map) -> Iterator[tuple[str, Map]]:
    for name, item in value.items():
        if isinstance(item, Map):
            yield name, item


def key_of(visit: Visit) -> str | int:
    """Return where an object stands in its owner by now: items before it may have been removed."""
    if isinstance(visit.owner, Seq):
        return next(index for index, item in enumerate(visit.owner) if item is visit.node)
    return visit.key


def copied(node: Node) -> Node:
    """Return a copy of `node` whose parts stand where those of `node` stand."""
    if isinstance(node, Map):
        result = node.empty_copy()
        for key, value in node.items():
            result.put_from(node, key, copied(value))
        return result
    if isinstance(node, Seq):
        items = node.empty_copy()
        for index, value in enumerate(node):
            items.put_from(node, index, copied(value))
        return items
    return node
