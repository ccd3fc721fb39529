"""What migrations raise, in words: which file, what is wrong with it or with the chain, how to go on."""

from __future__ import annotations

import contextlib
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from handfast.runtime.faults import ConfigError, Fault

FOLDER = "migrations/versions"


@contextlib.contextmanager
def told(root: Path) -> Iterator[None]:
    """Raise `ConfigError` for what goes wrong in the block with the migrations of the project in `root`."""
    try:
        yield
    except (ConfigError, psycopg.OperationalError):
        raise
    except CommandError as error:
        raise ConfigError([_of_the_chain(error)]) from error
    except Exception as error:  # a revision is a program, and its import may raise anything
        raise ConfigError([_of_a_file(error, root)]) from error


def check(script: ScriptDirectory) -> None:
    """Raise `ConfigError` where the files do not make one chain: one has no parent, or two are the newest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Alembic warns of what is told here
        try:
            heads = script.get_heads()
            list(script.walk_revisions())
        except KeyError as error:
            raise ConfigError([_no_parent(script, str(error.args[0]))]) from error
        except RevisionError as error:
            fault = Fault(f"the migrations make no chain: {error}", "mend `down_revision`", FOLDER)
            raise ConfigError([fault]) from error
    if len(heads) > 1:
        *others, last = sorted(heads)
        raise ConfigError(
            [
                Fault(
                    f"there are {len(heads)} newest migrations: `{last}` stands beside {_listed(others)}",
                    "set `down_revision` of one to the `revision` of the other",
                    f"{FOLDER}/{Path(script.get_revision(last).path).name}",
                )
            ]
        )


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _no_parent(script: ScriptDirectory, missing: str) -> Fault:
    """Name the file whose `down_revision` does not exist."""
    holders = [
        path
        for path in sorted(Path(script.versions).glob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("down_revision") and line.rpartition("=")[2].strip().strip("'\"") == missing
    ]
    where = f"{FOLDER}/{holders[0].name}" if holders else FOLDER
    return Fault(
        f"`down_revision` names `{missing}`, and there is no such migration",
        "name the migration before this one, by its `revision`",
        where,
    )


def _of_the_chain(error: CommandError) -> Fault:
    words = str(error)
    if words.startswith("Can't locate revision identified by"):
        revision = words.rpartition(" by ")[2].strip("'\"")
        return Fault(
            f"the database is at the migration `{revision}`, which is not among the files here",
            "restore the file; or, where the data may go, delete .handfast/postgres and begin anew",
            FOLDER,
        )
    return Fault(words, "mend the migrations", FOLDER)


def _of_a_file(error: Exception, root: Path) -> Fault:
    """Name the line of the project's own migration that `error` comes from."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    words = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    hint = cause.diag.message_hint if isinstance(cause, psycopg.Error) else None
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(root / "migrations")]
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{_shown(error.filename, root)}:{error.lineno or 1}"
    elif own:
        where = f"{_shown(own[-1].filename, root)}:{own[-1].lineno or 1}"
    else:
        where = FOLDER
    return Fault(
        f"the migration failed, and nothing of this run was kept: {type(cause).__name__}: {words}",
        hint or "mend the migration, then run `handfast migrate` again",
        where,
    )


def _shown(file: str, root: Path) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file
