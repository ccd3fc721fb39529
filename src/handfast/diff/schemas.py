"""Two schemas of one place → what changed in them, down to the keyword, each judged by what is accepted.

One side is the *sender's*: what was accepted in requests before, what may arrive in responses now. The other
side's keywords are limits, each of which must take what the sender may send. A limit that does is harmless,
however much it has changed; one that does not is shown a value that it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from handfast.codegen.source import Map
from handfast.diff.catalogue import BOUNDS, BREAKING, RISKY, RULES, SAFE, SUBSUMPTION
from handfast.diff.contract import At, Pair
from handfast.diff.flat import Flat, Part, choices, flatten, is_null, referred
from handfast.diff.model import Direction, Severity, Where, Witness
from handfast.diff.relation import Relation, Relations
from handfast.validation.directions import Schema
from handfast.validation.formats import FORMATS

Side: TypeAlias = Literal["old", "new"]
_Key: TypeAlias = "tuple[Flow, tuple[int, ...], tuple[int, ...]]"


@dataclass(frozen=True, slots=True)
class Flow:
    """Which way a value travels."""

    direction: Direction
    """Who sends it: callers, or the service."""
    view: Direction
    """As what it is sent over HTTP; a webhook's payload is a request that the service sends."""
    is_xml: bool = False

    @property
    def sender(self) -> Side:
        """The contract that says what may be sent: callers still send what was accepted."""
        return "old" if self.direction == "request" else "new"


REQUEST = Flow("request", "request")
RESPONSE = Flow("response", "response")


@dataclass(frozen=True, slots=True)
class Found:
    """One change of a schema."""

    rule: str
    severity: Severity
    what: str
    old: Where | None
    new: Where | None
    judged: bool
    """Whether the severity follows from what is accepted, so that a wider context may lower it."""
    witness: Witness | None = None
    reason: str = ""


@dataclass(slots=True)
class Result:
    """What was found in a pair of schemas."""

    found: list[Found]
    whole: bool = True
    """Whether the parts tell of the whole; not so where a branch of `oneOf` has changed inside."""

    def worst(self) -> Severity:
        """Return the worst severity that follows from what is accepted."""
        return max((one.severity for one in self.found if one.judged), default=SAFE)


@dataclass(frozen=True, slots=True)
class _Two:
    """Both sides of one place."""

    old: Flat
    new: Flat

    def of(self, side: Side) -> Flat:
        return self.old if side == "old" else self.new


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
            two = _Two(flatten((old,)), flatten((new,)))
            self._whole[key] = self._settled(result, two, flow, top=True).found
        return self._whole[key]

    # -- one place ------------------------------------------------------------------------------------------

    def _place(self, old: tuple[At, ...], new: tuple[At, ...], flow: Flow) -> Result:
        key = (flow, tuple(id(at.node) for at in old), tuple(id(at.node) for at in new))
        if key not in self._known:
            self._known[key] = Result([])  # a schema inside itself: what is outside tells of it
            self._alive += [old, new]
            two = _Two(flatten(old), flatten(new))
            walk = _Walk(self, two, flow)
            walk.run()
            self._known[key] = self._settled(walk.result, two, flow, top=False)
        return self._known[key]

    def _settled(self, result: Result, two: _Two, flow: Flow, *, top: bool) -> Result:
        """Hold the whole against what was found in its parts."""
        worst = result.worst()
        if not top and (worst is not SAFE or result.whole):
            return result
        sender, receiver = (self.document(one, flow) for one in _sides(two, flow))
        if self.relations.proves(receiver, sender):
            return Result([_harmless(one) for one in result.found])
        if any(one.severity is BREAKING for one in result.found):
            return result
        relation = self.relations.covers(receiver, sender)
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


def _sides(two: _Two, flow: Flow) -> tuple[Flat, Flat]:
    return (two.old, two.new) if flow.sender == "old" else (two.new, two.old)


def _harmless(one: Found) -> Found:
    if not one.judged:
        return one
    return replace(one, severity=SAFE, witness=None, reason="")


def _whole(two: _Two, relation: Relation) -> Found:
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


