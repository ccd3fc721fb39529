"""`handfast dev`: everything a developer needs running, in one process tree."""

from __future__ import annotations

from typing import Annotated

import typer

from handfast.cli.errors import OK
from handfast.cli.options import Run, command
from handfast.cli.root import check_composition


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "dev")(dev)


def dev(
    run: Run,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; by default 8000 or the next free one.", min=0, max=65535),
    ] = None,
) -> int:
    """Serve with everything embedded and follow changes.

    Without DATABASE_URL it starts a private PostgreSQL in .handfast/. A changed contract or template is
    generated anew, a changed handler reloads the service. Ctrl-C stops all of it.
    """
    check_composition(run.root, "make a project with `handfast new DIR --contract FILE`")
    from handfast.cli.development import develop

    develop(run, host, port)
    return OK
