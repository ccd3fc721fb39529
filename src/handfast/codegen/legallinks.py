"""Links between operations: each must name one that the contract has, and parameters that it takes.

Strict readers refuse a whole contract for a link that leads nowhere, so it is dropped.
"""

from __future__ import annotations

from handfast.codegen import pointer as pointers
from handfast.codegen.changes import Changes
from handfast.codegen.grammar import operations_in
from handfast.codegen.pointer import deref
from handfast.codegen.report import nearest
from handfast.codegen.source import Map, Node, Seq
from handfast.codegen.walk import walk
from handfast.validation.pointers import pointer as pointer_of

_LEAVES = frozenset(("schema", "parameter", "media type", "header", "link"))
_LOCATIONS = ("path", "query", "querystring", "header", "cookie")


def legalise(root: Map, changes: Changes) -> None:
    """Drop every link that leads nowhere, and parameters of links that nobody takes."""
    by_id = _by_id(root)
    for visit in list(walk(root, leaves=_LEAVES)):
        link = visit.node
        if visit.kind != "link" or "$ref" in link or visit.owner is None:
            continue
        name, ref = link.get("operationId"), link.get("operationRef")
        found: tuple[Map, Map] | None = None
        if isinstance(name, str):
            found = by_id.get(name)
            if found is None:
                near = nearest(name, list(by_id))
                fix = f"did you mean `{near}`?" if near else "name the operationId of an operation"
                what = f"the link leads to `{name}`, and no operation has this operationId; it is ignored"
                changes.drop(visit.owner, visit.key, "dangling-link", what, fix)
        elif isinstance(ref, str) and ref.startswith("#"):
            found = _by_pointer(root, ref)
            if found is None:
                what = f"the link leads to `{ref}`, and there is no operation; it is ignored"
                fix = "write `#/paths/~1path/method`, or `operationId:`"
                changes.drop(visit.owner, visit.key, "dangling-link", what, fix)
        if found is not None:
            _parameters(root, link, *found, changes)
    _references(root, changes)


def _references(root: Map, changes: Changes) -> None:
    """Drop references to links that have been dropped; they may be references themselves."""
    dropped = True
    while dropped:
        dropped = False
        for visit in list(walk(root, leaves=_LEAVES)):
            ref = visit.node.get("$ref")
            if visit.kind != "link" or visit.owner is None or not isinstance(ref, str):
                continue
            try:
                pointers.lookup(root, ref[1:])
            except pointers.Dangling:
                what = f"the link `{visit.key}` leads to no operation, and is ignored"
                changes.drop(
                    visit.owner, visit.key, "dangling-link", what, "name an operation of the contract"
                )
                dropped = True


def _by_id(root: Map) -> dict[str, tuple[Map, Map]]:
    """Return operationId → (path item, operation), those of webhooks and callbacks too."""
    found: dict[str, tuple[Map, Map]] = {}
    for visit in walk(root, leaves=_LEAVES):
        item = visit.node if visit.kind == "path item" else None
        for _, holder, key in operations_in(item) if item is not None else ():
            operation, _ = deref(root, holder[key])
            name = operation.get("operationId") if operation is not None else None
            if isinstance(name, str) and item is not None and operation is not None:
                found.setdefault(name, (item, operation))
    return found


def _by_pointer(root: Map, ref: str) -> tuple[Map, Map] | None:
    tokens = pointers.tokens(ref[1:])
    depth = 2 if tokens[-2:-1] == ["additionalOperations"] else 1
    item = _at(root, tokens[:-depth])
    operation = _at(root, tokens)
    return None if item is None or operation is None else (item, operation)


def _at(root: Map, tokens: list[str]) -> Map | None:
    try:
        node = pointers.lookup(root, pointer_of(tokens))
    except pointers.Dangling:
        return None
    return deref(root, node)[0]


def _parameters(root: Map, link: Map, item: Map, operation: Map, changes: Changes) -> None:
    given = link.get("parameters")
    taken = _names(root, item.get("parameters")) | _names(root, operation.get("parameters"))
    if not isinstance(given, Map):
        return
    names = {name for name, _ in taken}
    for name in list(given):
        location, _, rest = name.partition(".")
        if name in names or (rest, location) in taken:
            continue
        near = nearest(rest if location in _LOCATIONS else name, sorted(names))
        fix = f"did you mean `{near}`?" if near else "remove it, or declare the parameter"
        what = f"the link gives `{name[:60]}`, which its operation does not take; it is ignored"
        changes.drop(given, name, "unknown-link-parameter", what, fix)


def _names(root: Map, parameters: Node) -> set[tuple[str, str]]:
    found = [deref(root, one)[0] for one in parameters] if isinstance(parameters, Seq) else []
    return {(str(one.get("name")), str(one.get("in"))) for one in found if one is not None}
