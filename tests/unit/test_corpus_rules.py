"""What the corpus session leaves out, and what it takes for proven, is decided by these."""

from __future__ import annotations

from typing import Any

import pytest

from tools.corpus.events import Case, Failure, collisions
from tools.corpus.unsendable import FORM, MULTIPART, body_rule, parameter_rule

LIST = {"type": "array", "items": {"type": "string"}}
MEDIA: dict[str, Any] = {
    "schema": {"type": "object", "properties": {"tags": LIST, "name": {"type": "string"}}}
}
ONLY_NAME: dict[str, Any] = {"schema": {"properties": {"name": {"type": "string"}}}}


def same(node: Any) -> Any:
    return node


@pytest.mark.parametrize("value", [None, [], {}, 5, "x", {"a": None}, {"tags": "x"}, [{"a": []}]])
def test_json_is_never_left_out(value: object) -> None:
    assert body_rule(MEDIA, "application/json", value, same) is None
    assert body_rule(MEDIA, "application/problem+json; charset=utf-8", value, same) is None


@pytest.mark.parametrize(
    ("media", "body", "said"),
    [
        (MEDIA, "x", "no object"),
        (MEDIA, {"tags": "x"}, "a single value"),
        (MEDIA, {"name": "x"}, "empty or absent list"),
        (MEDIA, {"tags": []}, "empty or absent list"),
        (ONLY_NAME, {"name": None}, "null"),
        (ONLY_NAME, {"name": {}}, "an empty list or object"),
        (ONLY_NAME, {"name": {"a": 1}}, "a value in a value"),
        (ONLY_NAME, {"name": [["a"]]}, "a value in a value"),
        (MEDIA, {"tags": ["x"], "name": "x"}, None),
        (ONLY_NAME, {"name": 5}, None),
        (ONLY_NAME, {}, None),
    ],
)
def test_a_form_carries_texts_and_lists_of_texts(media: Any, body: object, said: str | None) -> None:
    for media_type in (FORM, MULTIPART):
        found = body_rule(media, media_type, body, same)
        assert found is None if said is None else found and said in found


def test_a_part_in_json_carries_everything() -> None:
    media = MEDIA | {"encoding": {"tags": {"contentType": "application/json"}}}
    assert body_rule(media, MULTIPART, {"tags": None}, same) is None
    assert body_rule(media, FORM, {"tags": None}, same) is not None


@pytest.mark.parametrize(
    ("parameter", "value", "negative", "dropped"),
    [
        ({"style": "deepObject", "schema": {"type": "object"}}, {}, False, True),
        ({"style": "deepObject", "schema": {"type": "object"}}, {"a": 1}, False, False),
        ({"style": "pipeDelimited", "schema": {"type": "object"}}, {"a": 1}, False, True),
        ({"style": "label", "schema": LIST}, 0.5, True, True),
        ({"style": "label", "schema": LIST}, [5], True, False),
        ({"style": "label", "schema": {"type": "number"}}, 0.5, False, False),
        ({"schema": {"properties": {"a": {"type": "string"}}, "required": ["a"]}}, {"b": ""}, True, True),
        ({"schema": {"type": "object", "required": ["a"]}}, {"b": ""}, True, False),
        ({"content": {"application/json": {"schema": {"required": ["a"]}}}}, {"b": ""}, True, False),
    ],
)
def test_a_parameter_is_left_out_only_where_its_style_loses_it(
    parameter: Any, value: object, negative: bool, dropped: bool
) -> None:
    assert bool(parameter_rule(parameter, value, same, negative=negative)) == dropped


def case(mode: str, body: bytes, boundary: str, *failed: str) -> Case:
    headers = (
        ("content-type", f"multipart/form-data; boundary={boundary}"),
        ("x-schemathesis-testcaseid", mode),
    )
    failures = tuple(Failure(name, name, "") for name in failed)
    return Case("POST /a", "coverage", mode, "", "POST", "http://h/a", headers, body, 204, "", failures)


def test_a_collision_is_the_same_bytes_with_the_other_sign() -> None:
    wrong = case("negative", b"--aa--", "aa", "negative_data_rejection")
    right = case("positive", b"--bb--", "bb")
    assert collisions([wrong, right]) == [wrong]
    assert collisions([wrong]) == []
    assert collisions([wrong, case("positive", b"--bb---", "bb")]) == []
    assert collisions([case("negative", b"--aa--", "aa", "not_a_server_error"), right]) == []