class _Walk:
    """Goes through the keywords of one place."""

    def __init__(self, schemas: Schemas, two: _Two, flow: Flow) -> None:
        self.schemas = schemas
        self.old, self.new = two.old, two.new
        self.two = two
        self.flow = flow
        self.sender, self.receiver = _sides(two, flow)
        self.result = Result([])
        self._documents: dict[int, Schema] = {}

    def run(self) -> None:
        if self.old.never or self.new.never:
            if self.old.never != self.new.never:
                rule = "schema-forbidden" if self.new.never else "schema-allowed"
                self.limit(rule, RULES[rule].what, None, None, lambda flat: False if flat.never else None)
            return
        self.types()
        self.enums()
        self.bounds()
        self.texts()
        self.objects()
        self.arrays()
        self.rest()
        self.branches()
        self.annotations()

    # -- how a change is judged -----------------------------------------------------------------------------

    @property
    def sent(self) -> Schema:
        """What may be sent, as a document."""
        return self.document(self.sender)

    def document(self, flat: Flat) -> Schema:
        """Return the document of a side."""
        if id(flat) not in self._documents:
            self._documents[id(flat)] = self.schemas.document(flat, self.flow)
        return self._documents[id(flat)]

    def limit(
        self,
        rule: str,
        what: str,
        old: Where | None,
        new: Where | None,
        says: Callable[[Flat], Schema | None],
        *,
        tighter: bool | None = None,
    ) -> None:
        """Note a change of a limit; `says` is the limit of a side, None where it has none.

        `tighter` tells whether the receiving side's is narrower by itself, which counts where nothing can be
        proved.
        """
        bound = says(self.receiver)
        severity, witness, reason = SAFE, None, ""
        if bound is not None and tighter is not False:
            relation = self.schemas.relations.covers(bound, self.sent)
            if relation.answer == "no" or (relation.answer == "unknown" and tighter):
                severity, witness = BREAKING, relation.witness
            elif relation.answer == "unknown":
                severity, reason = RISKY, relation.reason
        self.note(rule, what, old, new, severity, judged=True, witness=witness, reason=reason)

    def note(
        self,
        rule: str,
        what: str,
        old: Where | None,
        new: Where | None,
        severity: Severity | None = None,
        *,
        judged: bool = False,
        witness: Witness | None = None,
        reason: str = "",
    ) -> None:
        """Note a change."""
        if severity is None:
            given = RULES[rule].severity(self.flow.direction)
            severity = RISKY if given == SUBSUMPTION else Severity(given)
        old = old or (self.old.roots[0].where() if self.old.roots else None)
        new = new or (self.new.roots[0].where() if self.new.roots else None)
        self.result.found.append(Found(rule, severity, what, old, new, judged, witness, reason))

    def places(self, *keys: str) -> tuple[Where | None, Where | None]:
        """Return where one of the keywords stands on both sides."""
        return _place(self.old, keys), _place(self.new, keys)

    def add(self, result: Result) -> None:
        """Take over what was found in a part of the value."""
        self.result.found += result.found
        self.result.whole &= result.whole

    def side(self, flat: Flat) -> Side:
        """Say which side it is."""
        return "old" if flat is self.old else "new"

    # -- types and values -----------------------------------------------------------------------------------

    def types(self) -> None:
        old, new = self.old.types(), self.new.types()
        if old == new:
            return
        places = self.places("type")

        def says(flat: Flat) -> Schema:
            return {"type": sorted(flat.types())}

        if old ^ new == {"null"}:
            rule = "nullable-added" if "null" in new else "nullable-removed"
            self.limit(rule, f"null is {'' if 'null' in new else 'no longer '}admitted", *places, says)
            return
        what = f"the type was {_types(old)}, and is {_types(new)}"
        rule = "type-removed" if new < old else "type-added" if old < new else "type-changed"
        self.limit(rule, what, *places, says)

    def enums(self) -> None:
        old, new = self.old.values(), self.new.values()
        if old == new:
            return
        places = self.places("enum", "const")
        if old is None or new is None:
            rule = "enum-added" if old is None else "enum-removed"
            values = new if old is None else old
            what = f"only {_listed(values)} {'is' if old is None else 'was'} admitted"
            self.limit(rule, what, *places, _enum)
            return
        gone = [one for one in old if not _among(one, new)]
        come = [one for one in new if not _among(one, old)]
        if gone:
            self.limit("enum-value-removed", f"{_listed(gone)} is admitted no more", *places, _but(come))
        if come:
            self.limit("enum-value-added", f"{_listed(come)} is admitted too", *places, _but(gone))

    # -- numbers and texts ----------------------------------------------------------------------------------

    def bounds(self) -> None:
        for name, (what, *keys) in BOUNDS.items():
            low = name.startswith("min")
            old, new = _bound(self.old, keys, low=low), _bound(self.new, keys, low=low)
            if old == new:
                continue
            if old is None or new is None:
                verb = "added" if old is None else "removed"
                text = f"{what} is {_shown(new)} now" if old is None else f"{what} was {_shown(old)}"
            else:
                verb = "raised" if (new > old if low or new[0] != old[0] else new < old) else "lowered"
                text = f"{what} was {verb} from {_shown(old)} to {_shown(new)}"
            ours = _bound(self.receiver, keys, low=low)
            theirs = _bound(self.sender, keys, low=low)
            self.limit(
                f"{name}-{verb}",
                text,
                *self.places(*keys),
                _bounding(keys, low=low),
                tighter=_tighter(ours, theirs, low=low),
            )
        self.keyword("multiple-of-changed", "multipleOf")
        self.keyword("unique-items-changed", "uniqueItems", ignored=(False,))

    def texts(self) -> None:
        for key in ("pattern", "format"):
            old, new = self.old.all(key), self.new.all(key)
            if sorted(map(str, old)) == sorted(map(str, new)):
                continue
            verb = "added" if not old else "removed" if not new else "changed"
            what = {
                "added": f"`{key}` {_listed(new)} was added",
                "removed": f"`{key}` {_listed(old)} was removed",
                "changed": f"`{key}` was {_listed(old)}, and is {_listed(new)}",
            }[verb]
            theirs = self.sender.all(key)
            self.limit(f"{key}-{verb}", what, *self.places(key), _conjoined(key, theirs))

    def keyword(self, rule: str, key: str, ignored: tuple[Any, ...] = ()) -> None:
        """Compare a keyword whose value is no schema, by what it admits."""
        old = [one for one in self.old.all(key) if one not in ignored]
        new = [one for one in self.new.all(key) if one not in ignored]
        if old == new:
            return
        what = f"`{key}` {_was(old, new)}"
        self.limit(rule, what, *self.places(key), _conjoined(key, self.sender.all(key)))

    # -- objects --------------------------------------------------------------------------------------------

    def objects(self) -> None:
        old, new = self.old.named("properties"), self.new.named("properties")
        demanded = self.old.required(), self.new.required()
        for name in dict.fromkeys([*old, *new, *demanded[0], *demanded[1]]):
            self.property(name, old.get(name, []), new.get(name, []), demanded)
        self.further()
        self.dependencies()

    def property(
        self, name: str, old: list[At], new: list[At], demanded: tuple[dict[str, Part], dict[str, Part]]
    ) -> None:
        required: Schema = {"required": [name]}
        places = (_first(old) or _demand(demanded[0], name), _first(new) or _demand(demanded[1], name))
        was, now = name in demanded[0], name in demanded[1]

        def says(flat: Flat) -> Schema | None:
            if name in flat.required():
                return self.demand(required)
            return None

        if old and new:
            self.marks(name, old, new, places)
        if old and not new:
            self.gone(name, old, places, says)
            return
        if new and not old:
            self.come(name, new, places, says, needed=now)
            return
        if was != now:
            rule = "property-became-required" if now else "property-became-optional"
            self.limit(rule, f"`{name}` is {'required' if now else 'optional'} now", *places, says)
        if old:
            self.add(self.schemas.inner(old, new, self.flow))

    def demand(self, schema: Schema) -> Schema:
        """Let a demand count only where it is made of this direction: of read-only properties none is."""
        document = self.document(self.receiver)
        name = schema["required"][0] if isinstance(schema, dict) else ""
        return schema if _demands(document, name) else True

    def gone(
        self,
        name: str,
        old: list[At],
        places: tuple[Where | None, Where | None],
        says: Callable[[Flat], Schema | None],
    ) -> None:
        """Tell of a property that is not described any more."""
        if self.flow.sender == "new":
            # It is sent no more, or as anything that is let through.
            self.limit("property-removed", f"`{name}` is not described any more", *places, says)
            last = self.result.found[-1]
            if last.severity is SAFE and not _is_hidden(old, "writeOnly"):
                self.result.found[-1] = replace(
                    last,
                    severity=RISKY,
                    judged=False,
                    reason="it may be absent, so consumers should not count on it",
                )
            self.sent_under_additional(name, old, [])
            return
        if _forbids(self.new):
            rule, what = "property-forbidden", f"`{name}` may not be there any more"
            self.limit(rule, what, *places, _forbidding(name, self.new))
            return
        reason = "it is accepted still, as anything else, but means nothing"
        self.note("property-removed", f"`{name}` is not described any more", *places, RISKY, reason=reason)
        self.sent_under_additional(name, old, [])

    def come(
        self,
        name: str,
        new: list[At],
        places: tuple[Where | None, Where | None],
        says: Callable[[Flat], Schema | None],
        *,
        needed: bool,
    ) -> None:
        """Tell of a property that was not described before."""
        rule = "required-property-added" if needed else "optional-property-added"
        what = f"`{name}` was added, and is {'required' if needed else 'optional'}"
        if self.flow.sender == "new":
            self.limit(rule, what, *places, _forbidding(name, self.old))
        else:
            self.limit(rule, what, *places, says)
        self.sent_under_additional(name, [], new)

    def sent_under_additional(self, name: str, old: list[At], new: list[At]) -> None:
        """Hold a property of one side against what the other side says of all further ones."""
        before = old or [at for at in self.old.children("additionalProperties") if at.node is not False]
        after = new or [at for at in self.new.children("additionalProperties") if at.node is not False]
        if before and after:
            self.add(self.schemas.inner(before, after, self.flow))

    def marks(
        self, name: str, old: list[At], new: list[At], places: tuple[Where | None, Where | None]
    ) -> None:
        for key, word in (("readOnly", "read-only"), ("writeOnly", "write-only")):
            was, now = _is_hidden(old, key), _is_hidden(new, key)
            if was != now:
                rule = f"{'became' if now else 'no-longer'}-{word}"
                self.note(rule, f"`{name}` is {'' if now else 'no longer '}{word}", *places)

    def further(self) -> None:
        """Compare what is said of properties that are not described."""
        old, new = self.old.children("additionalProperties"), self.new.children("additionalProperties")
        was, now = _forbids(self.old), _forbids(self.new)
        places = (_first(old), _first(new))
        if was != now:
            rule = "additional-properties-forbidden" if now else "additional-properties-allowed"
            names = [*self.sender.named("properties")]
            closing: Schema = {"properties": dict.fromkeys(names, True), "additionalProperties": False}
            patterns = self.receiver.named("patternProperties")
            if patterns and isinstance(closing, dict):
                closing["patternProperties"] = dict.fromkeys(patterns, True)
            self.limit(rule, RULES[rule].what, *places, lambda flat: closing if _forbids(flat) else None)
        elif not now and (old or new):
            self.add(self.schemas.inner(old, new, self.flow))

    def dependencies(self) -> None:
        self.group("pattern-properties-changed", "patternProperties")
        self.group("property-names-changed", "propertyNames")
        self.group("dependencies-changed", "dependentRequired", "dependentSchemas", "dependencies")

    # -- lists ----------------------------------------------------------------------------------------------

    def arrays(self) -> None:
        old, new = self.prefixes(self.old), self.prefixes(self.new)
        if old or new:
            if len(old) == len(new):
                for one, other in zip(old, new, strict=True):
                    self.add(self.schemas.inner([one], [other], self.flow))
                self.items()
            else:
                self.group("items-changed", "prefixItems", "items", "additionalItems")
        else:
            self.items()
        self.group("contains-changed", "contains", "minContains", "maxContains")

    def prefixes(self, flat: Flat) -> list[At]:
        """Return the schemas of the first items."""
        for part in flat.parts:
            for key in ("prefixItems", "items"):
                if part.at.items(key):
                    return part.at.items(key)
        return []

    def items(self) -> None:
        old, new = self.old.children("items"), self.new.children("items")
        if old or new:
            self.add(self.schemas.inner(old, new, self.flow))

    # -- keywords that hold together ------------------------------------------------------------------------

    def rest(self) -> None:
        self.group("not-changed", "not")
        self.group("condition-changed", "if", "then", "else")
        self.group("unevaluated-changed", "unevaluatedProperties", "unevaluatedItems", whole=True)

    def group(self, rule: str, *names: str, whole: bool = False) -> None:
        """Compare keywords of which each counts only with the others."""
        keys = frozenset(names)
        old, new = self.old.having(keys), self.new.having(keys)
        if self.alike(old, new, keys):
            return

        def says(flat: Flat) -> Schema | None:
            parts = flat.having(keys)
            if not parts:
                return None
            documents = parts[0].at.contract.documents
            if whole:
                return documents.of(flat.nodes, self.flow.view)
            made = [documents.of_keywords(part.node, keys, self.flow.view) for part in parts]
            return made[0] if len(made) == 1 else _all_of(made)

        self.limit(rule, RULES[rule].what, *self.places(*names), says)

    def alike(self, old: list[Part], new: list[Part], keys: frozenset[str]) -> bool:
        """Whether both sides write these keywords alike."""
        if len(old) != len(new):
            return False
        return all(
            (key in one.node) == (key in other.node)
            and self.schemas.pair.same(one.node.get(key), other.node.get(key))
            for one, other in zip(old, new, strict=True)
            for key in keys
        )

    def branches(self) -> None:
        """Compare the choices."""
        old = [choice for part in self.old.parts for choice in choices(part)]
        new = [choice for part in self.new.parts for choice in choices(part)]
        if not old and not new:
            return
        if len(old) == len(new) == 1:
            self.choice(old[0], new[0])
            return
        if len(old) == len(new):
            for one, other in zip(old, new, strict=True):
                self.choice(one, other)
            return
        rule = "choice-added" if len(new) > len(old) else "choice-removed"
        self.limit(rule, RULES[rule].what, *self.places("oneOf", "anyOf"), self.chosen)

    def chosen(self, flat: Flat) -> Schema | None:
        """Return what the choices of a side admit."""
        keys = frozenset(("oneOf", "anyOf", "discriminator"))
        parts = [part for part in flat.parts if choices(part)]
        if not parts:
            return None
        made = [part.at.contract.documents.of_keywords(part.node, keys, self.flow.view) for part in parts]
        return made[0] if len(made) == 1 else _all_of(made)

    def choice(self, old: tuple[str, list[At]], new: tuple[str, list[At]]) -> None:
        """Compare two choices branch by branch."""
        matched, gone, come = _matched(old[1], new[1])
        count = len(self.result.found)
        for one in gone:
            what = f"the branch {_branch(one)} is gone"
            # Where branches have gone and others come, only one of both can be what hurts.
            says = _nothing if come and self.flow.sender == "new" else self.chosen
            self.limit("choice-option-removed", what, one.where(), None, says)
        for one in come:
            what = f"the branch {_branch(one)} was added"
            says = _nothing if gone and self.flow.sender == "old" else self.chosen
            self.limit("choice-option-added", what, None, one.where(), says)
        changed = False
        for one, other in matched:
            inner = self.schemas.inner([one], [other], self.flow)
            changed |= not self.schemas.pair.same(one.node, other.node)
            self.add(inner)
        if old[0] != new[0] or (changed and "oneOf" in (old[0], new[0])):
            self.result.whole = False
        if old[0] != new[0] and count == len(self.result.found):
            what = f"`{old[0]}` became `{new[0]}`"
            self.limit("choice-changed", what, *self.places("oneOf", "anyOf"), self.chosen)

    # -- annotations ----------------------------------------------------------------------------------------

    def annotations(self) -> None:
        self.discriminators()
        places = self.places("default")
        old, new = self.old.all("default")[:1], self.new.all("default")[:1]
        if old != new:
            rule = "default-added" if not old else "default-removed" if not new else "default-changed"
            what = f"the default {_was(old, new)}"
            self.note(rule, what, *places)
        was, now = True in self.old.all("deprecated"), True in self.new.all("deprecated")
        if was != now:
            rule = "schema-deprecated" if now else "schema-undeprecated"
            self.note(rule, f"it is {'' if now else 'no longer '}deprecated", *self.places("deprecated"))
        for key in ("contentEncoding", "contentMediaType"):
            if self.old.all(key) != self.new.all(key):
                what = f"`{key}` {_was(self.old.all(key), self.new.all(key))}"
                self.note("content-changed", what, *self.places(key))
        if self.flow.is_xml and self.old.all("xml") != self.new.all("xml"):
            self.note("xml-changed", "it is written otherwise in XML", *self.places("xml"))

    def discriminators(self) -> None:
        old, new = (_discriminator(flat) for flat in (self.old, self.new))
        if old is None and new is None:
            return
        if old is None or new is None:
            rule = "discriminator-added" if old is None else "discriminator-removed"
            self.note(rule, RULES[rule].what, old.where() if old else None, new.where() if new else None)
            return
        places = old.where(), new.where()
        if old.get("propertyName") != new.get("propertyName"):
            what = f"`{old.get('propertyName')}` discriminated, and `{new.get('propertyName')}` does now"
            self.note("discriminator-property-changed", what, *places)
        before, after = old.entries("mapping"), new.entries("mapping")
        for name in dict.fromkeys([*before, *after]):
            if name not in after:
                self.note("discriminator-value-removed", f"the value `{name}` is gone", *places)
            elif name not in before:
                self.note("discriminator-value-added", f"there is the new value `{name}`", *places)
            elif _last(before[name].node) != _last(after[name].node):
                what = f"`{name}` led to {_last(before[name].node)}, and leads to {_last(after[name].node)}"
                self.note("discriminator-value-moved", what, *places)


