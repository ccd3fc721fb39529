"""Changes of a contract's text, each of a few characters, that leave every other one as it is.

A change is made twice: in the text, and in the values that were read from it. Only when reading the new text
gives the new values is it kept.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from handfast.codegen.ir import Json
from handfast.codegen.load import LoadFault, parse, resolve
from handfast.codegen.source import Map, Node, Seq, plain

_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""", re.DOTALL)
_PLAIN = re.compile(r"[^\s,\[\]{}#]+")
_REST = re.compile(r"[ \t]*(\r\n|\n|\Z|#)")
_BETWEEN = re.compile(r"\s*,?\s*")


@dataclass(frozen=True, slots=True)
class Rename:
    """The key at `at`, which is `old`, becomes `new`."""

    at: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Replace:
    """The scalar at `at`, which is `old`, becomes `new`; `shown` is its text, `{}` stands for the old one."""

    at: int
    old: Node
    new: Json
    """None for the old text as a text."""
    shown: str


@dataclass(frozen=True, slots=True)
class Insert:
    """The mapping at `at` gets the entry `key: value` before its first one."""

    at: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Remove:
    """The entry whose key stands at `at`, and whose value is `old`, goes."""

    at: int
    key: str
    old: Node


Change = Rename | Replace | Insert | Remove
Repair = tuple[Change, ...]
"""Changes that are made together or not at all."""


class _Impossible(Exception):
    """A change that the text does not allow without touching more than it should."""


def repaired(text: str, name: str, repairs: Sequence[Repair]) -> tuple[str, tuple[Repair, ...]]:
    """Return `text` with those of `repairs` that can be made, and which they were.

    Raises `LoadFault` where the text itself cannot be read.
    """
    places = _Places(parse(text, name).root)
    possible = [repair for repair in repairs if _edits(text, places, [repair]) is not None]
    whole = _made(text, name, places, possible)
    if whole is not None:
        return whole, tuple(possible)
    kept: list[Repair] = []
    for repair in possible:
        if _made(text, name, places, [*kept, repair]) is not None:
            kept.append(repair)
    return _made(text, name, places, kept) or text, tuple(kept)


@dataclass(frozen=True, slots=True, order=True)
class _Edit:
    start: int
    end: int
    text: str


def _made(text: str, name: str, places: _Places, repairs: Sequence[Repair]) -> str | None:
    """Return the new text if it says what it should, and nothing else."""
    edits = _edits(text, places, repairs)
    if edits is None:
        return None
    new = _spliced(text, edits)
    if _unspliced(new, edits, text) != text:
        return None
    document = parse(text, name)
    meant = _Places(document.root)
    for repair in repairs:
        for change in repair:
            meant.apply(change, text)
    try:
        read = parse(new, name)
    except LoadFault:
        return None
    same = plain(read.root) == plain(document.root) and len(read.findings) <= len(document.findings)
    return new if same else None


def _spliced(text: str, edits: Iterable[_Edit]) -> str:
    parts, at = [], 0
    for edit in edits:
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join((*parts, text[at:]))


def _unspliced(new: str, edits: Iterable[_Edit], old: str) -> str:
    """Return `new` with the edits taken back: the text that it was made from, or one is wrong."""
    parts, at, moved = [], 0, 0
    for edit in edits:
        start = edit.start + moved
        parts += [new[at:start], old[edit.start : edit.end]]
        at = start + len(edit.text)
        moved += len(edit.text) - (edit.end - edit.start)
    return "".join((*parts, new[at:]))


def _edits(text: str, places: _Places, repairs: Sequence[Repair]) -> list[_Edit] | None:
    """Return the edits of the text in order; None where one is impossible or two overlap."""
    try:
        found = sorted(_edit(text, places, change) for repair in repairs for change in repair)
    except _Impossible:
        return None
    overlap = any(one.end > other.start for one, other in itertools.pairwise(found))
    return None if overlap else found


def _edit(text: str, places: _Places, change: Change) -> _Edit:
    match change:
        case Rename(at, old, new):
            token = _token(text, at)
            quote = token[:1] if token[:1] in ("'", '"') else ""
            if token.rstrip(":") != old and token != f"{quote}{old}{quote}":
                raise _Impossible
            return _Edit(at, at + len(old) + 2 * len(quote), f"{quote}{new}{quote}")
        case Replace(at, str(old), str(new), _):
            token = _scalar(text, at, old)
            return _Edit(at, at + len(token), token.replace(old, new))
        case Replace(at, old, _, shown):
            token = _scalar(text, at, old)
            return _Edit(at, at + len(token), shown.replace("{}", token))
        case Insert(at, key, value):
            return _insert(text, at, key, value)
        case Remove(at, _, old):
            return _remove(text, places, at, old)


