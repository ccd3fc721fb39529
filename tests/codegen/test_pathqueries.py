# ruff: noqa: E501 (one case a line reads best)
"""Path keys with a query or a fragment are published as paths with query parameters, where that is what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handfast.codegen.ir import Operation
from tests.codegen.helpers import HEAD, HEAD_30, OK, contract, found
from tests.codegen.test_legalisation import hold, published


def one(root: Path, item: str, key: str = "/a?x={x}", head: str = HEAD) -> tuple[Operation, dict[str, Any]]:
    """Return the operation at `/a` and its path item; all that holds for published contracts holds."""
    document, steps = published(root, f"{head}paths: {{'{key}': {item}}}\n{COMPONENTS}")
    assert list(document["paths"]) == ["/a"]
    assert steps[0].startswith("move /paths/~1a")
    (operation,) = contract(root, f"{head}paths: {{'{key}': {item}}}\n{COMPONENTS}").features[0].operations
    return operation, document["paths"]["/a"]


COMPONENTS = "components: {parameters: {X: {name: x, in: path, required: true, schema: {type: integer}}}}\n"
NUMBER = "schema: {type: integer}"


@pytest.mark.parametrize(
    "item",
    [
        f"{{get: {{parameters: [{{name: x, in: path, required: true, {NUMBER}}}], {OK}}}}}",
        f"{{parameters: [{{name: x, in: path, required: true, {NUMBER}}}], get: {{{OK}}}}}",
        f"{{get: {{parameters: [{{name: x, in: query, required: true, {NUMBER}}}], {OK}}}}}",
        f"{{get: {{parameters: [{{$ref: '#/components/parameters/X'}}], {OK}}}}}",
        f"{{get: {{parameters: [{{name: x, in: path, required: true, style: simple, {NUMBER}}}], {OK}}}}}",
    ],
)  # fmt: skip
def test_a_template_in_the_query_is_the_parameter_that_it_names(tmp_path: Path, item: str) -> None:
    operation, _ = one(tmp_path, item)
    (param,) = operation.params
    assert (param.wire, param.location, param.required, param.style) == ("x", "query", True, "form")
    assert param.type.expr == "int"
    assert (operation.path, operation.route) == ("/a", "/a")


def test_the_name_that_is_sent_is_that_of_the_query(tmp_path: Path) -> None:
    operation, _ = one(
        tmp_path, f"{{get: {{parameters: [{{name: f, in: query, {NUMBER}}}], {OK}}}}}", "/a?filter={f}"
    )
    assert [(param.wire, param.required) for param in operation.params] == [("filter", False)]


def test_a_template_that_nothing_declares_is_a_text(tmp_path: Path) -> None:
    operation, item = one(tmp_path, f"{{get: {{{OK}}}}}")
    assert item["get"]["parameters"] == [
        {"name": "x", "in": "query", "required": True, "schema": {"type": "string"}}
    ]
    assert [param.wire for param in operation.params] == ["x"]


@pytest.mark.parametrize(("head", "schema"), [(HEAD, {"const": "b c"}), (HEAD_30, {"enum": ["b c"]})])
def test_a_text_in_the_query_is_a_parameter_that_takes_it_alone(
    tmp_path: Path, head: str, schema: dict[str, Any]
) -> None:
    operation, item = one(tmp_path, f"{{get: {{{OK}}}}}", "/a?type=b+c", head)
    assert item["parameters"] == [
        {"name": "type", "in": "query", "required": True, "schema": {"type": "string", **schema}}
    ]
    assert [(param.wire, param.required) for param in operation.params] == [("type", True)]


def test_items_of_a_list_stay_divided_by_commas(tmp_path: Path) -> None:
    operation, _ = one(
        tmp_path,
        f"{{get: {{parameters: [{{name: x, in: path, required: true, schema: {{type: array}}}}], {OK}}}}}",
    )
    assert [param.explode for param in operation.params] == [False]


def test_several_pairs_and_a_fragment(tmp_path: Path) -> None:
    operation, _ = one(tmp_path, f"{{get: {{{OK}}}}}", "/a?x={x}&y=1&z={w}#top")
    assert sorted(param.wire for param in operation.params) == ["x", "y", "z"]


def test_a_fragment_alone_is_left_out(tmp_path: Path) -> None:
    operation, item = one(tmp_path, f"{{get: {{{OK}}}}}", "/a#b")
    assert operation.params == ()
    assert "parameters" not in item


def test_each_is_told_with_its_place_and_a_line_of_the_ledger(tmp_path: Path) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{'/a?x=1': {{get: {{{OK}}}}}, '/b#c': {{get: {{{OK}}}}}}}\n")
    assert found(loaded, "query-in-path") == [
        "3:9 the path `/a?x=1` holds a query; it is published as `/a` with query parameters"
    ]
    (told,) = found(loaded, "fragment-in-path")
    assert told.endswith("the path `/b#c` holds a fragment, which no client sends; it is published as `/b`")
    codes = {line.code for line in loaded.ledger()}
    assert {"query-in-path", "fragment-in-path"} <= codes


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (f"'/a?x=1': {{get: {{{OK}}}}}, /a: {{get: {{{OK}}}}}", "and another key has the same path; its operations are refused"),
        (f"'/a?x=1': {{get: {{{OK}}}}}, '/a?x=2': {{get: {{{OK}}}}}", "and another key has the same path"),
        (f"'/{{p}}?x=1': {{get: {{{OK}}}}}, '/{{q}}': {{get: {{{OK}}}}}", "and another key has the same path"),
        (f"'/a#b': {{get: {{{OK}}}}}, '/a#c': {{get: {{{OK}}}}}", "holds a fragment, which no client sends; its"),
        (f"'/a?x': {{get: {{{OK}}}}}", "that is no list of `key=value`"),
        (f"'/a?x=a{{b}}': {{get: {{{OK}}}}}", "that is no list of `key=value`"),
        (f"'/a?x=1&x=2': {{get: {{{OK}}}}}", "that is no list of `key=value`"),
        (f"'/a?x=1': {{get: {{parameters: [{{name: x, in: query, schema: {{}}}}], {OK}}}}}", "whose `x` is declared besides"),
    ],
)  # fmt: skip
def test_what_is_not_plain_stays_refused(tmp_path: Path, paths: str, said: str) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{{paths}}}\n")
    told = found(loaded, "bad-path")
    assert told
    assert all(said in line for line in told)
    hold(tmp_path)


def test_references_follow_to_where_the_path_stands(tmp_path: Path) -> None:
    text = f"{HEAD}paths:\n  '/a?x=1': {{get: {{{OK}}}}}\n  /b: {{$ref: '#/paths/~1a%3Fx=1'}}\n"
    document, _ = published(tmp_path, text)
    assert list(document["paths"]) == ["/a", "/b"]
    assert document["paths"]["/b"] == {"$ref": "#/paths/~1a"}


def test_a_path_item_that_others_share_is_copied(tmp_path: Path) -> None:
    text = f"{HEAD}paths:\n  '/a?x=1': {{$ref: '#/components/pathItems/I'}}\n  /b: {{$ref: '#/components/pathItems/I'}}\ncomponents: {{pathItems: {{I: {{get: {{{OK}}}}}}}}}\n"
    document, _ = published(tmp_path, text)
    assert [one["name"] for one in document["paths"]["/a"]["parameters"]] == ["x"]
    assert "parameters" not in document["components"]["pathItems"]["I"]
