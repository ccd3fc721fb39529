"""Two users at work: what the one has, the other neither sees nor changes nor learns of.

A round makes two users with things of their own, lets each list and read, lets outsiders and the other user
try everything on the first one's things, and has the owner use them at last, which proves that the attempts
would have worked for somebody who may.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from random import Random

from handfast.fuzz.attacks import Attacker, conditional
from handfast.fuzz.bodies import minimal, place
from handfast.fuzz.compare import Way, leaves
from handfast.fuzz.contract import Operation
from handfast.fuzz.doubles import Doubler
from handfast.fuzz.identities import Identities
from handfast.fuzz.names import words
from handfast.fuzz.outsiders import Outsider
from handfast.fuzz.owners import Usurper, learn
from handfast.fuzz.report import Finding, Report
from handfast.fuzz.session import Session, Spent
from handfast.fuzz.surface import Answer, Identity, Surface, Values
from handfast.fuzz.things import Maker, Stock, Thing
from handfast.fuzz.tokens import Authority, Forgery, forgeries

MOST_IDLE_ROUNDS = 3
"""A run ends early where nothing can be called any more."""


def run(
    surface: Surface,
    identities: Identities,
    *,
    calls: int,
    seed: int = 1,
    public: Collection[str] = (),
    operations: Collection[str] = (),
    authority: Authority | None = None,
    progress: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Make `calls` calls as two users at a time and return what was found.

    `public` names operations whose answers are meant for everybody, `operations` those to look at (all by
    default), by operationId or `METHOD /path`. With the `authority` that issues tokens, those that are right
    but for one claim are tried too. The same seed makes the same calls, but for canaries and users.
    """
    started = time.monotonic()
    report = Report(seed)
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    session = Session(surface, report, random, calls, public, operations)
    for fault in surface.faults():
        report.add(Finding("ready", "GET /ready", f"the service is not ready: {fault}", _READY))
    isolation = _Isolation(session, identities, authority)
    idle = 0
    try:
        while idle < MOST_IDLE_ROUNDS:
            before = report.calls
            isolation.round()
            report.rounds += 1
            idle = idle + 1 if report.calls == before else 0
            progress(report)
    except Spent:
        pass
    isolation.tell_gaps()
    report.seconds = time.monotonic() - started
    return report


