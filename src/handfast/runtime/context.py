"""What a handler knows of the request it serves; which class it gets follows from the contract's security."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from handfast.runtime.security import Principal

if TYPE_CHECKING:
    from handfast.runtime.database import Database, UnitOfWork
    from handfast.runtime.exchange import Exchange
    from handfast.runtime.users import Users

P = TypeVar("P", bound=Principal)


class PublicContext:
    """The context of an operation that anybody may call."""

    __slots__ = (
        "_exchange",
        "_unit",
        "_user",
        "_users",
        "after_commit",
        "correlation_id",
        "operation_id",
        "principals",
    )

    def __init__(
        self,
        *,
        unit: UnitOfWork | None = None,
        user: Principal | None = None,
        principals: tuple[Principal, ...] | None = None,
        users: Users | None = None,
        operation_id: str = "",
        correlation_id: str = "",
        exchange: Callable[[], Exchange] | None = None,
    ) -> None:
        """Made by the runtime, one a request; `handfast.testing` makes one for tests."""
        self._unit = unit
        self._user = user
        self._users = users
        self._exchange = exchange
        self.principals = ((user,) if user else ()) if principals is None else principals
        """Everybody whom the request's credentials name, in the order of the contract's schemes."""
        self.after_commit: list[Callable[[], None]] = []
        """What the runtime does once the request's transaction is committed, and not at all otherwise."""
        self.operation_id = operation_id
        """The contract's operationId."""
        self.correlation_id = correlation_id
        """What all log lines of this request carry."""

    @property
    def db(self) -> Database:
        """The database, in this request's transaction, as the caller may see it."""
        if self._unit is None:
            raise RuntimeError(
                "this service has no database: set DATABASE_URL, or give create_app(tables=...) "
                "in development to use the embedded one"
            )
        return self._unit.db

    @property
    def exchange(self) -> Exchange:
        """What the caller sent, from which the URLs of callbacks are taken."""
        if self._exchange is None:
            raise RuntimeError("this context is of no HTTP request: give the sender a URL")
        return self._exchange()

    def principal(self, kind: type[P]) -> P:
        """The principal of class `kind`, as an authenticator returned it; `LookupError` if there is none.

        Where the contract combines schemes (AND), this is how to get at the one that is not `user`.
        """
        for principal in self.principals:
            if isinstance(principal, kind):
                return principal
        raise LookupError(f"no credential of this request gave a {kind.__name__}")


class OptionalContext(PublicContext):
    """The context of an operation whose callers may, but need not, say who they are."""

    __slots__ = ()

    @property
    def user(self) -> Principal | None:
        """Who calls; None for somebody unknown."""
        return self._user


class Context(OptionalContext):
    """The context of an operation that only known callers reach."""

    __slots__ = ()

    @property
    def user(self) -> Principal:
        """Who calls."""
        if self._user is None:
            raise RuntimeError("this context has no user; the contract's security should have seen to that")
        return self._user

    async def sign_out_everywhere(self) -> None:
        """Refuse every token of the user that was issued until now, this request's own included.

        It counts when the request is committed: at once in this process, within HANDFAST_TOKEN_CACHE_SECONDS
        in others. The authentication server still has the user's sessions, so end those there too.
        """
        if self._users is None:
            raise RuntimeError(
                "this service keeps no rows of its users: give create_app(users=True), and call "
                "`users.create_users()` of handfast.runtime.database in a migration"
            )
        user = self.user
        await self._users.move_within(self.db, user)
        self.after_commit.append(partial(self._users.tell, user.id))
