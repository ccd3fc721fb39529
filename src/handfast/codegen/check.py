"""Bundled document → checked document: after this pass every object has the structure that OpenAPI demands.

A wrong structure is fatal. What is merely empty, superfluous or written in the wrong kind of scalar is mended
or dropped with a warning: many contracts in use have it, and nothing that is enforced depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from handfast.codegen import cycles, schemacheck, unsatisfiable
from handfast.codegen import pointer as pointers
from handfast.codegen.grammar import KINDS, Kind, Slot, is_extension, newer, slot_of
from handfast.codegen.ir import Finding, Source
from handfast.codegen.report import Report, nearest
from handfast.codegen.source import Map, Node, Seq, kind_of
from handfast.codegen.walk import copied
from handfast.validation.pointers import escape

_DROP = object()
_SECTION_KIND = {kind.section: name for name, kind in KINDS.items() if kind.section}
_MAX_HOPS = 100
_REFERRED_TO = frozenset(("$defs", "definitions"))
"""Keys that hold what references name, so that they stay in a version that does not have them."""
_ESSENTIAL = frozenset(("name", "in", "operationId", "openapi"))
"""Texts without which their object means nothing."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One local `$ref` and the kind of object that must stand at its end."""

    node: Map
    kind: str

    @property
    def text(self) -> str:
        """The reference as it is written."""
        return str(self.node["$ref"])

    @property
    def source(self) -> Source:
        """Where it is written."""
        return self.node.value_source("$ref")


def check(root: Map, report: Report) -> Map:
    """Return `root` with a structure that later stages can rely on, unless `report` becomes fatal."""
    checker = _Checker(report, str(root.get("openapi", ""))[:3])
    clean = checker.an_object("document", root)
    assert isinstance(clean, Map)  # noqa: S101 (a mapping gives a mapping)
    checker.references(clean)
    return clean


