"""Dynamic references (JSON Schema 2020-12, 8.2.3.2): what they name depends on the way that leads to them.

A schema below which dynamic references stand is converted once for each way that makes a difference. What a
way amounts to is its scope: for each dynamic anchor the outermost schema with it, among the schema resources
that the way has entered.
"""

from __future__ import annotations

from typing import Final, TypeAlias
from urllib.parse import urljoin

from handfast.codegen import pointer as pointers
from handfast.codegen.resources import holds
from handfast.codegen.source import Map, Node, Seq

Scope: TypeAlias = tuple[tuple[str, int], ...]
"""Anchor and id of the node that it stands for, sorted."""

NOWHERE: Final[Scope] = ()
MOST_SCOPES: Final = 200
"""How many ways are told apart; resources that refer to each other in every order would multiply."""
_DATA = frozenset(("example", "examples", "default", "enum", "const", "value", "dataValue"))


class Scopes:
    """The schema resources of a bundled document, and the dynamic anchors in each."""

    def __init__(self, root: Map) -> None:
        """Look for dynamic references; without one there is nothing to know."""
        self._resource: dict[int, str] = {}
        """id of a node → the URI of its resource, else its file."""
        self._anchors: dict[str, dict[str, Map]] = {}
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
        """Return what the `$dynamicRef` of `node` names on a way with the scope, None for nothing."""
        path, _, name = str(node["$dynamicRef"]).partition("#")
        base = self._resource.get(id(node), "")
        found = self._anchors.get(urljoin(base, path) if path else base, {}).get(name)
        return None if found is None else self._nodes.get(dict(scope).get(name, -1), found)

    def _read(self, root: Map) -> None:
        """Find resources and anchors, then all below which, by references too, dynamic ones stand."""
        users: dict[int, list[int]] = {}
        seeds: list[int] = []
        pending: list[tuple[Node, str, Map]] = [(root, root.file.name, root)]
        while pending:
            node, base, owner = pending.pop()
            if isinstance(node, Seq):
                pending += [(item, base, owner) for item in node]
            if not isinstance(node, Map):
                continue
            users.setdefault(id(node), []).append(id(owner))
            if id(node) in self._nodes:
                continue
            own = node.get("$id")
            if isinstance(own, str):
                base = urljoin(base, own).partition("#")[0]
            elif node.file.name != owner.file.name:
                base = node.file.name  # a part of another file was brought in here
            self._nodes[id(node)], self._resource[id(node)] = node, base
            anchor, ref = node.get("$dynamicAnchor"), node.get("$ref")
            if isinstance(anchor, str):
                self._anchors.setdefault(base, {}).setdefault(anchor, node)
            if isinstance(node.get("$dynamicRef"), str):
                seeds.append(id(node))
            target = _at(root, ref) if isinstance(ref, str) and ref.startswith("#") else None
            if target is not None:
                users.setdefault(id(target), []).append(id(node))
            inner = [(value, base, node) for key, value in node.items() if _may_hold(key)]
            pending += reversed(inner)
        while seeds:
            one = seeds.pop()
            if one not in self._relevant:
                self._relevant.add(one)
                seeds += users.get(one, ())


def _may_hold(key: str) -> bool:
    return key not in _DATA and not key.startswith("x-")


def _at(root: Map, ref: str) -> Map | None:
    try:
        found = pointers.lookup(root, ref[1:])
    except pointers.Dangling:
        return None
    return found if isinstance(found, Map) else None
