"""Parameters of an operation: path item and operation merged, styles and defaults settled, names given."""

from __future__ import annotations

import re
from dataclasses import dataclass

from handfast.codegen.ir import ClassName, Location, Param, Source, TypeRef, WireName
from handfast.codegen.media import kind_of
from handfast.codegen.names import Namer, pascal
from handfast.codegen.normalise import Normaliser
from handfast.codegen.pointer import deref
from handfast.codegen.report import Report, listed, nearest
from handfast.codegen.source import Map, Node, Seq, plain
from handfast.codegen.types import optional

_STYLES: dict[str, tuple[str, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_LOCATIONS: dict[str, Location] = {"path": "path", "query": "query", "header": "header", "cookie": "cookie"}


@dataclass(frozen=True, slots=True)
class Found:
    """A parameter object behind its reference, and where the operation names it."""

    node: Map
    source: Source
    component: str
    """Its name in `components.parameters`, or an empty text."""


def template_names(path: str) -> list[str]:
    """Return the names in the braces of a path, without the RFC 6570 signs that some authors write there."""
    return [name.strip().lstrip(".;/?&#+").rstrip("*") for name in _TEMPLATE.findall(path)]


def template_shape(path: str) -> str:
    """Return the path with every template expression alike; equal shapes match the same requests."""
    return _TEMPLATE.sub("{}", path)


@dataclass(slots=True)
class ParamReader:
    """Reads the parameters of the operations of one document."""

    root: Map
    schemas: Normaliser
    report: Report

    def merge(self, item: Map, operation: Map) -> list[Found]:
        """Return the operation's parameters; its own replace those of the path item."""
        merged: dict[tuple[str, str], Found] = {}
        for owner in (item, operation):
            own: set[tuple[str, str]] = set()
            parameters = owner.get("parameters")
            if not isinstance(parameters, Seq):
                continue
            for index, entry in enumerate(parameters):
                node, component = deref(self.root, entry)
                if node is None:
                    continue
                location, name = str(node.get("in")), str(node.get("name"))
                key = (location, name.lower() if location == "header" else name)
                source = parameters.value_source(index)
                if key in own:
                    what = f"the {location} parameter `{name}` is given twice; the first counts"
                    self.report.warn(source, "duplicate-parameter", what, "remove one of the two")
                    continue
                own.add(key)
                merged[key] = Found(node, source, component)
        return list(merged.values())

    def read(self, item: Map, operation: Map, path: str, name: str, source: Source) -> tuple[Param, ...]:
        """Return the parameters, path parameters first in the order of the template."""
        namer = Namer()
        found = self.merge(item, operation)
        in_template = template_names(path)
        by_wire = {str(one.node.get("name")): one for one in found if one.node.get("in") == "path"}
        params: list[Param] = []
        for wire in in_template:
            if wire in by_wire:
                params.append(self._param(by_wire[wire], name, namer))
            else:
                params.append(self._undeclared(wire, list(by_wire), name, namer, source))
        for one in found:
            location, wire = str(one.node.get("in")), str(one.node.get("name"))
            if location == "path" and wire not in in_template:
                near = nearest(wire, in_template)
                fix = (
                    f"did you mean `{near}`?"
                    if near
                    else f"add `{{{wire}}}` to the path, or remove the parameter"
                )
                what = f"the path parameter `{wire}` is not in the path `{path}`; it is dropped"
                self.report.warn(one.source, "surplus-path-parameter", what, fix)
            elif location == "header" and wire.lower() in ("accept", "content-type"):
                what = f"OpenAPI ignores a header parameter named `{wire}`"
                self.report.warn(
                    one.source, "ignored-header", what, "let the media types of bodies and responses say it"
                )
            elif location in ("header", "cookie") and not _TOKEN.match(wire):
                what = f"`{wire[:40]}` is no name that HTTP allows for a {location}; the parameter is dropped"
                self.report.warn(one.source, "bad-parameter-name", what, "use letters, digits and hyphens")
            elif location != "path":
                params.append(self._param(one, name, namer))
        return tuple(params)

    def _undeclared(
        self, wire: str, declared: list[str], operation: str, namer: Namer, source: Source
    ) -> Param:
        near = nearest(wire, declared)
        fix = f"did you mean `{near}`?" if near else "declare it with `in: path`"
        what = f"the path names `{{{wire}}}`, which no parameter declares; it is taken as a text"
        self.report.warn(source, "undeclared-path-parameter", what, fix)
        node = Map(self.root.file, self.root.offset)
        node["type"] = "string"
        schema = self.schemas.name(node, f"{operation} {wire}")
        assert schema is not None  # noqa: S101 (the schema has a type)
        return Param(
            name=namer.py(wire),
            wire=WireName(wire),
            location="path",
            required=True,
            type=self.schemas.types.of_name(schema),
            schema=schema,
            style="simple",
            explode=False,
            source=source,
        )

    def _param(self, found: Found, operation: str, namer: Namer) -> Param:
        node = found.node
        wire, location = str(node["name"]), _LOCATIONS[str(node["in"])]
        hint = found.component or f"{operation} {wire}"
        content, schema_node, schema_owner = self._schema(node)
        schema = self.schemas.name(schema_node, hint)
        kind = self.schemas.types.of_name(schema)
        style = self._style(node, wire, location, found.source)
        explode = node.get("explode")
        required = location == "path" or node.get("required") is True
        if location == "path" and node.get("required") is not True:
            what = f"the path parameter `{wire}` must be `required: true`, and is taken so"
            self.report.warn(found.source, "optional-path-parameter", what, "add `required: true`")
        has_default, default, value = self._default(schema_node, schema_owner, kind, required=required)
        return Param(
            name=namer.py(wire),
            wire=WireName(wire),
            location=location,
            required=required,
            type=kind if required or has_default else optional(kind),
            has_default=has_default,
            default=default,
            default_json=plain(value),
            schema=schema or self._anything(hint),
            style=style,
            explode=explode if isinstance(explode, bool) else style in ("form", "deepObject"),
            content=content,
            description=_text(node.get("description")),
            source=found.source,
        )

    def _anything(self, hint: str) -> ClassName:
        """Name the schema of a parameter that takes anything."""
        name = self.schemas.namer.cls(f"{pascal(hint)}")
        self.schemas.schemas[name] = True
        return name

    def _schema(self, node: Map) -> tuple[str | None, Node, Map]:
        content = node.get("content")
        if isinstance(content, Map) and content and "schema" not in node:
            media_type = next(iter(content))
            media = content[media_type]
            inner = media.get("schema") if isinstance(media, Map) else None
            if kind_of(media_type) != "json":
                return None, inner, media if isinstance(media, Map) else node
            return media_type, inner, media if isinstance(media, Map) else node
        return None, node.get("schema"), node

    def _style(self, node: Map, wire: str, location: Location, source: Source) -> str:
        allowed = _STYLES[location]
        style = node.get("style")
        if style is None or style in allowed:
            return str(style or allowed[0])
        near = nearest(str(style), allowed)
        fix = f"did you mean `{near}`?" if near else f"write {listed(allowed)}"
        what = f"`{style}` is no style of a {location} parameter; `{wire}` is read as `{allowed[0]}`"
        self.report.warn(source, "bad-style", what, fix)
        return allowed[0]

    def _default(
        self, node: Node, owner: Map, kind: TypeRef, *, required: bool
    ) -> tuple[bool, str | None, Node]:
        """Return whether there is a default, how Python writes it, and its JSON value."""
        if required or not isinstance(node, Map):
            return False, None, None
        holder: Map | None = node
        if "default" not in node:
            holder, _ = deref(self.root, node)
        if holder is None or "default" not in holder:
            return False, None, None
        value = holder["default"]
        if not self.schemas.types.fits(plain(value), kind):
            what = f"the default {plain(value)!r} is no value of type `{kind.expr}`, and is ignored"
            self.report.warn(
                holder.value_source("default"), "wrong-default", what, "write a value that the schema accepts"
            )
            return False, None, None
        return True, self.schemas.types.default(plain(value), kind), value


def _text(node: Node) -> str:
    return node.strip() if isinstance(node, str) else ""
