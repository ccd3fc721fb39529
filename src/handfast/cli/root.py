"""The module that composes a project's application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.cli.errors import WrongUse

if TYPE_CHECKING:
    from pathlib import Path

MODULES = ("adopted", "app")
"""`adopted.py` stands around an application that is being taken over; `app.py` is the service's own."""


def composition(root: Path) -> str | None:
    """Return the name of the module in the project at `root`, None where there is none."""
    return next((name for name in MODULES if (root / f"{name}.py").is_file()), None)


def check_composition(root: Path, fix: str = "name a project with --project") -> None:
    """Raise `WrongUse` with the cure `fix` where the project has no such module."""
    if composition(root) is None:
        raise WrongUse(f"{root} has no app.py", fix)
