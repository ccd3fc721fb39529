from __future__ import annotations

import json
from typing import Any

import pytest

from handfast.runtime import Conflict, Model, NotFound, Unauthorized, Violation, Violations
from handfast.runtime.contract import Contract
from handfast.runtime.errors import ApiError
from handfast.runtime.problems import Facts, error_response, fill
from handfast.runtime.schemas import View
from tests.unit.runtime.small import contract, media, operation, response

STRING = {"type": "string"}


def filled(schema: Any, error: ApiError, **schemas: Any) -> Any:
    return fill(View({"Error": schema, **schemas}, "response"), "Error", Facts(error, "corr-1"))


def thing(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


WRONG = Violations(
    [
        Violation("query", "/limit", "minimum", "must be at least 1"),
        Violation("body", "/a/0", "type", "must be a string"),
    ]
)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (thing("message", message=STRING), {"message": "Gone fishing."}),
        (thing(code={"type": "integer"}, message=STRING), {"code": 404, "message": "Gone fishing."}),
        (thing(code=STRING, msg=STRING), {"code": "not_found", "msg": "Gone fishing."}),
        (
            thing(error=STRING, error_description=STRING),
            {"error": "not_found", "error_description": "Gone fishing."},
        ),
        (
            thing(error=thing("code", code=STRING, message=STRING)),
            {"error": {"code": "not_found", "message": "Gone fishing."}},
        ),
        (thing(status=STRING, title=STRING), {"status": "404", "title": "Not Found"}),
        (thing(errors={"type": "array", "items": STRING}), {"errors": ["Gone fishing."]}),
        (
            thing(errors={"type": "array", "items": thing("message", message=STRING, code=STRING)}),
            {"errors": [{"message": "Gone fishing.", "code": "not_found"}]},
        ),
        (thing(success={"type": "boolean"}, requestId=STRING), {"success": False, "requestId": "corr-1"}),
        (thing("kind", kind={"enum": ["a", "b"]}), {"kind": "a"}),
        (thing("weird", weird={"type": "integer", "minimum": 7}), {"weird": 7}),
        (thing("weird", weird={"const": "x"}), {"weird": "x"}),
        (
            thing("weird", weird={"type": "string", "format": "uuid"}),
            {"weird": "00000000-0000-0000-0000-000000000000"},
        ),
        (thing("weird", weird={"type": "string", "pattern": "^E[0-9]$", "example": "E1"}), {"weird": "E1"}),
        (
            thing(
                "weird", weird={"type": "string", "pattern": "^E[0-9]$", "examples": ["E2"], "default": "x"}
            ),
            {"weird": "E2"},
        ),
        (thing(extra=STRING, message=STRING), {"message": "Gone fishing."}),
        ({"type": "array", "items": thing("message", message=STRING)}, [{"message": "Gone fishing."}]),
        (STRING, "Gone fishing."),
        ({"oneOf": [{"type": "integer"}, thing("message", message=STRING)]}, {"message": "Gone fishing."}),
        (
            {"allOf": [{"$ref": "#/$defs/Base"}, {"required": ["code"], "properties": {"code": STRING}}]},
            {"message": "Gone fishing.", "code": "not_found"},
        ),
        (thing("message", message={"type": "string", "maxLength": 9}), {"message": ""}),
        (thing("details", details={"type": "object"}), {"details": None}),
    ],
)
def test_an_authors_schema_is_filled_by_the_names_of_its_properties(schema: Any, value: Any) -> None:
    found = filled(
        schema,
        NotFound("Gone fishing."),
        Base={"type": "object", "required": ["message"], "properties": {"message": STRING}},
    )
    if value == {"details": None}:
        assert found["details"]["status"] == 404
    else:
        assert found == value


def test_timestamps_are_given_as_the_schema_wants_them() -> None:
    assert "T" in filled(thing(timestamp={"type": "string", "format": "date-time"}), NotFound())["timestamp"]
    assert isinstance(filled(thing(timestamp={"type": "integer"}), NotFound())["timestamp"], int)
    assert "T" in filled(thing("weird", weird={"type": "string", "format": "date-time"}), NotFound())["weird"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (
            thing(errors={"type": "array", "items": thing("field", "message", field=STRING, message=STRING)}),
            {
                "errors": [
                    {"field": "/limit", "message": "must be at least 1"},
                    {"field": "/a/0", "message": "must be a string"},
                ]
            },
        ),
        (
            thing(
                detail={
                    "type": "array",
                    "items": thing(
                        loc={"type": "array", "items": {"type": ["string", "integer"]}},
                        msg=STRING,
                        type=STRING,
                    ),
                }
            ),
            {
                "detail": [
                    {"loc": ["query", "limit"], "msg": "must be at least 1", "type": "minimum"},
                    {"loc": ["body", "a", "0"], "msg": "must be a string", "type": "type"},
                ]
            },
        ),
        (
            thing("message", message=STRING),
            {"message": "query /limit: must be at least 1; body /a/0: must be a string"},
        ),
        (
            thing(errors={"type": "array", "items": STRING}),
            {"errors": ["query/limit: must be at least 1", "body/a/0: must be a string"]},
        ),
        (
            thing(errors={"type": "object", "additionalProperties": {"type": "array", "items": STRING}}),
            {"errors": {"/limit": ["must be at least 1"], "/a/0": ["must be a string"]}},
        ),
        (
            thing(errors={"type": "object", "additionalProperties": STRING}),
            {"errors": {"/limit": "must be at least 1", "/a/0": "must be a string"}},
        ),
        (
            thing(
                errors={
                    "type": "array",
                    "items": thing("location", location={"enum": ["query", "body"]}, unknown=STRING),
                }
            ),
            {"errors": [{"location": "query"}, {"location": "body"}]},
        ),
    ],
)
def test_violations_are_listed_as_the_author_lists_them(schema: Any, value: Any) -> None:
    assert filled(schema, WRONG) == value


