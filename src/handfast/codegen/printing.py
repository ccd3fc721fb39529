"""Jinja templates and ruff: how text for a project is printed.

Templates hold no logic; what they print is computed before. The last word on line breaks is ruff's, so that
`ruff format` finds nothing to change in a project that uses it.
"""

from __future__ import annotations

import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

_PACKAGED = Path(__file__).parent / "templates"
_CHECKOUT = Path(__file__).parents[3] / "templates"


class PrintError(Exception):
    """Text could not be printed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a project wants its Python: ruff's line length and the options of its `format` table."""

    line_length: int = 88
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, root: Path) -> Format:
        """Read the ruff settings of the project at `root`; ruff's own defaults where it has none."""
        for name in (".ruff.toml", "ruff.toml", "pyproject.toml"):
            path = root / name
            if not path.is_file():
                continue
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError):
                break  # ruff itself says what is wrong with the file
            if name == "pyproject.toml":
                table = table.get("tool", {}).get("ruff", {})
            elif "line-length" not in table and "format" not in table:
                break
            length = table.get("line-length")
            wanted = table.get("format", {})
            options = [
                (key, _toml(wanted[key])) for key in sorted(wanted) if isinstance(wanted[key], str | bool)
            ]
            return cls(length if isinstance(length, int) else cls().line_length, tuple(options))
        return cls()


def _toml(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'


def environment(root: Path | None) -> Environment:
    """Return the templates; a file in the project's own `templates/` wins over the one that ships."""
    folders = [] if root is None else [root / "templates"]
    folders.append(_PACKAGED if _PACKAGED.is_dir() else _CHECKOUT)
    return Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (Python is printed, not HTML)
    )


def formatted(files: Mapping[str, str], style: Format) -> dict[str, str]:
    """Return the Python `files` as `ruff format` leaves them, all in one run of it."""
    if not files:
        return {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = {path: folder / f"f{number}.py" for number, path in enumerate(files)}
        for path, place in places.items():
            place.write_text(files[path], encoding="utf-8", newline="\n")
        command = [_ruff(), "format", "--isolated", "--no-cache", "--target-version", "py311"]
        command += ["--line-length", str(style.line_length)]
        for key, value in style.options:
            command += ["--config", f"format.{key} = {value}"]
        done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            complaint = done.stderr
            for path, place in places.items():
                complaint = complaint.replace(str(place), path)
            raise PrintError(f"ruff cannot format the generated code: {complaint.strip()}")
        return {path: place.read_text(encoding="utf-8") for path, place in places.items()}


def _ruff() -> str:
    try:
        return str(import_module("ruff").find_ruff_bin())
    except (ImportError, FileNotFoundError):
        raise PrintError("ruff is not installed: install handfast[codegen]") from None