# --- what keywords say ----------------------------------------------------------------------------


def _nothing(flat: Flat) -> Schema | None:
    return None


def _enum(flat: Flat) -> Schema | None:
    values = flat.values()
    return None if values is None else {"enum": values}


def _but(others: list[Any]) -> Callable[[Flat], Schema | None]:
    """Return the limit of an enum, let alone values that another finding tells of."""

    def says(flat: Flat) -> Schema | None:
        values = flat.values() or []
        return {"enum": [*values, *(one for one in others if not _among(one, values))]}

    return says


def _bound(flat: Flat, keys: list[str], *, low: bool) -> tuple[Any, bool] | None:
    """Return the narrowest border, and whether it is itself excluded."""
    found: list[tuple[Any, bool]] = []
    for key in keys:
        found += [(value, key.startswith("exclusive")) for value in flat.all(key)]
    found = [one for one in found if not (low and len(keys) == 1 and one[0] == 0)]
    if not found:
        return None
    return max(found) if low else min(found, key=lambda one: (one[0], not one[1]))


def _tighter(ours: tuple[Any, bool] | None, theirs: tuple[Any, bool] | None, *, low: bool) -> bool:
    if ours is None or theirs is None:
        return ours is not None
    if ours[0] != theirs[0]:
        return bool(ours[0] > theirs[0]) if low else bool(ours[0] < theirs[0])
    return ours[1] and not theirs[1]


