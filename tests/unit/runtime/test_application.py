"""The application: its short way and FastAPI's own lead to the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from tests.unit.runtime.small import SCHEMAS, SECURE, client, echo, operation, parameter, service

CALLS = (
    ("GET", "/things/a%2Fb?limit=2"),
    ("GET", "/things/a?limit=x"),
    ("POST", "/things/a"),
    ("BREW", "/things/a"),
    ("GET", "/things/a/"),
    ("GET", "/nothing"),
    ("GET", "/secret"),
    ("GET", "/health"),
)


def made(folder: Path) -> Any:
    parameters = [parameter("id", "path"), parameter("limit", default=20)]
    operations = {
        "get": operation(path="/things/{id}", parameters=parameters),
        "secret": operation(path="/secret", security=SECURE),
    }
    return service(folder, operations, {"get": echo, "secret": echo}, schemas=SCHEMAS)


class Marking:
    """A layer that a project puts around everything."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-mark", b"1")]
            await send(message)

        await self.app(scope, receive, marked)


async def answers(app: Any) -> list[tuple[int, bytes, dict[str, str]]]:
    found = []
    async with client(app) as http:
        for method, path in CALLS:
            answer = await http.request(method, path, headers={"x-correlation-id": "same"})
            found.append((answer.status_code, answer.content, dict(answer.headers)))
    return found


async def tell(request: Request, error: Exception) -> Response:
    return PlainTextResponse("told")


@pytest.mark.parametrize("long", ["handler", "debug"])
async def test_both_ways_lead_to_the_same_answers(tmp_path: Path, long: str) -> None:
    (tmp_path / "short").mkdir()
    (tmp_path / "long").mkdir()
    short, other = made(tmp_path / "short"), made(tmp_path / "long")
    if long == "handler":
        other.add_exception_handler(KeyError, tell)
    else:
        other.debug = True
    assert await answers(short) == await answers(other)


async def test_a_projects_own_layer_sees_every_answer(tmp_path: Path) -> None:
    app = made(tmp_path)
    app.add_middleware(Marking)
    assert all(headers["x-mark"] == "1" for _, _, headers in await answers(app))
