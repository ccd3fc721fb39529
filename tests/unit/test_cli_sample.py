"""Samples and the curl line: valid by the contract's own schema, examples first."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from handfast.cli.curl import line
from handfast.cli.identity import development_credentials
from handfast.cli.sample import NoSampleError, sample
from handfast.codegen.project import Project, load

DEFS: dict[str, Any] = {
    "Named": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
    "Tree": {"type": "object", "required": ["child"], "properties": {"child": {"$ref": "#/$defs/Tree"}}},
    "Node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/Node"}}},
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, {}),
        ({"const": 4}, 4),
        ({"type": "string", "examples": ["Rose"]}, "Rose"),
        ({"type": "string", "example": "Rose"}, "Rose"),
        ({"type": "string", "default": "x", "enum": ["x", "y"]}, "x"),
        ({"enum": [None, 1]}, None),
        ({"type": "string"}, "example"),
        ({"type": "string", "maxLength": 3}, "exa"),
        ({"type": "string", "minLength": 20}, ("example" * 3)[:20]),
        ({"type": "string", "format": "date", "examples": [3]}, "2030-01-31"),
        ({"type": "string", "pattern": "^1+$", "minLength": 4}, "1111"),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "integer", "exclusiveMinimum": 7}, 8),
        ({"type": "integer", "maximum": -7}, -7),
        ({"type": "number", "exclusiveMaximum": -7}, -8),
        ({"type": "integer", "multipleOf": 12, "minimum": 3}, 12),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, None),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "minItems": 2, "items": {"type": "integer"}}, [1, 1]),
        ({"required": ["a"], "properties": {"a": {"type": "null"}}}, {"a": None}),
        ({"$ref": "#/$defs/Named"}, {"name": "example"}),
        ({"$ref": "#/$defs/Node"}, {}),
        ({"oneOf": [{"$ref": "#/$defs/Named"}, {"type": "integer"}]}, {"name": "example"}),
        ({"anyOf": [{"type": "integer", "minimum": 3}]}, 3),
        (
            {
                "allOf": [
                    {"$ref": "#/$defs/Named"},
                    {"required": ["age"], "properties": {"age": {"type": "integer"}}},
                ]
            },
            {"name": "example", "age": 1},
        ),
    ],
)
def test_samples(schema: Any, expected: object) -> None:
    made = sample(schema, DEFS)
    assert made == expected
    assert jsonschema_rs.is_valid({"$defs": DEFS, "allOf": [schema]}, made)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "string", "pattern": "^[A-Z]{2}[0-9]{6}$"},
        {"$ref": "#/$defs/Tree"},
        {
            "type": "object",
            "required": ["a"],
            "properties": {"a": {"type": "string", "pattern": "^[A-Z]{9}$"}},
        },
        {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[A-Z]{9}$"}},
        {"type": "array", "minItems": 2, "uniqueItems": True, "items": {"type": "integer"}},
    ],
)
def test_what_cannot_be_guessed_is_given_up(schema: Any) -> None:
    with pytest.raises(NoSampleError):
        sample(schema, DEFS)


def test_what_the_author_wrote_comes_first_if_it_is_valid() -> None:
    assert sample({"type": "integer"}, {}, first=["one", 11]) == 11


def curl(tmp_path: Path, paths: str, token: str | None = "TOKEN") -> list[str] | None:  # noqa: S107
    """The words of the line for a contract with `paths`."""
    contract = tmp_path / "specs/001-shop/contracts/api.yaml"
    contract.parent.mkdir(parents=True)
    contract.write_text(
        "openapi: 3.1.0\ninfo: {title: Shop, version: 1.0.0}\n"
        "components:\n  securitySchemes:\n"
        "    bearer: {type: http, scheme: bearer}\n    login: {type: http, scheme: basic}\n"
        "    digest: {type: http, scheme: digest}\n"
        "    header: {type: apiKey, in: header, name: X-Key}\n"
        "    query: {type: apiKey, in: query, name: key}\n"
        "    cookie: {type: apiKey, in: cookie, name: sid}\n"
        "  examples:\n    Rose: {value: {name: Rose}}\n"
        f"paths:\n{paths}"
    )
    loaded = load(Project(tmp_path))
    assert not loaded.findings, loaded.findings
    credentials = {one.name: development_credentials(one.security_schemes, token) for one in loaded.features}
    made = line("http://h:1", loaded.features, {str(name): value for name, value in credentials.items()})
    return None if made is None else shlex.split(made)


ANSWER = "      responses: {'200': {description: Fine.}}\n"
BODY = (
    "      requestBody:\n        required: true\n        content:\n          application/json:\n"
    "            schema: {type: object, required: [name], properties: {name: {type: string}}}\n"
)
GET = f"  /list:\n    get:\n      operationId: list\n{ANSWER}"


def post(path: str, name: str, body: str = BODY, extra: str = "") -> str:
    return f"  {path}:\n    post:\n      operationId: {name}\n{extra}{body}{ANSWER}"


def test_the_first_post_with_a_body_is_shown(tmp_path: Path) -> None:
    words = curl(tmp_path, GET + post("/things", "make"))
    assert words is not None
    assert words[:5] == ["curl", "-sS", "-X", "POST", "http://h:1/things"]
    assert words[-4:] == ["-H", "Content-Type: application/json", "-d", '{"name": "example"}']


def test_the_authors_example_is_taken(tmp_path: Path) -> None:
    example = BODY + "            examples: {rose: {$ref: '#/components/examples/Rose'}}\n"
    words = curl(tmp_path, post("/things", "make", example))
    assert words is not None
    assert words[-1] == '{"name": "Rose"}'


def test_a_post_without_path_parameters_is_preferred(tmp_path: Path) -> None:
    parameter = (
        "      parameters: [{name: id, in: path, required: true, schema: {type: integer, minimum: 3}}]\n"
    )
    paths = post("/things/{id}/parts", "add", extra=parameter)
    words = curl(tmp_path, paths + post("/things", "make"))
    assert words is not None
    assert words[4] == "http://h:1/things"


def test_parameters_that_are_required_are_filled_in(tmp_path: Path) -> None:
    parameters = (
        "      parameters:\n"
        "        - {name: id, in: path, required: true, schema: {type: string, enum: [a/b]}}\n"
        "        - {name: all, in: query, required: true, schema: {type: boolean}}\n"
        "        - {name: X-Count, in: header, required: true, schema: {type: integer}}\n"
        "        - {name: sid, in: cookie, required: true, schema: {type: string}}\n"
        "        - {name: more, in: query, schema: {type: string}}\n"
    )
    words = curl(tmp_path, post("/things/{id}", "make", extra=parameters))
    assert words is not None
    assert words[4] == "http://h:1/things/a%2Fb?all=true"
    assert words[5:9] == ["-H", "X-Count: 1", "-H", "Cookie: sid=example"]


def test_without_a_post_the_first_get_is_shown(tmp_path: Path) -> None:
    unguessable = BODY.replace("{type: string}", "{type: string, pattern: '^[A-Z]{9}$'}")
    assert curl(tmp_path, post("/things", "make", unguessable) + GET) == [
        "curl",
        "-sS",
        "-X",
        "GET",
        "http://h:1/list",
    ]


def test_where_nothing_can_be_shown_nothing_is(tmp_path: Path) -> None:
    delete = f"  /list:\n    delete:\n      operationId: drop\n{ANSWER}"
    assert curl(tmp_path, delete) is None


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("bearer", "Authorization: Bearer TOKEN"),
        ("login", "Authorization: Basic ZGV2ZWxvcGVyOmRldmVsb3Blcg=="),
        ("digest", "Authorization: Digest developer"),
        ("header", "X-Key: developer"),
        ("query", "http://h:1/things?key=developer"),
        ("cookie", "Cookie: sid=developer"),
    ],
)
def test_every_scheme_is_answered(tmp_path: Path, scheme: str, said: str) -> None:
    words = curl(tmp_path, post("/things", "make", extra=f"      security: [{{{scheme}: []}}]\n"))
    assert words is not None
    assert said in words


def test_without_a_token_an_operation_that_wants_one_is_not_shown(tmp_path: Path) -> None:
    words = curl(tmp_path, post("/things", "make", extra="      security: [{bearer: []}]\n") + GET, None)
    assert words is not None
    assert words[-1] == "http://h:1/list"
