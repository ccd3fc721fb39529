"""Write the catalogue of findings into docs/reference/lint.md: `python -m tools.lint_page`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from handfast.lint.catalogue import GENERATION, RULES
from handfast.lint.repairs import REPAIRED

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "lint.md"
MARK = "<!-- what follows is written by `python -m tools.lint_page` -->"


def page() -> str:
    """Return the page as it should be: its own words, and every finding."""
    words = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return words + MARK + "\n" + "\n".join(_sections()) + "\n"


def _sections() -> Iterable[str]:
    yield "\n## What only `lint` tells\n"
    for rule in RULES:
        yield f"- **`{rule.code}`** ({rule.severity}): {rule.what} {rule.why}"
    yield "\n## What `lint --fix` repairs\n"
    for code, what in REPAIRED.items():
        yield f"- **`{code}`**: {what}."
    yield "\n## What `generate` and `check` tell too\n"
    for code, what in sorted(GENERATION.items()):
        yield f"- **`{code}`**: {what}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
