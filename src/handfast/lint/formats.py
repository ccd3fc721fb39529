"""Findings for programs that show them beside the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from handfast.codegen import reviewforms
from handfast.codegen.ir import Finding
from handfast.codegen.reviewforms import Level
from handfast.lint.catalogue import GENERATION, RULES, SEVERITIES

_WORDS = {rule.code: rule.what for rule in RULES} | GENERATION


def severity(finding: Finding) -> str:
    """Return `error` for what stops generation, `warning`, or `advice`."""
    return "error" if finding.fatal else SEVERITIES.get(finding.code, "warning")


def _level(finding: Finding) -> Level:
    if finding.fatal:
        return "error"
    return "note" if severity(finding) == "advice" else "warning"


def sarif(findings: Sequence[Finding]) -> str:
    """Return findings in SARIF 2.1.0, with the rules that they come from."""
    used = sorted({finding.code for finding in findings})
    rules = [{"id": code, "shortDescription": {"text": _WORDS[code]}} for code in used]
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": used.index(finding.code),
            "level": _level(finding),
            "message": {"text": _message(finding)},
            "locations": [{"physicalLocation": reviewforms.physical(finding.source)}],
        }
        for finding in findings
    ]
    return reviewforms.sarif("handfast lint", rules, results)


def github(findings: Sequence[Finding]) -> str:
    """Return findings as workflow commands, which GitHub shows beside the lines."""
    return "\n".join(
        reviewforms.github(
            _level(finding), finding.source, f"{severity(finding)}: {finding.code}", _message(finding)
        )
        for finding in findings
    )


def _message(finding: Finding) -> str:
    return f"{finding.what[:1].upper()}{finding.what[1:]}. Fix: {finding.fix}"


FORMATS: Mapping[str, Callable[[Sequence[Finding]], str]] = {"sarif": sarif, "github": github}
"""Name of a format → what prints it."""
