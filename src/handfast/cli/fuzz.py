"""`handfast fuzz`: does the service obey its contract, and does it keep its users apart?"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli.errors import FINDINGS, OK, CliError, WrongUse
from handfast.cli.options import Run, command
from handfast.counted import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handfast.cli.fuzzing import Target
    from handfast.fuzz.contract import Json
    from handfast.fuzz.http import HttpSurface
    from handfast.fuzz.report import Finding


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "fuzz")(fuzz)


def fuzz(
    run: Run,
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="A running service; by default the project's own.")
    ] = None,
    identities: Annotated[
        int, typer.Option(help="1 holds it against its contract; 2 looks for leaks.", min=1, max=2)
    ] = 1,
    calls: Annotated[int, typer.Option(help="Calls that two identities make.", min=1)] = 2000,
    max_examples: Annotated[
        int, typer.Option(help="Schemathesis' cases an operation and phase.", min=1)
    ] = 25,
    seed: Annotated[int, typer.Option(help="The same seed makes the same calls.")] = 1,
    operation: Annotated[
        list[str] | None,
        typer.Option(help="Only this operationId or 'METHOD /path'; may be repeated."),
    ] = None,
    public: Annotated[
        list[str] | None,
        typer.Option(help="An operation that shows its answers to everybody; may be repeated."),
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar="HANDFAST_FUZZ_TOKEN", help="A user's bearer token, for URL.")
    ] = None,
    other_token: Annotated[
        str | None, typer.Option(envvar="HANDFAST_FUZZ_OTHER_TOKEN", help="Another user's token, for URL.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(help="'Name: value' that the user sends; may be repeated.")
    ] = None,
    other_header: Annotated[
        list[str] | None, typer.Option(help="'Name: value' that the other user sends.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail where an operation could not be exercised.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write everything found and done, as JSON.")
    ] = None,
) -> int:
    """Fuzz the service with data from its contract.

    Without URL it starts the project's service on a throwaway PostgreSQL and stops it afterwards. With
    two identities it tries, as one user, everything on what another one has created.
    """
    from handfast.cli import fuzzing

    if report is not None:
        _write(report, "", mode="a")  # a long run must not end with a report that nobody can keep
    with _hypothesis(), contextlib.ExitStack() as stack:
        if url is None:
            if token or other_token or header or other_header:
                raise WrongUse("credentials are for a running service", "name its URL, or leave them out")
            target = stack.enter_context(fuzzing.own_service(run))
        else:
            users = [(token, header or ()), (other_token, other_header or ())]
            target = stack.enter_context(fuzzing.running(url, users, identities=identities))
        if target.faults:
            return _end(run, list(target.faults), {"calls": 0}, report, strict=strict)
        surface = stack.enter_context(target.surface(seed))
        _check_names(surface, [*(operation or ()), *(public or ())])
        if identities == 1:
            found, facts = _conformance(run, target, surface, operation or (), max_examples, seed)
        else:
            found, facts = _isolation(
                run, target, surface, operation or (), public or (), calls, max_examples, seed
            )
        return _end(run, found, facts, report, strict=strict)


def _conformance(
    run: Run,
    target: Target,
    surface: HttpSurface,
    operations: Sequence[str],
    examples: int,
    seed: int,
    *,
    peers_only: bool = False,
) -> tuple[list[Finding], dict[str, Json]]:
    from handfast.fuzz import conformance

    count = 2 if peers_only else 1
    try:
        with run.out.progress(
            "Schemathesis looks at one user's things as another" if peers_only else "fuzzing"
        ):
            outcome = conformance.run(
                target.url,
                surface.contract,
                target.users(surface.contract)[:count],
                examples=examples,
                seed=seed,
                operations=operations,
                peers_only=peers_only,
            )
    except conformance.Failed as error:
        raise CliError(str(error), "run the command with --debug, or report a defect") from error
    facts: dict[str, Json] = {"seed": seed, "cases": outcome.cases, "seconds": round(outcome.seconds, 1)}
    return list(outcome.findings), facts


def _isolation(
    run: Run,
    target: Target,
    surface: HttpSurface,
    operations: Sequence[str],
    public: Sequence[str],
    calls: int,
    examples: int,
    seed: int,
) -> tuple[list[Finding], dict[str, Json]]:
    from handfast.cli.fuzzing import Progress
    from handfast.fuzz import isolation

    made = isolation.run(
        surface,
        target.identities(surface.contract),
        calls=calls,
        seed=seed,
        public=public,
        operations=operations,
        authority=target.authority,
        progress=Progress(run, calls),
    )
    peers, cases = _conformance(run, target, surface, operations, examples, seed, peers_only=True)
    facts = made.facts(surface.operations())
    facts["schemathesis"] = cases
    return [*made.findings, *peers], facts


def _end(
    run: Run, findings: Sequence[Finding], facts: dict[str, Json], report: Path | None, *, strict: bool
) -> int:
    """Print findings and figures, write the report, and return the exit code."""
    facts = {**facts, "findings": [finding.facts() for finding in findings]}
    if report is not None:
        _write(report, json.dumps(facts, indent=2) + "\n")
    run.out.data("\n".join(map(str, findings)), **facts)
    defects = sum(finding.fatal for finding in findings)
    if "seconds" not in facts:  # the service did not start
        return FINDINGS if defects or (strict and findings) else OK
    ended = f"{facts['seconds']} s, seed {facts['seed']}"
    if "cases" in facts:
        run.out.result(f"{_said(defects)} in {_counted(facts, 'case')}, {ended}")
    elif "rounds" in facts:
        leaks = counted(_number(facts["leaked"]), "leak")
        run.out.result(f"{_said(defects)}; {leaks} in {_counted(facts, 'call')} of two identities, {ended}")
    return FINDINGS if defects or (strict and findings) else OK


def _write(report: Path, text: str, *, mode: str = "w") -> None:
    try:
        with report.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CliError(
            f"{report} cannot be written: {error.strerror}", "name another file with --report"
        ) from error


def _said(defects: int) -> str:
    return counted(defects, "defect") if defects else "no defect"


def _counted(facts: dict[str, Json], noun: str) -> str:
    return counted(_number(facts[f"{noun}s"]), noun)


def _number(fact: Json) -> int:
    assert isinstance(fact, int)  # noqa: S101 (what is counted is)
    return fact


def _check_names(surface: HttpSurface, names: Sequence[str]) -> None:
    known = {name for one in surface.operations() for name in (one.operation_id, one.label)}
    for name in names:
        if name not in known:
            raise WrongUse(
                f"the contract has no operation {name!r}",
                "write its operationId, or 'METHOD /path' as it is there",
            )


@contextlib.contextmanager
def _hypothesis() -> Iterator[None]:
    """Keep what Hypothesis stores out of the working directory."""
    name = "HYPOTHESIS_STORAGE_DIRECTORY"
    if name in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="handfast-fuzz-") as folder:
        os.environ[name] = folder
        try:
            yield
        finally:
            del os.environ[name]
