"""The first wall: the owner filter in every statement, as SQL and on a database without row security."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import (
    Column,
    Executable,
    Integer,
    MetaData,
    Table,
    Uuid,
    bindparam,
    column,
    exists,
    func,
    literal,
    literal_column,
    text,
    true,
    union,
    union_all,
    values,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import aliased, registry
from sqlmodel import Field, SQLModel, col, delete, insert, select, update

from handfast.runtime.database import Dsns, IsolationError, Pool, isolation, single, throwaway
from handfast.runtime.database import statements as module
from handfast.runtime.database.reach import Reach
from handfast.runtime.database.statements import prepare
from tests.integration.database.conftest import SHOP, committed, opened
from tests.integration.database.schema import Country, Customer, Order, table_of

ME = uuid4()
C, O2 = aliased(Customer), aliased(Order)


def sql(statement: Executable) -> str:
    return " ".join(prepare(statement, ME).sql.decode().split())


def simple(statement: Any) -> str:
    """The statement without its column list and our brackets, and `me` for the owner's parameter."""
    call = prepare(statement, ME)
    found = " ".join(call.sql.decode().split())
    for place, value in enumerate(call.values, 1):
        found = found.replace(f"${place}::UUID", "me" if value == ME else f"${place}")
    found = re.sub(r"\b(WHERE|ON) \((.*?)\) AND (?=\w+\.user_id = me)", r"\1 \2 AND ", found)
    return found.partition(" FROM ")[2] if found.startswith("SELECT") else found


SELECTS: dict[str, tuple[Callable[[], Any], str]] = {
    "plain": (lambda: select(Customer), "customers WHERE customers.user_id = me"),
    "shared": (lambda: select(Country.name), "countries"),
    "join": (
        lambda: select(Order).join(Customer),
        "orders JOIN customers ON customers.user_id = orders.user_id AND customers.id = orders.customer_id "
        "WHERE orders.user_id = me AND customers.user_id = me",
    ),
    "outer join": (
        lambda: (
            select(Order.id).join(C, col(C.id) == Order.customer_id, isouter=True).where(Order.total == 0)
        ),
        "orders LEFT OUTER JOIN customers AS customers_1 ON customers_1.id = orders.customer_id "
        "AND customers_1.user_id = me WHERE orders.total = $2::INTEGER AND orders.user_id = me",
    ),
    "nested outer join": (
        lambda: select(Country.id).outerjoin(
            table_of(Order).outerjoin(table_of(Customer), true()),
            true(),
        ),
        "countries LEFT OUTER JOIN (orders LEFT OUTER JOIN customers ON true AND customers.user_id = me) "
        "ON true AND orders.user_id = me",
    ),
    "alias": (lambda: select(C), "customers AS customers_1 WHERE customers_1.user_id = me"),
    "self join": (
        lambda: select(Order.id).join(O2, col(O2.id) == Order.id),
        "orders JOIN orders AS orders_1 ON orders_1.id = orders.id "
        "WHERE orders.user_id = me AND orders_1.user_id = me",
    ),
    "exists": (
        lambda: select(Country.id).where(exists().where(col(Order.total) > 1)),
        "countries WHERE EXISTS "
        "(SELECT * FROM orders WHERE orders.total > $1::INTEGER AND orders.user_id = me)",
    ),
    "in": (
        lambda: select(Country.id).where(col(Country.id).in_(select(Order.id))),
        "countries WHERE countries.id IN (SELECT orders.id FROM orders WHERE orders.user_id = me)",
    ),
    "scalar subquery": (
        lambda: select(Country.id, select(func.max(Order.total)).scalar_subquery()).order_by(col(Country.id)),
        "orders WHERE orders.user_id = me) AS anon_1 FROM countries ORDER BY countries.id",
    ),
    "from subquery": (
        lambda: select(select(Order.id).subquery().c.id),
        "(SELECT orders.id AS id FROM orders WHERE orders.user_id = me) AS anon_1",
    ),
    "lateral": (
        lambda: select(Country.id).join(select(Order.id).lateral("o"), true()),
        "countries JOIN LATERAL (SELECT orders.id AS id FROM orders WHERE orders.user_id = me) AS o ON true",
    ),
    "core table": (
        lambda: select(table_of(Order).c.id),
        "orders WHERE orders.user_id = me",
    ),
    "lock": (
        lambda: select(Order.id).with_for_update(skip_locked=True),
        "orders WHERE orders.user_id = me FOR UPDATE SKIP LOCKED",
    ),
    "group": (
        lambda: select(Order.reference, func.count()).group_by(Order.reference).having(func.count() > 1),
        "orders WHERE orders.user_id = me GROUP BY orders.reference HAVING count(*) > $2::INTEGER",
    ),
}


