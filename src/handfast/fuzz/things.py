"""What users have: things made by calling the operations that create, with the ids to reach them by.

Nobody says which operation creates what; it shows when an answer brings an id that was not there before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from handfast.fuzz.bodies import place, remove
from handfast.fuzz.compare import leaves
from handfast.fuzz.contract import Json, Operation, Slot
from handfast.fuzz.names import is_id, noun
from handfast.fuzz.session import Session
from handfast.fuzz.surface import Answer, Identity, Values

ATTEMPTS = 4
"""How many draws an operation gets to create something, each round until it does."""
PRINCIPAL_NOUNS = frozenset(
    ("user", "owner", "account", "author", "creator", "tenant", "principal", "member")
)
"""What ids of users themselves are called."""


@dataclass(frozen=True)
class Thing:
    """Something that a user created."""

    owner: Identity
    creator: Operation
    values: Values = field(repr=False)
    """What it was created with."""
    made: Answer = field(repr=False)
    nouns: tuple[str, ...]
    key: Json
    """Its own id."""
    ids: Mapping[str, Json]
    """Noun -> id: its own and those of what it belongs to."""
    linked: Mapping[str, Json]
    """Parameter -> value, as the contract's links say."""

    def id_for(self, slot: Slot) -> Json:
        """Return what of this thing fits `slot`; None where nothing does."""
        if slot.location != "body" and slot.path[0] in self.linked:
            return self.linked[slot.path[0]]
        return next((self.ids[one] for one in slot.nouns if one in self.ids), None)

    def reaches(self, operation: Operation) -> bool:
        """Whether `operation` is about the thing: its id and all others that a call needs are known."""
        needed = [slot for slot in operation.slots if slot.addresses]
        ids = [self.id_for(slot) for slot in needed if not set(slot.nouns) & PRINCIPAL_NOUNS]
        return None not in ids and self.key in ids

    def may_be_in(self, operation: Operation) -> bool:
        """Whether `operation` may show the thing without being asked for it: a list that it can be in."""
        needed = [slot for slot in operation.slots if slot.required]
        return operation.safe and all(self.id_for(slot) is not None for slot in needed)


@dataclass
class Stock:
    """The things of one user in one round."""

    owner: Identity
    things: list[Thing] = field(default_factory=list)

    def latest(self, nouns: tuple[str, ...]) -> Thing | None:
        """Return the newest thing of the first noun that there is one of."""
        for one in nouns:
            for thing in reversed(self.things):
                if one in thing.nouns:
                    return thing
        return None


