"""What is counted stands in the singular or the plural, in every message."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from handfast.counted import counted
from tests.unit.cli_kit import handfast

SOURCE = Path(__file__).parents[2] / "src" / "handfast"
CONTRACT = """openapi: 3.1.0
info: {title: One, version: '1'}
paths:
  /a:
    get: {operationId: getA, responses: {'200': {description: ''}}, x-y: 1}
"""
NOUN = re.compile(
    r" (?:findings|operations|files|errors|legalisations|cases|calls|leaks|times|defects|functions|lines)\b"
)
SEVERAL = {
    ("runtime/binding.py", " functions are not written yet: "),  # a few are told one by one
    ("lint/operations.py", " errors of this contract"),  # the usual one is among them
}
"""What is never said of one."""


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1_000, "1000 files")]
)
def test_one_is_one(number: int, said: str) -> None:
    assert counted(number, "file") == said


def test_plurals_may_be_irregular() -> None:
    assert [counted(number, "property", "properties") for number in (1, 2)] == ["1 property", "2 properties"]


def test_commands_tell_of_one_thing_as_one(tmp_path: Path) -> None:
    contract = tmp_path / "api.yaml"
    contract.write_text(CONTRACT, encoding="utf-8")
    made = handfast("new", tmp_path / "one", "--contract", contract)
    assert "1 operation, each answering 501" in made.out
    checked = handfast("check", "--project", tmp_path / "one")
    assert "all well: 1 operation, " in checked.out
    unknown = handfast("explain", "nothing", "--project", tmp_path / "one")
    assert "of 1 operation none is called `nothing`" in unknown.err


def _unsure(path: Path) -> list[str]:
    """Return the plurals that follow a number in the texts of a module, whatever the number is."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for before, after in pairwise(parts):
            text = after.value if isinstance(after, ast.Constant) else None
            if isinstance(before, ast.FormattedValue) and isinstance(text, str) and NOUN.match(text):
                found.append(text)
    return found


def test_no_message_leaves_it_open_whether_it_is_one() -> None:
    modules = {path.relative_to(SOURCE).as_posix(): _unsure(path) for path in SOURCE.rglob("*.py")}
    assert {(module, text) for module, texts in modules.items() for text in texts} == SEVERAL
