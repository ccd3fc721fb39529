"""The rule about components that nothing refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from handfast.codegen.ir import Source
from handfast.codegen.pointer import tokens
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq

_PREFIX = "#/components/"
_Name: TypeAlias = tuple[str, str]


def components(root: Map) -> dict[_Name, Map]:
    """Return (section, name) → the section that holds it."""
    held = root.get("components")
    return {
        (section, name): entries
        for section, entries in (held.items() if isinstance(held, Map) else ())
        if isinstance(entries, Map) and not section.startswith("x-")
        for name in entries
        if not name.startswith("x-")
    }


def used(root: Map) -> set[Source]:
    """Return where the components are written that something served or sent leads to.

    A contract without operations is a library: all that it has is used.
    """
    every = components(root)
    if not root.get("paths") and not root.get("webhooks"):
        return {entries.key_source(name) for (_, name), entries in every.items()}
    reached: set[_Name] = set()
    outside = root.empty_copy()
    for key, value in root.items():
        if key != "components":
            outside.put_from(root, key, value)
    pending: list[Node] = [outside]
    children = _children(every)
    while pending:
        for name in _names(pending.pop(), every):
            for one in (name, *children.get(name, ())):
                if one in every and one not in reached:
                    reached.add(one)
                    pending.append(every[one][one[1]])
    return {every[name].key_source(name[1]) for name in reached}


def check(root: Map, found: set[Source], report: Report) -> None:
    """Note the components of `root` that are not among those `found` in use, here or in another contract."""
    every = components(root)
    lost = {name: entries for name, entries in every.items() if entries.key_source(name[1]) not in found}
    named = {one for (_, name), entries in lost.items() for one in _names(entries[name], every)}
    for (section, name), entries in lost.items():
        source = entries.key_source(name)
        who = "only what is unused refers" if (section, name) in named else "nothing refers"
        what = f"{who} to `#/components/{section}/{name}`"
        report.warn(source, "unused-component", what, "remove it, or correct the reference to it")


def _children(every: Mapping[_Name, Map]) -> dict[_Name, list[_Name]]:
    """Schema with a discriminator → schemas that extend it by `allOf`: their names are values of it."""
    found: dict[_Name, list[_Name]] = {}
    for (section, name), entries in every.items():
        node = entries[name]
        parts = node.get("allOf") if section == "schemas" and isinstance(node, Map) else None
        for part in parts if isinstance(parts, Seq) else ():
            parent = _named(part.get("$ref")) if isinstance(part, Map) else None
            base = every[parent][parent[1]] if parent in every and parent is not None else None
            if isinstance(base, Map) and "discriminator" in base and parent is not None:
                found.setdefault(parent, []).append((section, name))
    return found


def _named(ref: Node) -> _Name | None:
    if not isinstance(ref, str) or not ref.startswith(_PREFIX):
        return None
    parts = tokens(ref[1:])
    return (parts[1], parts[2]) if len(parts) > 2 else None


def _names(node: Node, every: Mapping[_Name, Map]) -> Iterator[_Name]:
    """Yield the components that `node` names, however deep."""
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            name = _named(current)
            if name is not None:
                yield name
        elif isinstance(current, Seq):
            pending.extend(current)
        elif isinstance(current, Map):
            pending.extend(current.values())
            if "$dynamicRef" in current:
                yield from (key for key in every if key[0] == "schemas")
            for requirement in _list(current.get("security")):
                if isinstance(requirement, Map):
                    yield from (("securitySchemes", scheme) for scheme in requirement)
            for key in ("mapping", "defaultMapping"):
                held = current.get(key)
                values = list(held.values()) if isinstance(held, Map) else [held]
                yield from (("schemas", value) for value in values if isinstance(value, str))


def _list(node: Node) -> list[Node]:
    return list(node) if isinstance(node, Seq) else []