def _bounding(keys: list[str], *, low: bool) -> Callable[[Flat], Schema | None]:
    def says(flat: Flat) -> Schema | None:
        bound = _bound(flat, keys, low=low)
        return None if bound is None else {keys[-1 if bound[1] else 0]: bound[0]}

    return says


def _conjoined(key: str, theirs: list[Any]) -> Callable[[Flat], Schema | None]:
    """Return the limit that a keyword sets, as far as the other side does not set the same."""

    def says(flat: Flat) -> Schema | None:
        own = [{key: value} for value in flat.all(key) if value not in theirs and _counts(key, value)]
        if not own:
            return None
        return own[0] if len(own) == 1 else {"allOf": own}

    return says


def _counts(key: str, value: Any) -> bool:
    """Whether a keyword limits anything: a format that nobody enforces does not (JSON Schema, 7.2.3)."""
    return key != "format" or (value in FORMATS and FORMATS[value].by != "nobody")


def _all_of(made: list[Schema]) -> Schema:
    """Return one document of several of one contract."""
    defs: dict[str, Any] = {}
    parts: list[Schema] = []
    for one in made:
        if isinstance(one, dict):
            defs |= one.get("$defs", {})
            one = {key: value for key, value in one.items() if key != "$defs"}
        parts.append(one)
    return {"allOf": parts, "$defs": defs} if defs else {"allOf": parts}


