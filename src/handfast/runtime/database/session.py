"""SQLModel's AsyncSession on the connection and in the transaction of a request.

The engine has a dialect that was initialised once, on a connection of its own: on a request's connection it
never asks the server about itself. What the session calls COMMIT and ROLLBACK ends a savepoint, never the
request's transaction.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import psycopg
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

_lent: ContextVar[Any] = ContextVar("handfast_lent_connection")


class _Lent:
    """A psycopg connection that SQLAlchemy may use, but neither end its transaction nor close it."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def commit(self) -> None:
        """Do nothing: the runtime commits."""

    async def rollback(self) -> None:
        """Do nothing: the runtime rolls back."""

    async def close(self) -> None:
        """Do nothing: the connection belongs to the runtime's pool."""

    def add_notice_handler(self, handler: Any) -> None:
        """Do nothing: SQLAlchemy would add one more at each use."""


async def make_engine(dsn: str) -> AsyncEngine:
    """Return an engine over lent connections whose dialect knows the server of `dsn` already."""

    async def lent() -> Any:
        return _lent.get()

    engine = create_async_engine(
        "postgresql+psycopg://", async_creator=lent, poolclass=NullPool, use_native_hstore=False
    )
    # The first connection is where SQLAlchemy asks; closing it is the engine's own business.
    token = _lent.set(await psycopg.AsyncConnection.connect(dsn))
    try:
        async with engine.connect():
            pass
    finally:
        _lent.reset(token)
    return engine


@contextlib.asynccontextmanager
async def open_session(
    engine: AsyncEngine, connection: psycopg.AsyncConnection[Any]
) -> AsyncIterator[AsyncSession]:
    """Yield a session on `connection`, whose transaction is open; keeps its work if no error leaves it."""
    opened = engine.connect()
    token = _lent.set(_Lent(connection))
    try:
        await opened.start()
    finally:
        _lent.reset(token)
    try:
        await opened.begin()
        async with AsyncSession(
            bind=opened, join_transaction_mode="create_savepoint", expire_on_commit=False
        ) as session:
            yield session
            await session.commit()
    finally:
        await opened.close()
