"""PostgreSQL for tests: a server that lasts one session and a fresh, migrated database in milliseconds.

    with throwaway.server(folder) as server:
        dsns = throwaway.database(server, root=ROOT)   # .admin .owner .service

The three roles are as in production: a test that passes here does not lean on rights that the service lacks.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import MetaData

from handfast.runtime.database import migrate, roles
from handfast.runtime.database.embedded import Server
from handfast.runtime.database.roles import Dsns, Passwords

__all__ = ["Dsns", "Server", "database", "drop", "server"]

_numbers = itertools.count(1)


@contextlib.contextmanager
def server(folder: Path | None = None) -> Iterator[Server]:
    """Run a PostgreSQL without fsync in `folder` (a temporary one by default); it is gone afterwards."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handfast-postgres-")))
        made = Server(folder / "server", durable=False)
        stack.enter_context(_noted(made.folder))
        try:
            made.start()
            yield made
        finally:
            _end(made)


@contextlib.contextmanager
def _noted(folder: Path) -> Iterator[None]:
    """Note who runs the server in `folder`, and end those whose test run was killed."""
    notes = Path(tempfile.gettempdir()) / f"handfast-throwaway-{getpass.getuser()}"
    notes.mkdir(mode=0o700, exist_ok=True)
    if notes.stat().st_mode & 0o077:
        raise PermissionError(f"{notes} can be written by others: delete it")
    for note in notes.iterdir():
        owner = note.name.partition("-")[0]
        if owner.isdigit() and not _lives(int(owner)):
            with contextlib.suppress(FileNotFoundError):  # another run is at it too
                _end(Server(Path(note.read_text()), durable=False))
                note.unlink()
    note = notes / f"{os.getpid()}-{next(_numbers)}"
    note.write_text(str(folder))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _end(server: Server) -> None:
    server.stop(immediate=True)
    shutil.rmtree(server.folder, ignore_errors=True)


def database(server: Server, *, root: Path | None = None, metadata: MetaData | None = None) -> Dsns:
    """Make a fresh database with the three roles and return how to connect to it.

    It is migrated to the head of `root`/migrations, once per server and root: later calls copy the outcome.
    Without `root` it is empty. With `metadata`, every table's isolation is held against it.
    """
    name = f"test_{next(_numbers)}"
    passwords = Passwords.stored(server.folder)
    template = "template1" if root is None else _template(server, root, passwords, metadata)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        statement = "create database {} template {} owner {} strategy file_copy"
        identifiers = map(sql.Identifier, (name, template, roles.OWNER))
        if root is not None:
            connection.execute(sql.SQL(statement).format(*identifiers))
    return roles.setup(server.dsn(), database=name, passwords=passwords)


def drop(server: Server, dsns: Dsns) -> None:
    """Drop a database made by `database`, ending whatever is still connected to it."""
    name = str(conninfo_to_dict(dsns.service)["dbname"])
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _template(server: Server, root: Path, passwords: Passwords, metadata: MetaData | None) -> str:
    """Return the name of a database migrated to the head of `root`/migrations, made on first use."""
    from handfast.runtime.database import isolation

    revisions = "_".join(migrate.heads(root) or ["empty"])
    name = f"template_{hashlib.sha256(str(root).encode()).hexdigest()[:8]}_{revisions}"[:63]
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        found = connection.execute("select from pg_database where datname = %s", [name]).fetchone()
    if found is None:
        dsns = roles.setup(server.dsn(), database=name, passwords=passwords)
        try:
            migrate.upgrade(dsns.owner, root)
        except BaseException:
            drop(server, dsns)
            raise
        if metadata is not None:
            with psycopg.connect(dsns.owner) as checked:
                faults = isolation.drift(checked, metadata)
            if faults:
                drop(server, dsns)
                raise AssertionError("\n".join(map(str, faults)))
    return name