def _forbids(flat: Flat) -> bool:
    """Whether properties that are not described are refused."""
    return any(at.node is False for at in flat.children("additionalProperties"))


def _forbidding(name: str, described: Flat) -> Callable[[Flat], Schema | None]:
    def says(flat: Flat) -> Schema | None:
        if flat is not described or not _forbids(flat):
            return None
        return {"properties": {name: False}}

    return says


def _demands(document: Schema, name: str) -> bool:
    """Whether a document demands a property somewhere."""
    waiting: list[Any] = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            required = one.get("required")
            if isinstance(required, list) and name in required:
                return True
            waiting += [value for key, value in one.items() if key not in ("enum", "const")]
        elif isinstance(one, list):
            waiting += one
    return False


# --- words and places -----------------------------------------------------------------------------


def _place(flat: Flat, keys: Iterable[str]) -> Where | None:
    """Return where the first of the keywords stands."""
    for part in flat.parts:
        for key in keys:
            if key in part.node:
                return replace(part.at.child(key).where(), value=part.at.where().value)
    return flat.parts[0].at.where() if flat.parts else None


def _first(found: list[At]) -> Where | None:
    return found[0].where() if found else None


def _demand(demanded: dict[str, Part], name: str) -> Where | None:
    part = demanded.get(name)
    return part.at.child("required").where() if part else None


