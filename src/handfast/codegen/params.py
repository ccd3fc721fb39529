"""Parameters of an operation: path item and operation merged, styles and defaults settled, names given."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from handfast.codegen import clashes
from handfast.codegen.examples import Examples, Form
from handfast.codegen.ir import ClassName, Location, Media, Param, Source, TypeRef, WireName
from handfast.codegen.legalparams import FORM, STYLES
from handfast.codegen.legalpaths import template_names
from handfast.codegen.media import MediaReader
from handfast.codegen.names import Namer, pascal
from handfast.codegen.normalise import Normaliser
from handfast.codegen.pointer import deref
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq, plain
from handfast.codegen.types import optional
from handfast.mediatypes import kind_of

_LOCATIONS: dict[str, Location] = {
    "path": "path", "query": "query", "querystring": "querystring", "header": "header", "cookie": "cookie",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A parameter object behind its reference, and where the operation names it."""

    node: Map
    source: Source
    component: str
    """Its name in `components.parameters`, or an empty text."""


@dataclass(slots=True)
class ParamReader:
    """Reads the parameters of the operations of one document."""

    root: Map
    schemas: Normaliser
    media: MediaReader
    examples: Examples
    report: Report

    def merge(self, item: Map, operation: Map) -> list[Found]:
        """Return the operation's parameters; its own replace those of the path item."""
        merged: dict[tuple[str, str], Found] = {}
        for owner in (item, operation):
            parameters = owner.get("parameters")
            if not isinstance(parameters, Seq):
                continue
            for index, entry in enumerate(parameters):
                node, component = deref(self.root, entry)
                if node is None:
                    continue
                location, name = str(node.get("in")), str(node.get("name"))
                key = (location, name.lower() if location == "header" else name)
                merged[key] = Found(node, parameters.value_source(index), component)
        return list(merged.values())

    def read(self, item: Map, operation: Map, path: str, name: str) -> tuple[Param, ...]:
        """Return the parameters, path parameters first in the order of the template."""
        namer = Namer()
        found = self.merge(item, operation)
        in_path = {str(one.node.get("name")): one for one in found if one.node.get("in") == "path"}
        params = [self._param(in_path[wire], name, namer) for wire in template_names(path)]
        for one in found:
            location, wire = str(one.node.get("in")), str(one.node.get("name"))
            if location == "header" and wire.lower() in ("accept", "content-type"):
                what = f"OpenAPI ignores a header parameter named `{wire}`"
                self.report.warn(
                    one.source, "ignored-header", what, "let the media types of bodies and responses say it"
                )
            elif location != "path":
                params.append(self._param(one, name, namer))
        return tuple(params)

    def _param(self, found: Found, operation: str, namer: Namer) -> Param:
        node = found.node
        wire, location = str(node["name"]), _LOCATIONS[str(node["in"])]
        hint = found.component or f"{operation} {wire}"
        content, schema_node, schema_owner = self._schema(node)
        media = self._querystring(node, hint) if location == "querystring" else None
        schema = self.schemas.name(schema_node, hint)
        form: Form = "wire" if "schema" in node else "json" if content else "parts"
        for owner in (node, schema_owner):
            self.examples.note(owner, schema, form, "request")
        kind = self.schemas.types.of_name(schema)
        style = str(node.get("style") or STYLES[location][0])
        explode = node.get("explode")
        required = location == "path" or node.get("required") is True
        has_default, default, value = self._default(schema_node, schema_owner, kind, required=required)
        spelled = _ascii(wire) if location == "path" else wire
        name = namer.py(spelled)
        clashes.tell(self.report, found.source, "parameter", wire, name, spelled=spelled)
        return Param(
            name=name,
            wire=WireName(wire),
            location=location,
            required=required,
            type=kind if required or has_default else optional(kind),
            has_default=has_default,
            default=default,
            default_json=plain(value),
            schema=schema or self._anything(hint),
            style=style,
            explode=explode if isinstance(explode, bool) else style in ("form", "deepObject", "cookie"),
            content=content,
            allow_empty=node.get("allowEmptyValue") is True,
            media=media,
            description=_text(node.get("description")),
            source=found.source,
        )

    def _querystring(self, parameter: Map, hint: str) -> Media:
        """Return how the whole query string is read: by its media type (OpenAPI 3.2)."""
        content = parameter.get("content")
        key = next(iter(content)) if isinstance(content, Map) and content else FORM
        node, _ = deref(self.root, content[key]) if isinstance(content, Map) and content else (None, "")
        node = node or parameter
        kind = kind_of(key)
        name = self.schemas.name(node.get("schema"), hint)
        return Media(
            media_type=key,
            kind=kind if kind in ("json", "form") else "text",
            schema=name,
            type=self.schemas.types.of_name(name),
            encoding=self.media.form_encoding(key, node) if kind == "form" else {},
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
            media, _ = deref(self.root, content[media_type])
            inner = media.get("schema") if media is not None else None
            return media_type if kind_of(media_type) == "json" else None, inner, media or node
        return None, node.get("schema"), node

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
            fix = "write a value that the schema accepts"
            self.report.drop(
                holder, "default", "wrong-default", what, fix, source=holder.value_source("default")
            )
            return False, None, None
        return True, self.schemas.types.default(plain(value), kind), value


def _ascii(wire: str) -> str:
    """Return the name of a path parameter in letters that a route may name it by (Starlette's are ASCII)."""
    if wire.isascii():
        return wire
    return unicodedata.normalize("NFKD", wire).encode("ascii", "ignore").decode().strip() or "parameter"


def _text(node: Node) -> str:
    return node.strip() if isinstance(node, str) else ""