class _Isolation:
    """The rounds of one run."""

    def __init__(self, session: Session, identities: Identities, authority: Authority | None) -> None:
        self._session = session
        self._identities = identities
        self._authority = authority
        self._maker = Maker(session)
        self._outsider = Outsider(session)
        self._forgeries = 0

    def round(self) -> None:
        """Do everything once, with two users."""
        owner, other = self._identities.pair()
        mine, theirs = self._maker.stock(owner), self._maker.stock(other)
        pairs = [(thing, double) for thing in list(mine.things) if (double := self._second(mine, thing))]
        counterparts = {one.creator.label: one for one in theirs.things}
        ways: dict[str, list[Way]] = {}
        for thing, double in pairs:
            if (foreign := counterparts.get(thing.creator.label)) is not None:
                ways[thing.creator.label] = learn(self._session, thing, double, foreign)
        self._lists(mine, theirs)
        self._outsider.call_all(mine, self._forged(owner))
        attacker = Attacker(self._session, mine, theirs)
        for thing, _ in pairs:
            attacker.attack(thing)
        doubler = Doubler(self._session, self._maker, theirs)
        usurper = Usurper(self._session, self._maker, mine, theirs)
        for thing, double in pairs:
            if (foreign := counterparts.get(double.creator.label)) is not None:
                doubler.create(double)
                doubler.change(thing, foreign)
                usurper.usurp(foreign, ways[double.creator.label])
        self._lists(mine, theirs)
        for thing, _ in reversed(pairs):
            self._use(mine, thing)

    def tell_gaps(self) -> None:
        """Report what this run could not look at."""
        session = self._session
        for operation in session.operations:
            coverage = session.report.coverage[operation.label]
            gap = None if coverage.needless or session.is_public(operation) else coverage.gap(operation)
            if gap is not None:
                session.report.add(
                    Finding("coverage", operation.name, f"not exercised: {gap}", _GAP, fatal=False)
                )
        secured = [
            session.report.coverage[operation.label]
            for operation in session.operations
            if operation.security and not session.is_public(operation)
        ]
        looked_at = [coverage for coverage in secured if not coverage.needless]
        if looked_at and not any(200 <= status < 400 for one in looked_at for status in one.owned):
            what = "no operation that needs credentials let its owner in, so nothing was tried"
            session.report.add(Finding("coverage", "credentials", what, _CREDENTIALS))
        if self._forgeries and not self._outsider.complete(self._forgeries):
            what = "not every forged token met every operation: the run was too short"
            session.report.add(Finding("coverage", "tokens", what, "raise --calls", fatal=False))

    def _second(self, stock: Stock, thing: Thing) -> Thing | None:
        return self._maker.another(stock, thing)

    def _forged(self, owner: Identity) -> Sequence[Forgery]:
        bearer = next(
            (one.value for one in owner.credentials.values() if one.value.startswith("Bearer ")), None
        )
        token = None if bearer is None else bearer.removeprefix("Bearer ")
        made = forgeries(token, self._authority)
        self._forgeries = len(made)
        return made

    def _lists(self, mine: Stock, theirs: Stock) -> None:
        """Both users call what needs no id, the owner first: a shared cache shows itself here."""
        for operation in self._session.operations:
            if not operation.safe or not self._session.looks_at(operation):
                continue
            if any(slot.required for slot in operation.slots):
                continue
            drawn = self._session.draw(operation)
            if drawn is None:
                continue
            for values in (minimal(operation, drawn), drawn):
                answer = self._session.call(mine.owner, operation, values, "own")
                self._session.call(theirs.owner, operation, values, "list", before=[answer])
                if self._session.markers.foreign(answer.text, theirs.owner.name):
                    conditional(self._session, theirs, operation, values, [answer])
                    self._cursors(operation, theirs, values, answer)

    def _cursors(self, operation: Operation, theirs: Stock, values: Values, answer: Answer) -> None:
        """A place in the owner's list, `next_cursor` say, must lead nobody else into it."""
        for location, name in operation.parameters:
            for way, value in leaves(answer.json):
                alike = bool(way) and words(way[-1])[-1:] == words(name)[-1:]
                if alike and location == "query" and isinstance(value, str) and len(value) >= 8:
                    moved = values.put(location, name, value)
                    self._session.call(theirs.owner, operation, moved, "list", before=[answer])

    def _use(self, stock: Stock, thing: Thing) -> None:
        """Let the owner do with `thing` whatever can be done, deleting last."""
        operations = [
            operation
            for operation in self._session.operations
            if (thing.reaches(operation) or not any(slot.required for slot in operation.slots))
            and operation is not thing.creator
            and self._session.looks_at(operation)
        ]
        # What lies below a thing is used before the thing itself is deleted.
        operations.sort(key=lambda one: (one.method == "DELETE", not one.safe, -one.path.count("/")))
        for operation in operations:
            if operation.safe and not thing.reaches(operation):
                continue  # lists have been called before
            values = self._maker.prepare(stock, operation, least=operation.safe)
            if values is None:
                continue
            for slot in operation.slots:
                if (own := thing.id_for(slot)) is not None and (slot.required or slot.location == "path"):
                    values = place(values, slot, own)
            self._session.call(stock.owner, operation, values, "own", before=[thing.made])


_READY = "see the service's log, and `handfast migrate` for what a migration mends"
_CREDENTIALS = "give the credentials of two users that the service takes: see `handfast fuzz --help`"
_GAP = "see which values it needs; --calls gives more tries"
