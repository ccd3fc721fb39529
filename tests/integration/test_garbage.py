"""What a request has made is gone with it: nothing is left to the garbage collector.

Objects that hold each other in a circle live until it runs, and it costs more CPU the more of them there are:
the service's own took a tenth of it.
"""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from starlette.types import Message, Scope

from handfast.runtime import Settings
from tests.conftest import headers_of, reference_app

REQUESTS = 20


@contextmanager
def garbage() -> Iterator[list[str]]:
    """Yield a list that afterwards has the type of each object that only the collector could free."""
    found: list[str] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found += [f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def ask(app: Any, user: UUID, method: str, path: str, body: bytes = b"") -> Any:
    """What `app` answers, asked as a server asks it."""
    said: list[Message] = []
    sent = [{"type": "http.request", "body": body, "more_body": False}]
    headers = [(name.lower().encode(), value.encode()) for name, value in headers_of(user).items()]
    headers += [(b"host", b"localhost"), (b"content-type", b"application/json")]
    headers += [(b"content-length", b"%d" % len(body))] if body else []

    async def receive() -> Message:
        return sent.pop()

    async def send(message: Message) -> None:
        said.append(message)

    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
        "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    assert said[0]["status"] < 300, said
    return json.loads(said[1]["body"])


async def test_a_request_leaves_nothing_to_the_garbage_collector(settings: Settings, user_id: UUID) -> None:
    app = reference_app(settings)
    change = json.dumps({"title": "Changed", "priority": "low"}).encode()
    async with app.router.lifespan_context(app):

        async def everything() -> None:
            task = await ask(app, user_id, "POST", "/api/tasks", b'{"title": "A task"}')
            await ask(app, user_id, "GET", f"/api/tasks/{task['id']}")
            await ask(app, user_id, "PATCH", f"/api/tasks/{task['id']}", change)
            await ask(app, user_id, "GET", "/api/tasks")

        for _ in range(5):  # whatever is found out once
            await everything()
        with garbage() as found:
            for _ in range(REQUESTS):
                await everything()
    # Something of the process itself may end meanwhile; what comes of a request comes of each.
    assert [pair for pair in Counter(found).items() if pair[1] >= REQUESTS] == []
