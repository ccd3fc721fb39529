"""Write what becomes of each construct into docs/reference/ledger.md: `python -m tools.ledger_page`."""

from __future__ import annotations

from collections.abc import Iterable

from handfast.codegen import constructs
from handfast.codegen.constructs import STATUSES, Table
from tools import pages

PAGE = pages.REFERENCE / "ledger.md"


def page() -> str:
    """Return the page as it should be: its own words, and the table of constructs."""
    return pages.page(PAGE, "tools.ledger_page", _sections())


def _sections() -> Iterable[str]:
    yield from _section("Fields of OpenAPI objects", {
        f"{kind}.{name}": construct
        for kind, table in constructs.FIELDS.items()
        for name, construct in table.items()
    })  # fmt: skip
    yield from _section("Keywords of schemas", constructs.KEYWORDS)
    yield from _section("Keywords of earlier drafts", constructs.EARLIER_KEYWORDS)
    yield from _section("Formats", constructs.FORMATS)
    yield from _section("Styles of parameters", constructs.STYLES)
    yield from _section("Security schemes", constructs.SCHEMES)


def _section(title: str, table: Table) -> Iterable[str]:
    yield f"\n## {title}\n"
    for status in STATUSES:
        reasons: dict[tuple[str, str], list[str]] = {}
        for name, construct in table.items():
            if construct.status == status:
                reasons.setdefault((construct.reason, construct.cure), []).append(f"`{name}`")
        for (reason, cure), names in reasons.items():
            why = f" ({reason})" if reason else ""
            what = f" What to do: {cure}." if cure else ""
            yield f"- **{status}**{why}: {', '.join(names)}.{what}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
