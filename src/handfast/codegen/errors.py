"""Error responses that a contract declares → exceptions that handlers raise, one for all that are alike.

A name must outlive the next operation that declares the same error, so it comes from what the author has
named: the response component, else the schema of the body, else the operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain, count
from typing import TypeAlias

from handfast.codegen.ir import ClassName, ErrorClass, Header, Operation, Response, TypeRef
from handfast.codegen.names import pascal
from handfast.codegen.normalise import Normaliser
from handfast.codegen.results import reason
from handfast.codegen.types import split, union

BASES: Mapping[int, str] = {
    400: "BadRequest", 401: "Unauthorized", 402: "PaymentRequired", 403: "Forbidden", 404: "NotFound",
    405: "MethodNotAllowed", 406: "NotAcceptable", 408: "RequestTimeout", 409: "Conflict", 410: "Gone",
    412: "PreconditionFailed", 413: "ContentTooLarge", 415: "UnsupportedMediaType",
    422: "UnprocessableContent", 423: "Locked", 428: "PreconditionRequired", 429: "TooManyRequests",
    500: "InternalError", 501: "NotImplementedYet", 502: "BadGateway", 503: "ServiceUnavailable",
    504: "GatewayTimeout",
}  # fmt: skip
"""The runtime's own errors, by their status."""

_ENDING = "Error"
_Key: TypeAlias = tuple[str, str, tuple[tuple[str, str, bool], ...], str]


def apply(operations: list[Operation], schemas: Normaliser) -> tuple[list[Operation], tuple[ErrorClass, ...]]:
    """Return the operations with the errors that each may raise, and the classes of all of them."""
    classes: dict[_Key, ErrorClass] = {}
    result: list[Operation] = []
    for operation in operations:
        own: list[ClassName] = []
        for response in operation.responses:
            body = _body(response)
            if not _is_error(response, operation) or (body is None and not response.headers):
                continue
            text = _text(operation, response, body, schemas)
            key = _key(response, body, text)
            if key not in classes:
                classes[key] = ErrorClass(
                    name=_name(text, schemas),
                    status=response.status,
                    body=body,
                    headers=response.headers,
                    doc=response.description,
                )
            own.append(classes[key].name)
        result.append(replace(operation, errors=tuple(own)))
    return result, tuple(classes.values())


def _is_error(response: Response, operation: Operation) -> bool:
    """Whether handlers raise it; `default` is an error beside a success of its own."""
    if response.status == "default":
        return any(one.success for one in operation.responses)
    return response.status[0] in "45"


def _body(response: Response) -> TypeRef | None:
    """The type of its body, as JSON or text; None where it has none that a model could be."""
    known = [media.type for media in response.media if media.kind in ("json", "text")]
    return union(known) if known else None


def _key(response: Response, body: TypeRef | None, text: str) -> _Key:
    def header(one: Header) -> tuple[str, str, bool]:
        return (one.wire.lower(), one.type.expr, one.required)

    return (response.status, body.expr if body else "", tuple(map(header, response.headers)), text)


def _text(operation: Operation, response: Response, body: TypeRef | None, schemas: Normaliser) -> str:
    """What the class is named for; its name is that and `Error`."""
    phrase = reason(response.status)
    if response.component:
        return response.component
    if body is not None and len(split(body.expr)) == 1 and schemas.is_component(body.expr):
        return body.expr if body.expr.startswith(pascal(phrase)) else f"{phrase} {body.expr}"
    return f"{operation.name} {phrase}"


def _name(text: str, schemas: Normaliser) -> ClassName:
    """A free name that ends in `Error`, as PEP 8 has it for exceptions; schemas have the first choice."""
    plain = pascal(text)
    stem = (plain if plain.endswith(_ENDING) else pascal(f"{text} {_ENDING}")).removesuffix(_ENDING)
    choices = chain((stem, f"{stem}Response"), (f"{stem}{number}" for number in count(2)))
    free = next(one for one in choices if schemas.namer.is_free(pascal(f"{one}{_ENDING}")))
    return schemas.namer.cls(f"{free}{_ENDING}")
