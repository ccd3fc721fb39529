"""One document out of many files: external `$ref`s inside the project become components of the entry.

References that leave the project, or the machine, are refused: a contract must mean the same tomorrow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from handfast.codegen import pointer as pointers
from handfast.codegen.files import Files, Refused, Target
from handfast.codegen.follow import Follower
from handfast.codegen.grammar import KINDS, Kind, is_extension, slot_of
from handfast.codegen.ir import Finding
from handfast.codegen.load import Document, LoadFault
from handfast.codegen.resources import holds, joined
from handfast.codegen.source import Map, Node, Seq, TextFile
from handfast.codegen.walk import walk
from handfast.validation.pointers import escape

_UNSAFE = re.compile(r"[^a-zA-Z0-9._-]+")
_MAX_INLINE = 100
_MAX_INLINED = 20_000
"""How many path items and other nameless parts may be copied in: parts of parts would multiply."""
_MAX_EXTENSIONS = 10_000
"""How many files' contents extensions may bring in: files that refer to each other would multiply."""
_REFERENCE = frozenset(("$ref",))
_DYNAMIC = frozenset(("$dynamicRef", "$dynamicAnchor"))
_KIND_OF_SECTION = {kind.section: name for name, kind in KINDS.items() if kind.section}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A document whose references are all local, and what was found on the way."""

    root: Map
    findings: tuple[Finding, ...]


def bundle(entry: Document, files: Files) -> Bundle:
    """Return `entry`, whose root is a mapping, with everything that it refers to in other files."""
    bundler = _Bundler(entry, files)
    return Bundle(bundler.run(), tuple(bundler.findings))


class _Bundler(Follower):
    def __init__(self, entry: Document, files: Files) -> None:
        super().__init__(entry, files)
        self.names: dict[tuple[str, Target], str] = {}
        """(kind, target) → its name in the components of the bundle."""
        self.taken: dict[str, set[str]] = {}
        self.pending: list[tuple[str, Target, Node]] = []
        self.inlining: list[Target] = []
        self.extensions = 0
        self.inlined = 0
        self.operation_refs: list[tuple[Map, Target]] = []
        """Links to operations in other files, and what they name there."""
        self.entry_source = entry.text.source(0)
        version = entry.root.get("openapi") if isinstance(entry.root, Map) else None
        self.entry_is_new = not str(version).startswith("3.0")
        self.modern = not str(version).startswith(("3.0", "3.1"))
        """Whether the contract is of OpenAPI 3.2 or later."""

    def run(self) -> Map:
        root = self.entry.root
        assert isinstance(root, Map)  # noqa: S101 (project.py passes mappings only)
        self.reserve(root)
        result = self.object("document", root)
        assert isinstance(result, Map)  # noqa: S101 (a mapping gives a mapping)
        while self.pending:
            self.adopt(result)
        if self.operation_refs:
            self.lead_to_operations(result)
        return result

    def reserve(self, root: Map) -> None:
        """Let components of the entry that stand for external parts keep the author's names."""
        components = root.get("components")
        if isinstance(components, Map) and isinstance(components.get("$ref"), str):
            found = self.follow(components, quiet=True)
            components = found[1] if found else None
        if not isinstance(components, Map):
            return
        for section, entries in components.items():
            kind = _KIND_OF_SECTION.get(section)
            if kind is None or not isinstance(entries, Map):
                continue
            spliced = isinstance(entries.get("$ref"), str)
            found = self.follow(entries, quiet=True) if spliced else None
            base, source = found if found else (None, entries)
            if not isinstance(source, Map):
                continue
            self.taken[section] = set(source)
            for name, node in source.items():
                target = None
                if base is not None:
                    target = Target(base.file, f"{base.pointer}/{escape(name)}")
                elif isinstance(node, Map) and self.is_external(node):
                    got = self.follow(node, quiet=True)
                    target = got[0] if got else None
                if target is not None:
                    self.names.setdefault((kind, target), name)

    # -- walking ------------------------------------------------------------------------------------------

    def object(self, kind_name: str, node: Node) -> Node:
        """Return an object of the kind with its references made local."""
        if not isinstance(node, Map):
            return node
        kind = KINDS[kind_name]
        if kind_name == "security requirement" and self.modern:
            return self.requirement(node)
        outer, own = self.base, node.get("$id")
        identified = kind_name == "schema" and isinstance(own, str) and self.entry_is_new
        if identified:
            self.base = joined(outer, str(own)).partition("#")[0]
        if isinstance(node.get("$ref"), str):
            made = self.reference(kind_name, kind, node)
            if identified and isinstance(made, Map) and not self.keeps_id(node):
                made.pop("$id", None)
            self.base = outer
            return made
        result = node.empty_copy()
        for key, value in node.items():
            if identified and key == "$id" and not self.keeps_id(node):
                continue
            if kind_name == "schema" and key == "$anchor" and node.file.name != self.entry.name:
                continue  # a part that is adopted beside its whole would have the same name
            result.put_from(node, key, self.slot(kind, key, value, node))
        if kind_name == "link" and isinstance(node.get("operationRef"), str):
            self.operation_ref(node, result)
        self.base = outer
        return result

    def keeps_id(self, node: Map) -> bool:
        """Whether a schema's URI stays: not if its references, pointers by now, would be read from it.

        Dynamic references need it to tell one schema from another.
        """
        return not holds(node, _REFERENCE) or holds(node, _DYNAMIC)

    def slot(self, kind: Kind, key: str, value: Node, owner: Map) -> Node:
        slot = slot_of(kind, key)
        if slot.shape in ("one", "one-or-list") and not isinstance(value, Seq):
            return self.object(slot.kind, value)
        if slot.shape in ("list", "one-or-list"):
            return self.sequence(slot.kind, value)
        if slot.shape == "map":
            if kind is KINDS["schema"] and isinstance(value, Map) and isinstance(value.get("$ref"), str):
                what = f"`{key}` holds a property called `$ref`; what it refers to is put in its place"
                fix = "write the properties here, or use `allOf`"
                self.report(value.key_source("$ref"), "spliced-ref", what, fix, fatal=False)
            return self.mapping(slot.kind, value)
        if slot.shape == "text" and isinstance(value, Map) and set(value) == {"$ref"}:
            return self.text(value)
        if key == "mapping" and isinstance(value, Map):
            return self.discriminator(value)
        if key == "defaultMapping" and isinstance(value, str) and key in kind.slots:
            return self.mapped(value, owner.marks.get(key, (owner.file, owner.offset, owner.offset)))
        return self.extension(value) if is_extension(key) else value

    def sequence(self, kind: str, value: Node) -> Node:
        if isinstance(value, Map) and isinstance(value.get("$ref"), str):
            value = self.splice(value)
        if not isinstance(value, Seq):
            return value
        result = value.empty_copy()
        for index, item in enumerate(value):
            result.put_from(value, index, self.object(kind, item))
        return result

    def mapping(self, kind: str, value: Node) -> Node:
        if isinstance(value, Map) and isinstance(value.get("$ref"), str):
            value = self.splice(value)
        if not isinstance(value, Map):
            return value
        result = value.empty_copy()
        for key, item in value.items():
            definition = self.is_definition(kind, key, item)
            result.put_from(
                value, key, self.definition(kind, item) if definition else self.object(kind, item)
            )
        return result

    def splice(self, value: Map) -> Node:
        """Put the entries of a file where a map of objects is due and a `$ref` was written."""
        found = self.follow(value)
        if found is None:
            return value.empty_copy()
        target, node = found
        if isinstance(node, Map) and isinstance(node.get("$ref"), str):
            if len(self.inlining) >= _MAX_INLINE:
                self.cycle(value)
                return value.empty_copy()
            self.inlining.append(target)
            try:
                node = self.splice(node)
            finally:
                self.inlining.pop()
        if not isinstance(node, Map):
            return node
        result = node.empty_copy()
        for source in (node, value):
            for key in source:
                if key != "$ref" or not isinstance(source[key], str):
                    result.put_from(source, key, source[key])
        return result

    def is_definition(self, kind: str, key: str, item: Node) -> bool:
        """Whether `item` is the component that stands for what it refers to in another file."""
        if not isinstance(item, Map) or not self.is_external(item) or len(item) > 1:
            return False
        found = self.follow(item, quiet=True)
        return found is not None and self.names.get((kind, found[0])) == key

    def definition(self, kind: str, item: Node) -> Node:
        assert isinstance(item, Map)  # noqa: S101 (is_definition has looked)
        found = self.follow(item)
        if found is None:
            return item.empty_copy()
        target, node = found
        if target in self.inlining:
            self.cycle(item)
            return item.empty_copy()
        self.inlining.append(target)
        try:
            with self.read_from(target):
                return self.object(kind, node)
        finally:
            self.inlining.pop()

    def reference(self, kind_name: str, kind: Kind, node: Map) -> Node:
        """Make the reference `node` local."""
        external = self.is_external(node)
        if not external and not self.is_spelled_out(kind_name):
            return self.with_local_siblings(kind, node, str(node["$ref"]))
        found = self.follow(node)
        if found is None:
            return node.empty_copy()
        target, value = found
        if self.is_spelled_out(kind_name) or (kind_name == "path item" and target.file != self.entry.name):
            return self.inline(kind_name, node, target, value)
        if target.file == self.entry.name:
            return self.with_local_siblings(kind, node, f"#{target.pointer}")
        name = self.names.get((kind_name, target))
        if name is None:
            name = self.name_for(kind.section, target)
            self.names[kind_name, target] = name
            self.pending.append((kind_name, target, value))
        return self.with_local_siblings(kind, node, f"#/components/{kind.section}/{escape(name)}")

    def is_spelled_out(self, kind: str) -> bool:
        """Whether no object of the kind may be a reference in this version, so that a copy stands for it."""
        return not KINDS[kind].section or (kind == "media type" and not self.modern)

    def requirement(self, node: Map) -> Map:
        """Give security schemes that are named by their URI (3.2) the name of a component."""
        result = node.empty_copy()
        schemes = self.taken.get("securitySchemes", set())
        for key, scopes in node.items():
            name = key
            if key not in schemes and ("#" in key or "/" in key):
                name = self.scheme(self.carrier(key, node.marks[key])) or key
            file, at, value_at = node.marks[key]
            result[name] = scopes
            result.marks[name] = (file, at, value_at)
        return result

    def scheme(self, node: Map) -> str | None:
        """Return the component that is, or becomes, the security scheme to which `node` refers."""
        found = self.follow(node)
        if found is None:
            return None
        target, value = found
        parts = pointers.tokens(target.pointer)
        if target.file == self.entry.name and parts[:2] == ["components", "securitySchemes"]:
            return parts[2] if len(parts) == 3 else None
        name = self.names.get(("security scheme", target))
        if name is None:
            name = self.name_for("securitySchemes", target)
            self.names["security scheme", target] = name
            self.pending.append(("security scheme", target, value))
        return name

    def operation_ref(self, node: Map, made: Map) -> None:
        """Remember a link to an operation; one by an absolute URI that is not ours is left alone."""
        ref = str(node["operationRef"])
        carrier = self.carrier(ref, node.marks["operationRef"])
        if self.is_external(carrier):
            found = self.follow(carrier, quiet="://" in ref)
            if found is not None:
                self.operation_refs.append((made, found[0]))

    def lead_to_operations(self, root: Map) -> None:
        """Let links name operations by where they stand in the bundle."""
        places: dict[tuple[str, int], str] = {}
        for visit in walk(root, leaves=frozenset(("schema",))):
            if visit.kind == "operation":
                at = (visit.node.file.name, visit.node.offset)
                places.setdefault(at, pointers.reference(visit.path))
        for link, target in self.operation_refs:
            node = self.fetch(target)
            if isinstance(node, Map):
                place = places.get((node.file.name, node.offset))
                own = target.file == self.entry.name or place is None
                link["operationRef"] = pointers.encoded(f"#{target.pointer}") if own else place

    def with_local_siblings(self, kind: Kind, node: Map, ref: str) -> Map:
        result = node.empty_copy()
        for key, value in node.items():
            made = ref if key == "$ref" else self.slot(kind, key, value, node)
            result.put_from(node, key, made)
        return result

    def inline(self, kind: str, node: Map, target: Target, value: Node) -> Node:
        self.inlined += 1
        if self.inlined > _MAX_INLINED:
            what = f"more than {_MAX_INLINED:,} parts of other files are copied into this contract"
            self.report(self.entry_source, "too-many-parts", what, "refer to components instead")
            return node.empty_copy()
        if target in self.inlining or len(self.inlining) >= _MAX_INLINE:
            self.cycle(node)
            return node.empty_copy()
        self.inlining.append(target)
        try:
            with self.read_from(target):
                made = self.object(kind, value)
        finally:
            self.inlining.pop()
        if isinstance(made, Map):
            if kind == "operation" and target.file == self.entry.name:
                self.without_id(made, node)
            for key in node:
                if key != "$ref":
                    made.put_from(node, key, self.slot(KINDS[kind], key, node[key], node))
        return made

    def without_id(self, operation: Map, node: Map) -> None:
        """Leave an operation's operationId where the operation is written, not where it is referred to."""
        name = operation.pop("operationId", None)
        if name is not None:
            what = f"`{name}` is referred to from another place; there it has no operationId"
            fix = "write the operation anew, with an operationId of its own"
            self.report(node.value_source("$ref"), "reused-operation", what, fix, fatal=False)

    def name_for(self, section: str, target: Target) -> str:
        """Choose a name for an adopted component: the last token of its pointer, else the file's name."""
        parts = pointers.tokens(target.pointer)
        path = PurePosixPath(target.file)
        stem = path.name.split(".")[0]
        if stem.lower() in ("index", "schema", "") and path.parent.name:
            stem = path.parent.name
        wanted = _UNSAFE.sub("_", parts[-1] if parts else stem).strip("_") or "Part"
        taken = self.taken.setdefault(section, set())
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted}_{number}", number + 1
        taken.add(name)
        return name

    def adopt(self, result: Map) -> None:
        """Write one pending external part into the components of the bundle."""
        kind_name, target, value = self.pending.pop(0)
        section = KINDS[kind_name].section
        components = result.get("components")
        if not isinstance(components, Map):
            components = Map(self.entry.text, 0)
            result.put("components", components, 0, 0)
        entries = components.get(section)
        if not isinstance(entries, Map):
            entries = Map(self.entry.text, 0)
            components.put(section, entries, 0, 0)
        with self.read_from(target):
            made = self.object(kind_name, value)
        name = self.names[kind_name, target]
        entries[name] = made
        text = self.files.get(target.file).text
        offset = made.offset if isinstance(made, (Map, Seq)) else 0
        file = made.file if isinstance(made, (Map, Seq)) else text
        entries.marks[name] = (file, offset, offset)

    # -- what is not an object of the specification ---------------------------------------------------------

    def text(self, value: Map) -> Node:
        """Return the text of a file where a text is due (`description: {$ref: intro.md}`)."""
        try:
            target = self.files.locate(str(value["$ref"]), value.file.name)
            if PurePosixPath(target.file).suffix in (".yaml", ".yml", ".json"):
                return self.fetch(target)
            self.files.texts.add(target.file)
            return (self.files.root / target.file).read_text(encoding="utf-8")
        except Refused as refused:
            self.report(value.value_source("$ref"), refused.code, refused.what, refused.fix)
        except (LoadFault, pointers.Dangling, OSError, UnicodeDecodeError):
            what = f"`{value['$ref']}` cannot be read as a text"
            self.report(value.value_source("$ref"), "dangling-ref", what, "name a text file of the project")
        return ""

    def discriminator(self, value: Map) -> Node:
        """Make the file references in a discriminator mapping local; plain names stay."""
        result = value.empty_copy()
        for key, ref in value.items():
            result.put_from(value, key, self.mapped(ref, value.marks[key]))
        return result

    def mapped(self, ref: Node, mark: tuple[TextFile, int, int]) -> Node:
        """Make one value of a discriminator mapping local if it is a reference to a file."""
        if not isinstance(ref, str) or not (
            "#" in ref or "/" in ref or ref.endswith((".yaml", ".yml", ".json"))
        ):
            return ref
        local = self.reference("schema", KINDS["schema"], self.carrier(ref, mark))
        return local.get("$ref", ref) if isinstance(local, Map) else ref

    def extension(self, value: Node) -> Node:
        """Put the content of files where an extension refers to them; what cannot be followed stays."""
        if isinstance(value, Seq):
            items = value.empty_copy()
            for index, item in enumerate(value):
                items.put_from(value, index, self.extension(item))
            return items
        if not isinstance(value, Map):
            return value
        if self.is_external(value) and self.extensions < _MAX_EXTENSIONS:
            found = self.follow(value, quiet=True)
            if found and found[0] not in self.inlining:
                self.extensions += 1
                self.inlining.append(found[0])
                try:
                    return self.extension(found[1])
                finally:
                    self.inlining.pop()
        result = value.empty_copy()
        for key, item in value.items():
            result.put_from(value, key, self.extension(item))
        return result
