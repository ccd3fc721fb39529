"""Changes that have been reviewed and are let through: a file with a reason and a last day for each.

    exceptions:
    - rule: maximum-lowered
      pointer: '#/paths/~1tasks/get/*'
      operation: GET /tasks
      direction: request
      reason: nobody has ever asked for more than 50, says the access log
      expires: 2026-12-31

`rule`, `pointer`, `reason` and `expires` must be there; `*` in a pointer stands for anything. An exception
that has expired lets nothing through, and one that nothing matches is told, so that the file stays short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from handfast.codegen.ir import Finding, Source
from handfast.codegen.load import LoadFault, read
from handfast.codegen.report import nearest
from handfast.codegen.source import Map, Seq
from handfast.diff.catalogue import RULES
from handfast.diff.model import Change
from handfast.diff.report import Excused

DEFAULT = "diff-exceptions.yaml"
"""The file of a project, below its root."""
_REQUIRED = ("rule", "pointer", "reason", "expires")
_KEYS = (*_REQUIRED, "operation", "direction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One exception."""

    rule: str
    pointer: str
    reason: str
    expires: date
    operation: str = ""
    direction: str = ""
    source: Source

    def matches(self, change: Change) -> bool:
        """Whether it speaks of the change; one of several operations must be one of one operation only."""
        return (
            change.rule == self.rule
            and fnmatchcase(change.pointer, self.pointer.replace("[", "[[]"))
            and self.direction in ("", change.direction)
            and (not self.operation or change.operations == (self.operation,))
        )


def read_exceptions(path: Path, name: str) -> tuple[tuple[Reviewed, ...], tuple[Finding, ...]]:
    """Read the file at `path`, called `name` in findings, and what is wrong with it, fatally."""
    try:
        document = read(path, name)
    except LoadFault as fault:
        return (), (fault.finding,)
    root = document.root
    entries = root.get("exceptions") if isinstance(root, Map) else None
    findings = list(document.findings)
    if not isinstance(entries, Seq):
        what = "the file has no list `exceptions`"
        findings.append(Finding(Source(name, 1, 1), "not-exceptions", what, "write `exceptions:` and a list"))
        return (), tuple(findings)
    found: list[Reviewed] = []
    for index, entry in enumerate(entries):
        made, wrong = _entry(entry if isinstance(entry, Map) else None, entries.value_source(index))
        findings += wrong
        if made is not None:
            found.append(made)
    return tuple(found), tuple(findings)


def _entry(entry: Map | None, source: Source) -> tuple[Reviewed | None, list[Finding]]:
    if entry is None:
        fix = f"write a mapping with {', '.join(f'`{key}`' for key in _REQUIRED)}"
        return None, [Finding(source, "not-exceptions", "an exception must be a mapping", fix)]
    wrong: list[Finding] = []
    for key in entry:
        if key not in _KEYS:
            near = nearest(key, list(_KEYS))
            fix = f"did you mean `{near}`?" if near else "remove it"
            what = f"`{key}` means nothing in an exception"
            wrong.append(Finding(entry.key_source(key), "unknown-key", what, fix))
    texts = {key: str(entry[key]) for key in _KEYS if entry.get(key) not in (None, "")}
    for key in _REQUIRED:
        if key not in texts:
            what = f"the exception has no `{key}`"
            wrong.append(Finding(source, "missing-field", what, f"add `{key}:`"))
    if "rule" in texts and texts["rule"] not in RULES:
        near = nearest(texts["rule"], list(RULES))
        fix = f"did you mean `{near}`?" if near else "name a rule of docs/reference/diff.md"
        what = f"there is no rule `{texts['rule']}`"
        wrong.append(Finding(entry.value_source("rule"), "unknown-rule", what, fix))
    try:
        expires = date.fromisoformat(texts.pop("expires", "0001-01-01"))
    except ValueError:
        what = "`expires` must be a date"
        wrong.append(Finding(entry.value_source("expires"), "wrong-value", what, "write it as 2030-01-31"))
        expires = date.min
    return (None, wrong) if wrong else (Reviewed(expires=expires, source=source, **texts), [])


def excuse(
    changes: Sequence[Change], exceptions: Sequence[Reviewed], today: date
) -> tuple[tuple[Change, ...], tuple[Excused, ...], tuple[Finding, ...]]:
    """Return the changes that still count, those that are excused, and what to say of the exceptions."""
    valid = [one for one in exceptions if one.expires >= today]
    kept: list[Change] = []
    excused: list[Excused] = []
    used: set[Reviewed] = set()
    for change in changes:
        by = next((one for one in valid if one.matches(change)), None)
        if by is None:
            kept.append(change)
            continue
        used.update(one for one in valid if one.matches(change))
        excused.append(Excused(change, f"{by.reason} ({by.source}, until {by.expires})"))
    notes = []
    for one in exceptions:
        if one.expires < today:
            what = f"the exception for `{one.rule}` has expired on {one.expires}"
            fix = "remove it, or review the change again"
            notes.append(Finding(one.source, "expired-exception", what, fix, fatal=False))
        elif one not in used:
            what = f"nothing matches the exception for `{one.rule}`"
            notes.append(Finding(one.source, "unused-exception", what, "remove it", fatal=False))
    return tuple(kept), tuple(excused), tuple(notes)
