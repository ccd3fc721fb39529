"""What another user tries with the ids of a thing: in every place that takes one, in every mixture.

Each attempt is held against the same call with ids that were never issued: who does not own a thing
must not learn more than who made its id up, but for 403 and 404 where the contract declares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from handfast.fuzz.bodies import place, remove
from handfast.fuzz.compare import told_apart
from handfast.fuzz.contract import Json, Operation, Slot
from handfast.fuzz.ids import unissued
from handfast.fuzz.names import is_id
from handfast.fuzz.session import NOT_WRITTEN, Session
from handfast.fuzz.surface import Answer, Values
from handfast.fuzz.things import PRINCIPAL_NOUNS, Stock, Thing
from handfast.fuzz.watch import Watch

REFUSED = (403, 404)
Whose: TypeAlias = Literal["theirs", "own"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which slots hold the other user's ids; the rest holds the caller's own."""

    whose: Mapping[Slot, Whose]
    reference: bool
    """Whether the ids are only referred to, in a body or a query, and the call is about something else."""

    @property
    def theirs(self) -> str:
        """Where the other user's ids are."""
        return " and ".join(slot.name for slot, one in self.whose.items() if one == "theirs")


class Attacker:
    """One user's attempts on the things of another."""

    def __init__(self, session: Session, theirs: Stock, own: Stock) -> None:
        """Attack what is in `theirs`; `own` is what the attacker has."""
        self._session = session
        self._theirs = theirs
        self._own = own

    def attack(self, thing: Thing) -> None:
        """Try every operation on `thing`, in random order, and see that it stays as it is."""
        session = self._session
        watch = Watch(session, thing)
        operations = [one for one in session.operations if session.looks_at(one)]
        session.random.shuffle(operations)
        last: tuple[Operation, list[Answer]] | None = None
        for operation in operations:
            if session.is_public(operation):
                continue
            for attempt in self._attempts(operation, thing):
                tried = self._try(operation, thing, attempt)
                if tried and not operation.safe:
                    watch.check(operation, tried)
                    last = operation, tried
        if last is not None:
            watch.check(*last, thoroughly=True)

    def _attempts(self, operation: Operation, thing: Thing) -> Iterator[Attempt]:
        """Yield every mixture worth a try: all ids theirs, one of several, one that is referred to."""
        ways = [slot for slot in operation.slots if slot.addresses]
        others = [slot for slot in operation.slots if not slot.addresses]
        if ways and self._takes(ways, thing):
            yield Attempt(dict.fromkeys(ways, "theirs"), reference=False)
            if len(ways) > 1:
                for one in ways:
                    if thing.id_for(one) is not None:
                        yield Attempt(
                            {slot: "theirs" if slot is one else "own" for slot in ways}, reference=False
                        )
        if all(self._own_id(slot, thing) is not None for slot in ways):
            extra = self._extra(operation, thing)
            for one in [*others, *extra]:
                if thing.id_for(one) is not None or (not one.nouns and one.location == "body"):
                    mixed: dict[Slot, Whose] = dict.fromkeys(ways, "own")
                    yield Attempt({**mixed, one: "theirs"}, reference=True)

    def _takes(self, ways: list[Slot], thing: Thing) -> bool:
        ids = [thing.id_for(slot) for slot in ways]
        known = [
            one is not None or bool(set(slot.nouns) & PRINCIPAL_NOUNS)
            for one, slot in zip(ids, ways, strict=True)
        ]
        return all(known) and thing.key in ids

    def _extra(self, operation: Operation, thing: Thing) -> list[Slot]:
        """A body that is open to more properties gets the id itself: it must not choose what is written."""
        if operation is not thing.creator or operation.body is None or not isinstance(thing.made.json, dict):
            return []
        shown = thing.made.json.items()
        name = next((key for key, value in shown if value == thing.key and is_id(key)), None)
        declared = any(slot.path == (name,) for slot in operation.slots)
        return [] if name is None or declared else [Slot("body", (name,), thing.nouns, required=False)]

    def _own_id(self, slot: Slot, thing: Thing) -> Json:
        mine = next((one for one in self._own.things if one.creator is thing.creator), None)
        found = None if mine is None else mine.id_for(slot)
        if found is None and (latest := self._own.latest(slot.nouns)) is not None:
            found = latest.id_for(slot)
        if found is None and set(slot.nouns) & PRINCIPAL_NOUNS:
            found = self._session.principal(self._own.owner)
        return found

    def _their_id(self, slot: Slot, thing: Thing, *, first: bool) -> Json:
        found = thing.id_for(slot)
        if found is None and set(slot.nouns) & PRINCIPAL_NOUNS:
            # The first id of a path says whose things are meant. A later one names a user to deal with: the
            # attacker names itself, as it would to get a share of what is not its own.
            found = self._session.principal(thing.owner if first else self._own.owner)
        return thing.key if found is None else found

    def _values(self, operation: Operation, thing: Thing, attempt: Attempt) -> Values | None:
        """Return what to send with the other user's ids; None where no values fit the schemas."""
        drawn = self._session.draw(operation, least=self._session.random.random() < 0.7)
        if drawn is None:
            return None
        values = self._session.planter.plant(operation, drawn, self._own.owner.name)
        first = True
        for slot in operation.slots:
            whose = attempt.whose.get(slot)
            own = self._own_id(slot, thing)
            if whose is None:
                if slot.required and own is not None:
                    values = place(values, slot, own)
                elif not slot.required:
                    values = remove(values, slot)
            elif whose == "own":
                values = place(values, slot, own)
            if slot.addresses:
                first = False if whose == "own" else first
        return self._aim(values, thing, attempt, issued=True, first=first)

    def _aim(self, values: Values, thing: Thing, attempt: Attempt, *, issued: bool, first: bool) -> Values:
        """Put the other user's ids where the attempt wants them, or ids never issued in their place."""
        for slot, whose in attempt.whose.items():
            if whose == "theirs":
                target = self._their_id(slot, thing, first=first)
                values = place(
                    values, slot, target if issued else unissued(slot, target, self._session.random)
                )
                first = False
        return values

    def _try(self, operation: Operation, thing: Thing, attempt: Attempt) -> list[Answer]:
        """Make one attempt and judge it; return its calls, none where it could not be made."""
        session, who = self._session, self._own.owner
        values = self._values(operation, thing, attempt)
        if values is None or (attempt.reference and not session.surface.valid(operation, values)):
            return []
        before = [thing.made]
        if operation.safe and not attempt.reference:
            before.append(session.call(thing.owner, operation, values, "own"))  # what a cache would keep
        answer = session.call(who, operation, values, "attack", before=before)
        if answer.status in (0, NOT_WRITTEN):
            return []
        made_up = self._aim(values, thing, attempt, issued=False, first=True)
        unknown = session.call(who, operation, made_up, "unknown")
        if answer.status in REFUSED or answer.ok:
            session.report.coverage[operation.label].conclusive += 1
        self._judge(operation, thing, attempt, values, [*before, answer, unknown])
        if len(before) > 1 and before[-1].ok:
            conditional(session, self._own, operation, values, before)
        return [answer]

    def _judge(
        self,
        operation: Operation,
        thing: Thing,
        attempt: Attempt,
        values: Values,
        calls: list[Answer],
    ) -> None:
        """Judge the last two of `calls`: the answer to the other user's id and that to one never issued."""
        session = self._session
        answer, unknown = calls[-2:]
        if answer.ok and not unknown.ok:
            if attempt.reference:
                what = f"takes another user's id in {attempt.theirs}: it answers {answer.status}"
                session.found("reference", operation, what, _REFER, calls)
            else:
                session.report.leaked += 1
                what = f"answers {answer.status} to another user's id in {attempt.theirs}"
                session.found("access", operation, what, _REFUSE, calls)
            return
        if answer.status != unknown.status and not _declared(operation, answer, unknown):
            what = (
                f"tells another user's id in {attempt.theirs} from one never issued: "
                f"{answer.status} and {unknown.status}"
            )
            session.found("existence", operation, what, _EQUAL, calls)
            return
        if told_apart(answer, unknown, unknown) is None:
            return
        if operation.safe or not answer.ok:
            again = self._aim(values, thing, attempt, issued=False, first=True)
            odd = told_apart(answer, unknown, session.call(self._own.owner, operation, again, "unknown"))
            if odd is not None:
                what = f"tells another user's id in {attempt.theirs} from one never issued: {odd}"
                session.found("existence", operation, what, _EQUAL, calls)


def conditional(
    session: Session, who: Stock, operation: Operation, values: Values, before: list[Answer]
) -> None:
    """Ask as another user with the validators of the owner's answer, the last of `before`."""
    for sent, received in (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified")):
        validator = before[-1].header(received)
        if validator is None:
            continue
        asked = values.put("header", sent, validator)
        answer = session.call(who.owner, operation, asked, "conditional", before=before)
        if answer.status == 304:
            session.report.leaked += 1
            what = f"confirms the owner's `{received}` to another user: 304 to {sent}"
            session.found("cache", operation, what, _CACHE, [*before, answer])


def _declared(operation: Operation, answer: Answer, unknown: Answer) -> bool:
    """Whether the contract itself says that somebody else's thing and no thing are told apart."""
    pair = {answer.status, unknown.status}
    return pair == {403, 404} and all(operation.declares(status) for status in pair)


_REFUSE = "answer 403 or 404: read the row by its id and the caller together, or let row security hide it"
_REFER = (
    "make the foreign key (owner, id), or look the id up as the caller does, and answer as to an unknown id"
)
_EQUAL = "answer as to an id that does not exist; 403 and 404 may differ only where both are declared"
_CACHE = "give the cache a key with the owner, and answer conditions after the check of access"
