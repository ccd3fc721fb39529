"""How far an application has been taken over: what is served by whom, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from handfast.adopt.matching import Matched, Matching, Written
from handfast.adopt.sight import Code, Route
from handfast.codegen.ir import Finding, Source
from handfast.diff.model import Change, Severity

State: TypeAlias = Literal["by hand", "moved", "nowhere"]
"""Who answers: the application's own function, the handler, or nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One operation of the contract."""

    name: str
    """`METHOD /path`."""
    operation_id: str
    function: str
    contract: Source
    state: State
    handler: Code
    """Where its function stands or belongs."""
    written: Written
    route: Route | None
    """The route by hand; it gets nothing any more once the operation has moved."""
    shadowed: tuple[Route, ...]
    near: Route | None
    compared: bool
    """Whether the application describes it, so that it could be held against the contract."""
    departures: tuple[Change, ...]
    """Of an operation that is served by hand."""

    @property
    def breaking(self) -> int:
        """How many promises are broken."""
        return sum(change.severity is Severity.BREAKING for change in self.departures)


@dataclass(frozen=True, slots=True)
class Report:
    """All operations of the contracts, in their order, and all routes that no contract has."""

    target: str
    operations: tuple[Standing, ...]
    uncontracted: tuple[Route, ...]
    """Routes that answer, and are in no contract."""
    others: tuple[Route, ...]
    """WebSockets, mounts and other things that are not operations, and stay."""
    faults: tuple[Finding, ...] = ()
    """Why the application could not be held against the contract."""

    def of(self, state: State) -> list[Standing]:
        """Return the operations in that state."""
        return [one for one in self.operations if one.state == state]

    @property
    def superseded(self) -> list[Standing]:
        """Moved operations whose old function can be deleted."""
        return [one for one in self.of("moved") if one.route is not None]

    @property
    def by_hand(self) -> int:
        """How many operations are still served by hand, those outside of the contract too."""
        return len(self.of("by hand")) + len(self.uncontracted)

    @property
    def breaking(self) -> int:
        """How many promises of the contract are broken by what is served by hand."""
        return sum(one.breaking for one in self.operations)

    def count(self, severity: Severity) -> int:
        """Return how many departures are that severe."""
        every = [change for one in self.operations for change in one.departures]
        return sum(change.severity is severity for change in every)

    def next_steps(self) -> Iterator[str]:
        """Say what to do, the first thing first."""
        if self.superseded:
            places = [one.route.code.place for one in self.superseded if one.route and one.route.code]
            yield f"delete what has been replaced: {', '.join(places)}"
        if self.uncontracted:
            yield "add what is outside of the contract to it, then `handfast generate`; or delete it"
        waiting = self.of("by hand")
        if waiting:
            first = min(waiting, key=lambda one: one.breaking)
            yield f"move an operation: write `{first.function}` in {first.handler.place}"
        elif not self.uncontracted and not self.superseded:
            yield "nothing is served by hand: write app.py with `create_app(...)`, and delete adopted.py"


def report(
    target: str,
    matching: Matching,
    handlers: Mapping[str, tuple[Code, Written]],
    departures: Mapping[str, Sequence[Change]],
    faults: Sequence[Finding] = (),
) -> Report:
    """Join what is known; `handlers` and `departures` are by `METHOD /path`."""
    standings = tuple(_standing(one, *handlers[one.name], departures) for one in matching.operations)
    answering = [route for route in matching.left if route.kind in ("operation", "route")]
    others = [route for route in matching.left if route.kind not in ("operation", "route")]
    return Report(target, standings, tuple(answering), tuple(others), tuple(faults))


def _standing(
    one: Matched, handler: Code, written: Written, departures: Mapping[str, Sequence[Change]]
) -> Standing:
    state: State = "moved" if written == "written" else "by hand" if one.route else "nowhere"
    compared = one.route is not None and one.route.document is not None
    return Standing(
        name=one.name,
        operation_id=str(one.operation.operation_id),
        function=str(one.operation.name),
        contract=one.operation.source,
        state=state,
        handler=handler,
        written=written,
        route=one.route,
        shadowed=one.shadowed,
        near=one.near,
        compared=compared,
        departures=tuple(departures.get(one.name, ())) if state == "by hand" else (),
    )
