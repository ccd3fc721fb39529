"""Which operation answers a path and a method."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response

from handfast.runtime import (
    Inputs,
    PublicContext,
    create_app,
)
from tests.unit.runtime.small import (
    SCHEMAS,
    body,
    client,
    contract,
    echo,
    media,
    operation,
    parameter,
    router,
    service,
    settings,
)

PETS = {
    "find": operation("GET", "/pets/findByStatus"),
    "get": operation("GET", "/pets/{id}", parameters=[parameter("id", "path")]),
    "delete": operation("DELETE", "/pets/{id}", parameters=[parameter("id", "path")]),
    "root": operation("GET", "/pets"),
}


async def named(ctx: PublicContext, inputs: Inputs) -> object:
    return ctx.operation_id


async def check_routing(app: FastAPI) -> None:
    async with client(app) as http:
        assert (await http.get("/pets/findByStatus")).json() == "get_pets_findByStatus"
        assert (await http.get("/pets/5")).json() == "get_pets_{id}"
        for method in ("DELETE", "PUT", "TRACE", "OPTIONS", "QUERY"):
            answer = await http.request(method, "/pets/findByStatus")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET"), method
        answer = await http.put("/pets/5")
        assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")
        assert (await http.get("/pets/")).status_code == 404
        assert (await http.get("/pets/5/x")).status_code == 404


async def test_the_most_literal_path_answers_for_every_method(tmp_path: Path) -> None:
    app = service(tmp_path, dict(reversed(PETS.items())), dict.fromkeys(PETS, named), schemas=SCHEMAS)
    await check_routing(app)


async def test_the_same_after_include_router(tmp_path: Path) -> None:
    made = router(tmp_path / "generated" / "small", contract(PETS, SCHEMAS), dict.fromkeys(PETS, named))
    app = create_app(settings(), root=tmp_path, routers=[made])
    between = APIRouter()
    between.include_router(made)
    app.router.routes.clear()
    app.include_router(between)
    await check_routing(app)


async def test_dependencies_of_an_inclusion_and_their_overrides_count(tmp_path: Path) -> None:
    made = router(tmp_path / "generated" / "small", contract(PETS, SCHEMAS), dict.fromkeys(PETS, named))
    app = create_app(settings(), root=tmp_path, routers=[made])
    app.router.routes.clear()
    asked: list[str] = []

    def dependency() -> None:
        asked.append("dependency")

    app.include_router(made, dependencies=[Depends(dependency)])
    async with client(app) as http:
        assert (await http.get("/pets/5")).json() == "get_pets_{id}"
        app.dependency_overrides[dependency] = lambda: asked.append("override")
        assert (await http.get("/pets/5")).json() == "get_pets_{id}"
    assert asked == ["dependency", "override"]


async def test_a_dependency_may_read_the_body_before(tmp_path: Path) -> None:
    async def given(ctx: PublicContext, inputs: Inputs) -> object:
        return inputs.model_dump()["body"]

    post = operation("POST", body=body(media("Thing")))
    made = router(tmp_path / "generated" / "small", contract({"post": post}, SCHEMAS), {"post": given})
    app = create_app(settings(), root=tmp_path, routers=[made])
    app.router.routes.clear()
    seen: list[bytes] = []

    async def dependency(request: Request) -> None:
        seen.append(await request.body())

    app.include_router(made, dependencies=[Depends(dependency)])
    async with client(app) as http:
        assert (await http.post("/things", json={"a": "x"})).json() == {"a": "x"}
        assert (await http.post("/things", json={"a": 1})).status_code == 422
    assert seen == [b'{"a":"x"}', b'{"a":1}']


async def test_an_endpoint_by_hand_is_called_by_fastapi(tmp_path: Path) -> None:
    made = router(tmp_path / "generated" / "small", contract(PETS, SCHEMAS), dict.fromkeys(PETS, named))

    @made.get("/hand/{number}")
    async def by_hand(number: int) -> dict[str, int]:
        return {"number": number}

    @made.get("/plain")
    async def plain(request: Request) -> dict[str, str]:
        return {"path": request.url.path}

    app = create_app(settings(), root=tmp_path, routers=[made])
    async with client(app) as http:
        assert (await http.get("/hand/5")).json() == {"number": 5}
        assert (await http.get("/plain")).json() == {"path": "/plain"}


async def test_a_handler_of_an_exception_counts_for_operations(tmp_path: Path) -> None:
    class OutOfStockError(Exception):
        pass

    async def fail(ctx: PublicContext, inputs: Inputs) -> object:
        raise OutOfStockError

    async def tell(request: Request, error: Exception) -> Response:
        return Response("none left", 418)

    app = service(tmp_path, {"root": PETS["root"]}, {"root": fail}, schemas=SCHEMAS)
    app.add_exception_handler(OutOfStockError, tell)
    async with client(app) as http:
        answer = await http.get("/pets")
    assert (answer.status_code, answer.text) == (418, "none left")


async def test_a_deleted_route_is_not_found(tmp_path: Path) -> None:
    made = router(tmp_path / "generated" / "small", contract(PETS, SCHEMAS), dict.fromkeys(PETS, named))
    made.routes[:] = [
        route for route in made.routes if getattr(route, "operation_id", "") != "delete_pets_{id}"
    ]
    app = create_app(settings(), root=tmp_path, routers=[made])
    async with client(app) as http:
        assert (await http.delete("/pets/5")).status_code == 404
        assert (await http.get("/pets/5")).status_code == 200
        assert (await http.put("/pets/5")).headers["allow"] == "DELETE, GET"


async def test_two_features_share_a_path_and_the_order_of_literals(tmp_path: Path) -> None:
    one = {name: PETS[name] for name in ("get", "delete")}
    two = {
        "find": PETS["find"],
        "put": operation("PUT", "/pets/{pet}", parameters=[parameter("pet", "path", schema="Id")]),
    }
    routers = [
        router(tmp_path / "generated" / "one", contract(one, SCHEMAS), dict.fromkeys(one, named)),
        router(tmp_path / "generated" / "two", contract(two, SCHEMAS), dict.fromkeys(two, named)),
    ]
    app = create_app(settings(), root=tmp_path, routers=routers)
    async with client(app) as http:
        assert (await http.get("/pets/findByStatus")).json() == "get_pets_findByStatus"
        assert (await http.put("/pets/5")).json() == "put_pets_{pet}"
        assert (await http.post("/pets/5")).headers["allow"] == "DELETE, GET, PUT"


async def test_an_operation_outside_an_application_says_what_to_do(tmp_path: Path) -> None:
    made = router(tmp_path, contract({"get": operation()}), {"get": echo})
    with pytest.raises(RuntimeError, match=r"create_app\(routers"):
        _ = made.operations["get"].plan
