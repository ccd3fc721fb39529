from __future__ import annotations

from typing import Any

import pytest

from handfast.runtime.contract import Contract
from handfast.runtime.schemas import View
from handfast.validation.engine import Unusable
from handfast.validation.pointers import pointer
from tests.unit.runtime.small import contract, operation, response


def messages(view: View, schema: Any, value: object) -> list[tuple[str, str, str]]:
    check = view.inline(schema)
    assert not check.is_valid(value)
    return [(one.pointer, one.keyword, one.message) for one in check.violations(value, "body")]


NOTHING = View({}, "request")


@pytest.mark.parametrize(
    ("schema", "value", "keyword", "message"),
    [
        ({"type": "string"}, 1, "type", "must be of type string"),
        ({"type": ["string", "null"]}, 1, "type", "must be of type null or string"),
        ({"enum": ["a", 1]}, "sekret", "enum", 'must be one of "a", 1'),
        ({"enum": list(range(40))}, "sekret", "enum", f"must be one of {', '.join(map(str, range(30)))}, …"),
        ({"const": "a"}, "sekret", "const", 'must be "a"'),
        ({"minimum": 3}, 1, "minimum", "must be at least 3"),
        ({"maximum": 3}, 4, "maximum", "must be at most 3"),
        ({"exclusiveMinimum": 3}, 3, "exclusiveMinimum", "must be greater than 3"),
        ({"exclusiveMaximum": 3}, 3, "exclusiveMaximum", "must be less than 3"),
        ({"minLength": 3}, "a", "minLength", "must have at least 3 characters"),
        ({"maxLength": 3}, "abcd", "maxLength", "must have at most 3 characters"),
        ({"minItems": 3}, [], "minItems", "must have at least 3 items"),
        ({"maxItems": 0}, [1], "maxItems", "must have at most 0 items"),
        ({"minProperties": 1}, {}, "minProperties", "must have at least 1 properties"),
        ({"maxProperties": 0}, {"a": 1}, "maxProperties", "must have at most 0 properties"),
        ({"multipleOf": 2}, 3, "multipleOf", "must be a multiple of 2"),
        ({"pattern": "^a$"}, "sekret", "pattern", "must match the pattern ^a$"),
        ({"format": "uuid"}, "sekret", "format", "must have the format uuid"),
        ({"uniqueItems": True}, [1, 1], "uniqueItems", "must not hold an item twice"),
        ({"contains": {"type": "string"}}, [1], "contains", "must hold a certain item"),
        ({"not": {"type": "string"}}, "sekret", "not", "must not be of a certain form"),
        (False, "sekret", "falseSchema", "must not be given"),
        (
            {"propertyNames": {"maxLength": 2}},
            {"sekret": 1},
            "propertyNames",
            "has a property with a name that is not allowed",
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "null"}]},
            1,
            "oneOf",
            "must be of exactly one of the forms that the contract names",
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            1,
            "anyOf",
            "must be of one of the forms that the contract names",
        ),
        ({"dependentRequired": {"a": ["b"]}}, {"a": "sekret"}, "required", "this property is required"),
        ({"unevaluatedItems": False}, ["sekret"], "unevaluatedItems", "breaks the rule unevaluatedItems"),
    ],
)
@pytest.mark.threat("disclosure.input-echoed")
def test_messages_say_what_is_expected_and_never_quote(
    schema: Any, value: object, keyword: str, message: str
) -> None:
    found = messages(NOTHING, schema, value)
    assert found[0][1:] == (keyword, message)
    assert "sekret" not in found[0][2]


def test_every_place_is_told_with_its_pointer() -> None:
    schema = {
        "required": ["a", "b"],
        "additionalProperties": False,
        "properties": {"a": {}, "b": {}, "c/~": {"items": {"type": "string"}}},
    }
    found = messages(NOTHING, schema, {"x": 1, "y": 2, "c/~": ["a", 1]})
    assert sorted(place for place, _, _ in found) == ["/a", "/b", "/c~1~0/1", "/x", "/y"]


def test_the_branch_that_nearly_fits_tells_what_is_wrong() -> None:
    schema = {"oneOf": [{"type": "null"}, {"type": "object", "properties": {"a": {"minimum": 3}}}]}
    assert messages(NOTHING, schema, {"a": 1}) == [("/a", "minimum", "must be at least 3")]


def test_no_more_violations_than_anybody_reads() -> None:
    assert len(messages(NOTHING, {"items": {"type": "string"}}, list(range(500)))) == 50


def test_pointers_are_escaped() -> None:
    assert pointer(["a/b", 0, "c~d"]) == "/a~1b/0/c~0d"
    assert pointer([]) == ""


PET = {
    "type": "object",
    "required": ["id", "name", "secret"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string"},
        "secret": {"$ref": "#/$defs/Secret"},
    },
}
SCHEMAS: dict[str, Any] = {
    "Pet": PET,
    "Secret": {"type": "string", "writeOnly": True},
    "Both": {"allOf": [{"$ref": "#/$defs/Pet"}, {"required": ["id", "name"]}]},
}


