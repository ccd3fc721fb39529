"""One legal contract as a comparison reads it: operations by request, schemas as documents, places known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from handfast.codegen import pointer as pointers
from handfast.codegen.dialect import Dialect
from handfast.codegen.grammar import is_extension, operations_in, place_of
from handfast.codegen.ir import Source
from handfast.codegen.legalpaths import template_shape
from handfast.codegen.normalise import Normaliser
from handfast.codegen.project import Loaded
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq, child_source, plain
from handfast.diff.documents import Documents
from handfast.diff.model import Where
from handfast.validation.pointers import pointer as pointer_of

Path: TypeAlias = tuple[str, ...]
"""The tokens of a JSON Pointer."""


@dataclass(frozen=True, slots=True)
class At:
    """A value of a contract and where it stands."""

    node: Node
    path: Path
    source: Source
    contract: Contract = field(repr=False, compare=False)

    def child(self, key: str | int) -> At:
        """Return what stands under `key`, which need not be there."""
        path = (*self.path, str(key))
        if isinstance(self.node, Map):
            if str(key) in self.node:
                return At(self.node[str(key)], path, self.node.key_source(str(key)), self.contract)
        elif isinstance(self.node, Seq) and int(key) < len(self.node):
            return At(self.node[int(key)], path, child_source(self.node, int(key)), self.contract)
        return At(None, path, self.source, self.contract)

    def deref(self) -> At:
        """Return what a chain of references leads to, at its own place."""
        at = self
        for _ in range(100):
            ref = at.node.get("$ref") if isinstance(at.node, Map) else None
            if not isinstance(ref, str) or not ref.startswith("#"):
                break
            at = at.contract.at(tuple(pointers.tokens(ref[1:])))
        return at

    def get(self, key: str) -> Node:
        """Return the value under `key` of a mapping, None where there is none."""
        return self.node.get(key) if isinstance(self.node, Map) else None

    def entries(self, key: str) -> dict[str, At]:
        """Return the entries of the mapping under `key`, but for extensions."""
        inner = self.child(key)
        found = inner.node if isinstance(inner.node, Map) else {}
        return {name: inner.child(name) for name in found if not is_extension(name)}

    def items(self, key: str) -> list[At]:
        """Return the items of the list under `key`."""
        inner = self.child(key)
        return [inner.child(index) for index in range(len(inner.node))] if isinstance(inner.node, Seq) else []

    def where(self, *, shown: bool = True) -> Where:
        """Return it as a report names it."""
        text = "#" + pointer_of(self.path)
        return Where(text, self.source, plain(self.node) if shown else None)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its request line, its object and that of its path."""

    method: str
    path: str
    at: At
    item: At

    @property
    def name(self) -> str:
        """`METHOD /path`."""
        return f"{self.method} {self.path}"

    @property
    def shape(self) -> tuple[str, str]:
        """What matches the same requests has the same shape."""
        return (self.method, template_shape(self.path))


class Contract:
    """One contract file with what it refers to."""

    def __init__(self, root: Map, names: frozenset[tuple[str, str]] | None = None) -> None:
        """Take a legal document, and (method, path) of the operations that are answered (None: all)."""
        self.root = root
        self.version = str(root.get("openapi", ""))
        report = Report()
        self.schemas = Normaliser(root, report)
        self.schemas.components()
        self.dialect = Dialect(self.version.startswith("3.0"), report)
        self.documents = Documents(self.schemas)
        self.top = At(root, (), root.source, self)
        self.operations = tuple(self._operations("paths", names))
        self.webhooks = tuple(self._operations("webhooks", None))

    def at(self, path: Path) -> At:
        """Return what stands at a JSON Pointer; references on the way are followed."""
        at = self.top
        for token in path:
            if isinstance(at.node, Map) and token not in at.node:
                at = at.deref()
            known, _ = pointers.step(at.node, token)
            if not known:
                return At(None, path, at.source, self)
            at = at.child(token)
        return at

    def _operations(self, section: str, names: frozenset[tuple[str, str]] | None) -> Iterator[Operation]:
        for path, entry in self.top.entries(section).items():
            item = entry.deref()
            if isinstance(item.node, Map):
                yield from operations_of(path, item, names)


def operations_of(
    path: str, item: At, names: frozenset[tuple[str, str]] | None = None
) -> Iterator[Operation]:
    """Yield the operations of a path item."""
    if not isinstance(item.node, Map):
        return
    for method, _, _ in operations_in(item.node):
        if names is not None and (method, path) not in names:
            continue
        at = item
        for key in place_of(method):
            at = at.child(key)
        at = at.deref()
        if isinstance(at.node, Map):
            yield Operation(method, path, at, item)


def contracts(loaded: Loaded) -> tuple[Contract, ...]:
    """Return the contracts of a project, or of a file, that nothing is fatally wrong with."""
    found = []
    for feature in loaded.features:
        names = frozenset((operation.method, operation.path) for operation in feature.operations)
        found.append(Contract(loaded.roots[feature.file], names))
    return tuple(found)


def references(node: Node) -> Iterator[str]:
    """Yield every local reference in `node`."""
    if isinstance(node, Map):
        ref = node.get("$ref")
        if isinstance(ref, str):
            yield ref
        for value in node.values():
            if isinstance(value, (Map, Seq)):
                yield from references(value)
    elif isinstance(node, Seq):
        for value in node:
            if isinstance(value, (Map, Seq)):
                yield from references(value)


class Pair:
    """Two contracts, and which of their parts mean the same without being looked into."""

    def __init__(self, old: Contract, new: Contract) -> None:
        """Find out which references lead to something else than before."""
        self.old, self.new = old, new
        self.comparable = old.dialect.old == new.dialect.old
        self._changed = self._find() if self.comparable else frozenset()
        self._refers: dict[int, tuple[Node, bool]] = {}

    def same(self, old: Node, new: Node) -> bool:
        """Whether two parts, and all that they refer to, are written alike."""
        return self.comparable and old == new and not self._reaches_change(new)

    def _reaches_change(self, node: Node) -> bool:
        known = self._refers.get(id(node))
        if known is None or known[0] is not node:
            known = (node, any(ref in self._changed for ref in references(node)))
            if isinstance(node, (Map, Seq)):
                self._refers[id(node)] = known
        return known[1]

    def _find(self) -> frozenset[str]:
        users: dict[str, set[str]] = {}
        changed: list[str] = []
        waiting = list(dict.fromkeys([*references(self.new.root), *references(self.old.root)]))
        for ref in waiting:
            if not ref.startswith("#"):
                continue
            old, new = (_target(contract.root, ref) for contract in (self.old, self.new))
            if old != new:
                changed.append(ref)
            for inner in {*references(old), *references(new)}:
                users.setdefault(inner, set()).add(ref)
        found: set[str] = set()
        while changed:
            ref = changed.pop()
            if ref not in found:
                found.add(ref)
                changed += users.get(ref, ())
        return frozenset(found)


def _target(root: Map, ref: str) -> Node:
    try:
        return pointers.lookup(root, ref[1:])
    except pointers.Dangling:
        return None
