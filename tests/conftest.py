"""Fixtures for the whole suite: the reference service over real HTTP, on a PostgreSQL of its own."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import structlog
import uvicorn
from coverage import Coverage
from fastapi import FastAPI
from psycopg.conninfo import conninfo_to_dict
from sqlmodel import SQLModel
from starlette.types import ASGIApp

from handfast.runtime import Settings
from handfast.runtime.app import settings_of
from handfast.runtime.database import Dsns, throwaway
from handfast.runtime.database.roles import Passwords
from handfast.runtime.server import server_options
from handfast.testing import make_token
from tests import leaks

ROOT = Path(__file__).parents[1]
SWITCH = "COVERAGE_PROCESS_CONFIG"
"""What coverage leaves in the environment for the processes that the tests start."""
SECRET = "only-for-tests-0123456789-abcdefghijklmnop"

_STOPPED = pytest.StashKey[Coverage]()
"""The coverage that measures this run, while it is stopped."""

leaks.plant("the signing secret", SECRET)


def pytest_configure(config: pytest.Config) -> None:
    """Watch the whole run for secrets that get out."""
    if not config.pluginmanager.is_registered(leaks):
        config.pluginmanager.register(leaks)


def pytest_collection_finish() -> None:
    """Keep the garbage collector off what lasts as long as the run: a tenth of the CPU of all tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop coverage for a test that is marked `unmeasured`, and let it go on for others.

    It stays stopped between two such tests, for to go on takes longer than most tests do.
    """
    unmeasured = item.get_closest_marker("unmeasured") is not None
    if unmeasured and (running := Coverage.current()) is not None:
        item.config.stash[_STOPPED] = running
        running.stop()
    elif not unmeasured and (stopped := item.config.stash.get(_STOPPED, None)) is not None:
        del item.config.stash[_STOPPED]
        stopped.start()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Put back how lines are logged: each application that a test makes sets it for the whole process."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session", autouse=True)
def measured() -> Iterator[dict[str, str]]:
    """What to add to the environment of a process that is to be measured; nothing without coverage.

    Others are not, for it triples what a start costs.
    """
    found = os.environ.pop(SWITCH, None)
    yield {} if found is None else {SWITCH: found}
    if found is not None:
        os.environ[SWITCH] = found


@contextmanager
def live(app: ASGIApp) -> Iterator[str]:
    """Serve `app` on a free port of 127.0.0.1, as `handfast serve` does, and yield its address."""
    watched = leaks.Watched(app)
    options = server_options(settings_of(app))
    server = uvicorn.Server(uvicorn.Config(watched, host="127.0.0.1", port=0, **options))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the service did not start")
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[throwaway.Server]:
    """A PostgreSQL server for this run."""
    with throwaway.server(tmp_path_factory.mktemp("postgres")) as server:
        passwords = Passwords.stored(server.folder)
        for password in (passwords.owner, passwords.service, str(conninfo_to_dict(server.dsn())["password"])):
            leaks.plant("a password of the database", password)
        yield server


@pytest.fixture(scope="session")
def dsns(postgres: throwaway.Server) -> Dsns:
    """The reference service's database, migrated, with its three roles."""
    return throwaway.database(postgres, root=ROOT)


@pytest.fixture(scope="session")
def settings(dsns: Dsns) -> Settings:
    """Settings of the service under test."""
    return Settings.model_validate(
        {
            "env": "test",
            "database_url": dsns.service,
            "database_owner_url": dsns.owner,
            "better_auth_secret": SECRET,
            "cors_origins": "https://app.example.com",
        }
    )


def reference_app(settings: Settings) -> FastAPI:
    """The reference service."""
    from generated.sharing.routes import build_router as sharing
    from generated.task_management.routes import build_router as task_management
    from handfast.runtime import create_app
    from handlers.sharing import operations as sharing_operations
    from handlers.task_management import operations as task_operations

    routers = [task_management(task_operations), sharing(sharing_operations)]
    return create_app(settings, root=ROOT, routers=routers, tables=SQLModel.metadata, users=True)


@pytest.fixture(scope="session")
def service_url(settings: Settings) -> Iterator[str]:
    """The address of the running reference service."""
    with live(reference_app(settings)) as url:
        yield url


@pytest.fixture(scope="session")
def client(service_url: str) -> Iterator[httpx.Client]:
    """A client of the running reference service."""
    with httpx.Client(base_url=service_url, timeout=20) as client:
        yield client


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mypy keeps what it learnt of the libraries, for this run."""
    return tmp_path_factory.mktemp("mypy")


def headers_of(user: UUID) -> dict[str, str]:
    """Authorization of `user`."""
    return {"Authorization": f"Bearer {make_token(user, secret=SECRET)}"}


@pytest.fixture
def user_id() -> UUID:
    """A user of this test alone."""
    return uuid4()


@pytest.fixture
def auth_headers(user_id: UUID) -> dict[str, str]:
    """Authorization of `user_id`."""
    return headers_of(user_id)


@pytest.fixture
def new_user() -> dict[str, str]:
    """Authorization of another user, who has nothing yet."""
    return headers_of(uuid4())