@pytest.mark.parametrize("name", SELECTS)
def test_selects_are_filtered(name: str) -> None:
    make, wanted = SELECTS[name]
    assert simple(make()) == wanted


def test_unions_and_ctes_are_filtered() -> None:
    assert sql(union(select(Order.id), select(Customer.id))) == (
        "SELECT orders.id FROM orders WHERE orders.user_id = $1::UUID "
        "UNION SELECT customers.id FROM customers WHERE customers.user_id = $1::UUID"
    )
    mine = select(Order.id).cte("mine")
    assert sql(select(mine.c.id)) == (
        "WITH mine AS (SELECT orders.id AS id FROM orders WHERE orders.user_id = $1::UUID) "
        "SELECT mine.id FROM mine"
    )
    gone = delete(Order).returning(col(Order.id)).cte("gone")
    assert prepare(select(gone.c.id), ME).plan.writes
    assert "DELETE FROM orders WHERE orders.user_id = $1::UUID" in sql(select(gone.c.id))
    tree = select(Order.id, Order.customer_id).cte("tree", recursive=True)
    tree = tree.union_all(select(Order.id, Order.customer_id).join(tree, tree.c.id == Order.customer_id))
    assert sql(select(tree.c.id)).count("orders.user_id = $1::UUID") == 2


def test_changes_are_filtered_on_target_and_sources() -> None:
    assert simple(delete(Order)) == "DELETE FROM orders WHERE orders.user_id = me"
    assert "USING customers WHERE" in sql(delete(Order).where(col(Order.customer_id) == Customer.id))
    moved = update(Order).where(col(Order.customer_id) == Customer.id).values(reference=Customer.name)
    assert sql(moved).endswith(
        "FROM customers WHERE (orders.customer_id = customers.id) AND orders.user_id = $2::UUID "
        "AND customers.user_id = $2::UUID"
    )
    chosen = select(Customer.name).where(Customer.id == Order.customer_id).scalar_subquery()
    assert sql(update(Order).values(reference=chosen)).count("user_id = $") == 2
    assert prepare(moved, ME).plan.writes


def test_inserts_carry_the_owner() -> None:
    table = table_of(Customer)
    for statement in (
        insert(Customer).values(id=uuid4(), name="a"),
        insert(Customer).values(id=uuid4(), name="a", user_id=uuid4()),
        insert(table).values(id=uuid4(), name="a"),
        insert(Customer).values(
            [{"id": uuid4(), "name": "a"}, {"id": uuid4(), "name": "b", table.c.user_id: uuid4()}]
        ),
        insert(Customer).from_select(["id", "name"], select(Country.id, Country.name)),
        upsert(Customer)
        .values(id=uuid4(), name="a")
        .on_conflict_do_update(index_elements=["id"], set_={"name": "b"}),
    ):
        call = prepare(statement, ME)
        assert call.plan.writes
        assert ME in call.values
        assert {value for value in call.values if isinstance(value, UUID)} - {ME} <= {
            bound for bound in statement.compile().params.values() if isinstance(bound, UUID)
        }
        assert call.sql.decode().partition(" VALUES ")[0].count("user_id") <= 1


class Apart(SQLModel, registry=registry()):
    """Tables that are not the shop's."""

    metadata = MetaData()


class Unclear(Apart, table=True):
    __tablename__ = "unclear"
    id: UUID = Field(primary_key=True)


class Pair(Apart, table=True):
    __tablename__ = "pairs"
    __owner__: ClassVar[str] = "user_id"
    user_id: UUID = Field(primary_key=True)
    a: UUID = Field(primary_key=True)
    b: UUID = Field(primary_key=True)


