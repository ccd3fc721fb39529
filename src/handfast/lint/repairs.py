"""Findings → repairs: what can be mended without asking anybody what was meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from handfast.codegen import check as structure
from handfast.codegen.grammar import KINDS, Slot
from handfast.codegen.ir import Finding, Source
from handfast.codegen.names import derived_operation_id
from handfast.codegen.project import Loaded
from handfast.codegen.report import Report, nearest
from handfast.codegen.source import Map, Node, Seq
from handfast.codegen.walk import Visit, walk
from handfast.lint.places import places
from handfast.lint.splice import Insert, Remove, Rename, Repair, Replace

REPAIRED = {
    "no-operation-id": "the name that the operation has anyhow is written down",
    "old-keyword": "`nullable: true` beside one `type` becomes a list of types",
    "unknown-key": "a misspelt key is written as it is meant, where its value fits",
    "wrong-value": "numbers and flags in quotes, texts without, one text for a list, `type: int` and such",
}
"""Code → what `lint --fix` does about some of its findings."""

_SURE = 0.84
"""How near a key must be to the one that is meant."""
_TYPE = re.compile(r"write `type: (\w+)`")
_MEANT = re.compile(r"did you mean `(\w+)`\?")


def repairs(loaded: Loaded, findings: Iterable[Finding]) -> dict[str, list[Repair]]:
    """Return file → repairs of those findings that can be mended mechanically."""
    found: dict[str, list[Repair]] = {}
    told = {(finding.source, finding.code): finding for finding in findings if finding.code in REPAIRED}
    for bundle in loaded.bundles.values():
        for visit in walk(bundle):
            for key in visit.node:
                for file, repair in _of_entry(visit, key, told):
                    found.setdefault(file, []).append(repair)
    for file, repair in _names(loaded, told):
        found.setdefault(file, []).append(repair)
    return found


_Told = dict[tuple[Source, str], Finding]


def _of_entry(visit: Visit, key: str, told: _Told) -> Iterator[tuple[str, Repair]]:
    node = visit.node
    if key not in node.marks:
        return
    file, key_at, value_at = node.marks[key]
    value, slots = node[key], KINDS[visit.kind].slots
    in_key, in_value = node.key_source(key), node.value_source(key)
    unknown = told.get((in_key, "unknown-key"))
    if unknown is not None:
        near = nearest(key, [name for name in slots if name not in node], _SURE)
        if near and f"`{near}`" in unknown.fix and _fits(slots[near], value):
            yield file.name, (Rename(key_at, key, near),)
    wrong = told.get((in_value, "wrong-value"))
    if wrong is not None and key in slots:
        replace = _other_scalar(slots[key], value, value_at)
        if replace is not None:
            yield file.name, (replace,)
    wrong_type = told.get((in_key, "wrong-value"))
    if wrong_type is not None and visit.kind == "schema" and key == "type" and isinstance(value, str):
        meant = _TYPE.fullmatch(wrong_type.fix) or _MEANT.fullmatch(wrong_type.fix)
        if meant and (wrong_type.fix.startswith("write") or meant[1] == value.lower()):
            yield file.name, (Replace(value_at, value, meant[1], meant[1]),)
    if (in_key, "old-keyword") in told and key == "nullable" and value is True:
        yield from _nullable(node, key_at)


def _fits(slot: Slot, value: Node) -> bool:
    match slot.shape:
        case "text":
            return isinstance(value, str)
        case "flag":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "texts":
            return isinstance(value, str) or (
                isinstance(value, Seq) and all(isinstance(item, str) for item in value)
            )
        case "one" | "map":
            return isinstance(value, Map)
        case "list":
            return isinstance(value, Seq)
        case "one-or-list":
            return isinstance(value, (Map, Seq))
        case _:
            return True


def _other_scalar(slot: Slot, value: Node, at: int) -> Replace | None:
    """Return the repair of a scalar that is written as one of another kind."""
    if slot.shape == "flag" and isinstance(value, str) and value.lower() in ("true", "false"):
        flag = value.lower() == "true"
        return Replace(at, value, flag, "true" if flag else "false")
    if slot.shape == "number" and isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", value):
        return Replace(at, value, float(value) if "." in value else int(value), value)
    if slot.shape == "text" and isinstance(value, (bool, int, float)):
        return Replace(at, value, None, '"{}"')
    if slot.shape == "texts" and isinstance(value, str):
        return Replace(at, value, [value], "[{}]")
    return None


def _nullable(node: Map, key_at: int) -> Iterator[tuple[str, Repair]]:
    kind = node.get("type")
    if not isinstance(kind, str) or "enum" in node or "const" in node or "type" not in node.marks:
        return
    file, _, type_at = node.marks["type"]
    yield (
        file.name,
        (
            Replace(type_at, kind, [kind, "null"], '[{}, "null"]'),
            Remove(key_at, "nullable", True),
        ),
    )


def _names(loaded: Loaded, told: _Told) -> Iterator[tuple[str, Repair]]:
    """Yield the names of operations that have none, but for those that would not be the only ones."""
    every = [
        place for bundle in loaded.bundles.values() for place in places(structure.check(bundle, Report()))
    ]
    sources = Counter(place.source for place in every)
    given = Counter(
        str(place.node.get("operationId") or derived_operation_id(place.method, place.path))
        for place in every
    )
    for place in every:
        name = derived_operation_id(place.method, place.path)
        if (place.source, "no-operation-id") in told and sources[place.source] == 1 and given[name] == 1:
            yield place.node.file.name, (Insert(place.node.offset, "operationId", name),)
