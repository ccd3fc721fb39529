"""A real PgBouncer in transaction mode between the service and PostgreSQL: many users, two connections."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID, uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlmodel import func, select

from handfast.runtime.database import Dsns, Pool, checks, throwaway
from handfast.runtime.database.audit import Origin
from handfast.runtime.database.embedded import _wrapper
from handfast.testing import free_port
from tests.integration.database.conftest import SHOP, committed
from tests.integration.database.schema import Note, NoteShare, Order, metadata

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
INSTALLABLE = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None
pytestmark = [
    pytest.mark.threat("disclosure.pooler-mixes-users"),
    pytest.mark.skipif(
        PROGRAM is None and not INSTALLABLE,
        reason="pgbouncer is not installed; only root can do it, where there is apt-get",
    ),
]
SERVERS = 2
"""Connections of the pooler to PostgreSQL."""


@dataclass(frozen=True)
class Pooler:
    """A running PgBouncer."""

    dsn: str
    keeps: bool
    """Whether it can keep prepared statements (1.21 or newer)."""


@pytest.fixture(scope="module")
def pooled(postgres: throwaway.Server) -> Iterator[Dsns]:
    """A database of its own, so that no other test's connections are in the way."""
    dsns = throwaway.database(postgres, root=SHOP, metadata=metadata)
    yield dsns
    throwaway.drop(postgres, dsns)


@pytest.fixture(scope="module")
def pooler(pooled: Dsns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pooler]:
    """PgBouncer in front of the database, as the service would find it at a managed server."""
    assert PROGRAM is not None, "run `make install`: it installs pgbouncer"
    folder = tmp_path_factory.mktemp("pgbouncer")
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = (int(part) for part in said.split()[1].split(".")[:2])
    keeps = (major, minor) >= (1, 21)
    info = conninfo_to_dict(pooled.service)
    port = free_port()
    users = folder / "users.txt"
    users.write_text(f'"{info["user"]}" "{info["password"]}"\n')
    users.chmod(0o600)
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host=127.0.0.1 port={info['port']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n"
        f"default_pool_size = {SERVERS}\nmax_client_conn = 100\nlogfile = {folder / 'log'}\n"
        + ("max_prepared_statements = 100\n" if keeps else "")
    )
    with subprocess.Popen(
        [*_wrapper(folder), PROGRAM, "--quiet", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            _wait(port, process)
            yield Pooler(make_conninfo(pooled.service, host="127.0.0.1", port=port), keeps)
        finally:
            process.terminate()
            process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    process.kill()
    raise RuntimeError(f"pgbouncer did not start: {process.communicate()[1].decode()}")


@asynccontextmanager
async def through(pooler: Pooler, *, prepare: bool, size: int = 8) -> AsyncIterator[Pool]:
    pool = Pool.create(pooler.dsn, size=size, timeout=10, prepare=prepare)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


async def request(pool: Pool, user: UUID, others: list[UUID], chance: random.Random) -> int:
    """One request of `user`; returns how many rows of other users it saw."""
    foreign = 0
    async with committed(pool, user) as unit:
        match chance.randrange(6):
            case 0:
                await unit.db.insert(Order(user_id=user, reference=str(uuid4())))
            case 1:
                rows = await unit.db.all(select(Order).with_for_update())
                foreign += sum(row.user_id != user for row in rows)
            case 2:
                async with unit.db.session() as session:  # row security alone
                    foreign += sum(row.user_id != user for row in await session.exec(select(Order)))
            case 3:
                task = asyncio.create_task(unit.db.all(select(func.pg_sleep(0.01)).select_from(Order)))
                await asyncio.sleep(chance.random() / 100)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            case 4:
                seen = await unit.db.shared.all(select(Note.user_id))
                foreign += sum(owner not in (user, others[0]) for owner in seen)
            case _:
                pass
        with suppress(Exception):
            rows = await unit.db.all(select(Order))
            foreign += sum(row.user_id != user for row in rows)
    return foreign


@pytest.mark.parametrize("prepare", [False, True])
async def test_many_users_over_two_connections_leak_nothing(pooler: Pooler, prepare: bool) -> None:
    """With prepared statements too: a pooler that loses them is met by sending the text again."""
    chance = random.Random(3)  # noqa: S311  (an order of events, no secret)
    users = [uuid4() for _ in range(8)]
    async with through(pooler, prepare=prepare) as pool:
        async with committed(pool, users[0]) as unit:
            note = await unit.db.insert(Note(user_id=users[0], text="for one"))
            await unit.db.insert(NoteShare(user_id=users[0], note_id=note.id, grantee_id=users[1]))
        foreign = lost = 0
        for _ in range(25):
            wave = [request(pool, chance.choice(users), users, chance) for _ in range(12)]
            for outcome in await asyncio.gather(*wave, return_exceptions=True):
                if isinstance(outcome, int):
                    foreign += outcome
                else:
                    lost += 1
        assert foreign == 0
        if not prepare:
            assert lost == 0
        for user in users:
            async with committed(pool, user) as unit:
                assert {row.user_id for row in await unit.db.all(select(Order))} <= {user}


async def test_without_prepared_statements_nothing_fails(pooler: Pooler) -> None:
    """Each statement often enough that it would be prepared, by us or by psycopg, on alternating servers."""
    async with through(pooler, prepare=False, size=4) as pool:
        users = [uuid4() for _ in range(4)]

        async def busy(user: UUID) -> None:
            for _ in range(12):
                async with committed(pool, user) as unit:
                    await unit.db.insert(Order(user_id=user, reference=str(uuid4())))
                    assert {row.user_id for row in await unit.db.all(select(Order))} == {user}
                async with committed(pool, user) as unit, unit.db.session() as session:
                    assert {row.user_id for row in await session.exec(select(Order))} == {user}

        await on_each_server(pool, "deallocate all")  # what other tests have left there
        await asyncio.gather(*map(busy, users))
        assert await on_each_server(pool, "select name from pg_prepared_statements") == []


async def on_each_server(pool: Pool, statement: LiteralString) -> list[Any]:
    """Run `statement` on every connection of the pooler to PostgreSQL, and return all rows."""
    held = [await pool.take() for _ in range(SERVERS)]
    found: list[Any] = []
    for connection in held:
        await connection.execute("begin")  # the server is this connection's until it ends
    for connection in held:
        cursor = await connection.execute(statement)
        found += await cursor.fetchall() if cursor.description else []
        await connection.execute("commit")
        await pool.give_back(connection)
    return found


async def test_elevation_does_not_stay_on_a_pooled_connection(pooler: Pooler) -> None:
    async with through(pooler, prepare=False, size=1) as pool:
        for user in (uuid4(), uuid4()):
            unit = pool.unit(user, Origin("admin", "listAll", "c"))
            async with unit.db.elevated("pooled") as db:
                assert isinstance(await db.all(select(Order.id)), list)
            await unit.commit()
            for _ in range(2 * SERVERS):
                async with committed(pool, user) as plain:
                    assert await plain.db.first(select(func.current_user())) == "handfast_service"


async def test_probes_work_through_a_pooler(pooler: Pooler) -> None:
    async with through(pooler, prepare=False) as pool:
        for _ in range(8):
            assert await checks(pool, metadata, SHOP) == []
