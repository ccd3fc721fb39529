"""Write the catalogue of `handfast diff` into docs/reference/diff.md: `python -m tools.diff_page`."""

from __future__ import annotations

from collections.abc import Iterable

from handfast.diff.catalogue import RULES, Rule
from handfast.diff.model import Direction
from tools import pages

PAGE = pages.REFERENCE / "diff.md"


def page() -> str:
    """Return the page as it should be: its own words, and the catalogue."""
    return pages.page(PAGE, "tools.diff_page", _sections())


def _sections() -> Iterable[str]:
    for category in sorted({rule.category for rule in RULES.values()}):
        yield f"\n### {category[0].upper()}{category[1:]}\n"
        yield "| rule | what it finds | in a request | in a response | what to do |"
        yield "|---|---|---|---|---|"
        for name, rule in RULES.items():
            if rule.category == category:
                cells = (
                    f"`{name}`",
                    rule.what,
                    _severity(rule, "request"),
                    _severity(rule, "response"),
                    rule.fix,
                )
                yield f"| {' | '.join(cells)} |"


def _severity(rule: Rule, direction: Direction) -> str:
    severity = rule.severity(direction)
    return "by what is accepted" if isinstance(severity, str) else str(severity)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
