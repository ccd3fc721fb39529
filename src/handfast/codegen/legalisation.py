"""The steps from the author's bundled document to the published one: found, carried out, and undone.

Whatever a stage between the two changes is found by comparing them, so that no change can go untold; the
findings of those stages say why. Steps are those of JSON Patch (RFC 6902) with what they take away.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from handfast.codegen import pointer as pointers
from handfast.codegen.ir import Finding, Json, Legalisation, Source
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq, plain

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
        differ.steps.append(Legalisation(op="move", path=path, origin=origin, finding=move.finding))
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


@dataclass(slots=True)
class _Differ:
    report: Report
    places: dict[Source, Finding]
    steps: list[Legalisation] = field(default_factory=list)

    def maps(self, before: Map, after: Map, path: Path) -> None:
        for key, value in before.items():
            if key in after:
                self.values(before, after, key, key, value, after[key], (*path, key))
            else:
                finding = self.why(before, key, after, key)
                pointer = _pointer((*path, key))
                self.steps.append(Legalisation(op="remove", path=pointer, was=plain(value), finding=finding))
        for key, value in after.items():
            if key not in before:
                finding = self.why(before, key, after, key)
                pointer = _pointer((*path, key))
                self.steps.append(Legalisation(op="add", path=pointer, value=plain(value), finding=finding))

    def sequences(self, before: Seq, after: Seq, path: Path) -> None:
        """Items keep their order and their places; new ones stand at the end."""
        kept = 0
        gone: list[int] = []
        for index, value in enumerate(before):
            if kept < len(after) and before.marks[index] == after.marks[kept]:
                self.values(before, after, index, kept, value, after[kept], (*path, str(index)))
                kept += 1
            else:
                gone.append(index)
        for index in reversed(gone):
            finding = self.why(before, index, after, len(after))
            pointer = _pointer((*path, str(index)))
            self.steps.append(
                Legalisation(op="remove", path=pointer, was=plain(before[index]), finding=finding)
            )
        for index in range(kept, len(after)):
            finding = self.why(before, len(before), after, index)
            pointer = _pointer((*path, str(index)))
            self.steps.append(
                Legalisation(op="add", path=pointer, value=plain(after[index]), finding=finding)
            )

    def values(
        self,
        before: Map | Seq,
        after: Map | Seq,
        old_key: str | int,
        new_key: str | int,
        old: Node,
        new: Node,
        path: Path,
    ) -> None:
        if isinstance(old, Map) and isinstance(new, Map) and _is_reference(old) == _is_reference(new):
            self.maps(old, new, path)
        elif isinstance(old, Seq) and isinstance(new, Seq):
            self.sequences(old, new, path)
        elif not _same(old, new):
            finding = self.why(before, old_key, after, new_key)
            was, value = plain(old), plain(new)
            self.steps.append(
                Legalisation(op="replace", path=_pointer(path), was=was, value=value, finding=finding)
            )

    def why(self, before: Map | Seq, old: str | int, after: Map | Seq, new: str | int) -> Finding:
        """Return the finding that tells of a change: the one that was named, or the one at that place."""
        known = self.report.reason(after, new)
        if known is not None:
            return known
        sources = [before.source]
        if isinstance(before, Map):
            sources = [before.key_source(str(old)), before.value_source(str(old))]
        elif int(old) < len(before):
            sources = [before.value_source(int(old))]
        for source in sources:
            if source in self.places:
                return self.places[source]
        what = f"`{old}` is not published as it is written"
        return Finding(sources[0], UNTOLD, what, "compare the published contract with yours", fatal=False)


UNTOLD = "untold-change"
"""The code of a change that no stage gave a reason for: a fault of this program, which tests look for."""


def _is_reference(node: Map) -> bool:
    return isinstance(node.get("$ref"), str)


def _same(one: Node, other: Node) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return type(one) is type(other) and one == other if not _numbers(one, other) else one == other


def _numbers(one: Node, other: Node) -> bool:
    return isinstance(one, (int, float)) and isinstance(other, (int, float))


def _pointer(path: Path) -> str:
    return "".join("/" + pointers.escape(token) for token in path)


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
            return Legalisation(op="remove", path=change.path, was=change.value, finding=change.finding)
        case "remove":
            return Legalisation(op="add", path=change.path, value=change.was, finding=change.finding)
        case "move":
            return Legalisation(op="move", path=change.origin, origin=change.path, finding=change.finding)
        case "replace":
            return Legalisation(
                op="replace", path=change.path, was=change.value, value=change.was, finding=change.finding
            )


def _step(root: Json, change: Legalisation) -> None:
    if change.op == "move":
        _put(root, change.path, _take(root, change.origin))
        return
    if change.op in ("remove", "replace") and _take(root, change.path) != change.was:
        raise ValueError(f"{change.path} is not what the step takes away")
    if change.op in ("add", "replace"):
        _put(root, change.path, copy.deepcopy(change.value))


def _owner(root: Json, path: str) -> tuple[Json, str]:
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:]]
    node = root
    for token in tokens[:-1]:
        node = node[int(token)] if isinstance(node, list) else node[token] if isinstance(node, dict) else None
    return node, tokens[-1]


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
        "source": str(finding.source),
        "code": finding.code,
        "why": finding.what,
        "fix": finding.fix,
    }
