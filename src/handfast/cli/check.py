"""`handfast check`: are what is generated and what is written what the contracts say?"""

from __future__ import annotations

import typer

from handfast.cli.errors import FINDINGS, OK
from handfast.cli.generate import NoCacheOption, StrictOption
from handfast.cli.options import Run, command
from handfast.counted import counted


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "check")(check)


def check(run: Run, strict: StrictOption = False, no_cache: NoCacheOption = False) -> int:
    """Show how generated/ and handlers/ differ from the contracts.

    Writes nothing. Exit code 1 where generated code differs, or a handler function is missing or does not
    fit.
    """
    from handfast.cli.generation import Use, prepare

    with run.out.progress("reading contracts"):
        made = prepare(run.root, cache=Use.NOTHING if no_cache else Use.READ)
    run.out.findings(made.findings)
    if made.plan is None:
        run.out.result("", drift=None)
        return FINDINGS
    run.out.findings(made.plan.refused)
    diff = made.diff()
    run.out.data(diff.rstrip("\n"), drift=diff)
    todo = made.work()
    if diff or made.plan.refused:
        for work in todo:
            run.out.data(str(work))
        run.out.result(
            "generated code or handlers differ from the contracts\n  fix: run `handfast generate`",
            work=[work.facts() for work in todo],
        )
        return FINDINGS
    for work in todo:
        run.out.data(str(work))
    if todo:
        run.out.result("handlers differ from the contracts", work=[work.facts() for work in todo])
        return FINDINGS
    count = sum(len(outline.places) for outline in made.outlines)
    run.out.result(
        f"all well: {counted(count, 'operation')}, {counted(len(made.files), 'file')}", operations=count
    )
    return FINDINGS if strict and made.findings else OK
