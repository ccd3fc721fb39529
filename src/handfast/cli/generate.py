"""`handfast generate`: contracts in, code out."""

from __future__ import annotations

from typing import Annotated

import typer

from handfast.cli.errors import FINDINGS, OK
from handfast.cli.options import Run, command
from handfast.counted import counted

LedgerOption = Annotated[
    bool, typer.Option("--ledger", help="Print each construct of the contracts, and what becomes of it.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Let deprecated operations be removed before their sunset.")
]
NoCacheOption = Annotated[
    bool, typer.Option("--no-cache", help="Read the contracts even if nothing has changed.")
]
RemoteOption = Annotated[
    bool, typer.Option("--allow-remote", help="Copy what remote references name into specs/remote/, once.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print what would change as a unified diff, and write nothing.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Let warnings fail the command too.")]


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "generate")(generate)


def generate(
    run: Run,
    strict: StrictOption = False,
    ledger: LedgerOption = False,
    no_cache: NoCacheOption = False,
    allow_remote: RemoteOption = False,
    force: ForceOption = False,
    dry_run: DryRunOption = False,
) -> int:
    """Write generated/ and contracts/ from specs/, and fit handlers to what changed.

    Adds stubs, rewrites signatures, renames, and sets functions of removed operations aside; says what is
    left to do by hand. With --ledger also tells of each construct whether it is enforced, partly enforced,
    refused or an annotation, and why.
    """
    from handfast.cli.coverage import show
    from handfast.cli.generation import Use, prepare
    from handfast.codegen.manifest import LEGALISATION
    from handfast.codegen.remote import fetch

    with run.out.progress("reading contracts"):
        wanted = allow_remote and not dry_run
        use = Use.NOTHING if no_cache or ledger else Use.FULLY
        made = prepare(run.root, cache=use, forced=force, fetch=fetch if wanted else None)
    run.out.findings(made.findings)
    if made.plan is None:
        run.out.result("nothing was written", written=[], deleted=[])
        return FINDINGS
    if made.plan.refused:
        run.out.findings(made.plan.refused)
        run.out.result("nothing was written", written=[], deleted=[])
        return FINDINGS
    todo = made.work()
    if made.evolved.blocked:
        for work in todo:
            run.out.data(str(work))
        run.out.result("nothing was written", written=[], deleted=[], work=[work.facts() for work in todo])
        return FINDINGS
    if dry_run:
        diff = made.diff()
        run.out.data(diff.rstrip("\n"), diff=diff)
        for work in todo:
            run.out.data(str(work))
        run.out.result("nothing was written", written=[], deleted=[], work=[work.facts() for work in todo])
        return FINDINGS if strict and made.findings else OK
    made.apply()
    if ledger and made.loaded is not None:
        show(made.loaded.ledger(), run.out)
    written = [*made.plan.created, *made.plan.changed, *sorted(made.evolved.files)]
    for work in todo:
        run.out.data(str(work))
    told = f"{len(written)} written, {len(made.plan.deleted)} deleted, {len(made.files)} in all"
    steps = sum(outline.legalisations for outline in made.outlines)
    if steps:
        said = counted(steps, "legalisation")
        told += f"\n{said}, of what is published otherwise than written, in {LEGALISATION}"
    run.out.result(
        told,
        written=written,
        deleted=list(made.plan.deleted),
        legalisations=steps,
        work=[work.facts() for work in todo],
    )
    return FINDINGS if strict and made.findings else OK
