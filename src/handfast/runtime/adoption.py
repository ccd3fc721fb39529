"""An application that was written by hand and is taken over step by step.

What has a written handler is served by Handfast; everything else goes on as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from fastapi import FastAPI
from starlette._utils import get_route_path
from starlette.datastructures import URLPath
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, NoMatchFound, compile_path
from starlette.types import Receive, Scope, Send

from handfast.runtime.adopteddocument import MovedOperation, with_moved
from handfast.runtime.app import build_app
from handfast.runtime.basepaths import Bases, base_paths
from handfast.runtime.docs import document
from handfast.runtime.faults import ConfigError, Fault
from handfast.runtime.handwritten import HandWritten, counterparts, handwritten, may_meet
from handfast.runtime.observability import configure_lines
from handfast.runtime.pipeline import undivided_path
from handfast.runtime.routing import ContractRouter, literalness
from handfast.runtime.security import Authenticator
from handfast.runtime.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from handfast.runtime.contract import OperationSpec


def adopt(
    app: FastAPI,
    *,
    root: Path,
    routers: Sequence[ContractRouter],
    settings: Callable[[], Settings] = Settings,
    tables: MetaData | None = None,
    authenticators: Mapping[str, Authenticator] | None = None,
    users: bool = False,
) -> FastAPI:
    """Return `app`, in which each operation that has a written handler is served by Handfast.

    Whatever else `app` does stays as it is: its middleware stands before the operations that have moved,
    too, its lifespan goes on around which Handfast's own is put, and it answers 404, its own documents and
    whatever the contract does not have. A handler that is missing or a stub leaves its operation where it
    was. While nothing has moved, `app` is not touched and `settings` are not read.

    `root`, `tables`, `authenticators` and `users` are those of `create_app`. Raises `ConfigError` as that
    does, of the operations that have moved, and where `app` has been adopted before.
    """
    if is_adopted(app):
        what, fix = "this application has been adopted already", "call `adopt` once, with all routers"
        raise ConfigError([Fault(what=what, fix=fix)])
    for router in routers:
        router.leave_unwritten()
    moved = [spec for router in routers for spec in router.served.values()]
    if not moved:
        return app
    read = settings()
    if not structlog.is_configured():
        configure_lines(read)
    service = build_app(
        read, root=root, routers=routers, tables=tables, authenticators=authenticators, users=users
    )
    published = json.loads(document(root) or b"{}")
    bases = base_paths(published)
    every = [spec for router in routers for spec in router.contract.operations.values()]
    routes = handwritten(app)
    served = places(moved, every, bases, routes)
    app.router.routes.insert(0, Moved(service, served, routes))
    _describe(app, published, [MovedOperation(one.method, one.contract_path, one.path) for one in served])
    app.router.lifespan_context = _around(service, app.router.lifespan_context)
    return app


def is_adopted(app: FastAPI) -> bool:
    """Whether something of `app` is served by Handfast."""
    return any(isinstance(route, Moved) for route in app.router.routes)


def _describe(app: FastAPI, published: Mapping[str, Any], moved: Sequence[MovedOperation]) -> None:
    """Let the document that `app` derives have what has moved as its contract says."""
    derive = app.openapi
    last: tuple[Any, dict[str, Any]] | None = None

    def openapi() -> dict[str, Any]:
        nonlocal last
        own = derive()
        if last is None or last[0] is not own:  # it changes when routes are added
            last = own, with_moved(own, published, moved)
        return last[1]

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to bring one's own


def _around(service: FastAPI, inner: Callable[[Any], Any]) -> Any:
    """Start `service` before what `inner` starts, and stop it afterwards."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with service.router.lifespan_context(service), inner(app) as state:
            yield state

    return lifespan


