"""`handlers/<feature>/operations.py` of a feature whose handlers are still to be written."""

from __future__ import annotations

from pathlib import Path

from handfast.codegen.ir import Feature
from handfast.codegen.printing import Format, formatted
from handfast.codegen.render import Renderer


def stub_module(feature: Feature, *, root: Path | None = None) -> str:
    """Return a module with one function per operation that raises `NotWritten`.

    It fits the generated protocol, so a project type-checks and starts before its first line is written;
    `root` is the project whose templates and line length are used.
    """
    style = Format() if root is None else Format.of(root)
    name = f"handlers/{feature.name}/operations.py"
    return formatted({name: Renderer(root, style).stubs(feature)}, style)[name]
