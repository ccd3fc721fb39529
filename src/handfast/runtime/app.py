"""The application factory: settings and routers in, a running service out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from handfast.runtime.application import Application, Constant
from handfast.runtime.docs import add_contract, add_docs, document
from handfast.runtime.faults import ConfigError, Fault
from handfast.runtime.observability import METRICS_TYPE, Metrics, configure_logging
from handfast.runtime.pipeline import layers
from handfast.runtime.problems import PROBLEM_JSON
from handfast.runtime.routing import (
    ContractRoute,
    ContractRouter,
    OperationRouter,
    Service,
    literalness,
    shape,
)
from handfast.runtime.schemes import Scheme
from handfast.runtime.security import Authenticator, scheme_faults
from handfast.runtime.settings import Settings
from handfast.runtime.tokens import Tokens, token_faults
from handfast.runtime.users import Users

if TYPE_CHECKING:
    from sqlalchemy import MetaData

_log = structlog.get_logger(__name__)


def create_app(
    settings: Settings,
    *,
    root: Path,
    routers: Sequence[ContractRouter],
    tables: MetaData | None = None,
    authenticators: Mapping[str, Authenticator] | None = None,
    users: bool = False,
) -> FastAPI:
    """Return the service: every contract's routes, its probes, documents and metrics.

    `root` is the project's folder. With `users`, each user whose token comes gets a row in `handfast_users`
    (made by `users.create_users()` in a migration), and can be signed out everywhere.

    Nothing is connected before the application starts. Raises `ConfigError` with all faults at once; in
    development and test those that leave work possible are warnings.
    """
    configure_logging(settings)
    return build_app(
        settings, root=root, routers=routers, tables=tables, authenticators=authenticators, users=users
    )


def build_app(
    settings: Settings,
    *,
    root: Path,
    routers: Sequence[ContractRouter],
    tables: MetaData | None,
    authenticators: Mapping[str, Authenticator] | None,
    users: bool,
) -> FastAPI:
    """Do what `create_app` does, and leave logging as it is."""
    rows = Users() if users else None
    tokens = Tokens(settings, users=rows)
    if rows is not None:
        rows.on_move(tokens.forget)
    known = dict(authenticators or {})
    service = Service(settings, Metrics(), tokens, known, recall=tokens.recall, users=rows)
    published = document(root)
    _report(_faults(service, routers, published, tables), settings)
    app = Application(
        title="Handfast service" if published is None else _title(published),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=layers(settings, service.metrics, json.loads(published or b"{}"), _methods(routers)),
        lifespan=_lifespan(service, tokens, root, tables),
        exception_handlers={HTTPException: raise_again},
    )
    app.state.settings = settings
    _add_probes(app, service, root, tables)
    if published is not None:
        add_contract(app, published)
        if settings.docs:
            add_docs(app, app.title)
    for router in routers:
        router.start(service)
    add_routes(app, routers)
    return app


def settings_of(app: ASGIApp) -> Settings:
    """The settings that `create_app` was given; those of the environment for any other application."""
    found = getattr(getattr(app, "state", None), "settings", None)
    return found if isinstance(found, Settings) else Settings()


async def raise_again(request: Request, error: Exception) -> Response:
    """Leave routing errors to the layer that answers all errors."""
    raise error


def _title(published: bytes) -> str:
    return str(json.loads(published).get("info", {}).get("title", "API"))


def _methods(routers: Iterable[ContractRouter]) -> set[str]:
    return {spec.method for router in routers for spec in router.served.values()}


def add_routes(app: FastAPI, routers: Sequence[OperationRouter]) -> None:
    """Put all routes into one table, the most literal path first, whatever feature it comes from."""
    declared: dict[str, frozenset[str]] = {}
    for router in routers:
        for key, methods in router.declared().items():
            declared[key] = declared.get(key, frozenset()) | methods
    routes = [route for router in routers for route in router.routes]
    for route in routes:
        if isinstance(route, ContractRoute):
            route.declared = declared.get(shape(route.path), route.declared)
    app.router.routes += sorted(routes, key=lambda route: literalness(getattr(route, "path", "")))


def _faults(
    service: Service, routers: Iterable[ContractRouter], published: bytes | None, tables: MetaData | None
) -> list[Fault]:
    settings = service.settings
    faults: list[Fault] = []
    uses_tokens = False
    for router in routers:
        contract = router.contract
        faults += router.faults
        used = sorted(
            {
                name
                for spec in router.served.values()
                for alternative in spec.security
                for name, _ in alternative
            }
        )
        faults += scheme_faults(
            contract.security_schemes,
            used,
            service.authenticators,
            contract.file,
            production=settings.production,
        )
        uses_tokens = uses_tokens or any(
            name not in service.authenticators
            and Scheme(name, contract.security_schemes.get(name, {})).takes_tokens
            for name in used
        )
    if uses_tokens:
        faults += token_faults(settings)
    if published is None:
        faults.append(
            Fault(
                what="there is no published contract",
                fix="run `handfast generate`",
                where="generated/openapi.json",
                fatal=False,
            )
        )
    needs_database = tables is not None or service.users is not None
    if needs_database and settings.database_url is None and settings.production:
        faults.append(
            Fault(
                what="there is no database",
                fix="set DATABASE_URL to a PostgreSQL server",
                where="DATABASE_URL",
            )
        )
    return faults


def _report(faults: Sequence[Fault], settings: Settings) -> None:
    """Raise what forbids to start here; write the rest into the log."""
    stopping = [fault for fault in faults if fault.fatal or settings.production]
    if stopping:
        raise ConfigError(stopping)
    for fault in faults:
        _log.warning("fault", what=fault.what, fix=fault.fix, where=fault.where)


def _lifespan(service: Service, tokens: Tokens, root: Path, tables: MetaData | None) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with _database(service, root, tables):
                yield
        finally:
            await tokens.close()

    return lifespan


@asynccontextmanager
async def _database(service: Service, root: Path, tables: MetaData | None) -> AsyncIterator[None]:
    """Keep the database open for `service`, if it has one."""
    users = service.users
    if tables is None and users is None and service.settings.database_url is None:
        yield
        return
    from handfast.runtime import database
    from handfast.runtime.database import capacity

    settings = service.settings
    dsns = await asyncio.to_thread(database.resolve, settings, root)
    pooler = settings.database_direct_url is not None or not settings.database_prepare
    room = None if pooler else await capacity.room(dsns.service)
    pool = database.Pool.create(
        dsns.service,
        size=capacity.share(settings.database_pool_size, settings.workers, room),
        timeout=settings.database_timeout_seconds,
        prepare=settings.database_prepare,
    )
    await pool.open()
    try:
        service.pool = pool
        if users is not None:
            users.pool = pool
        _report(await _database_faults(service, root, tables), settings)
        yield
    finally:
        service.pool = None
        if users is not None:
            users.pool = None
        await pool.close()


async def _database_faults(service: Service, root: Path, tables: MetaData | None) -> list[Fault]:
    """Every reason not to serve that the database gives."""
    from sqlalchemy import MetaData

    from handfast.runtime import database

    if tables is None and service.users is None:
        return []
    if service.pool is None:
        return [Fault(what="the database is not open", fix="wait for start-up")]
    declared = tables if tables is not None else MetaData()
    return await database.checks(service.pool, declared, root, users=service.users is not None)


def _add_probes(app: FastAPI, service: Service, root: Path, tables: MetaData | None) -> None:
    async def ready(request: Request) -> Response:
        faults = await _database_faults(service, root, tables)
        if not faults:
            return _probe({"status": "ready"})
        _log.warning("not_ready", faults=[str(fault) for fault in faults])
        problem = {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "code": "not_ready",
            "detail": _NOT_READY
            if service.settings.production  # anybody may ask, and need not hear what is open
            else "; ".join(fault.what for fault in faults),
        }
        return Response(to_json(problem), 503, _UNCACHED, PROBLEM_JSON)

    async def metrics(request: Request) -> Response:
        return Response(service.metrics.text(), headers={**_UNCACHED, "Content-Type": METRICS_TYPE})

    health = _probe({"status": "ok"})
    app.router.routes.append(
        Constant("/health", health, methods=["GET"], name="health", include_in_schema=False)
    )
    for path, endpoint in (("/ready", ready), ("/metrics", metrics)):
        app.add_route(path, endpoint, methods=["GET"], include_in_schema=False)


_NOT_READY = "This replica cannot serve now; its log says why."
_UNCACHED = {"Cache-Control": "no-store"}


def _probe(body: Mapping[str, str]) -> Response:
    return Response(to_json(body), headers=_UNCACHED, media_type="application/json")
