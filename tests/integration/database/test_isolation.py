"""The second wall: what the database itself refuses, and how each way of opening it is found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import ForeignKeyConstraint, Index, MetaData, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from handfast.runtime.database import Dsns, Pool, checks, health, isolation, roles, throwaway
from handfast.runtime.database.owners import owned_tables
from handfast.runtime.database.policies import existence_function
from tests.integration.database.conftest import SHOP, committed, opened
from tests.integration.database.schema import Customer, Order, metadata


def as_user(connection: psycopg.Connection[Any], user: UUID | str) -> None:
    connection.execute("select set_config('app.user_id', %s, true)", [str(user)])


async def orders_of(pool: Pool, *users: UUID) -> list[Order]:
    made = []
    for user in users:
        async with committed(pool, user) as unit:
            made.append(await unit.db.insert(Order(user_id=user, reference="r")))
    return made


@pytest.mark.threat("elevation.forgotten-filter")
async def test_row_security_stands_alone(pool: Pool, shop: Dsns, alice: UUID, bob: UUID) -> None:
    mine, others = await orders_of(pool, alice, bob)
    with psycopg.connect(shop.service) as connection:
        assert connection.execute("select * from orders").fetchall() == []
        connection.rollback()
        # After a transaction with a user, the setting is an empty text, not null.
        for user in (alice, "", alice):
            as_user(connection, user)
            seen = [row[0] for row in connection.execute("select id from orders")]
            assert seen == ([mine.id] if user else [])
            connection.rollback()
        as_user(connection, alice)
        for statement in ("update orders set total = 9 where id = %s", "delete from orders where id = %s"):
            assert connection.execute(statement, [others.id]).rowcount == 0
        for statement in (
            "insert into orders (id, user_id, reference, total) values (gen_random_uuid(), %s, 'x', 0)",
            "update orders set user_id = %s",
        ):
            with pytest.raises(InsufficientPrivilege), connection.transaction():
                connection.execute(statement, [bob])


@pytest.mark.threat("elevation.database-role")
async def test_what_service_and_owner_may_not_do(pool: Pool, shop: Dsns, alice: UUID) -> None:
    (order,) = await orders_of(pool, alice)
    with psycopg.connect(shop.service, autocommit=True) as connection:
        for statement in (
            "set role handfast_owner",
            "set role handfast_probe",
            "alter table orders disable row level security",
            "drop policy handfast_owner on orders",
            "create table mine (id int)",
            "truncate orders",
            "insert into alembic_version values ('forged')",
            "update countries set name = 'x'",
            "create function f() returns int language sql as 'select 1'",
        ):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(statement)
        assert connection.execute("select handfast_exists_orders(%s)", [order.id]).fetchone() == (True,)
        assert connection.execute("select handfast_exists_orders(%s)", [uuid4()]).fetchone() == (False,)
        assert connection.execute("select handfast_exists_orders(null)").fetchone() == (None,)
    with psycopg.connect(shop.owner, autocommit=True) as connection:
        assert connection.execute("select count(*) from orders").fetchone() == (0,)
        connection.execute("set role handfast_probe")
        assert connection.execute("select count(id) > 0 from orders").fetchone() == (True,)
        with pytest.raises(InsufficientPrivilege):
            connection.execute("select reference from orders")
        with pytest.raises(InsufficientPrivilege):
            connection.execute("create function f() returns int language sql as 'select 1'")


@pytest.mark.threat("elevation.policy-drift")
async def test_a_good_database_has_no_faults(pool: Pool) -> None:
    assert await checks(pool, metadata, SHOP) == []
    assert await checks(pool, None, None) == []


TAMPERED = {
    "alter table orders disable row level security": "not enabled|sees rows of other",
    "alter table orders no force row level security": "not forced",
    "drop policy handfast_owner on orders": "`handfast_owner` of `orders` is missing",
    "drop policy handfast_probe on orders": "`handfast_probe` of `orders` is missing",
    "create policy handy on orders using (true)": "lets more through|sees rows of other",
    "alter policy handfast_owner on orders using (true)": "not what Handfast wrote|sees rows of other",
    "alter policy handfast_probe on orders to public": "not what Handfast wrote|sees rows of other",
    "drop function handfast_exists_orders(uuid)": "existence function",
    "revoke execute on function handfast_exists_orders from handfast_service": "existence function",
    "alter function handfast_exists_orders owner to postgres": "existence function",
    "revoke update on orders from handfast_service": "may not read and write",
    "revoke all on orders from handfast_service": "may not read and write",
    "alter table orders owner to handfast_service": "owns table orders",
    "alter role handfast_service bypassrls": "BYPASSRLS",
    "alter table orders drop column total": "`orders.total` does not exist in the database",
    "revoke all on countries from handfast_service": "may not read `countries`, which everybody shares",
    "alter role handfast_service superuser": "superuser",
    "grant pg_database_owner, postgres to handfast_service": "can become `postgres`",
    "grant handfast_owner to handfast_service": "owns `orders`",
    "drop table orders": "does not exist",
    "delete from alembic_version": "a pending migration: 0001_shop",
}


@pytest.mark.parametrize("statement", TAMPERED)
@pytest.mark.threat("elevation.policy-drift")
async def test_each_way_of_opening_the_wall_is_found(
    postgres: throwaway.Server, statement: str, alice: UUID
) -> None:
    if "pg_database_owner" in statement:
        statement = "grant postgres to handfast_service"
        words = "can become `postgres`"
    else:
        words = TAMPERED[statement]
    dsns = throwaway.database(postgres, root=SHOP)
    async with opened(dsns.service) as pool:
        await orders_of(pool, alice)
        with psycopg.connect(dsns.admin) as connection:
            connection.execute(statement)
        try:
            faults = await checks(pool, metadata, SHOP)
        finally:
            with psycopg.connect(dsns.admin) as connection:
                connection.execute("alter role handfast_service nosuperuser nobypassrls")
                connection.execute("revoke postgres, handfast_owner from handfast_service")
    throwaway.drop(postgres, dsns)
    for word in words.split("|"):
        assert any(word in fault.what for fault in faults), faults
    assert all(fault.fix for fault in faults)


async def test_a_restrictive_policy_is_no_fault(postgres: throwaway.Server) -> None:
    dsns = throwaway.database(postgres, root=SHOP)
    with psycopg.connect(dsns.owner) as connection:
        connection.execute("create policy fewer on orders as restrictive using (total < 100)")
        assert isolation.drift(connection, metadata) == []
    throwaway.drop(postgres, dsns)


@pytest.mark.threat("disclosure.secret-in-error")
async def test_an_unreachable_database_is_a_fault_without_the_password() -> None:
    async with opened("postgresql://someone:hunter2@127.0.0.1:1/none", patience=0.1) as pool:
        (fault,) = await checks(pool, MetaData(), SHOP)
    assert "cannot connect to the database 127.0.0.1:1/none as `someone`" in fault.what
    assert "hunter2" not in str(fault)
    assert fault.where == "DATABASE_URL"


async def test_a_database_that_refuses_questions_is_a_fault(postgres: throwaway.Server) -> None:
    dsns = throwaway.database(postgres, root=SHOP)
    with psycopg.connect(dsns.owner) as connection:
        connection.execute("revoke select on alembic_version from handfast_service")
    async with opened(dsns.service) as pool:
        for found in (health.inspect(dsns.service, metadata, SHOP), await checks(pool, metadata, SHOP)):
            (fault,) = found
            assert "cannot be inspected" in fault.what
    throwaway.drop(postgres, dsns)


def test_names_that_need_quotes_and_long_names() -> None:
    long, other = "t" * 60 + "a", "t" * 60 + "b"
    assert existence_function("tasks") == "handfast_exists_tasks"
    assert len(existence_function(long)) == 63
    assert existence_function(long) != existence_function(other)


def declared(**attributes: Any) -> MetaData:
    """Metadata with a table `parents` and a table `rows` of these attributes beside id and user_id."""
    own = MetaData()

    class Own(SQLModel, registry=registry(metadata=own)):
        metadata = own

    class Parent(Own, table=True):
        __tablename__ = "parents"
        __owner__: ClassVar[str] = "user_id"
        __table_args__ = (UniqueConstraint("user_id", "id", name="uq_parents"),)
        id: UUID = Field(primary_key=True)
        user_id: UUID

    annotations = {"id": UUID, "user_id": attributes.pop("user_type", UUID)}
    columns: dict[str, Any] = {"id": Field(primary_key=True), "user_id": Field()}
    for name in ("parent_id",):
        annotations[name], columns[name] = UUID, Field()
    columns |= {"__tablename__": "rows", "__owner__": "user_id"} | attributes
    maker: Any = type(Own)
    maker("Row", (Own,), {"__annotations__": annotations, "__module__": __name__} | columns, table=True)
    return own


LEADING = Index("ix_rows", "user_id", "id")
RULES: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "good": (lambda: {"__table_args__": (Index("ix_rows", "user_id", "id"),)}, ""),
    "no index": (dict, "no index of `rows` leads with `user_id`"),
    "unique": (
        lambda: {
            "__table_args__": (Index("ix_rows", "user_id"), UniqueConstraint("parent_id", name="uq_rows"))
        },
        "unique constraint `uq_rows` of `rows` does not lead with `user_id`",
    ),
    "unique index": (
        lambda: {"__table_args__": (Index("ix_rows", "user_id"), Index("ux_rows", "parent_id", unique=True))},
        "unique constraint `ux_rows`",
    ),
    "simple foreign key": (
        lambda: {
            "__table_args__": (
                Index("ix_rows", "user_id"),
                ForeignKeyConstraint(["parent_id"], ["parents.id"]),
            ),
        },
        "foreign key of `rows` to `parents` does not include the owner",
    ),
    "composite foreign key": (
        lambda: {
            "__table_args__": (
                Index("ix_rows", "user_id"),
                ForeignKeyConstraint(["user_id", "parent_id"], ["parents.user_id", "parents.id"]),
            ),
        },
        "",
    ),
    "nullable owner": (
        lambda: {"user_type": UUID | None, "__table_args__": (Index("ix_rows", "user_id"),)},
        "`rows.user_id` may be null",
    ),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.threat("disclosure.existence-oracle")
def test_rules_of_declared_tables(name: str) -> None:
    attributes, words = RULES[name]
    faults = isolation.rules(declared(**attributes()))
    assert [fault.what.partition(":")[0] for fault in faults] == (
        [words] if ":" not in words and words else []
    ) or (len(faults) == 1 and words in faults[0].what)


def test_silence_about_the_owner_is_a_fault() -> None:
    own = MetaData()

    class Own(SQLModel, registry=registry(metadata=own)):
        metadata = own

    class Silent(Own, table=True):
        __tablename__ = "silent"
        id: UUID = Field(primary_key=True)

    class Referring(Own, table=True):
        __tablename__ = "referring"
        __owner__: ClassVar[str] = "user_id"
        __table_args__ = (Index("ix_referring", "user_id"),)
        id: UUID = Field(primary_key=True)
        user_id: UUID
        silent_id: UUID = Field(foreign_key="silent.id")

    (fault,) = isolation.rules(own)
    assert "`silent` does not say whose" in fault.what
    assert "__owner__" in fault.fix


def test_the_shop_keeps_the_rules() -> None:
    assert isolation.rules(metadata) == []
    assert {table.name for table, _ in owned_tables(metadata.tables.values())} == {
        "customers",
        "note_shares",
        "notes",
        "orders",
        "things",
    }
    assert Customer.__owner__ == "user_id"
    assert roles.user("host=x") == "handfast_service"