def _is_hidden(found: list[At], key: str) -> bool:
    return any(True in flatten((at,)).all(key) for at in found)


def _discriminator(flat: Flat) -> At | None:
    for part in flat.parts:
        if isinstance(part.node.get("discriminator"), Map):
            return part.at.child("discriminator")
    return None


def _last(node: object) -> str:
    return str(node).rsplit("/", 1)[-1]


def _types(types: frozenset[str]) -> str:
    shown = types - {"integer"} if "number" in types else types
    return "anything" if len(types) == 7 else " or ".join(sorted(shown)) or "nothing"


def _listed(values: list[Any] | None) -> str:
    shown = [json.dumps(one, ensure_ascii=False) for one in (values or [])[:8]]
    texts = [one if len(one) <= 60 else one[:57] + "…" for one in shown]
    return ", ".join(texts) + (", …" if len(values or []) > 8 else "")


def _was(old: list[Any], new: list[Any]) -> str:
    return f"was {_listed(old) or 'not given'}, and is {_listed(new) or 'not given any more'}"


def _shown(bound: tuple[Any, bool] | None) -> str:
    return "" if bound is None else f"{bound[0]}{' (excluded)' if bound[1] else ''}"


def _among(value: Any, values: list[Any]) -> bool:
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in values)


def _branch(at: At) -> str:
    node = at.node
    if isinstance(node, Map):
        for key in ("$ref", "title", "type"):
            if isinstance(node.get(key), str):
                return f"`{_last(node[key])}`"
    return f"{int(at.path[-1]) + 1}" if at.path and at.path[-1].isdigit() else "of another kind"


