"""When the unit of work of a request is committed, and when it is rolled back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from handfast.runtime import (
    ApiError,
    Context,
    Forbidden,
    Inputs,
    PublicContext,
    create_app,
)
from tests.unit.runtime.small import (
    SCHEMAS,
    SECURE,
    Pool,
    client,
    contract,
    echo,
    media,
    operation,
    response,
    router,
    settings,
)


def with_pool(folder: Path, handler: Any, pool: Pool, **entry: Any) -> FastAPI:
    entry = {"responses": {"200": response(media("Thing"))}} | entry
    document = contract({"get": operation(**entry)}, SCHEMAS)
    made = router(folder / "generated" / "small", document, {"get": handler})
    app = create_app(settings(deadline_seconds=0.2), root=folder, routers=[made])
    made.operations["get"].plan.service.pool = pool  # type: ignore[assignment]
    return app


async def get(app: FastAPI, user: str | None = None) -> httpx.Response:
    async with client(app, user) as http:
        return await http.get("/things")


async def test_success_is_committed_before_the_response_leaves(tmp_path: Path) -> None:
    async def good(ctx: PublicContext, inputs: Inputs) -> object:
        return {"a": str(ctx.db)}

    pool = Pool()
    app = with_pool(tmp_path, good, pool)
    with capture_logs() as logs:
        answer = await get(app)
    assert answer.json() == {"a": "the database"}
    assert [unit.ended for unit in pool.units] == [["commit"]]
    assert pool.units[0].owner is None
    (line,) = [line for line in logs if line["event"] == "request_finished"]
    assert (line["db_statements"], line["db_ms"]) == (3, 500.0)


async def test_the_unit_belongs_to_the_caller(tmp_path: Path) -> None:
    async def good(ctx: PublicContext, inputs: Inputs) -> object:
        return {"a": ""}

    pool = Pool()
    user = "0191b0f0-0000-7000-8000-000000000000"
    await get(with_pool(tmp_path, good, pool, security=SECURE), user)
    assert pool.units[0].owner == UUID(user)


@pytest.mark.parametrize(("error", "status"), [(RuntimeError(), 500), (Forbidden(), 403), (None, 500)])
async def test_any_error_is_rolled_back(tmp_path: Path, error: ApiError | None, status: int) -> None:
    async def bad(ctx: PublicContext, inputs: Inputs) -> object:
        if error is not None:
            raise error
        return {"wrong": 1}

    pool = Pool()
    declared = {"200": response(media("Thing")), "403": response()}
    assert (await get(with_pool(tmp_path, bad, pool, responses=declared))).status_code == status
    assert [unit.ended for unit in pool.units] == [["rollback"]]


async def test_a_commit_that_fails_is_rolled_back_and_told(tmp_path: Path) -> None:
    async def good(ctx: PublicContext, inputs: Inputs) -> object:
        return {"a": ""}

    pool = Pool(refuses=True)
    assert (await get(with_pool(tmp_path, good, pool))).status_code == 409
    assert pool.units[0].ended == ["commit", "rollback"]


@pytest.mark.threat("denial.slow-request")
async def test_the_deadline_cancels_and_rolls_back(tmp_path: Path) -> None:
    async def slow(ctx: PublicContext, inputs: Inputs) -> object:
        await asyncio.sleep(5)
        return {"a": ""}

    pool = Pool()
    answer = await get(with_pool(tmp_path, slow, pool))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert [unit.ended for unit in pool.units] == [["rollback"]]


async def test_a_refused_request_opens_no_unit(tmp_path: Path) -> None:
    pool = Pool()
    app = with_pool(tmp_path, echo, pool, security=SECURE)
    assert (await get(app)).status_code == 401
    assert pool.units == []


async def test_without_a_database_the_context_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="set DATABASE_URL"):
        _ = PublicContext().db
    with pytest.raises(RuntimeError, match="has no user"):
        _ = Context().user
