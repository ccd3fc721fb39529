"""All changes of one comparison, counted, and the version that follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handfast.codegen.ir import Finding
from handfast.diff.model import Change, Severity
from handfast.diff.version import Step


@dataclass(frozen=True, slots=True)
class Excused:
    """A change that has been reviewed and is let through."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of two contracts."""

    old: str
    """What they are compared with: a revision or a file."""
    new: str
    changes: tuple[Change, ...]
    """Those that count, the worst first."""
    excused: tuple[Excused, ...] = ()
    notes: tuple[Finding, ...] = ()
    """What is wrong with the exceptions, and the like."""
    versions: tuple[Step, ...] = ()
    """What the versions of the contracts should be."""

    def count(self, severity: Severity) -> int:
        """Return how many changes are that severe."""
        return sum(change.severity is severity for change in self.changes)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many changes there are of each severity, the worst first."""
        return {str(one): self.count(one) for one in sorted(Severity, reverse=True)}

    @property
    def bump(self) -> str:
        """Which part of a semantic version has to be raised: `major`, `minor`, `patch` or `none`.

        Excused changes count too: that they are accepted does not make them compatible.
        """
        every: Sequence[Change] = [*self.changes, *(one.change for one in self.excused)]
        worst = max((change.severity for change in every), default=None)
        if worst is None:
            return "none"
        return "major" if worst is Severity.BREAKING else "minor"

    def summary(self) -> str:
        """Say in one line what there is."""
        if not self.changes and not self.excused:
            return "\n".join([f"no change since {self.old}", *self._versions()])
        told = ", ".join(f"{number} {name}" for name, number in self.counts.items())
        excused = f", {len(self.excused)} excused" if self.excused else ""
        told = f"{told}{excused} since {self.old}; semantic version: {self.bump}"
        return "\n".join([told, *self._versions()])

    def _versions(self) -> list[str]:
        """Say which versions are not high enough; `--write-version` raises them."""
        return [
            f"{step.source}: warning: the version was {step.old}, is {step.now}, and should be {step.due}"
            for step in self.versions
            if not step.done
        ]
