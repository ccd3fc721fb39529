"""`handfast lint`: what a contract could say better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli.errors import FINDINGS, OK, CliError, WrongUse
from handfast.cli.generate import StrictOption
from handfast.cli.options import Run, command
from handfast.counted import counted

if TYPE_CHECKING:
    from handfast.codegen.ir import Finding
    from handfast.codegen.project import Loaded


class Form(str, Enum):  # noqa: UP042 (typer shows the members of a `str` enum)
    """How the findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


PathArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PATH]", help="A contract file or a project; without it the project.", exists=True
    ),
]

FixOption = Annotated[bool, typer.Option("--fix", help="Repair what is mechanical, in the contracts' files.")]

FormOption = Annotated[Form, typer.Option("--format", help="How to print the findings.")]

_ROUNDS = 5
"""How often repairs may make others possible."""


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "lint")(lint)


def lint(
    run: Run,
    path: PathArgument = None,
    form: FormOption = Form.TEXT,
    fix: FixOption = False,
    strict: StrictOption = False,
) -> int:
    """Tell what is wrong with contracts, and what they leave to their readers to guess.

    Exit code 1 where a finding stops generation; with --strict, where there is any. Rules are switched
    off in pyproject.toml, each with its reason: docs/reference/lint.md. --fix leaves comments, order and
    every character that it need not change as they are.
    """
    from handfast.cli.generation import read_path
    from handfast.lint.config import WrongConfig, switched_off
    from handfast.lint.formats import FORMATS, severity
    from handfast.lint.lint import lint as find

    try:
        off = switched_off(run.root)
    except WrongConfig as wrong:
        raise WrongUse(wrong.what, wrong.fix) from None
    fixed = 0
    with run.out.progress("reading contracts"):
        loaded, folder = read_path(run.root, path)
        findings = find(loaded, off)
        for _ in range(_ROUNDS if fix else 0):
            made = mend(loaded, folder, findings)
            if not made:
                break
            fixed += made
            loaded, folder = read_path(run.root, path)
            findings = find(loaded, off)
    code = FINDINGS if any(finding.fatal for finding in findings) or (strict and findings) else OK
    if form in (Form.SARIF, Form.GITHUB):
        run.out.data(FORMATS[form.value](findings).rstrip("\n"))
        return code
    out = replace(run.out, json=True) if form is Form.JSON else run.out
    out.findings(findings, severity)
    counts = Counter(finding.code for finding in findings)
    shown = ", ".join(f"{number} {code}" for code, number in counts.most_common())
    said = f"{counted(len(findings), 'finding')}: {shown}" if findings else "nothing to say"
    out.result(f"{fixed} repaired\n{said}" if fix else said, counts=counts, repaired=fixed)
    if out is not run.out:
        out.close(code)
    return code


def mend(loaded: Loaded, folder: Path, findings: Iterable[Finding]) -> int:
    """Repair the files of contracts where that is mechanical; return how many repairs were made.

    Raises `CliError` where a file cannot be written. Copies of remote documents are left alone.
    """
    from handfast.codegen.load import decode, encode
    from handfast.codegen.remote import FOLDER
    from handfast.lint.repairs import repairs
    from handfast.lint.splice import repaired

    made = 0
    for name, wanted in sorted(repairs(loaded, findings).items()):
        if name.startswith(f"{FOLDER}/"):
            continue
        file = folder / name
        data = file.read_bytes()
        text, kept = repaired(decode(data, name), name, wanted)
        if not kept or encode(decode(data, name), data) != data:
            continue
        try:
            file.write_bytes(encode(text, data))
        except OSError as error:
            raise CliError(f"{file} cannot be written: {error.strerror}", "make it writable") from error
        made += len(kept)
    return made
