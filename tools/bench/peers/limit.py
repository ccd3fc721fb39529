"""The limit: bare ASGI and asyncpg; no framework, validation, transaction or isolation, tokens cached."""

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import jwt

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SECRET = os.environ["BETTER_AUTH_SECRET"]
COLUMNS = "id, user_id, title, description, status, priority, due_date, created_at, updated_at, completed_at"
GET = f"select {COLUMNS} from tasks where user_id = $1 and id = $2"
LIST = f"select {COLUMNS} from tasks where user_id = $1 order by created_at desc, id desc limit 21"
INSERT = (
    f"insert into tasks ({COLUMNS}) "
    f"values ($1, $2, $3, $4, 'todo', $5, null, $6, $6, null) returning {COLUMNS}"
)
tokens: dict[str, UUID] = {}
pool: Any = None


def shown(row: Any) -> dict[str, Any]:
    """A row as JSON."""
    return {name: value if value is None else str(value) for name, value in row.items()}


def caller(scope: Scope) -> UUID:
    """The user of the token, verified once."""
    token = dict(scope["headers"])[b"authorization"].decode()[7:]
    if token not in tokens:
        tokens[token] = UUID(jwt.decode(token, SECRET, algorithms=["HS256"])["sub"])
    return tokens[token]


async def answer(scope: Scope, receive: Receive) -> tuple[int, object]:
    """Status and body for one request."""
    path = scope["path"]
    if path == "/health":
        return 200, {"status": "ok"}
    user = caller(scope)
    if scope["method"] == "POST":
        body = json.loads((await receive())["body"])
        values = (uuid4(), user, body["title"], body.get("description"), body.get("priority", "medium"))
        return 201, shown(await pool.fetchrow(INSERT, *values, datetime.now(UTC)))
    if path == "/api/tasks":
        rows = [shown(row) for row in await pool.fetch(LIST, user)]
        return 200, {"items": rows[:20], "next_cursor": rows[19]["id"] if len(rows) > 20 else None}
    return 200, shown(await pool.fetchrow(GET, user, UUID(path.rsplit("/", 1)[1])))


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer."""
    global pool
    if scope["type"] == "lifespan":
        await receive()
        pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE_URL"], min_size=10, max_size=10)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await pool.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    status, body = await answer(scope, receive)
    data = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