def _matched(old: list[At], new: list[At]) -> tuple[list[tuple[At, At]], list[At], list[At]]:
    """Pair the branches of two choices: equal ones, those of one name, one type, then the rest by order."""
    pairs: list[tuple[At, At]] = []
    rest_old, rest_new = list(old), list(new)
    for alike in (_equal, _same_name, _same_type):
        for one in list(rest_old):
            other = next((each for each in rest_new if alike(one, each)), None)
            if other is not None:
                pairs.append((one, other))
                rest_old.remove(one)
                rest_new.remove(other)
    return pairs, rest_old, rest_new


def _equal(one: At, other: At) -> bool:
    return one.node == other.node or (is_null(one) and is_null(other))


def _same_name(one: At, other: At) -> bool:
    names = [
        _last(node.get("$ref", node.get("title", "")))
        for node in (one.node, other.node)
        if isinstance(node, Map)
    ]
    return len(names) == 2 and names[0] == names[1] != ""


def _same_type(one: At, other: At) -> bool:
    if any(isinstance(at.node, Map) and "$ref" in at.node for at in (one, other)):
        return False  # two names are two things, also where they are much alike
    kinds = [flatten((at,)).types() for at in (one, other)]
    titles = {at.node.get("title") for at in (one, other) if isinstance(at.node, Map)}
    return len(titles) < 2 and kinds[0] == kinds[1] and len(kinds[0]) < 7
