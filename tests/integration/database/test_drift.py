"""Every hole that an operator, a migration or a managed server can open is named, with its cure."""

# ruff: noqa: E501  (a statement and what is said of it stay together)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Boolean, Column, ForeignKeyConstraint, Index, MetaData, Table, UniqueConstraint, Uuid
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from handfast.runtime.database import Dsns, Pool, Sharing, checks, health, isolation, throwaway
from handfast.runtime.database.catalogue import QUERY
from handfast.runtime.database.wire import Wire
from tests.integration.database.conftest import SHOP, opened
from tests.integration.database.schema import metadata

pytestmark = pytest.mark.threat("elevation.policy-drift")

ROLES = {
    "alter role handfast_service superuser": "`handfast_service` is a superuser or has BYPASSRLS",
    "alter role handfast_service bypassrls": "`handfast_service` is a superuser or has BYPASSRLS",
    "alter role handfast_service replication": "has REPLICATION",
    "alter role handfast_service createrole": "has CREATEROLE",
    "grant postgres to handfast_service": "can become `postgres`, which nothing is isolated from",
    "create role copier replication; grant copier to handfast_service": "can become `copier`, which replicates",
    "grant pg_read_all_data to handfast_service": "is a member of `pg_read_all_data`",
    "grant pg_write_all_data to handfast_service": "is a member of `pg_write_all_data`",
    "grant pg_read_server_files to handfast_service": "is a member of `pg_read_server_files`",
    "grant pg_execute_server_program to handfast_service": "is a member of `pg_execute_server_program`",
    "grant handfast_probe to handfast_service with inherit false, set true": "is a member of `handfast_probe`",
    "grant handfast_elevated to handfast_service with inherit true": "inherits what `handfast_elevated` may",
    "alter role handfast_elevated bypassrls": "`handfast_elevated` has BYPASSRLS",
    "alter role handfast_elevated superuser": "`handfast_elevated` has superuser",
    "alter role handfast_elevated login": "`handfast_elevated` has LOGIN",
    "grant handfast_owner to handfast_service with inherit false, set true": "or can become the role that does",
    "create table mine (id int); alter table mine owner to handfast_service": "owns table mine",
    "create function f() returns int language sql as 'select 1'; "
    "grant create on schema public to handfast_service; alter function f owner to handfast_service": "owns function f()",
    "create schema side authorization handfast_service": "owns schema side",
    "grant create on schema public to handfast_service": "may create objects in the schema `public`",
    "grant create on schema public to public": "may create objects in the schema `public`",
    "do $$ begin execute format('grant create on database %I to handfast_service', current_database()); end $$": (
        "may create schemas in the database"
    ),
}
RIGHTS = {
    "grant truncate on orders to handfast_service": "has TRUNCATE on `orders`",
    "grant references on orders to handfast_service": "has REFERENCES on `orders`",
    "grant references (id) on orders to handfast_service": "has REFERENCES on `orders`",
    "grant trigger on orders to handfast_service": "has TRIGGER on `orders`",
    "grant select on orders to public": "everybody (PUBLIC) has SELECT on `orders`",
    "grant select (reference) on orders to public": "everybody (PUBLIC) has SELECT on `orders`",
    "grant truncate on orders to public": "everybody (PUBLIC) has TRUNCATE on `orders`",
    "grant select on orders to handfast_probe": "the probe may read `orders.reference`, not only the key",
    "grant select (total) on orders to handfast_probe": "the probe may read `orders.total`",
    "grant update on orders to handfast_elevated": "elevated statements have UPDATE on `orders`",
    "grant select on customers to handfast_elevated": "elevated statements have SELECT on `customers`",
    "revoke delete on orders from handfast_service": "may not read and write `orders`",
    "grant select on sequence things_serial to handfast_service": "has SELECT on sequence `things_serial`",
    "grant update on sequence things_serial to public": "has UPDATE on sequence `things_serial`",
    "grant select on handfast_audit to handfast_service": "has SELECT on `handfast_audit`",
    "grant update (reason) on handfast_audit to handfast_service": "has UPDATE on `handfast_audit`",
    "grant delete on handfast_audit to public": "has DELETE on `handfast_audit`",
    "grant truncate on handfast_audit to handfast_elevated": "has TRUNCATE on `handfast_audit`",
    "revoke insert on handfast_audit from handfast_service": "may not write `handfast_audit`",
    "drop table handfast_audit": "table `handfast_audit` does not exist",
}
POLICIES = {
    "create policy handy on orders using (true)": "policy `handy` of `orders` lets more through",
    "create policy handy on orders for select to handfast_service using (true)": "policy `handy` of `orders`",
    "alter policy handfast_owner on orders using (true)": "`handfast_owner` of `orders` is not what",
    "alter policy handfast_owner on orders with check (true)": "`handfast_owner` of `orders` is not what",
    "create policy handfast_elevated on customers for select to handfast_elevated using (true)": (
        "policy `handfast_elevated` of `customers` lets more through and is not declared"
    ),
    "drop policy handfast_elevated on orders; "
    "create policy handfast_elevated on orders to handfast_elevated using (true)": (
        "policy `handfast_elevated` of `orders` is not what"
    ),
    "alter policy handfast_elevated on orders to public": "policy `handfast_elevated` of `orders` is not what",
    "drop policy handfast_elevated on notes": "policy `handfast_elevated` of `notes` is missing",
    "alter policy handfast_shared_read on notes using (true)": "`handfast_shared_read` of `notes` is not what",
    "alter policy handfast_shared_write on notes using (exists (select from note_shares s "
    "where s.note_id = notes.id))": "`handfast_shared_write` of `notes` is not what",
    "alter policy handfast_shared_write on notes with check (true)": "`handfast_shared_write` of `notes` is not",
    "drop policy handfast_shared_read on notes": "`handfast_shared_read` of `notes` is missing",
    "alter policy handfast_granted on note_shares using (true)": "`handfast_granted` of `note_shares` is not",
    "drop trigger handfast_keeps_owner on notes": "trigger `handfast_keeps_owner` of `notes` is missing",
    "alter table notes disable trigger handfast_keeps_owner": "trigger `handfast_keeps_owner` of `notes`",
    "create or replace function handfast_keeps_owner_notes() returns trigger language plpgsql as "
    "$$ begin return null; end $$": "trigger `handfast_keeps_owner` of `notes`",
    "create policy handfast_shared_read on orders for select using (true)": (
        "policy `handfast_shared_read` of `orders` lets more through and is not declared"
    ),
    "create or replace function handfast_exists_orders(uuid) returns boolean language sql stable strict "
    "security definer as 'select true'": "existence function of `orders`",
}
EXISTENCE = {
    "alter table orders add constraint uq_reference unique (reference)": "unique constraint `uq_reference`",
    "create unique index ux_total on orders (total)": "unique constraint `ux_total` of `orders`",
    "create unique index ux_lower on orders (lower(reference), user_id)": "unique constraint `ux_lower`",
    "create unique index ux_part on orders (reference) where total > 0": "unique constraint `ux_part`",
    "create unique index ux_included on orders (reference) include (user_id)": "unique constraint `ux_included`",
    "alter table orders add constraint ex_reference exclude (reference with =)": "exclusion constraint `ex_ref",
    "alter table orders add constraint ex_range exclude using gist (numrange(total, null) with &&)": (
        "exclusion constraint `ex_range`"
    ),
    "alter table orders drop constraint fk_orders_customer, add constraint fk_simple "
    "foreign key (customer_id) references customers (id)": "foreign key `fk_simple` of `orders` to `customers`",
    "alter table customers add constraint uq_c unique (id, user_id); alter table orders add constraint "
    "fk_crossed foreign key (user_id, customer_id) references customers (id, user_id)": "foreign key `fk_crossed`",
    "alter table countries add column best uuid references orders (id); "
    "grant update (best) on countries to handfast_service": "foreign key `countries_best_fkey` of `countries`",
}
AROUND = {
    "create view all_orders as select * from orders; grant select on all_orders to handfast_service": (
        "view `all_orders` shows `orders` with its owner's rights"
    ),
    "create view inner_orders as select * from orders; create view outer_orders as select * from inner_orders; "
    "grant select on outer_orders to handfast_service": "view `outer_orders` shows `orders`",
    "create view some_orders as select * from orders; grant select (reference) on some_orders to public": (
        "view `some_orders` shows `orders`"
    ),
    "create materialized view kept as select * from orders; grant select on kept to handfast_service": (
        "materialised view `kept` keeps rows of `orders`"
    ),
    "create function all_totals() returns numeric language sql security definer as 'select sum(total) from orders'": (
        "may execute `all_totals`, which is SECURITY DEFINER: it acts as `postgres`"
    ),
    "create table secrets (id int, user_id uuid); grant select on secrets to handfast_service": (
        "may use the table `secrets`, which has a column `user_id`"
    ),
    "create table secrets (id int, owner uuid); grant insert on secrets to public": "may use the table `secrets`",
    "create table parts (like orders) partition by list (user_id); grant select (total) on parts "
    "to handfast_service": "may use the table `parts`",
    "create schema side; create table side.orders (like orders); grant usage on schema side to public; "
    "grant select on side.orders to public": "may use the table `orders`, which has a column `user_id`",
    "alter table orders rename to old_orders": "table `orders` does not exist",
}
HARMLESS = [
    "create view my_orders with (security_invoker = true) as select * from orders; "
    "grant select on my_orders to handfast_service",
    "create view places as select * from countries; grant select on places to handfast_service",
    "create view all_orders as select * from orders",
    "create materialized view kept as select * from orders",
    "create function safe() returns int language sql as 'select 1'",
    "create function mine() returns int language sql security definer as 'select 1'; "
    "revoke all on function mine from public",
    "create policy fewer on orders as restrictive using (total < 100)",
    "create table secrets (id int, user_id uuid)",
    "create table notices (id int, text text); grant select on notices to handfast_service",
    "create role reporters; grant reporters to handfast_service",
    "create unique index ux_own on orders (user_id, total)",
    "alter table orders add constraint ex_own exclude (user_id with =, reference with =)",
    "alter table countries add column best uuid references orders (id)",
    "create extension if not exists pg_stat_statements",
    "create sequence counter; grant usage on sequence counter to handfast_service",
]
HOLES = ROLES | RIGHTS | POLICIES | EXISTENCE | AROUND


