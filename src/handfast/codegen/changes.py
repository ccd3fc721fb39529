"""Changes of a checked document that its author is told of: dropped, added, written otherwise, moved."""

from __future__ import annotations

from dataclasses import dataclass, field

from handfast.codegen.ir import Finding, Source
from handfast.codegen.legalisation import Move, Path
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq, entry_source


@dataclass(slots=True)
class Changes:
    """Changes a document in place; every change is a finding."""

    report: Report
    moves: list[Move] = field(default_factory=list)
    count: int = 0
    """How many changes there were, for whoever wants to know whether there was one."""

    def drop(
        self,
        owner: Map | Seq,
        key: str | int,
        code: str,
        what: str,
        fix: str,
        *,
        source: Source | None = None,
    ) -> None:
        """Take an entry away at once; `source` is what to look at, if that is not its key."""
        finding = self.report.warn(source or entry_source(owner, key), code, what, fix)
        self.count += 1
        if isinstance(owner, Map):
            self.report.explain(owner, key, finding)
            del owner[str(key)]
        else:
            owner.remove_at(int(key))

    def put(self, owner: Map, key: str, value: Node, code: str, what: str, fix: str) -> None:
        """Set an entry, which may be there, to `value`."""
        self.set(owner, key, value, self.report.warn(owner.key_source(key), code, what, fix))

    def set(self, owner: Map, key: str, value: Node, finding: Finding) -> None:
        """Set an entry for a reason that has been told."""
        self.count += 1
        if key not in owner.marks:
            owner.marks[key] = (owner.file, owner.offset, owner.offset)
        owner[key] = value
        self.report.explain(owner, key, finding)

    def append(self, owner: Map, key: str, item: Map, finding: Finding) -> None:
        """Append `item` to the list at `key` of `owner`, which is made if it is not there."""
        items = owner.get(key)
        if not isinstance(items, Seq):
            items = Seq(owner.file, owner.offset)
            self.set(owner, key, items, finding)
        self.count += 1
        items.put(item, item.offset)
        self.report.explain(items, len(items) - 1, finding)

    def move(self, origin: Path, target: Path, finding: Finding) -> None:
        """Note that an entry was moved; the caller has moved it."""
        self.count += 1
        self.moves.append(Move(origin, target, finding))
