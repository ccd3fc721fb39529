"""`handfast new`: a project around a contract."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli.errors import FINDINGS, OK, CliError, WrongUse
from handfast.cli.options import Run, command
from handfast.counted import counted

if TYPE_CHECKING:
    from handfast.cli.generation import Generation
    from handfast.codegen.ir import Finding


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "new")(new)


def new(
    run: Run,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; it must not hold anything yet.")],
    contract: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The OpenAPI file to begin with.", exists=True, dir_okay=False),
    ],
) -> int:
    """Make a project around a contract.

    Copies the contract and the files it refers to, generates, and writes a stub for each operation: the
    project starts at once, and an operation answers 501 until its function is written.
    """
    from handfast.codegen import scaffold

    target = folder.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise WrongUse(
            f"{folder} holds something already", "name a folder that is empty or does not exist yet"
        )
    name = scaffold.slug(target.name)
    with _workshop(target) as made, run.out.progress("reading the contract"):
        files = scaffold.related(contract)
        contracts = f"specs/001-{name}/contracts"
        for path, source in files.items():
            copy = made / contracts / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        originals = {f"{contracts}/{path}": source for path, source in files.items()}
        (made / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n", encoding="utf-8")
        generation = _read(made, contract)
        run.out.findings(as_given(finding, originals, contract) for finding in generation.findings)
        if generation.plan is None:
            run.out.result("nothing was written", written=[])
            return FINDINGS
        generation.plan.apply()
        written = scaffold.project(generation.features, name)
        for path, text in written.items():
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        _put_in_place(made, target)
    count = sum(len(feature.operations) for feature in generation.features)
    told = (
        f"{counted(count, 'operation')}, each answering 501 until its function is written"
        if count
        else "no operation yet"
    )
    run.out.result(
        f"{folder}: {told}\n  next: cd {shlex.quote(str(folder))} && handfast dev",
        folder=str(target),
        operations=count,
        written=sorted([*written, *generation.files, *originals]),
    )
    return OK


def _read(made: Path, contract: Path) -> Generation:
    """Read the copied contract; a file that is no contract at all is a finding about the original."""
    from handfast.cli.generation import Generation, prepare
    from handfast.codegen.ir import Finding, Source

    generation = prepare(made, empty=True)
    if generation.features or any(finding.fatal for finding in generation.findings):
        return generation
    what = "this is no OpenAPI document: it has no `openapi`"
    finding = Finding(Source(str(contract), 1, 1), "not-openapi", what, "add `openapi: 3.1.0` at the top")
    return Generation(made, (), (finding,), {}, None)


@contextlib.contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`, on the same file system; whatever is left of it is removed."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise CliError(
            f"{target} cannot be made: {error.strerror}", "name a folder where you may write"
        ) from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _put_in_place(made: Path, target: Path) -> None:
    """Make `made` the project, in one step."""
    made.chmod(0o755)
    if target.exists():
        target.rmdir()
    made.rename(target)


def as_given(finding: Finding, originals: dict[str, Path], contract: Path) -> Finding:
    """`finding` with the place in the file that the user knows, not in the copy."""
    original = originals.get(finding.source.file)
    if original is None:
        return finding
    shown = contract if original == contract.resolve() else original
    return replace(finding, source=replace(finding.source, file=str(shown)))
