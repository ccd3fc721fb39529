"""Dynamic references (JSON Schema 2020-12, 8.2.3.2): what they name depends on the way that leads to them.

A schema below which dynamic references stand is converted once for each way that makes a difference. What a
way amounts to is its scope: for each dynamic anchor the outermost schema with it, among the schema resources
that the way has entered.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from handfast.codegen import pointer as pointers
from handfast.codegen.resources import holds, joined
from handfast.codegen.source import Map
from handfast.codegen.walk import walk

Scope: TypeAlias = tuple[tuple[str, int], ...]
"""Anchor and id of the node that it stands for, sorted."""

NOWHERE: Final[Scope] = ()
MOST_SCOPES: Final = 200
"""How many ways are told apart; resources that refer to each other in every order would multiply."""


class Scopes:
    """The schema resources of a bundled document, and the dynamic anchors in each."""

    def __init__(self, root: Map) -> None:
        """Look for dynamic references; without one there is nothing to know."""
        self._resource: dict[int, str] = {}
        """id of a node → the URI of its resource, else its file."""
        self._anchors: dict[str, dict[str, Map]] = {}
        """Resource → its dynamic anchors."""
        self._plain: dict[tuple[str, str], Map] = {}
        """(resource, plain anchor) → its schema."""
        self._roots: dict[str, Map] = {}
        """Resource → the node from which its pointers count."""
        self._nodes: dict[int, Map] = {}
        self._relevant: set[int] = set()
        self._known: set[Scope] = set()
        self.too_many = False
        if holds(root, frozenset(("$dynamicRef",))):
            self._read(root)

    def enter(self, scope: Scope, node: Map) -> Scope:
        """Return the scope in which `node` is read on a way with the scope `scope`."""
        if id(node) not in self._nodes:
            return scope  # the keywords beside a reference, which are no resource of their own
        if id(node) not in self._relevant:
            return NOWHERE
        found = {name: id(one) for name, one in self._anchors.get(self._resource[id(node)], {}).items()}
        entered = tuple(sorted((found | dict(scope)).items()))
        if entered not in self._known and len(self._known) >= MOST_SCOPES:
            self.too_many = True
            return scope
        self._known.add(entered)
        return entered

    def target(self, node: Map, scope: Scope) -> Map | None:
        """Return what the `$dynamicRef` of `node` names on a way with the scope, None for nothing.

        What is no dynamic anchor is named as by `$ref`: a plain anchor, or a pointer.
        """
        path, _, name = str(node["$dynamicRef"]).partition("#")
        base = self._resource.get(id(node), "")
        base = joined(base, path) if path else base
        found = self._anchors.get(base, {}).get(name)
        if found is not None:
            return self._nodes.get(dict(scope).get(name, -1), found)
        root = self._roots.get(base)
        if name[:1] in ("", "/") and root is not None:
            return _at(root, name)
        return self._plain.get((base, name))

    def _read(self, root: Map) -> None:
        """Find resources and anchors, then all below which, by references too, dynamic ones stand."""
        users: dict[int, list[int]] = {}
        seeds: list[int] = []
        above: dict[tuple[str, ...], Map] = {}
        self._roots[root.file.name] = root
        for visit in walk(root):
            node = visit.node
            if visit.kind != "schema":
                continue
            outer = _nearest(above, visit.path)
            above[visit.path] = node
            if outer is not None:
                users.setdefault(id(node), []).append(id(outer))
            if id(node) in self._nodes:
                continue
            own, base = node.get("$id"), self._resource[id(outer)] if outer is not None else root.file.name
            if isinstance(own, str):
                base = joined(base, own).partition("#")[0]
                self._roots.setdefault(base, node)
            elif node.file.name != (outer or root).file.name:
                base = node.file.name  # a part of another file was brought in here
            self._nodes[id(node)], self._resource[id(node)] = node, base
            dynamic, plain = node.get("$dynamicAnchor"), node.get("$anchor")
            if isinstance(dynamic, str):
                self._anchors.setdefault(base, {}).setdefault(dynamic, node)
            if isinstance(plain, str):
                self._plain.setdefault((base, plain), node)
            if isinstance(node.get("$dynamicRef"), str):
                seeds.append(id(node))
            ref = node.get("$ref")
            target = _at(root, ref[1:]) if isinstance(ref, str) and ref.startswith("#") else None
            if target is not None:
                users.setdefault(id(target), []).append(id(node))
        while seeds:
            one = seeds.pop()
            if one not in self._relevant:
                self._relevant.add(one)
                seeds += users.get(one, ())


def _nearest(above: dict[tuple[str, ...], Map], path: tuple[str, ...]) -> Map | None:
    """Return the schema around the place `path`."""
    return next((above[path[:end]] for end in range(len(path) - 1, 0, -1) if path[:end] in above), None)


def _at(root: Map, pointer: str) -> Map | None:
    try:
        found = pointers.lookup(root, pointer)
    except pointers.Dangling:
        return None
    return found if isinstance(found, Map) else None
