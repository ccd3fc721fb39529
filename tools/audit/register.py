"""The register of threats, and which tests of the sources say that they answer one."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "threats.toml"
CATEGORIES = ("spoofing", "tampering", "repudiation", "disclosure", "denial", "elevation")
BOUNDARIES = (
    "client",
    "browser",
    "auth server",
    "database",
    "tenant",
    "operator",
    "supply chain",
    "logs",
)


@dataclass(frozen=True, slots=True)
class Threat:
    """One way of attack, the boundary that it comes across, and what stands in its way."""

    id: str
    boundary: str
    title: str
    mitigation: str

    @property
    def category(self) -> str:
        """Its letter of STRIDE, in a word."""
        return self.id.partition(".")[0]


def threats(file: Path = FILE) -> list[Threat]:
    """Return every threat of the register, in its order."""
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    return [Threat(**entry) for entry in document["threat"]]


def marked(root: Path = ROOT) -> dict[str, list[str]]:
    """Return threat -> the test files that answer it, read from the sources without running anything."""
    found: dict[str, set[str]] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        for threat in _marks(path):
            found.setdefault(threat, set()).add(path.relative_to(root).as_posix())
    return {threat: sorted(files) for threat, files in sorted(found.items())}


def _marks(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="threat"), args=[ast.Constant(value=str(name))]):
                yield name
            case ast.Call(func=ast.Attribute(attr="threat")):
                raise ValueError(f"{path}:{node.lineno}: name the threat as a plain text")
