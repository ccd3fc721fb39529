"""What a comparison finds: changes, each with its rule, its places, whom it hurts and what to do about it.

Nothing here knows of OpenAPI, so that changes of other surfaces of a service can stand in the same report.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, TypeAlias

from handfast.codegen.ir import Json, Source

Direction: TypeAlias = Literal["request", "response"]
"""Who sends what is changed: callers (a request), or the service (a response, or a webhook's payload)."""

Surface: TypeAlias = Literal["openapi"]
"""Which part of a service's public face a change belongs to."""


class Severity(IntEnum):
    """How much a change hurts; greater is worse."""

    SAFE = 0
    RISKY = 1
    """It hurts some, or it cannot be decided whether it does."""
    BREAKING = 2

    def __str__(self) -> str:
        """Return the name as reports print it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Witness:
    """A JSON value that shows the change: accepted on one side and refused on the other."""

    value: Json


@dataclass(frozen=True, slots=True)
class Where:
    """A place in one of the two contracts: its JSON Pointer, its position in the file, what stands there."""

    pointer: str
    source: Source
    value: Json = None
    """What stands there, as far as a reader needs it beside the other side's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One finding."""

    rule: str
    """Its name in the catalogue."""
    severity: Severity
    direction: Direction
    operations: tuple[str, ...]
    """`METHOD /path` of each operation that has it; empty where it concerns none in particular."""
    what: str
    old: Where | None
    new: Where | None
    hurts: str
    """Who is hurt; empty where nobody is."""
    fix: str
    """How to make the change compatible; empty where it is."""
    witness: Witness | None = None
    reason: str = ""
    """Why the severity is not certain."""
    surface: Surface = "openapi"

    @property
    def where(self) -> Where:
        """Where it is shown: the new place, the old one of what is gone."""
        found = self.new or self.old
        assert found is not None  # noqa: S101 (a change has a place on one side)
        return found

    @property
    def pointer(self) -> str:
        """The JSON Pointer by which exceptions name it."""
        return self.where.pointer

    def order(self) -> tuple[object, ...]:
        """Sort by severity, the worst first, then by place."""
        return (-self.severity, self.where.source, self.rule, self.pointer, self.direction, self.what)
