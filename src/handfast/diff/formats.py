"""A report as text, JSON, Markdown, SARIF 2.1.0 and annotations of GitHub's workflows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from handfast.codegen import reviewforms
from handfast.codegen.reviewforms import Level
from handfast.diff.catalogue import RULES
from handfast.diff.model import Change, Severity, Where
from handfast.diff.report import Report

_MOST_OPERATIONS = 5
_MOST_CHARACTERS = 200


def text(report: Report) -> str:
    """Return the report for a terminal: a change a paragraph, the worst first."""
    return "\n".join(_text(change) for change in report.changes)


def _text(change: Change) -> str:
    lines = [
        f"{change.where.source}: {change.severity}: {change.direction}: {change.what} ({change.rule})",
        f"  at: {change.pointer}",
    ]
    if change.old is not None and change.new is not None:
        lines.append(f"  was: {change.old.source}")
    if change.operations:
        lines.append(f"  in: {operations(change)}")
    if change.witness is not None:
        lines.append(f"  for example: {witness(change)}")
    if change.reason:
        lines.append(f"  not certain: {change.reason}")
    if change.hurts:
        lines.append(f"  hurts: {change.hurts}")
    if change.fix:
        lines.append(f"  fix: {change.fix}")
    return "\n".join(lines)


def operations(change: Change) -> str:
    """Name the operations of a change, a few of them where there are many."""
    shown = ", ".join(change.operations[:_MOST_OPERATIONS])
    more = len(change.operations) - _MOST_OPERATIONS
    return f"{shown} and {more} more" if more > 0 else shown


def witness(change: Change) -> str:
    """Return the value that shows a change, as JSON, shortened."""
    if change.witness is None:
        return ""
    made = json.dumps(change.witness.value, ensure_ascii=False)
    return made if len(made) <= _MOST_CHARACTERS else made[: _MOST_CHARACTERS - 1] + "…"


# --- JSON -----------------------------------------------------------------------------------------


def facts(report: Report) -> dict[str, object]:
    """Return the report as JSON says it."""
    return {
        "old": report.old,
        "new": report.new,
        "counts": dict(report.counts),
        "bump": report.bump,
        "versions": [
            {"file": step.file, "old": step.old, "now": step.now, "due": step.due} for step in report.versions
        ],
        "notes": [{"place": str(note.source), "what": note.what, "fix": note.fix} for note in report.notes],
        "changes": [change_facts(change) for change in report.changes],
        "excused": [{**change_facts(one.change), "excuse": one.reason} for one in report.excused],
    }


def change_facts(change: Change) -> dict[str, object]:
    """Return one change as JSON says it."""
    made: dict[str, object] = {
        "rule": change.rule,
        "category": RULES[change.rule].category,
        "severity": str(change.severity),
        "direction": change.direction,
        "surface": change.surface,
        "operations": list(change.operations),
        "pointer": change.pointer,
        "what": change.what,
        "old": _place(change.old),
        "new": _place(change.new),
        "hurts": change.hurts,
        "fix": change.fix,
        "reason": change.reason,
    }
    if change.witness is not None:
        made["witness"] = change.witness.value
    return made


def _place(where: Where | None) -> Mapping[str, object] | None:
    if where is None:
        return None
    source = where.source
    return {"file": source.file, "line": source.line, "column": source.column, "pointer": where.pointer}


# --- Markdown -------------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    """Return the report for a pull request: a table a severity."""
    return "\n".join(_markdown(report)).rstrip() + "\n"


def _markdown(report: Report) -> Iterator[str]:
    yield "# Changes of the contract"
    yield ""
    yield from (_cell(line) + "." for line in report.summary().splitlines())
    for severity in sorted(Severity, reverse=True):
        changes = [change for change in report.changes if change.severity is severity]
        if not changes:
            continue
        yield f"\n## {str(severity).capitalize()} ({len(changes)})\n"
        yield "| change | direction | operations | place | rule | what to do |"
        yield "|---|---|---|---|---|---|"
        for change in changes:
            more = f"<br>for example {_code(witness(change))}" if change.witness is not None else ""
            more += f"<br>not certain: {_cell(change.reason)}" if change.reason else ""
            cells = (
                _cell(change.what) + more,
                change.direction,
                _cell(operations(change)),
                f"{_code(str(change.where.source))}<br>{_code(change.pointer)}",
                _code(change.rule),
                _cell(change.fix),
            )
            yield f"| {' | '.join(cells)} |"
    if report.excused:
        yield f"\n## Excused ({len(report.excused)})\n"
        for one in report.excused:
            yield f"- {_cell(one.change.what)} ({_code(one.change.pointer)}): {_cell(one.reason)}"


def _cell(value: str) -> str:
    for character, escape in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("\n", " ")):
        value = value.replace(character, escape)
    return value


def _code(value: str) -> str:
    """Return a text as code that may hold any character, also inside a table."""
    fence = "`" * (1 + max((len(run) for run in _runs(value)), default=0))
    pad = " " if value.startswith("`") or value.endswith("`") else ""
    return f"{fence}{pad}{value}{pad}{fence}".replace("|", "\\|").replace("\n", " ")


def _runs(value: str) -> Iterator[str]:
    run = ""
    for character in value:
        if character == "`":
            run += character
        elif run:
            yield run
            run = ""
    if run:
        yield run


# --- machines -------------------------------------------------------------------------------------

_LEVELS: Mapping[Severity, Level] = {
    Severity.BREAKING: "error",
    Severity.RISKY: "warning",
    Severity.SAFE: "note",
}


def sarif(report: Report) -> str:
    """Return the report in the Static Analysis Results Interchange Format, 2.1.0 (OASIS)."""
    used = sorted({change.rule for change in (*report.changes, *(one.change for one in report.excused))})
    results = [_result(change, used) for change in report.changes]
    results += [
        _result(one.change, used)
        | {"suppressions": [{"kind": "external", "justification": one.reason, "status": "accepted"}]}
        for one in report.excused
    ]
    return reviewforms.sarif("handfast diff", [_rule(name) for name in used], results)


def _rule(name: str) -> dict[str, object]:
    rule = RULES[name]
    made: dict[str, object] = {
        "id": name,
        "shortDescription": {"text": rule.what},
        "properties": {"category": rule.category},
    }
    return made | ({"help": {"text": rule.fix}} if rule.fix else {})


def _result(change: Change, used: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": change.rule,
        "ruleIndex": used.index(change.rule),
        "level": _LEVELS[change.severity],
        "message": {"text": _message(change)},
        "locations": [_location(change.new)] if change.new is not None else [],
        "partialFingerprints": {"change/v1": f"{change.rule} {change.direction} {change.pointer}"},
        "properties": {"direction": change.direction, "operations": list(change.operations)},
    }
    if change.old is not None:
        made["relatedLocations"] = [_location(change.old) | {"id": 0, "message": {"text": "as it was"}}]
    return made


def _location(where: Where) -> dict[str, Any]:
    return {
        "physicalLocation": reviewforms.physical(where.source),
        "logicalLocations": [{"fullyQualifiedName": where.pointer}],
    }


def _message(change: Change) -> str:
    parts = [f"{change.what}."]
    if change.operations:
        parts.append(f"In {operations(change)}.")
    if change.witness is not None:
        parts.append(f"For example {witness(change)}.")
    parts += [f"{part}." for part in (change.reason, change.fix) if part]
    return " ".join(part[:1].upper() + part[1:] for part in parts)


def github(report: Report) -> str:
    """Return the report as workflow commands, which GitHub shows beside the changed lines."""
    return "\n".join(_annotation(change) for change in report.changes)


def _annotation(change: Change) -> str:
    title = f"{change.severity}: {change.rule} ({change.direction})"
    # What is gone has no line in the new text.
    source = None if change.new is None else change.new.source
    return reviewforms.github(_LEVELS[change.severity], source, title, _message(change))


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "text": text,
    "json": lambda report: json.dumps(facts(report), indent=2, ensure_ascii=False),
    "markdown": markdown,
    "sarif": sarif,
    "github": github,
}
"""Name of a format → what prints it; `html` has a module of its own."""
