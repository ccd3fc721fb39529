"""Schema keywords in the shape that the contract's version has for them, where authors took another one's.

OpenAPI 3.0 has one type, `nullable` and exclusive bounds that are flags; 3.1 has JSON Schema 2020-12: lists
of types, exclusive bounds that are numbers, and `prefixItems` where drafts before it listed `items`.
"""

from __future__ import annotations

from collections.abc import Callable

from handfast.codegen.changes import Changes
from handfast.codegen.grammar import KINDS, slot_of
from handfast.codegen.ir import Finding, Json
from handfast.codegen.source import Map, Node, Seq, child_source, plain, strings
from handfast.codegen.walk import Visit

_BOUNDS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))


def old(visit: Visit, changes: Changes) -> None:
    """Write a schema of an OpenAPI 3.0 contract as 3.0 wants it."""
    node = visit.node
    _one_type(node, changes)
    for exclusive, bound in _BOUNDS:
        value, limit = node.get(exclusive), node.get(bound)
        if not _is_number(value):
            continue
        what = f"`{exclusive}` is a number, which OpenAPI 3.0 does not have; it is published with `{bound}`"
        finding = _told(node, exclusive, what, f"write `{bound}: {value}` and `{exclusive}: true`", changes)
        if _is_number(limit) and _excludes(exclusive, limit, value):
            changes.report.explain(node, exclusive, finding)
            del node[exclusive]
            continue
        changes.set(node, bound, value, finding)
        changes.set(node, exclusive, True, finding)
    if isinstance(node.get("items"), Seq):
        what = "`items` is a list, which OpenAPI 3.0 does not have; any items are taken"
        changes.put(node, "items", Map(node.file, node.offset), "other-dialect", what, "write one schema")
    if node.get("enum") == [] and "not" not in node:
        what = "`enum` is an empty list, which OpenAPI 3.0 does not have; no value is taken"
        finding = _told(node, "enum", what, "list the values", changes)
        changes.report.explain(node, "enum", finding)
        del node["enum"]
        changes.set(node, "not", Map(node.file, node.offset), finding)
    if node.get("required") == []:
        changes.drop(node, "required", "empty-value", "`required` is an empty list", "remove it")


def new(visit: Visit, changes: Changes) -> None:
    """Write a schema of an OpenAPI 3.1 contract as JSON Schema 2020-12 wants it."""
    node = visit.node
    for exclusive, bound in _BOUNDS:
        value = node.get(exclusive)
        if not isinstance(value, bool):
            continue
        limit = node.get(bound)
        if value and limit is not None:
            what = f"`{exclusive}` is a flag, which 3.1 does not have; it takes the place of `{bound}`"
            finding = _told(node, exclusive, what, f"write `{exclusive}: {limit}`", changes)
            changes.set(node, exclusive, limit, finding)
            changes.report.explain(node, bound, finding)
            del node[bound]
        else:
            what = f"`{exclusive}: {str(value).lower()}` says nothing in OpenAPI 3.1"
            changes.drop(node, exclusive, "other-dialect", what, "remove it")
    if isinstance(node.get("items"), Seq):
        what = "`items` is a list, which is called `prefixItems` in OpenAPI 3.1, and is published so"
        finding = _told(node, "items", what, "write `prefixItems`", changes)
        changes.set(node, "prefixItems", node["items"], finding)
        changes.report.explain(node, "items", finding)
        del node["items"]
        if "additionalItems" in node:
            changes.set(node, "items", node.pop("additionalItems"), finding)
            changes.report.explain(node, "additionalItems", finding)


