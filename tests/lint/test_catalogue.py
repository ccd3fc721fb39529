"""The catalogue knows every finding, and the page shows the catalogue."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from handfast.lint.catalogue import GENERATION, SEVERITIES
from tools.lint_page import PAGE, page

SOURCES = Path(__file__).parents[2] / "src" / "handfast"
TELLING = frozenset(("Finding", "_fault", "add", "drop", "error", "fault", "report", "warn"))
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


def literals(folder: str) -> Iterator[ast.Constant]:
    for file in (SOURCES / folder).glob("*.py"):
        if file.name != "catalogue.py":
            tree = ast.parse(file.read_text(encoding="utf-8"))
            yield from (node for node in ast.walk(tree) if isinstance(node, ast.Constant))


def told(folder: str) -> Iterator[str]:
    """Yield the codes that calls are given by which findings are made."""
    for file in (SOURCES / folder).glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        named = {
            ast.unparse(target): str(node.value.value)
            for node in tree.body
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Constant)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                function = node.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                for argument in node.args[1:4] if name in TELLING else ():
                    if isinstance(argument, ast.Name) and argument.id == "CODE":
                        yield named[argument.id]
                    elif isinstance(argument, ast.Constant) and CODE.fullmatch(str(argument.value)):
                        yield str(argument.value)


def test_every_finding_is_in_the_catalogue() -> None:
    assert sorted(set(told("codegen")) - set(GENERATION)) == []
    assert sorted(set(told("lint")) - set(SEVERITIES)) == []


def test_the_catalogue_holds_nothing_else() -> None:
    assert sorted(set(GENERATION) - {node.value for node in literals("codegen")}) == []
    assert sorted(set(SEVERITIES) - {node.value for node in literals("lint")}) == []
    assert set(GENERATION).isdisjoint(SEVERITIES)


def test_the_page_shows_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tools.lint_page`"