class _Checker:
    def __init__(self, report: Report, version: str) -> None:
        self.report = report
        self.version = version
        """The contract's version of OpenAPI without its patch."""
        self.refs: list[Reference] = []
        self.too_long: dict[int, Reference] = {}
        """id of what a reference leads to first → the reference, where it leads through too many more."""
        self.kinds: dict[int, tuple[Map, str]] = {}
        """id of each cleaned object → the object, kept so that no other gets its id, and its kind."""

    # -- structure ------------------------------------------------------------------------------------------

    def an_object(self, kind_name: str, node: Map) -> Map:
        kind = KINDS[kind_name]
        if "$ref" in node:
            return self.reference(kind_name, kind, node)
        result = node.empty_copy()
        self.kinds[id(result)] = (result, kind_name)
        self.fill(result, kind_name, kind, node)
        return result

    def fill(self, result: Map, kind_name: str, kind: Kind, node: Map) -> None:
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                result.put_from(node, key, value)
                continue
            if self.means_nothing(kind_name, kind, key, node):
                continue
            slot = slot_of(kind, key)
            made = self.value(slot, value, key, node, result)
            if made is not _DROP:
                result.put_from(node, key, made)  # type: ignore[arg-type]  # _DROP is the only other object
        if kind_name == "schema":
            schemacheck.check(result, self.report)
            unsatisfiable.check(result, self.report, old=self.version == "3.0")

    def means_nothing(self, kind_name: str, kind: Kind, key: str, node: Map) -> bool:
        """Tell of a key that the contract's version does not have; return whether it is dropped.

        In a schema of OpenAPI 3.1 any further key is an annotation, and stays.
        """
        if is_extension(key) or kind.entries or kind_name == "security requirement" or key == "$ref":
            return False
        if key in kind.slots or (kind_name == "schema" and key in schemacheck.KEYWORDS):
            since = newer(kind_name, key)
            if since is None or since <= self.version or key in _REFERRED_TO or kind_name == "components":
                return False
            what = f"`{key}` means nothing in {kind.title} of OpenAPI {self.version}, and is ignored"
            self.report.warn(node.key_source(key), "newer-key", what, f"write `openapi: {since}.0`")
            return True
        strict = 0.6 if kind_name != "schema" else 0.84
        near = nearest(key, [name for name in kind.slots if name not in node], strict)
        fix = f"did you mean `{near}`?" if near else f"remove it, or call it `x-{key}`"
        dropped = kind_name != "schema" or self.version == "3.0"
        if dropped or near:
            what = f"`{key}` means nothing in {kind.title}" + (", and is ignored" if dropped else "")
            self.report.warn(node.key_source(key), "unknown-key", what, fix)
        return dropped

    def value(self, slot: Slot, value: Node, key: str, owner: Map, made: Map) -> object:
        """Return the cleaned value, or `_DROP`."""
        if slot.shape == "data":
            return copied(value)
        if value is None:
            return self.empty(key, owner)
        if slot.shape == "one":
            return self.an_entry(slot.kind, value, key, owner)
        if slot.shape == "one-or-list":
            if isinstance(value, Seq):
                return self.a_list(slot.kind, value, key, owner)
            return self.an_entry(slot.kind, value, key, owner)
        if slot.shape == "map":
            return self.a_map(slot.kind, value, key, owner)
        if slot.shape == "list":
            return self.a_list(slot.kind, value, key, owner)
        return self.leaf(slot, value, key, owner)

    def empty(self, key: str, owner: Map) -> object:
        what = f"`{_short(key)}` is empty"
        self.report.warn(owner.key_source(key), "empty-value", what, "give it a value, or remove the key")
        return _DROP

    def wrong(self, source: Source, name: str, due: str, value: Node) -> object:
        what = f"`{_short(name)}` must be {due}, not {kind_of(value)}"
        self.report.error(source, "wrong-structure", what, f"write {due} here")
        return _DROP

    def an_entry(self, kind: str, value: Node, key: str, owner: Map) -> object:
        if isinstance(value, Map):
            return self.an_object(kind, value)
        if isinstance(value, bool) and KINDS[kind].may_be_flag:
            return value
        return self.wrong(owner.value_source(key), key, f"a mapping ({_bare(kind)})", value)

    def a_map(self, kind: str, value: Node, key: str, owner: Map) -> object:
        if not isinstance(value, Map):
            return self.wrong(owner.value_source(key), key, f"a mapping of names to {_plural(kind)}", value)
        result = value.empty_copy()
        for name, item in value.items():
            if is_extension(name) and not isinstance(item, Map):
                result.put_from(value, name, copied(item))
                continue
            if item is None:
                self.empty(name, value)
                result.put_from(value, name, Map(value.file, value.offset))
                item_made: object = self.an_object(kind, Map(value.file, value.offset))
            else:
                item_made = self.an_entry(kind, item, name, value)
            if item_made is not _DROP:
                result.put_from(value, name, item_made)  # type: ignore[arg-type]  # as in fill
        return result

    def a_list(self, kind: str, value: Node, key: str, owner: Map) -> object:
        if not isinstance(value, Seq):
            return self.wrong(owner.value_source(key), key, f"a list of {_plural(kind)}", value)
        result = value.empty_copy()
        for index, item in enumerate(value):
            source = value.value_source(index)
            if item is None:
                what = f"an item of `{key}` is empty"
                self.report.warn(source, "empty-value", what, "give it a value, or remove it")
            elif isinstance(item, Map):
                result.put_from(value, index, self.an_object(kind, item))
            elif isinstance(item, bool) and KINDS[kind].may_be_flag:
                result.put_from(value, index, item)
            else:
                self.wrong(source, f"{key}[{index}]", f"a mapping ({_bare(kind)})", item)
        return result

    def leaf(self, slot: Slot, value: Node, key: str, owner: Map) -> object:
        source = owner.value_source(key)
        reader: Callable[[Node], object] = {"text": _text, "flag": _flag, "number": _number, "texts": _texts}[
            slot.shape
        ]
        if slot.shape == "texts" and isinstance(value, Seq):
            return self.texts(value, key)
        if _is_right(slot.shape, value):
            return value
        due = {
            "text": "a text",
            "flag": "`true` or `false`",
            "number": "a number",
            "texts": "a list of texts",
        }[slot.shape]
        made = reader(value)
        if made is None:
            if key in _ESSENTIAL:
                return self.wrong(source, key, due, value)
            what = f"`{key}` must be {due}, not {kind_of(value)}; it is ignored"
            self.report.warn(source, "wrong-value", what, f"write {due}")
            return _DROP
        fix = "put it in quotes" if slot.shape == "text" else f"write {due}"
        if isinstance(value, str) and slot.shape != "texts":
            fix = "remove the quotes"
        self.report.warn(source, "wrong-value", f"`{key}` must be {due}, not {kind_of(value)}", fix)
        if isinstance(made, list):
            sequence = Seq(owner.file, owner.offset)
            for item in made:
                sequence.put(item, owner.offset)
            return sequence
        return made

    def texts(self, value: Seq, key: str) -> Seq:
        result = value.empty_copy()
        for index, item in enumerate(value):
            made = _text(item)
            if made is None or made != item:
                what = f"an item of `{key}` must be a text, not {kind_of(item)}"
                self.report.warn(value.value_source(index), "wrong-value", what, "put it in quotes")
            if made is not None and made in result:
                what = f"`{_short(made)}` is given twice"
                self.report.warn(value.value_source(index), "given-twice", what, "remove one of the two")
            elif made is not None:
                result.put_from(value, index, made)
        return result

    # -- references -----------------------------------------------------------------------------------------

    def reference(self, kind_name: str, kind: Kind, node: Map) -> Map:
        result = node.empty_copy()
        ref = node["$ref"]
        if not isinstance(ref, str):
            self.wrong(node.value_source("$ref"), "$ref", "a text", ref)
            return result
        self.fill(result, kind_name, kind, node)
        self.refs.append(Reference(result, kind_name))
        return result

    def references(self, root: Map) -> None:
        """Check that each reference ends at an object of its kind, and objects that only references reach."""
        done = 0
        while done < len(self.refs):
            ref = self.refs[done]
            done += 1
            self.resolve(root, ref)
        for ref in self.too_long.values():
            if id(ref.node) not in self.too_long:  # the others follow it
                what = f"`{ref.text}` leads through more than {_MAX_HOPS} references"
                self.report.error(ref.source, "too-deep", what, "refer to the definition itself")
        for circle in cycles.find(root, [ref.node for ref in self.refs if ref.kind == "schema"]):
            self.circle(circle)

    def resolve(self, root: Map, ref: Reference) -> None:
        if not ref.text.startswith("#"):
            return  # bundling has reported it
        if not ref.text.startswith("#/") and ref.text != "#":
            self.anchor(root, ref)
            return
        try:
            target = pointers.lookup(root, ref.text[1:])
        except pointers.Dangling as dangling:
            fix = elsewhere(root, ref) or dangling.advice()
            self.report.error(ref.source, "dangling-ref", f"`{ref.text}` names nothing", fix)
            return
        if isinstance(target, bool) and KINDS[ref.kind].may_be_flag:
            return
        if not isinstance(target, Map):
            what = f"`{ref.text}` names {kind_of(target)} where {KINDS[ref.kind].title} is due"
            self.report.error(ref.source, "wrong-ref", what, f"refer to {KINDS[ref.kind].title}")
            return
        self.same_kind(ref, target)
        self.endless(root, ref, target)

    def same_kind(self, ref: Reference, target: Map) -> None:
        _, known = self.kinds.get(id(target), (target, None))
        if known is None and "$ref" not in target:
            # Reached by references only (an extension, an unknown key): check it where it stands.
            made = self.an_object(ref.kind, target)
            target.clear()
            for key in made:
                target.put_from(made, key, made[key])
            self.kinds[id(target)] = (target, ref.kind)
            return
        section = (
            ref.text.split("/")[2]
            if ref.text.startswith("#/components/") and ref.text.count("/") == 3
            else ""
        )
        known = known or _SECTION_KIND.get(section, ref.kind)
        if known != ref.kind and {known, ref.kind} != {"header", "parameter"}:
            what = f"`{ref.text}` names {KINDS[known].title} where {KINDS[ref.kind].title} is due"
            self.report.error(ref.source, "wrong-ref", what, f"refer to {KINDS[ref.kind].title}")

    def endless(self, root: Map, ref: Reference, target: Map) -> None:
        seen = [ref.node]
        node: Node = target
        for _ in range(_MAX_HOPS):
            if not isinstance(node, Map) or not isinstance(node.get("$ref"), str):
                return
            known = next((at for at, one in enumerate(seen) if one is node), None)
            if known is not None:
                self.circle(seen[known:])
                return
            seen.append(node)
            try:
                node = pointers.lookup(root, str(node["$ref"])[1:])
            except pointers.Dangling:
                return
        self.too_long[id(target)] = ref

    def circle(self, references: list[Map]) -> None:
        """Tell of a circle at its first reference, whichever of them was met first."""
        first, *rest = cycles.from_first(references)
        what = f"`{first['$ref']}` leads back to itself"
        if rest:
            what += f": {cycles.shown([first, *rest, first])}"
        fix = "let one of the references name a definition"
        self.report.error(first.value_source("$ref"), "ref-cycle", what, fix)

    def anchor(self, root: Map, ref: Reference) -> None:
        """Turn a reference to an `$anchor` into a pointer."""
        found = _find_anchor(root, ref.text[1:], "#", 0)
        if found is None:
            what = f"`{ref.text}` names nothing"
            fix = elsewhere(root, ref) or "write `#/components/…`, or define the `$anchor`"
            self.report.error(ref.source, "dangling-ref", what, fix)
            return
        what = f"the reference by anchor is published as `{found}`"
        note = Finding(ref.source, "spelled-out-anchor", what, "write the pointer, or leave it", fatal=False)
        self.report.explain(ref.node, "$ref", note)
        ref.node["$ref"] = found
        self.resolve(root, ref)


