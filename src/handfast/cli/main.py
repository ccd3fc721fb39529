"""The entry point: every command, and the exit code of the process."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

import handfast
from handfast.cli import (
    adopt,
    check,
    dev,
    diff,
    explain,
    fuzz,
    generate,
    lint,
    migrate,
    mock,
    new,
    revoke,
    serve,
    token,
)
from handfast.redaction import redact

app = typer.Typer(
    name="handfast",
    help="Write the contract; Handfast writes the service around it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"handfast {handfast.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Write the contract; Handfast writes the service around it.

    Exit codes: 0 all well, 1 findings, 2 wrong use, 3 the environment failed.
    """


for module in (
    new,
    adopt,
    generate,
    check,
    diff,
    lint,
    explain,
    mock,
    dev,
    serve,
    migrate,
    token,
    revoke,
    fuzz,
):
    module.add(app)


def main() -> None:
    """Run the command that the arguments name and end the process with its exit code."""
    try:
        app()
    except Exception as error:  # `--debug`: the whole stack trace, but no secret
        sys.stderr.write(redact("".join(traceback.format_exception(error))))
        sys.exit(1)
