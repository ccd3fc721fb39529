"""`conflict`: the constraint decides, and its name says which error the caller sees."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation
from sqlalchemy.exc import IntegrityError

from handfast.runtime.database import Pool, conflict
from handfast.runtime.errors import Conflict
from tests.integration.database.conftest import committed
from tests.integration.database.schema import Order


class ReferenceTaken(Conflict, code="reference_taken"):
    """There is such an order already."""


UNIQUE = "uq_orders_user_id_reference"


async def test_the_named_constraint_becomes_the_declared_error(pool: Pool, alice: UUID, bob: UUID) -> None:
    for user in (alice, bob):  # each user has references of their own
        async with committed(pool, user) as unit:
            await unit.db.insert(Order(user_id=user, reference="1"))
    unit = pool.unit(alice)
    with pytest.raises(ReferenceTaken) as caught, conflict(UNIQUE, raises=ReferenceTaken):
        await unit.db.insert(Order(user_id=alice, reference="1"))
    assert caught.value.detail == "There is such an order already."
    assert isinstance(caught.value.__cause__, UniqueViolation)
    await unit.rollback()


async def test_an_instance_is_raised_as_it_is(pool: Pool, alice: UUID) -> None:
    unit = pool.unit(alice)
    error = ReferenceTaken("Order 1 exists.")
    with pytest.raises(ReferenceTaken) as caught, conflict("ck_orders_total", raises=error):
        await unit.db.insert(Order(user_id=alice, reference="1", total=Decimal(-1)))
    assert caught.value is error
    await unit.rollback()


async def test_other_violations_pass(pool: Pool, alice: UUID) -> None:
    for order, kind in (
        (Order(user_id=alice, reference="1", total=Decimal(-1)), CheckViolation),
        (Order(user_id=alice, reference="1", customer_id=uuid4()), ForeignKeyViolation),
    ):
        unit = pool.unit(alice)
        with pytest.raises(kind), conflict(UNIQUE, raises=ReferenceTaken):
            await unit.db.insert(order)
        await unit.rollback()
    with conflict(UNIQUE, raises=ReferenceTaken):
        pass


async def test_inside_a_session_too(pool: Pool, alice: UUID) -> None:
    async def twice(constraint: str) -> None:
        unit = pool.unit(alice)
        try:
            with conflict(constraint, raises=ReferenceTaken):
                async with unit.db.session() as session:
                    session.add_all(
                        [Order(user_id=alice, reference="1"), Order(user_id=alice, reference="1")]
                    )
        finally:
            await unit.rollback()

    with pytest.raises(ReferenceTaken):
        await twice(UNIQUE)
    with pytest.raises(IntegrityError):
        await twice("another")
