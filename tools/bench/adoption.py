"""What an adopted application costs where it still answers by hand: `python -m tools.bench.adoption`.

CPU microseconds a request, in process and without a network, so that the ratio is an upper bound of what
callers of a server notice. Bare and adopted applications take turns in short rounds; the median of the rounds
is printed. Each has the same routes by hand; the adopted ones have handed some of them over.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Scope

from handfast.runtime.adoption import Moved, Place
from handfast.runtime.handwritten import handwritten

ROUTES = 100
MOVED = (0, 1, 10, 50)
"""How many of the operations have moved."""


def shop(moved: int) -> FastAPI:
    """An application of `ROUTES` routes, the first `moved` of which have moved."""
    app = FastAPI()
    for number in range(ROUTES):

        async def answer(item: int) -> dict[str, int]:
            return {"item": item}

        app.add_api_route(f"/things-{number}/{{item}}", answer, methods=["GET"])
    if moved:
        places = [
            Place("GET", "", f"/things-{number}/{{id}}", f"/things-{number}/{{id}}")
            for number in range(moved)
        ]
        app.router.routes.insert(0, Moved(_service(), places, handwritten(app)))
    return app


def _service() -> FastAPI:
    service = FastAPI(openapi_url=None)

    async def answer(request: Request) -> Response:
        return Response()

    service.add_route("/{path:path}", answer)
    return service


def scope(path: str) -> Scope:
    """A GET request as a server tells of it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }


async def round_of(app: FastAPI, path: str, calls: int) -> float:
    """CPU microseconds a call."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"{path} was answered {message['status']}")

    started = time.process_time_ns()
    for _ in range(calls):
        await app(scope(path), receive, send)
    return (time.process_time_ns() - started) / 1000 / calls


async def measure(rounds: int, calls: int) -> dict[str, dict[int, float]]:
    """Median microseconds by place in the table of routes and by how many operations have moved."""
    apps = {moved: shop(moved) for moved in MOVED}
    found: dict[str, dict[int, float]] = {}
    for name, number in (("first by hand", max(MOVED)), ("last by hand", ROUTES - 1)):
        times: dict[int, list[float]] = {moved: [] for moved in MOVED}
        for one in range(rounds + 1):
            for moved, app in apps.items():
                taken = await round_of(app, f"/things-{number}/7", calls)
                if one:  # the first round warms up
                    times[moved].append(taken)
        found[name] = {moved: statistics.median(taken) for moved, taken in times.items()}
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--calls", type=int, default=300)
    arguments = parser.parse_args()
    found: dict[str, Any] = asyncio.run(measure(arguments.rounds, arguments.calls))
    print(f"{ROUTES} routes by hand; CPU a request\n\n{'route':14} {'moved':>6} {'µs':>8} {'ratio':>6}")
    for name, times in found.items():
        for moved, taken in times.items():
            print(f"{name:14} {moved or 'bare':>6} {taken:8.1f} {taken / times[0]:6.3f}")


if __name__ == "__main__":
    main()
