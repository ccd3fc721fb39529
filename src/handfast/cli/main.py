"""The entry point: every command, and the exit code of the process."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

import handfast
from handfast.redaction import redact


def _version(wanted: bool) -> None:
    if wanted:
        print(f"handfast {handfast.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Write the contract; Handfast writes the service around it.

    Exit codes: 0 all well, 1 findings, 2 wrong use, 3 the environment failed.
    """


COMMANDS = (
    "new",
    "adopt",
    "generate",
    "check",
    "diff",
    "lint",
    "explain",
    "mock",
    "dev",
    "serve",
    "migrate",
    "token",
    "revoke",
    "fuzz",
)
"""Each is a module beside this one."""


def chosen(arguments: Sequence[str]) -> Sequence[str]:
    """Return the commands that a run with `arguments` needs: the one that they name, or all, for the help."""
    word = next((word for word in arguments if not word.startswith("-")), None)
    return [word] if word in COMMANDS else COMMANDS


def program(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """Return the program with the commands `names`; the modules of other ones are not imported."""
    app = typer.Typer(
        callback=_root,
        name="handfast",
        help="Write the contract; Handfast writes the service around it.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    for name in names:
        importlib.import_module(f"handfast.cli.{name}").add(app)
    return app


def main() -> None:
    """Run the command that the arguments name and end the process with its exit code."""
    try:
        program(chosen(sys.argv[1:]))()
    except Exception as error:  # `--debug`: the whole stack trace, but no secret
        sys.stderr.write(redact("".join(traceback.format_exception(error))))
        sys.exit(1)
