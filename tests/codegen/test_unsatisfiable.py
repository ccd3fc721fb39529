"""Schemas that no value can meet are told with their place; nothing is told that a value meets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from jsonschema_rs import Draft202012Validator

from handfast.codegen.load import parse
from handfast.codegen.report import Report
from handfast.codegen.source import Map, plain
from handfast.codegen.unsatisfiable import check
from handfast.codegen.walk import walk
from tests.codegen.anyschema import VALUES, contracts
from tests.codegen.helpers import HEAD, HEAD_30, contract, found

pytestmark = pytest.mark.unmeasured

CODE = "unsatisfiable"


def told(root: Path, schema: str, head: str = HEAD) -> list[str]:
    return found(contract(root, f"{head}paths: {{}}\ncomponents:\n  schemas:\n    A: {schema}\n"), CODE)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{type: integer, minimum: 5, maximum: 3}", "`minimum: 5` leaves nothing below `maximum: 3`"),
        ("{type: number, exclusiveMinimum: 3, maximum: 3}", "`exclusiveMinimum: 3` leaves nothing"),
        ("{type: string, minLength: 3, maxLength: 2}", "`minLength: 3` is more than `maxLength: 2`"),
        ("{type: array, minItems: 3, maxItems: 2}", "`minItems: 3` is more than"),
        ("{type: object, minProperties: 3, maxProperties: 2}", "`minProperties: 3` is more than"),
        ("{type: object, required: [a, b], maxProperties: 1}", "2 properties are required"),
        ("{type: object, required: [a], properties: {a: false}}", "`a` is required, and its schema `false`"),
        ("{type: object, required: [a], additionalProperties: false}", "`a` is required, and `additional"),
        ("{type: integer, enum: ['1', '2']}", "no value of `enum` is of the type `integer`"),
        ("{type: string, const: 1}", "the value of `const` is not of the type `string`"),
        ("{allOf: [{type: string}, {type: integer}]}", "the part of `allOf` takes the type `integer`"),
        ("{type: object, allOf: [{type: [string, 'null']}]}", "the part of `allOf` takes the type"),
        ("{allOf: [false]}", "a part of `allOf` is `false`"),
        ("{type: [string, array], minLength: 2, maxLength: 1, minItems: 2, maxItems: 1}", "`minItems: 2`"),
    ],
)
def test_a_contradiction_is_told(tmp_path: Path, schema: str, said: str) -> None:
    (one,) = told(tmp_path, schema)
    assert said in one
    assert one.startswith("6:")
    assert one.endswith("no value can meet this schema")


@pytest.mark.parametrize(
    "schema",
    [
        "{minimum: 5, maximum: 3}",
        "{type: [string, 'null'], minLength: 3, maxLength: 2}",
        "{type: number, minimum: 3, maximum: 3}",
        "{type: integer, enum: [1.0]}",
        "{type: number, enum: [1]}",
        "{allOf: [{type: number}, {type: integer}]}",
        "{required: [a], properties: {a: false}}",
        "{type: object, required: [ab], patternProperties: {a: {}}, additionalProperties: false}",
    ],
)
def test_what_a_value_meets_is_not_told(tmp_path: Path, schema: str) -> None:
    assert told(tmp_path, schema) == []


@pytest.mark.parametrize(
    ("schema", "count"),
    [
        ("{type: integer, minimum: 3, maximum: 3, exclusiveMaximum: true}", 1),
        ("{type: string, nullable: true, minLength: 3, maxLength: 2}", 0),
        ("{nullable: true, allOf: [{type: string}, {type: integer}]}", 0),
        ("{$ref: '#/components/schemas/A2', type: string, minLength: 3, maxLength: 2}\n    A2: {}", 0),
    ],
)
def test_the_rules_of_openapi_30_count(tmp_path: Path, schema: str, count: int) -> None:
    assert len(told(tmp_path, schema, HEAD_30)) == count


@settings(max_examples=400, deadline=None)
@given(document=contracts().filter(lambda one: one["openapi"] == "3.1.0"))
def test_a_schema_that_is_told_takes_no_value(document: dict[str, Any]) -> None:
    root = parse(json.dumps(document), "api.json").root
    assert isinstance(root, Map)
    for visit in walk(root):
        report = Report()
        if visit.kind == "schema":
            check(visit.node, report, old=False)
        if report.findings:
            pointer = "".join("/" + quote(one.replace("~", "~0").replace("/", "~1")) for one in visit.path)
            whole = {"$ref": f"#{pointer}", **document}
            validator = Draft202012Validator(whole)
            assert not [value for value in VALUES if validator.is_valid(value)], plain(visit.node)
