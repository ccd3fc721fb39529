"""One run: every call goes through here, is counted, and its answer is searched for other users' data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from handfast.fuzz.bodies import Planter, minimal
from handfast.fuzz.compare import leaves
from handfast.fuzz.contract import Json, Operation
from handfast.fuzz.markers import Markers, markers_in
from handfast.fuzz.report import MOST_STEPS, Coverage, Finding, Report, Step
from handfast.fuzz.surface import NOBODY, Answer, Headers, Identity, Surface, Values

NOT_WRITTEN = 501


class Spent(Exception):
    """All calls that were asked for have been made."""


@dataclass
class Session:
    """What the parts of a run share."""

    surface: Surface
    report: Report
    random: Random
    budget: int
    public: Collection[str] = ()
    """Operations, by operationId or `METHOD /path`, whose answers are meant for everybody."""
    chosen: Collection[str] = ()
    """Operations that are looked at; empty means all."""

    def __post_init__(self) -> None:
        """Start with no markers and an empty count for every operation."""
        self.operations = tuple(self.surface.operations())
        self.markers = Markers()
        self.planter = Planter(self.surface, self.markers, self.random)
        self.principals: dict[str, Json] = {}
        """User -> the id that the service itself has for it."""
        self._turns: dict[str, int] = {}
        for operation in self.operations:
            found = self.report.coverage.setdefault(operation.label, Coverage())
            found.needless = not self.looks_at(operation)

    def looks_at(self, operation: Operation) -> bool:
        """Whether this run is about `operation`; others are called only to make things."""
        return not self.chosen or bool({operation.operation_id, operation.label} & set(self.chosen))

    def is_public(self, operation: Operation) -> bool:
        """Whether `operation` was named as one whose answers everybody may have."""
        return bool({operation.operation_id, operation.label} & set(self.public))

    def principal(self, identity: Identity) -> Json:
        """Return the id of a user: as the service shows it, else as its token says; None where unknown."""
        return self.principals.get(identity.name, identity.subject or None)

    def draw(self, operation: Operation, *, least: bool = False) -> Values | None:
        """Return the next valid values for `operation`, without optional parameters if `least`."""
        try:
            pool = self.surface.draw(operation)
        except ValueError as error:
            self.report.coverage[operation.label].undrawn = str(error)
            return None
        turn = self._turns.get(operation.label, 0)
        self._turns[operation.label] = turn + 1
        values = pool[turn % len(pool)]
        return minimal(operation, values) if least else values

    def call(
        self,
        identity: Identity,
        operation: Operation,
        values: Values,
        kind: str,
        *,
        extra: Headers | None = None,
        before: Sequence[Answer] = (),
    ) -> Answer:
        """Make one call; `before` are those that a report would show ahead of it.

        Raises `Spent` once the budget is used up.
        """
        if self.report.calls >= self.budget:
            raise Spent
        answer = self.surface.call(identity, operation, values, extra)
        coverage = self.report.coverage[operation.label]
        coverage.calls[kind] += 1
        if kind == "own":
            coverage.owned[answer.status] += 1
        if answer.status >= 500 and answer.status != NOT_WRITTEN:
            self.found("server-error", operation, f"answers {answer.status}", _MEND, [*before, answer])
        if kind != "token" or not answer.ok:  # a forged token that is taken is a finding of its own
            self._search(identity, operation, answer, before)
        if answer.ok:
            self.markers.tell(identity.name, answer.sent)
        return answer

    def found(
        self, oracle: str, operation: Operation, what: str, fix: str, answers: Sequence[Answer] = ()
    ) -> None:
        """Report that `operation` broke the rule `oracle`."""
        steps = tuple(Step(answer.request) for answer in answers[-MOST_STEPS:])
        self.report.add(Finding(oracle, operation.name, what, fix, steps))

    def _search(
        self, identity: Identity, operation: Operation, answer: Answer, before: Sequence[Answer]
    ) -> None:
        if self.is_public(operation):
            return
        leaked = self.markers.foreign(answer.text, identity.name) - set(markers_in(answer.sent))
        if not leaked:
            return
        self.report.leaked += len(leaked)
        nobody = identity is NOBODY
        whom = "an anonymous caller" if nobody else "another user"
        place = _place(answer, leaked)
        self.found(
            "anonymous" if nobody else "marker",
            operation,
            f"shows one user's data to {whom}: {place} of an answer {answer.status}",
            _SECURE if nobody else _ISOLATE,
            [*before, answer],
        )


_MEND = "look at the service's log: no request may end in a 5xx"
_ISOLATE = (
    "let row security or a filter by owner keep the rows apart, and give every cache a key with the owner"
)
_SECURE = "declare `security` for it, or name it with --public if everybody may see this"


def _place(answer: Answer, leaked: Collection[str]) -> str:
    """Say where in `answer` the first marker is."""
    for name, text in answer.headers:
        if set(markers_in(text)) & set(leaked):
            return f"the header `{name}`"
    for way, value in leaves(answer.json):
        if set(markers_in(str(value))) & set(leaked):
            return f"`{'/'.join(way)}`"
    return "the body"