class Owned(Apart, table=True):
    __tablename__ = "owned_keys"
    __owner__: ClassVar[str] = "user_id"
    user_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "text": (lambda: text("select * from orders"), "session"),
    "full join": (lambda: select(Order.id).join(Customer, true(), full=True), "FULL JOIN"),
    "undeclared": (lambda: select(Unclear), "whose"),
    "owner changed": (lambda: update(Order).values(user_id=uuid4()), "may not be changed"),
    "owner changed by column": (lambda: update(Order).values({Order.user_id: uuid4()}), "may not be changed"),
    "owner chosen by select": (
        lambda: insert(Customer).from_select(
            ["id", "name", "user_id"], select(Country.id, Country.name, Country.id)
        ),
        "leave out",
    ),
    "insert from union": (
        lambda: insert(Customer).from_select(
            ["id", "name"], union_all(select(Country.id, Country.name), select(Country.id, Country.name))
        ),
        "one SELECT",
    ),
    "rows as tuples": (
        lambda: insert(Customer).values([(uuid4(), uuid4(), "a"), (uuid4(), uuid4(), "b")]),
        "dict",
    ),
    "wrong owner column": (
        lambda: select(Table("wrong", MetaData(), Column("id", Uuid), info={"owner": "nobody"})),
        "does not exist",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_isolated_is_refused(name: str) -> None:
    make, words = REFUSED[name]
    with pytest.raises(IsolationError, match=words):
        prepare(make(), ME)


def test_a_table_rendered_unfiltered_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should SQLAlchemy ever render FROM by another way, nothing is sent."""
    from handfast.runtime.database.compiler import IsolatingCompiler

    monkeypatch.delattr(IsolatingCompiler, "_compose_select_body")
    with pytest.raises(IsolationError, match="cannot be kept"):
        prepare(select(Order.id, literal(uuid4().hex).label("new_shape")), ME)


def test_plain_tables_say_it_in_info() -> None:
    metadata = MetaData()
    link = Table("links", metadata, Column("a", Uuid), Column("who", Uuid), info={"owner": "who"})
    open_link = Table("open_links", metadata, Column("a", Uuid), info={"owner": None})
    assert sql(select(link.c.a)) == "SELECT links.a FROM links WHERE links.who = $1::UUID"
    assert sql(select(open_link.c.a)) == "SELECT open_links.a FROM open_links"
    assert sql(values(column("x", Integer), name="v").data([(1,)]).select()) == (
        "SELECT v.x FROM (VALUES ($1::INTEGER)) AS v (x)"
    )


def test_tables_without_a_single_key_have_no_get() -> None:
    assert b"owned_keys.id = $" in single.get_plan(Owned, lock=False, reach=Reach.OWN).sql
    with pytest.raises(IsolationError, match="no primary key of one column"):
        single.get_plan(Pair, lock=False, reach=Reach.OWN)
    assert b"INSERT INTO pairs" in single.insert_plan(Pair, ("set_a", "set_b"), Reach.OWN).sql


def test_one_shape_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[object] = []
    plan_of = module.plan_of

    def counted(*args: Any, **kwargs: Any) -> module.Plan:
        compiled.append(args)
        return plan_of(*args, **kwargs)

    monkeypatch.setattr(module, "plan_of", counted)
    for name in ("a", "b", "c"):
        call = prepare(select(Order.id).where(Order.reference == name).limit(3).offset(7), ME)
        assert set(call.values) == {name, ME, 7}  # the limit is in the text
        assert b"LIMIT 3 OFFSET $3" in call.sql
    assert len(compiled) <= 1


async def test_a_limit_is_what_was_asked_for_wherever_it_stands(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit:
        for total in range(6):
            await unit.db.insert(Order(user_id=alice, reference=str(uuid4()), total=Decimal(total)))
        ordered: Any = select(col(Order.total)).order_by(col(Order.total))
        for number in (0, 1, 4, 2):
            assert len(await unit.db.all(ordered.limit(number))) == number
        assert await unit.db.all(ordered.limit(2).offset(3)) == [3, 4]
        assert await unit.db.all(ordered.where(col(Order.total).in_([1, 3, 5])).limit(2)) == [1, 3]
        inner: Any = ordered.limit(4).subquery()
        assert await unit.db.all(select(inner.c.total).order_by(inner.c.total.desc()).limit(2)) == [3, 2]
        both: Any = union_all(ordered.limit(1), ordered.limit(2)).limit(2).subquery()
        assert len(await unit.db.all(select(both))) == 2


async def test_a_value_that_a_handler_wants_in_the_text_is_quoted(pool: Pool, alice: UUID) -> None:
    async with committed(pool, alice) as unit:
        await unit.db.insert(Order(user_id=alice, reference="it's", total=Decimal(1)))
        wanted: Any = bindparam("wanted", "it's", literal_execute=True)
        found = select(col(Order.total)).where(col(Order.reference) == wanted).limit(1)
        assert await unit.db.all(found) == [1]


async def test_a_page_is_not_planned_anew_at_each_call(shop: Dsns, alice: UUID) -> None:
    with psycopg.connect(shop.admin, autocommit=True) as admin:
        many = "insert into orders (id, user_id, reference, total) select gen_random_uuid(), %s, n, 1 "
        admin.execute(many + "from generate_series(1, 3000) n", [alice])
        admin.execute("analyze orders")
    async with opened(shop.service, size=1) as pool:
        for _ in range(20):
            async with committed(pool, alice) as unit:
                await unit.db.all(select(Order).order_by(col(Order.id)).limit(3))
        connection = await pool.take()
        cursor = await connection.execute(
            "select generic_plans, custom_plans from pg_prepared_statements where statement like '%ORDER BY%'"
        )
        ((generic, custom),) = await cursor.fetchall()
        await pool.give_back(connection)
    assert custom <= 5  # PostgreSQL compares that many plans with a generic one
    assert generic >= 10


def test_shapes_are_kept_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 5)
    module._plans.clear()
    for number in range(20):
        prepare(select(col(Order.id).label(f"bounded{number}")), ME)
    assert len(module._plans) == 5


@pytest.fixture(scope="module")
def unwalled(postgres: throwaway.Server) -> Any:
    """A shop whose row security is off: the first wall stands alone."""
    dsns: Dsns = throwaway.database(postgres, root=SHOP)
    with psycopg.connect(dsns.owner) as connection:
        for table in ("customers", "orders"):
            connection.execute(f"alter table {table} disable row level security")
    yield dsns
    throwaway.drop(postgres, dsns)


async def test_the_first_wall_alone_shows_and_changes_own_rows_only(unwalled: Dsns) -> None:
    alice, bob = uuid4(), uuid4()
    async with opened(unwalled.service) as pool:
        for user in (alice, bob):
            async with committed(pool, user) as unit:
                customer = await unit.db.insert(Customer(user_id=user, name=str(user)))
                await unit.db.insert(Order(user_id=user, reference=str(user), customer_id=customer.id))
        async with committed(pool, alice) as unit:
            for make, _ in SELECTS.values():
                statement = make()
                if "countries" in sql(statement):
                    continue
                assert len(await unit.db.all(statement)) <= 1
            assert await unit.db.all(select(Order.reference)) == [str(alice)]
            crossed = select(Order.reference, C.name).join(C, true(), isouter=True)
            assert await unit.db.all(crossed) == [(str(alice), str(alice))]
            assert await unit.db.execute(update(Order).values(total=1)) == 1
            assert await unit.db.execute(delete(Order)) == 1
        async with committed(pool, bob) as unit:
            assert [order.total for order in await unit.db.all(select(Order))] == [0]


def test_declared_but_unmapped_classes_are_passed_over() -> None:
    class Plain(SQLModel):
        name: str

    assert isolation.rules(MetaData()) == []
    assert Plain(name="a").name == "a"


async def test_a_pool_is_not_needed_to_prepare(pool: Pool) -> None:
    assert prepare(select(Order), ME).plan.isolated
    assert not prepare(select(Country), None).plan.isolated


TEXTS: dict[str, Callable[[], Any]] = {
    "text in a condition": lambda: select(Order).where(text("a or b")),
    "text that ends it": lambda: select(Order).where(text("true --")),
    "a literal column": lambda: select(Order).where(literal_column("a or b")),
    "a subquery as text": lambda: select(literal_column("(select total from orders)")).select_from(Country),
    "text in an update": lambda: update(Order).where(text("a or b")).values(total=1),
    "text in a delete": lambda: delete(Order).where(text("a or b")),
    "text in a join": lambda: select(Order).join(Customer, text("a or b"), isouter=True),
    "text as a table": lambda: select(literal(1)).select_from(text("orders")),
    "text with columns": lambda: text("select id from orders").columns(column("id")),
    "text in order": lambda: select(Order).order_by(text("a")),
    "a prefix": lambda: select(Order).prefix_with("distinct"),
    "a suffix": lambda: select(Order).suffix_with("union select * from orders"),
    "a hint": lambda: select(Order).with_statement_hint("union select * from orders"),
    "another user": lambda: select(func.set_config("app.user_id", str(ME), True)),
    "text as xml": lambda: select(func.query_to_xml("select 1", True, True, "")),
    "an owner in a conflict": lambda: (
        upsert(Order)
        .values(reference="a")
        .on_conflict_do_update(index_elements=["user_id", "reference"], set_={"user_id": uuid4()})
    ),
}


@pytest.mark.threat("elevation.another-users-row")
@pytest.mark.parametrize("name", TEXTS)
def test_text_that_could_lead_around_the_wall_is_refused(name: str) -> None:
    with pytest.raises(IsolationError):
        prepare(TEXTS[name](), ME)


@pytest.mark.threat("elevation.another-users-row")
def test_own_conditions_stand_in_brackets() -> None:
    """An operator of one's own binds as loosely as its author says: `or`, for one."""
    odd = col(Order.total).op("or", precedence=100)(col(Order.total))
    for statement in (
        select(Order.id).where(odd),
        update(Order).where(odd).values(total=1),
        delete(Order).where(odd),
    ):
        sql = " ".join(prepare(statement, ME).sql.decode().split())
        assert "WHERE (orders.total or orders.total) AND orders.user_id = $" in sql


def test_counting_needs_no_text() -> None:
    assert "count(*)" in prepare(select(func.count()).select_from(Order), ME).sql.decode()
