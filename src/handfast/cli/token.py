"""`handfast token`: a token to call the service with, for development."""

from __future__ import annotations

import os
from typing import Annotated
from uuid import UUID

import typer

from handfast.cli.errors import OK, WrongUse
from handfast.cli.options import Run, command
from handfast.cli.root import check_composition


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "token")(token)


def token(
    run: Run,
    user: Annotated[UUID | None, typer.Option(help="Whose token; a fixed developer by default.")] = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 90s, 30m, 12h, 7d.")] = "1d",
    scope: Annotated[list[str] | None, typer.Option(help="A scope to grant; may be repeated.")] = None,
) -> int:
    """Print a bearer token for development.

    It is signed with BETTER_AUTH_SECRET or, where that is not set, with the secret of `handfast dev`.
    """
    from handfast.cli.identity import DEVELOPER, development_secret, duration, mint
    from handfast.runtime.settings import Settings

    check_composition(run.root)
    os.chdir(run.root)  # `.env` is read from here
    if os.environ.get("HANDFAST_ENV") == "production":
        raise WrongUse(
            "tokens are made for development only, and HANDFAST_ENV is production",
            "let the authentication server issue it, or unset HANDFAST_ENV",
        )
    valid = duration(ttl)
    settings = Settings()
    known = settings.better_auth_secret
    secret = known.get_secret_value() if known is not None else development_secret(run.root)
    owner = user or DEVELOPER
    made = mint(settings, secret, user=owner, ttl=valid, scopes=scope or ())
    run.out.data(made, token=made, user=str(owner), seconds=int(valid.total_seconds()))
    return OK