def no_flags(visit: Visit, changes: Changes) -> None:
    """Write the schemas `true` and `false`, which OpenAPI 3.0 does not have, as schemas with keywords."""
    kind = KINDS[visit.kind]
    for key in list(visit.node):
        slot, value = slot_of(kind, key), visit.node[key]
        if slot.kind != "schema" or key == "additionalProperties":
            continue
        if isinstance(value, bool):
            _no_flag(visit.node, key, value, changes)
        elif isinstance(value, Map) and slot.shape == "map":
            for name in [name for name, item in value.items() if isinstance(item, bool)]:
                _no_flag(value, name, value[name] is True, changes)
        elif isinstance(value, Seq):
            for index in [index for index, item in enumerate(value) if isinstance(item, bool)]:
                _no_flag(value, index, value[index] is True, changes)


def _no_flag(owner: Map | Seq, key: str | int, value: bool, changes: Changes) -> None:
    what = f"`{str(value).lower()}` is no schema in OpenAPI 3.0, and is published as one with keywords"
    finding = changes.report.warn(child_source(owner, key), "other-dialect", what, "write `{}` or `not: {}`")
    made = Map(owner.file, owner.offset)
    if not value:
        made.put("not", Map(owner.file, owner.offset), owner.offset, owner.offset)
    if isinstance(owner, Map):
        changes.set(owner, str(key), made, finding)
    else:
        owner[int(key)] = made
        changes.report.explain(owner, key, finding)


def default(visit: Visit, changes: Changes) -> None:
    """Drop a default that is no value of the schema's type, or not one of its values."""
    node = visit.node
    if "default" not in node:
        return
    value, kind, values = plain(node["default"]), node.get("type"), node.get("enum")
    names = [kind] if isinstance(kind, str) else strings(kind) if isinstance(kind, Seq) else []
    if names and node.get("nullable") is True:
        names.append("null")
    wrong_type = bool(names) and not any(_TYPES[name](value) for name in names if name in _TYPES)
    if wrong_type or (isinstance(values, Seq) and value not in plain(values)):  # type: ignore[operator]  # a list
        what = f"the default {repr(value)[:60]} is no value that the schema takes, and is ignored"
        changes.drop(node, "default", "wrong-default", what, "write a value that the schema accepts")


def _is_whole(value: Json) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Json], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _one_type(node: Map, changes: Changes) -> None:
    kind = node.get("type")
    if kind != "null" and not isinstance(kind, Seq):
        return
    names = ["null"] if kind == "null" else strings(kind) if isinstance(kind, Seq) else []
    rest = [name for name in names if name != "null"]
    what = "`type` is more than one type, which OpenAPI 3.0 writes otherwise, and is published so"
    finding = _told(node, "type", what, "use `nullable` and `anyOf`, or write `openapi: 3.1.0`", changes)
    if len(rest) < len(names):
        changes.set(node, "nullable", True, finding)
    if len(rest) == 1:
        changes.set(node, "type", rest[0], finding)
        return
    changes.report.explain(node, "type", finding)
    del node["type"]
    if not rest:
        values = Seq(node.file, node.offset)
        values.put(None, node.offset)
        changes.set(node, "enum", values, finding)
        return
    choices = Map(node.file, node.offset)
    branches = Seq(node.file, node.offset)
    for name in rest:
        branch = Map(node.file, node.offset)
        branch.put("type", name, node.offset, node.offset)
        branches.put(branch, node.offset)
    choices.put("anyOf", branches, node.offset, node.offset)
    if "anyOf" in node:
        changes.append(node, "allOf", choices, finding)
    else:
        changes.set(node, "anyOf", branches, finding)


def _told(node: Map, key: str, what: str, fix: str, changes: Changes) -> Finding:
    return changes.report.warn(node.key_source(key), "other-dialect", what, fix)


def _is_number(value: Node) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _excludes(exclusive: str, limit: Node, value: Node) -> bool:
    """Whether the plain bound alone excludes all that the exclusive one does."""
    assert isinstance(limit, (int, float))  # noqa: S101 (callers have looked)
    assert isinstance(value, (int, float))  # noqa: S101 (as above)
    return limit > value if exclusive == "exclusiveMinimum" else limit < value
