"""Rules about what a request may hold: texts and lists without end."""

from __future__ import annotations

import re

from handfast.codegen.pointer import deref
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq
from handfast.lint.places import Place, schemas_of

_SHORT_FORMATS = frozenset((
    "date", "date-time", "time", "date-time-local", "time-local", "http-date", "uuid", "ipv4", "ipv6",
    "hostname", "idn-hostname", "binary", "char",
))  # fmt: skip
"""Formats whose texts are short; `binary` is a file, which the limit of the body is for."""
_ENDLESS = re.compile(r"(?<!\\)(?:\\\\)*[*+]|\{\d+,\}")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLES = ("items", "additionalProperties", "contains", "if", "then", "else")


def check(found: list[Place], report: Report) -> None:
    """Note texts and lists of requests that nothing bounds, each where it is written."""
    walker = _Walker(report)
    for place in found:
        for parameter in place.parameters():
            name = str(parameter.get("name"))
            for holder, key in schemas_of(parameter):
                walker.look(place.root, holder, key, f"the parameter `{name}`")
        body = place.body()
        if body is not None:
            for holder, key in schemas_of(body):
                walker.look(place.root, holder, key, "the body")


class _Walker:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.seen: set[int] = set()

    def look(self, root: Map, holder: Map, key: str, name: str) -> None:
        """Look at one schema and all that it holds."""
        pending: list[tuple[Node, str, bool]] = [(holder[key], name, False)]
        while pending:
            node, name, bounded = pending.pop()
            if not isinstance(node, Map):
                continue
            if "$ref" in node:
                schema, named = deref(root, node)
                if schema is not None:
                    pending.append((schema, f"`{named}`" if named else name, bounded or _bounds(node)))
                continue
            if id(node) in self.seen or node.get("readOnly") is True:
                continue
            self.seen.add(id(node))
            # Each part of an `allOf` may be bounded by another one.
            bounded = (
                bounded
                or _bounds(node)
                or any(_bounds(deref(root, part)[0]) for part in _list(node.get("allOf")))
            )
            self.own(node, name, bounded=bounded)
            pending.extend(self.parts(node, name, bounded=bounded))

    def own(self, node: Map, name: str, *, bounded: bool) -> None:
        kinds = node.get("type")
        names = [kinds] if isinstance(kinds, str) else _list(kinds)
        if bounded:
            return
        if "string" in names:
            what = f"{name} takes texts of any length"
            self.report.warn(node.source, "unbounded-string", what, "add `maxLength`")
        if "array" in names:
            what = f"{name} takes lists of any length"
            self.report.warn(node.source, "unbounded-list", what, "add `maxItems`")

    def parts(self, node: Map, name: str, *, bounded: bool) -> list[tuple[Node, str, bool]]:
        found: list[tuple[Node, str, bool]] = []
        properties = node.get("properties")
        if isinstance(properties, Map):
            found += [(value, f"`{key}`", False) for key, value in properties.items()]
        for key in _LISTS:
            alike = key != "prefixItems"
            found += [
                (part, name if alike else f"an item of {name}", bounded and alike)
                for part in _list(node.get(key))
            ]
        for key in _SINGLES:
            alike = key in ("if", "then", "else")
            # Lists of lists: one "an item of" is enough.
            part_name = name if alike or name.startswith("an item of ") else f"an item of {name}"
            found.append((node.get(key), part_name, bounded and alike))
        return found


def _bounds(node: Node) -> bool:
    """Whether the schema's own keywords bound its texts and lists."""
    if not isinstance(node, Map):
        return False
    if any(key in node for key in ("maxLength", "maxItems", "enum", "const")):
        return True
    if node.get("format") in _SHORT_FORMATS:
        return True
    if "prefixItems" in node and node.get("items") is False:
        return True
    pattern = node.get("pattern")
    return (
        isinstance(pattern, str)
        and pattern.startswith("^")
        and pattern.endswith("$")
        and not pattern.endswith("\\$")
        and "|" not in pattern
        and not _ENDLESS.search(pattern)
    )


def _list(node: Node) -> list[Node]:
    return list(node) if isinstance(node, Seq) else []
