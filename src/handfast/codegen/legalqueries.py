"""Path keys with a query or a fragment (`/a?x={x}`, `/a#b`), which OpenAPI does not allow (3.1.1, 4.8.8.1).

No request could reach them as they are written. What they mean is plain where no other key has the same path:
a fragment is never sent (RFC 9110, 7.1), and a query is what parameters say. So the key becomes its path, a
template in the query the parameter that it names, and a text there a parameter that takes this text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from handfast.codegen.changes import Changes
from handfast.codegen.grammar import operations_in
from handfast.codegen.ir import Finding
from handfast.codegen.legalparams import STYLES
from handfast.codegen.pointer import deref
from handfast.codegen.source import Map, Node, Seq
from handfast.codegen.walk import copied

_KEY: Final = re.compile(
    r"(?P<path>(?:[^{}?#]|\{[^{}/]*\})*)(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?\Z", re.DOTALL
)
_PAIR: Final = re.compile(r"(?P<key>[^={}]+)=(?:\{(?P<name>[^{}]+)\}|(?P<text>[^{}=]*))\Z")


@dataclass(frozen=True, slots=True)
class Pair:
    """One `key=value` of a query: a template that names a parameter, or a text."""

    key: str
    name: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Parted:
    """A path key, taken apart."""

    path: str
    pairs: tuple[Pair, ...] | None
    """None for a query that is none of `key=value`, each key once."""
    has_query: bool
    has_fragment: bool


def part(key: str) -> Parted:
    """Take a path key apart; one whose braces do not match is all path."""
    match = _KEY.match(key)
    if match is None:
        return Parted(key, (), has_query=False, has_fragment=False)
    query, fragment = match["query"], match["fragment"]
    return Parted(
        match["path"],
        () if query is None else _pairs(query),
        has_query=query is not None,
        has_fragment=fragment is not None,
    )


def _pairs(query: str) -> tuple[Pair, ...] | None:
    found: dict[str, Pair] = {}
    for text in query.split("&") if query else ():
        match = _PAIR.match(text)
        key = unquote_plus(match["key"]) if match else ""
        if match is None or key in found:
            return None
        found[key] = Pair(key, match["name"], unquote_plus(match["text"] or ""))
    return tuple(found.values())


def declares(root: Map, entry: Node, key: str) -> bool:
    """Whether the path item at `entry` or one of its operations has a query parameter called `key`."""
    item, _ = deref(root, entry)
    return item is not None and any(_has(root, owner, key) for owner in _owners(item))


def declare(root: Map, item: Map, pairs: tuple[Pair, ...], finding: Finding, changes: Changes) -> None:
    """Let the parameters of a path item say what the query of its key said; `finding` tells of it."""
    for pair in pairs:
        if pair.name is None:
            value = _map(item, {"type": "string", "const": pair.text})
            if str(root.get("openapi", "")).startswith("3.0"):
                value = _map(item, {"type": "string", "enum": _seq(item, pair.text)})
            changes.append(item, "parameters", _parameter(item, pair.key, value), finding)
            continue
        owners = list(_owners(item))
        for owner in owners:
            _to_query(root, owner, pair, finding, changes)
        for operation in owners[1:] if not _has(root, item, pair.key) else ():
            if not _has(root, operation, pair.key):
                made = _parameter(operation, pair.key, _map(operation, {"type": "string"}))
                changes.append(operation, "parameters", made, finding)


def _to_query(root: Map, owner: Map, pair: Pair, finding: Finding, changes: Changes) -> None:
    """Give the parameters that the template of `pair` names the place and the name that the query has."""
    parameters = owner.get("parameters")
    for index, entry in enumerate(parameters if isinstance(parameters, Seq) else ()):
        node, _ = deref(root, entry)
        location, name = (node.get("in"), node.get("name")) if node is not None else (None, None)
        if (location, name) not in (("path", pair.name), ("query", pair.name)) or not isinstance(
            parameters, Seq
        ):
            continue
        if node is None or (location, name) == ("query", pair.key):
            continue
        made = copied(node)
        assert isinstance(made, Map)  # noqa: S101 (a copy of a mapping is one)
        if name != pair.key:
            changes.set(made, "name", pair.key, finding)
        if location == "path":
            changes.set(made, "in", "query", finding)
            _keep_form(root, made, finding, changes)
        parameters[index] = made
        changes.report.explain(parameters, index, finding)


def _keep_form(root: Map, parameter: Map, finding: Finding, changes: Changes) -> None:
    """A template is filled in with commas between items: `form` must be told to do that."""
    if "style" in parameter and parameter["style"] not in STYLES["query"]:
        changes.report.explain(parameter, "style", finding)
        del parameter["style"]
    schema, _ = deref(root, parameter.get("schema"))
    if schema is not None and "explode" not in parameter and schema.get("type") in ("array", "object"):
        changes.set(parameter, "explode", False, finding)


def _has(root: Map, owner: Map, key: str) -> bool:
    parameters = owner.get("parameters")
    found = [deref(root, one)[0] for one in (parameters if isinstance(parameters, Seq) else ())]
    return any(one is not None and (one.get("in"), one.get("name")) == ("query", key) for one in found)


def _parameter(place: Map, name: str, schema: Map) -> Map:
    return _map(place, {"name": name, "in": "query", "required": True, "schema": schema})


def _map(place: Map, entries: Mapping[str, Node]) -> Map:
    made = Map(place.file, place.offset)
    for key, value in entries.items():
        made.put(key, value, place.offset, place.offset)
    return made


def _seq(place: Map, value: Node) -> Seq:
    made = Seq(place.file, place.offset)
    made.put(value, place.offset)
    return made


def _owners(item: Map) -> Iterator[Map]:
    """Yield the path item and its operations: each may have parameters."""
    yield item
    for _, holder, key in operations_in(item):
        operation = holder[key]
        if isinstance(operation, Map):
            yield operation
