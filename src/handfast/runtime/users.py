"""The rows of users: made when somebody first comes, and asked from when on the user's tokens count."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from handfast.runtime.database.owners import USER_SETTING
from handfast.runtime.database.usertable import USERS
from handfast.runtime.database.wire import STALE, Statement
from handfast.runtime.errors import ServiceUnavailable
from handfast.runtime.security import Principal, user_id

if TYPE_CHECKING:
    from handfast.runtime.database import Database, Pool

_USER = f"select set_config('{USER_SETTING}', $1, true)".encode()
# The second part sees the table as it was before the first: a row comes from one of them, never from both.
_SEEN = b"""
with new as (
  insert into handfast_users (id, subject) values ($1, $2) on conflict (id) do nothing returning valid_after
)
select valid_after from new union all select valid_after from handfast_users where id = $1
"""
_MOVE: LiteralString = """
insert into handfast_users (id, subject, valid_after) values (%(id)s, %(subject)s, clock_timestamp())
on conflict (id) do update set valid_after = excluded.valid_after
"""

_log = structlog.get_logger(__name__)


class Users:
    """The rows of one service's users; whoever remembers something of a user is told when it changes."""

    def __init__(self) -> None:
        """Know no database yet: until `pool` is set, nobody can be told."""
        self.pool: Pool | None = None
        self._listeners: list[Callable[[UUID], None]] = []

    def on_move(self, listener: Callable[[UUID], None]) -> None:
        """Call `listener` with the id of each user whose tokens this process has made invalid."""
        self._listeners.append(listener)

    def tell(self, user: UUID) -> None:
        """Tell the listeners."""
        for listener in self._listeners:
            listener(user)

    async def admits(self, user: UUID, subject: str, issued: float | None) -> bool:
        """Whether a token of `user` that was issued at the Unix time `issued` counts; makes the user's row.

        One round trip, as the user. A token that does not say when it was issued counts until the user is
        signed out for the first time. Raises `ServiceUnavailable` if the database does not tell.
        """
        head: Statement = (_USER, [str(user)], True)
        seen: Statement = (_SEEN, [user, subject], True)
        for _ in range(2):  # two requests of a new user may come at once: then one of them finds no row yet
            rows = await self._exchange([head, seen])
            if rows:
                ((valid_after,),) = rows
                return valid_after is None or (issued is not None and issued >= valid_after.timestamp())
        raise ServiceUnavailable(headers={"Retry-After": "1"})

    async def move_within(self, db: Database, user: Principal) -> None:
        """Make the tokens that `user` has invalid, in the transaction of `db`; `tell` after its commit."""
        moment = func.clock_timestamp()
        statement = insert(USERS).values(subject=user.subject, valid_after=moment)
        await db.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"valid_after": moment}))

    async def _exchange(self, statements: list[Statement]) -> list[tuple[Any, ...]]:
        if self.pool is None:
            raise ServiceUnavailable(headers={"Retry-After": "1"})
        connection = await self.pool.take()
        try:
            try:
                results = await connection.exchange(statements)
            except psycopg.Error as error:
                if error.sqlstate not in STALE:
                    raise
                results = await connection.exchange(statements)
            return connection.rows(results[-1])
        except psycopg.Error as error:
            # The message may hold the subject.
            _log.error("users_unavailable", error=type(error).__name__, sqlstate=error.sqlstate)
            raise ServiceUnavailable(headers={"Retry-After": "1"}) from None
        finally:
            await self.pool.give_back(connection)


def revoke(dsn: str, subject: str) -> UUID:
    """Make every token that `subject` has invalid, as the service role of `dsn`, and return the user's id.

    `subject` is what the authentication server calls the user, or the user's id as logs show it. Running
    services notice within HANDFAST_TOKEN_CACHE_SECONDS. Raises psycopg's error where it cannot be done.
    """
    user = user_id(subject)
    with psycopg.connect(dsn, connect_timeout=10) as connection:
        connection.execute("select set_config(%s, %s, true)", [USER_SETTING, str(user)])
        connection.execute(_MOVE, {"id": user, "subject": subject})
    return user
