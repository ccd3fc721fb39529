"""A report as one page that needs nothing else: a summary, filters, and old and new side by side.

Contracts may come from anybody, so every text is escaped, and the page's own policy lets no other script run
and no address be asked.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

import yaml
from markupsafe import Markup

from handfast.codegen.printing import environment
from handfast.diff.formats import operations, witness
from handfast.diff.model import Change, Where
from handfast.diff.report import Report

MOST_LINES = 60
"""Lines of what stands on one side; a reader finds the rest by its place."""

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem}
body{color:#1c1c1c;background:#fff}
code,td{font:13px/1.4 ui-monospace,monospace}
code{overflow-wrap:anywhere}
form{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;padding:.75rem 0;border-bottom:1px solid #ccc}
article{border-left:.4rem solid #777;padding:.25rem 1rem;margin:1rem 0;background:#f7f7f7}
article.breaking{border-color:#b3261e}article.risky{border-color:#a86500}article.safe{border-color:#2e7d32}
h2{font-size:1.05rem;margin:.25rem 0}.facts{margin:.1rem 0;color:#444}
.badge{font-size:.8rem;padding:.1rem .5rem;border-radius:1rem;color:#fff;background:#555}
.breaking .badge{background:#b3261e}.risky .badge{background:#a86500}.safe .badge{background:#2e7d32}
table{width:100%;table-layout:fixed;border-collapse:collapse;background:#fff}
th{text-align:left;font-weight:600;font-size:.8rem;overflow-wrap:anywhere}
td{white-space:pre-wrap;overflow-wrap:anywhere;vertical-align:top;padding:0 .5rem;border-right:1px solid #ddd}
.gone{background:#fde7e5}.come{background:#e4f4e5}[hidden]{display:none}
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}article{background:#222}.facts{color:#bbb}
table{background:#1b1b1b}.gone{background:#4a1f1c}.come{background:#1d3b20}}
"""
_SCRIPT = """
const form = document.getElementById('filter');
const show = () => {
  const checked = name => [...form.querySelectorAll(`input[name=${name}]:checked`)];
  const wanted = name => new Set(checked(name).map(one => one.value));
  const severities = wanted('severity'), directions = wanted('direction');
  let count = 0;
  for (const one of document.querySelectorAll('article')) {
    one.hidden = !(severities.has(one.dataset.severity) && directions.has(one.dataset.direction));
    count += !one.hidden;
  }
  document.getElementById('shown').value = `${count} shown`;
};
form.addEventListener('change', show);
form.addEventListener('submit', event => event.preventDefault());
show();
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of both sides."""

    old: str | None
    new: str | None
    differs: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One change as the page shows it."""

    change: Change
    operations: str
    witness: str
    lines: tuple[Line, ...]


def html(report: Report) -> str:
    """Return the report as a page."""
    rows = [
        Row(change, operations(change), witness(change), tuple(side_by_side(change.old, change.new)))
        for change in report.changes
    ]
    template = environment(None).overlay(autoescape=True).get_template("diff.html.jinja")
    return template.render(
        report=report,
        rows=rows,
        style=Markup(_STYLE),  # noqa: S704 (our own text, which holds no markup)
        script=Markup(_SCRIPT),  # noqa: S704 (as above)
        style_hash=_hash(_STYLE),
        script_hash=_hash(_SCRIPT),
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def side_by_side(old: Where | None, new: Where | None) -> Iterator[Line]:
    """Yield the lines of what stands in both places, equal ones beside each other."""
    before, after = _lines(old), _lines(new)
    for tag, *bounds in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        start, end, other_start, other_end = bounds
        for one, other in zip_longest(before[start:end], after[other_start:other_end]):
            yield Line(one, other, tag != "equal")


def _lines(where: Where | None) -> list[str]:
    if where is None:
        return []
    text = yaml.safe_dump(where.value, sort_keys=False, allow_unicode=True, width=80)
    lines = text.removesuffix("...\n").splitlines()
    return lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], "…"]
