"""Header objects → typed headers: of responses, and of the parts of multipart bodies."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.codegen import clashes
from handfast.codegen.examples import Examples, Form
from handfast.codegen.grammar import is_extension
from handfast.codegen.ir import Header, HeaderForm, WireName
from handfast.codegen.names import Namer
from handfast.codegen.normalise import Normaliser
from handfast.codegen.pointer import deref
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node
from handfast.codegen.types import optional
from handfast.mediatypes import kind_of
from handfast.validation.directions import Direction


@dataclass(slots=True)
class HeaderReader:
    """Reads `headers` maps of one document."""

    root: Map
    schemas: Normaliser
    examples: Examples
    report: Report

    def read(self, headers: Node, hint: str, direction: Direction) -> tuple[Header, ...]:
        """Return the headers but `Content-Type`, which is told by the media type (OpenAPI 3.2, 4.15.1.1)."""
        if not isinstance(headers, Map):
            return ()
        namer = Namer(("body", "status"))
        found: list[Header] = []
        for wire, entry in headers.items():
            header, component = deref(self.root, entry)
            if (
                header is None
                or wire.lower() == "content-type"
                or (is_extension(wire) and not isinstance(entry, Map))
            ):
                continue
            schema = header.get("schema")
            content = header.get("content")
            owner = header
            if isinstance(content, Map) and content and schema is None:
                first, _ = deref(self.root, next(iter(content.values())))
                schema = first.get("schema") if first is not None else None
                owner = first or header
            form = _form(header, content)
            title = f"{component} header" if component else f"{hint} {wire}"
            name = self.schemas.name(schema, title)
            written: Form = "wire" if owner is header else "json" if form == "json" else "parts"
            for one in (header, owner):
                self.examples.note(one, name, written, direction)
            required = header.get("required") is True
            kind = self.schemas.types.of_name(name)
            if name is None:
                name = self.schemas.namer.cls(title)
                self.schemas.schemas[name] = True
            attribute = namer.py(wire)
            clashes.tell(self.report, headers.key_source(wire), "header", wire, attribute)
            found.append(
                Header(
                    name=attribute,
                    wire=WireName(wire),
                    required=required,
                    schema=name,
                    type=kind if required else optional(kind),
                    form=form,
                )
            )
        return tuple(found)


def _form(header: Map, content: object) -> HeaderForm:
    """How the values of a header are written."""
    if isinstance(content, Map) and any(kind_of(key) == "json" for key in content):
        return "json"
    return "exploded" if header.get("explode") is True else "simple"
