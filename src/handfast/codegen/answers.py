"""What the platform truly answers where a contract's author was silent, operation by operation."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from handfast.codegen.grammar import place_of
from handfast.codegen.ir import ClassName, Feature, Json, Operation, Param, Response
from handfast.codegen.overlay import Action
from handfast.codegen.view import reference
from handfast.validation.pointers import MOST_HOPS, at, followed, target

PROBLEM_TYPE = "application/problem+json"
_MEANINGS = {
    "401": "No valid credentials were sent.",
    "403": "The caller may not do this.",
    "404": "There is no such thing.",
    "406": "None of the media types that this operation offers is accepted.",
    "413": "The body is larger than this service takes.",
    "415": "This operation does not take a body of this media type.",
    "422": "The request breaks this contract.",
}


@dataclass(frozen=True, slots=True)
class ErrorSchema:
    """How an error body looks: in the author's own schema, or as problem details where `name` is None."""

    media_type: str = PROBLEM_TYPE
    name: ClassName | None = None
    schema: Json = None
    """The schema as it stands in the document; meaningless where `name` is None."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers that the platform adds to one operation."""

    operation: Operation
    statuses: tuple[str, ...]
    error: ErrorSchema
    why: Mapping[str, str] = field(default_factory=dict)
    """Status → what makes the platform answer so."""


def answers(feature: Feature, document: Mapping[str, Json]) -> tuple[Answers, ...]:
    """Return what is added to each operation of `feature`; operations that say all themselves are left out.

    `document` holds the author's operations: the feature's own document, or one merged from several.
    """
    usual = _usual(feature, document)
    found = []
    for operation in feature.operations:
        why = {
            status: reason
            for status, reason in _true_of(operation, feature)
            if not _covered(operation, status)
        }
        if why:
            own = next(_errors(feature, document, [operation]), None)
            found.append(Answers(operation, tuple(why), own or usual, why))
    return tuple(found)


def _true_of(operation: Operation, feature: Feature) -> Iterator[tuple[str, str]]:
    """Yield the statuses that the platform answers, and what makes it do so."""
    if operation.security or any(_is_credential(param) for param in operation.params):
        yield "401", "credentials are demanded"
    if operation.security:
        takes_id = any(param.location == "path" for param in operation.params)
        scoped = any(scopes for alternative in operation.security for _, scopes in alternative)
        if takes_id or scoped:
            yield "403", "the row may be somebody else's" if takes_id else "scopes are demanded"
        if takes_id:
            yield "404", "there may be no such row"
    if any(response.status[0] in "2d" and len(response.media) > 1 for response in operation.responses):
        yield "406", "a caller may accept none of the media types"
    if operation.body is not None:
        yield "413", "bodies are bounded"
        yield "415", "only the declared media types are read"
    if operation.body is not None or any(_refusable(operation, feature)):
        declared = {response.status for response in operation.responses}
        if not declared & {"422", "400"}:
            yield "422", "a request may break the contract"


def _is_credential(param: Param) -> bool:
    """Whether the parameter is the `Authorization` header, whose absence is a lack of credentials."""
    return param.location == "header" and param.required and param.wire.lower() == "authorization"


def _refusable(operation: Operation, feature: Feature) -> Iterator[bool]:
    """For each parameter, whether some request can be wrong about it."""
    for param in operation.params:
        schema = feature.schemas.get(param.schema, True)
        any_text = schema is True or (
            isinstance(schema, dict)
            and schema.get("type") in ("string", None)
            and not set(schema) & _CONSTRAINTS
            and param.content is None
        )
        yield not any_text or (param.required and param.location != "path")


_CONSTRAINTS = frozenset(
    (
        "$ref",
        "allOf",
        "anyOf",
        "const",
        "enum",
        "format",
        "if",
        "items",
        "maxLength",
        "minLength",
        "not",
        "oneOf",
        "pattern",
        "properties",
    )
)


def _covered(operation: Operation, status: str) -> bool:
    declared = {response.status.upper() for response in operation.responses}
    return bool(declared & {status, f"{status[0]}XX", "DEFAULT"})


# --- the author's error schema --------------------------------------------------------------------


def _usual(feature: Feature, document: Mapping[str, Json]) -> ErrorSchema:
    """The error schema that most of the contract's error responses have."""
    found = list(_errors(feature, document, feature.operations))
    if not found:
        return ErrorSchema()
    names = Counter((error.media_type, error.name) for error in found)
    most = max(names.values())
    return next(error for error in found if names[error.media_type, error.name] == most)


def _errors(
    feature: Feature, document: Mapping[str, Json], operations: Sequence[Operation]
) -> Iterator[ErrorSchema]:
    for operation in operations:
        declared = _raw(document, operation)
        for response in sorted(operation.responses, key=lambda one: one.status):
            if response.status[0] != "4":
                continue
            error = _error(feature, document, response, declared)
            if error is not None:
                yield error


