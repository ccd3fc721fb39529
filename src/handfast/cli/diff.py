"""`handfast diff`: what changed between two contracts, and whom it hurts."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli.errors import FINDINGS, OK, CliError, WrongUse
from handfast.cli.options import Run, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handfast.codegen.ir import Finding
    from handfast.codegen.project import Loaded
    from handfast.diff.exceptions import Reviewed
    from handfast.diff.version import Step


class Form(str, Enum):  # noqa: UP042 (typer shows the members of a `str` enum)
    """How the report is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"
    SARIF = "sarif"
    GITHUB = "github"


class Limit(str, Enum):  # noqa: UP042 (as above)
    """From which severity on the command fails."""

    BREAKING = "breaking"
    RISKY = "risky"


OldArgument = Annotated[
    str, typer.Argument(metavar="[REV|FILE]", help="A git revision, or a contract file.", show_default=True)
]
NewArgument = Annotated[
    str, typer.Argument(metavar="[NEW]", help="Another one; without it the project as it stands.")
]
FormOption = Annotated[Form, typer.Option("--format", help="How to print the report.")]
LimitOption = Annotated[
    Limit | None, typer.Option("--fail-on", help="Exit with 1 where a change is that severe, or worse.")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write the report to a file.", dir_okay=False)
]

ExceptionsOption = Annotated[
    Path | None,
    typer.Option(
        "--exceptions",
        metavar="FILE",
        help="Reviewed changes that are let through (diff-exceptions.yaml, if there is one).",
        dir_okay=False,
    ),
]
VersionOption = Annotated[
    bool, typer.Option("--write-version", help="Write the suggested version into the contracts in specs/.")
]


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "diff")(diff)


def diff(
    run: Run,
    old: OldArgument = "HEAD",
    new: NewArgument = "",
    form: FormOption = Form.TEXT,
    fail_on: LimitOption = None,
    output: OutputOption = None,
    exceptions: ExceptionsOption = None,
    write_version: VersionOption = False,
) -> int:
    """Tell what changed in the contracts, how severe it is, and whom it hurts.

    Compares the project with a git revision (HEAD) or a contract file. Breaking is what refuses requests
    that were accepted, or sends what could not come before; risky is what hurts some, or cannot be decided.
    """
    from handfast.cli.generation import without_collector
    from handfast.diff import formats
    from handfast.diff.compare import compare
    from handfast.diff.contract import contracts
    from handfast.diff.exceptions import excuse
    from handfast.diff.model import Severity
    from handfast.diff.report import Report
    from handfast.diff.version import steps

    if write_version and new:
        raise WrongUse(
            "--write-version writes into the project, and so needs no second contract", "leave NEW out"
        )
    with run.out.progress("comparing contracts"), without_collector():
        before = _read(run.root, old)
        after = _read(run.root, new)
        for name, loaded in ((old, before), (new or "the project", after)):
            if loaded.fatal:
                run.out.findings(one for one in loaded.findings if one.fatal)
                run.out.result(f"{name} is no contract that can be compared", error=f"{name} is faulty")
                return FINDINGS
        today = datetime.now(UTC).date()
        sides = contracts(before), contracts(after)
        try:
            every = compare(*sides, today)
        except RecursionError:
            raise CliError(
                "the contracts lead through too many levels to be compared",
                "let schemas refer to each other less deeply",
            ) from None
    reviewed, faults = _exceptions(run.root, exceptions)
    if faults:
        run.out.findings(faults)
        run.out.result("the exceptions cannot be read", error="the exceptions are faulty")
        return FINDINGS
    changes, excused, notes = excuse(every, reviewed, today)
    suggested, more = steps(*sides, every)
    report = Report(old, new or "the working tree", changes, excused, (*notes, *more), suggested)
    if form is Form.HTML:
        from handfast.diff.html import html

        text = html(report).rstrip("\n")
    else:
        text = formats.FORMATS[form.value](report).rstrip("\n")
    if output is not None:
        _write(output, f"{text}\n")
    run.out.data("" if output is not None else text, **formats.facts(report))
    if form is Form.TEXT or output is not None:
        run.out.findings(report.notes)
        run.out.result(report.summary())
    if write_version:
        _raise_versions(run, report.versions)
    if fail_on is None:
        return OK
    limit = Severity[fail_on.name]
    return FINDINGS if any(change.severity >= limit for change in changes) else OK


def _read(root: Path, name: str) -> Loaded:
    """Read contracts: a file, those of a git revision, or (without a name) those of the project."""
    from handfast.cli.generation import read_contracts
    from handfast.codegen.project import Project, load, load_file
    from handfast.diff.revision import NoRevision, checked_out

    if not name:
        return read_contracts(root, examples=False)
    for path in (root / name, Path(name).resolve()):
        if path.is_file():
            return load_file(path, root if path.is_relative_to(root) else path.parent, examples=False)
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(checked_out(root, name))
        except NoRevision as error:
            raise WrongUse(error.what, error.fix) from None
        loaded = load(Project(folder), examples=False)
    if not loaded.features and not loaded.findings:
        raise WrongUse(f"there is no contract at {name}", "name a revision that has contracts in specs/")
    return loaded


def _exceptions(root: Path, given: Path | None) -> tuple[tuple[Reviewed, ...], tuple[Finding, ...]]:
    from handfast.diff.exceptions import DEFAULT, read_exceptions

    path = given or root / DEFAULT
    if given is None and not path.is_file():
        return (), ()
    return read_exceptions(path, DEFAULT if given is None else str(given))


def _raise_versions(run: Run, versions: Sequence[Step]) -> None:
    """Write the versions that are not high enough."""
    from handfast.diff.version import written

    for step in versions:
        if step.done:
            continue
        path = run.root / step.source.file
        with path.open(encoding="utf-8", newline="") as file:
            text = written(file.read(), step)
        if text is None:
            raise CliError(f"{step.source}: the version cannot be found here", f"write `version: {step.due}`")
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        run.out.result(f"{step.source}: the version is {step.due} now; run `handfast generate`")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}", "name another file") from error
