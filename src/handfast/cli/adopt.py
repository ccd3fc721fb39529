"""`handfast adopt`: an existing FastAPI application is taken over, one operation at a time."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli.errors import FINDINGS, OK, CliError, WrongUse
from handfast.cli.options import Run, command
from handfast.counted import counted

if TYPE_CHECKING:
    from handfast.adopt.report import Report
    from handfast.adopt.sight import Code, Sight
    from handfast.codegen.project import Loaded


class Form(str, Enum):  # noqa: UP042 (typer shows the members of a `str` enum)
    """How the report is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class Limit(str, Enum):  # noqa: UP042 (as above)
    """What makes the command fail."""

    BREAKING = "breaking"
    BY_HAND = "by-hand"


TargetArgument = Annotated[
    str, typer.Argument(metavar="MODULE:APP", help="The application, or a function that makes it.")
]
ContractOption = Annotated[
    Path | None,
    typer.Option(
        "--contract",
        metavar="FILE",
        help="The contract to begin with; without it, and without specs/, what the application derives.",
        exists=True,
        dir_okay=False,
    ),
]
FormOption = Annotated[Form, typer.Option("--format", help="How to print the report.")]
LimitOption = Annotated[
    Limit | None,
    typer.Option("--fail-on", help="Exit with 1 where a promise is broken, or anything served by hand."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Report, and write nothing.")]


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "adopt")(adopt)


def adopt(
    run: Run,
    target: TargetArgument,
    contract: ContractOption = None,
    form: FormOption = Form.TEXT,
    fail_on: LimitOption = None,
    dry_run: DryRunOption = False,
) -> int:
    """Take over an existing FastAPI application, one operation at a time.

    Reports what is still served by hand, with its place in the code and in the contract, and where it
    departs from the contract. Writes what a project lacks (specs/, generated/, handlers/, adopted.py) and
    changes no file that is there. `uvicorn adopted:app` then serves the application; an operation is
    answered by its handler as soon as that is written.
    """
    from handfast.adopt import formats

    with run.out.progress("importing the application"):
        sight = _seen(run, target)
    if sight is None:
        return FINDINGS
    with tempfile.TemporaryDirectory(prefix="handfast-adopt-") as folder, run.out.progress("comparing"):
        first = _first(run.root, sight, contract)
        prepared = _prepared(run, first, contract, Path(folder) / "project")
        if prepared is None:
            return FINDINGS
        loaded, files = prepared
        written: list[str] = []
        if not dry_run and (files or not _is_composed(run.root, sight.target)):
            found = _written(run, sight, loaded, files, first)
            if found is None:
                return FINDINGS
            written = found
        report = _report(run.root, sight, loaded, Path(folder))
    run.out.findings(report.faults)
    if form is Form.TEXT:
        run.out.data(formats.text(report), **formats.facts(report))
        said = f"{counted(len(written), 'file')} written\n" if written else ""
        run.out.result(said + formats.summary(report), written=written)
    else:
        run.out.data(_printed(report, form), **formats.facts(report), written=written)
    return FINDINGS if report.faults or _fails(report, fail_on) else OK


def _printed(report: Report, form: Form) -> str:
    import json

    from handfast.adopt import formats

    if form is Form.MARKDOWN:
        return formats.markdown(report).rstrip("\n")
    return json.dumps(formats.facts(report), indent=2, ensure_ascii=False)


def _fails(report: Report, limit: Limit | None) -> bool:
    if limit is Limit.BY_HAND:
        return report.by_hand > 0
    return limit is Limit.BREAKING and report.breaking > 0


def _seen(run: Run, target: str) -> Sight | None:
    """Look at the application; what is wrong with its own code is printed."""
    from handfast.cli.looking import Unseen, seen
    from handfast.codegen.ir import Finding, Source

    try:
        return seen(target, run.root)
    except Unseen as error:
        if run.debug and error.trace:
            sys.stderr.write(error.trace)
        if not error.where:
            raise WrongUse(error.what, error.fix) from None
        file, _, line = error.where.rpartition(":")
        run.out.findings([Finding(Source(file, int(line), 1), "not-importable", error.what, error.fix)])
        run.out.result("nothing was written", written=[])
        return None


# --- setting up -----------------------------------------------------------------------------------


def _first(root: Path, sight: Sight, contract: Path | None) -> dict[str, bytes]:
    """Return path -> content of the first contracts, none where the project has some.

    They are a file with those it refers to, or what the application derives.
    """
    from handfast.adopt.contract import first_contracts
    from handfast.codegen import scaffold

    if any(root.glob("specs/*/contracts/*")):
        if contract is not None:
            raise WrongUse(
                "the project has contracts already, in specs/", "leave --contract out, or add the file there"
            )
        return {}
    if contract is not None:
        found = {path: file.read_bytes() for path, file in scaffold.related(contract).items()}
    else:
        found = {path: text.encode() for path, text in first_contracts(sight.documents).items()}
        if not found:
            raise WrongUse(
                f"{sight.target} describes no operation that could be adopted",
                "name another application, or give its contract with --contract",
            )
    numbers = [int(path.name[:3]) for path in root.glob("specs/[0-9][0-9][0-9]-*")]
    folder = f"specs/{max(numbers, default=0) + 1:03}-{scaffold.slug(root.name)}/contracts"
    return {f"{folder}/{path}": text for path, text in found.items()}


def _prepared(
    run: Run, first: Mapping[str, bytes], contract: Path | None, folder: Path
) -> tuple[Loaded, Mapping[str, str]] | None:
    """Return what the contracts say, and what has to be generated: nothing where that has been done before.

    They are those of the project, or the `first`, which are read in `folder`, which is made. None where they
    are faulty.
    """
    from handfast.cli.generation import prepare, read_contracts
    from handfast.cli.new import as_given
    from handfast.codegen.manifest import MANIFEST

    files: Mapping[str, str] = {}
    if not first and (run.root / MANIFEST).is_file():
        loaded: Loaded | None = read_contracts(run.root)
    else:
        for path, text in first.items():
            _write(folder / path, text)
        for name in ("pyproject.toml", "ruff.toml", ".ruff.toml"):  # how generated code is laid out
            if first and (run.root / name).is_file():
                shutil.copyfile(run.root / name, folder / name)
        made = prepare(folder if first else run.root, empty=bool(first))
        loaded, files = made.loaded, made.files
    findings = loaded.findings if loaded is not None else ()
    if contract is not None:
        originals = _originals(first, contract)
        findings = tuple(as_given(finding, originals, contract) for finding in findings)
    run.out.findings(findings)
    if loaded is None or loaded.fatal or not loaded.features:
        faulty = loaded is not None and loaded.fatal
        what = "the contract is faulty" if faulty else "there is no operation to adopt"
        run.out.result(f"{what}; nothing was written", written=[])
        return None
    return loaded, files


def _originals(first: Iterable[str], contract: Path) -> dict[str, Path]:
    """Return the file that each of the first contracts was copied from."""
    from handfast.codegen import scaffold

    return dict(zip(first, scaffold.related(contract).values(), strict=True))


def _written(
    run: Run, sight: Sight, loaded: Loaded, files: Mapping[str, str], first: Mapping[str, bytes]
) -> list[str] | None:
    """Write what the project lacks, and return the paths; None where something stands in the way.

    `files` are generated, and `first` the first contracts. No file that is there is changed.
    """
    from handfast.codegen import scaffold
    from handfast.codegen.write import plan

    root = run.root
    own = {
        path: text.encode()
        for path, text in scaffold.adopted(loaded.features, sight.target, factory=sight.factory).items()
    }
    own |= first
    lacking = {path: text for path, text in own.items() if not (root / path).exists()}
    _check_ways(root, [*lacking, *files])
    _check_names(root)
    planned = plan(root, files) if files else None
    if planned is not None and planned.refused:
        run.out.findings(planned.refused)
        run.out.result("nothing was written", written=[])
        return None
    for path, text in lacking.items():
        _write(root / path, text)
    if planned is not None:
        try:
            planned.apply()
        except OSError as error:
            raise CliError(
                f"{root} cannot be written: {error.strerror}", "make the folder writable, then adopt again"
            ) from error
    return sorted({*lacking, *files})


def _is_composed(root: Path, target: str) -> bool:
    """Whether the project has its root: around the application, or, at the end, without it."""
    from handfast.cli.root import composition

    own = composition(root)
    return own is not None and own != target.partition(":")[0]


def _check_names(root: Path) -> None:
    """Refuse a project in which Python would find something else under our names."""
    taken = [
        name
        for name in ("adopted", "authenticators", "generated", "handlers")
        if (root / f"{name}.py").is_file() and (root / name).is_dir()
    ]
    taken += [name for name in ("generated", "handlers") if (root / f"{name}.py").is_file()]
    taken += [name for name in ("adopted", "authenticators") if (root / name).is_dir()]
    if taken:
        raise WrongUse(
            f"the project has a module `{taken[0]}` of its own, where Handfast needs that name",
            "rename it, or adopt in a folder of its own: --project DIR, with the application installed",
        )


def _check_ways(root: Path, files: Iterable[str]) -> None:
    """Refuse a project where a file stands in the place of a folder."""
    for path in files:
        for parent in (root / path).relative_to(root).parents:
            if (root / parent).is_file():
                raise WrongUse(f"{parent} is a file, and a folder is needed there", f"rename {parent}")


def _write(path: Path, text: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}", "make the folder writable") from error


# --- reporting ------------------------------------------------------------------------------------


def _report(root: Path, sight: Sight, loaded: Loaded, folder: Path) -> Report:
    from handfast.adopt.departures import departures
    from handfast.adopt.matching import Written, match
    from handfast.adopt.report import report
    from handfast.adopt.sight import Code
    from handfast.cli.handlers import handler_of
    from handfast.codegen.scaffold import ADOPTED

    matching = match(loaded.features, sight.routes)
    composed = _text(root / ADOPTED)
    handlers: dict[str, tuple[Code, Written]] = {}
    for one in matching.operations:
        function = str(one.operation.name)
        found = handler_of(root, str(one.feature.name), function)
        mounted = composed is None or f"generated.{one.feature.name}.routes" in composed
        state: Written = found.state if mounted else "not mounted"
        handlers[one.name] = Code(function, found.file, found.line), state
    try:
        today = datetime.now(UTC).date()
        changes, faults = departures(loaded, matching.operations, sight.documents, folder, today)
    except RecursionError:
        raise CliError(
            "the contracts lead through too many levels to be compared",
            "let schemas refer to each other less deeply",
        ) from None
    return report(sight.target, matching, handlers, changes, faults)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
