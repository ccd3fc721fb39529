"""Responses of an operation → what its handler returns."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from handfast.codegen.grammar import is_extension
from handfast.codegen.headers import HeaderReader
from handfast.codegen.ir import Response, ResultClass, TypeRef
from handfast.codegen.media import MediaReader
from handfast.codegen.names import Namer
from handfast.codegen.pointer import deref
from handfast.codegen.source import Map, Node
from handfast.codegen.types import NOTHING, union, wrap

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
    media: MediaReader
    headers: HeaderReader

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
                headers=self.headers.read(node.get("headers"), hint, "response"),
                component=component or "",
                source=responses.key_source(status),
            )
        return tuple(
            found[status] for status in sorted(found, key=lambda status: (status == "default", status))
        )

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