def drift_after(dsns: Dsns, statement: str) -> list[str]:
    """What is found wrong while `statement` is in force; it is undone again."""
    with psycopg.connect(dsns.admin) as connection:
        try:
            connection.execute(statement.encode())
            faults = isolation.drift(connection, metadata)
            assert all(fault.fix for fault in faults)
            return [fault.what for fault in faults]
        finally:
            connection.rollback()


@pytest.mark.parametrize(
    "statement", [pytest.param(one, marks=pytest.mark.planted(f"database: {one}")) for one in HOLES]
)
def test_each_hole_is_named(shop: Dsns, statement: str) -> None:
    found = drift_after(shop, statement)
    assert any(HOLES[statement] in what for what in found), found


@pytest.mark.parametrize("statement", HARMLESS)
def test_what_opens_nothing_is_no_fault(shop: Dsns, statement: str) -> None:
    if "pg_stat_statements" in statement:
        with psycopg.connect(shop.admin) as connection:
            known = connection.execute(
                "select from pg_available_extensions where name = 'pg_stat_statements'"
            )
            if known.fetchone() is None:
                statement = "create extension if not exists plpgsql"
    assert drift_after(shop, statement) == []


async def test_start_up_and_ready_look_at_the_same(postgres: throwaway.Server) -> None:
    dsns = throwaway.database(postgres, root=SHOP)
    async with opened(dsns.service) as pool:
        assert await checks(pool, metadata, SHOP) == []
        with psycopg.connect(dsns.owner) as connection:
            connection.execute("grant truncate on orders to handfast_service")
            connection.execute("create unique index ux_total on orders (total)")
        for found in (await checks(pool, metadata, SHOP), health.inspect(dsns.service, metadata, SHOP)):
            assert ["TRUNCATE" in found[0].what, "ux_total" in found[1].what, len(found)] == [True, True, 2]
    throwaway.drop(postgres, dsns)


