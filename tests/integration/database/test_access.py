"""`ctx.db`: what each method does, and that it does it to the user's own rows alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import CheckViolation
from sqlalchemy import case, func, inspect, union, update
from sqlalchemy import select as core_select
from sqlalchemy.orm import aliased
from sqlmodel import col, delete, insert, select

from handfast.runtime.database import IsolationError, Pool
from handfast.runtime.errors import Forbidden, NotFound
from tests.integration.database.conftest import committed
from tests.integration.database.schema import Color, Country, Customer, Order, Thing, table_of


async def placed(pool: Pool, user: UUID, reference: str = "r", **values: Any) -> Order:
    async with committed(pool, user) as unit:
        return await unit.db.insert(Order(user_id=user, reference=reference, **values))


async def test_insert_returns_the_row_with_what_the_database_filled_in(pool: Pool, alice: UUID) -> None:
    order = Order(user_id=alice, reference="a", total=Decimal("1.50"))
    async with committed(pool, alice) as unit:
        assert await unit.db.insert(order) is order
    assert order.placed_at is not None
    assert order.placed_at.utcoffset() == UTC.utcoffset(None)
    assert inspect(order).detached
    async with committed(pool, alice) as unit:
        assert await unit.db.get(Order, order.id) == order


@pytest.mark.threat("elevation.owner-from-the-body")
async def test_insert_forces_the_owner(pool: Pool, alice: UUID, bob: UUID) -> None:
    order = Order(user_id=bob, reference="b")
    async with committed(pool, alice) as unit:
        await unit.db.insert(order)
    assert order.user_id == alice


async def test_every_kind_of_column_comes_back_as_it_went(pool: Pool, alice: UUID) -> None:
    values: dict[str, Any] = {
        "number": -(2**31),
        "ratio": 0.1,
        "flag": False,
        "day": date(1, 1, 1),
        "data": b"\x00\xff",
        "label": "ünïcode ' \\ %s $1 :x",
        "color": Color.BLUE,
        "extra": {"a": [1, None, {"b": "c"}]},
        "numbers": [3, 1],
    }
    thing = Thing(owner=alice, **values)
    async with committed(pool, alice) as unit:
        await unit.db.insert(thing)
        assert (thing.kind, isinstance(thing.serial, int)) == ("plain", True)
        for row in (
            await unit.db.get(Thing, thing.id),
            await unit.db.first(
                select(Thing).where(Thing.color == Color.BLUE, Thing.label == values["label"])
            ),
            await unit.db.update(Thing, thing.id, **values),
        ):
            assert row is not None
            assert {name: getattr(row, name) for name in values} == values
        empty = await unit.db.insert(Thing(owner=alice))
        assert empty.extra is None
        assert empty.color is None


@pytest.mark.parametrize("lock", [False, True])
@pytest.mark.threat("elevation.another-users-row")
async def test_get_tells_not_found_from_forbidden(pool: Pool, alice: UUID, bob: UUID, lock: bool) -> None:
    order = await placed(pool, alice)
    async with committed(pool, alice) as unit:
        assert (await unit.db.get(Order, order.id, lock=lock)).reference == "r"
    async with committed(pool, bob) as unit:
        with pytest.raises(Forbidden):
            await unit.db.get(Order, order.id, lock=lock)
        with pytest.raises(NotFound):
            await unit.db.get(Order, uuid4(), lock=lock)


async def test_update_changes_what_is_named(pool: Pool, alice: UUID, bob: UUID) -> None:
    order = await placed(pool, alice, total=Decimal(1))
    async with committed(pool, alice) as unit:
        changed = await unit.db.update(Order, order.id, reference="new")
        assert (changed.reference, changed.total) == ("new", Decimal("1.00"))
        assert changed.changed_at is not None
        again = await unit.db.update(Order, order.id, total=col(Order.total) + 1)
        assert again.total == Decimal("2.00")
        assert again.reference == "new"
    for values in ({"reference": "stolen"}, {"total": col(Order.total) + 1}):
        async with committed(pool, bob) as unit:
            with pytest.raises(Forbidden):
                await unit.db.update(Order, order.id, **values)
            with pytest.raises(NotFound):
                await unit.db.update(Order, uuid4(), **values)
    async with committed(pool, alice) as unit:
        assert (await unit.db.get(Order, order.id)).reference == "new"


async def test_update_refuses_nonsense(pool: Pool, alice: UUID) -> None:
    order = await placed(pool, alice)
    async with committed(pool, alice) as unit:
        with pytest.raises(TypeError, match="colour"):
            await unit.db.update(Order, order.id, colour="red")
        with pytest.raises(TypeError, match="nothing"):
            await unit.db.update(Order, order.id)
        with pytest.raises(IsolationError, match="may not be changed"):
            await unit.db.update(Order, order.id, user_id=uuid4())
        with pytest.raises(CheckViolation):
            await unit.db.update(Order, order.id, total=Decimal(-1))
        await unit.rollback()


async def test_delete(pool: Pool, alice: UUID, bob: UUID) -> None:
    order = await placed(pool, alice)
    async with committed(pool, bob) as unit:
        with pytest.raises(Forbidden):
            await unit.db.delete(Order, order.id)
    async with committed(pool, alice) as unit:
        await unit.db.delete(Order, order.id)
        with pytest.raises(NotFound):
            await unit.db.delete(Order, order.id)


@pytest.mark.threat("elevation.another-users-row")
async def test_execute_counts_the_users_rows(pool: Pool, alice: UUID, bob: UUID) -> None:
    for user in (alice, bob):
        for reference in ("1", "2"):
            await placed(pool, user, reference)
    async with committed(pool, alice) as unit:
        assert await unit.db.execute(update(Order).values(total=5)) == 2
        assert await unit.db.execute(delete(Order).where(col(Order.reference) == "1")) == 1
    async with committed(pool, bob) as unit:
        orders = await unit.db.all(select(Order).order_by(Order.reference))
        assert [(order.reference, order.total) for order in orders] == [("1", Decimal(0)), ("2", Decimal(0))]


async def test_insert_statements_belong_to_the_user(pool: Pool, alice: UUID, bob: UUID) -> None:
    async with committed(pool, alice) as unit:
        one = insert(Customer).values(id=uuid4(), user_id=bob, name="one")
        many = insert(Customer).values(
            [{"id": uuid4(), "name": "two"}, {"id": uuid4(), "user_id": bob, "name": "3"}]
        )
        copied = insert(Customer).from_select(["id", "name"], select(func.gen_random_uuid(), Customer.name))
        assert [await unit.db.execute(statement) for statement in (one, many, copied)] == [1, 2, 3]
    async with committed(pool, alice) as unit:
        assert {customer.user_id for customer in await unit.db.all(select(Customer))} == {alice}
    async with committed(pool, bob) as unit:
        assert await unit.db.all(select(Customer)) == []


async def test_statements_give_instances_values_or_tuples(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit:
        customer = await unit.db.insert(Customer(user_id=alice, name="c"))
        order = await unit.db.insert(Order(user_id=alice, reference="1", customer_id=customer.id))
        lone = await unit.db.insert(Order(user_id=alice, reference="2"))
        db = unit.db
        assert await db.all(select(Order).order_by(Order.reference)) == [order, lone]
        assert await db.all(select(Order.reference).order_by(Order.reference)) == ["1", "2"]
        pairs = select(Order, Customer).join(Customer, isouter=True).order_by(Order.reference)
        assert await db.all(pairs) == [(order, customer), (lone, None)]
        assert await db.first(select(Order.reference, Customer.name).join(Customer)) == ("1", "c")
        assert await db.first(select(func.count()).select_from(Order)) == 2
        assert await db.first(select(Order).where(Order.reference == "3")) is None
        assert await db.all(core_select(table_of(Order)).where(col(Order.reference) == "1")) == [
            tuple(getattr(order, column.name) for column in table_of(Order).columns)
        ]
        other = aliased(Order)
        assert await db.all(select(other).where(other.reference == "1")) == [order]
        both = union(select(Order.reference), select(Customer.name)).order_by("reference")
        assert await db.all(both) == ["1", "2", "c"]
        whole = union(
            select(Order).where(Order.reference == "1"), select(Order).where(Order.reference == "2")
        )
        assert {row.reference for row in await db.all(select(Order).from_statement(whole))} == {"1", "2"}
        changed = update(Order).where(col(Order.reference) == "2").values(reference="9").returning(Order)
        assert [row.reference for row in await db.all(changed)] == ["9"]
        with pytest.raises(TypeError, match="returns no rows"):
            await db.all(update(Order).values(total=0))
        with pytest.raises(IsolationError, match="twice"):
            await db.all(select(Order.reference, Order))


async def test_lists_of_any_length_share_one_statement(pool: Pool, alice: UUID) -> None:
    for reference in "abc":
        await placed(pool, alice, reference)
    async with committed(pool, alice) as unit:
        for wanted in ([], ["a"], ["a", "b", "x"], ["c"] * 40):
            statement = (
                select(Order.reference).where(col(Order.reference).in_(wanted)).order_by(Order.reference)
            )
            assert await unit.db.all(statement) == sorted({"a", "b", "c"} & set(wanted))
            colors = select(Thing).where(col(Thing.color).in_([Color.RED, Color.BLUE][: len(wanted)]))
            assert await unit.db.all(colors) == []


async def test_same_shape_other_values(pool: Pool, alice: UUID) -> None:
    for reference in "abc":
        await placed(pool, alice, reference)
    async with committed(pool, alice) as unit:
        for reference in ("a", "b", "x"):
            found = await unit.db.first(
                select(Order).where(Order.reference == reference, Order.total == 0).limit(1)
            )
            assert (found.reference if found else "x") == reference
        ranked = case({"a": 2, "b": 1}, value=col(Order.reference), else_=3)
        assert await unit.db.all(select(Order.reference).order_by(ranked)) == ["b", "a", "c"]


async def test_shared_tables_need_no_user_and_are_not_written(pool: Pool, shop: Any, alice: UUID) -> None:
    import psycopg

    key = uuid4()
    with psycopg.connect(shop.admin) as connection:
        connection.execute("insert into countries values (%s, 'Norway')", [key])
    for user in (alice, None):
        async with committed(pool, user) as unit:
            assert (await unit.db.get(Country, key)).name == "Norway"
            assert "Norway" in await unit.db.all(select(Country.name))
            with pytest.raises(NotFound):
                await unit.db.get(Country, uuid4())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await unit.db.insert(Country(name="Atlantis"))
            await unit.rollback()


async def test_owned_tables_need_a_user(pool: Pool) -> None:
    async with committed(pool, None) as unit:
        for call in (
            unit.db.get(Order, uuid4()),
            unit.db.all(select(Order)),
            unit.db.insert(Order(user_id=uuid4(), reference="x")),
            unit.db.execute(delete(Order)),
        ):
            with pytest.raises(IsolationError, match="no user"):
                await call


async def test_a_detached_row_joins_a_session(pool: Pool, alice: UUID) -> None:
    order = await placed(pool, alice, "before")
    async with committed(pool, alice) as unit, unit.db.session() as session:
        session.add(order)
        order.reference = "after"
    async with committed(pool, alice) as unit:
        assert (await unit.db.get(Order, order.id)).reference == "after"


async def test_times_are_in_utc(pool: Pool, alice: UUID) -> None:
    moment = datetime(2026, 7, 1, 12, tzinfo=UTC)
    order = await placed(pool, alice, placed_at=moment)
    async with committed(pool, alice) as unit:
        found = await unit.db.get(Order, order.id)
    assert found.placed_at == moment
    assert str(found.placed_at) == str(moment)


async def test_defaults_of_columns_are_made_up_at_each_call(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit:
        for _ in range(2):
            assert await unit.db.execute(insert(Thing).values(number=1)) == 1
        assert (
            await unit.db.execute(insert(Thing).values([{"id": uuid4(), "number": n} for n in (2, 3)])) == 2
        )
        things = await unit.db.all(select(Thing))
        assert {thing.kind for thing in things} == {"plain"}
        assert len({thing.serial for thing in things}) == 4
        orders = [await unit.db.insert(Order(user_id=alice, reference=r)) for r in "ab"]
        seen = set()
        for _ in range(2):
            await unit.db.execute(update(Order).where(col(Order.id) == orders[0].id).values(total=1))
            seen.add((await unit.db.get(Order, orders[0].id)).changed_at)
        assert None not in seen
        assert len(seen) == 2
        assert (await unit.db.get(Order, orders[1].id)).changed_at is None