def test_one_text_tells_the_first_violations_and_how_many_more_there_are() -> None:
    many = Violations([Violation("body", f"/{number}", "type", "must be a string") for number in range(12)])
    told = filled(thing("detail", detail=STRING), many)["detail"]
    assert told.count("must be a string") == 10
    assert told.endswith("; and 2 more")
    short = filled(thing("detail", detail=STRING | {"maxLength": 60}), many)["detail"]
    assert short == "The request breaks the contract."


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        False,
        {"$ref": "#/$defs/Error"},
        thing("x", x=False),
        {"type": "array", "items": {"type": "integer"}},
    ],
)
def test_where_nothing_fits_nothing_is_made_up(schema: Any) -> None:
    found = filled(schema, NotFound())
    assert found is None or schema == {"$ref": "#/$defs/Error"}


def answer(error: ApiError, **responses: Any) -> Any:
    schemas = {"Error": thing("message", message=STRING), "Odd": {"type": "integer"}}
    entry = operation(
        responses={name.removeprefix("s"): one for name, one in responses.items() if name != "platform"}
    )
    made = Contract(contract({"get": entry | {"platform": responses.get("platform", {})}}, schemas))
    return error_response(error, contract=made, operation=made.operations["get"], correlation_id="c")


def test_the_declared_response_is_used_then_the_platforms_then_problem_details() -> None:
    ours, theirs = response(media("Error")), response(media(None, "application/problem+json"))
    found = answer(NotFound("x"), s404=ours)
    assert (found.status_code, json.loads(found.body)) == (404, {"message": "x"})
    assert json.loads(answer(NotFound("x"), s4XX=response(media("Error", "application/*"))).body) == {
        "message": "x"
    }
    assert json.loads(answer(NotFound("x"), default=ours).body) == {"message": "x"}
    found = answer(NotFound("x"), platform={"404": theirs})
    assert found.headers["content-type"] == "application/problem+json"
    assert json.loads(found.body) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "x",
        "code": "not_found",
    }
    found = answer(NotFound("x"), s404=response(media("Odd")))
    assert found.headers["content-type"] == "application/problem+json"
    found = answer(NotFound("x"), s404=response(media("Error", "text/plain", "text")))
    assert found.headers["content-type"] == "application/problem+json"


def test_an_error_without_an_operation_is_problem_details() -> None:
    found = error_response(WRONG, contract=None, operation=None, correlation_id="c")
    assert found.headers["content-type"] == "application/problem+json"
    assert json.loads(bytes(found.body))["errors"][0] == {
        "location": "query",
        "pointer": "/limit",
        "keyword": "minimum",
        "message": "must be at least 1",
    }


def test_headers_of_the_error_are_sent() -> None:
    found = answer(Unauthorized(headers={"WWW-Authenticate": "Bearer"}), s401=response(media("Error")))
    assert found.headers["www-authenticate"] == "Bearer"


def test_an_error_may_bring_its_own_body() -> None:
    class Taken(Model):
        reference: str

    found = answer(
        Conflict(body=Taken(reference="r")), s409=response(media("Error", "application/vnd.x+json"))
    )
    assert (found.body, found.headers["content-type"]) == (b'{"reference":"r"}', "application/vnd.x+json")
    found = error_response(
        Conflict(body=Taken(reference="r")), contract=None, operation=None, correlation_id=""
    )
    assert found.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("declared", "body", "content"),
    [
        (("application/xml", "xml"), {"a": 1}, b"<Error><a>1</a></Error>"),
        (("application/yaml", "yaml"), {"a": 1}, b"a: 1\n"),
        (("text/plain", "text"), "gone", b"gone"),
        (("text/plain", "text"), {"a": 1}, b'{"a":1}'),
    ],
)
def test_a_body_of_ones_own_is_sent_in_the_declared_media_type(
    declared: tuple[str, str], body: object, content: bytes
) -> None:
    found = answer(Conflict(body=body), s409=response(media("Error", *declared)))
    assert found.body.endswith(content)
    fitting = declared[1] != "text" or isinstance(body, str)
    assert found.headers["content-type"].startswith(declared[0] if fitting else "application/json")
