# ruff: noqa: E501 (a finding is a line)
"""Names that are one in Python: told apart by a number, and told of with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.codegen.ir import Json
from handfast.codegen.project import Project, load
from tests.codegen.contracts import write_contract
from tests.codegen.helpers import HEAD, OK, contract, found


def told(root: Path) -> list[str]:
    return [
        f"{finding.source.file.split('/')[1]}: {finding.what}"
        for finding in load(Project(root)).findings
        if finding.code == "name-clash"
    ]


def test_each_clash_is_told_and_nothing_else(tmp_path: Path) -> None:
    text: Json = {"type": "string"}
    done: Json = {
        "200": {"description": "Ok.", "headers": {"X-A": {"schema": text}, "x_a": {"schema": text}}}
    }
    parameters: Json = [
        {"name": name, "in": where, "schema": text}
        for name, where in (("id", "query"), ("id", "header"), ("other", "query"))
    ]
    document: dict[str, Json] = {
        "openapi": "3.1.0",
        "info": {"title": "Clashes", "version": "1"},
        "paths": {
            "/a": {"get": {"operationId": "getThing", "parameters": parameters, "responses": done}},
            "/b": {"get": {"operationId": "get_thing", "responses": {}}},
            "/c/{d}": {"get": {"responses": {}}},
            "/c-{d}": {"get": {"responses": {}}},
        },
        "components": {
            "schemas": {
                "Thing": {"type": "object", "properties": {"a-b": text, "a_b": text, "class": text}},
                "thing": {"type": "object", "properties": {"a": text}},
                "Model": {"type": "object", "properties": {"a": text}},
            }
        },
    }
    write_contract(tmp_path, "001-shop", document)
    write_contract(
        tmp_path, "002-shop", {"openapi": "3.1.0", "info": {"title": "S", "version": "1"}, "paths": {}}
    )
    assert sorted(told(tmp_path)) == sorted(
        [
            "001-shop: the parameter `id` is called `id_2` in Python, for `id_` is taken",
            "001-shop: the header `x_a` is called `x_a_2` in Python, for `x_a` is taken",
            "001-shop: the operation `get_thing` is called `get_thing_2` in Python, for `get_thing` is taken",
            "001-shop: the schema `thing` is called `Thing2` in Python, for `Thing` is taken",
            "001-shop: the properties `a-b` and `a_b` are one name in Python; a number tells their attributes apart",
            "002-shop: the feature `shop` is called `shop_2` in Python, for `shop` is taken",
        ]
    )


@pytest.mark.parametrize("name", ["ñ", "n\u0303", "идентификатор", "名前", "İ", "ß", "ﬁ", "😀"])
def test_a_path_parameter_in_other_letters_clashes_with_nothing(tmp_path: Path, name: str) -> None:
    text = f"{HEAD}paths: {{'/a/{{{name}}}': {{get: {{parameters: [{{name: '{name}', in: path, required: true, schema: {{}}}}], {OK}}}}}}}\n"
    assert contract(tmp_path, text).findings == ()


def test_path_parameters_that_are_one_name_in_ascii_are_told(tmp_path: Path) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{'/x/{{имя}}/{{дата}}': {{get: {{{OK}}}}}}}\n")
    (one,) = found(loaded, "name-clash")
    assert one == "3:9 the parameter `дата` is called `parameter_2` in Python, for `parameter` is taken"


@pytest.mark.parametrize(("path", "name"), [("ñ", "n\u0303"), ("n\u0303", "ñ")])
def test_a_path_parameter_composed_otherwise_is_that_of_the_path(
    tmp_path: Path, path: str, name: str
) -> None:
    text = f"{HEAD}paths: {{'/a/{{{path}}}': {{get: {{parameters: [{{name: '{name}', in: path, required: true, schema: {{type: integer}}}}], {OK}}}}}}}\n"
    loaded = contract(tmp_path, text)
    (one,) = loaded.findings
    assert one.code == "other-characters"
    assert one.source.line == 3
    (param,) = loaded.features[0].operations[0].params
    assert (param.name, param.wire, param.type.expr) == ("n", path, "int")
