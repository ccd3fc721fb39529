"""Statements that are made once, and rows that become models of a contract at once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy import bindparam, update
from sqlalchemy import select as core_select
from sqlmodel import col, select

from handfast.runtime.database import Pool
from handfast.runtime.errors import Forbidden, NotFound
from tests.integration.database.conftest import committed
from tests.integration.database.schema import Country, Customer, Order, table_of

PAGE = (
    select(Order)
    .where(col(Order.total) >= bindparam("least"))
    .order_by(col(Order.total))
    .limit(bindparam("limit"))
)


class Shown(BaseModel):
    """What a caller sees of an order; not whose it is."""

    id: UUID
    reference: str
    total: Decimal
    placed_at: datetime
    note: str | None = None


async def placed(pool: Pool, user: UUID, count: int) -> list[Order]:
    async with committed(pool, user) as unit:
        return [
            await unit.db.insert(Order(user_id=user, reference=f"r{number}", total=Decimal(number)))
            for number in range(count)
        ]


@pytest.mark.threat("elevation.another-users-row")
async def test_it_serves_every_user_with_own_values(pool: Pool, alice: UUID, bob: UUID) -> None:
    for user, count in ((alice, 5), (bob, 3)):
        await placed(pool, user, count)
    for _ in range(4):  # also once it is prepared
        for user, found in ((alice, ["r2", "r3"]), (bob, ["r2"])):
            async with committed(pool, user) as unit:
                orders = await unit.db.all(PAGE, {"least": 2, "limit": 2})
                assert [order.reference for order in orders] == found
                assert {order.user_id for order in orders} == {user}
        async with committed(pool, alice) as unit:
            assert len(await unit.db.all(PAGE, {"least": 0, "limit": 4})) == 4
            assert await unit.db.first(PAGE, {"least": 99, "limit": 1}) is None
    change = update(Order).where(col(Order.total) == bindparam("old")).values(total=bindparam("new"))
    async with committed(pool, bob) as unit:
        assert await unit.db.execute(change, {"old": 1, "new": 7}) == 1
        assert await unit.db.execute(change, {"old": 1, "new": 7}) == 0


async def test_values_must_be_those_that_it_asks_for(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit:
        with pytest.raises(TypeError, match=r"needs values for \['limit'\]"):
            await unit.db.all(PAGE, {"least": 1})
        with pytest.raises(TypeError, match=r"no bindparam called \['most'\]"):
            await unit.db.all(PAGE, {"least": 1, "limit": 1, "most": 1})


async def test_rows_become_models(pool: Pool, alice: UUID, bob: UUID) -> None:
    first, _ = await placed(pool, alice, 2)
    async with committed(pool, alice) as unit:
        shown = await unit.db.get(Order, first.id, into=Shown)
        assert shown == Shown(id=first.id, reference="r0", total=Decimal(0), placed_at=shown.placed_at)
        assert "user_id" not in shown.model_dump()
        assert await unit.db.all(PAGE, {"least": 0, "limit": 1}, into=Shown) == [shown]
        assert await unit.db.first(PAGE, {"least": 0, "limit": 1}, into=Shown) == shown
        columns = core_select(*table_of(Order).columns).where(table_of(Order).c.id == first.id)
        assert await unit.db.first(columns, into=Shown) == shown
        changed = await unit.db.update(Order, first.id, into=Shown, total=Decimal(4))
        assert (changed.id, changed.total) == (first.id, Decimal(4))
        made = await unit.db.insert(Order(user_id=alice, reference="new"), into=Shown)
        assert (made.reference, made.total) == ("new", Decimal(0))
    async with committed(pool, bob) as unit:
        with pytest.raises(Forbidden):
            await unit.db.get(Order, first.id, into=Shown)
        with pytest.raises(NotFound):
            await unit.db.update(Order, uuid4(), into=Shown, total=1)


async def test_a_model_that_asks_for_more_than_the_row_has(pool: Pool, alice: UUID) -> None:
    class Narrow(BaseModel):
        name: int

    async with committed(pool, alice) as unit:
        await unit.db.insert(Customer(user_id=alice, name="no number"))
        with pytest.raises(TypeError, match=r"`Shown` needs \['reference', 'total', 'placed_at'\]"):
            await unit.db.all(select(Customer), into=Shown)
        with pytest.raises(TypeError, match="of one table class"):
            await unit.db.all(select(Customer, Country), into=Shown)
        with pytest.raises(ValidationError):
            await unit.db.first(select(Customer.name), into=Narrow)
