"""Collects findings of one contract, each once, and which of them changed the document."""

from __future__ import annotations

from difflib import get_close_matches

from handfast.codegen.ir import Finding, Source
from handfast.codegen.source import Map, Node, Seq, entry_source


class Report:
    """Findings in the order of their discovery; the same fault of an aliased or shared part counts once."""

    def __init__(self) -> None:
        self._findings: dict[tuple[Source, str, str], Finding] = {}
        self.dropped: list[tuple[Map | Seq, str | int]] = []
        """Entries with which nothing is done; `prune` takes them out, so that nobody is told of them."""
        self._reasons: dict[tuple[int, str], Finding] = {}
        """(id of a container, key) → why that entry was changed; an added item has its own id and no key."""
        self._alive: list[Node] = []
        """Keeps what `_reasons` names, so that nothing else gets its id."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far."""
        return tuple(self._findings.values())

    @property
    def fatal(self) -> bool:
        """Whether generation must stop."""
        return any(finding.fatal for finding in self._findings.values())

    def add(self, source: Source, code: str, what: str, fix: str, *, fatal: bool) -> Finding:
        """Note a finding."""
        return self._findings.setdefault((source, code, what), Finding(source, code, what, fix, fatal))

    def error(self, source: Source, code: str, what: str, fix: str) -> None:
        """Note a finding that stops generation."""
        self.add(source, code, what, fix, fatal=True)

    def warn(self, source: Source, code: str, what: str, fix: str) -> Finding:
        """Note a part that is dropped, or an operation that is refused, while generation goes on."""
        return self.add(source, code, what, fix, fatal=False)

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
        """Note an entry with which nothing is done, so that the published contract will lack it.

        It stays in the document until `prune`, for whoever looks at it still.
        """
        finding = self.warn(source or entry_source(owner, key), code, what, fix)
        self.dropped.append((owner, key))
        self.explain(owner, key, finding)

    def explain(self, owner: Map | Seq, key: str | int, finding: Finding) -> None:
        """Say why the entry `key` of `owner` is not what the author wrote."""
        self._alive.append(owner)
        if isinstance(owner, Map):
            self._reasons[id(owner), str(key)] = finding
            return
        item = owner[int(key)]
        if isinstance(item, (Map, Seq)):
            self._alive.append(item)
            self._reasons[id(item), ""] = finding

    def reason(self, owner: Map | Seq, key: str | int) -> Finding | None:
        """Return what `explain` was told of an entry of `owner`."""
        if isinstance(owner, Map):
            return self._reasons.get((id(owner), str(key)))
        index = int(key)
        return self._reasons.get((id(owner[index]), "")) if index < len(owner) else None

    def prune(self) -> None:
        """Take out of their containers the entries that were dropped."""
        items: dict[int, tuple[Seq, set[int]]] = {}
        for owner, key in self.dropped:
            if isinstance(owner, Map):
                owner.pop(str(key), None)
            else:
                items.setdefault(id(owner), (owner, set()))[1].add(int(key))
        for sequence, gone in items.values():
            for index in sorted(gone, reverse=True):
                sequence.remove_at(index)
        self.dropped.clear()


def nearest(word: str, names: list[str] | tuple[str, ...], cutoff: float = 0.6) -> str:
    """Return the one of `names` that `word` may have been meant to be, or an empty text."""
    lower = {name.lower(): name for name in names}
    if word.lower() in lower:
        return lower[word.lower()]
    near = get_close_matches(word.lower(), list(lower), n=1, cutoff=cutoff)
    return lower[near[0]] if near else ""


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Join names as a person would: `a`, `b` or `c`."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]
