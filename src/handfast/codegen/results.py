"""Responses of an operation → what its handler returns."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from handfast.codegen import clashes
from handfast.codegen.examples import Examples, Form
from handfast.codegen.grammar import is_extension
from handfast.codegen.ir import Header, HeaderForm, Response, ResultClass, TypeRef, WireName
from handfast.codegen.media import MediaReader, kind_of
from handfast.codegen.names import Namer
from handfast.codegen.normalise import Normaliser
from handfast.codegen.pointer import deref
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node
from handfast.codegen.types import NOTHING, optional, union, wrap

_RENAMED = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""RFC 9110's phrases, which Python learnt in 3.13; the output is the same under each Python."""
_GENERIC = {200: "Ok", 201: "Created", 202: "Accepted"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler returns, and the status of a bare value."""

    status: int
    result: TypeRef
    classes: tuple[ResultClass, ...]


def reason(status: str) -> str:
    """Return the reason phrase of a status as a part of a class name: `404` → `Not Found`."""
    if status.isdigit():
        if int(status) in _RENAMED:
            return _RENAMED[int(status)]
        try:
            return HTTPStatus(int(status)).phrase.replace("'", "").title()
        except ValueError:
            return f"Status {status}"
    return {"2XX": "Success", "3XX": "Redirect", "4XX": "Client Error", "5XX": "Server Error"}.get(
        status, "Default"
    )


@dataclass(slots=True)
class ResponseReader:
    """Reads the responses of the operations of one document."""

    root: Map
    schemas: Normaliser
    media: MediaReader
    examples: Examples
    report: Report

    def read(self, operation: Map, name: str) -> tuple[Response, ...]:
        """Return the declared responses, in order of their status, `default` last."""
        responses = operation.get("responses")
        if not isinstance(responses, Map):
            return ()
        found: dict[str, Response] = {}
        usable = [(key, node) for key, node in responses.items() if not is_extension(key)]
        successes = [key for key, _ in usable if key[:1] in "23"]
        for status, entry in usable:
            node, component = deref(self.root, entry)
            if node is None:
                continue
            primary = [status] == successes or (not successes and status == "default")
            hint = component or (f"{name} response" if primary else f"{name} {reason(status)} response")
            if component and not component.lower().endswith("response"):
                hint = f"{component} response"
            found[status] = Response(
                status=status,
                description=_text(node.get("description")),
                media=self.media.read(
                    node.get("content"), hint, request=False, owner=f"the {status} response"
                ),
                headers=self._headers(node, hint),
                component=component or "",
                source=responses.key_source(status),
            )
        return tuple(
            found[status] for status in sorted(found, key=lambda status: (status == "default", status))
        )

    def _headers(self, node: Map, hint: str) -> tuple[Header, ...]:
        headers = node.get("headers")
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
                self.examples.note(one, name, written, "response")
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

    def outcome(self, responses: tuple[Response, ...], name: str, namer: Namer) -> Outcome:
        """Return what the handler returns; names of result classes come from `namer`."""
        successes = self._successes(responses)
        if not successes:
            return Outcome(200, NOTHING, ())
        status = min(successes, key=lambda one: (one // 100, one))
        if len(successes) == 1 and not successes[status].headers:
            return Outcome(status, self.body_type(successes[status]) or NOTHING, ())
        parts: list[TypeRef] = []
        classes: list[ResultClass] = []
        for code in sorted(successes):
            response = successes[code]
            body = self.body_type(response)
            if not response.headers and code == 204 and body is None:
                parts.append(TypeRef("NoContent", imports=frozenset({("handfast.runtime", "NoContent")})))
            elif not response.headers and code in _GENERIC:
                runtime = ("handfast.runtime", _GENERIC[code])
                parts.append(wrap(_GENERIC[code], body or NOTHING, runtime))
            else:
                made = ResultClass(
                    name=namer.cls(f"{name} {reason(str(code))}"),
                    status=code,
                    body=body,
                    headers=response.headers,
                    doc=response.description,
                )
                classes.append(made)
                parts.append(TypeRef(made.name))
        return Outcome(status, union(parts), tuple(classes))

    def _successes(self, responses: tuple[Response, ...]) -> dict[int, Response]:
        """Return what a handler may return, by status; ranges and `default` count where nothing else does."""
        exact = {int(one.status): one for one in responses if one.success and one.status.isdigit()}
        if any(status < 300 for status in exact):
            return exact
        by_status = {one.status: one for one in responses}
        for fallback in ("2XX", "default" if not exact else "", "3XX"):
            if fallback in by_status:
                code = 300 if fallback == "3XX" else 200
                return {code: by_status[fallback], **exact}
        return exact

    def body_type(self, response: Response) -> TypeRef | None:
        """Return the union over the response's media types; None where it has no body."""
        return union([media.type for media in response.media]) if response.media else None


def _text(node: Node) -> str:
    return node.strip() if isinstance(node, str) else ""


def _form(header: Map, content: object) -> HeaderForm:
    """How the values of a header are written."""
    if isinstance(content, Map) and any(kind_of(key) == "json" for key in content):
        return "json"
    return "exploded" if header.get("explode") is True else "simple"
