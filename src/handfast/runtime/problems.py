"""From an error to a response: in the error schema that the operation declares for the status, if it has one.

The author's schema is filled by the names of its properties (`message`, `code`, `errors` …), and only what
that schema admits is sent; where nothing fits, problem details (RFC 9457) are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import to_json
from starlette.responses import Response

from handfast.runtime.contract import Contract, Media, OperationSpec
from handfast.runtime.documents import concrete, encoded
from handfast.runtime.errors import ApiError, Violation, Violations
from handfast.runtime.headertexts import header_text
from handfast.runtime.readings import types_of
from handfast.runtime.schemas import Schema, View
from handfast.runtime.views import jsonable

PROBLEM_JSON: Final = "application/problem+json"
DEEPEST: Final = 5
TOLD: Final = 10
"""How many violations are put into one text."""


def error_response(
    error: ApiError, *, contract: Contract | None, operation: OperationSpec | None, correlation_id: str
) -> Response:
    """Return what the caller gets for `error`."""
    headers = dict(error.headers)
    if error.body is not None:
        return _bodied(error, headers, contract, operation)
    facts = Facts(error, correlation_id)
    if contract is not None and operation is not None:
        headers = _required_headers(contract, operation, facts, error.status) | headers
        for media in _declared(operation, error.status):
            value = _told(contract.response, media, facts)
            if value is not None:
                content = encoded(media, value, contract.response)
                return Response(content, error.status, headers, _concrete(media))
    return Response(to_json(facts.problem()), error.status, headers, PROBLEM_JSON)


def _told(view: View, media: Media, facts: Facts) -> object | None:
    """A value of the media type that tells `facts`; None where we find none."""
    if media.kind != "text":
        return fill(view, media.schema, facts)
    check = view.named(media.schema)
    return next((value for value in facts.named("message") if check.is_valid(value)), None)


def _required_headers(
    contract: Contract, operation: OperationSpec, facts: Facts, status: int
) -> dict[str, str]:
    """The headers that the author demands of this answer, as far as a value of theirs can be found."""
    found: dict[str, str] = {}
    declared = operation.response(status)
    for header in declared.headers if declared is not None else ():
        if header.required:
            value = _property(
                contract.response,
                header.wire,
                contract.response.schema(header.schema),
                facts,
                optional=False,
                depth=0,
                wanted=True,
            )
            text = None if value is None else header_text(value, header.form)
            if text is not None and text.isascii() and text.isprintable():
                found[header.wire] = text
    return found


class Facts:
    """What there is to tell of one error, under the names that authors give such things."""

    def __init__(self, error: ApiError, correlation_id: str) -> None:
        """Gather it."""
        self._error = error
        self._correlation_id = correlation_id
        self.violations: Sequence[Violation] = error.violations if isinstance(error, Violations) else ()

    @property
    def told(self) -> str:
        """The error in one text, each violation with its place, for schemas that have no list for them."""
        if not self.violations:
            return self._error.detail
        places = [f"{one.location} {one.pointer}: {one.message}" for one in self.violations[:TOLD]]
        more = len(self.violations) - len(places)
        return "; ".join([*places, *([f"and {more} more"] if more else [])])

    def problem(self) -> dict[str, Any]:
        """The error as problem details (RFC 9457)."""
        error = self._error
        found: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": error.status}
        if error.detail:
            found["detail"] = error.detail
        found["code"] = error.code
        if self.violations:
            found["errors"] = [asdict(violation) for violation in self.violations]
        return found

    def named(self, name: str) -> list[object]:
        """Values for a property called `name`, the likeliest first; the schema chooses among them."""
        error = self._error
        match _plain(name):
            case "status" | "statuscode" | "httpstatus" | "httpstatuscode" | "httpcode":
                return [error.status, str(error.status), error.title]
            case "code" | "errorcode" | "errcode" | "errno" | "slug" | "key" | "name" | "kind" | "errortype":
                return [error.code, error.status, str(error.status)]
            case "type":
                return ["about:blank", error.code, error.title]
            case "title" | "summary" | "reason":
                return [error.title, error.code]
            case (
                "message" | "msg" | "errormessage" | "detail" | "details" | "description" | "errordescription"
            ):
                told = self.told or error.title
                return [told, error.detail or error.title, [told]]
            case "error" | "fault":
                return [error.code, error.title, error.status]
            case "errors" | "messages":
                return [[self.told or error.title], self.told or error.title]
            case "requestid" | "correlationid" | "traceid" | "errorid" | "reference":
                return [self._correlation_id]
            case "timestamp" | "time" | "datetime" | "date":
                now = datetime.now(UTC)
                return [now.isoformat(), now.date().isoformat(), int(now.timestamp())]
            case "success" | "ok":
                return [False]
            case _:
                return []


@dataclass(frozen=True, slots=True)
class _Place:
    """One violation, under the names that authors give its parts."""

    violation: Violation

    @property
    def violations(self) -> Sequence[Violation]:
        return ()

    def named(self, name: str) -> list[object]:
        one = self.violation
        match _plain(name):
            case "location" | "in" | "source" | "where":
                return [one.location]
            case (
                "pointer"
                | "path"
                | "field"
                | "property"
                | "param"
                | "parameter"
                | "name"
                | "attribute"
                | "target"
            ):
                return [one.pointer, one.pointer.removeprefix("/").replace("/", ".")]
            case "loc":
                return [[one.location, *one.pointer.split("/")[1:]], one.pointer]
            case "keyword" | "code" | "type" | "rule" | "kind" | "constraint":
                return [one.keyword]
            case "message" | "msg" | "detail" | "description" | "reason" | "error" | "title":
                return [one.message]
            case _:
                return []


def fill(view: View, schema: str | None, facts: Facts) -> object | None:
    """Return a value of the schema called `schema` that tells `facts`; None where we find none."""
    if schema is None:
        return facts.problem()
    check = view.named(schema)
    root: Schema = view.schema(schema)
    for value in (
        _fill(view, root, facts, optional=True),
        _fill(view, root, facts, optional=False),
        facts.problem(),
    ):
        if value is not None and check.is_valid(value):
            return value
    return None


def _fill(
    view: View, schema: Schema, facts: Facts | _Place, *, optional: bool, depth: int = 0
) -> object | None:
    """A value of `schema`, which need not be valid yet."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        return None
    for branch in _alternatives(view, schema):
        value = _fill(view, branch, facts, optional=optional, depth=depth + 1)
        if value is not None and view.inline(schema).is_valid(value):
            return value
    types = types_of(view, schema)
    if "object" in types:
        return _object(view, schema, facts, optional=optional, depth=depth)
    if "array" in types:
        return _array(view, schema, facts, optional=optional, depth=depth)
    if "string" in types:
        if isinstance(facts, _Place):
            one = facts.violation
            return f"{one.location}{one.pointer}: {one.message}"
        return next((value for value in facts.named("message") if isinstance(value, str)), None)
    return None