def test_read_only_properties_are_not_demanded_of_callers_but_accepted() -> None:
    view = View(SCHEMAS, "request")
    assert view.named("Pet").is_valid({"name": "a", "secret": "b"})
    assert view.named("Pet").is_valid({"id": 1, "name": "a", "secret": "b"})
    assert not view.named("Pet").is_valid({"name": "a"})
    assert view.named("Both").is_valid({"name": "a", "secret": "b"})


def test_write_only_properties_must_not_be_in_a_response() -> None:
    view = View(SCHEMAS, "response")
    assert view.named("Pet").is_valid({"id": 1, "name": "a"})
    assert not view.named("Pet").is_valid({"id": 1, "name": "a", "secret": "b"})
    assert not view.named("Pet").is_valid({"name": "a"})
    assert view.named(None).is_valid({"x": 1})


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer", "format": "int32"}, 2**31 - 1, 2**31),
        ({"type": "integer", "format": "int64"}, -(2**63), -(2**63) - 1),
        ({"type": "integer", "format": "int32", "minimum": 0}, 0, -1),
        ({"type": "integer", "format": "uint8"}, 255, 256),
        ({"type": "string", "format": "byte"}, "aGk=", "aGk"),
        ({"type": "string", "format": "byte"}, "", "é"),
        ({"type": "string", "format": "email"}, "joe@example.com", "Joe <joe@example.com>"),
        ({"type": "integer"}, 1.0, 1.5),
        ({"type": "integer"}, 1, "1"),
        ({"type": "string", "format": "uuid"}, "0191b0f0-0000-7000-8000-000000000000", "x"),
    ],
)
def test_formats(schema: Any, good: object, bad: object) -> None:
    assert NOTHING.inline(schema).is_valid(good)
    assert not NOTHING.inline(schema).is_valid(bad)


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"$ref": "#/$defs/Gone"}, {"pattern": "("}])
def test_a_schema_that_cannot_be_compiled_lets_nothing_pass(schema: Any) -> None:
    with pytest.raises(Unusable):
        NOTHING.inline(schema).is_valid(1)


def test_a_property_may_be_called_like_a_keyword() -> None:
    view = View(
        {
            "A": {
                "type": "object",
                "properties": {"title": {"type": "string"}, "default": {"type": "integer"}},
            }
        },
        "request",
    )
    assert not view.named("A").is_valid({"title": 1})
    assert not view.named("A").is_valid({"default": "x"})


@pytest.mark.parametrize(
    ("responses", "platform", "status"),
    [
        (("200", "422"), (), 422),
        (("200", "400"), (), 400),
        (("200", "400", "422"), (), 422),
        (("200", "4XX"), (), 422),
        (("200", "default"), ("400",), 400),
        (("200",), ("422",), 422),
        (("200",), (), 422),
    ],
)
def test_the_status_of_a_violation(
    responses: tuple[str, ...], platform: tuple[str, ...], status: int
) -> None:
    entry = operation(
        responses=dict.fromkeys(responses, response()), platform=dict.fromkeys(platform, response())
    )
    assert Contract(contract({"get": entry})).operations["get"].violation_status == status


def test_a_response_is_found_by_status_then_range_then_default() -> None:
    responses = {
        "200": response(),
        "4XX": response(headers=[{"name": "a", "wire": "A", "required": False, "schema": None}]),
        "default": response(),
    }
    spec = Contract(contract({"get": operation(responses=responses)})).operations["get"]
    assert spec.response(200) is spec.responses["200"]
    assert spec.response(404) is spec.responses["4XX"]
    assert spec.response(500) is spec.responses["default"]
    assert Contract(contract({"get": operation()})).operations["get"].response(404) is None


def test_the_discriminator_chooses_the_branch_of_a_request() -> None:
    kind = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
    pet = {
        "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}, {"type": "null"}],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"cat": "#/$defs/Cat", "kitten": "#/$defs/Cat", "dog": "#/$defs/Dog"},
        },
    }
    dog = kind | {
        "required": ["kind", "age"],
        "properties": {"kind": {"type": "string"}, "age": {"minimum": 0}},
    }
    schemas: dict[str, Any] = {"Cat": kind, "Dog": dog, "Pet": pet}
    check = View(schemas, "request").named("Pet")
    assert check.is_valid({"kind": "kitten"})
    assert check.is_valid({"kind": "dog", "age": 1})
    assert check.is_valid(None)
    assert not check.is_valid({"kind": "bird", "age": 1})
    found = check.violations({"kind": "dog", "age": -1}, "body")
    assert [(one.pointer, one.keyword) for one in found] == [("/age", "minimum")]
    # Both branches admit it, and only a caller's word counts as a choice.
    assert not View(schemas, "response").named("Pet").is_valid({"kind": "dog", "age": 1})