async def test_a_probe_borrows_a_connection_and_makes_three_round_trips(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes come every few seconds from every replica."""
    assert await checks(pool, metadata, SHOP) == []
    trips: list[str] = []
    execute, exchange = Wire.execute, Wire.exchange

    async def noted_execute(self: Wire, query: Any, *args: Any, **kwargs: Any) -> Any:
        trips.append(str(query)[:20])
        return await execute(self, query, *args, **kwargs)

    async def noted_exchange(self: Wire, statements: Any) -> Any:
        trips.append(f"{len(statements)} statements")
        return await exchange(self, statements)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a probe opened a connection")

    monkeypatch.setattr(Wire, "execute", noted_execute)
    monkeypatch.setattr(Wire, "exchange", noted_exchange)
    monkeypatch.setattr(psycopg, "connect", refuse)
    assert await checks(pool, metadata, SHOP) == []
    assert trips == [QUERY[:20], "select version_num f", "4 statements"]


async def test_a_probe_of_a_busy_pool_connects_by_itself(shop: Dsns) -> None:
    async with opened(shop.service, size=1, patience=0.1) as pool:
        held = await pool.take()
        assert await checks(pool, metadata, SHOP) == []
        await pool.give_back(held)


async def test_migrations_added_meanwhile_are_noticed(postgres: throwaway.Server, tmp_path: Path) -> None:
    import os
    import shutil

    dsns = throwaway.database(postgres, root=SHOP)
    shutil.copytree(SHOP, tmp_path / "shop")
    async with opened(dsns.service) as pool:
        assert await checks(pool, metadata, tmp_path / "shop") == []
        versions = tmp_path / "shop/migrations/versions"
        (versions / "0002_more.py").write_text(
            'revision = "0002_more"\ndown_revision = "0001_shop"\n\n\ndef upgrade() -> None:\n    pass\n'
        )
        os.utime(versions, ns=(1, 1))
        (fault,) = await checks(pool, metadata, tmp_path / "shop")
        assert "pending migration: 0002_more" in fault.what
    throwaway.drop(postgres, dsns)


def sharing_metadata(*, shares: Table | None = None, **changes: Any) -> MetaData:
    """Metadata with a table whose rows are shared; `changes` are made to its class."""
    own = MetaData()

    class Own(SQLModel, registry=registry(metadata=own)):
        metadata = own

    class Page(Own, table=True):
        __tablename__ = "pages"
        __owner__: ClassVar[str | None] = changes.get("owner", "user_id")
        __shared__: ClassVar[Sharing] = Sharing(by="page_shares", key="page_id")
        __table_args__ = (UniqueConstraint("user_id", "id", name="uq_pages"),)
        id: UUID = Field(primary_key=True)
        user_id: UUID

    if shares is not None:
        shares.to_metadata(own)
    own.info["class"] = Page  # as long as the metadata: the registry alone does not hold it
    return own


def page_shares(*columns: Column[Any], keys: bool = True, owner: str | None = "user_id") -> Table:
    foreign = [ForeignKeyConstraint(["user_id", "page_id"], ["pages.user_id", "pages.id"])] if keys else []
    return Table(
        "page_shares",
        MetaData(),
        Column("user_id", Uuid(), primary_key=True),
        Column("page_id", Uuid(), primary_key=True),
        Column("grantee_id", Uuid(), primary_key=True),
        *columns,
        Index("ix_page_shares", "user_id", "page_id"),
        *foreign,
        info={"owner": owner},
    )


def may_write() -> Column[Any]:
    return Column("may_write", Boolean(), nullable=False)


SHARING_RULES: dict[str, tuple[Callable[[], MetaData], str]] = {
    "good": (lambda: sharing_metadata(shares=page_shares(may_write())), ""),
    "no table": (sharing_metadata, "the table of its shares, `page_shares`, does not exist"),
    "no column": (
        lambda: sharing_metadata(shares=page_shares()),
        "the column `page_shares.may_write` does not exist",
    ),
    "no owner of shares": (
        lambda: sharing_metadata(shares=page_shares(may_write(), owner=None)),
        "its shares in `page_shares` need an `__owner__`",
    ),
    "no foreign key": (
        lambda: sharing_metadata(shares=page_shares(may_write(), keys=False)),
        "the shares in `page_shares` do not refer to `pages`: anybody could share any row",
    ),
    "nobody's rows": (
        lambda: sharing_metadata(owner=None, shares=page_shares(may_write())),
        "rows of `pages` are shared, but have no owner",
    ),
}


@pytest.mark.parametrize("name", SHARING_RULES)
def test_rules_of_shared_tables(name: str) -> None:
    make, words = SHARING_RULES[name]
    found = [fault.what for fault in isolation.rules(make())]
    assert (not found) if not words else any(words in what for what in found), found
