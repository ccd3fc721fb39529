"""A way to write a tiny feature inside a test: contract entries in, a running application out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI, Request, Response
from pydantic import SecretStr, create_model

from handfast.runtime import Conflict, Context, ContractRouter, Inputs, PublicContext, Settings, create_app
from handfast.runtime.database.audit import Origin
from handfast.testing import client_of, make_token

SECRET = "only-for-tests-0123456789-abcdefghijklmnop"
BEARER = {"bearerAuth": {"type": "http", "scheme": "bearer"}}
SECURE: list[dict[str, list[str]]] = [{"bearerAuth": []}]
THING = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
SCHEMAS = {
    "Id": {"type": "string"},
    "Limit": {"type": "integer", "minimum": 1},
    "Thing": THING,
    "Name": {"type": "string"},
}

Handler = Callable[..., Awaitable[object]]


def parameter(name: str, where: str = "query", **entry: Any) -> dict[str, Any]:
    """A parameter as contract.json holds it; schema "<Name>" unless another is named."""
    defaults = {"path": ("simple", False), "query": ("form", True), "header": ("simple", False)}
    style, explode = defaults.get(where, ("form", True))
    return {
        "name": name,
        "wire": name,
        "in": where,
        "required": where == "path",
        "style": style,
        "explode": explode,
        "content": None,
        "schema": name.capitalize(),
    } | entry


def media(schema: str | None = None, type: str = "application/json", kind: str = "json") -> dict[str, Any]:
    """A media type as contract.json holds it."""
    return {"type": type, "kind": kind, "schema": schema, "encoding": {}}


def body(*of: dict[str, Any], required: bool = True) -> dict[str, Any]:
    """A request body as contract.json holds it."""
    return {"required": required, "media": list(of)}


def response(*of: dict[str, Any], headers: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A response as contract.json holds it."""
    return {"media": list(of), "headers": headers or []}


def operation(method: str = "GET", path: str = "/things", **entry: Any) -> dict[str, Any]:
    """An operation as contract.json holds it: public, 200 with any JSON, unless said otherwise."""
    return {
        "operationId": entry.pop("operationId", f"{method.lower()}{path.replace('/', '_')}"),
        "method": method,
        "path": path,
        "route": path,
        "source": "specs/001-small/contracts/api.yaml:1:1",
        "status": 200,
        "security": [],
        "deprecated": False,
        "parameters": [],
        "body": None,
        "responses": {"200": response(media())},
    } | entry


def contract(
    operations: Mapping[str, Any],
    schemas: Mapping[str, Any] | None = None,
    schemes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A whole contract.json."""
    return {
        "feature": "small",
        "file": "specs/001-small/contracts/api.yaml",
        "title": "Small",
        "version": "1",
        "schemas": dict(schemas or {}),
        "securitySchemes": dict(schemes or BEARER),
        "operations": dict(operations),
    }


def router(
    folder: Path,
    document: Mapping[str, Any],
    handlers: Mapping[str, Handler],
    *,
    body_type: Any = Any,
    types: Mapping[str, Any] | None = None,
) -> ContractRouter:
    """A router whose operations call `handlers` with the context and the inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "contract.json").write_text(json.dumps(document))
    handler = SimpleNamespace(**handlers)
    protocol = type("Protocol", (), {})
    made = ContractRouter(str(folder / "routes.py"), handler, protocol)
    for name, entry in document["operations"].items():
        fields: dict[str, Any] = {
            one["name"]: ((types or {}).get(one["name"], Any), ...) for one in entry["parameters"]
        }
        if entry["body"] is not None:
            fields["body"] = (body_type, ...)
        inputs = create_model(f"{name}Inputs", __base__=Inputs, **fields)
        secure = entry["security"] and {} not in entry["security"]
        _add(made, name, entry, handler, Context if secure else PublicContext, inputs)
    return made


def _add(
    made: ContractRouter,
    name: str,
    entry: Mapping[str, Any],
    handler: SimpleNamespace,
    context: type[PublicContext],
    inputs: type[Inputs],
) -> None:
    bound = made.operation(name, context, inputs)

    async def endpoint(request: Request) -> Response:
        async with bound(request) as call:
            return call.answer(await getattr(handler, name)(call.ctx, call.inputs))

    made.api_route(
        entry["route"],
        methods=[entry["method"]],
        operation_id=entry["operationId"],
        status_code=entry["status"],
    )(endpoint)


def settings(**values: Any) -> Settings:
    """Settings for tests, whatever the environment holds."""
    given = {"env": "test", "better_auth_secret": SecretStr(SECRET), "database_url": None} | values
    return Settings.model_validate(given)


def service(
    folder: Path,
    operations: Mapping[str, Any],
    handlers: Mapping[str, Handler],
    *,
    schemas: Mapping[str, Any] | None = None,
    schemes: Mapping[str, Any] | None = None,
    authenticators: Mapping[str, Any] | None = None,
    body_type: Any = Any,
    types: Mapping[str, Any] | None = None,
    **values: Any,
) -> FastAPI:
    """An application with one small feature."""
    document = contract(operations, schemas, schemes)
    made = router(folder / "generated" / "small", document, handlers, body_type=body_type, types=types)
    published = folder / "generated" / "openapi.json"
    published.write_text('{"openapi": "3.1.0", "info": {"title": "Small", "version": "1"}, "paths": {}}')
    return create_app(settings(**values), root=folder, routers=[made], authenticators=authenticators)


def client(app: FastAPI, user: str | None = None) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A client of `app`, as `user` if given."""
    return client_of(app, token=None if user is None else make_token(user, secret=SECRET))


async def echo(ctx: PublicContext, inputs: Inputs) -> object:
    """Answer with the decoded inputs."""
    return inputs.model_dump(mode="python")


def scope(path: str, headers: list[tuple[bytes, bytes]] | None = None, method: str = "GET") -> dict[str, Any]:
    """What a server hands an application for a request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *(headers or [])],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


class Unit:
    """Notes how it was ended."""

    def __init__(self, owner: UUID | None, refuses: bool = False) -> None:
        self.owner = owner
        self.ended: list[str] = []
        self.db = "the database"
        self.statements, self.seconds = 3, 0.5
        self.refuses = refuses

    def settle(self) -> bool:
        return False

    async def commit(self) -> None:
        self.ended.append("commit")
        if self.refuses:
            raise Conflict("at commit")

    async def rollback(self) -> None:
        self.ended.append("rollback")


class Pool:
    """Hands out `Unit`s."""

    def __init__(self, refuses: bool = False) -> None:
        self.units: list[Unit] = []
        self.refuses = refuses

    def unit(self, owner: UUID | None, origin: Origin) -> Unit:
        assert origin.operation
        assert origin.correlation_id
        self.units.append(Unit(owner, self.refuses))
        return self.units[-1]
