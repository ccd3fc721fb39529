"""The routes of an application that was written by hand: flat, with whole paths, in the order of matching."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, TypeAlias

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.convertors import PathConvertor
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute, compile_path

from handfast.runtime.routing import shape

Kind: TypeAlias = Literal["operation", "route", "websocket", "mount", "unknown"]
"""`operation`: FastAPI describes it; `route`: Starlette's; `unknown`: a kind that cannot be looked into."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HandWritten:
    """One route, or a mount: it takes whatever is below its path."""

    kind: Kind
    path: str
    """The whole path, prefixes of routers and mounts included; parameters without their convertors."""
    shape: str
    """The path without the names of its parameters."""
    pattern: re.Pattern[str]
    """What it matches of a request's path."""
    position: int
    """Smaller ones are asked earlier."""
    mounts: tuple[int, ...]
    """Positions of the mounts around it, the outermost first."""
    slashes: tuple[str, ...] = ()
    """Names of parameters that take slashes."""
    methods: frozenset[str] = frozenset()
    """Upper-case; empty where the method does not matter."""
    endpoint: Callable[..., Any] | None = None
    described: bool = False
    """Whether it is in the document that its application derives."""
    application: FastAPI | None = None
    """The innermost application that has it; of a mount, the mounted one."""
    prefix: str = ""
    """Where that application is mounted."""
    dependant: Any = None
    """What FastAPI calls before the function of an operation."""
    listed: bool = False
    """Whether the routes of a mount follow it."""

    def takes(self, method: str, path: str) -> bool:
        """Whether it would be handed a request that nothing before it takes."""
        return (not self.methods or method in self.methods) and self.pattern.match(path) is not None


def handwritten(app: FastAPI) -> tuple[HandWritten, ...]:
    """Return every route of `app` and of the applications mounted in it, in the order in which they match.

    Routes that FastAPI adds itself (its document and its pages) are among them, as kind `route`.
    """
    return tuple(_walk(app.router.routes, app, "", (), count()))


def _walk(
    routes: Iterable[BaseRoute],
    app: FastAPI | None,
    prefix: str,
    mounts: tuple[int, ...],
    positions: Iterator[int],
) -> Iterator[HandWritten]:
    for context in iter_route_contexts(list(routes)):
        original, position = context.original_route, next(positions)
        kind = _kind(original)
        # A route inside a router answers for the whole path through its context.
        path = prefix + (getattr(context, "path", None) or "")
        below = kind == "mount"
        pattern, template, convertors = compile_path(f"{path}/{{path:path}}" if below else path)
        inner = getattr(context, "routes", None) or () if below else ()
        mounted = getattr(context, "app", None) if below else app
        application = mounted if isinstance(mounted, FastAPI) else None
        yield HandWritten(
            kind=kind,
            path=template,
            shape=shape(template),
            pattern=pattern,
            position=position,
            mounts=mounts,
            slashes=tuple(name for name, one in convertors.items() if isinstance(one, PathConvertor)),
            methods=frozenset(getattr(context, "methods", None) or ()),
            endpoint=None if below else getattr(context, "endpoint", None),
            described=kind == "operation" and app is not None and bool(context.include_in_schema),
            application=application,
            prefix=path if below else prefix,
            dependant=getattr(context, "dependant", None),
            listed=bool(inner),
        )
        yield from _walk(inner, application, path, (*mounts, position), positions)


def _kind(route: BaseRoute) -> Kind:
    match route:
        case APIRoute():
            return "operation"
        case Route():
            return "route"
        case WebSocketRoute():
            return "websocket"
        case Mount():
            return "mount"
        case _:
            return "unknown"


def counterparts(method: str, paths: Iterable[str], routes: Sequence[HandWritten]) -> tuple[HandWritten, ...]:
    """Return the routes that have `method` and one of the templates `paths`, in the order of matching.

    The names of parameters do not matter. The first route is the one that is reached.
    """
    shapes = {shape(path) for path in paths}
    return tuple(
        route
        for route in routes
        if route.kind in ("operation", "route") and method in route.methods and route.shape in shapes
    )


def may_meet(one: str, other: str) -> bool:
    """Whether some path may fit both templates; in doubt yes, since a parameter may hold slashes."""
    left, right = one.split("/"), other.split("/")
    templated = False
    for a, b in zip(left, right, strict=False):
        templated = templated or "{" in a or "{" in b
        if a != b and not ("{" in a or "{" in b):
            return templated and len(left) != len(right)
    return templated or len(left) == len(right)
