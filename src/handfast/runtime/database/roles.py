"""The four roles of a database, none of them a superuser, none exempt from row security.

- The *owner* owns the tables and runs migrations.
- The *service* answers requests: it owns nothing and sees what row security shows it.
- The *probe* cannot log in. It owns the functions that tell 403 from 404, and may read key columns only.
- The *elevated* role cannot log in. The service may become it for one statement, but does not inherit its
  rights; what it sees, the policies of `allow_elevation` say.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from handfast.runtime.faults import ConfigError, Fault

OWNER = "handfast_owner"
SERVICE = "handfast_service"
PROBE = "handfast_probe"
ELEVATED = "handfast_elevated"

_FORBIDDEN = {
    "rolsuper": "SUPERUSER",
    "rolbypassrls": "BYPASSRLS",
    "rolcreaterole": "CREATEROLE",
    "rolcreatedb": "CREATEDB",
    "rolreplication": "REPLICATION",
}


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords of the two roles that log in."""

    owner: str = field(repr=False)
    service: str = field(repr=False)

    @classmethod
    def stored(cls, folder: Path) -> Passwords:
        """Return the passwords kept in `folder`, made up at first; only the present user can read them."""
        return cls(owner=_secret(folder / "owner.password"), service=_secret(folder / "service.password"))


@dataclass(frozen=True, slots=True)
class Dsns:
    """Connection strings of one database; secrets, as they may hold passwords.

    `owner` is empty where only the service's is known (`DATABASE_URL` alone), `admin` on a server that
    Handfast did not start.
    """

    service: str
    owner: str = ""
    admin: str = ""

    def __repr__(self) -> str:
        """Show where they lead, never the passwords."""
        info = conninfo_to_dict(self.service)
        return f"Dsns({info.get('host', '')}:{info.get('port', '')}/{info.get('dbname', '')})"


def user(dsn: str) -> str:
    """Return the role that `dsn` logs in as, or `handfast_service` where it names none."""
    return str(conninfo_to_dict(dsn).get("user") or SERVICE)


def setup(admin_dsn: str, *, database: str, passwords: Passwords) -> Dsns:
    """Make the roles and the database, or mend what is there, and return how to connect; safe to repeat.

    The administrator is a superuser or a role with CREATEROLE and CREATEDB, as managed servers give.
    """
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        # Roles belong to the whole server: two set-ups at a time would trip over each other.
        connection.execute("select pg_advisory_lock(hashtext('handfast_roles'))")
        _role(connection, OWNER, passwords.owner)
        _role(connection, SERVICE, passwords.service)
        _role(connection, PROBE, None)
        _role(connection, ELEVATED, None)
        # The owner hands functions over to the probe, the service becomes the elevated role: both by SET,
        # without having the other's rights themselves.
        grant = sql.SQL("grant {} to {} with inherit false, set true")
        for role, member in ((PROBE, OWNER), (ELEVATED, SERVICE)):
            connection.execute(grant.format(sql.Identifier(role), sql.Identifier(member)))
        _database(connection, database)
        return Dsns(
            admin=make_conninfo(admin_dsn, dbname=database),
            owner=make_conninfo(admin_dsn, dbname=database, user=OWNER, password=passwords.owner),
            service=make_conninfo(admin_dsn, dbname=database, user=SERVICE, password=passwords.service),
        )


def _role(connection: psycopg.Connection, name: str, password: str | None) -> None:
    found = connection.execute(
        sql.SQL("select rolcanlogin, {} from pg_roles where rolname = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, _FORBIDDEN))
        ),
        [name],
    ).fetchone()
    role = sql.Identifier(name)
    login = sql.SQL("nologin" if password is None else "login")
    if found is None:
        connection.execute(sql.SQL("create role {} {}").format(role, login))
        # The names on a new role's sessions; psycopg reads times in the session's zone.
        connection.execute(sql.SQL("alter role {} set timezone = 'UTC'").format(role))
    else:
        # Only a superuser may even mention some of these, so only what is wrong is mentioned.
        wrong = [word for word, has in zip(_FORBIDDEN.values(), found[1:], strict=True) if has]
        options = [sql.SQL(f"no{word.lower()}") for word in wrong]
        if found[0] != (password is not None):
            options.append(login)
        if options:
            connection.execute(sql.SQL("alter role {} {}").format(role, sql.SQL(" ").join(options)))
    if password is not None:
        # Hashed here, so that neither the wire nor the server's log ever has the password itself.
        hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
        connection.execute(sql.SQL("alter role {} password {}").format(role, sql.Literal(hashed.decode())))


def _database(connection: psycopg.Connection, name: str) -> None:
    database, owner = sql.Identifier(name), sql.Identifier(OWNER)
    # A superuser may act as anybody; another administrator has to be let.
    if connection.execute("select pg_has_role(current_user, %s, 'set')", [OWNER]).fetchone() != (True,):
        connection.execute(sql.SQL("grant {} to current_user with inherit false, set true").format(owner))
    found = connection.execute(
        "select pg_get_userbyid(datdba) from pg_database where datname = %s", [name]
    ).fetchone()
    if found is None:
        connection.execute(sql.SQL("create database {} owner {}").format(database, owner))
    elif found[0] != OWNER:
        connection.execute(sql.SQL("alter database {} owner to {}").format(database, owner))
    connection.execute(sql.SQL("set role {}").format(owner))
    connection.execute(sql.SQL("revoke all on database {} from public").format(database))
    connection.execute(
        sql.SQL("grant connect on database {} to {}").format(database, sql.Identifier(SERVICE))
    )
    connection.execute("reset role")


def _secret(file: Path) -> str:
    """Return the secret in `file`, making it up at first, readable by this user alone."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        file.chmod(0o600)
        return file.read_text().strip()
    except OSError as error:
        fault = Fault(
            f"cannot keep a password: {error.strerror}", "make the folder writable", where=str(file)
        )
        raise ConfigError([fault]) from error
    with os.fdopen(descriptor, "w") as opened:
        secret = secrets.token_urlsafe(24)
        opened.write(secret + "\n")
    return secret
