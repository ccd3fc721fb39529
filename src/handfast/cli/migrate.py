"""`handfast migrate`: bring the database to the form that the handlers expect."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli.errors import FINDINGS, OK, CliError, WrongUse
from handfast.cli.options import Run, command

if TYPE_CHECKING:
    from handfast.runtime.database import Dsns
    from handfast.runtime.settings import Settings


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "migrate")(migrate)


def migrate(
    run: Run,
    revision: Annotated[str, typer.Argument(metavar="[REV]", help="Where to go.")] = "head",
    down: Annotated[bool, typer.Option("--down", help="Go back to REV; `base` undoes all.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only list what is pending.")] = False,
    setup: Annotated[
        str | None,
        typer.Option(metavar="ADMIN_URL", help="Make roles and database first, as this administrator."),
    ] = None,
) -> int:
    """Migrate the database as its owner.

    Without HANDFAST_DATABASE_OWNER_URL and DATABASE_URL it migrates the embedded PostgreSQL.
    """
    from handfast.redaction import learn
    from handfast.runtime.database import migrate as migrations

    if not (run.root / "migrations").is_dir():
        raise WrongUse(f"{run.root} has no folder migrations/", "name a project with --project")
    if down and revision == "head":
        raise WrongUse("--down needs the revision to go back to", "name it: handfast migrate REV --down")
    learn([setup] if setup else [])  # an administrator's password must not come back in an error
    os.chdir(run.root)  # `.env` is read from here
    sys.path.insert(0, str(run.root))  # migrations import the handlers' tables
    with owner(run, setup) as dsn:
        pending = migrations.pending(dsn, run.root)
        if check:
            run.out.result("\n".join(pending) or "nothing is pending", pending=list(pending))
            return FINDINGS if pending else OK
        with run.out.progress("migrating"):
            if down:
                migrations.downgrade(dsn, run.root, revision)
                run.out.result(f"went back to {revision}", revision=revision)
            else:
                migrations.upgrade(dsn, run.root, revision)
                said = f"ran {', '.join(pending)}" if pending else "nothing was pending"
                run.out.result(said, migrated=list(pending), revision=revision)
    return OK


def migrate_apart(root: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str] | None:
    """Migrate the project in a process of its own, which imports the handlers as they are now.

    Returns how it ended, and None for a project without migrations.
    """
    if not (root / "migrations").is_dir():
        return None
    command = [sys.executable, "-m", "handfast", "migrate", "--project", str(root), "--no-color"]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, start_new_session=True, check=False
    )


@contextlib.contextmanager
def owner(run: Run, admin: str | None) -> Iterator[str]:
    """Yield the owner's connection string; an embedded server that was not running is stopped afterwards."""
    from handfast.runtime.database.resolve import plain
    from handfast.runtime.settings import Settings

    settings = Settings()
    if admin is not None:
        yield _set_up(run, settings, admin)
    elif settings.database_owner_url is not None:
        yield plain(settings.database_owner_url.get_secret_value())
    elif settings.database_url is None and os.environ.get("HANDFAST_ENV") != "production":
        with embedded(run.root) as dsns:
            yield dsns.owner
    else:
        raise CliError(
            "HANDFAST_DATABASE_OWNER_URL is not set, and the service's own role may not migrate",
            "set it to the same database as the role handfast_owner; `--setup ADMIN_URL` makes the roles",
        )


@contextlib.contextmanager
def embedded(root: Path) -> Iterator[Dsns]:
    """Yield the connections of the embedded PostgreSQL, stopped afterwards if it did not run before."""
    from handfast.cli.identity import private_folder
    from handfast.runtime.database import resolve
    from handfast.runtime.database.resolve import server
    from handfast.runtime.settings import Settings

    private_folder(root)
    postgres = server(root)
    found = postgres.running()
    try:
        yield resolve(Settings(env="development"), root)
    finally:
        if not found:
            postgres.stop()


def _set_up(run: Run, settings: Settings, admin: str) -> str:
    """Make roles and database; passwords are those of the settings, or made up and then printed."""
    from psycopg.conninfo import conninfo_to_dict

    from handfast.runtime.database.resolve import DATABASE, plain
    from handfast.runtime.database.roles import Passwords, setup

    known = [
        plain(url.get_secret_value()) for url in (settings.database_owner_url, settings.database_url) if url
    ]
    parts = [conninfo_to_dict(url) for url in known]
    if len(known) == 2 and all(part.get("password") and part.get("dbname") for part in parts):
        passwords = Passwords(owner=str(parts[0]["password"]), service=str(parts[1]["password"]))
        return setup(plain(admin), database=str(parts[1]["dbname"]), passwords=passwords).owner
    passwords = Passwords(owner=secrets.token_urlsafe(24), service=secrets.token_urlsafe(24))
    database = str(conninfo_to_dict(plain(admin)).get("dbname") or DATABASE)
    made = setup(plain(admin), database=database, passwords=passwords)
    run.out.data(
        f"DATABASE_URL={_url(made.service)}\nHANDFAST_DATABASE_OWNER_URL={_url(made.owner)}",
        database_url=_url(made.service),
        database_owner_url=_url(made.owner),
    )
    return made.owner


def _url(dsn: str) -> str:
    """`dsn` as an address, the form that settings are usually written in."""
    from urllib.parse import quote, urlencode

    from psycopg.conninfo import conninfo_to_dict

    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    login = f"{quote(parts.pop('user'), safe='')}:{quote(parts.pop('password'), safe='')}"
    host, port, database = parts.pop("host", "localhost"), parts.pop("port", "5432"), parts.pop("dbname", "")
    rest = f"?{urlencode(parts)}" if parts else ""
    return f"postgresql://{login}@{host}:{port}/{quote(database, safe='')}{rest}"