def _error(
    feature: Feature, document: Mapping[str, Json], response: Response, declared: Json
) -> ErrorSchema | None:
    for media in response.media:
        if media.kind != "json" or media.schema is None or not _fillable(feature, media.schema):
            continue
        raw = followed(document, _get(_get(declared, "responses"), response.status))
        schema = _get(_get(_get(raw, "content"), media.media_type), "schema")
        if isinstance(schema, dict):
            return ErrorSchema(media.media_type, media.schema, schema)
    return None


def _fillable(feature: Feature, name: str) -> bool:
    """Whether the runtime can tell an error in this schema: an object without patterns to guess."""
    schema = feature.schemas.get(ClassName(name))
    for _ in range(MOST_HOPS):
        referred = reference(schema) if isinstance(schema, dict) else None
        if referred is None:
            break
        schema = feature.schemas.get(ClassName(referred))
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        return False
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        return False
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    demanded = [properties.get(name) for name in names if isinstance(name, str)]
    return not any(isinstance(one, dict) and "pattern" in one for one in demanded)


# --- the author's document ------------------------------------------------------------------------


def _get(node: Json, key: str) -> Json:
    return node.get(key) if isinstance(node, dict) else None


def place_in(document: Mapping[str, Json], operation: Operation) -> tuple[str, ...] | None:
    """Return where the operation stands in the author's document; path items may be references."""
    path: tuple[str, ...] = ("paths", operation.path)
    item = _get(_get(dict(document), "paths"), operation.path)
    for _ in range(MOST_HOPS):
        referred = target(item)
        if referred is None:
            break
        path = referred
        item = at(document, path)
    place = place_of(operation.method)
    for key in place:
        item = _get(item, key)
    return (*path, *place) if isinstance(item, dict) else None


def _raw(document: Mapping[str, Json], operation: Operation) -> Json:
    path = place_in(document, operation)
    return None if path is None else at(document, path)


# --- as an overlay --------------------------------------------------------------------------------


def actions(document: Mapping[str, Json], added: tuple[Answers, ...]) -> list[Action]:
    """Return the answers as additions to the author's `document`."""
    found: list[Action] = []
    problem = _free(document) if any(one.error.name is None for one in added) else None
    if problem is not None:
        found.append(_component(document, problem))
    done: set[tuple[str, ...]] = set()
    for one in added:
        path = place_in(document, one.operation)
        if path is None or path in done:
            continue
        done.add(path)
        responses: dict[str, Json] = {
            status: _response(status, one.error, problem) for status in one.statuses
        }
        words = f"What the platform answers to {one.operation.method} {one.operation.path} besides."
        if isinstance(_get(at(document, path), "responses"), dict):
            found.append(Action((*path, "responses"), responses, words))
        else:
            found.append(Action(path, {"responses": responses}, words))
    return found


def _response(status: str, error: ErrorSchema, problem: str | None) -> Json:
    own = error.name is not None
    schema: Json = copy.deepcopy(error.schema) if own else {"$ref": f"#/components/schemas/{problem}"}
    return {"description": _MEANINGS[status], "content": {error.media_type: {"schema": schema}}}


def _free(document: Mapping[str, Json]) -> str:
    taken = at(document, ("components", "schemas"))
    name = "ProblemDetails"
    while isinstance(taken, dict) and name in taken:
        name = f"Platform{name}"
    return name


def _component(document: Mapping[str, Json], name: str) -> Action:
    words = "Problem details (RFC 9457), for errors the contract has no schema for."
    schemas: dict[str, Json] = {name: problem_schema()}
    if isinstance(at(document, ("components", "schemas")), dict):
        return Action(("components", "schemas"), schemas, words)
    if isinstance(at(document, ("components",)), dict):
        return Action(("components",), {"schemas": schemas}, words)
    return Action((), {"components": {"schemas": schemas}}, words)


def problem_schema() -> dict[str, Json]:
    """Problem details as the runtime sends them, in words that OpenAPI 3.0 and 3.1 share."""

    def text(description: str) -> Json:
        return {"type": "string", "description": description}

    place: Json = {
        "type": "object",
        "required": ["location", "pointer", "keyword", "message"],
        "properties": {
            "location": {
                "type": "string",
                "description": "The part of the request.",
                "enum": ["path", "query", "header", "cookie", "body"],
            },
            "pointer": text("The place in that part, a JSON Pointer (RFC 6901)."),
            "keyword": text("The rule of the contract that was broken."),
            "message": text("What the contract expects there."),
        },
    }
    return {
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["title", "status"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "default": "about:blank"},
            "title": text("The kind of problem, in a line."),
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": text("What happened this time, and what to do about it."),
            "code": text("A stable name for programs."),
            "errors": {
                "type": "array",
                "description": "Each place where the request breaks the contract.",
                "items": place,
            },
        },
    }
