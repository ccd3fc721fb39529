"""Pages of the documentation whose end a tool writes, below a mark; what stands above it is a person's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def page(path: Path, tool: str, lines: Iterable[str]) -> str:
    """Return the page at `path` as it should be: its own words, the mark of `tool`, and `lines`."""
    mark = f"<!-- what follows is written by `python -m {tool}` -->"
    words = path.read_text(encoding="utf-8").partition(mark)[0]
    return "\n".join([words + mark, *lines]) + "\n"
