"""Which requests an adopted application hands to what has moved, and which stay where they were."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Host, Mount, NoMatchFound
from starlette.types import Receive, Scope, Send

from generated.task_management.models import Task
from generated.task_management.routes import build_router
from handfast.runtime import ConfigError, Context, ContractRouter, NotFound, Settings, adopt
from handfast.runtime.adopteddocument import MovedOperation, with_moved
from handfast.runtime.adoption import Moved, places
from handfast.runtime.basepaths import Bases
from handfast.runtime.contract import OperationSpec
from handfast.runtime.handwritten import counterparts, handwritten, may_meet


def spec(method: str, path: str) -> OperationSpec:
    """An operation of a contract, as much of it as routing needs."""
    return OperationSpec(
        name="f",
        operation_id="f",
        method=method,
        path=path,
        route=path,
        source="api.yaml:1:1",
        status=200,
        security=(),
        parameters=(),
        body=None,
        responses={},
        platform={},
    )


def service() -> FastAPI:
    """What stands for the operations that have moved: says what it was asked for."""
    app = FastAPI(openapi_url=None)

    async def answer(request: Request) -> Response:
        return JSONResponse(["moved", request.scope["root_path"], request.scope["path"]])

    app.add_route("/{path:path}", answer, methods=["GET", "POST", "PUT", "DELETE"])
    return app


def by_hand(app: FastAPI | APIRouter, *paths: str, method: str = "GET") -> None:
    """Add routes that answer with their own templates."""
    for path in paths:

        async def ask(template: str = re.sub(r"[{}]", "", path)) -> list[str]:
            return ["by hand", template]

        app.add_api_route(path, ask, methods=[method])


def adopted(app: FastAPI, *moved: OperationSpec, bases: Bases | None = None) -> FastAPI:
    routes = handwritten(app)
    served = places(moved, moved, bases or Bases(frozenset(), {}), routes)
    app.router.routes.insert(0, Moved(service(), served, routes))
    return app


async def ask(app: FastAPI, path: str, method: str = "GET", **scope: Any) -> Any:
    transport = httpx.ASGITransport(app=app, **scope)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        response = await client.request(method, path)
        return response.json() if response.status_code == 200 else response.status_code


async def test_a_literal_path_that_was_asked_earlier_keeps_its_requests() -> None:
    app = FastAPI()
    by_hand(app, "/items/featured", "/items/{item}")
    adopted(app, spec("GET", "/items/{id}"))
    assert (await ask(app, "/items/featured"))[0] == "by hand"
    assert (await ask(app, "/items/1"))[0] == "moved"


async def test_a_literal_path_that_was_never_reached_is_not_reached_now() -> None:
    app = FastAPI()
    by_hand(app, "/items/{item}", "/items/featured")
    assert (await ask(app, "/items/featured"))[1] == "/items/item"
    adopted(app, spec("GET", "/items/{id}"))
    assert (await ask(app, "/items/featured"))[0] == "moved"


async def test_once_the_old_route_is_gone_more_literal_ones_come_first() -> None:
    app = FastAPI()
    by_hand(app, "/{any}/{thing}", "/items/featured")
    adopted(app, spec("GET", "/items/{id}"))
    assert (await ask(app, "/items/featured"))[0] == "by hand"
    assert (await ask(app, "/items/1"))[0] == "moved"
    assert (await ask(app, "/users/1"))[0] == "by hand"


async def test_what_a_convertor_leaves_goes_where_it_went() -> None:
    app = FastAPI()
    by_hand(app, "/items/{item:int}", "/items/{name}")
    adopted(app, spec("GET", "/items/{id}"))
    assert (await ask(app, "/items/1"))[0] == "moved"
    assert (await ask(app, "/items/tea")) == ["by hand", "/items/name"]


async def test_a_mount_that_was_asked_earlier_keeps_all_that_is_below_it() -> None:
    app, inner = FastAPI(), FastAPI()
    by_hand(inner, "/items/{id}")
    app.mount("/v1", inner)
    by_hand(app, "/v1/users")
    adopted(app, spec("GET", "/v1/users"), spec("GET", "/v1/items/{id}"))
    assert await ask(app, "/v1/users") == 404
    assert (await ask(app, "/v1/items/1"))[0] == "moved"
    assert await ask(app, "/v1/else") == 404


async def test_routers_in_routers_and_mounts_in_routers_are_found_with_their_whole_paths() -> None:
    app, outer, inner, mounted = FastAPI(), APIRouter(prefix="/a"), APIRouter(prefix="/b"), FastAPI()
    by_hand(inner, "/{x}/c")
    by_hand(mounted, "/d")
    outer.include_router(inner, prefix="/i")
    app.include_router(outer, prefix="/o")
    app.mount("/m/{tenant}", mounted)
    found = {route.path for route in handwritten(app) if route.kind == "operation"}
    assert found == {"/o/a/i/b/{x}/c", "/m/{tenant}/d"}
    adopted(app, spec("GET", "/o/a/i/b/{y}/c"), spec("GET", "/m/{t}/d"))
    assert await ask(app, "/o/a/i/b/1/c") == ["moved", "", "/o/a/i/b/1/c"]
    assert (await ask(app, "/m/1/d"))[0] == "moved"


async def test_a_contract_below_the_path_of_its_server() -> None:
    app = FastAPI()
    by_hand(app, "/v1/items", "/items")
    adopted(app, spec("GET", "/users"), spec("GET", "/items"), bases=Bases(frozenset({"/v1"}), {}))
    assert await ask(app, "/v1/items") == ["moved", "/v1", "/v1/items"]
    assert (await ask(app, "/items"))[0] == "moved", "the application has it at the root, too"


async def test_where_the_application_is_not_the_contract_is_not_served() -> None:
    app = FastAPI()
    by_hand(app, "/v1/items", "/{page}")
    adopted(app, spec("GET", "/items"), spec("GET", "/new"), bases=Bases(frozenset({"/v1"}), {}))
    assert await ask(app, "/items") == ["by hand", "/page"]
    assert await ask(app, "/v1/new") == ["moved", "/v1", "/v1/new"]
    assert await ask(app, "/new") == ["by hand", "/page"]


async def test_a_root_path_of_the_server_stays_in_front_of_the_base() -> None:
    app = FastAPI()
    by_hand(app, "/v1/items")
    adopted(app, spec("GET", "/items"), bases=Bases(frozenset({"/v1"}), {}))
    assert await ask(app, "/proxy/v1/items", root_path="/proxy") == ["moved", "/proxy/v1", "/proxy/v1/items"]


async def test_other_methods_of_a_path_are_told_together() -> None:
    app = FastAPI()
    by_hand(app, "/items", method="POST")
    adopted(app, spec("GET", "/items"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop") as client:
        refused = await client.put("/items")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    assert (await ask(app, "/items", "POST"))[0] == "by hand"


async def test_names_of_functions_lead_where_they_led() -> None:
    app = FastAPI()
    by_hand(app, "/items/{item}")
    (name,) = [
        route.endpoint.__name__ for route in handwritten(app) if route.kind == "operation" and route.endpoint
    ]
    adopted(app, spec("GET", "/items/{item}"))
    assert app.url_path_for(name, item="1") == "/items/1"
    with pytest.raises(NoMatchFound):
        app.url_path_for("nobody")


async def test_an_encoded_slash_divides_no_segment() -> None:
    app = FastAPI()
    by_hand(app, "/items/{item}")
    adopted(app, spec("GET", "/items/{item}"))
    assert (await ask(app, "/items/a%2Fb"))[0] == "moved"


def test_kinds_of_routes() -> None:
    app = FastAPI()

    async def plain(scope: Scope, receive: Receive, send: Send) -> None: ...

    async def socket(websocket: Any) -> None: ...

    app.add_api_websocket_route("/ws", socket)
    app.mount("/static", plain)
    app.router.routes += [Host("other", plain), Mount("/group", routes=[Mount("/inner", plain)])]
    shown = [(route.kind, route.path, route.listed) for route in handwritten(app)][4:]
    assert shown == [
        ("websocket", "/ws", False),
        ("mount", "/static/{path}", False),
        ("unknown", "", False),
        ("mount", "/group/{path}", True),
        ("mount", "/group/inner/{path}", False),
    ]


def test_counterparts_are_equal_but_for_the_names_of_parameters() -> None:
    app = FastAPI()
    by_hand(app, "/a/{x}", "/a/{y}", "/a/{x}/b", "/a/b")
    found = counterparts("GET", ["/a/{z}"], handwritten(app))
    assert [route.path for route in found] == ["/a/{x}", "/a/{y}"]
    assert not counterparts("POST", ["/a/{z}"], handwritten(app))


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("/a/b", "/a/b", True),
        ("/a/b", "/a/c", False),
        ("/a/{x}", "/a/b", True),
        ("/a/{x}/c", "/a/b/d", False),
        ("/a/{x}", "/a/b/c", True),  # a parameter may be a path
        ("/{x}/c", "/a/b/c", True),
        ("/a", "/a/b", False),
        ("/static/{path}", "/a/b", False),
    ],
)
def test_templates_that_may_meet(one: str, other: str, meet: bool) -> None:
    assert may_meet(one, other) is may_meet(other, one) is meet


def document(**more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, **more}


def reply(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}


def test_a_moved_operation_is_described_by_its_contract() -> None:
    own = document(
        paths={"/items/{item}": {"get": {"summary": "old", "responses": {}}, "put": {"responses": {}}}},
        components={"schemas": {"Item": {"type": "object"}, "Same": {"type": "string"}}},
    )
    published = document(
        security=[{"key": []}],
        paths={
            "/items/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "get": {"summary": "new", "responses": reply({"$ref": "#/components/schemas/Item"})},
            }
        },
        components={
            "schemas": {
                "Item": {
                    "properties": {
                        "self": {"$ref": "#/components/schemas/Item"},
                        "same": {"$ref": "#/components/schemas/Same"},
                        "other": {"$ref": "#/components/schemas/Other"},
                        "mapping": {"type": "string"},
                        "security": {"type": "string"},
                    }
                },
                "Same": {"type": "string"},
                "Other": {
                    "oneOf": [],
                    "discriminator": {"propertyName": "k", "mapping": {"i": "#/components/schemas/Item"}},
                },
                "Unused": {},
            },
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        },
    )
    made = with_moved(own, published, [MovedOperation("GET", "/items/{id}", "/items/{id}")])
    (path, item), *rest = made["paths"].items()
    assert (path, rest, set(item)) == ("/items/{item}", [], {"get", "put"})
    assert item["get"]["summary"] == "new"
    assert item["get"]["security"] == [{"key": []}]
    assert item["get"]["parameters"][0]["name"] == "item"
    assert item["get"]["responses"] == reply({"$ref": "#/components/schemas/Item.contract"})
    schemas = made["components"]["schemas"]
    assert set(schemas) == {"Item", "Same", "Item.contract", "Other"}
    assert schemas["Item.contract"]["properties"]["self"] == {"$ref": "#/components/schemas/Item.contract"}
    assert schemas["Other"]["discriminator"]["mapping"] == {"i": "#/components/schemas/Item.contract"}
    assert made["components"]["securitySchemes"] == published["components"]["securitySchemes"]
    assert own["paths"]["/items/{item}"]["get"]["summary"] == "old", "the original is left alone"


def test_documents_of_two_versions_stay_apart() -> None:
    own = document(paths={})
    published = {**document(paths={"/a": {"get": {"responses": {}}}}), "openapi": "3.0.3"}
    assert with_moved(own, published, [MovedOperation("GET", "/a", "/a")]) == own


ROOT = Path(__file__).parents[3]
PRODUCTION = Settings.model_validate(
    {"env": "production", "better_auth_secret": "only-for-tests-" + "0" * 32}
)


async def get_task(ctx: Context, task_id: UUID) -> Task:
    """A handler that is written."""
    raise NotFound


def unread() -> Settings:
    raise AssertionError("nothing has moved, so nothing needs settings")


def tasks(**handlers: Any) -> ContractRouter:
    """The router of the reference service, bound to `handlers` and to nothing else."""
    return build_router(SimpleNamespace(**handlers))


def test_without_a_handler_the_application_is_left_alone() -> None:
    app = FastAPI()
    before = [*app.router.routes], app.router.lifespan_context, app.openapi
    assert adopt(app, settings=unread, root=ROOT, routers=[tasks()]) is app
    assert (app.router.routes, app.router.lifespan_context, app.openapi) == before


def test_what_is_not_written_stops_nothing_in_production() -> None:
    app = FastAPI()
    assert adopt(app, settings=lambda: PRODUCTION, root=ROOT, routers=[tasks(get_task=get_task)]) is app
    assert [entry for entry in app.openapi()["paths"].items() if "/api/tasks" in entry[0]] == [
        ("/api/tasks/{task_id}", {"get": ANY})
    ]
    assert set(app.openapi()["components"]["securitySchemes"]) == {"bearerAuth"}


def test_what_is_written_wrongly_does_stop_production() -> None:
    async def wrong(ctx: Context) -> Task:
        raise NotFound

    with pytest.raises(ConfigError, match=r"`get_task` takes \(ctx\) instead of \(ctx, task_id\)") as raised:
        adopt(FastAPI(), settings=lambda: PRODUCTION, root=ROOT, routers=[tasks(get_task=wrong)])
    assert len(raised.value.faults) == 1


def test_an_application_is_adopted_once() -> None:
    app = FastAPI()
    adopt(app, settings=lambda: PRODUCTION, root=ROOT, routers=[tasks(get_task=get_task)])
    with pytest.raises(ConfigError, match="adopted already"):
        adopt(app, settings=lambda: PRODUCTION, root=ROOT, routers=[tasks(get_task=get_task)])


async def test_both_lifespans_run_and_the_state_is_the_application_s_own() -> None:
    told = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        told.append("start")
        yield {"own": "state"}
        told.append("stop")

    app = FastAPI(lifespan=lifespan)
    adopt(app, settings=lambda: PRODUCTION, root=ROOT, routers=[tasks(get_task=get_task)])
    async with app.router.lifespan_context(app) as state:
        assert (told, state) == (["start"], {"own": "state"})
    assert told == ["start", "stop"]
    assert await ask(app, "/api/tasks/1") == 401
    assert await ask(app, "/api/tasks") == 404


def test_the_log_of_the_application_stays_as_it_is() -> None:
    root = logging.getLogger()
    before = root.level, [*root.handlers]
    adopt(FastAPI(), settings=lambda: PRODUCTION, root=ROOT, routers=[tasks(get_task=get_task)])
    assert (root.level, root.handlers) == before
