"""Two schemas of one place → what changed in them, down to the keyword, each judged by what is accepted.

One side is the *sender's*: what was accepted in requests before, what may arrive in responses now. The other
side's keywords are limits, each of which must take what the sender may send. A limit that does is harmless,
however much it has changed; one that does not is shown a value that it refuses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from handfast.diff.catalogue import BREAKING, RISKY, SAFE
from handfast.diff.contract import At, Pair
from handfast.diff.flat import Flat, flatten, referred
from handfast.diff.found import Flow, Found, Result, Two, sides
from handfast.diff.keywords import compared
from handfast.diff.relation import Relation, Relations
from handfast.validation.directions import Schema

_Key: TypeAlias = "tuple[Flow, tuple[int, ...], tuple[int, ...]]"


class Schemas:
    """Compares schemas of two contracts; each pair once for each way that values travel."""

    def __init__(self, pair: Pair, relations: Relations) -> None:
        """Compare schemas of the contracts of `pair`."""
        self.pair = pair
        self.relations = relations
        self._known: dict[_Key, Result] = {}
        self._whole: dict[_Key, list[Found]] = {}
        self._alive: list[tuple[At, ...]] = []

    def compare(self, old: At, new: At, flow: Flow) -> list[Found]:
        """Return what has changed between two whole schemas."""
        if self.pair.same(old.node, new.node):
            return []
        old, new = referred(old), referred(new)
        key = (flow, (id(old.node),), (id(new.node),))
        if key not in self._whole:
            result = self._place((old,), (new,), flow)
            two = Two(flatten((old,)), flatten((new,)))
            self._whole[key] = self._settled(result, two, flow, top=True).found
        return self._whole[key]

    # -- one place ------------------------------------------------------------------------------------------

    def _place(self, old: tuple[At, ...], new: tuple[At, ...], flow: Flow) -> Result:
        key = (flow, tuple(id(at.node) for at in old), tuple(id(at.node) for at in new))
        if key not in self._known:
            self._known[key] = Result([])  # a schema inside itself: what is outside tells of it
            self._alive += [old, new]
            two = Two(flatten(old), flatten(new))
            result = compared(self, two, flow)
            result.found = list({id(one): one for one in result.found}.values())  # of parts that many share
            self._known[key] = self._settled(result, two, flow, top=False)
        return self._known[key]

    def _settled(self, result: Result, two: Two, flow: Flow, *, top: bool) -> Result:
        """Hold the whole against what was found in its parts."""
        worst = result.worst()
        if not top and (worst is not SAFE or result.whole):
            return result
        sender, receiver = (self.document(one, flow) for one in sides(two, flow))
        if self.relations.proves(receiver, sender):
            return Result([_harmless(one) for one in result.found])
        if any(one.severity is BREAKING for one in result.found):
            return result
        relation = self.relations.covers(receiver, sender, likely=worst is SAFE and result.whole)
        if relation.answer == "unknown" and (worst is RISKY or result.whole):
            return result
        return Result([*result.found, _whole(two, relation)])

    def document(self, flat: Flat, flow: Flow) -> Schema:
        """Return the document of one side."""
        if not flat.roots:
            return True
        contract = flat.roots[0].contract
        return contract.documents.of(flat.nodes, flow.view)

    def inner(self, old: list[At], new: list[At], flow: Flow) -> Result:
        """Compare schemas of a part of the value."""
        if len(old) == len(new) and all(
            self.pair.same(one.node, other.node) for one, other in zip(old, new, strict=True)
        ):
            return Result([])
        return self._place(tuple(map(referred, old)), tuple(map(referred, new)), flow)


def _harmless(one: Found) -> Found:
    if not one.judged:
        return one
    return replace(one, severity=SAFE, witness=None, reason="")


def _whole(two: Two, relation: Relation) -> Found:
    return Found(
        "schema-changed",
        BREAKING if relation.answer == "no" else RISKY,
        "the schema as a whole admits other values than before",
        two.old.roots[0].where() if two.old.roots else None,
        two.new.roots[0].where() if two.new.roots else None,
        judged=True,
        witness=relation.witness,
        reason=relation.reason,
    )
