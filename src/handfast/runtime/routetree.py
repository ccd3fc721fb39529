"""Which routes can match a path, found by its segments instead of by asking every route.

The router of the application still decides: it is asked with the few routes that the tree leaves, in their
order, so that what matches, what is answered 404 or 405 and what a mount sees is Starlette's and FastAPI's.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from fastapi.routing import APIRoute, APIRouter
from starlette._utils import get_route_path
from starlette.convertors import FloatConvertor, IntegerConvertor, StringConvertor, UUIDConvertor
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

_WITHIN_SEGMENT: Final = frozenset((StringConvertor, IntegerConvertor, FloatConvertor, UUIDConvertor))
"""Convertors that match no slash; a parameter of another one may span segments."""


class RouteTree:
    """Stands in for the search of `router`; `plain` are `matches` that follow the path template alone.

    Routes that match in a way of their own (mounts, included routers, hosts) are asked for each path. Routes
    may come and go at any time.
    """

    def __init__(self, router: APIRouter, plain: Iterable[object] = ()) -> None:
        """Know nothing yet."""
        self._router = router
        self._plain = frozenset((Route.matches, APIRoute.matches, *plain))
        self._routes: list[BaseRoute] = []
        self._root = _Node()
        self._methods: frozenset[str] = frozenset()
        self._known: dict[tuple[str | int, ...], _Narrowed] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the router choose among the routes that can match."""
        if scope["type"] == "http":
            scope.setdefault("router", self._router)
            narrowed = self._narrowed(scope)
            router = self._router if narrowed is None else narrowed.router
            await router.app(scope, receive, send)
        else:
            await self._router.app(scope, receive, send)

    def first(self, scope: Scope) -> BaseRoute | None:
        """The route that is asked first, where all that can match follow their template."""
        narrowed = self._narrowed(scope)
        return None if narrowed is None else narrowed.first

    def _narrowed(self, scope: Scope) -> _Narrowed | None:
        """What is left of the router for a request; None where it has to look for itself."""
        router = self._router
        path = get_route_path(scope)
        # A router that redirects looks at other paths, and `$` in a pattern overlooks a last newline.
        if router.redirect_slashes or path[-1:] == "\n":
            return None
        if self._routes != router.routes:
            self._build()
        method = scope["method"]
        positions = self._root.find(path.split("/"))
        known = method if method in self._methods else ""  # callers may invent methods
        key = (known, *positions)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._narrow([self._routes[one] for one in sorted(positions)], known)
        return found

    def _narrow(self, routes: list[BaseRoute], method: str) -> _Narrowed:
        router = copy.copy(self._router)
        router.routes = self._ordered(routes, method)
        all_plain = all(self._is_plain(route) for route in routes)
        return _Narrowed(router, router.routes[0] if routes and all_plain else None)

    def _ordered(self, routes: list[BaseRoute], method: str) -> list[BaseRoute]:
        """Ask routes of the method first, then those that only know the path.

        That changes nothing where all follow their template: of matches in part, the first one still counts.
        """
        if method and all(self._is_plain(route) for route in routes):
            return sorted(routes, key=lambda route: _leaves(route, method))
        return routes

    def _is_plain(self, route: BaseRoute) -> bool:
        return type(route).matches in self._plain

    def _build(self) -> None:
        self._routes = list(self._router.routes)
        self._root = _Node()
        self._known = {}
        self._methods = frozenset().union(*(getattr(one, "methods", None) or () for one in self._routes))
        for position, route in enumerate(self._routes):
            node = self._root
            for segment in _segments(route) if self._is_plain(route) else _ANYTHING:
                if segment is None:
                    node.below.append(position)
                    break
                node = node.child(segment)
            else:
                node.here.append(position)


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """The router with only those routes that can match."""

    router: APIRouter
    first: BaseRoute | None


@dataclass(slots=True)
class _Node:
    """What the segments so far lead to: positions in the list of routes."""

    here: list[int] = field(default_factory=list)
    """Routes that end with the segment."""
    below: list[int] = field(default_factory=list)
    """Routes that may go on in any way."""
    literal: dict[str, _Node] = field(default_factory=dict)
    templated: _Node | None = None

    def child(self, segment: str) -> _Node:
        """The node behind `segment` of a template; made where there is none."""
        if "{" not in segment:
            return self.literal.setdefault(segment, _Node())
        if self.templated is None:
            self.templated = _Node()
        return self.templated

    def find(self, segments: Sequence[str]) -> list[int]:
        """The routes that may match a path of `segments`, in no order."""
        found = [*self.below]
        nodes = [self]
        for segment in segments:
            following = []
            for node in nodes:
                literal, templated = node.literal.get(segment), node.templated
                if literal is not None:
                    following.append(literal)
                    found += literal.below
                if templated is not None:
                    following.append(templated)
                    found += templated.below
            nodes = following
        for node in nodes:
            found += node.here
        return found


_ANYTHING: Final = (None,)


def _leaves(route: BaseRoute, method: str) -> bool:
    """Whether a plain route leaves requests of a method to others of its path, and is itself no match."""
    own: Collection[str] = getattr(route, "methods", None) or ()
    return bool(own) and method not in own and method in getattr(route, "declared", (method,))


def _segments(route: BaseRoute) -> Iterable[str | None]:
    """The segments of a route's template, None for all from one on that a parameter may span."""
    assert isinstance(route, Route)  # noqa: S101 (only routes have these `matches`)
    spans = any(type(convertor) not in _WITHIN_SEGMENT for convertor in route.param_convertors.values())
    for segment in route.path.split("/"):
        if spans and "{" in segment:
            yield None
            return
        yield segment
