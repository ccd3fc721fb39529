"""`handfast revoke`: make every token that a user has invalid."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Annotated

import typer

from handfast.cli.errors import OK, CliError, WrongUse
from handfast.cli.options import Run, command
from handfast.cli.root import check_composition


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "revoke")(revoke)


def revoke(
    run: Run,
    user: Annotated[str, typer.Argument(metavar="USER", help="The token's `sub`, or the id that logs show.")],
) -> int:
    """Sign a user out everywhere: no token that was issued until now counts any longer.

    Running services notice within HANDFAST_TOKEN_CACHE_SECONDS. Without DATABASE_URL it is the embedded
    PostgreSQL's user.
    """
    import psycopg
    from psycopg import errors

    from handfast.runtime import users
    from handfast.runtime.database.direct import unreachable
    from handfast.runtime.faults import ConfigError
    from handfast.runtime.tokens import LONGEST_SUBJECT

    check_composition(run.root)
    if not 0 < len(user) <= LONGEST_SUBJECT or "\0" in user:
        raise WrongUse(
            f"a user's name has 1 to {LONGEST_SUBJECT} characters", "give the `sub` of the user's tokens"
        )
    os.chdir(run.root)  # `.env` is read from here
    with _service(run) as dsn:
        # What the database says of a statement may hold the subject, so that is not passed on.
        try:
            found = users.revoke(dsn, user)
        except errors.UndefinedTable:
            raise CliError(
                "the database has no table of users, so tokens cannot be made invalid",
                "make it with users.create_users() in a migration, run `handfast migrate`, and give "
                "create_app(users=True)",
            ) from None
        except errors.InsufficientPrivilege:
            raise CliError(
                "the role of DATABASE_URL may not write the table of users",
                "name the service's role there; `handfast migrate` gives it its rights",
            ) from None
        except psycopg.OperationalError as error:
            raise ConfigError([unreachable(dsn, error)]) from None
        except psycopg.Error as error:
            raise CliError(f"the database refused it ({error.sqlstate})", "its log says why") from None
    run.out.result(f"revoked the tokens of user {found}", user=str(found))
    return OK


@contextlib.contextmanager
def _service(run: Run) -> Iterator[str]:
    """Yield the service role's connection string; an embedded server is stopped if it did not run before."""
    from handfast.cli.migrate import embedded
    from handfast.runtime.database.resolve import plain
    from handfast.runtime.settings import Settings

    settings = Settings()
    if settings.database_url is not None:
        yield plain(settings.database_url.get_secret_value())
    elif os.environ.get("HANDFAST_ENV") != "production":
        with embedded(run.root) as dsns:
            yield dsns.service
    else:
        raise CliError("DATABASE_URL is not set", "set it to the database of the service, for its own role")


__all__ = ["add"]
