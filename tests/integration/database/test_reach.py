"""Rows beyond one's own: what others share, and what elevated callers see; never more than that."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import structlog
from psycopg.errors import (
    DivisionByZero,
    ForeignKeyViolation,
    InsufficientPrivilege,
    UndefinedTable,
)
from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import col, delete, insert, select, update

from handfast.runtime.database import Dsns, IsolationError, Pool, UnitOfWork, throwaway
from handfast.runtime.database.audit import Origin
from handfast.runtime.database.reach import Reach
from handfast.runtime.database.statements import prepare
from handfast.runtime.errors import Forbidden, NotFound
from tests.integration.database.conftest import SHOP, committed, opened
from tests.integration.database.schema import Country, Customer, Note, NoteShare, Order

ADMIN = Origin("admin", "listAll", "c-1")

sharing = pytest.mark.threat("elevation.shared-access")
elevation = pytest.mark.threat("elevation.admin-access")


async def shared_note(pool: Pool, owner: UUID, grantee: UUID, *, may_write: bool) -> Note:
    async with committed(pool, owner) as unit:
        note = await unit.db.insert(Note(user_id=owner, text="shared"))
        await unit.db.insert(
            NoteShare(user_id=owner, note_id=note.id, grantee_id=grantee, may_write=may_write)
        )
        return note


def as_service(shop: Dsns, user: UUID, *statements: str) -> list[Any]:
    """What row security alone lets `user` do; rolled back."""
    with psycopg.connect(shop.service) as connection:
        connection.execute("select set_config('app.user_id', %s, true)", [str(user)])
        found: list[Any] = []
        for statement in statements:
            cursor = connection.execute(statement.encode())
            found.append(cursor.fetchall() if cursor.description else cursor.rowcount)
        connection.rollback()
        return found


@sharing
@pytest.mark.parametrize("may_write", [False, True])
async def test_row_security_alone_gives_what_is_shared_and_no_more(
    pool: Pool, shop: Dsns, alice: UUID, bob: UUID, may_write: bool
) -> None:
    note = await shared_note(pool, alice, bob, may_write=may_write)
    other = await shared_note(pool, alice, uuid4(), may_write=True)
    changes = int(may_write)
    assert as_service(
        shop,
        bob,
        "select id from notes",
        "select id from notes for update",
        "update notes set text = 'b'",
        "delete from notes",
        "select note_id from note_shares",
        "update note_shares set may_write = true",
        "delete from note_shares",
    ) == [[(note.id,)], [(note.id,)] * changes, changes, 0, [(note.id,)], 0, 0]
    assert as_service(shop, uuid4(), "select id from notes", "select * from note_shares") == [[], []]
    assert other.id not in {row[0] for row in as_service(shop, bob, "select note_id from note_shares")[0]}


@sharing
async def test_a_grantee_can_neither_take_nor_give_a_row(
    pool: Pool, shop: Dsns, alice: UUID, bob: UUID
) -> None:
    note = await shared_note(pool, alice, bob, may_write=True)
    carol = uuid4()
    for statement in (
        f"update notes set user_id = '{bob}'",
        f"update notes set user_id = '{carol}'",
        f"update notes set id = '{uuid4()}'",
        f"insert into note_shares values ('{alice}', '{note.id}', '{carol}', true)",
    ):
        with pytest.raises((InsufficientPrivilege, ForeignKeyViolation)):
            as_service(shop, bob, statement)
    with pytest.raises(ForeignKeyViolation):
        as_service(shop, bob, f"insert into note_shares values ('{bob}', '{note.id}', '{carol}', true)")


@sharing
async def test_the_trigger_alone_keeps_the_owner(postgres: throwaway.Server, alice: UUID, bob: UUID) -> None:
    """Without the foreign key of the shares, which would refuse it too."""
    dsns = throwaway.database(postgres, root=SHOP)
    async with opened(dsns.service) as pool:
        await shared_note(pool, alice, bob, may_write=True)
    with psycopg.connect(dsns.owner) as connection:
        connection.execute("alter table note_shares drop constraint fk_shares_note")
    with pytest.raises(InsufficientPrivilege, match="`user_id` may not be changed"):
        as_service(dsns, bob, f"update notes set user_id = '{bob}'")
    throwaway.drop(postgres, dsns)


@sharing
async def test_what_each_handle_reaches(pool: Pool, alice: UUID, bob: UUID) -> None:
    read = await shared_note(pool, alice, bob, may_write=False)
    write = await shared_note(pool, alice, bob, may_write=True)
    async with committed(pool, bob) as unit:
        own = await unit.db.insert(Note(user_id=bob, text="own"))
        db = unit.db
        ids = select(Note.id).order_by(Note.text)
        assert set(await db.all(ids)) == {own.id}
        assert set(await db.shared.all(ids)) == {own.id, read.id, write.id}
        assert set(await db.granted.all(ids)) == {read.id, write.id}
        assert set(await db.shared.all(ids.with_for_update())) == {own.id, write.id}
        other = aliased(Note)
        assert set(await db.granted.all(select(other.id).where(other.text == "shared"))) == {
            read.id,
            write.id,
        }
        pairs = await db.granted.all(select(Note, NoteShare).join(NoteShare))
        assert {(note.id, share.may_write) for note, share in pairs} == {(read.id, False), (write.id, True)}
        assert await db.all(select(NoteShare)) == []
        for handle in (db.shared, db.granted):
            assert len(await handle.all(select(NoteShare))) == 2
            assert await handle.execute(update(NoteShare).values(may_write=True)) == 0
            assert await handle.execute(delete(NoteShare)) == 0
            assert await handle.all(select(Customer)) == []
        assert await db.granted.execute(delete(Note).where(col(Note.id) != own.id)) == 0
        assert await db.shared.execute(update(Note).values(text="changed")) == 2
        assert (await db.shared.get(Note, read.id)).text == "shared"
        assert (await db.shared.get(Note, write.id, lock=True)).text == "changed"
        assert (await db.shared.update(Note, write.id, text="again")).user_id == alice
        made = await db.shared.insert(Note(user_id=alice, text="mine"))
        assert made.user_id == bob
        for call in (
            db.get(Note, read.id),
            db.shared.get(Note, read.id, lock=True),
            db.shared.update(Note, read.id, text="x"),
            db.shared.update(Note, read.id, text=func.upper(Note.text)),
            db.shared.delete(Note, write.id),
            db.delete(Note, read.id),
        ):
            with pytest.raises(Forbidden):
                await call
        with pytest.raises(NotFound):
            await db.shared.get(Note, uuid4())


@sharing
async def test_the_first_wall_alone_gives_the_same(
    postgres: throwaway.Server, alice: UUID, bob: UUID
) -> None:
    """Row security off: what is left is what the statements themselves say."""
    dsns = throwaway.database(postgres, root=SHOP)
    with psycopg.connect(dsns.owner) as connection:
        connection.execute("alter table notes disable row level security")
        connection.execute("alter table note_shares disable row level security")
    async with opened(dsns.service) as pool:
        read = await shared_note(pool, alice, bob, may_write=False)
        write = await shared_note(pool, alice, bob, may_write=True)
        await shared_note(pool, alice, uuid4(), may_write=True)
        async with committed(pool, bob) as unit:
            db, ids = unit.db, select(Note.id)
            assert await db.all(ids) == []
            for handle in (db.shared, db.granted):
                assert set(await handle.all(ids)) == {read.id, write.id}
                assert set(await handle.all(ids.with_for_update())) == {write.id}
                assert {share.grantee_id for share in await handle.all(select(NoteShare))} == {bob}
                assert await handle.execute(update(Note).values(text="x")) == 1
                assert await handle.execute(delete(Note)) == 0
                assert await handle.execute(update(NoteShare).values(may_write=True)) == 0
                assert await handle.execute(delete(NoteShare)) == 0
    throwaway.drop(postgres, dsns)


@sharing
async def test_a_share_taken_back_ends_at_once(pool: Pool, alice: UUID, bob: UUID) -> None:
    note = await shared_note(pool, alice, bob, may_write=True)
    async with committed(pool, bob) as unit:
        assert (await unit.db.shared.get(Note, note.id)).id == note.id
        async with committed(pool, alice) as owner:
            assert await owner.db.execute(delete(NoteShare)) == 1
        with pytest.raises(Forbidden):  # in the same unit: each statement looks for itself
            await unit.db.shared.get(Note, note.id)


@sharing
def test_statements_on_ones_own_rows_are_what_they_were(alice: UUID) -> None:
    """Lists of one's own rows pay nothing for sharing: no subquery in the statement."""
    statement = select(Note).order_by(Note.text)
    assert "EXISTS" not in prepare(statement, alice).sql.decode()
    assert "EXISTS" in prepare(statement, alice, Reach.SHARED).sql.decode()
    assert "user_id" not in prepare(select(Note.id), alice, Reach.ALL).sql.decode()


