"""YAML and JSON values that know where they stand in their file.

`Map` and `Seq` are ordinary dicts and lists, so that everything that reads JSON reads them; each also holds
the offset of every key and value, from which a `Source` is computed only when somebody asks for one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import TypeAlias

from handfast.codegen.ir import Json, Source

Node: TypeAlias = "bool | int | float | str | Seq | Map | None"
"""A value of a contract file; containers know their place."""


class TextFile:
    """The name of a contract file and the offsets at which its lines start."""

    __slots__ = ("name", "starts")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.starts = [0]
        at = text.find("\n")
        while at >= 0:
            self.starts.append(at + 1)
            at = text.find("\n", at + 1)

    def source(self, offset: int) -> Source:
        """Return the place of the character at `offset`."""
        line = bisect_right(self.starts, offset)
        return Source(self.name, line, offset - self.starts[line - 1] + 1)


class Map(dict[str, Node]):
    """A mapping with the places of itself, its keys and its values."""

    __slots__ = ("file", "marks", "offset")

    def __init__(self, file: TextFile, offset: int) -> None:
        super().__init__()
        self.file = file
        self.offset = offset
        self.marks: dict[str, tuple[TextFile, int, int]] = {}
        """Key → (file, offset of the key, offset of its value); a merged entry keeps its own file."""

    def put(self, key: str, value: Node, key_offset: int, value_offset: int) -> None:
        """Set `key`, which stands at `key_offset` of this mapping's file."""
        self[key] = value
        self.marks[key] = (self.file, key_offset, value_offset)

    def put_from(self, other: Map, key: str, value: Node) -> None:
        """Set `key` to `value`, with the places that `key` has in `other`."""
        self[key] = value
        if key in other.marks:
            self.marks[key] = other.marks[key]

    def empty_copy(self) -> Map:
        """Return a mapping without entries that stands at the same place."""
        return Map(self.file, self.offset)

    @property
    def source(self) -> Source:
        """Where the mapping begins."""
        return self.file.source(self.offset)

    def key_source(self, key: str) -> Source:
        """Where `key` is written; where the mapping begins if it is not."""
        if key not in self.marks:
            return self.source
        file, offset, _ = self.marks[key]
        return file.source(offset)

    def value_source(self, key: str) -> Source:
        """Where the value of `key` is written; where the mapping begins if there is none."""
        if key not in self.marks:
            return self.source
        file, _, offset = self.marks[key]
        return file.source(offset)


class Seq(list[Node]):
    """A sequence with the places of itself and its items."""

    __slots__ = ("file", "marks", "offset")

    def __init__(self, file: TextFile, offset: int) -> None:
        super().__init__()
        self.file = file
        self.offset = offset
        self.marks: list[tuple[TextFile, int]] = []

    def put(self, value: Node, offset: int) -> None:
        """Append `value`, which stands at `offset` of this sequence's file."""
        self.append(value)
        self.marks.append((self.file, offset))

    def put_from(self, other: Seq, index: int, value: Node) -> None:
        """Append `value`, with the place that `index` has in `other`."""
        self.append(value)
        self.marks.append(other.marks[index])

    def remove_at(self, index: int) -> None:
        """Remove the item at `index`."""
        del self[index], self.marks[index]

    def empty_copy(self) -> Seq:
        """Return a sequence without items that stands at the same place."""
        return Seq(self.file, self.offset)

    @property
    def source(self) -> Source:
        """Where the sequence begins."""
        return self.file.source(self.offset)

    def value_source(self, index: int) -> Source:
        """Where the item at `index` is written."""
        file, offset = self.marks[index]
        return file.source(offset)


def plain(node: Node) -> Json:
    """Return `node` as plain dicts and lists, without places."""
    if isinstance(node, Map):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, Seq):
        return [plain(value) for value in node]
    return node


def child_source(parent: Map | Seq, key: str | int) -> Source:
    """Where the value at `key` of `parent` is written."""
    if isinstance(parent, Map):
        return parent.value_source(str(key))
    return parent.value_source(int(key))


def entry_source(owner: Map | Seq, key: str | int) -> Source:
    """Where the entry at `key` of `owner` begins: at its key, or at the item of a list."""
    return owner.key_source(str(key)) if isinstance(owner, Map) else owner.value_source(int(key))


def kind_of(node: Node) -> str:
    """Name the kind of `node` as a contract author would: a mapping, a list, a text and so on."""
    if node is None:
        return "nothing"
    if isinstance(node, Map):
        return "a mapping"
    if isinstance(node, Seq):
        return "a list"
    if isinstance(node, bool):
        return "a boolean"
    if isinstance(node, str):
        return "a text"
    return "a number"


def strings(nodes: Iterable[Node]) -> list[str]:
    """Return those of `nodes` that are texts."""
    return [node for node in nodes if isinstance(node, str)]
