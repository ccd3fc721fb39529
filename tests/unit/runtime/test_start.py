"""What stops a service from starting, and what it looks at when it starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import MetaData

from handfast.runtime import (
    ConfigError,
    Fault,
    create_app,
    database,
    development_authenticator,
)
from handfast.testing import client_of
from tests.unit.runtime.small import (
    Pool,
    echo,
    operation,
    service,
    settings,
)


def refusal(folder: Path, **given: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        service(
            folder, {"get": operation(security=[{"key": []}, {"bearerAuth": []}])}, {"get": echo}, **given
        )
    return str(caught.value)


KEY = {
    "key": {"type": "apiKey", "in": "header", "name": "X"},
    "bearerAuth": {"type": "http", "scheme": "bearer"},
}


def test_production_refuses_with_every_fault_at_once(tmp_path: Path) -> None:
    text = refusal(tmp_path, schemes=KEY, env="production", better_auth_secret="short")
    assert "`key` has no authenticator" in text
    assert "BETTER_AUTH_SECRET: the secret is shorter than 32 bytes" in text
    assert text.count("fix: ") == 2
    given = {"key": development_authenticator()}
    assert "development only" in refusal(tmp_path, schemes=KEY, env="production", authenticators=given)


def test_development_warns_of_the_same_and_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    operations = {"get": operation(security=[{"key": []}, {"bearerAuth": []}])}
    service(tmp_path, operations, {"get": echo}, schemes=KEY, env="development", better_auth_secret="short")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [("fault", "warning")] * 2


def test_some_faults_stop_development_too(tmp_path: Path) -> None:
    assert "not an http(s) URL" in refusal(tmp_path, env="development", better_auth_url="nonsense")


def test_production_needs_a_database_where_there_are_tables(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set DATABASE_URL"):
        create_app(settings(env="production"), root=tmp_path, routers=[], tables=MetaData())


def test_production_needs_the_published_contract(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="handfast generate"):
        create_app(settings(env="production"), root=tmp_path, routers=[])


async def test_a_service_without_a_contract_has_its_probes(tmp_path: Path) -> None:
    app = create_app(settings(env="development"), root=tmp_path, routers=[])
    async with client_of(app) as http:
        assert (await http.get("/health")).json() == {"status": "ok"}
        assert (await http.get("/ready")).json() == {"status": "ready"}
        assert (await http.get("/openapi.json")).status_code == 404
        assert (await http.post("/health")).status_code == 405


async def test_ready_tells_every_reason_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(settings(), root=tmp_path, routers=[], tables=MetaData())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.get("/ready")  # its lifespan has not begun
        assert (answer.status_code, answer.json()["detail"]) == (503, "the database is not open")
        assert answer.headers["content-type"] == "application/problem+json"


async def test_start_up_opens_the_database_and_looks_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    class Opened(Pool):
        async def open(self) -> None:
            steps.append("open")

        async def close(self) -> None:
            steps.append("close")

    found = [Fault("a pending migration", "run `handfast migrate`", fatal=False)]

    async def checks(*_: object, users: bool) -> list[Fault]:
        return found

    monkeypatch.setattr(database, "resolve", lambda *_: database.Dsns(service="dsn", owner=""))
    monkeypatch.setattr(database.Pool, "create", lambda *_, **__: Opened())
    monkeypatch.setattr(database, "checks", checks)
    app = create_app(settings(), root=tmp_path, routers=[], tables=MetaData())
    async with client_of(app) as http:
        assert (await http.get("/ready")).json()["detail"] == "a pending migration"
        found.clear()
        assert (await http.get("/ready")).json() == {"status": "ready"}
    assert steps == ["open", "close"]
    found.append(Fault("a role that sees too much", "use another"))
    steps.clear()
    with pytest.raises(ConfigError, match="sees too much"):
        async with client_of(app):
            pass
    assert steps == ["open", "close"]
