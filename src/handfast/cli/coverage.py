"""How the coverage ledger is printed: a line a construct, then how often each of them occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from handfast.cli.output import Output

if TYPE_CHECKING:
    from handfast.codegen.ledger import Count, Line

_COLUMNS = ("enforced", "partly", "refused", "annotation")


def show(lines: Sequence[Line], out: Output) -> None:
    """Print the ledger and its summary."""
    from handfast.codegen.ledger import summary

    counts = summary(lines)
    text = "\n".join([*map(line_text, lines), "", *_table(counts)])
    out.data(text, ledger=list(map(line_facts, lines)), summary=[asdict(count) for count in counts])


def line_text(line: Line) -> str:
    """Return `file:line:col: status kind name #pointer`; below it why, and what to do, where that is said."""
    text = f"{line.source}: {line.status}: {line.kind} `{line.name}`"
    if line.pointer:
        text += f" at #{line.pointer}"
    if line.reason:
        text += f"\n  why: {line.reason}"
    return f"{text}\n  fix: {line.cure}" if line.cure else text


def line_facts(line: Line) -> dict[str, object]:
    """Return a line as JSON says it."""
    return {
        "kind": line.kind,
        "name": line.name,
        "status": line.status,
        "pointer": line.pointer,
        "file": line.source.file,
        "line": line.source.line,
        "column": line.source.column,
        "reason": line.reason,
        "cure": line.cure,
        "code": line.code,
    }


def _table(counts: Sequence[Count]) -> list[str]:
    names = [f"{count.kind} {count.name}" for count in counts]
    width = max(map(len, [*names, "construct"]))
    head = f"{'construct':<{width}}  " + "  ".join(f"{title:>10}" for title in _COLUMNS)
    rows = [
        f"{name:<{width}}  "
        + "  ".join(
            f"{number:>10}"
            for number in (count.enforced, count.partly_enforced, count.refused, count.annotation)
        )
        for name, count in zip(names, counts, strict=True)
    ]
    return [head, *rows]
