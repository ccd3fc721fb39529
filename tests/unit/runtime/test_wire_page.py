"""Every row of docs/reference/wire.md is what the decoder does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.runtime import test_bodies, test_decode

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "wire.md"


def rows(columns: int) -> list[list[str]]:
    """The rows of the table with so many columns; a bar inside of code divides nothing."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
        if line.startswith("| ") and len(cells) == columns and line.count("`") > 3:
            found.append(cells)
    return found


@pytest.mark.parametrize("row", rows(6), ids=" ".join)
def test_parameters(row: list[str]) -> None:
    where, style, explode, schema, written, value = row
    given = {
        "query": lambda: test_decode.in_query(written),
        "path": lambda: test_decode.in_path(written),
        "header": lambda: test_decode.request(headers=[("p", written)]),
        "cookie": lambda: test_decode.request(headers=[("cookie", written)]),
    }[where]()
    found = test_decode.decode(json.loads(schema), where, style, explode == "true", given=given)
    assert json.dumps(found) == json.dumps(json.loads(value))


@pytest.mark.parametrize("row", rows(3), ids=" ".join)
async def test_forms(row: list[str]) -> None:
    schema, written, value = row
    whole: Any = {"type": "object", "properties": {"p": json.loads(schema)}}
    found = await test_bodies.decode(written.encode(), test_bodies.FORM, kind="form", schema=whole)
    assert json.dumps(found) == json.dumps(json.loads(value))


def test_the_page_has_its_tables() -> None:
    assert len(rows(6)) > 25
    assert len(rows(3)) > 7
