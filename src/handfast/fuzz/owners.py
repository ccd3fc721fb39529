"""Who owns a thing is the token's to say: a body that names another owner must not be believed."""

from __future__ import annotations

from collections.abc import Sequence

from handfast.fuzz.bodies import place
from handfast.fuzz.compare import Way, leaves
from handfast.fuzz.contract import Json, Operation, Slot
from handfast.fuzz.names import is_id, noun
from handfast.fuzz.session import Session
from handfast.fuzz.surface import Answer
from handfast.fuzz.things import PRINCIPAL_NOUNS, Maker, Stock, Thing


def owner_ways(first: Thing, second: Thing, foreign: Thing) -> list[Way]:
    """Return where answers show their owner: the same for two things of one user, another for another's."""
    one, two, other = (dict(leaves(thing.made.json)) for thing in (first, second, foreign))
    return [
        way
        for way, value in one.items()
        if way
        and isinstance(value, str | int)
        and not isinstance(value, bool)
        and value == two.get(way)
        and way in other
        and value != other[way]
        and (is_id(way[-1]) or noun(way[-1]) in PRINCIPAL_NOUNS)
        and str(value) not in first.made.sent
    ]


def learn(session: Session, first: Thing, second: Thing, foreign: Thing) -> list[Way]:
    """Learn from three things the ids of their owners; return where they are shown."""
    ways = owner_ways(first, second, foreign)
    for way in ways:
        for thing in (first, foreign):
            value = dict(leaves(thing.made.json))[way]
            session.principals[thing.owner.name] = value
            session.markers.learn(thing.owner.name, value)
    return ways


class Usurper:
    """Tries to create and change things in another user's name."""

    def __init__(self, session: Session, maker: Maker, victim: Stock, own: Stock) -> None:
        """Write as the owner of `own`, in the name of the owner of `victim`."""
        self._session = session
        self._maker = maker
        self._victim = victim
        self._own = own

    def usurp(self, thing: Thing, ways: Sequence[Way]) -> None:
        """Name the victim as the owner wherever a body may say it; `thing` is the caller's."""
        for operation in self._session.operations:
            if operation.body is None or not self._session.looks_at(operation):
                continue
            if operation is thing.creator or (
                operation.method in ("PATCH", "PUT") and thing.reaches(operation)
            ):
                for name in self._names(operation, ways):
                    self._try(operation, thing, name, ways)

    def _names(self, operation: Operation, ways: Sequence[Way]) -> list[str]:
        """Properties that may say who owns a thing: those that answers show, those that the body has.

        A user named beside the id of a thing is somebody to share it with, which is the caller's to decide.
        """
        shown = [way[-1] for way in ways]
        if any(not set(slot.nouns) & PRINCIPAL_NOUNS for slot in operation.slots):
            return list(dict.fromkeys(shown))
        declared = [
            slot.path[0]
            for slot in operation.slots
            if slot.location == "body" and len(slot.path) == 1 and set(slot.nouns) & PRINCIPAL_NOUNS
        ]
        return list(dict.fromkeys([*shown, *declared]))

    def _try(self, operation: Operation, thing: Thing, name: str, ways: Sequence[Way]) -> None:
        session = self._session
        victim = session.principal(self._victim.owner)
        prepared = self._maker.prepare(self._own, operation)
        if victim is None or prepared is None:
            return
        values = place(prepared, Slot("body", (name,), (), required=False), victim)
        for slot in operation.slots:
            if slot.location == "path" and (own := thing.id_for(slot)) is not None:
                values = place(values, slot, own)
        if not session.surface.valid(operation, values):
            return
        answer = session.call(self._own.owner, operation, values, "owner")
        if answer.ok and self._believed(answer, ways, victim):
            session.report.leaked += 1
            what = f"believes the body about the owner: `{name}` made the thing another user's"
            session.found("owner", operation, what, _FIX, [answer])

    @staticmethod
    def _believed(answer: Answer, ways: Sequence[Way], victim: Json) -> bool:
        found = dict(leaves(answer.json))
        return any(found.get(way) == victim for way in ways)


_FIX = "take the owner from the token, never from the body"
