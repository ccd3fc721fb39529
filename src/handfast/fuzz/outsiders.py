"""Callers whom the service must not know: without credentials, and with every kind of forged ones."""

from __future__ import annotations

from collections.abc import Sequence

from handfast.fuzz.bodies import place
from handfast.fuzz.contract import Operation
from handfast.fuzz.ids import unissued
from handfast.fuzz.session import NOT_WRITTEN, Session
from handfast.fuzz.surface import NOBODY, Answer, Values
from handfast.fuzz.things import Stock, Thing
from handfast.fuzz.tokens import Forgery

TOO_LARGE = (0, 400, 413, 414, 431)
"""What a server may say before anything looks at the token; 0 is a closed connection."""
A_ROUND = 6
"""Forgeries an operation and round; they take turns, so that every one meets every operation."""


class Outsider:
    """Calls every operation with the ids of a user who never gave them away."""

    def __init__(self, session: Session) -> None:
        """Begin with the first forgery at every operation."""
        self._session = session
        self._turns: dict[str, int] = {}

    def call_all(self, stock: Stock, forgeries: Sequence[Forgery]) -> None:
        """Call everything without credentials, and with the next few `forgeries`, on what is in `stock`."""
        for operation in self._session.operations:
            if not self._session.looks_at(operation) or self._session.is_public(operation):
                continue
            thing = next((one for one in reversed(stock.things) if one.reaches(operation)), None)
            values = self._values(operation, thing)
            if values is None:
                continue
            answer = self._session.call(NOBODY, operation, values, "anonymous", before=_made(thing))
            if operation.protected:
                self._expect_401(operation, answer, thing, "without credentials")
                self._forge(operation, values, thing, forgeries)
            elif thing is not None and answer.ok:
                self._compare(operation, values, thing, answer)

    def complete(self, forgeries: int) -> bool:
        """Whether every forgery has met every protected operation."""
        return all(
            self._turns.get(operation.label, 0) >= forgeries
            for operation in self._session.operations
            if operation.protected and self._session.looks_at(operation)
        )

    def _values(self, operation: Operation, thing: Thing | None) -> Values | None:
        values = self._session.draw(operation, least=True)
        if values is None:
            return None
        for slot in operation.slots:
            if thing is not None and slot.required and (own := thing.id_for(slot)) is not None:
                values = place(values, slot, own)
        return values

    def _forge(
        self, operation: Operation, values: Values, thing: Thing | None, forgeries: Sequence[Forgery]
    ) -> None:
        turn = self._turns.get(operation.label, 0)
        count = min(A_ROUND, len(forgeries)) if turn < len(forgeries) else 1
        self._turns[operation.label] = turn + count
        for number in range(turn, turn + count):
            one = forgeries[number % len(forgeries)]
            if operation.takes_basic and one.kind == "basic-instead":
                continue
            answer = self._session.call(NOBODY, operation, values, "token", extra=one.headers)
            if one.oversized and answer.status in TOO_LARGE:
                continue
            self._expect_401(operation, answer, thing, f"with a forged credential ({one.kind})", one.kind)

    def _expect_401(
        self, operation: Operation, answer: Answer, thing: Thing | None, how: str, kind: str = ""
    ) -> None:
        if answer.status in (401, NOT_WRITTEN):
            return
        if answer.ok:
            self._session.report.leaked += 1
        what = f"answers {answer.status} {how}, where its security asks for 401"
        oracle = f"token:{kind}" if kind else "anonymous"
        self._session.found(oracle, operation, what, _FIX, [*_made(thing), answer])

    def _compare(self, operation: Operation, values: Values, thing: Thing, answer: Answer) -> None:
        """An operation that anybody may call must not act on what belongs to a user."""
        made_up = values
        for slot in operation.slots:
            if slot.required and (own := thing.id_for(slot)) is not None:
                made_up = place(made_up, slot, unissued(slot, own, self._session.random))
        unknown = self._session.call(NOBODY, operation, made_up, "unknown")
        if not unknown.ok:
            self._session.report.leaked += 1
            what = f"declares no security, and answers {answer.status} to anybody who sends a user's id"
            self._session.found("anonymous", operation, what, _DECLARE, [*_made(thing), answer])


def _made(thing: Thing | None) -> list[Answer]:
    return [] if thing is None else [thing.made]


_FIX = "check the credentials before everything else, and answer 401"
_DECLARE = "declare `security` for it, or name it with --public if everybody may do this"