def _object(
    view: View, schema: Schema, facts: Facts | _Place, *, optional: bool, depth: int
) -> dict[str, object] | None:
    properties: dict[str, Schema] = {}
    required: set[str] = set()
    for one in _parts(view, schema):
        properties |= one.get("properties", {})
        required.update(one.get("required", ()))
    found: dict[str, object] = {}
    for name in [*properties, *sorted(required - properties.keys())]:
        if not optional and name not in required:
            continue
        inner = properties.get(name, True)
        value = _property(view, name, inner, facts, optional=optional, depth=depth, wanted=name in required)
        if value is not None:
            found[name] = value
    if not properties and not required and isinstance(facts, Facts):
        return facts.problem()
    if not found:  # all the author has may be one optional list of errors
        for name, inner in properties.items():
            value = _property(view, name, inner, facts, optional=optional, depth=depth, wanted=True)
            if value is not None:
                return {name: value}
    return found


def _property(
    view: View, name: str, schema: Schema, facts: Facts | _Place, *, optional: bool, depth: int, wanted: bool
) -> object | None:
    check = view.inline(schema)
    candidates: list[object] = []
    types = types_of(view, schema)
    if facts.violations and "array" in types and _plain(name) not in ("loc", "path"):
        candidates.append(_array(view, schema, facts, optional=optional, depth=depth + 1))
    if facts.violations and "object" in types and _plain(name) in ("errors", "fields", "violations"):
        by_place = {one.pointer or "/": one.message for one in facts.violations}
        candidates += [by_place, {place: [message] for place, message in by_place.items()}]
    candidates += facts.named(name)
    if "object" in types and "string" not in types and (wanted or facts.named(name)):
        candidates.append(_fill(view, schema, facts, optional=optional, depth=depth + 1))
    if wanted and "array" in types and not facts.violations:
        candidates.append(_array(view, schema, facts, optional=optional, depth=depth + 1))
    if wanted:
        candidates += _plainest(view, schema, facts)
    return next((value for value in candidates if value is not None and check.is_valid(value)), None)


