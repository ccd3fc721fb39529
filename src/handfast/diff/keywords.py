"""The keywords of one place, old and new → what changed in them, each change judged by what is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handfast.diff import branches, limits, words
from handfast.diff.catalogue import BOUNDS, BREAKING, RISKY, RULES, SAFE, SUBSUMPTION
from handfast.diff.contract import At
from handfast.diff.flat import Flat, Part, choices
from handfast.diff.found import Flow, Found, Result, Two, sides
from handfast.diff.model import Severity, Where, Witness
from handfast.validation.directions import Schema

if TYPE_CHECKING:
    from handfast.diff.schemas import Schemas


def compared(schemas: Schemas, two: Two, flow: Flow) -> Result:
    """Return what has changed in the keywords of one place; `schemas` compares what stands inside it."""
    walk = _Walk(schemas, two, flow)
    walk.run()
    return walk.result


class _Walk:
    """Goes through the keywords of one place."""

    def __init__(self, schemas: Schemas, two: Two, flow: Flow) -> None:
        self.schemas = schemas
        self.old, self.new = two.old, two.new
        self.flow = flow
        self.sender, self.receiver = sides(two, flow)
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
        return words.place(self.old, keys), words.place(self.new, keys)

    def add(self, result: Result) -> None:
        """Take over what was found in a part of the value."""
        self.result.found += result.found
        self.result.whole &= result.whole

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
        what = f"the type was {words.types(old)}, and is {words.types(new)}"
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
            what = f"only {words.values(values)} {'is' if old is None else 'was'} admitted"
            self.limit(rule, what, *places, limits.listed)
            return
        gone = [one for one in old if not words.among(one, new)]
        come = [one for one in new if not words.among(one, old)]
        if gone:
            self.limit(
                "enum-value-removed",
                f"{words.values(gone)} is admitted no more",
                *places,
                limits.listed_but(come),
            )
        if come:
            self.limit(
                "enum-value-added", f"{words.values(come)} is admitted too", *places, limits.listed_but(gone)
            )

    # -- numbers and texts ----------------------------------------------------------------------------------

    def bounds(self) -> None:
        for name, (what, *keys) in BOUNDS.items():
            low = name.startswith("min")
            old, new = limits.border(self.old, keys, low=low), limits.border(self.new, keys, low=low)
            if old == new:
                continue
            if old is None or new is None:
                verb = "added" if old is None else "removed"
                text = (
                    f"{what} is {words.border(new)} now" if old is None else f"{what} was {words.border(old)}"
                )
            else:
                verb = "raised" if (new > old if low or new[0] != old[0] else new < old) else "lowered"
                text = f"{what} was {verb} from {words.border(old)} to {words.border(new)}"
            ours = limits.border(self.receiver, keys, low=low)
            theirs = limits.border(self.sender, keys, low=low)
            self.limit(
                f"{name}-{verb}",
                text,
                *self.places(*keys),
                limits.within(keys, low=low),
                tighter=limits.tighter(ours, theirs, low=low),
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
                "added": f"`{key}` {words.values(new)} was added",
                "removed": f"`{key}` {words.values(old)} was removed",
                "changed": f"`{key}` was {words.values(old)}, and is {words.values(new)}",
            }[verb]
            theirs = self.sender.all(key)
            self.limit(f"{key}-{verb}", what, *self.places(key), limits.conjoined(key, theirs))

    def keyword(self, rule: str, key: str, ignored: tuple[Any, ...] = ()) -> None:
        """Compare a keyword whose value is no schema, by what it admits."""
        old = [one for one in self.old.all(key) if one not in ignored]
        new = [one for one in self.new.all(key) if one not in ignored]
        if old == new:
            return
        what = f"`{key}` {words.was(old, new)}"
        self.limit(rule, what, *self.places(key), limits.conjoined(key, self.sender.all(key)))

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
        places = (
            words.first(old) or words.demand(demanded[0], name),
            words.first(new) or words.demand(demanded[1], name),
        )
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
        return schema if limits.demands(document, name) else True

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
            if last.severity is SAFE and not words.is_hidden(old, "writeOnly"):
                self.result.found[-1] = replace(
                    last,
                    severity=RISKY,
                    judged=False,
                    reason="it may be absent, so consumers should not count on it",
                )
            self.sent_under_additional(name, old, [])
            return
        if limits.forbids(self.new):
            rule, what = "property-forbidden", f"`{name}` may not be there any more"
            self.limit(rule, what, *places, limits.forbidding(name, self.new))
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
            self.limit(rule, what, *places, limits.forbidding(name, self.old))
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
            was, now = words.is_hidden(old, key), words.is_hidden(new, key)
            if was != now:
                rule = f"{'became' if now else 'no-longer'}-{word}"
                self.note(rule, f"`{name}` is {'' if now else 'no longer '}{word}", *places)

    def further(self) -> None:
        """Compare what is said of properties that are not described."""
        old, new = self.old.children("additionalProperties"), self.new.children("additionalProperties")
        was, now = limits.forbids(self.old), limits.forbids(self.new)
        places = (words.first(old), words.first(new))
        if was != now:
            rule = "additional-properties-forbidden" if now else "additional-properties-allowed"
            names = [*self.sender.named("properties")]
            closing: Schema = {"properties": dict.fromkeys(names, True), "additionalProperties": False}
            patterns = self.receiver.named("patternProperties")
            if patterns and isinstance(closing, dict):
                closing["patternProperties"] = dict.fromkeys(patterns, True)
            self.limit(
                rule, RULES[rule].what, *places, lambda flat: closing if limits.forbids(flat) else None
            )
        elif not now and (old or new):
            self.add(self.schemas.inner(old, new, self.flow))

    def dependencies(self) -> None:
        self.patterns()
        self.group("property-names-changed", "propertyNames")
        self.group("dependencies-changed", "dependentRequired", "dependentSchemas", "dependencies")

    def patterns(self) -> None:
        """Compare `patternProperties`: where they end, `additionalProperties` begin."""
        keys = frozenset(("patternProperties",))
        if self.alike(self.old.having(keys), self.new.having(keys), keys):
            return
        keys |= {"additionalProperties"}
        names = frozenset(("properties",))

        def says(flat: Flat) -> Schema | None:
            made = [
                part.at.contract.documents.of_keywords(part.node, keys | names, self.flow.view, names)
                for part in flat.having(keys)
            ]
            return None if not made else made[0] if len(made) == 1 else limits.all_of(made)

        rule = "pattern-properties-changed"
        self.limit(rule, RULES[rule].what, *self.places("patternProperties"), says)

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
            return made[0] if len(made) == 1 else limits.all_of(made)

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
        return made[0] if len(made) == 1 else limits.all_of(made)

    def choice(self, old: tuple[str, list[At]], new: tuple[str, list[At]]) -> None:
        """Compare two choices branch by branch."""
        matched, gone, come = branches.matched(old[1], new[1])
        count = len(self.result.found)
        for one in gone:
            what = f"the branch {branches.shown(one)} is gone"
            # Where branches have gone and others come, only one of both can be what hurts.
            says = limits.nothing if come and self.flow.sender == "new" else self.chosen
            self.limit("choice-option-removed", what, one.where(), None, says)
        for one in come:
            what = f"the branch {branches.shown(one)} was added"
            says = limits.nothing if gone and self.flow.sender == "old" else self.chosen
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
            what = f"the default {words.was(old, new)}"
            self.note(rule, what, *places)
        was, now = True in self.old.all("deprecated"), True in self.new.all("deprecated")
        if was != now:
            rule = "schema-deprecated" if now else "schema-undeprecated"
            self.note(rule, f"it is {'' if now else 'no longer '}deprecated", *self.places("deprecated"))
        for key in ("contentEncoding", "contentMediaType"):
            if self.old.all(key) != self.new.all(key):
                what = f"`{key}` {words.was(self.old.all(key), self.new.all(key))}"
                self.note("content-changed", what, *self.places(key))
        self.content()
        if self.flow.is_xml and self.old.all("xml") != self.new.all("xml"):
            self.note("xml-changed", "it is written otherwise in XML", *self.places("xml"))

    def content(self) -> None:
        """Compare what a text holds once it is read (`contentSchema`), which nobody validates."""
        keys = frozenset(("contentSchema",))
        if not self.alike(self.old.having(keys), self.new.having(keys), keys):
            self.note("content-changed", "`contentSchema` is another", *self.places(*keys))

    def discriminators(self) -> None:
        old, new = (words.discriminator(flat) for flat in (self.old, self.new))
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
            else:
                led, leads = (words.last_token(one[name].node) for one in (before, after))
                if led != leads:
                    what = f"`{name}` led to {led}, and leads to {leads}"
                    self.note("discriminator-value-moved", what, *places)
