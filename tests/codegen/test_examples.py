# ruff: noqa: E501 (one case a line reads best)
"""Examples of bodies, parameters and headers that their schema refuses are told with their place, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.codegen.helpers import HEAD, HEAD_30, HEAD_32, contract, found

CODE = "wrong-example"
PET = "{type: object, required: [id, name, secret], properties: {id: {type: integer, readOnly: true}, name: {type: string}, secret: {type: string, writeOnly: true}}}"
SCHEMAS = f"components: {{schemas: {{Pet: {PET}}}, examples: {{shared: {{value: 1}}, remote: {{externalValue: 'https://x.test/1'}}}}}}\n"
REF = "{$ref: '#/components/schemas/Pet'}"


def told(root: Path, operation: str, head: str = HEAD) -> list[str]:
    text = f"{head}{SCHEMAS}paths:\n  /x:\n    post:\n{operation}"
    loaded = contract(root, text)
    assert not loaded.fatal, loaded.findings
    return found(loaded, CODE)


def body(media: str, media_type: str = "application/json") -> str:
    return f"      requestBody: {{content: {{{media_type}: {media}}}}}\n      responses: {{'200': {{description: ok}}}}\n"


def answer(media: str) -> str:
    return f"      responses: {{'200': {{description: ok, content: {{application/json: {media}}}}}}}\n"


def header(text: str) -> str:
    return f"      responses: {{'200': {{description: ok, headers: {{X: {text}}}}}}}\n"


def parameter(text: str, location: str = "in: query") -> str:
    return f"      parameters: [{{name: p, {location}, {text}}}]\n      responses: {{'200': {{description: ok}}}}\n"


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (body("{schema: {type: integer}, example: x}"), "7:84 the example \"x\" is no value that its schema accepts (`type`)"),
        (body("{schema: {type: integer}, examples: {a: {value: 1}, b: {value: x}}}"), "7:112 the example \"x\" is"),
        (body("{schema: {type: string}, examples: {a: {$ref: '#/components/examples/shared'}}}"), "3:"),
        (body(f"{{schema: {REF}, example: {{name: a}}}}"), "the example has no `secret`, which its schema demands"),
        (body(f"{{schema: {REF}, example: {{secret: s, name: 5}}}}"), "`/name` of the example, 5, is no value that its schema accepts (`type`)"),
        (body("{schema: {type: object, properties: {a: {}}, additionalProperties: false}, example: {b: 1}}"), "the example has `b`, which its schema does not take"),
        (body("{schema: {type: array, items: {type: integer}}, example: [1, [2]]}"), "`/1` of the example, [2], is"),
        (body("{schema: {type: object, properties: {a: {type: integer}}}, example: '{\"a\": \"x\"}'}"), "`/a` of the example, \"x\", is"),
        (body("{schema: {type: string, maxLength: 1}, example: ab}", "text/plain"), "the example \"ab\""),
        (body("{schema: {type: object, properties: {a: {type: integer}}}, example: {a: x}}", "multipart/form-data"), "`/a` of the example"),
        (answer(f"{{schema: {REF}, example: {{name: a}}}}"), "the example has no `id`, which its schema demands"),
        (answer(f"{{schema: {REF}, example: {{id: 1, name: a, secret: s}}}}"), "`/secret` of the example, \"s\", is no value that responses may hold"),
        (body("{schema: {oneOf: [{type: integer}, {type: object, properties: {a: {maxLength: 0}}}]}, example: {a: x}}"), "`/a` of the example, \"x\", is"),
        (body(f"{{schema: {REF}, example: {{$ref: 'other.yaml'}}}}"), "the example is the text of a `$ref`: nobody follows `other.yaml` there"),
        (parameter("schema: {type: integer}, example: x"), "the example \"x\""),
        (parameter("schema: {type: array, items: {type: integer}}, example: [x]"), "`/0` of the example"),
        (parameter("schema: {type: integer}, examples: {a: {value: 1.5}}"), "the example 1.5"),
        (parameter("content: {application/json: {schema: {type: integer}, example: x}}"), "the example \"x\""),
        (header("{schema: {type: integer}, example: x}"), "the example \"x\""),
        (header("{schema: {type: string, enum: [a]}, examples: {k: {value: b}}}"), "the example \"b\""),
    ],
)  # fmt: skip
def test_a_wrong_example_is_told(tmp_path: Path, operation: str, said: str) -> None:
    (one,) = told(tmp_path, operation)
    assert said in one


@pytest.mark.parametrize(
    "operation",
    [
        body("{schema: {type: object, properties: {a: {type: integer}}}, example: '{\"a\": 1}'}"),
        body("{schema: {type: integer}, examples: {a: {$ref: '#/components/examples/remote'}}}"),
        body("{schema: {type: integer}, examples: {a: {externalValue: 'https://x.test/a'}}}"),
        body(f"{{schema: {REF}, example: {{name: a, secret: s}}}}"),
        body(f"{{schema: {REF}, example: {{id: 7, name: a, secret: s}}}}"),
        body("{schema: {type: object, properties: {a: {type: integer}}}, example: 'a=5'}", "application/x-www-form-urlencoded"),
        body("{schema: {type: object, properties: {a: {type: integer}}}, example: '<a>5</a>'}", "application/xml"),
        body("{schema: {type: array, items: {type: integer}}, example: '1'}", "application/jsonl"),
        body("{schema: {type: integer}, example: x}", "image/png"),
        body("{example: x}"),
        answer(f"{{schema: {REF}, example: {{id: 1, name: a}}}}"),
        parameter("schema: {type: array, items: {type: integer}}, style: form, explode: false, example: '1,2'"),
        parameter("schema: {type: object, properties: {a: {type: integer}}}, style: deepObject, explode: true, example: {a: 1}"),
        parameter("schema: {type: integer}, example: '5'"),
        parameter("schema: {type: boolean}, example: 'true'"),
        parameter("schema: {type: string, minLength: 1}, allowEmptyValue: true, example: ''"),
        parameter("schema: {oneOf: [{type: integer}, {type: array, items: {type: integer}}]}, example: '1,2'"),
        header("{schema: {type: array, items: {type: integer}}, example: '1, 2'}"),
    ],
)  # fmt: skip
def test_a_right_example_is_not_told(tmp_path: Path, operation: str) -> None:
    assert told(tmp_path, operation) == []


@pytest.mark.parametrize(
    ("operation", "count"),
    [
        (body("{schema: {type: integer}, examples: {a: {dataValue: x}}}"), 1),
        (body("{schema: {type: integer}, examples: {a: {dataValue: 1, serializedValue: '1'}}}"), 0),
        (body("{schema: {type: integer}, examples: {a: {serializedValue: '\"x\"'}}}"), 1),
        (body("{schema: {type: integer}, examples: {a: {serializedValue: '{'}}}"), 1),
        (parameter("schema: {type: integer}, examples: {a: {dataValue: '5'}}"), 1),
        (parameter("schema: {type: integer}, examples: {a: {serializedValue: 'p=5'}}"), 0),
    ],
)  # fmt: skip
def test_data_and_their_text_are_told_apart(tmp_path: Path, operation: str, count: int) -> None:
    assert len(told(tmp_path, operation, HEAD_32)) == count


def test_null_is_what_the_version_says(tmp_path: Path) -> None:
    assert told(tmp_path, body("{schema: {type: string, nullable: true}, example: null}"), HEAD_30) == []


def test_an_example_that_many_share_is_told_once(tmp_path: Path) -> None:
    text = f"""{HEAD}paths:
  /x:
    parameters: [{{$ref: '#/components/parameters/P'}}]
    get: {{responses: {{'200': {{description: ok}}}}}}
    put: {{responses: {{'200': {{description: ok}}}}}}
components:
  parameters:
    P: {{name: p, in: query, schema: {{type: integer}}, example: x}}
"""
    (one,) = found(contract(tmp_path, text), CODE)
    assert one.startswith("10:")
