"""Collects findings of one contract, each once."""

from __future__ import annotations

from difflib import get_close_matches

from handfast.codegen.ir import Finding, Source


class Report:
    """Findings in the order of their discovery; the same fault of an aliased or shared part counts once."""

    def __init__(self) -> None:
        self._findings: dict[tuple[Source, str, str], Finding] = {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings so far."""
        return tuple(self._findings.values())

    @property
    def fatal(self) -> bool:
        """Whether generation must stop."""
        return any(finding.fatal for finding in self._findings.values())

    def add(self, source: Source, code: str, what: str, fix: str, *, fatal: bool) -> None:
        """Note a finding."""
        self._findings.setdefault((source, code, what), Finding(source, code, what, fix, fatal))

    def error(self, source: Source, code: str, what: str, fix: str) -> None:
        """Note a finding that stops generation."""
        self.add(source, code, what, fix, fatal=True)

    def warn(self, source: Source, code: str, what: str, fix: str) -> None:
        """Note a part that is dropped, or an operation that is refused, while generation goes on."""
        self.add(source, code, what, fix, fatal=False)


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
