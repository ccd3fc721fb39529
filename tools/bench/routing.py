"""What finding a route costs: `python -m tools.bench.routing`.

CPU of a request from the router on, to the first of 10 routes and to the last of 1,000, by the tree and by
FastAPI's own search; then how many times as much the latter costs. Exits with 1 where the tree's ratio is
above 1.5. ADR 0040 holds the figures.
"""

from __future__ import annotations

import asyncio
import sys
import time

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Scope

from handfast.runtime.routetree import RouteTree
from handfast.runtime.routing import ContractRoute

REQUESTS = 5_000
ROUNDS = 7
ALLOWED = 1.5
METHODS = ("GET", "PATCH", "DELETE")


async def _answer(request: Request) -> Response:
    return Response()


async def _receive() -> Message:
    return {"type": "http.request", "body": b""}


async def _send(message: Message) -> None:
    pass


def _router(count: int, *, tree: bool) -> ASGIApp:
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    if tree:
        app.router.middleware_stack = RouteTree(app.router, plain=(ContractRoute.matches,))
    for number in range(count):
        path = f"/api/things{number // len(METHODS)}/{{thing_id}}"
        route = ContractRoute(path, _answer, methods=[METHODS[number % len(METHODS)]])
        route.declared = frozenset(METHODS)
        app.router.routes.append(route)
    return app.router


async def _microseconds(router: ASGIApp, method: str, number: int) -> float:
    """CPU per request, of the best round."""
    path = f"/api/things{number // len(METHODS)}/5"
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(REQUESTS):
            scope: Scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
            await router(scope, _receive, _send)
        best = min(best, (time.process_time() - begun) / REQUESTS)
    return best * 1e6


async def _ratio(name: str, *, tree: bool) -> float:
    first = await _microseconds(_router(10, tree=tree), "GET", 0)
    last = await _microseconds(_router(1_000, tree=tree), METHODS[999 % len(METHODS)], 999)
    print(f"{name:14} first of 10: {first:6.1f} us   last of 1,000: {last:6.1f} us   {last / first:5.2f} x")
    return last / first


async def _main() -> int:
    await _ratio("linear search", tree=False)
    return 0 if await _ratio("tree", tree=True) <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
