"""What the corpus session leaves out, and what it takes for proven, is decided by these."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from tools.corpus.answerable import unanswerable
from tools.corpus.events import Case, Failure, collisions, undecidable
from tools.corpus.generation import names_files
from tools.corpus.twins import form_reads_right, members, parameter_reads_right, xml_reads_right
from tools.corpus.unsendable import (
    FORM,
    NO_404,
    NO_SEGMENT,
    absent_rule,
    body_rule,
    bounded,
    is_no_segment,
    parameter_rule,
    says_what_is_gone,
    whole,
)

MULTIPART = ("multipart/form-data", "multipart/mixed; boundary=b")
LIST = {"type": "array", "items": {"type": "string"}}
MEDIA: dict[str, Any] = {
    "schema": {"type": "object", "properties": {"tags": LIST, "name": {"type": "string"}}}
}
ONLY_NAME: dict[str, Any] = {"schema": {"properties": {"name": {"type": "string"}}}}


@pytest.mark.parametrize("value", [None, [], {}, 5, "x", {"a": None}, {"tags": "x"}, [{"a": []}]])
def test_json_is_never_left_out(value: object) -> None:
    assert body_rule(MEDIA, "application/json", value) is None
    assert body_rule(MEDIA, "application/problem+json; charset=utf-8", value) is None


@pytest.mark.parametrize(
    ("media", "body", "said"),
    [
        (MEDIA, "x", "no object"),
        (MEDIA, {"tags": "x"}, None),
        (MEDIA, {"name": "x"}, None),
        (MEDIA, {"tags": []}, "an empty list or object"),
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
    for media_type in (FORM, *MULTIPART):
        found = body_rule(media, media_type, body)
        assert found is None if said is None else found and said in found


def test_a_part_in_json_carries_everything() -> None:
    media = MEDIA | {"encoding": {"tags": {"contentType": "application/json"}}}
    assert [body_rule(media, one, {"tags": None}) for one in MULTIPART] == [None, None]
    assert body_rule(media, FORM, {"tags": None}) is not None


@pytest.mark.parametrize("key", ["itemSchema", "prefixEncoding", "itemEncoding"])
def test_parts_by_their_order_are_left_out(key: str) -> None:
    assert "order" in (body_rule({key: {}}, "multipart/mixed", {"name": "x"}) or "")
    assert "no object" in (body_rule(MEDIA, "multipart/mixed", ["x"]) or "")
    assert body_rule({key: {}}, "application/jsonl", {"name": "x"}) is None


@pytest.mark.parametrize(
    ("parameter", "value", "dropped"),
    [
        ({"style": "deepObject", "schema": {"type": "object"}}, {}, True),
        ({"style": "deepObject", "schema": {"type": "object"}}, {"a": 1}, False),
        ({"style": "pipeDelimited"}, {"a": 1}, True),
        ({"style": "pipeDelimited"}, ["a"], False),
    ],
)
def test_a_parameter_is_left_out_only_where_its_style_loses_it(
    parameter: Any, value: object, dropped: bool
) -> None:
    assert bool(parameter_rule(parameter, value)) == dropped


@pytest.mark.parametrize(("value", "valid"), [(-1, False), (0, True), (255, True), (256, False), ("x", True)])
def test_formats_of_numbers_are_bounds(value: object, valid: bool) -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{}], "format": "uint8"}}}
    assert judge(bounded(schema))(value) == valid
    assert bounded({"properties": {"format": {"type": "string"}}}) == {
        "properties": {"format": {"type": "string"}}
    }


def judge(schema: Any) -> Any:
    return jsonschema_rs.Draft202012Validator(schema).is_valid


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
NUMBERS = {"type": "array", "items": NUMBER}
PAIR = {"type": "object", "required": ["a"], "properties": {"a": NUMBER}}
UNTYPED = {"required": ["a"], "properties": {"a": TEXT}}


@pytest.mark.parametrize(
    ("schema", "parameter", "value", "right"),
    [
        (TEXT, {"in": "query"}, 5, True),
        (TEXT, {"in": "query"}, None, True),
        (TEXT | {"minLength": 2}, {"in": "query"}, 5, False),
        (TEXT, {"in": "header"}, "x", None),
        (NUMBER, {"in": "path"}, "5", True),
        (NUMBER, {"in": "path"}, "x", False),
        (NUMBER, {"in": "path"}, True, False),
        (NUMBER, {"in": "query"}, "NaN", False),
        (NUMBER, {"in": "path", "style": "label"}, ".5", True),
        (NUMBER, {"in": "path", "style": "matrix", "name": "id"}, ";id=5", True),
        (NUMBERS, {"in": "header"}, "1,2", True),
        (NUMBERS, {"in": "header"}, "1,x", False),
        (NUMBERS, {"in": "query"}, 1, True),
        (NUMBERS, {"in": "query"}, "1,2", False),
        (NUMBERS, {"in": "query", "explode": False}, "1,2", True),
        (NUMBERS, {"in": "query", "style": "pipeDelimited"}, "1|2", True),
        (NUMBERS, {"in": "path", "style": "label", "explode": True}, ".1.2", True),
        (NUMBERS, {"in": "path", "style": "label"}, ".1,2", True),
        (NUMBERS, {"in": "path", "style": "label"}, ".0.5", True),
        (NUMBERS, {"in": "query", "style": "spaceDelimited"}, "1 2", True),
        (PAIR, {"in": "path"}, "a,1,b,x%2Cy", True),
        ({"type": "object"}, {"in": "path", "style": "label", "explode": True}, ".a=0.5.b=c", False),
        (NUMBERS, {"in": "path", "style": "matrix", "name": "id", "explode": True}, ";id=1;id=2", True),
        (NUMBERS, {"in": "path", "style": "matrix", "name": "id"}, ";id=1,2", True),
        (LIST, {"in": "path", "style": "label"}, 0.5, True),
        (TEXT, {"in": "header"}, {"b": ""}, True),
        (PAIR, {"in": "header"}, "a,1", True),
        (PAIR, {"in": "header"}, "a,x", False),
        (PAIR, {"in": "header"}, "a,1,b,['x', 'y']", False),
        ({"type": "object"}, {"in": "header", "explode": True}, "a=[1, 2],b=3,c=4,d=5", False),
        ({"type": "object"}, {"in": "header"}, "a=1", False),
        (PAIR, {"in": "cookie"}, "a=1", True),
        (PAIR, {"in": "query"}, {"b": ""}, False),
        ({"type": "object"}, {"in": "query", "style": "pipeDelimited"}, {"a": 1, "b": 2}, None),
        (PAIR, {"in": "query", "style": "pipeDelimited"}, {"a": "x", "b": 2}, False),
        (PAIR, {"in": "path", "style": "label", "explode": True}, ".a=1.b=2", True),
        (PAIR, {"in": "path", "style": "matrix", "name": "id", "explode": True}, ";a=1;b=2", True),
        (PAIR, {"in": "path", "style": "matrix", "name": "id"}, ";id=a,1,b,2", True),
        (UNTYPED, {"in": "query"}, {"b": ""}, True),
        (LIST | {"minItems": 1}, {"in": "header"}, [], True),
        (NUMBERS | {"minItems": 1}, {"in": "header"}, [], False),
    ],
)
def test_a_parameter_that_is_no_right_value_may_read_as_one(
    schema: Any, parameter: Any, value: object, right: bool | None
) -> None:
    assert parameter_reads_right(value, parameter, judge(schema)) is right


@pytest.mark.parametrize(
    ("body", "exact", "right"),
    [
        ({"name": True}, False, True),
        ({"name": True}, True, False),
        ({"name": "x"}, False, None),
        ({"name": "x", "tags": "y"}, False, True),
        ({"name": "x", "tags": [5]}, False, True),
        ({"tags": True, "name": ["x", "y"]}, False, False),
        ({"tags": ["x"]}, False, False),
        ({"name": {}}, False, True),
    ],
)
def test_a_form_that_is_no_right_value_may_read_as_one(body: Any, exact: bool, right: bool | None) -> None:
    schema = MEDIA["schema"] | {"required": ["name"]}
    assert form_reads_right(body, lambda name: exact, judge(schema)) is right


def test_members_of_a_spread_object_stand_in_the_query() -> None:
    sent = {"p[a]": 1, "p[b]": "x", "q": 2}
    assert members({"name": "p", "style": "deepObject"}, sent, ["p", "q"]) == {"a": 1, "b": "x"}
    assert members({"name": "p", "style": "deepObject"}, {"p[a][b]": 1}, ["p"]) is None
    assert members({"name": "p"}, {"a": 1, "q": 2}, ["p", "q"]) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ({"name": "x", "tags": ""}, True),
        ({"name": [], "tags": [{}]}, True),
        ({"name": 5, "tags": ""}, False),
        ({"name": "x", "tags": []}, None),
    ],
)
def test_an_empty_element_of_xml_is_any_empty_value(body: Any, right: bool | None) -> None:
    assert xml_reads_right(body, judge(MEDIA["schema"])) is right


@pytest.mark.parametrize(
    ("parameter", "sent", "dropped"),
    [
        ({"style": "deepObject"}, {"q": 1}, True),
        ({"style": "deepObject"}, {"p[a]": 1}, False),
        ({"style": "deepObject"}, {"p[a]": []}, True),
        ({"style": "form", "explode": False}, {}, False),
        ({}, {"other": 1}, True),
        ({}, {"a": 1}, False),
        ({"required": False}, {"other": 1}, False),
        ({"in": "header"}, {}, False),
    ],
)
def test_an_empty_object_that_leaves_no_text_is_left_out(parameter: Any, sent: Any, dropped: bool) -> None:
    full = {"name": "p", "in": "query", "required": True} | parameter
    assert bool(absent_rule(full, sent, ["p", "other"], takes_empty=True)) == dropped
    traced = dropped and "p[a]" in sent
    assert bool(absent_rule(full, sent, ["p", "other"], takes_empty=False)) == traced


def test_whole_numbers_are_integers() -> None:
    assert repr(whole({"a": [1.0, 0.5, True, "1.0"]})) == "{'a': [1, 0.5, True, '1.0']}"


def test_a_path_has_no_empty_parts_and_no_dots() -> None:
    assert [is_no_segment(text) for text in ("", ".", "..", "...", ".a")] == [True] * 3 + [False] * 2


def case(mode: str, body: bytes, boundary: str, *failed: str) -> Case:
    headers = (
        ("content-type", f"multipart/form-data; boundary={boundary}"),
        ("x-schemathesis-testcaseid", mode),
    )
    failures = tuple(Failure(name, name, "") for name in failed)
    return Case(mode, "POST /a", "coverage", mode, "", "POST", "http://h/a", headers, body, 204, "", failures)


def test_a_collision_is_the_same_bytes_with_the_other_sign() -> None:
    wrong = case("negative", b"--aa--", "aa", "negative_data_rejection")
    right = case("positive", b"--bb--", "bb")
    assert collisions([wrong, right]) == [wrong]
    assert collisions([wrong]) == []
    assert collisions([wrong, case("positive", b"--bb---", "bb")]) == []
    assert collisions([case("negative", b"--aa--", "aa", "not_a_server_error"), right]) == []


def test_a_rule_explains_failures_by_the_sign_and_no_others() -> None:
    wrong = case("negative", b"x", "aa", "negative_data_rejection")
    crash = case("negative", b"x", "aa", "negative_data_rejection", "not_a_server_error")
    other = case("positive", b"x", "aa", "status_code_conformance")
    freed = case("positive", b"x", "aa", "use_after_free")
    assert undecidable([wrong, case("negative", b"x", "aa")], {"negative": ["a rule"]}) == [(wrong, "a rule")]
    assert undecidable([wrong], {"another": ["a rule"]}) == []
    assert undecidable([crash, other], {"negative": ["a rule"], "positive": ["a rule"]}) == []
    assert undecidable([crash, other], {"negative": [NO_SEGMENT], "positive": [NO_SEGMENT]}) == [
        (other, NO_SEGMENT)
    ]
    assert undecidable([freed, wrong], {"positive": [NO_404], "negative": [NO_404]}) == [(freed, NO_404)]
    assert undecidable([freed], {"positive": ["a rule"]}) == []


@pytest.mark.parametrize(("responses", "said"), [({"200": 1}, False), ({404: 1}, True), ({"4xx": 1}, True)])
def test_what_is_gone_is_said_by_what_is_declared(responses: Any, said: bool) -> None:
    assert says_what_is_gone(responses) == said


TWICE = {"oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/A"}]}


@pytest.mark.parametrize(
    ("responses", "none"),
    [
        ({"200": {"content": {"application/json": {"schema": TWICE}}}}, True),
        ({"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}, False),
        ({"200": {"content": {"application/json": {"schema": TWICE}}}, "204": {}}, False),
        ({"200": {"content": {"application/json": {"schema": TWICE}, "text/plain": {}}}}, False),
        ({"404": {"content": {"application/json": {"schema": TWICE}}}}, False),
    ],
)
def test_an_operation_may_declare_no_answer_that_a_value_can_meet(responses: Any, none: bool) -> None:
    document = {
        "paths": {"/a": {"get": {"responses": responses}}},
        "components": {"schemas": {"A": {"type": "object", "required": ["a"]}}},
    }
    assert unanswerable(document, "GET /a") == none
    assert not unanswerable(document, "GET /b")
    assert not unanswerable(document, "Stateful tests")


@pytest.mark.parametrize(
    ("node", "named"),
    [
        ({"$ref": "#/components/schemas/A"}, False),
        ({"allOf": [{"$ref": "a.yaml"}]}, True),
        ({"operationRef": "a.yaml#/paths/~1x/get"}, True),
        ({"discriminator": {"mapping": {"dog": "#/components/schemas/Dog", "ox": "v1.Ox"}}}, False),
        ({"discriminator": {"mapping": {"cat": "Cat", "dog": "api.yaml#/components/schemas/Dog"}}}, True),
        ({"discriminator": {"mapping": {"cat": "cat.yaml"}}}, True),
        ({"example": {"mapping": 5}}, False),
    ],
)  # fmt: skip
def test_a_document_that_names_files_is_changed_by_bundling(node: Any, named: bool) -> None:
    assert names_files({"paths": {"/x": node}}) is named
