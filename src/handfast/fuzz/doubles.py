"""Existence through uniqueness: the values of another user's thing must be as good as any others.

Differential: the same creation once with the values of somebody else's thing and once with fresh ones. A
constraint per owner says the same to both, since the caller has neither.
"""

from __future__ import annotations

import copy

from handfast.fuzz.bodies import place
from handfast.fuzz.contract import Json, Operation
from handfast.fuzz.markers import markers_in
from handfast.fuzz.session import Session
from handfast.fuzz.surface import ABSENT, Values
from handfast.fuzz.things import Maker, Stock, Thing


class Doubler:
    """Creates and changes things so that they equal those of another user."""

    def __init__(self, session: Session, maker: Maker, own: Stock) -> None:
        """Do it as the owner of `own`."""
        self._session = session
        self._maker = maker
        self._own = own

    def create(self, thing: Thing) -> None:
        """Create something with the values of another user's `thing`."""
        if self._session.looks_at(thing.creator):
            self._compare(thing.creator, thing, self._again(thing.creator, thing))

    def change(self, thing: Thing, own: Thing) -> None:
        """Give `own`, the caller's, the values of another user's `thing`, which must be another one."""
        for operation in self._session.operations:
            if not self._session.looks_at(operation) or operation is thing.creator:
                continue
            if operation.method in ("PATCH", "PUT") and own.reaches(operation):
                self._compare(operation, thing, self._changed(operation, thing, own))

    def _again(self, operation: Operation, thing: Thing) -> Values | None:
        """The values of `thing`, with the caller's own ids in them."""
        values = thing.values
        for slot in operation.slots:
            latest = self._own.latest(slot.nouns)
            if latest is not None and thing.id_for(slot) is not None:
                values = place(values, slot, latest.id_for(slot))
        return values if operation.method == "POST" else None

    def _changed(self, operation: Operation, thing: Thing, own: Thing) -> Values | None:
        """A change of `own` that takes over each text of `thing` and nothing else."""
        body = thing.values.body
        schema = operation.body if isinstance(operation.body, dict) else {}
        names = schema.get("properties")
        if not isinstance(body, dict) or not isinstance(names, dict):
            return None
        taken: dict[str, Json] = {key: one for key, one in body.items() if key in names and _planted(one)}
        prepared = self._maker.prepare(self._own, operation)
        if not taken or prepared is None:
            return None
        values = prepared.with_body(
            {**prepared.body, **taken}
            if operation.method == "PUT" and isinstance(prepared.body, dict)
            else taken
        )
        for slot in operation.slots:
            if slot.location == "path" and (mine := own.id_for(slot)) is not None:
                values = place(values, slot, mine)
        return values

    def _compare(self, operation: Operation, thing: Thing, values: Values | None) -> None:
        """Send `values`, and then the same with fresh canaries: the first must not fare worse."""
        session, who = self._session, self._own.owner
        if values is None or values.body is ABSENT or not _planted(values.body):
            return
        answer = session.call(who, operation, values, "double", before=[thing.made])
        if answer.ok or answer.status in (0, 501):
            return
        fresh = values.with_body(self._fresh(values.body))
        control = session.call(who, operation, fresh, "double")
        if control.ok:
            what = (
                f"answers {answer.status} where the values are those of another user's thing, "
                f"and {control.status} to fresh ones"
            )
            session.found("uniqueness", operation, what, _FIX, [thing.made, answer, control])

    def _fresh(self, value: Json) -> Json:
        """Return `value` with each canary replaced by a new one of the same length."""
        owner = self._own.owner.name
        if isinstance(value, dict):
            return {name: self._fresh(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._fresh(one) for one in value]
        if isinstance(value, str):
            for found in markers_in(value):
                if found in value and found.startswith("zq"):
                    value = value.replace(found, self._session.markers.canary(owner, len(found)))
        elif isinstance(value, int) and not isinstance(value, bool) and value >= 100_000_000:
            return self._session.markers.number(owner)
        return copy.copy(value)


def _planted(value: Json) -> bool:
    return any(found.startswith("zq") and found.endswith("qz") for found in markers_in(str(value)))


_FIX = "let every unique constraint lead with the owner"