class Moved(BaseRoute):
    """The first route of an adopted application: takes the operations that have moved, and nothing else."""

    path = ""
    """Libraries that look through routes ask each for its path."""

    def __init__(self, service: FastAPI, places: Sequence[Place], routes: Sequence[HandWritten]) -> None:
        """Send the requests for `places` to `service`, but for those that always were another of `routes`."""
        self._service = service
        self._routes = routes
        ordered = sorted(places, key=lambda place: literalness(place.path))
        self._entries = [_entry(place, routes) for place in ordered]
        # What has not moved is told at once, however much has.
        paths = dict.fromkeys(_GROUP.sub("(?:", entry.pattern.pattern) for entry in self._entries)
        self._any = re.compile("|".join(paths))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Take an operation that has moved wholly, and another method of its path in part: for a 405."""
        if scope["type"] != "http":
            return Match.NONE, {}
        found = Match.NONE
        path = _routed(scope)
        if self._any.match(path) is None:
            return found, {}
        for entry in self._entries:
            if entry.pattern.match(path) is None:
                continue
            if entry.place.method != scope["method"]:
                found = Match.PARTIAL
            elif not entry.yields(path):
                return Match.FULL, {"endpoint": self._service, _BASE: entry.place.base}
        return found, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the service; where only the path is right, answer as the application does."""
        if _BASE not in scope:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(self._allowed(scope)))})
        path, root = _routed(scope), scope.get("root_path", "") + scope[_BASE]
        own = {key: value for key, value in scope.items() if key not in _ROUTING}
        await self._service(
            {**own, "root_path": root, "path": root + path.removeprefix(scope[_BASE])}, receive, send
        )

    def _allowed(self, scope: Scope) -> set[str]:
        path = _routed(scope)
        found = {entry.place.method for entry in self._entries if entry.pattern.match(path)}
        return found.union(*(route.methods for route in self._routes if route.pattern.match(path)))

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Know no name: those of the application's own functions are asked for."""
        raise NoMatchFound(name, path_params)


_GROUP: Final = re.compile(r"\(\?P<[^>]*>")
_BASE: Final = "handfast.base"
_ROUTING: Final = frozenset((_BASE, "router", "route", "endpoint", "path_params"))
"""What one router notes in a scope for what it calls, and another would take for its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """One operation below one base path."""

    method: str
    base: str
    route: str
    contract_path: str

    @property
    def path(self) -> str:
        """The whole template."""
        return self.base + self.route


def places(
    specs: Sequence[OperationSpec],
    every: Sequence[OperationSpec],
    bases: Bases,
    routes: Sequence[HandWritten],
) -> list[Place]:
    """Return where `specs` are served: at the root and below `bases`, as `create_app` does.

    As long as the application has routes of `every` operation of the contracts, only where it has them.
    """

    def of(spec: OperationSpec) -> list[Place]:
        below = ("", *sorted(bases.of(spec.path, spec.method)))
        return [Place(spec.method, base, spec.route, spec.path) for base in below]

    used = {
        place.base for spec in every for place in of(spec) if counterparts(place.method, [place.path], routes)
    }
    found: list[Place] = []
    for spec in specs:
        own = of(spec)
        found += [place for place in own if place.base in used] or own
    return found


@dataclass(frozen=True, slots=True)
class _Entry:
    """An operation that has moved, and what of its paths is not its own."""

    place: Place
    pattern: re.Pattern[str]
    before: tuple[HandWritten, ...]
    """Routes by hand that are asked before the one that it replaces; without that, more literal ones."""
    own: HandWritten | None
    """The route that it replaces, while it is there."""
    after: tuple[HandWritten, ...]
    """Routes by hand that get what `own` does not match, by the convertors of its parameters."""

    def yields(self, path: str) -> bool:
        """Whether the path belongs to a route by hand, as it did before."""
        method = self.place.method
        if any(route.takes(method, path) for route in self.before):
            return True
        if self.own is None or not self.after or self.own.takes(method, path):
            return False
        return any(route.takes(method, path) for route in self.after)


def _entry(place: Place, routes: Sequence[HandWritten]) -> _Entry:
    own = next(iter(counterparts(place.method, [place.path], routes)), None)
    rivals = [
        route
        for route in routes
        if route is not own and _is_rival(route, own, place) and may_meet(route.path, place.path)
    ]
    if own is None:
        most = literalness(place.path)
        before = [route for route in rivals if literalness(route.path) < most]
        after: list[HandWritten] = []
    else:
        before = [route for route in rivals if route.position < own.position]
        after = [route for route in rivals if route.position > own.position]
    return _Entry(place, compile_path(place.path)[0], tuple(before), own, tuple(after))


def _is_rival(route: HandWritten, own: HandWritten | None, place: Place) -> bool:
    """Whether `route` may take requests of `place`; a mount stands for all that is in it."""
    if route.kind in ("websocket", "unknown") or (route.methods and place.method not in route.methods):
        return False
    if own is None:
        return route.kind != "mount"
    return route.position not in own.mounts and route.mounts == own.mounts[: len(route.mounts)]


def _routed(scope: Scope) -> str:
    """The path that a request asks for behind `root_path`, encoded slashes kept."""
    path = undivided_path(scope)
    return get_route_path(scope if path == scope["path"] else {**scope, "path": path})
