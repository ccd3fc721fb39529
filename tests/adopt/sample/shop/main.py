"""The application: lifespan, middleware, routers, a mounted application, a page and a socket."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from psycopg_pool import AsyncConnectionPool
from starlette.types import Receive, Scope, Send

from shop.items import router

events: list[str] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    """Keep a pool open."""
    events.append("start")
    async with AsyncConnectionPool(os.environ["SHOP_DSN"], min_size=1, open=False) as pool:
        yield {"pool": pool}
    events.append("stop")


app = FastAPI(title="Shop", lifespan=lifespan)
admin = FastAPI(title="Administration")


@app.middleware("http")
async def served_by(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Say who answers."""
    response = await call_next(request)
    response.headers["X-Served-By"] = "shop"
    return response


@admin.middleware("http")
async def audited(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Mark what administrators see."""
    response = await call_next(request)
    response.headers["X-Audited"] = "yes"
    return response


@app.exception_handler(LookupError)
async def lost(request: Request, error: LookupError) -> JSONResponse:
    """Answer in a form of the shop's own."""
    return JSONResponse({"lost": str(error)}, 410)


@admin.get("/stats", operation_id="stats")
async def stats() -> dict[str, int]:
    """Count something."""
    return {"orders": 3}


@app.get("/lost", operation_id="lost")
def fail() -> None:
    """Raise what the handler above answers."""
    raise LookupError("gone")


@app.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    """Send back what comes."""
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer whatever is below /static."""
    await Response(f"page {scope['path']}")(scope, receive, send)


app.include_router(router, prefix="/api")
app.mount("/admin", admin)
app.mount("/static", page)
