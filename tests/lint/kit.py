"""Contracts of a few lines, and what the linter says of them."""

from __future__ import annotations

from pathlib import Path

from handfast.codegen.project import load_file
from handfast.lint.lint import lint

HEAD = "openapi: 3.1.0\ninfo: {title: Shelf, version: '1'}\n"
GOOD = (
    HEAD
    + """\
paths:
  /books:
    get:
      operationId: listBooks
      parameters: [{name: limit, in: query, schema: {type: integer}}]
      responses:
        '200':
          description: Some.
          content: {application/json: {schema: {type: array, items: {type: string}}}}
        '422': {$ref: '#/components/responses/Bad'}
components:
  responses:
    Bad:
      description: Wrong.
      content: {application/json: {schema: {$ref: '#/components/schemas/Error'}}}
  schemas:
    Error: {type: object, properties: {title: {type: string}}}
"""
)


def told(folder: Path, text: str, suffix: str = "yaml") -> list[str]:
    """Return `code line:column` of every finding about a contract."""
    file = folder / f"api.{suffix}"
    file.write_text(text, encoding="utf-8")
    found = lint(load_file(file, folder))
    return [f"{one.code} {one.source.line}:{one.source.column}" for one in found]


def changed(text: str, *pairs: str) -> str:
    """Return `text` with each first text of `pairs` replaced by the one after it; it must be there."""
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    return text
