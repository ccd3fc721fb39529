"""Keys and constraints answer no question about rows of other users; races between look and probe neither."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from sqlmodel import col, delete, insert, select, update

from handfast.runtime.database import Dsns, Pool, UnitOfWork
from handfast.runtime.errors import Forbidden, NotFound
from tests.integration.database.conftest import committed
from tests.integration.database.schema import Customer, Order

pytestmark = pytest.mark.threat("disclosure.existence-oracle")


async def customer_of(pool: Pool, user: UUID) -> Customer:
    async with committed(pool, user) as unit:
        return await unit.db.insert(Customer(user_id=user, name="c"))


def facts(error: psycopg.Error, *values: UUID) -> dict[str, Any]:
    """Everything that the database says of an error, with the values that the caller sent left out."""
    diag = error.diag
    found = {
        name: getattr(diag, name)
        for name in (
            "sqlstate",
            "severity",
            "message_primary",
            "message_detail",
            "message_hint",
            "constraint_name",
            "table_name",
            "column_name",
            "context",
        )
    }
    for value in values:
        found = {name: said and said.replace(str(value), "*") for name, said in found.items()}
    return found


async def refused(unit: UnitOfWork, statement: Any, *values: UUID) -> dict[str, Any]:
    with pytest.raises(ForeignKeyViolation) as caught:
        await unit.db.execute(statement)
    await unit.rollback()
    return facts(caught.value, *values)


@pytest.mark.parametrize("how", ["insert", "update"])
async def test_a_reference_to_anothers_row_and_to_no_row_are_the_same_error(
    pool: Pool, alice: UUID, bob: UUID, how: str
) -> None:
    theirs, none = (await customer_of(pool, bob)).id, uuid4()
    own = await customer_of(pool, alice)
    async with committed(pool, alice) as unit:
        order = await unit.db.insert(Order(user_id=alice, reference="own", customer_id=own.id))
    told = []
    for customer in (theirs, none):
        key = uuid4()
        statement: Any = (
            insert(Order).values(id=key, reference=str(key), total=0, customer_id=customer)
            if how == "insert"
            else update(Order).where(col(Order.id) == order.id).values(customer_id=customer)
        )
        told.append(await refused(pool.unit(alice), statement, customer))
    assert told[0] == told[1]
    assert told[0]["constraint_name"] == "fk_orders_customer"


async def test_a_unique_value_of_another_user_is_free(pool: Pool, alice: UUID, bob: UUID) -> None:
    for user in (alice, bob):
        async with committed(pool, user) as unit:
            await unit.db.insert(Order(user_id=user, reference="same"))
    unit = pool.unit(alice)
    with pytest.raises(UniqueViolation):
        await unit.db.insert(Order(user_id=alice, reference="same"))
    await unit.rollback()


async def test_anothers_children_do_not_hold_up_a_deletion(pool: Pool, alice: UUID, bob: UUID) -> None:
    """Nobody can refer to another's row, so nobody can learn of it, or keep it, by its children."""
    own = await customer_of(pool, alice)
    unit = pool.unit(bob)
    with pytest.raises(ForeignKeyViolation):
        await unit.db.insert(Order(user_id=bob, reference="r", customer_id=own.id))
    await unit.rollback()
    async with committed(pool, alice) as mine:
        await mine.db.delete(Customer, own.id)


async def test_a_key_that_the_caller_chose_would_tell(pool: Pool, alice: UUID, bob: UUID) -> None:
    """Why the how-to says to let the service choose it, or to lead the primary key with the owner."""
    theirs = await customer_of(pool, bob)
    unit = pool.unit(alice)
    with pytest.raises(UniqueViolation):
        await unit.db.insert(Customer(id=theirs.id, user_id=alice, name="guess"))
    await unit.rollback()


@pytest.mark.threat("disclosure.answers-to-strangers")
async def test_the_probe_tells_existence_and_nothing_else(
    shop: Dsns, pool: Pool, alice: UUID, bob: UUID
) -> None:
    known = (await customer_of(pool, alice)).id
    with psycopg.connect(shop.service) as connection:
        connection.execute("select set_config('app.user_id', %s, true)", [str(bob)])
        cursor = connection.execute("select * from handfast_exists_customers(%s)", [known])
        assert cursor.fetchall() == [(True,)]
        assert [column.name for column in cursor.description or ()] == ["handfast_exists_customers"]
        for column in ("name", "user_id"):
            with pytest.raises(psycopg.errors.UndefinedFunction), connection.transaction():
                connection.execute(
                    f"select handfast_exists_customers({column}::text) from customers".encode()
                )


@pytest.mark.threat("disclosure.answers-to-strangers")
@pytest.mark.parametrize("first", ["missed", "gone", "came", "another's came"])
async def test_changes_between_the_look_and_the_probe(
    pool: Pool, alice: UUID, bob: UUID, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """The look misses, something happens, then the probe and a second look: the last word is the latest."""
    key = uuid4()
    if first == "gone":
        async with committed(pool, bob) as unit:
            await unit.db.insert(Customer(id=key, user_id=bob, name="there"))
    looks = 0
    read = UnitOfWork.read

    async def interrupted(self: UnitOfWork, calls: Any) -> Any:
        nonlocal looks
        answer = await read(self, calls)
        looks += 1
        if looks == 1:
            monkeypatch.setattr(UnitOfWork, "read", read)
            match first:
                case "gone":
                    async with committed(pool, bob) as other:
                        await other.db.execute(delete(Customer).where(col(Customer.id) == key))
                case "came" | "another's came":
                    owner = alice if first == "came" else bob
                    async with committed(pool, owner) as other:
                        await other.db.insert(Customer(id=key, user_id=owner, name="new"))
        return answer

    monkeypatch.setattr(UnitOfWork, "read", interrupted)
    async with committed(pool, alice) as unit:
        match first:
            case "came":
                assert (await unit.db.get(Customer, key)).name == "new"
            case "another's came":
                with pytest.raises(Forbidden):
                    await unit.db.get(Customer, key)
            case _:
                with pytest.raises(NotFound):
                    await unit.db.get(Customer, key)
    assert looks == 1


@pytest.mark.threat("disclosure.answers-to-strangers")
async def test_a_row_that_comes_and_goes_is_never_an_error(pool: Pool, alice: UUID, bob: UUID) -> None:
    key = uuid4()
    stop = asyncio.Event()

    async def flicker() -> None:
        for _ in range(40):
            async with committed(pool, bob) as unit:
                await unit.db.insert(Customer(id=key, user_id=bob, name="flicker"))
            async with committed(pool, bob) as unit:
                await unit.db.delete(Customer, key)
        stop.set()

    async def ask() -> set[str]:
        seen: set[str] = set()
        while not stop.is_set():
            async with committed(pool, alice) as unit:
                try:
                    await unit.db.get(Customer, key, lock=len(seen) % 2 == 1)
                except (NotFound, Forbidden) as error:
                    seen.add(type(error).__name__)
        return seen

    _, seen = await asyncio.gather(flicker(), ask())
    assert seen <= {"NotFound", "Forbidden"}
    async with committed(pool, alice) as unit:
        assert await unit.db.all(select(Customer)) == []
