"""Rows of users, and sign-out everywhere, on a real database and over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import MetaData
from sqlmodel import SQLModel

from handfast.runtime import Context, Inputs, ServiceUnavailable, Settings, create_app
from handfast.runtime.database import Dsns, Pool, isolation, migrate, throwaway, usertable
from handfast.runtime.database.health import inspect
from handfast.runtime.security import Principal, user_id
from handfast.runtime.users import Users, revoke
from handfast.testing import client_of, context, make_token
from tests.conftest import ROOT, SECRET
from tests.unit.runtime.small import contract, operation, router


@pytest.fixture
async def rows(dsns: Dsns) -> AsyncIterator[Users]:
    """The rows of users, as the service role sees them."""
    pool = Pool.create(dsns.service, size=4, timeout=5)
    await pool.open()
    found = Users()
    found.pool = pool
    yield found
    await pool.close()


def stored(dsns: Dsns, user: UUID) -> list[tuple[object, ...]]:
    with psycopg.connect(dsns.admin) as connection:
        return connection.execute(
            "select subject, valid_after from handfast_users where id = %s", [user]
        ).fetchall()


async def test_a_row_is_made_when_somebody_first_comes(rows: Users, dsns: Dsns) -> None:
    subject = f"subject-{uuid4().hex}"
    user = user_id(subject)
    assert all(await asyncio.gather(*(rows.admits(user, subject, 5.0) for _ in range(8))))
    assert stored(dsns, user) == [(subject, None)]


@pytest.mark.threat("spoofing.token-after-sign-out")
async def test_tokens_issued_before_no_longer_count(rows: Users, dsns: Dsns) -> None:
    subject = str(uuid4())
    user = UUID(subject)
    now = datetime.now(UTC).timestamp()
    assert await rows.admits(user, subject, None)
    assert await asyncio.to_thread(revoke, dsns.service, subject) == user
    assert not await rows.admits(user, subject, now - 1)
    assert not await rows.admits(user, subject, None)
    assert await rows.admits(user, subject, now + 60)
    other = str(uuid4())
    assert await rows.admits(UUID(other), other, now - 1)


@pytest.mark.threat("spoofing.token-after-sign-out")
async def test_somebody_never_seen_can_be_signed_out(rows: Users, dsns: Dsns) -> None:
    subject = uuid4().hex + "x"
    assert revoke(dsns.service, subject) == user_id(subject)
    assert not await rows.admits(user_id(subject), subject, 1.0)


@pytest.mark.threat("elevation.users-unavailable")
async def test_nobody_gets_in_while_the_database_does_not_tell(dsns: Dsns) -> None:
    with pytest.raises(ServiceUnavailable):
        await Users().admits(uuid4(), "u", 1.0)
    found = Users()
    found.pool = Pool.create(dsns.service, size=1, timeout=0.2)  # not opened
    with pytest.raises(ServiceUnavailable):
        await found.admits(uuid4(), "u", 1.0)


@pytest.mark.threat("spoofing.token-after-sign-out")
async def test_signing_out_everywhere_counts_at_once_in_this_process(dsns: Dsns, tmp_path: Path) -> None:
    async def sign_out(ctx: Context, inputs: Inputs) -> object:
        await ctx.sign_out_everywhere()
        return "out"

    async def fail(ctx: Context, inputs: Inputs) -> object:
        await ctx.sign_out_everywhere()
        raise RuntimeError

    async def look(ctx: Context, inputs: Inputs) -> object:
        return str(ctx.user.id)

    security: list[dict[str, list[str]]] = [{"bearerAuth": []}]
    made = router(
        tmp_path / "generated" / "small",
        contract(
            {
                "look": operation(security=security),
                "sign_out": operation("POST", "/out", security=security),
                "fail": operation("POST", "/fail", security=security),
            }
        ),
        {"look": look, "sign_out": sign_out, "fail": fail},
    )
    settings = Settings.model_validate(
        {"env": "test", "database_url": dsns.service, "better_auth_secret": SECRET}
    )
    app = create_app(settings, root=tmp_path, routers=[made], tables=SQLModel.metadata, users=True)
    user = uuid4()
    async with client_of(app, token=make_token(user, secret=SECRET)) as http:
        other = {"Authorization": f"Bearer {make_token(uuid4(), secret=SECRET)}"}
        assert (await http.get("/things")).json() == str(user)
        assert (await http.get("/things", headers=other)).status_code == 200
        assert (await http.post("/fail")).status_code == 500
        assert (await http.get("/things")).status_code == 200  # rolled back
        assert (await http.post("/out")).status_code == 200
        assert (await http.get("/things")).status_code == 401
        assert (await http.get("/things", headers=other)).status_code == 200
        later = make_token(user, secret=SECRET, iat=datetime.now(UTC) + timedelta(seconds=2))
        assert (await http.get("/things", headers={"Authorization": f"Bearer {later}"})).status_code == 200


async def test_a_service_without_rows_says_so() -> None:
    with pytest.raises(RuntimeError, match="users=True"):
        await context().sign_out_everywhere()


@pytest.mark.threat("disclosure.users-of-others")
def test_each_user_sees_one_row(dsns: Dsns) -> None:
    mine, other = str(uuid4()), str(uuid4())
    revoke(dsns.service, mine)
    revoke(dsns.service, other)
    with psycopg.connect(dsns.service) as connection:
        connection.execute("select set_config('app.user_id', %s, true)", [mine])
        assert connection.execute("select subject from handfast_users").fetchall() == [(mine,)]
        connection.execute("select set_config('app.user_id', '', true)")
        assert connection.execute("select subject from handfast_users").fetchall() == []


def test_the_table_is_made_and_dropped(postgres: throwaway.Server) -> None:
    dsns = throwaway.database(postgres, root=ROOT)
    with psycopg.connect(dsns.owner) as connection:
        assert isolation.rules(usertable.METADATA) == []
        assert isolation.drift(connection, SQLModel.metadata) == []
        connection.execute("drop policy handfast_owner on handfast_users")
        assert [fault.what for fault in isolation.drift(connection, SQLModel.metadata)] == [
            "policy `handfast_owner` of `handfast_users` is missing"
        ]
    migrate.downgrade(dsns.owner, ROOT, "0001_tasks")
    cures = {fault.what: fault.fix for fault in inspect(dsns.service, MetaData(), None, users=True)}
    assert "users.create_users()" in cures["the table `handfast_users` does not exist"]


def test_a_subject_is_not_shown() -> None:
    assert "ann@example.com" not in repr(Principal.of("ann@example.com"))
