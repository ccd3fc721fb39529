"""A database of the shop for each module, a pool for each test, and two users."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from handfast.runtime.database import Dsns, Pool, UnitOfWork, throwaway
from tests.integration.database.schema import metadata

SHOP = Path(__file__).parent / "shop"


@pytest.fixture(scope="module")
def shop(postgres: throwaway.Server) -> Iterator[Dsns]:
    dsns = throwaway.database(postgres, root=SHOP, metadata=metadata)
    yield dsns
    throwaway.drop(postgres, dsns)


@pytest.fixture
async def pool(shop: Dsns) -> AsyncIterator[Pool]:
    async with opened(shop.service) as pool:
        yield pool


@asynccontextmanager
async def opened(dsn: str, *, size: int = 2, patience: float = 5) -> AsyncIterator[Pool]:
    pool = Pool.create(dsn, size=size, timeout=patience)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def committed(pool: Pool, owner: UUID | None) -> AsyncIterator[UnitOfWork]:
    """One request: committed if its block ends well, rolled back if not."""
    unit = pool.unit(owner)
    try:
        yield unit
        await unit.commit()
    finally:
        await unit.rollback()


@pytest.fixture
def alice() -> UUID:
    return uuid4()


@pytest.fixture
def bob() -> UUID:
    return uuid4()


async def settings_left(pool: Pool) -> set[str]:
    """What `app.user_id` is on every connection of the pool outside any request."""
    connections = [await pool.take() for _ in range(2)]
    found: set[str] = set()
    for connection in connections:
        cursor = await connection.execute("select coalesce(current_setting('app.user_id', true), '')")
        found |= {str(row[0]) for row in await cursor.fetchall()}
        await pool.give_back(connection)
    return found
