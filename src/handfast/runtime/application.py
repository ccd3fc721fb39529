"""The application itself: FastAPI, without those of its layers that would only pass requests on."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette._utils import get_route_path
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from handfast.runtime.routetree import RouteTree
from handfast.runtime.routing import ContractRoute


class Application(FastAPI):
    """FastAPI with a short way to operations.

    Routers, dependencies, layers and handlers of exceptions are FastAPI's and work as there. What is added
    before the application starts decides which way is gone: with handlers of exceptions, a limit for bodies,
    `debug` or OpenTelemetry, requests go through all of FastAPI's layers.
    """

    def __init__(self, **options: Any) -> None:
        """Take FastAPI's options."""
        super().__init__(**options)
        self._tree = RouteTree(self.router, plain=(ContractRoute.matches,))
        self.router.middleware_stack = self._tree
        self._first_handlers = dict(self.exception_handlers)
        self._is_short = False

    def build_middleware_stack(self) -> ASGIApp:
        """Put the layers together, without those that have nothing to do."""
        self._is_short = not (
            self.debug
            or self.max_body_size is not None
            or self.exception_handlers != self._first_handlers
            or self._native_telemetry.enabled()
        )
        if not self._is_short:
            return super().build_middleware_stack()
        inner = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), self.exception_handlers)
        app: ASGIApp = Direct(inner, self._tree)
        for layer, args, kwargs in reversed(self.user_middleware):
            app = layer(app, *args, **kwargs)
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or live through a lifespan."""
        if self._is_short and scope["type"] == "http" and not self.root_path:
            scope["app"] = self
            assert self.middleware_stack is not None  # noqa: S101 (`_is_short` is said when it is built)
            await self.middleware_stack(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class Constant(Route):
    """A route that always answers the same: a response is an application, too."""

    def takes(self, scope: Scope) -> bool:
        """Whether `scope` asks for it; then `call` it."""
        return scope["method"] in (self.methods or ()) and get_route_path(scope) == self.path

    def call(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer."""
        return self.app(scope, receive, send)


class Direct:
    """The innermost layer: it calls the operation that is asked for, and leaves the rest to FastAPI."""

    def __init__(self, app: ASGIApp, tree: RouteTree) -> None:
        """Leave to `app` what `tree` does not know to be an operation."""
        self._app = app
        self._tree = tree

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a request."""
        if scope["type"] == "http":
            route = self._tree.first(scope)
            if isinstance(route, ContractRoute | Constant) and route.takes(scope):
                return route.call(scope, receive, send)
        return self._app(scope, receive, send)
