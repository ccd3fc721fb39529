"""What the operator should mend before the service may start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handfast.redaction import redact


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong with the settings, the handlers or the database, and how to mend it.

    A fatal fault stops start-up everywhere; any other one stops it in production and is a warning
    in development and test. A fault may travel anywhere (a log, a pipe, the answer of `/ready`), so secrets
    are taken out of its words when it is made.
    """

    what: str
    fix: str
    where: str = ""
    """`file:line` or the name of a setting; empty where there is no such place."""
    fatal: bool = True

    def __post_init__(self) -> None:
        """Take secrets out of what will be read."""
        for name in ("what", "fix", "where"):
            object.__setattr__(self, name, redact(getattr(self, name)))

    def __str__(self) -> str:
        """Return `where: what` and, on the next line, `fix: how`."""
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}\n  fix: {self.fix}"


class ConfigError(Exception):
    """The service cannot start as it is set up; `faults` lists every reason at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Gather `faults`, which must not be empty."""
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        """Return all faults, one below the other."""
        return "\n".join(str(fault) for fault in self.faults)
