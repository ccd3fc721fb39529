"""Write the catalogue of findings into docs/reference/lint.md: `python -m tools.lint_page`."""

from __future__ import annotations

from collections.abc import Iterable

from handfast.lint.catalogue import GENERATION, RULES
from handfast.lint.repairs import REPAIRED
from tools import pages

PAGE = pages.REFERENCE / "lint.md"


def page() -> str:
    """Return the page as it should be: its own words, and every finding."""
    return pages.page(PAGE, "tools.lint_page", _sections())


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
