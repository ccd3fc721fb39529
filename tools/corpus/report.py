"""The figures of a run as a table, on the terminal and in `reports/corpus.md` and `reports/corpus.json`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tools.corpus.events import Case
from tools.corpus.exercise import Exercised
from tools.corpus.generation import Made

COLUMNS = (
    "contract",
    "operations",
    "exposed",
    "CPU s",
    "MB",
    "again s",
    "legalised",
    "faults",
    "tried",
    "cases",
    "failures",
    "collisions",
    "by rule",
    "limits",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one contract."""

    name: str
    made: Made | None = None
    exercised: Exercised | None = None
    unable: str = ""
    """Why there is nothing to show."""

    def typed(self, faults: tuple[str, ...]) -> Row:
        """Return the same with what mypy says."""
        made = self.made and replace(self.made, faults=(*self.made.faults, *faults))
        return replace(self, made=made)

    @property
    def failures(self) -> int:
        """How much is not as it must be."""
        made = len(self.made.faults) if self.made else 0
        return made + (len(self.exercised.failures) if self.exercised else 0) + bool(self.unable)


def table(rows: Sequence[Row]) -> str:
    """Every contract in a line of Markdown, and the sums."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" + "|---:" * (len(COLUMNS) - 1) + "|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    made, tried = row.made, row.exercised
    cells = [row.name]
    if made:
        cells += [str(made.declared), str(made.exposed), f"{made.first.seconds:.1f}"]
        cells += [f"{made.first.megabytes:.0f}", f"{made.again.seconds:.1f}"]
        cells += [str(made.legalisations), str(len(made.faults))]
    else:
        cells += ["-"] * 7
    if tried:
        operations = (
            f"{tried.operations} (+{tried.skipped} skipped)" if tried.skipped else str(tried.operations)
        )
        cells += [operations, str(tried.cases), str(len(tried.failures)), str(len(tried.collisions))]
        cells += [str(sum(tried.ruled.values())), str(len(tried.errors))]
    else:
        cells += [row.unable[:40] or "-", *["-"] * 5]
    return cells


def details(rows: Sequence[Row], *, most: int = 5) -> Iterator[str]:
    """Yield, contract by contract, what the table counts."""
    for row in rows:
        lines = list(_details(row, most))
        if lines:
            yield f"\n### {row.name}\n"
            yield from lines


def _details(row: Row, most: int) -> Iterator[str]:
    if row.unable:
        yield f"- not run: {row.unable}"
    for fault in row.made.faults if row.made else ():
        yield f"- fault: {fault}"
    if row.made and row.made.exposed < row.made.declared:
        for finding in row.made.refused:
            yield f"- told: {finding}"
    if row.exercised is None:
        return
    for case in row.exercised.failures[:most]:
        yield f"- failure: {_told(case)}"
    more = len(row.exercised.failures) - most
    if more > 0:
        yield f"- and {more} more failures"
    for case in row.exercised.collisions:
        yield f"- collision (the same bytes were sent with the other sign): {_told(case)}"
    for rule, count in sorted(row.exercised.ruled.items()):
        yield f"- no answer fits: {count} cases, {rule}"
    for error in row.exercised.errors:
        yield f"- limit of the tool: {error.label}: {error.message[:200]}"


def _told(case: Case) -> str:
    checks = "; ".join(f"{one.check}: {one.title}" for one in case.failures)
    body = f" {case.body[:120]!r}" if case.body else ""
    return (
        f"`{case.label}` {case.mode} ({case.what}) `{case.method} {case.uri}`{body} → {case.status}: {checks}"
    )


def sums(rows: Sequence[Row]) -> str:
    """The run in a paragraph."""
    tried = [row.exercised for row in rows if row.exercised]
    ruled: Counter[str] = Counter()
    for one in tried:
        ruled.update(one.ruled)
    text = (
        f"{len(rows)} contracts, {sum(row.made.exposed for row in rows if row.made)} operations exposed, "
        f"{sum(len(row.made.faults) for row in rows if row.made)} faults of what is generated; "
        f"{sum(one.cases for one in tried)} cases on {sum(one.operations for one in tried)} operations "
        f"({sum(one.skipped for one in tried)} skipped), "
        f"{sum(len(one.failures) for one in tried)} failures, "
        f"{sum(len(one.collisions) for one in tried)} proven collisions, "
        f"{sum(len(one.errors) for one in tried)} limits of the tool, "
        f"{sum(not (one.ruled or one.failures or one.collisions) for one in tried)} contracts at zero "
        "without any rule or collision; nothing was filtered."
    )
    return "\n".join([text, *(f"- no answer fits {count}: {rule}" for rule, count in ruled.most_common())])


def write(rows: Sequence[Row], folder: Path, command: str) -> None:
    """Write both files."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = ["# Real contracts", f"`{command}`", sums(rows), table(rows), *details(rows)]
    (folder / "corpus.md").write_text(
        "\n\n".join(parts[:4]) + "\n" + "\n".join(parts[4:]) + "\n", encoding="utf-8"
    )
    (folder / "corpus.json").write_text(
        json.dumps([asdict(row) for row in rows], indent=1, default=_plain), encoding="utf-8"
    )


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
