"""Names of components as OpenAPI wants them: letters, digits, dots, hyphens and underscores (4.8.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from handfast.codegen import pointer as pointers
from handfast.codegen.changes import Changes
from handfast.codegen.ir import Finding
from handfast.codegen.source import Map, Seq, strings
from handfast.codegen.walk import walk

_GOOD = re.compile(r"[A-Za-z0-9._-]+\Z")
_BAD = re.compile(r"[^A-Za-z0-9._-]+")


def legalise(root: Map, changes: Changes) -> None:
    """Rename components whose names OpenAPI forbids, and whatever names them."""
    names = _Names(root, changes)
    names.rename()
    if names.renamed:
        names.follow()


@dataclass(slots=True)
class _Names:
    root: Map
    changes: Changes
    renamed: dict[tuple[str, str], tuple[str, Finding]] = field(default_factory=dict)
    """(section, name) → its new name, and what was said about it."""

    def rename(self) -> None:
        components = self.root.get("components")
        for section, entries in components.items() if isinstance(components, Map) else ():
            if isinstance(entries, Map) and not all(_GOOD.match(name) for name in entries):
                assert isinstance(components, Map)  # noqa: S101 (the loop is over its entries)
                components[section] = self.section(section, entries)

    def section(self, section: str, entries: Map) -> Map:
        result = entries.empty_copy()
        taken = set(entries)
        for name in entries:
            new = name
            if not _GOOD.match(name):
                new = _free(_BAD.sub("_", name).strip("_") or "Part", taken)
                what = f"`{name[:60]}` is no name of a component; it is published as `{new}`"
                fix = "use letters, digits, dots, hyphens and underscores"
                finding = self.changes.report.warn(entries.key_source(name), "bad-component-name", what, fix)
                self.renamed[section, name] = new, finding
                self.changes.move(("components", section, name), ("components", section, new), finding)
            result[new] = entries[name]
            if name in entries.marks:
                result.marks[new] = entries.marks[name]
        return result

    def follow(self) -> None:
        for visit in walk(self.root):
            ref = visit.node.get("$ref")
            found = self.new_ref(ref) if isinstance(ref, str) else None
            if found is not None:
                self.changes.set(visit.node, "$ref", *found)
            if visit.kind == "security requirement":
                self.requirement(visit.node)
            elif visit.kind == "schema":
                self.discriminator(visit.node)

    def new_ref(self, ref: str) -> tuple[str, Finding] | None:
        """Return a reference with the new name in it, and why; None where it names nothing renamed."""
        tokens = pointers.tokens(ref[1:]) if ref.startswith("#/components/") else []
        known = self.renamed.get((tokens[1], tokens[2])) if len(tokens) > 2 else None
        if known is None:
            return None
        return pointers.reference(("components", tokens[1], known[0], *tokens[3:])), known[1]

    def requirement(self, node: Map) -> None:
        for name in list(node):
            known = self.renamed.get(("securitySchemes", name))
            if known is not None:
                self.changes.report.explain(node, name, known[1])
                self.changes.set(node, known[0], node.pop(name), known[1])

    def discriminator(self, node: Map) -> None:
        """Let a mapping name what it named; a schema whose own name was a value keeps it by a mapping."""
        value = node.get("discriminator")
        if not isinstance(value, Map):
            return
        mapping = value.get("mapping")
        for key, ref in mapping.items() if isinstance(mapping, Map) else ():
            known = self.renamed.get(("schemas", ref)) if isinstance(ref, str) else None
            found = self.new_ref(ref) if isinstance(ref, str) and known is None else known
            if found is not None and isinstance(mapping, Map):
                self.changes.set(mapping, key, *found)
        for members in (node.get("oneOf"), node.get("anyOf")):
            for member in members if isinstance(members, Seq) else ():
                ref = member.get("$ref") if isinstance(member, Map) else None
                for (section, old), (new, finding) in self.renamed.items():
                    if section == "schemas" and isinstance(ref, str) and _names(ref) in (old, new):
                        self.keep(value, old, new, finding)

    def keep(self, discriminator: Map, name: str, new: str, finding: Finding) -> None:
        mapping = discriminator.get("mapping")
        if not isinstance(mapping, Map):
            mapping = Map(discriminator.file, discriminator.offset)
            self.changes.set(discriminator, "mapping", mapping, finding)
        ref = pointers.reference(("components", "schemas", new))
        if not {new, ref} & set(strings(mapping.values())) and name not in mapping:
            self.changes.set(mapping, name, ref, finding)


def _names(ref: str) -> str:
    """Return which schema component a reference names, or an empty text."""
    tokens = pointers.tokens(ref[1:]) if ref.startswith("#/components/schemas/") else []
    return tokens[2] if len(tokens) == 3 else ""


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    taken.add(name)
    return name