class Maker:
    """Creates things, learning on the way which operations do."""

    def __init__(self, session: Session) -> None:
        """Know nothing yet."""
        self._session = session
        self._creates: dict[str, bool] = {}
        """Operation -> whether it creates; absent while that is open."""

    def stock(self, owner: Identity) -> Stock:
        """Create one thing with every operation that can, parents first."""
        stock = Stock(owner)
        waiting = [operation for operation in self._session.operations if self._may_create(operation)]
        waiting.sort(
            key=lambda one: (one.path.count("{"), len([s for s in one.slots if s.required]), one.label)
        )
        for _ in range(3):  # what refers to something else comes after it, whatever the paths say
            waiting = [operation for operation in waiting if not self._try(stock, operation)]
        return stock

    def another(self, stock: Stock, thing: Thing) -> Thing | None:
        """Create one more thing as `thing` was created."""
        values = self.prepare(stock, thing.creator)
        return None if values is None else self.create(stock, thing.creator, values)

    def prepare(self, stock: Stock, operation: Operation, *, least: bool = False) -> Values | None:
        """Return values for `operation` with the user's own ids and canaries; None where an id is lacking."""
        drawn = self._session.draw(operation, least=least)
        if drawn is None:
            return None
        values = drawn
        for slot in operation.slots:
            thing = stock.latest(slot.nouns)
            own = None if thing is None else thing.id_for(slot)
            if own is not None:
                values = place(values, slot, own)
            elif slot.location != "path" and not slot.required:
                values = remove(values, slot)
        values = self._session.planter.plant(operation, values, stock.owner.name)
        return values

    def create(self, stock: Stock, operation: Operation, values: Values) -> Thing | None:
        """Call `operation` and keep what it created; None where it created nothing."""
        answer = self._session.call(stock.owner, operation, values, "own")
        thing = self._thing(stock, operation, values, answer) if answer.ok else None
        if thing is not None:
            stock.things.append(thing)
            self._session.markers.learn(stock.owner.name, thing.key)
            self._creates[operation.label] = True
        elif answer.ok:
            self._creates.setdefault(operation.label, False)
        return thing

    def _may_create(self, operation: Operation) -> bool:
        kind = operation.method == "POST" or (operation.method == "PUT" and operation.on_one)
        return kind and self._creates.get(operation.label, True)

    def _try(self, stock: Stock, operation: Operation) -> bool:
        """Return whether there is nothing more to try with `operation` in this round."""
        needed = [slot for slot in operation.slots if slot.location == "path"]
        if operation.method == "PUT":  # its last id is the caller's to choose
            last = needed.pop()
            if set(last.nouns) & PRINCIPAL_NOUNS or stock.latest(last.nouns) is not None:
                return True
        for slot in needed:
            if stock.latest(slot.nouns) is None and not set(slot.nouns) & PRINCIPAL_NOUNS:
                return False
        for _ in range(ATTEMPTS):
            values = self.prepare(stock, operation)
            if values is None:
                return True
            if (
                self.create(stock, operation, values) is not None
                or self._creates.get(operation.label) is False
            ):
                return True
        return False

    def _thing(self, stock: Stock, operation: Operation, values: Values, answer: Answer) -> Thing | None:
        known = {str(value) for thing in stock.things for value in thing.ids.values()}
        sent = {str(value) for value in values.path.values()}
        ids: dict[str, Json] = {}
        for slot in operation.slots:
            used = _used(values, slot)
            parent = stock.latest(slot.nouns)
            if parent is not None and used is not None:
                ids |= parent.ids
        nouns = list(operation.nouns)
        key: Json = None
        if operation.method == "PUT":
            last = [slot for slot in operation.slots if slot.location == "path"][-1:]
            for slot in last:
                key, nouns = values.path.get(slot.path[0]), [*slot.nouns, *nouns]
        else:
            for name, value in _id_leaves(answer, operation):
                if str(value) not in known | sent:
                    key = value
                    nouns += [noun(name)] if noun(name) and noun(name) not in nouns else []
                    break
        if key is None:
            return None
        body = dict(leaves(answer.json))
        linked = {link.parameter: body[link.pointer] for link in operation.links if link.pointer in body}
        ids |= dict.fromkeys(nouns, key)
        return Thing(stock.owner, operation, values, answer, tuple(nouns), key, ids, linked)


def _used(values: Values, slot: Slot) -> Json:
    if slot.location == "body":
        node: Json = values.body if isinstance(values.body, dict) else None
        for part in slot.path:
            node = (
                node.get(part)
                if isinstance(node, dict)
                else node[0]
                if isinstance(node, list) and node and part == "*"
                else None
            )
        return node
    return values.at(slot.location).get(slot.path[0])


def _id_leaves(answer: Answer, operation: Operation) -> Iterator[tuple[str, Json]]:
    """Yield what in an answer could be the new thing's id, the likeliest first."""
    about = {"", *operation.nouns}
    found = [
        (len(way), way[-1], value)
        for way, value in leaves(answer.json)
        if way and len(way) <= 3 and not any(part.isdigit() for part in way) and isinstance(value, str | int)
    ]
    for _, name, value in sorted(found, key=lambda one: (one[0], noun(one[1]) != "")):
        if is_id(name) and noun(name) in about and value is not True and value is not False:
            yield name, value
    location = answer.header("location")
    if location:
        yield "id", location.partition("?")[0].rstrip("/").rpartition("/")[2]
    for _, name, value in found:
        if name.lower() in ("key", "slug", "name", "code", "number") and not isinstance(value, bool):
            yield "id", value
