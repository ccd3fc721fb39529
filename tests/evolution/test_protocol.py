"""What is read from a generated module is what stands there."""

from __future__ import annotations

import ast

import pytest

from handfast.codegen.evolution.protocol import read

HANDLER = '''from typing import Protocol


class Handler(Protocol):
    async def short(self) -> None: "Ä one-liner."; ...

    async def silent(self) -> None: ...

    async def long(self, *, ñame: str) -> None:
        """Größe in two lines.\x0c

        GET /größe (specs/a.yaml:3:5)
        """
        ...
'''


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_docstrings_are_read_as_they_are_written(newline: str) -> None:
    text = HANDLER.replace("\n", newline)
    (handler,) = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    functions = [node for node in handler.body if isinstance(node, ast.AsyncFunctionDef)]
    written = {name: method.doc_source for name, method in read(text, "generated.a.handler").methods.items()}
    assert written == {
        function.name: (ast.get_source_segment(text, function.body[0]) or "").replace("\n        ", "\n    ")
        if ast.get_docstring(function)
        else ""
        for function in functions
    }
    assert set(written) == {"short", "silent", "long"}
