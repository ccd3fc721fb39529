"""Rules about operations: names, declared errors, lists that grow."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from handfast.codegen.names import derived_operation_id
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq, plain
from handfast.lint.places import Place, schemas_of, target

_PAGING = re.compile(
    r"(?i)(limit|page|per_?page|offset|cursor|after|before|since|until|top|skip|first|last|take|start|count|max|size|"
    r"marker|token|next|range|from)"
)
_KEPT = 8
"""How many schemas an error's body is followed through."""


def check(found: list[Place], report: Report) -> None:
    """Note what operations lack."""
    named = {place.source for place in found if "operationId" in place.node}
    for place in found:
        if place.source not in named:
            _no_id(place, report)
        _errors(place, report)
        _list(place, report)
    _mixed(found, report)


def _no_id(place: Place, report: Report) -> None:
    what = f"{place.title} has no `operationId`"
    fix = f"add `operationId: {derived_operation_id(place.method, place.path)}`"
    report.warn(place.source, "no-operation-id", what, fix)


def _errors(place: Place, report: Report) -> None:
    told = False
    if (place.parameters() or place.body() is not None) and not place.answers("400", "422"):
        told = True
        what = f"{place.title} takes input and declares neither 400 nor 422"
        report.warn(place.source, "no-input-error", what, "declare `422` with the body of your errors")
    if place.secured() and not place.answers("401"):
        told = True
        what = f"{place.title} demands credentials and declares no 401"
        report.warn(place.source, "no-401", what, "declare `401` with the body of your errors")
    if not told and not any(status[0] in "4D" for status in place.statuses):
        what = f"{place.title} declares no 4xx answer"
        report.warn(place.source, "no-client-error", what, "declare those that callers can meet")


def _list(place: Place, report: Report) -> None:
    if place.method != "GET" or any(
        parameter.get("in") in ("query", "header", "querystring")
        and _PAGING.search(str(parameter.get("name")))
        for parameter in place.parameters()
    ):
        return
    for status, response in place.responses():
        if status[0] != "2":
            continue
        for holder, key in schemas_of(response, json_only=True):
            schema = target(place.root, holder[key])
            if schema is not None and schema.get("type") == "array" and not _bounded_list(schema):
                what = f"{place.title} answers a list without end, and no parameter pages it"
                fix = "add parameters such as `limit` and `cursor`, or `maxItems` where it stays short"
                report.warn(place.source, "unpaged-list", what, fix)
                return


def _bounded_list(schema: Map) -> bool:
    return "maxItems" in schema or ("prefixItems" in schema and schema.get("items") is False)


# -- errors of one shape ------------------------------------------------------------------------------------


def _mixed(found: Iterable[Place], report: Report) -> None:
    shapes: list[tuple[Place, str, Map, frozenset[str]]] = []
    for place in found:
        for status, response in place.responses():
            if status[0] in "45D":
                for holder, key in schemas_of(response, json_only=True):
                    shapes.append((place, status, holder, frozenset(_shapes(place.root, holder[key], 0))))
    distinct = {holder.value_source("schema"): shape for _, _, holder, shape in shapes}
    counts = Counter(name for _, _, _, shape in shapes for name in shape)
    if not counts:
        return
    # By name, too, so that the same contract is always told the same.
    usual, number = max(counts.items(), key=lambda item: (item[1], item[0]))
    if number * 2 <= len(shapes) or len(distinct) < 2:
        return
    seen = set()
    for place, status, holder, shape in shapes:
        source = holder.value_source("schema")
        if usual in shape or source in seen:
            continue
        seen.add(source)
        named = f" (`{usual}`)" if not usual.startswith("{") else ""
        what = (
            f"the error {status.lower()} of {place.title} has another schema than "
            f"{number} of the {len(shapes)} errors of this contract{named}"
        )
        report.warn(source, "mixed-errors", what, "refer to the schema of the others, alone or in `allOf`")


def _shapes(root: Map, node: Node, depth: int) -> Iterator[str]:
    """Yield what a schema is, or is made of: names of components, and the schema itself where it has none."""
    if not isinstance(node, Map) or depth > _KEPT:
        return
    ref = node.get("$ref")
    if isinstance(ref, str):
        yield ref.removeprefix("#/components/schemas/")
        yield from _shapes(root, target(root, node), depth + 1)
        return
    parts = [part for key in ("allOf", "oneOf", "anyOf") for part in _items(node.get(key))]
    for part in parts:
        yield from _shapes(root, part, depth + 1)
    if not parts:
        yield _text_of(node)


def _items(node: Node) -> list[Node]:
    return list(node) if isinstance(node, Seq) else []


_WORDS = frozenset(("description", "title", "example", "examples", "$comment"))


def _text_of(node: Node) -> str:
    """Return the text of a schema that is the same for schemas that differ in words for people only."""

    def bare(value: object) -> object:
        if isinstance(value, dict):
            return {key: bare(item) for key, item in value.items() if key not in _WORDS}
        return [bare(item) for item in value] if isinstance(value, list) else value

    return json.dumps(bare(plain(node)), sort_keys=True)
