"""The semantic version (2.0.0) that a contract must have after its changes, and where it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from handfast.codegen.ir import Finding, Source
from handfast.codegen.source import Map
from handfast.diff.contract import Contract
from handfast.diff.model import Change, Severity, Where

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\Z")


@dataclass(frozen=True, slots=True)
class Step:
    """The version that one contract file should have."""

    file: str
    old: str
    """What it was before the changes."""
    now: str
    """What is written in it."""
    due: str
    """What it must at least be."""
    source: Source
    """Where it is written."""

    @property
    def done(self) -> bool:
        """Whether what is written is enough."""
        return parts(self.now) >= parts(self.due)


def parts(version: str) -> tuple[int, int, int]:
    """Return the numbers of a version; raises `ValueError` where it is none."""
    match = _VERSION.match(version)
    if match is None:
        raise ValueError(version)
    return int(match[1]), int(match[2]), int(match[3])


def raised(version: str, worst: Severity | None) -> str:
    """Return the version after changes of which `worst` is the worst (None: none that is seen).

    Before 1.0.0 a break raises the minor number, and anything else the patch (semver.org, 4).
    """
    major, minor, patch = parts(version)
    if worst is Severity.BREAKING:
        return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
    if worst is None or not major:
        return f"{major}.{minor}.{patch + 1}"
    return f"{major}.{minor + 1}.0"


def steps(
    old: Sequence[Contract], new: Sequence[Contract], changes: Sequence[Change]
) -> tuple[tuple[Step, ...], tuple[Finding, ...]]:
    """Return the version that each changed contract file should have, and what is wrong with versions.

    A contract is told from others by its file; where each side has one alone, these two belong together.
    """
    before = {one.root.file.name: one for one in old}
    found: list[Step] = []
    notes: list[Finding] = []
    for one in new:
        file = one.root.file.name
        other = before.get(file) or (old[0] if len(old) == len(new) == 1 else None)
        if other is None or other.root == one.root:
            continue
        info, was = one.root.get("info"), other.root.get("info")
        source = info.value_source("version") if isinstance(info, Map) else one.root.source
        versions = [str(each.get("version", "")) if isinstance(each, Map) else "" for each in (was, info)]
        single = len(new) == 1
        own = [each for each in changes if single or file in {side.source.file for side in _sides(each)}]
        worst = max((each.severity for each in own), default=None)
        try:
            due = raised(versions[0], worst)
            parts(versions[1])
        except ValueError:
            what = (
                f"the version `{versions[1] or versions[0]}` is no semantic version, so none can be suggested"
            )
            notes.append(
                Finding(source, "no-semver", what, "write three numbers: `version: 1.0.0`", fatal=False)
            )
            continue
        found.append(Step(file, versions[0], versions[1], due, source))
    return tuple(found), tuple(notes)


def _sides(change: Change) -> list[Where]:
    return [one for one in (change.old, change.new) if one is not None]


def written(text: str, step: Step) -> str | None:
    """Return the text of a contract file with the version that is due; None where it cannot be found there.

    Every other character stays as it is.
    """
    lines = text.splitlines(keepends=True)
    if step.source.line > len(lines):
        return None
    line = lines[step.source.line - 1]
    at = step.source.column - 1
    match = re.compile(r"(['\"]?)" + re.escape(step.now) + r"\1(?![0-9A-Za-z.+-])").match(line, at)
    if match is None:
        return None
    quote = match[1]
    lines[step.source.line - 1] = line[:at] + quote + step.due + quote + line[match.end() :]
    return "".join(lines)
