"""The steps from the author's bundled document to the published one: found, carried out, and undone.

Whatever a stage between the two changes is found by comparing them, so that no change can go untold; the
findings of those stages say why. Steps are those of JSON Patch (RFC 6902) with what they take away.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from handfast.codegen.ir import Finding, Json, Legalisation, Source
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq, plain
from handfast.validation.pointers import pointer as pointer_of
from handfast.validation.pointers import tokens

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """An entry of a mapping that was given another key, or another mapping."""

    origin: Path
    target: Path
    finding: Finding


def steps(before: Map, after: Map, moves: Sequence[Move], report: Report) -> tuple[Legalisation, ...]:
    """Return the steps that make `after` of `before`; both know their places, `report` the reasons."""
    differ = _Differ(report, {finding.source: finding for finding in reversed(report.findings)})
    for move in moves:
        before = _moved(before, move)
        path, origin = _pointer(move.target), _pointer(move.origin)
        source = move.finding.source
        differ.steps.append(
            Legalisation(op="move", path=path, origin=origin, source=source, finding=move.finding)
        )
    differ.maps(before, after, ())
    return tuple(differ.steps)


def _moved(root: Map, move: Move) -> Map:
    """Return `root` with the entry moved; what does not lie on the way is shared."""
    root, owner = _opened(root, move.origin[:-1])
    value, marks = owner.pop(move.origin[-1]), owner.marks[move.origin[-1]]
    root, owner = _opened(root, move.target[:-1])
    owner[move.target[-1]] = value
    owner.marks[move.target[-1]] = marks
    return root


def _opened(root: Map, path: Path) -> tuple[Map, Map]:
    """Return a copy of `root` in which the mapping at `path` is a copy too, and that mapping."""
    result = node = _shallow(root)
    for key in path:
        child = node[key]
        assert isinstance(child, Map)  # noqa: S101 (a move leads through mappings)
        node[key] = child = _shallow(child)
        node = child
    return result, node


def _shallow(node: Map) -> Map:
    result = node.empty_copy()
    for key, value in node.items():
        result.put_from(node, key, value)
    return result


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of a container before and after; the key of one that is not there leads to nothing."""

    before: Map | Seq
    old: str | int
    after: Map | Seq
    new: str | int
    path: Path

    def sources(self) -> list[Source]:
        """Where the entry stands in the author's text, the best place first."""
        if isinstance(self.before, Map):
            return [self.before.key_source(str(self.old)), self.before.value_source(str(self.old))]
        known = int(self.old) < len(self.before)
        return [self.before.value_source(int(self.old)) if known else self.before.source]


@dataclass(slots=True)
class _Differ:
    report: Report
    places: dict[Source, Finding]
    steps: list[Legalisation] = field(default_factory=list)

    def maps(self, before: Map, after: Map, path: Path) -> None:
        for key, value in before.items():
            entry = _Entry(before, key, after, key, (*path, key))
            if key in after:
                self.values(entry, value, after[key])
            else:
                self.note(entry, "remove", was=value)
        for key, value in after.items():
            if key not in before:
                self.note(_Entry(before, key, after, key, (*path, key)), "add", value=value)

    def sequences(self, before: Seq, after: Seq, path: Path) -> None:
        """Items keep their order and their places; new ones stand at the end."""
        kept = 0
        gone: list[int] = []
        for index, value in enumerate(before):
            if kept < len(after) and before.marks[index] == after.marks[kept]:
                self.values(_Entry(before, index, after, kept, (*path, str(index))), value, after[kept])
                kept += 1
            else:
                gone.append(index)
        for index in reversed(gone):
            entry = _Entry(before, index, after, len(after), (*path, str(index)))
            self.note(entry, "remove", was=before[index])
        for index in range(kept, len(after)):
            entry = _Entry(before, len(before), after, index, (*path, str(index)))
            self.note(entry, "add", value=after[index])

    def values(self, entry: _Entry, old: Node, new: Node) -> None:
        made = self.report.reason(entry.after, entry.new) is not None and _place(old) != _place(new)
        if isinstance(old, Map) and isinstance(new, Map) and _is_reference(old) == _is_reference(new):
            self.maps(old, new, entry.path)
        elif isinstance(old, Seq) and isinstance(new, Seq) and not made:
            self.sequences(old, new, entry.path)
        elif not _same(old, new):
            self.note(entry, "replace", was=old, value=new)

    def note(
        self, entry: _Entry, op: Literal["add", "remove", "replace"], *, was: Node = None, value: Node = None
    ) -> None:
        """Note a step with its reason: the finding that was named for it, or the one at that place."""
        sources = entry.sources()
        finding = self.report.reason(entry.after, entry.new) or next(
            (self.places[source] for source in sources if source in self.places), None
        )
        if finding is None:
            what = f"`{entry.old}` is not published as it is written"
            fix = "compare the published contract with yours"
            finding = Finding(sources[0], UNTOLD, what, fix, fatal=False)
        self.steps.append(
            Legalisation(
                op=op,
                path=_pointer(entry.path),
                was=plain(was),
                value=plain(value),
                source=finding.source if op == "add" else sources[0],
                finding=finding,
            )
        )


