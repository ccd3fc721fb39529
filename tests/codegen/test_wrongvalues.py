"""Examples and defaults that their schema refuses are told with their place, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.codegen.helpers import HEAD, HEAD_30, contract, found

CODE = "wrong-example"


def told(root: Path, schema: str, head: str) -> list[str]:
    return found(contract(root, f"{head}paths: {{}}\ncomponents:\n  schemas:\n    A: {schema}\n"), CODE)


@pytest.mark.parametrize(
    ("head", "schema", "said"),
    [
        (HEAD, "{type: integer, examples: [1, x]}", 'the example "x" is no value that its schema accepts'),
        (HEAD, "{type: string, example: 7}", "the example 7 is no value that its schema accepts"),
        (HEAD_30, "{type: string, format: uuid, example: x}", 'the example "x"'),
        (HEAD_30, "{type: string, enum: [a], example: b}", 'the example "b"'),
        (HEAD_30, "{type: integer, minimum: 5, default: 4}", "the default 4"),
        (HEAD_30, "{type: integer, format: int32, example: 4294967296}", "the example 4294967296"),
        (
            HEAD,
            "{type: object, properties: {a: {type: string, pattern: '^x', example: y}}}",
            'the example "y"',
        ),
    ],
)
def test_a_wrong_value_is_told(tmp_path: Path, head: str, schema: str, said: str) -> None:
    (one,) = told(tmp_path, schema, head)
    assert one.startswith("6:")
    assert said in one


@pytest.mark.parametrize(
    ("head", "schema"),
    [
        (HEAD, "{type: number, examples: [1, 1.5], default: 2}"),
        (HEAD_30, "{type: string, nullable: true, example: null}"),
        (HEAD_30, "{type: integer, minimum: 4, exclusiveMinimum: true, example: 5}"),
        (HEAD, "{type: object, required: [a], properties: {a: {writeOnly: true}}, example: {}}"),
        (HEAD, "{example: 5}"),
        (HEAD, '{type: integer, example: "\\ud800"}'),
    ],
)
def test_a_right_value_is_not_told(tmp_path: Path, head: str, schema: str) -> None:
    assert told(tmp_path, schema, head) == []
