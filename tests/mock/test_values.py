"""Made values: the contract's own validator takes each of them, or it is said that there is none."""

from __future__ import annotations

from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.mock import regex
from handfast.mock.values import Impossible, Maker
from handfast.runtime.schemas import View

TEXTS = st.sampled_from(["a", "b", "name", "x-1"])
BOUNDS = st.integers(-5, 5)
FORMATS = (
    "date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference",
    "iri", "iri-reference", "uri-template", "uuid", "json-pointer", "relative-json-pointer", "regex",
    "idn-email", "idn-hostname", "byte", "int32", "int64", "float", "double", "password",
)  # fmt: skip
PATTERNS = (
    "^[a-z]{3}$",
    r"^\d{4}-[A-F]+$",
    "b",
    r"^(?=.*\d)[a-z\d]{5,9}$",
    r"^(a|b)+$",
    r"^\+[1-9]\d{1,14}$",
)


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas with one or more keywords, most of which some value satisfies."""
    few = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(TEXTS, inner, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string", "integer", "number", ["string", "null"]]),
            "properties": named,
            "required": st.lists(TEXTS, unique=True, max_size=2),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(st.sampled_from(["^x-", "^[a-m]+$"]), inner, max_size=1),
            "propertyNames": st.just({"maxLength": 6}),
            "minProperties": st.integers(0, 3),
            "maxProperties": st.integers(1, 4),
            "dependentRequired": st.dictionaries(TEXTS, st.lists(TEXTS, max_size=1, unique=True), max_size=1),
            "dependentSchemas": st.dictionaries(TEXTS, inner, max_size=1),
            "items": inner,
            "prefixItems": few,
            "contains": inner,
            "minContains": st.integers(0, 2),
            "minItems": st.integers(0, 3),
            "maxItems": st.integers(1, 4),
            "uniqueItems": st.booleans(),
            "minimum": BOUNDS,
            "exclusiveMaximum": BOUNDS,
            "multipleOf": st.sampled_from([1, 2, 0.5, 0.01]),
            "minLength": st.integers(0, 12),
            "maxLength": st.integers(3, 20),
            "pattern": st.sampled_from(PATTERNS),
            "format": st.sampled_from(FORMATS),
            "allOf": few,
            "anyOf": few,
            "oneOf": few,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "unevaluatedProperties": st.booleans(),
            "unevaluatedItems": st.booleans(),
        },
    )


SCHEMAS = st.recursive(
    st.one_of(st.booleans(), st.sampled_from([{"type": "string"}, {"const": 1}, {"enum": ["a", None, 2]}])),
    keywords,
    max_leaves=6,
)


@given(SCHEMAS, st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_what_is_made_is_valid(schema: Any, seed: int) -> None:
    try:
        made = Maker(View({"Drawn": schema}, "response"), seed).value(schema)
    except Impossible:
        return
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(made)


@given(st.recursive(st.sampled_from([1, "a", True, None, 2.5]), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_a_schema_that_describes_one_value_is_given_that_value(value: Any) -> None:
    schema = _of(value)
    assert Maker(View({}, "response"), 0).value(schema) == value


def _of(value: Any) -> Any:
    """A schema that only `value` satisfies, said by the keywords of its type."""
    if isinstance(value, list):
        return {
            "type": "array",
            "items": False,
            "minItems": len(value),
            **({"prefixItems": [_of(one) for one in value]} if value else {}),
        }
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {name: _of(one) for name, one in value.items()},
            "required": list(value),
            "additionalProperties": False,
        }
    return {"const": value}


@pytest.mark.parametrize("name", FORMATS[:20])
@pytest.mark.parametrize("bounds", [{}, {"maxLength": 40}])
def test_texts_of_every_format_are_made(name: str, bounds: dict[str, int]) -> None:
    schema = {"type": "string", "format": name, **bounds}
    made = Maker(View({}, "response"), 0).value(schema)
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(made)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
         "properties": {"a": True, "b": True}},
        {"type": "object", "if": {"properties": {"k": {"const": 1}}}, "then": {"required": ["v"]},
         "else": False},
        {"type": "array", "contains": {"const": 7}, "minContains": 2, "maxContains": 2, "minItems": 4},
        {"type": "array", "uniqueItems": True, "items": {"enum": [1, 2, 3]}, "minItems": 3},
        {"type": "string", "pattern": "^[A-Z0-9]{3000}$"},
        {"type": "string", "pattern": r"^(?!0)\d{8}$"},
        {"type": "string", "minLength": 300, "pattern": "^[a-z]+$"},
        {"type": "number", "multipleOf": 0.01, "minimum": 0.125, "maximum": 0.135},
        {"type": "integer", "exclusiveMinimum": 10, "exclusiveMaximum": 12},
        {"type": "object", "propertyNames": {"pattern": "^k[0-9]$"}, "minProperties": 3},
        {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "minProperties": 1,
         "additionalProperties": False},
        {"not": {"type": ["string", "object", "array", "null", "boolean"]}},
        {"allOf": [{"properties": {"a": {"const": 1}}}, {"unevaluatedProperties": False, "required": ["a"],
         "properties": {"a": True}}], "type": "object"},
        {"type": "object", "dependentRequired": {"a": ["b"]}, "required": ["a"],
         "properties": {"b": {"const": 2}}},
        {"anyOf": [False, {"type": "null"}]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_schemas_that_some_value_satisfies_have_one(schema: dict[str, Any], seed: int) -> None:
    made = Maker(View({}, "response"), seed).value(schema)
    jsonschema_rs.Draft202012Validator(schema).validate(made)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "string", "pattern": "^a$", "minLength": 2},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/Endless"}}},
    ],
)
def test_where_there_is_no_value_that_is_said(schema: Any) -> None:
    endless = {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/Endless"}}}
    with pytest.raises(Impossible):
        Maker(View({"Endless": endless}, "response"), 0).value(schema)


@given(st.from_regex(r"\A(\[a-c\]|\\d|x|\(y\|z\))(\{2\}|\+|\*|\?)?(\\w|-)?\Z"), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_texts_of_patterns_match_them(pattern: str, seed: int) -> None:
    made = regex.text(f"^{pattern}$", Random(seed))  # noqa: S311 (sameness is the point)
    assert jsonschema_rs.Draft202012Validator({"pattern": f"^{pattern}$"}).is_valid(made)