UNTOLD = "untold-change"
"""The code of a change that no stage gave a reason for: a fault of this program, which tests look for."""


def _place(node: Node) -> tuple[str, int] | None:
    """Where a container stands: one that a stage has made stands elsewhere than what it replaces."""
    return (node.file.name, node.offset) if isinstance(node, (Map, Seq)) else None


def _is_reference(node: Map) -> bool:
    return isinstance(node.get("$ref"), str)


def _same(one: Node, other: Node) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return type(one) is type(other) and one == other if not _numbers(one, other) else one == other


def _numbers(one: Node, other: Node) -> bool:
    return isinstance(one, (int, float)) and isinstance(other, (int, float))


def _pointer(path: Path) -> str:
    return pointer_of(path)


# --- carried out and undone -----------------------------------------------------------------------


def apply(document: Json, changes: Iterable[Legalisation]) -> Json:
    """Return `document` after the steps; raises ValueError where it is not what they were made for."""
    result = copy.deepcopy(document)
    for change in changes:
        _step(result, change)
    return result


def undo(document: Json, changes: Sequence[Legalisation]) -> Json:
    """Return the document of which the steps made `document`."""
    return apply(document, [_inverse(change) for change in reversed(changes)])


def _inverse(change: Legalisation) -> Legalisation:
    match change.op:
        case "add":
            return replace(change, op="remove", was=change.value, value=None)
        case "remove":
            return replace(change, op="add", was=None, value=change.was)
        case "move":
            return replace(change, path=change.origin, origin=change.path)
        case "replace":
            return replace(change, was=change.value, value=change.was)


def _step(root: Json, change: Legalisation) -> None:
    if change.op == "move":
        _put(root, change.path, _take(root, change.origin))
        return
    if change.op in ("remove", "replace") and _take(root, change.path) != change.was:
        raise ValueError(f"{change.path} is not what the step takes away")
    if change.op in ("add", "replace"):
        _put(root, change.path, copy.deepcopy(change.value))


def _owner(root: Json, path: str) -> tuple[Json, str]:
    steps = tokens(path)
    node = root
    for token in steps[:-1]:
        node = node[int(token)] if isinstance(node, list) else node[token] if isinstance(node, dict) else None
    return node, steps[-1]


def _take(root: Json, path: str) -> Json:
    owner, key = _owner(root, path)
    if isinstance(owner, list):
        return owner.pop(int(key))
    if isinstance(owner, dict) and key in owner:
        return owner.pop(key)
    raise ValueError(f"there is nothing at {path}")


def _put(root: Json, path: str, value: Json) -> None:
    owner, key = _owner(root, path)
    if isinstance(owner, list):
        owner.insert(int(key), value)
    elif isinstance(owner, dict) and key not in owner:
        owner[key] = value
    else:
        raise ValueError(f"nothing can be put at {path}")


# --- written down ---------------------------------------------------------------------------------


def written(changes: Iterable[Legalisation]) -> list[Json]:
    """Return the steps as a document holds them."""
    return [_entry(change) for change in changes]


def _entry(change: Legalisation) -> dict[str, Json]:
    entry: dict[str, Json] = {"op": change.op}
    if change.op == "move":
        entry["from"] = change.origin
    entry["path"] = change.path
    if change.op in ("remove", "replace"):
        entry["was"] = change.was
    if change.op in ("add", "replace"):
        entry["value"] = change.value
    finding = change.finding
    return entry | {
        "source": str(change.source),
        "code": finding.code,
        "why": finding.what,
        "fix": finding.fix,
    }