def _array(
    view: View, schema: Schema, facts: Facts | _Place, *, optional: bool, depth: int
) -> list[object] | None:
    items: Schema = next((one["items"] for one in _parts(view, schema) if "items" in one), True)
    if facts.violations:
        places = [_Place(one) for one in facts.violations]
        found = [_fill(view, items, place, optional=optional, depth=depth + 1) for place in places]
    else:
        found = [_fill(view, items, facts, optional=optional, depth=depth + 1)]
    return [value for value in found if value is not None] or None


def _plainest(view: View, schema: Schema, facts: Facts | _Place) -> Iterator[object]:
    """Values for a required property whose name says nothing to us."""
    for one in _parts(view, schema):
        if "default" in one:
            yield one["default"]
        if "const" in one:
            yield one["const"]
        yield from one.get("enum", ())
        if "example" in one:
            yield one["example"]
        examples = one.get("examples")
        yield from examples if isinstance(examples, list) else ()
        for bound in ("minimum", "maximum"):
            if bound in one:
                yield one[bound]
    yield from ("", *facts.named("message"), *facts.named("code"), 0, 1, False, [], {})
    yield datetime.now(UTC).isoformat()
    yield "00000000-0000-0000-0000-000000000000"


def _parts(view: View, schema: Schema, depth: int = 0) -> Iterator[dict[str, Any]]:
    for one in view.resolve(schema):
        yield one
        if depth < DEEPEST:
            for branch in one.get("allOf", ()):
                yield from _parts(view, branch, depth + 1)


def _alternatives(view: View, schema: Schema) -> Iterator[Schema]:
    for one in view.resolve(schema):
        for key in ("oneOf", "anyOf"):
            yield from one.get(key, ())


def _declared(operation: OperationSpec, status: int) -> Iterator[Media]:
    """The media types of `status` that can tell an error, as the author or else the platform declares it.

    JSON comes first, whatever the author's order: more clients read it.
    """
    for declared in (operation.response(status), operation.platform.get(str(status))):
        if declared is not None:
            usable = (media for media in declared.media if media.kind in _TELLING)
            yield from sorted(usable, key=lambda media: media.kind != "json")


def _bodied(
    error: ApiError, headers: dict[str, str], contract: Contract | None, operation: OperationSpec | None
) -> Response:
    value = jsonable(error.body)
    media = None if operation is None else media_of(operation, error.status, value)
    if contract is None or media is None:
        return Response(to_json(value), error.status, headers, "application/json")
    return Response(encoded(media, value, contract.response), error.status, headers, _concrete(media))


def media_of(operation: OperationSpec, status: int, body: object) -> Media | None:
    """The declared media type in which a handler's own `body` of an error is sent."""
    fitting = (one for one in _declared(operation, status) if one.kind != "text" or isinstance(body, str))
    return next(fitting, None)


def _concrete(media: Media) -> str:
    return "application/json" if "*/" in media.type else concrete(media)


_TELLING: Final = frozenset(("json", "xml", "yaml", "text"))
"""Kinds of media types in which an error can be told."""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
