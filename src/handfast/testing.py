"""Helpers for the tests of a service: a database, tokens, contexts, a client of the running application.

Nothing here is a pytest plugin: import what you need into your `conftest.py`.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID, uuid4

import jwt

from handfast.runtime.context import Context, PublicContext
from handfast.runtime.security import Principal, Role

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

    from handfast.runtime.database import Dsns, UnitOfWork

__all__ = ["client_of", "context", "database", "free_port", "make_token"]

ContextT = TypeVar("ContextT", bound=PublicContext)


@contextmanager
def database(root: Path) -> Iterator[Dsns]:
    """Run a PostgreSQL for these tests alone and yield how to reach a database on it, until the block ends.

    It has the three roles of a real one, and every migration of the project in `root` is done.
    """
    from handfast.runtime.database import throwaway

    with throwaway.server() as server:
        yield throwaway.database(server, root=root)


def make_token(
    user: UUID | str,
    *,
    secret: str,
    ttl: timedelta = timedelta(hours=1),
    scopes: Iterable[str] = (),
    **claims: object,
) -> str:
    """Return a token that the service takes as `user`'s while `BETTER_AUTH_SECRET` is `secret`.

    It is valid for `ttl` from now. `claims` are added, or replace the usual ones.
    """
    now = datetime.now(UTC)
    payload: dict[str, object] = {"sub": str(user), "iat": now, "exp": now + ttl}
    granted = " ".join(scopes)
    if granted:
        payload["scope"] = granted
    return jwt.encode(payload | claims, secret, algorithm="HS256")


def context(
    kind: type[ContextT] = Context,  # type: ignore[assignment]  # mypy cannot see a default as the variable's value
    *,
    user: UUID | str | None = None,
    scopes: Iterable[str] = (),
    role: Role = "user",
    unit: UnitOfWork | None = None,
) -> ContextT:
    """Return a context to call a handler function with; `user` is somebody new unless given.

    Pass the unit of work of a test's pool as `unit`, and end it yourself, for handlers that use `ctx.db`.
    """
    known = replace(Principal.of(str(user or uuid4()), scopes=frozenset(scopes)), role=role)
    anonymous = user is None and not issubclass(kind, Context)
    return kind(
        unit=unit,
        user=None if anonymous else known,
        operation_id="test",
        correlation_id=uuid4().hex,
    )


@asynccontextmanager
async def client_of(
    app: FastAPI, *, token: str | None = None, base_url: str = "http://test"
) -> AsyncIterator[httpx.AsyncClient]:
    """Start `app` and yield a client that calls it in this process, with `token` if given; then stop it."""
    import httpx

    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers) as client,
    ):
        yield client


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
