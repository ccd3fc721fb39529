"""Which database a project uses: the given one, or the embedded one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from handfast.runtime.database import roles
from handfast.runtime.database.roles import Dsns, Passwords
from handfast.runtime.faults import ConfigError, Fault

if TYPE_CHECKING:
    from handfast.runtime.database.embedded import Server

DATABASE = "handfast"
"""The name of a project's database on its embedded server."""


class DatabaseSettings(Protocol):
    """The part of the settings that tells where the database is."""

    @property
    def env(self) -> str:
        """`production`, `development` or `test`."""

    @property
    def database_url(self) -> SecretStr | None:
        """DATABASE_URL."""

    @property
    def database_owner_url(self) -> SecretStr | None:
        """HANDFAST_DATABASE_OWNER_URL."""


def server(root: Path) -> Server:
    """Return the embedded server of the project in `root`; not started."""
    from handfast.runtime.database.embedded import Server

    return Server(root / ".handfast" / "postgres")


def resolve(settings: DatabaseSettings, root: Path) -> Dsns:
    """Return how to reach the database of the project in `root`, starting the embedded one if none is given.

    In production one must be given. An embedded server is left running; `server(root).stop()` ends it.
    """
    if settings.database_url is not None:
        owner = settings.database_owner_url
        return Dsns(
            service=plain(settings.database_url.get_secret_value()),
            owner="" if owner is None else plain(owner.get_secret_value()),
        )
    if settings.env == "production":
        fix = "set it to the connection string of a PostgreSQL server, for a role that owns no table"
        raise ConfigError([Fault("no database is given", fix, where="DATABASE_URL")])
    embedded = server(root)
    embedded.start()
    return roles.setup(embedded.dsn(), database=DATABASE, passwords=Passwords.stored(embedded.folder))


def plain(url: str) -> str:
    """Return `url` as libpq takes it: without the driver that SQLAlchemy's URLs may name (`postgresql+psycopg://`)."""
    scheme, separator, rest = url.partition("://")
    return (
        f"postgresql://{rest}"
        if separator and scheme.partition("+")[0] in ("postgresql", "postgres")
        else url
    )
