"""Whatever requests do and however they end, the next one on their connection sees its own rows alone."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from psycopg.errors import DivisionByZero, InFailedSqlTransaction, UniqueViolation
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, delete, insert, select, update

from handfast.runtime.database import Dsns, Pool, TransactionEnded, UnitOfWork
from handfast.runtime.database.audit import Origin
from handfast.runtime.errors import NotFound
from tests.integration.database.conftest import committed, opened
from tests.integration.database.schema import Note, Order

pytestmark = pytest.mark.threat("disclosure.identity-left-in-pool")

USERS = 3
ACTIONS = (
    "read",
    "write",
    "lock",
    "bulk",
    "shared",
    "elevated",
    "session",
    "session error",
    "error",
    "last",
    "cancel",
    "rollback",
    "commit",
    "after",
)
EXPECTED = (InFailedSqlTransaction, UniqueViolation, DivisionByZero, DBAPIError, TransactionEnded)
"""What an action may end in; the request is over then."""
Step = tuple[str, int, int]
"""What, by which user, and after how many turns of the loop it is cancelled (for `cancel`)."""


@dataclass
class Play:
    """Requests of several users, taking turns on one or two connections."""

    pool: Pool
    size: int
    users: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(USERS)])
    units: dict[int, UnitOfWork] = field(default_factory=dict)
    ended: list[tuple[UUID, UnitOfWork]] = field(default_factory=list)

    async def step(self, action: str, who: int, turns: int) -> None:
        if who not in self.units:
            while len(self.units) >= self.size:
                await self.end(next(iter(self.units)))
            self.units[who] = self.pool.unit(self.users[who], Origin("admin", "play", "c"))
        unit, user = self.units[who], self.users[who]
        match action:
            case "cancel":
                task = asyncio.create_task(self.act("bulk" if turns % 2 else "session", unit, user))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, *EXPECTED):
                    await task
                await self.end(who)
            case "rollback":
                await self.end(who)
            case "commit":
                with contextlib.suppress(InFailedSqlTransaction):
                    await unit.commit()
                await self.end(who)
            case "after":
                while len(self.held) == self.size:  # a read after COMMIT needs a connection of its own
                    await self.end(self.held[0])
                for owner, old in self.ended:
                    with contextlib.suppress(TransactionEnded):
                        assert {row.user_id for row in await old.db.all(select(Order))} <= {owner}
                    with pytest.raises(TransactionEnded):
                        await old.db.execute(delete(Order))
            case _:
                try:
                    await self.act(action, unit, user)
                except EXPECTED:
                    await self.end(who)

    async def act(self, action: str, unit: UnitOfWork, user: UUID) -> None:
        db = unit.db
        match action:
            case "read":
                assert {row.user_id for row in await db.all(select(Order))} <= {user}
            case "write":
                row = await db.insert(Order(user_id=self.users[0], reference=str(uuid4())))
                assert row.user_id == user
            case "lock":
                assert {row.user_id for row in await db.all(select(Order).with_for_update())} <= {user}
                with pytest.raises(NotFound):
                    await db.get(Order, uuid4(), lock=True)
            case "bulk":
                touched = update(Order).values(total=1).returning(Order)
                assert {row.user_id for row in await db.all(touched)} <= {user}
                await db.insert(Order(user_id=user, reference=str(uuid4())))
            case "shared":
                assert {row.user_id for row in await db.shared.all(select(Note))} <= {user}
            case "elevated":
                async with db.elevated("play") as all_of_them:
                    await all_of_them.all(select(Order.id).limit(3))
                assert {row.user_id for row in await db.all(select(Order))} <= {user}
            case "session" | "session error":
                async with db.session() as session:
                    found = await session.exec(select(Order))  # behind the second wall alone
                    assert {row.user_id for row in found} <= {user}
                    session.add(Order(user_id=user, reference="same"))
                    if action == "session error":
                        session.add(Order(user_id=user, reference="same"))
                        await session.flush()
            case "error":
                await db.insert(Order(user_id=user, reference=str(uuid4())))
                await db.all(select(col(Order.total) / 0))
            case "last":
                made = insert(Order).values(id=uuid4(), reference=str(uuid4()), total=0).returning(Order)
                assert {row.user_id for row in await db.last(made)} == {user}

    @property
    def held(self) -> list[int]:
        """Whose requests hold a connection."""
        return [who for who, unit in self.units.items() if unit._connection is not None]

    async def end(self, who: int) -> None:
        unit = self.units.pop(who)
        await unit.rollback()
        self.ended.append((self.users[who], unit))

    async def check(self) -> None:
        """Look at every connection that is free: nobody's, and the service's."""
        free = [await self.pool.take() for _ in range(self.size - len(self.held))]
        for connection in free:
            cursor = await connection.execute(
                "select coalesce(current_setting('app.user_id', true), ''), current_user, "
                "(select count(*) from orders), pg_is_in_recovery()"
            )
            assert await cursor.fetchall() == [("", "handfast_service", 0, False)]
            await self.pool.give_back(connection)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(ACTIONS), st.integers(0, USERS - 1), st.integers(0, 40)),
        min_size=3,
        max_size=14,
    ),
    size=st.sampled_from([1, 2]),
)
@example(steps=[("write", 0, 0), ("commit", 0, 0), ("write", 0, 0), ("after", 0, 0)], size=1)
@settings(
    max_examples=60,
    deadline=None,
    phases=(
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ),  # shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_leaks_from_one_user_to_the_next(shop: Dsns, steps: list[Step], size: int) -> None:
    async def play() -> None:
        async with opened(shop.service, size=size) as pool:
            game = Play(pool, size)
            for action, who, turns in steps:
                await game.step(action, who, turns)
                await game.check()
            for who in list(game.units):
                await game.end(who)
            await game.check()

    asyncio.run(play())


@pytest.mark.threat("spoofing.background-task-identity")
async def test_a_task_that_outlives_its_request_is_refused(pool: Pool, alice: UUID, bob: UUID) -> None:
    """It has the request's handle at best, whose transaction is over; a new request is nobody it knows."""
    go = asyncio.Event()
    outcome: list[BaseException | Any] = []

    async def later(unit: UnitOfWork) -> None:
        await go.wait()
        for call in (
            unit.db.insert(Order(user_id=alice, reference="late")),
            unit.db.all(select(Order).with_for_update()),
            unit.db.execute(delete(Order)),
        ):
            try:
                outcome.append(await call)
            except TransactionEnded as error:
                outcome.append(error)
        with pytest.raises(TransactionEnded):
            async with unit.db.session():
                pass

    async with committed(pool, alice) as unit:
        await unit.db.insert(Order(user_id=alice, reference="in time"))
        task = asyncio.create_task(later(unit))
    async with committed(pool, bob) as other:
        await other.db.insert(Order(user_id=bob, reference="bob's"))
        go.set()
        await task
        assert [row.reference for row in await other.db.all(select(Order))] == ["bob's"]
    assert [type(found) for found in outcome] == [TransactionEnded] * 3
    async with committed(pool, alice) as unit:
        assert await unit.db.all(select(Order.reference)) == ["in time"]


@pytest.mark.threat("spoofing.background-task-identity")
async def test_a_task_made_in_a_request_inherits_no_connection(pool: Pool, shop: Dsns, alice: UUID) -> None:
    """Context variables are copied into new tasks: nothing in them leads to the request's connection."""
    from handfast.runtime.database import session

    async def background() -> tuple[Any, list[Any]]:
        async with await psycopg.AsyncConnection.connect(shop.service) as connection:
            cursor = await connection.execute("select count(*) from orders")
            return session._lent.get(None), await cursor.fetchall()

    async with committed(pool, alice) as unit:
        await unit.db.insert(Order(user_id=alice, reference=str(uuid4())))
        async with unit.db.session():
            lent, seen = await asyncio.create_task(background())
    assert lent is None
    assert seen == [(0,)]
