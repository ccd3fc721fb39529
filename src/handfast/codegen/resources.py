"""Schemas that have a URI of their own (`$id`), and places in them that have a name (`$anchor`).

Within such a schema a reference is read from its URI, not from the file (JSON Schema 2020-12, 8.2). Both are
found once, when a file is read, so that bundling can say by file and pointer what a reference names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urljoin

from handfast.codegen import pointer as pointers
from handfast.codegen.source import Map, Node, Seq
from handfast.validation.pointers import escape
from handfast.validation.pointers import pointer as pointer_of

_DATA = frozenset(("example", "examples", "default", "enum", "const", "value", "dataValue"))
_ANCHORS = ("$anchor", "$dynamicAnchor")


@dataclass(slots=True)
class Resources:
    """The schemas and anchors of the files that have been read."""

    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    """URI of a schema → its file and pointer."""
    anchors: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """(URI of a schema, else name of a file; anchor) → file and pointer."""
    _inside: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """File → (pointer, URI) of the schemas in it."""

    def add(self, file: str, root: Node) -> None:
        """Note what the file at `file` identifies."""
        pending: list[tuple[Node, str, str]] = [(root, "", "")]
        while pending:
            node, place, base = pending.pop()
            if isinstance(node, Seq):
                pending += [(item, f"{place}/{index}", base) for index, item in enumerate(node)]
            if not isinstance(node, Map):
                continue
            own = node.get("$id")
            if isinstance(own, str):
                base = joined(base, own).partition("#")[0]
                self.places.setdefault(base, (file, place))
                self._inside.setdefault(file, []).append((place, base))
            for key in _ANCHORS:
                name = node.get(key)
                if isinstance(name, str):
                    self.anchors.setdefault((base or file, name), (file, place))
            pending += [
                (value, f"{place}/{escape(key)}", base)
                for key, value in node.items()
                if key not in _DATA and not key.startswith("x-")
            ]

    def base(self, file: str, pointer: str) -> str:
        """Return the URI from which references at `pointer` of a file are read; empty: from the file."""
        place = pointer_of(pointers.tokens(pointer))
        around = [
            (len(start), uri)
            for start, uri in self._inside.get(file, ())
            if place == start or place.startswith(f"{start}/")
        ]
        return max(around)[1] if around else ""

    def find(self, ref: str, base: str) -> tuple[str, str] | None:
        """Return the file and pointer of what `ref` names, read from `base`; None if that has no URI."""
        path, _, fragment = ref.partition("#")
        uri = joined(base, path) if path else base
        if uri not in self.places:
            return None
        if fragment and not fragment.startswith("/"):
            return self.anchors.get((uri, fragment))
        file, place = self.places[uri]
        return file, place + fragment

    def anchor(self, file: str, name: str) -> tuple[str, str] | None:
        """Return the place of an anchor in a file, outside of schemas with a URI but for the file itself."""
        own = next((uri for start, uri in self._inside.get(file, ()) if not start), file)
        return self.anchors.get((own, name))


def joined(base: str, ref: str) -> str:
    """Return `ref` as read from `base` (RFC 3986, 5.2); one that is no reference is left as it is."""
    try:
        return urljoin(base, ref)
    except ValueError:  # such as a broken address in brackets
        return ref


def holds(node: Node, keys: frozenset[str]) -> bool:
    """Whether a mapping somewhere in `node` has one of `keys`."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, Map):
            if not keys.isdisjoint(one):
                return True
            pending += one.values()
        elif isinstance(one, Seq):
            pending += one
    return False
