"""Each rule of the linter: what it tells, where, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.codegen.project import load_file
from handfast.lint.catalogue import RULES
from handfast.lint.lint import lint
from tests.lint.kit import GOOD, HEAD, changed, told

ANSWER = "        '422': {$ref: '#/components/responses/Bad'}\n"
LIMIT = "      parameters: [{name: limit, in: query, schema: {type: integer}}]\n"


def test_a_good_contract_is_told_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (("      operationId: listBooks\n", ""), ["no-operation-id 6:7"]),
        ((ANSWER, ""), ["no-input-error 6:7", "unused-component 14:5", "unused-component 18:5"]),
        (("'422'", "'400'"), []),
        (("'422'", "4XX"), []),
        (("'422'", "default"), []),
        (("'422'", "'404'"), ["no-input-error 6:7"]),
        ((LIMIT, ""), ["unpaged-list 6:7"]),
        (
            (
                "      parameters: [{name: limit, in: query, schema: {type: integer}}]\n", "",
                "type: array,", "type: array, maxItems: 9,",
            ),
            [],
        ),
        (
            (
                "      parameters: [{name: limit, in: query, schema: {type: integer}}]\n", "",
                "type: array,", "type: array, maxItems: 9,",
                "'422': {$ref: '#/components/responses/Bad'}", "'500': {$ref: '#/components/responses/Bad'}",
            ),
            ["no-client-error 6:7"],
        ),
        (("    Error: {", "    Old: {type: object}\n    Error: {"), ["unused-component 19:5"]),
    ],
)  # fmt: skip
def test_operations_and_components(tmp_path: Path, pairs: tuple[str, ...], expected: list[str]) -> None:
    assert told(tmp_path, changed(GOOD, *pairs)) == expected


def test_credentials_demand_a_401(tmp_path: Path) -> None:
    schemes = "components:\n  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}\n"
    secured = changed(GOOD, "components:\n", schemes, "paths:\n", "security: [{key: []}]\npaths:\n")
    assert told(tmp_path, secured) == ["no-401 7:7"]
    optional = changed(secured, "[{key: []}]", "[{key: []}, {}]")
    assert told(tmp_path, optional) == []
    answered = changed(secured, "        '422'", "        '401': {description: No.}\n        '422'")
    assert told(tmp_path, answered) == []
    unused = changed(GOOD, "components:\n", schemes)
    assert told(tmp_path, unused) == ["unused-component 14:21"]


def test_what_only_unused_components_name_is_unused(tmp_path: Path) -> None:
    old = "{type: object, properties: {a: {$ref: '#/components/schemas/Older'}}}"
    text = changed(GOOD, "    Error: {", f"    Old: {old}\n    Older: {{type: object}}\n    Error: {{")
    file = tmp_path / "api.yaml"
    file.write_text(text)
    assert [one.what for one in lint(load_file(file, tmp_path))] == [
        "nothing refers to `#/components/schemas/Old`",
        "only what is unused refers to `#/components/schemas/Older`",
    ]


def test_schemas_that_a_discriminator_names_are_used(tmp_path: Path) -> None:
    text = changed(
        GOOD,
        "    Error: {type: object, properties: {title: {type: string}}}\n",
        """\
    Error:
      type: object
      required: [kind]
      properties: {kind: {type: string}}
      discriminator: {propertyName: kind}
    Lost: {allOf: [{$ref: '#/components/schemas/Error'}, {type: object, properties: {id: {type: string}}}]}
""",
    )
    assert told(tmp_path, text) == []


def test_an_error_of_another_shape_is_told(tmp_path: Path) -> None:
    body = "{content: {application/json: {schema: %s}}, description: No.}"
    own = "{type: object, properties: {code: {type: integer}}}"
    for schema, expected in (
        (own, ["mixed-errors"]),
        ("{$ref: '#/components/schemas/Error'}", []),
        ("{allOf: [{$ref: '#/components/schemas/Error'}, %s]}" % own, []),  # noqa: UP031 (braces)
    ):
        answers = "".join(
            f"        '{status}': {{$ref: '#/components/responses/Bad'}}\n" for status in (403, 404)
        )
        text = changed(GOOD, "        '422'", f"        '409': {body % schema}\n{answers}        '422'")
        found = told(tmp_path, text)
        assert [one.split()[0] for one in found] == expected
        assert all(one.split()[1].startswith("12:") for one in found)


@pytest.mark.parametrize(
    ("schema", "codes"),
    [
        ("{type: string}", ["unbounded-string"]),
        ("{type: string, maxLength: 3}", []),
        ("{type: string, enum: [a, b]}", []),
        ("{type: string, format: uuid}", []),
        ("{type: string, format: uri}", ["unbounded-string"]),
        ("{type: string, pattern: '^[a-z]{3}$'}", []),
        ("{type: string, pattern: '^[a-z]+$'}", ["unbounded-string"]),
        ("{type: string, pattern: 'a'}", ["unbounded-string"]),
        ("{type: array, items: {type: integer}}", ["unbounded-list"]),
        ("{type: array, maxItems: 3, items: {type: string}}", ["unbounded-string"]),
        ("{type: object, properties: {a: {type: string, readOnly: true}}}", []),
        ("{allOf: [{type: string}, {maxLength: 3}]}", []),
        ("{type: [string, 'null'], maxLength: 3}", []),
        ("{type: object, additionalProperties: {type: string}}", ["unbounded-string"]),
    ],
)
def test_what_a_request_may_hold_is_bounded(tmp_path: Path, schema: str, codes: list[str]) -> None:
    text = (
        HEAD
        + f"""\
paths:
  /books:
    post:
      operationId: add
      requestBody:
        content: {{application/json: {{schema: {schema}}}}}
      responses: {{'204': {{description: Done.}}, '422': {{description: No.}}}}
"""
    )
    assert [one.split()[0] for one in told(tmp_path, text)] == codes


@pytest.mark.parametrize(
    ("example", "codes"),
    [
        ("ghp_" + "a1B2" * 9, ["secret-in-example"]),
        ("AKIA" + "ABCD1234" * 2, ["secret-in-example"]),
        ("AKIAIOSFODNN7EXAMPLE", []),
        ("eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 30, ["secret-in-example"]),
        ("some text", []),
    ],
)
def test_credentials_in_examples_are_told(tmp_path: Path, example: str, codes: list[str]) -> None:
    text = changed(GOOD, "{title: {type: string}}", "{title: {type: string, example: '%s'}}" % example)  # noqa: UP031
    assert [one.split()[0] for one in told(tmp_path, text)] == codes


def test_what_generation_tells_is_told_once(tmp_path: Path) -> None:
    text = changed(GOOD, "      operationId: listBooks\n", "      operationId: listBooks\n      tag: [a]\n")
    assert told(tmp_path, text) == ["unknown-key 7:7"]
    nullable = changed(GOOD, "{title: {type: string}}", "{title: {type: string, nullable: true}}")
    assert [one.split()[0] for one in told(tmp_path, nullable)] == ["old-keyword"]


def test_a_rule_says_one_thing_and_why() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.what.endswith(".") and rule.why.endswith(".") for rule in RULES)
