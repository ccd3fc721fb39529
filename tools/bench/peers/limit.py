"""The limit: bare ASGI and asyncpg; no framework, validation or isolation, tokens cached.

`app` writes without a transaction of its own, `app_in_transactions` between BEGIN and COMMIT.
"""

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
Write = Callable[..., Awaitable[Any]]

SECRET = os.environ["BETTER_AUTH_SECRET"]
COLUMNS = "id, user_id, title, description, status, priority, due_date, created_at, updated_at, completed_at"
GET = f"select {COLUMNS} from tasks where user_id = $1 and id = $2"
LIST = f"select {COLUMNS} from tasks where user_id = $1 order by created_at desc, id desc limit 21"
INSERT = (
    f"insert into tasks ({COLUMNS}) "
    f"values ($1, $2, $3, $4, 'todo', $5, null, $6, $6, null) returning {COLUMNS}"
)
UPDATE = (
    "update tasks set title = $3, priority = $4, updated_at = $5 "
    f"where user_id = $1 and id = $2 returning {COLUMNS}"
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


async def write(statement: str, *values: object) -> Any:
    """Write one row, in the statement's own transaction."""
    return await pool.fetchrow(statement, *values)


async def write_in_transaction(statement: str, *values: object) -> Any:
    """Write one row between BEGIN and COMMIT."""
    async with pool.acquire() as connection, connection.transaction():
        return await connection.fetchrow(statement, *values)


async def answer(scope: Scope, receive: Receive, write: Write) -> tuple[int, object]:
    """Status and body for one request."""
    path, method = scope["path"], scope["method"]
    if path == "/health":
        return 200, {"status": "ok"}
    user = caller(scope)
    if method == "POST":
        body = json.loads((await receive())["body"])
        values = (uuid4(), user, body["title"], body.get("description"), body.get("priority", "medium"))
        return 201, shown(await write(INSERT, *values, datetime.now(UTC)))
    if path == "/api/tasks":
        rows = [shown(row) for row in await pool.fetch(LIST, user)]
        return 200, {"items": rows[:20], "next_cursor": rows[19]["id"] if len(rows) > 20 else None}
    task = UUID(path.rsplit("/", 1)[1])
    if method == "PATCH":
        body = json.loads((await receive())["body"])
        changed = await write(UPDATE, user, task, body["title"], body["priority"], datetime.now(UTC))
        return 200, shown(changed)
    return 200, shown(await pool.fetchrow(GET, user, task))


async def serve(scope: Scope, receive: Receive, send: Send, write: Write) -> None:
    """Answer, or start and stop."""
    global pool
    if scope["type"] == "lifespan":
        await receive()
        pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE_URL"], min_size=10, max_size=10)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await pool.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    status, body = await answer(scope, receive, write)
    data = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The limit itself."""
    await serve(scope, receive, send, write)


async def app_in_transactions(scope: Scope, receive: Receive, send: Send) -> None:
    """The limit of what has transactions."""
    await serve(scope, receive, send, write_in_transaction)