def elsewhere(root: Map, ref: Reference) -> str:
    """Say where a component of the reference's last name stands, if there is one."""
    name = pointers.tokens("/" + ref.text.lstrip("#"))[-1:]
    section = KINDS[ref.kind].section
    components = root.get("components")
    entries = components.get(section) if isinstance(components, Map) else None
    if name and isinstance(entries, Map) and name[0] in entries:
        return f"did you mean `#/components/{section}/{escape(name[0])}`?"
    return ""


def _find_anchor(node: Node, name: str, path: str, depth: int) -> str | None:
    if depth > 200:
        return None
    if isinstance(node, Map):
        if node.get("$anchor") == name or node.get("$dynamicAnchor") == name:
            return path
        for key, value in node.items():
            found = _find_anchor(value, name, f"{path}/{escape(key)}", depth + 1)
            if found:
                return found
    elif isinstance(node, Seq):
        for index, value in enumerate(node):
            found = _find_anchor(value, name, f"{path}/{index}", depth + 1)
            if found:
                return found
    return None


def _is_right(shape: str, value: Node) -> bool:
    if shape == "text":
        return isinstance(value, str)
    if shape == "flag":
        return isinstance(value, bool)
    return shape == "number" and isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Node) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return value if isinstance(value, str) else None


def _flag(value: Node) -> bool | None:
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _number(value: Node) -> int | float | None:
    if not isinstance(value, str):
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _texts(value: Node) -> list[str] | None:
    return [value] if isinstance(value, str) else None


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _bare(kind: str) -> str:
    return KINDS[kind].title


def _plural(kind: str) -> str:
    if kind.endswith("y"):
        return kind[:-1] + "ies"
    return kind + "s"
