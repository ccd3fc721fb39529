"""What a run found, and what it exercised: the report for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from handfast.counted import counted
from handfast.fuzz.contract import Json, Operation

MOST_STEPS = 6
_OPTIONS: Final = {"header": ("-H", ": "), "query": ("--url-query", "="), "cookie": ("-b", "=")}
"""Where a credential is sent -> curl's option for it, and what stands between name and value."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a reproduction, with variables of a shell for its credentials."""

    request: Mapping[str, Json]

    def curl(self) -> str:
        """Return it as a line for a shell; the token of user `A1` is `$A1`, its `X-Key` is `$A1_X_Key`."""
        made = self.request
        words = [f"curl -i -X {made['method']} {_quoted(str(made['url']))}"]
        for location, name, value in cast("list[list[str]]", made.get("credentials", [])):
            option, between = _OPTIONS[location]
            words.append(f'{option} "{name}{between}{value}"')
        headers = made.get("headers")
        for key, sent in (headers if isinstance(headers, dict) else {}).items():
            words.append(f"-H {_quoted(f'{key}: {sent}')}")
        if made.get("body"):
            words.append(f"-H {_quoted('Content-Type: ' + str(made.get('media_type')))}")
            words.append(f"--data-raw {_quoted(str(made['body']))}")
        return f"{' '.join(words)}   # {made['status']}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect: where, what, how to mend it and how to see it again."""

    oracle: str
    """Which rule was broken: `access`, `marker`, `unchanged`, …"""
    where: str
    """`METHOD /path (operationId)`."""
    what: str
    fix: str
    steps: tuple[Step, ...] = ()
    fatal: bool = True
    """Whether it is a defect of the service; otherwise a limit of what this run could look at."""

    def __str__(self) -> str:
        """Return it as people read it."""
        lines = [f"{self.where}: {self.what}", f"  fix: {self.fix}"]
        return "\n".join([*lines, *(f"  $ {step.curl()}" for step in self.steps)])

    def facts(self) -> dict[str, Json]:
        """Return it as JSON says it."""
        return {
            "oracle": self.oracle,
            "where": self.where,
            "what": self.what,
            "fix": self.fix,
            "fatal": self.fatal,
            "steps": [dict(step.request) for step in self.steps],
        }


@dataclass
class Coverage:
    """How one operation was exercised."""

    calls: Counter[str] = field(default_factory=Counter)
    """Kind of call -> how many: `own`, `attack`, `unknown`, `anonymous`, `token`, …"""
    owned: Counter[int] = field(default_factory=Counter)
    """Statuses of the owner's own calls: without a 2xx a refusal proves nothing."""
    conclusive: int = 0
    """Attacks that got as far as the check of access."""
    undrawn: str = ""
    """Why no values could be made for it."""
    needless: bool = False
    """Whether `--operation` left it out."""

    def gap(self, operation: Operation) -> str | None:
        """Return why the operation was not exercised; None where it was."""
        if self.undrawn:
            return self.undrawn
        if any(200 <= status < 400 for status in self.owned):
            if any(slot.addresses for slot in operation.slots) and not self.conclusive:
                return "no attack on it got as far as the check of access"
            return None
        if not self.owned:
            return "no thing was created whose id it takes" if operation.slots else "it was never called"
        said = ", ".join(
            f"{status} ({counted(count, 'time')})" for status, count in sorted(self.owned.items())
        )
        return f"no call of the owner succeeded: it answered {said}"


@dataclass
class Report:
    """The outcome of a run."""

    seed: int
    coverage: dict[str, Coverage] = field(default_factory=dict)
    rounds: int = 0
    leaked: int = 0
    """Things of one user that another one saw or changed."""
    seconds: float = 0.0
    _findings: dict[tuple[str, str], Finding] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        """The findings, one an oracle and operation, defects first."""
        return sorted(
            self._findings.values(), key=lambda one: (not one.fatal, one.where, one.oracle, one.what)
        )

    @property
    def failed(self) -> bool:
        """Whether any finding is a defect."""
        return any(one.fatal for one in self._findings.values())

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return sum(one.calls.total() for one in self.coverage.values())

    def add(self, finding: Finding) -> None:
        """Keep `finding`, unless the same operation broke the same rule before."""
        self._findings.setdefault((finding.oracle, finding.where), finding)

    def facts(self, operations: Sequence[Operation]) -> dict[str, Json]:
        """Return everything as JSON says it."""
        return {
            "seed": self.seed,
            "calls": self.calls,
            "rounds": self.rounds,
            "leaked": self.leaked,
            "seconds": round(self.seconds, 1),
            "findings": [finding.facts() for finding in self.findings],
            "operations": [self._operation_facts(operation) for operation in operations],
        }

    def _operation_facts(self, operation: Operation) -> dict[str, Json]:
        found = self.coverage.get(operation.label, Coverage())
        return {
            "operation": operation.name,
            "ids": [slot.name for slot in operation.slots],
            "calls": dict(sorted(found.calls.items())),
            "own": {str(status): count for status, count in sorted(found.owned.items())},
            "not_exercised": None if found.needless else found.gap(operation),
        }


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
