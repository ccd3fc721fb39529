"""The project's own Python files, read for the evolution of handlers, and shown as they would be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handfast.codegen.evolution.work import Evolved

_FOLDERS = ("handlers", "tests")


def evolution(
    root: Path, features: list[str], before: Mapping[str, str], after: Mapping[str, str]
) -> Evolved:
    """Return what the change from the generated texts `before` to `after` asks of the project's files."""
    from handfast.codegen.evolution.evolve import evolve
    from handfast.codegen.printing import Format

    return evolve(own_files(root), features, before, after, width=Format.of(root).line_length)


def own_files(root: Path) -> dict[str, bytes]:
    """Path relative to `root` → bytes of every Python file of handlers and tests."""
    paths = sorted(path for folder in _FOLDERS for path in (root / folder).rglob("*.py") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def diff(root: Path, evolved: Evolved) -> str:
    """Return the change of handlers and tests as a unified diff; bytes that are no UTF-8 are escaped."""
    return "".join(line for path, data in sorted(evolved.files.items()) for line in _diff(root, path, data))


def _diff(root: Path, path: str, data: bytes) -> Iterator[str]:
    exists = (root / path).exists()
    old = _lines((root / path).read_bytes() if exists else b"")
    source = f"a/{path}" if exists else "/dev/null"
    for line in difflib.unified_diff(old, _lines(data), source, f"b/{path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(data: bytes) -> list[str]:
    """Lines as a diff shows them; a lone CR ends one too."""
    text = re.sub(r"\r(?!\n)", "\n", data.decode("utf-8", "backslashreplace"))
    return re.findall(r"[^\n]*\n|[^\n]+", text)
