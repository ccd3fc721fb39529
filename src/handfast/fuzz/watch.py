"""Are the owner's things still what they were? Read before, read again after what others tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handfast.fuzz.bodies import place
from handfast.fuzz.compare import Way, differences
from handfast.fuzz.contract import Json, Operation
from handfast.fuzz.session import Session
from handfast.fuzz.surface import Answer, Values
from handfast.fuzz.things import Thing


@dataclass
class _Seen:
    operation: Operation
    values: Values
    answer: Answer
    varying: frozenset[Way]
    """What differs between two readings with nothing in between."""


class Watch:
    """One thing as its owner sees it: by itself, and in every list that it may be in."""

    def __init__(self, session: Session, thing: Thing) -> None:
        """Read everything twice, so that what varies by itself is known."""
        self._session = session
        self._thing = thing
        self._seen: list[_Seen] = []
        for operation in session.operations:
            if thing.may_be_in(operation) and operation.method == "GET":
                self._look(operation)
        self._seen.sort(key=lambda one: not thing.reaches(one.operation))

    def check(self, operation: Operation, tried: Sequence[Answer], *, thoroughly: bool = False) -> None:
        """Read again, only the thing itself unless `thoroughly`; what changed is laid to `operation`."""
        for seen in self._seen if thoroughly else self._seen[:1]:
            again = self._session.call(self._thing.owner, seen.operation, seen.values, "own")
            what = _changed(seen, again)
            if what is not None:
                self._session.report.leaked += 1
                said = f"changes what another user owns: {seen.operation.label} then {what}"
                steps = [self._thing.made, seen.answer, *tried, again]
                self._session.found("unchanged", operation, said, _FIX, steps)
                seen.answer = again

    def _look(self, operation: Operation) -> None:
        drawn = self._session.draw(operation, least=True)
        if drawn is None:
            return
        values = drawn
        for slot in operation.slots:
            if slot.required and (own := self._thing.id_for(slot)) is not None:
                values = place(values, slot, own)
        first, second = (self._session.call(self._thing.owner, operation, values, "own") for _ in range(2))
        if first.ok and second.ok:
            varying = differences(_content(first), _content(second))
            self._seen.append(_Seen(operation, values, second, varying))


def _changed(seen: _Seen, again: Answer) -> str | None:
    if not again.ok:
        return f"answers {again.status} to its owner"
    odd = differences(_content(seen.answer), _content(again)) - seen.varying
    return f"shows another {', '.join(sorted('`' + '/'.join(way) + '`' for way in odd)[:4])}" if odd else None


def _content(answer: Answer) -> Json:
    return answer.json if answer.json is not None else answer.body.decode("utf-8", errors="replace")


_FIX = "let every statement that writes be kept to the caller's own rows"
