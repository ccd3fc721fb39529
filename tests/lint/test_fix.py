"""`lint --fix`: what it repairs, that nothing else changes, and that it is done after one run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handfast.lint.repairs import REPAIRED
from handfast.lint.splice import Remove, Rename, Replace, repaired
from tests.lint.kit import GOOD, HEAD, changed
from tests.unit.cli_kit import handfast


def fixed(folder: Path, text: str, name: str = "api.yaml", encoding: str = "utf-8") -> str:
    """Return what `--fix` makes of a contract; a second run must find nothing to do."""
    file = folder / name
    file.write_bytes(text.encode(encoding))
    ran = handfast("lint", file, "--project", folder, "--fix")
    assert ran.out
    once = file.read_bytes()
    again = handfast("lint", file, "--project", folder, "--fix")
    assert "0 repaired" in again.out
    assert file.read_bytes() == once
    return once.decode(encoding)


OPERATION = (
    HEAD
    + """\
# before
paths:
  /books/{id}:
    get:   # of one book
      {key}: {value}
      parameters: [{{name: id, in: path, required: true, schema: {{type: integer}}}}]
      responses: {{'200': {{description: x}}}} # end
""".replace("{id}", "{{id}}").replace("{key}: {value}", "%s")
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("operationId: a\n      tag: [x]", "operationId: a\n      tags: [x]"),
        ("operationId: a\n      tag: x", "operationId: a\n      tags: [x]"),
        ("operationId: a\n      'tag': ['x'] # c", "operationId: a\n      'tags': ['x'] # c"),
        ("operationID: a", "operationId: a"),
        ("operationId: a\n      deprecated: 'true' # c", "operationId: a\n      deprecated: true # c"),
        ("operationId: a\n      summary: 1.10 # c", 'operationId: a\n      summary: "1.10" # c'),
        ("operationId: a\n      tags: x", "operationId: a\n      tags: [x]"),
        ("summary: x", "operationId: get_books_by_id\n      summary: x"),
        ("operationId: a\n      tag: {x: 1}", "operationId: a\n      tag: {x: 1}"),
        ("operationId: a\n      quantum: 1", "operationId: a\n      quantum: 1"),
    ],
)
def test_operations(tmp_path: Path, old: str, new: str) -> None:
    text = (OPERATION % old).replace("{{", "{").replace("}}", "}")
    expected = (OPERATION % new).replace("{{", "{").replace("}}", "}")
    assert fixed(tmp_path, text) == expected
    windows = text.replace("\n", "\r\n")
    assert fixed(tmp_path, windows, "b.yaml", "utf-8-sig") == expected.replace("\n", "\r\n")
    assert fixed(tmp_path, text, "c.yaml", "utf-16") == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{type: string, nullable: true}", '{type: [string, "null"]}'),
        ("{nullable: true, type: 'string'}", "{type: ['string', \"null\"]}"),
        ("{type: string, nullable: true, enum: [a]}", "{type: string, nullable: true, enum: [a]}"),
        ("{type: int}", "{type: integer}"),
        ("{type: String}", "{type: string}"),
        ("{type: strin}", "{type: strin}"),
        ("{type: string, maxLenght: 3}", "{type: string, maxLength: 3}"),
        ("{type: string, maxLength: '3'}", "{type: string, maxLength: 3}"),
        ("{type: string, minLength: x}", "{type: string, minLength: x}"),
    ],
)
def test_schemas_in_flow_style(tmp_path: Path, old: str, new: str) -> None:
    assert fixed(tmp_path, changed(GOOD, "title: {type: string}", f"title: {old}")) == changed(
        GOOD, "title: {type: string}", f"title: {new}"
    )


def test_nullable_in_block_style(tmp_path: Path) -> None:
    block = """\
    Error:
      properties:
        a:
          # before
          type: string # what
          nullable: true
          # after
        b:
          nullable: true # why
          type: string
        c:
          oneOf:
            - nullable: true
              type: string
            - type: integer
"""
    expected = """\
    Error:
      properties:
        a:
          # before
          type: [string, "null"] # what
          # after
        b:
          # why
          type: [string, "null"]
        c:
          oneOf:
            - type: [string, "null"]
            - type: integer
"""
    old = "    Error: {type: object, properties: {title: {type: string}}}\n"
    assert fixed(tmp_path, changed(GOOD, old, block)) == changed(GOOD, old, expected)


def test_json(tmp_path: Path) -> None:
    contract = {
        "openapi": "3.1.0",
        "info": {"title": "Shelf", "version": 1},
        "paths": {
            "/a": {
                "get": {
                    "tag": ["x"],
                    "responses": {
                        "200": {
                            "description": "x",
                            "content": {"application/json": {"schema": {"type": "string", "nullable": True}}},
                        },
                        "404": {"description": "\u00e4 \U0001f600"},
                    },
                }
            }
        },
    }
    for indent in (None, 2, 4):
        text = json.dumps(contract, indent=indent, ensure_ascii=False)
        made = fixed(tmp_path, text, f"api{indent}.json")
        parsed = json.loads(made)
        operation = parsed["paths"]["/a"]["get"]
        assert list(operation) == ["operationId", "tags", "responses"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema == {"type": ["string", "null"]}
        assert parsed["info"]["version"] == "1"
        if indent is not None:
            assert len(made.splitlines()) == len(text.splitlines())


def test_entries_that_yaml_repeats_are_repaired_where_they_are_written(tmp_path: Path) -> None:
    text = changed(
        GOOD,
        "    Error: {type: object, properties: {title: {type: string}}}\n",
        "    Error: {type: object, properties: {a: &a {type: int}, b: *a, c: {<<: *a, maximum: 3}}}\n",
    )
    assert fixed(tmp_path, text) == text.replace("{type: int}", "{type: integer}")


def test_a_repair_that_would_say_something_else_is_not_made() -> None:
    text = "a: &x true\nb: *x\nc: {d: 1}\n"
    for repair in (Replace(3, True, "y", "y"), Rename(0, "z", "y"), Remove(11, "b", True)):
        assert repaired(text, "a.yaml", [(repair,)]) == (text, ())
    good = Rename(21, "d", "e")
    assert repaired(text, "a.yaml", [(good,), (Rename(0, "a", "c"),)]) == (
        text.replace("d:", "e:"),
        ((good,),),
    )


def test_other_files_of_a_contract_are_repaired_too(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("Thing: {type: int} # kept\n")
    text = changed(GOOD, "title: {type: string}", "title: {$ref: 'more.yaml#/Thing'}")
    assert fixed(tmp_path, text) == text
    assert (tmp_path / "more.yaml").read_text() == "Thing: {type: integer} # kept\n"


def test_what_is_switched_off_is_not_repaired(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.handfast.lint.off]\nno-operation-id = "not ours"\n')
    text = changed(GOOD, "      operationId: listBooks\n", "")
    assert fixed(tmp_path, text) == text


def test_every_repair_is_tested_above() -> None:
    assert set(REPAIRED) == {"no-operation-id", "old-keyword", "unknown-key", "wrong-value"}
