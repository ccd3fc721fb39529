"""Where a reference leads: by path, by URI or by name, in any file of the project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from handfast.codegen import pointer as pointers
from handfast.codegen.files import Files, Refused, Target
from handfast.codegen.ir import Finding, Source
from handfast.codegen.load import Document, LoadFault
from handfast.codegen.source import Map, Node, TextFile
from handfast.validation.pointers import escape


class Follower:
    """Follows references for one contract; what leads nowhere is a finding, each place once."""

    def __init__(self, entry: Document, files: Files) -> None:
        """Begin at `entry`."""
        self.entry = entry
        self.files = files
        self.findings: list[Finding] = []
        self.reported: set[Source] = set()
        self.base = ""
        """The URI of the schema that is being read (`$id`), from which its references are read."""

    def report(self, source: Source, code: str, what: str, fix: str, *, fatal: bool = True) -> None:
        """Note a finding, unless there is one about the same place."""
        if source not in self.reported:
            self.reported.add(source)
            self.findings.append(Finding(source, code, what, fix, fatal))

    def cycle(self, node: Map) -> None:
        """Tell of a reference that closes a circle in which nothing can stand."""
        what = f"`{node['$ref']}` leads back to itself"
        self.report(node.value_source("$ref"), "ref-cycle", what, "break the circle")

    def is_external(self, node: Map) -> bool:
        """Whether the reference of `node` means something else where the bundle stands."""
        ref = node.get("$ref")
        if not isinstance(ref, str):
            return False
        return bool(self.base) or node.file.name != self.entry.name or not ref.startswith("#")

    def follow(self, node: Map, *, quiet: bool = False) -> tuple[Target, Node] | None:
        """Return what the `$ref` of `node` names; None, after a finding, where that cannot be had."""
        ref = node["$ref"]
        assert isinstance(ref, str)  # noqa: S101 (callers have looked)
        base = node.marks["$ref"][0].name if "$ref" in node.marks else node.file.name
        place = node.value_source("$ref")
        try:
            target = self.files.resolve(ref, base, self.base)
            if target.file != base:
                self.files.targets.add(target.file)
            return target, self.fetch(target)
        except Refused as refused:
            code, what, fix = refused.code, refused.what, self.local_name(ref) or refused.fix
        except pointers.Dangling as dangling:
            meant = self.of_document(ref, base)
            if meant is not None:
                what = f"`{ref}` names nothing in the schema that has the `$id` `{self.base}`"
                fix = "leave out the `$id`, or give the schema that is meant an `$id` and refer to that"
                self.report(place, "id-ignored", f"{what}; it is read from the document", fix, fatal=False)
                return meant
            code, what, fix = "dangling-ref", f"`{ref}` names nothing", dangling.advice()
        except LoadFault as fault:
            if not quiet:
                self.report(fault.finding.source, fault.finding.code, fault.finding.what, fault.finding.fix)
            return None
        if not quiet:
            self.report(place, code, what, fix)
        return None

    def of_document(self, ref: str, base: str) -> tuple[Target, Node] | None:
        """Return what a pointer in a schema with an `$id` names in the file `base` as a whole, if anything.

        Such a pointer starts at the schema (JSON Schema 2020-12, 8.2.1), yet many write it as elsewhere.
        """
        if not self.base or not ref.startswith("#/"):
            return None
        target = Target(base, ref[1:])
        try:
            return target, self.fetch(target)
        except (Refused, pointers.Dangling, LoadFault):
            return None

    def local_name(self, ref: str) -> str:
        """Say which component may be meant by a bare name: `$ref: Pet`."""
        root = self.entry.root
        components = root.get("components") if isinstance(root, Map) else None
        schemas = components.get("schemas") if isinstance(components, Map) else None
        known = isinstance(schemas, Map) and ref in schemas
        return f"did you mean `#/components/schemas/{ref}`?" if known else ""

    def fetch(self, target: Target, hops: int = 0) -> Node:
        """Return the value at `target`, following references on the way."""
        document = self.files.get(target.file)
        node, found = document.root, target.file + "#"
        for token in pointers.tokens(target.pointer):
            known, value = pointers.step(node, token)
            if not known and isinstance(node, Map) and isinstance(node.get("$ref"), str) and hops < 20:
                node = self.fetch(self.files.locate(str(node["$ref"]), node.file.name), hops + 1)
                known, value = pointers.step(node, token)
            if not known:
                raise pointers.Dangling(found, token, pointers.names_in(node))
            node, found = value, f"{found}/{escape(token)}"
        return node

    @contextmanager
    def read_from(self, target: Target) -> Iterator[None]:
        """Read references as they are read at `target`."""
        outer, self.base = self.base, self.files.resources.base(target.file, target.pointer)
        try:
            yield
        finally:
            self.base = outer

    def carrier(self, ref: str, mark: tuple[TextFile, int, int]) -> Map:
        """Return a reference object for a reference that is written as a bare text."""
        carrier = Map(mark[0], mark[2])
        carrier.put("$ref", ref, mark[1], mark[2])
        return carrier
