"""`handfast lint`: what a contract could say better."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli.errors import FINDINGS, OK, WrongUse
from handfast.cli.generate import StrictOption
from handfast.cli.options import Run, command

if TYPE_CHECKING:
    from handfast.codegen.ir import Finding

PathArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PATH]", help="A contract file or a project; without it the project.", exists=True
    ),
]


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "lint")(lint)


def lint(run: Run, path: PathArgument = None, strict: StrictOption = False) -> int:
    """Tell what is wrong with contracts, and what they leave to their readers to guess.

    Exit code 1 where a finding stops generation; with --strict, where there is any. Rules are switched
    off in pyproject.toml, each with its reason: docs/reference/lint.md.
    """
    from handfast.cli.generation import read_path
    from handfast.lint.config import WrongConfig, switched_off
    from handfast.lint.lint import lint as find

    try:
        off = switched_off(run.root)
    except WrongConfig as wrong:
        raise WrongUse(wrong.what, wrong.fix) from None
    with run.out.progress("reading contracts"):
        findings = find(read_path(run.root, path), off)
    run.out.findings(findings, severity)
    counts = Counter(finding.code for finding in findings)
    shown = ", ".join(f"{number} {code}" for code, number in counts.most_common())
    run.out.result(f"{len(findings)} findings: {shown}" if findings else "nothing to say", counts=counts)
    return FINDINGS if any(finding.fatal for finding in findings) or (strict and findings) else OK


def severity(finding: Finding) -> str:
    """Return `error` for what stops generation, `warning`, or `advice`."""
    from handfast.lint.catalogue import SEVERITIES

    return "error" if finding.fatal else SEVERITIES.get(finding.code, "warning")
