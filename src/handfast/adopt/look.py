"""An imported application → what it shows of itself."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.security.base import SecurityBase

from handfast.adopt.sight import Code, Document, Route, Sight
from handfast.runtime.handwritten import HandWritten, handwritten

_FRAMEWORK = ("fastapi.applications",)


def look(app: FastAPI, target: str, *, factory: bool, root: Path) -> Sight:
    """Return the routes and documents of `app`; raises whatever deriving a document raises."""
    found = handwritten(app)
    applications = {("", id(app)): app}  # one that is mounted twice has two documents
    for one in found:
        if one.application is not None:
            applications.setdefault((one.prefix, id(one.application)), one.application)
    documents = {key: number for number, key in enumerate(applications)}
    mounted = {one.position: one.application for one in found if one.kind == "mount"}
    routes = tuple(
        Route(
            kind=one.kind,
            path=one.path,
            methods=tuple(sorted(one.methods)),
            position=one.position,
            code=None if one.endpoint is None else code_of(one.endpoint, root),
            document=documents[one.prefix, id(one.application)] if one.described else None,
            slashes=one.slashes,
            dependencies=tuple(dict.fromkeys(code_of(call, root) for call in _dependencies(one))),
            middleware=tuple(
                code_of(layer.kwargs.get("dispatch", layer.cls), root)
                for position in one.mounts
                if (inner := mounted.get(position)) is not None
                for layer in inner.user_middleware
            ),
            framework=getattr(one.endpoint, "__module__", "") in _FRAMEWORK,
        )
        for one in found
        if not one.listed
    )
    derived = tuple(
        Document(prefix, jsonable_encoder(one.openapi())) for (prefix, _), one in applications.items()
    )
    return Sight(target, factory, routes, derived)


def _dependencies(route: HandWritten) -> Iterator[Any]:
    for one in getattr(route.dependant, "dependencies", ()):
        # FastAPI's own are in the contract: schemes as `security`, the form of OAuth 2 as a body.
        own = str(getattr(one.call, "__module__", "")).startswith("fastapi.")
        if one.call is not None and not isinstance(one.call, SecurityBase) and not own:
            yield one.call


def code_of(endpoint: Any, root: Path) -> Code:
    """Return where a function, or the class of a callable object, is defined; relative to `root`."""
    while isinstance(endpoint, partial):
        endpoint = endpoint.func
    endpoint = inspect.unwrap(endpoint)
    if inspect.ismethod(endpoint):
        endpoint = endpoint.__func__
    if not inspect.isroutine(endpoint) and not inspect.isclass(endpoint):
        endpoint = type(endpoint)
    name = _name(endpoint)
    try:
        file = Path(inspect.getsourcefile(endpoint) or "").resolve()
        line = inspect.getsourcelines(endpoint)[1]
    except (OSError, TypeError):
        return Code(name, "", 1)
    shown = file.relative_to(root) if file.is_relative_to(root) else file
    return Code(name, shown.as_posix(), _definitions(file).get(line, line))


def _name(one: Any) -> str:
    return str(getattr(one, "__qualname__", one))


@lru_cache(maxsize=256)
def _definitions(file: Path) -> dict[int, int]:
    """First decorator's line → the line of the definition below it."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    return {
        node.decorator_list[0].lineno: node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.decorator_list
    }