def _token(text: str, at: int) -> str:
    found = _QUOTED.match(text, at) or _PLAIN.match(text, at)
    if found is None:
        raise _Impossible
    return found.group()


def _scalar(text: str, at: int, value: Node) -> str:
    """Return the text of the scalar at `at`, which must mean `value`."""
    token = _token(text, at)
    if token[:1] not in ("'", '"') and resolve(token) != value:
        raise _Impossible
    return token


def _insert(text: str, at: int, key: str, value: str) -> _Edit:
    if text[at : at + 1] == "{":
        inside = re.compile(r"\s*").match(text, at + 1)
        space = inside.group() if inside else ""
        first = at + 1 + len(space)
        if text[first : first + 1] in ("}", "#"):
            raise _Impossible
        shown = f'"{key}": "{value}"' if text[first : first + 1] == '"' else f"{key}: {value}"
        return _Edit(first, first, f"{shown},{space or ' '}")
    start = text.rfind("\n", 0, at) + 1
    end = "\r\n" if text[start - 2 : start] == "\r\n" else "\n"
    if not re.fullmatch(r"[ ]*(?:- *)?", text[start:at]):
        raise _Impossible
    return _Edit(at, at, f"{key}: {value}{end}{' ' * (at - start)}")


def _remove(text: str, places: _Places, at: int, old: Node) -> _Edit:
    owner, key = next(iter(places.keys.get(at, ())), (None, ""))
    if owner is None:
        raise _Impossible
    value_at = owner.marks[key][2]
    end = value_at + len(_scalar(text, value_at, old))
    later = sorted(offset for _, offset, _ in owner.marks.values() if offset > at)
    if text[owner.offset : owner.offset + 1] == "{":
        if later:
            return _gap(text, at, end, later[0])
        comma = len(text[:at].rstrip()) - 1
        if text[comma] != ",":
            raise _Impossible
        return _Edit(comma, end, "")
    start = text.rfind("\n", 0, at) + 1
    rest = _REST.match(text, end)
    if rest is None:
        raise _Impossible
    if text[start:at].strip():
        return _gap(text, at, end, later[0] if later else 0)
    if rest.group(1) == "#":
        return _Edit(at, rest.end() - 1, "")
    return _Edit(start, rest.end(), "")


def _gap(text: str, at: int, end: int, following: int) -> _Edit:
    """Remove up to the next key, if there is nothing between that says anything."""
    if following <= end or not _BETWEEN.fullmatch(text, end, following):
        raise _Impossible
    return _Edit(at, following, "")


class _Places:
    """What stands where in a tree; an entry that aliases or merges repeat stands there several times."""

    def __init__(self, root: Node) -> None:
        self.keys: dict[int, list[tuple[Map, str]]] = {}
        self.values: dict[int, list[tuple[Map, str]]] = {}
        self.maps: dict[int, list[Map]] = {}
        for node in _maps(root):
            self.maps.setdefault(node.offset, []).append(node)
            for key, (_, key_at, value_at) in node.marks.items():
                self.keys.setdefault(key_at, []).append((node, key))
                self.values.setdefault(value_at, []).append((node, key))

    def apply(self, change: Change, text: str) -> None:
        """Make a change in the tree that was read from `text`."""
        match change:
            case Rename(at, old, new):
                for node, key in self.keys.get(at, ()):
                    if key == old:
                        node[new] = node.pop(old)
            case Replace(at, old, new, _):
                made = _scalar(text, at, old) if new is None else new
                for node, key in self.values.get(at, ()):
                    node[key] = made  # type: ignore[assignment]  # compared as JSON, never asked for its place
            case Insert(at, key, value):
                for node in self.maps.get(at, ()):
                    node[key] = value
            case Remove(at, key, _):
                for node, name in self.keys.get(at, ()):
                    if name == key:
                        node.pop(key, None)


def _maps(root: Node) -> Iterator[Map]:
    seen: set[int] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        if not isinstance(node, (Map, Seq)) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Map):
            yield node
            pending.extend(node.values())
        else:
            pending.extend(node)
