from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.runtime.readings import (
    ALL_TYPES,
    MalformedText,
    Reader,
    number,
    parse_pairs,
    percent_decode,
    scalars,
    types_of,
)
from handfast.runtime.schemas import View

NOTHING = View({}, "request")


@pytest.mark.parametrize(
    "text",
    ["01", "1_0", " 5", "5 ", "+1", "NaN", "Infinity", "1e400", "1.", ".5", "", "0x1", "٣", "9" * 5000],
)
def test_what_is_no_json_number_is_no_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "value"), [("503.0", 503), ("-0", 0), ("1e2", 100), ("1.5", 1.5), ("1E-1", 0.1)]
)
def test_numbers(text: str, value: float) -> None:
    assert number(text) == value
    assert type(number(text)) is type(value)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_every_json_number_is_read_as_itself(value: float) -> None:
    assert number(json.dumps(value)) == value


def test_readings_come_most_special_first() -> None:
    assert scalars("null", ALL_TYPES) == [None, "null"]
    assert scalars("true", ALL_TYPES) == [True, "true"]
    assert scalars("1", ALL_TYPES) == [1, "1"]
    assert scalars("yes", ALL_TYPES) == ["yes"]
    assert scalars("x", frozenset(("integer",))) == ["x"]
    assert scalars("", frozenset(("null", "integer"))) == [""]


@pytest.mark.parametrize("text", ["%", "%zz", "%a", "a%2", "%ff", "%c3%28"])
def test_malformed_percent_encoding_is_refused(text: str) -> None:
    with pytest.raises(MalformedText):
        percent_decode(text)


def test_plus_is_a_space_only_in_a_query() -> None:
    assert percent_decode("a+b%2Bc", plus=True) == "a b+c"
    assert percent_decode("a+b%20c") == "a+b c"


def test_pairs_keep_values_as_sent() -> None:
    assert parse_pairs(b"a=1&&b%20c=%2C&a=&d") == {"a": ["1", ""], "b c": ["%2C"], "d": [""]}
    assert parse_pairs(b"") == {}
    with pytest.raises(MalformedText):
        parse_pairs(b"a=\xff")


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        (True, ALL_TYPES),
        (False, set()),
        ({"properties": {}}, ALL_TYPES),
        ({"type": "number"}, {"number", "integer"}),
        ({"type": ["string", "null"]}, {"string", "null"}),
        (
            {"enum": ["a", 1, None, True, [], {}]},
            {"string", "integer", "number", "null", "boolean", "array", "object"},
        ),
        ({"const": 1.5}, {"integer", "number"}),
        ({"oneOf": [{"type": "string"}, {"$ref": "#/$defs/N"}]}, {"string", "integer"}),
        ({"type": ["string", "integer"], "allOf": [{"type": ["integer", "null"]}]}, {"integer"}),
        ({"$ref": "#/$defs/N"}, {"integer"}),
    ],
)
def test_types_that_a_schema_admits(schema: Any, types: set[str]) -> None:
    assert types_of(View({"N": {"type": "integer"}}, "request"), schema) == types


def test_recursive_schemas_end() -> None:
    view = View(
        {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "string"}]}, "B": {"$ref": "#/$defs/B"}}, "request"
    )
    assert "string" in types_of(view, {"$ref": "#/$defs/A"})
    assert types_of(view, {"$ref": "#/$defs/B"}) == ALL_TYPES
    assert Reader(view, {"$ref": "#/$defs/A"}).item.types == ALL_TYPES


def test_the_schema_chooses_among_readings() -> None:
    assert Reader(NOTHING, {"type": ["integer", "string"], "maximum": 5}).scalar("3") == 3
    assert Reader(NOTHING, {"type": ["integer", "string"], "maximum": 5}).scalar("9") == "9"
    assert Reader(NOTHING, {"enum": ["1", "2"]}).scalar("1") == "1"
    assert Reader(NOTHING, {"type": "string"}).scalar("null") == "null"
    assert Reader(NOTHING, {"type": "boolean"}).scalar("yes") == "yes"
    assert Reader(NOTHING, {"type": ["integer", "null"], "minimum": 5}).scalar("1") == 1


def test_properties_are_found_through_composition() -> None:
    view = View({"Base": {"properties": {"a": {"type": "integer"}}}}, "request")
    reader = Reader(view, {"allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"b": {"type": "string"}}}]})
    assert set(reader.properties) == {"a", "b"}
    assert reader.property("a").scalar("1") == 1
    assert reader.property("other").scalar("1") == 1
    assert not reader.open
    assert not reader.lists
    assert Reader(view, {"items": {}}).lists
    assert Reader(view, {"additionalProperties": {"type": "string"}}).property("x").scalar("1") == "1"