@sharing
@pytest.mark.parametrize(
    ("reach", "wanted"), [(Reach.OWN, "uq_notes_user_id_id"), (Reach.GRANTED, "ix_note_shares_grantee_id")]
)
def test_statements_are_served_by_indexes(
    shop: Dsns, alice: UUID, bob: UUID, reach: Reach, wanted: str
) -> None:
    """Under the service role, with many rows of many users."""
    with psycopg.connect(shop.admin) as connection:
        connection.execute(
            "insert into notes select gen_random_uuid(), case when mod(n, 200) = 0 then %s "
            "else gen_random_uuid() end, '' from generate_series(1, 20000) n",
            [alice],
        )
        connection.execute(
            "insert into note_shares select user_id, id, case when user_id = %s then %s "
            "else gen_random_uuid() end, false from notes where text = ''",
            [alice, bob],
        )
        connection.execute("analyze notes, note_shares")
    user = alice if reach is Reach.OWN else bob
    call = prepare(select(Note.id), user, reach)
    sql = call.sql.decode().replace("$1::UUID", f"'{user}'::uuid")
    assert "$" not in sql
    with psycopg.connect(shop.service) as connection:
        connection.execute("select set_config('app.user_id', %s, true)", [str(user)])
        plan = "\n".join(row[0] for row in connection.execute(f"explain {sql}".encode()))
    with psycopg.connect(shop.admin) as connection:
        connection.execute("delete from notes where text = ''")
    assert wanted in plan, plan
    assert "Seq Scan on notes" not in plan, plan


