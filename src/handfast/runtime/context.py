"""What a handler knows of the request it serves; which class it gets follows from the contract's security."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handfast.runtime.security import Principal

if TYPE_CHECKING:
    from handfast.runtime.database import Database, UnitOfWork


class PublicContext:
    """The context of an operation that anybody may call."""

    __slots__ = ("_unit", "_user", "correlation_id", "operation_id")

    def __init__(
        self,
        *,
        unit: UnitOfWork | None = None,
        user: Principal | None = None,
        operation_id: str = "",
        correlation_id: str = "",
    ) -> None:
        """Made by the runtime, one a request; `handfast.testing` makes one for tests."""
        self._unit = unit
        self._user = user
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
