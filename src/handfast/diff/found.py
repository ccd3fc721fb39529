"""What a comparison of two schemas is told, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from handfast.diff.catalogue import SAFE
from handfast.diff.flat import Flat
from handfast.diff.model import Direction, Severity, Where, Witness

Side: TypeAlias = Literal["old", "new"]


@dataclass(frozen=True, slots=True)
class Flow:
    """Which way a value travels."""

    direction: Direction
    """Who sends it: callers, or the service."""
    view: Direction
    """As what it is sent over HTTP; a webhook's payload is a request that the service sends."""
    is_xml: bool = False

    @property
    def sender(self) -> Side:
        """The contract that says what may be sent: callers still send what was accepted."""
        return "old" if self.direction == "request" else "new"


REQUEST = Flow("request", "request")
RESPONSE = Flow("response", "response")


@dataclass(frozen=True, slots=True)
class Found:
    """One change of a schema."""

    rule: str
    severity: Severity
    what: str
    old: Where | None
    new: Where | None
    judged: bool
    """Whether the severity follows from what is accepted, so that a wider context may lower it."""
    witness: Witness | None = None
    reason: str = ""


@dataclass(slots=True)
class Result:
    """What was found in a pair of schemas."""

    found: list[Found]
    whole: bool = True
    """Whether the parts tell of the whole; not so where a branch of `oneOf` has changed inside."""

    def worst(self) -> Severity:
        """Return the worst severity that follows from what is accepted."""
        return max((one.severity for one in self.found if one.judged), default=SAFE)


@dataclass(frozen=True, slots=True)
class Two:
    """Both sides of one place."""

    old: Flat
    new: Flat


def sides(two: Two, flow: Flow) -> tuple[Flat, Flat]:
    """Return the side that sends, and the one whose limits must take what it sends."""
    return (two.old, two.new) if flow.sender == "old" else (two.new, two.old)