def audit_of(shop: Dsns, *, reason: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(shop.owner) as connection:
        rows = connection.execute(
            "select user_id, role, operation, correlation_id, action, tables from handfast_audit "
            "where reason = %s order by id",
            [reason],
        )
        return rows.fetchall()


@contextlib.asynccontextmanager
async def admin(pool: Pool, user: UUID, origin: Origin = ADMIN) -> Any:
    unit = pool.unit(user, origin)
    try:
        yield unit
        await unit.commit()
    finally:
        await unit.rollback()


async def role_of(unit: UnitOfWork) -> str:
    return str(await unit.db.first(select(func.current_user())))


@elevation
@pytest.mark.threat("repudiation.admin-access-untold")
@pytest.mark.parametrize("role", ["admin", "service"])
async def test_elevated_statements_see_all_and_leave_a_trail(
    pool: Pool, shop: Dsns, alice: UUID, bob: UUID, role: Any
) -> None:
    reason = f"report {uuid4()}"
    async with committed(pool, alice) as unit:
        order = await unit.db.insert(Order(user_id=alice, reference="hers"))
    with structlog.testing.capture_logs() as logs:
        async with admin(pool, bob, Origin(role, "listAll", "c-1")) as unit, unit.db.elevated(reason) as db:
            assert (await db.get(Order, order.id)).reference == "hers"
            assert await db.first(select(func.count()).select_from(Order).where(Order.id == order.id)) == 1
            assert (
                await db.first(select(Order).where(Order.reference == "hers", Order.user_id == alice))
                == order
            )
            with pytest.raises(NotFound):
                await db.get(Order, uuid4())
            # Other handles stay with the caller's own rows, also within the block.
            assert await unit.db.all(select(Order)) == []
            assert await role_of(unit) == "handfast_service"
    trail = audit_of(shop, reason=reason)
    assert trail == [(bob, role, "listAll", "c-1", "read", ["orders"])] * 4
    (line,) = {tuple(sorted((key, str(value)) for key, value in line.items())) for line in logs}
    assert dict(line) == {
        "event": "elevated",
        "role": role,
        "operation_id": "listAll",
        "action": "read",
        "tables": "['orders']",
        "log_level": "info",
    }


@elevation
async def test_elevated_writes_where_a_migration_allows_them(
    pool: Pool, shop: Dsns, alice: UUID, bob: UUID
) -> None:
    reason = f"moderation {uuid4()}"
    note = await shared_note(pool, alice, uuid4(), may_write=False)
    async with admin(pool, bob) as unit, unit.db.elevated(reason) as db:
        assert (await db.update(Note, note.id, text="mended")).user_id == alice
        made = await db.insert(Note(user_id=alice, text="for alice"))
        assert made.user_id == alice
        assert await db.execute(update(Note).where(col(Note.id) == made.id).values(text="x")) == 1
        await db.delete(Note, made.id)
        with pytest.raises(IsolationError, match="may not be changed"):
            await db.update(Note, note.id, user_id=bob)
    assert [row[4] for row in audit_of(shop, reason=reason)] == ["write"] * 4
    for statement in (
        update(Order).values(total=0),
        delete(Order),
        insert(Order).values(id=uuid4(), user_id=alice, reference="r", total=0),
        select(Customer),
        select(Customer).with_for_update(),
    ):
        unit = pool.unit(bob, ADMIN)
        async with unit.db.elevated(reason) as db:
            with pytest.raises(InsufficientPrivilege):
                await db.execute(statement)
        await unit.rollback()


@elevation
async def test_shared_reference_data_can_be_joined(pool: Pool, bob: UUID) -> None:
    async with admin(pool, bob) as unit, unit.db.elevated("why") as db:
        assert isinstance(await db.all(select(Country.name)), list)


@elevation
@pytest.mark.parametrize("origin", [None, Origin(), Origin("user", "listAll", "c")])
async def test_users_are_refused(pool: Pool, alice: UUID, origin: Origin | None) -> None:
    unit = pool.unit(alice, origin)
    with pytest.raises(Forbidden):
        await unit.db.elevated("curious").__aenter__()
    await unit.rollback()
    assert unit.statements == 0


@elevation
@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
async def test_a_reason_is_needed(pool: Pool, alice: UUID, reason: str) -> None:
    unit = pool.unit(alice, ADMIN)
    with pytest.raises(ValueError, match="why"):
        await unit.db.elevated(reason).__aenter__()


@elevation
async def test_the_handle_ends_with_its_block(pool: Pool, alice: UUID) -> None:
    async with admin(pool, alice) as unit:
        async with unit.db.elevated("why") as db:
            pass
        with pytest.raises(IsolationError, match="the elevated block is over"):
            await db.all(select(Order))


@elevation
async def test_nothing_is_read_if_the_trail_cannot_be_written(
    postgres: throwaway.Server, alice: UUID, bob: UUID
) -> None:
    dsns = throwaway.database(postgres, root=SHOP)
    async with opened(dsns.service) as pool:
        async with committed(pool, alice) as unit:
            await unit.db.insert(Order(user_id=alice, reference="hers"))
        for statement, error in (
            ("revoke insert on handfast_audit from handfast_service", InsufficientPrivilege),
            ("drop table handfast_audit", UndefinedTable),
        ):
            with psycopg.connect(dsns.owner) as connection:
                connection.execute(statement.encode())
            unit = pool.unit(bob, ADMIN)
            async with unit.db.elevated("why") as db:
                with pytest.raises(error):
                    await db.all(select(Order))
            await unit.rollback()
    throwaway.drop(postgres, dsns)


@elevation
@pytest.mark.threat("tampering.audit-trail")
def test_the_service_can_only_add_to_the_trail(shop: Dsns, alice: UUID) -> None:
    for statement in (
        "select * from handfast_audit",
        "update handfast_audit set reason = ''",
        "delete from handfast_audit",
        "truncate handfast_audit",
        "drop table handfast_audit",
        "set local role handfast_elevated; delete from handfast_audit",
        "set local role handfast_elevated; insert into handfast_audit default values",
    ):
        with pytest.raises(InsufficientPrivilege):
            as_service(shop, alice, *statement.split("; "))


@elevation
def test_the_elevated_role_is_not_inherited(shop: Dsns, alice: UUID) -> None:
    with psycopg.connect(shop.admin) as connection:
        connection.execute("insert into orders values (gen_random_uuid(), gen_random_uuid(), null, 'r', 0)")
    assert as_service(shop, alice, "select * from orders") == [[]]
    seen = as_service(shop, alice, "set local role handfast_elevated", "select count(*) > 0 from orders")
    assert seen[1] == [(True,)]


@elevation
@pytest.mark.parametrize("delay", [0.0, 0.001, 0.003, 0.01, 0.03])
async def test_after_errors_and_cancellation_the_role_is_the_services(
    shop: Dsns, alice: UUID, bob: UUID, delay: float
) -> None:
    async with opened(shop.service, size=1) as pool:
        async with committed(pool, alice) as unit:
            await unit.db.insert(Order(user_id=alice, reference=str(uuid4())))
        failing = pool.unit(bob, ADMIN)
        async with failing.db.elevated("why") as db:
            with pytest.raises(DivisionByZero):
                await db.all(select(col(Order.total) / 0))
        await failing.rollback()

        cancelled = pool.unit(bob, ADMIN)

        async def slow() -> None:
            async with cancelled.db.elevated("why") as db:
                await db.all(select(func.pg_sleep(1)).select_from(Order).limit(1))

        task = asyncio.create_task(slow())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await cancelled.rollback()
        async with committed(pool, bob) as unit:
            assert await role_of(unit) == "handfast_service"
            assert await unit.db.all(select(Order)) == []
            async with unit.db.session() as session:
                assert (await session.exec(select(Order))).all() == []
