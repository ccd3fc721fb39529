"""How a mock takes requests: methods, credentials, checks, preferences, and what was deleted."""

from __future__ import annotations

from base64 import b64encode

import pytest

from handfast.codegen.ir import Json
from tests.mock.kit import client_of, document, ok

ID: Json = [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]
NONE: dict[str, Json] = {"404": {"description": "None."}}
PETS: Json = {
    "/pets/{id}": {
        "parameters": ID,
        "get": {"operationId": "readPet", "responses": {**ok({"const": 1}), **NONE}},
        "put": {"operationId": "putPet", "responses": ok(True)},
        "delete": {"operationId": "endPet", "responses": {"204": {"description": "Gone."}}},
    },
    "/pets/{id}/toys": {
        "parameters": ID,
        "get": {
            "operationId": "readToys",
            "responses": {**ok({"const": []}), "404": {"description": "None."}},
        },
    },
    "/pets/best": {"get": {"operationId": "bestPet", "responses": ok({"const": "best"})}},
}


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS", "TRACE", "QUERY", "HEAD"])
async def test_an_undeclared_method_is_told_the_declared_ones(method: str) -> None:
    async with client_of(document(PETS)) as client:
        response = await client.request(method, "/pets/1")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET, PUT"


async def test_the_most_literal_path_wins_for_every_method() -> None:
    async with client_of(document(PETS)) as client:
        assert (await client.get("/pets/best")).json() == "best"
        response = await client.delete("/pets/best")
        assert (response.status_code, response.headers["allow"]) == (405, "GET")
        assert (await client.get("/nowhere")).status_code == 404


async def test_what_was_deleted_is_gone_until_it_is_put_again() -> None:
    async with client_of(document(PETS)) as client:
        assert (await client.get("/pets/1")).status_code == 200
        assert (await client.delete("/pets/1")).status_code == 204
        assert (await client.get("/pets/1")).status_code == 404
        assert (await client.get("/pets/1/toys")).status_code == 404
        assert (await client.get("/pets/2")).status_code == 200
        assert (await client.put("/pets/1")).status_code == 200
        assert (await client.get("/pets/1")).status_code == 200


@pytest.mark.parametrize("declared", ["400", "422"])
async def test_violations_have_the_declared_status_and_schema(declared: str) -> None:
    fault: Json = {
        "type": "object",
        "required": ["message"],
        "properties": {"message": {"type": "string"}},
        "additionalProperties": False,
    }
    responses: Json = {
        **ok(True),
        declared: {"description": "Bad.", "content": {"application/json": {"schema": fault}}},
    }
    paths: Json = {
        "/pets/{id}": {"get": {"operationId": "readPet", "parameters": ID, "responses": responses}}
    }
    async with client_of(document(paths)) as client:
        response = await client.get("/pets/one")
    assert response.status_code == int(declared)
    assert list(response.json()) == ["message"]


SECURED: Json = {
    "/basic": {"get": {"operationId": "a", "security": [{"basic": []}], "responses": ok(True)}},
    "/bearer": {"get": {"operationId": "b", "security": [{"bearer": []}], "responses": ok(True)}},
    "/key": {"get": {"operationId": "c", "security": [{"key": []}], "responses": ok(True)}},
    "/cookie": {"get": {"operationId": "d", "security": [{"cookie": []}], "responses": ok(True)}},
    "/both": {"get": {"operationId": "e", "security": [{"key": [], "bearer": []}], "responses": ok(True)}},
    "/either": {
        "get": {"operationId": "f", "security": [{"key": []}, {"bearer": []}], "responses": ok(True)}
    },
    "/maybe": {"get": {"operationId": "g", "security": [{"key": []}, {}], "responses": ok(True)}},
    "/scoped": {"get": {"operationId": "h", "security": [{"oauth": ["write"]}], "responses": ok(True)}},
    "/order": {
        "get": {
            "operationId": "i",
            "security": [{"bearer": []}],
            "parameters": [{"name": "n", "in": "query", "required": True, "schema": {"type": "integer"}}],
            "responses": ok(True),
        }
    },
    "/header": {
        "get": {
            "operationId": "j",
            "security": [],
            "parameters": [
                {"name": "Authorization", "in": "header", "required": True, "schema": {"type": "string"}}
            ],
            "responses": ok(True),
        }
    },
}
SCHEMES: Json = {
    "securitySchemes": {
        "basic": {"type": "http", "scheme": "basic"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
        "oauth": {
            "type": "oauth2",
            "flows": {"implicit": {"authorizationUrl": "https://a.example/", "scopes": {"write": "Write."}}},
        },
    }
}
BASIC = {"authorization": "Basic " + b64encode(b"mock:mock").decode()}
BEARER = {"authorization": "Bearer mock"}
KEY = {"x-key": "mock"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/basic", {}, 401),
        ("/basic", BASIC, 200),
        ("/basic", {"authorization": "Basic !"}, 401),
        ("/basic", BEARER, 401),
        ("/bearer", BEARER, 200),
        ("/bearer", {"authorization": "Bearer"}, 401),
        ("/bearer", {"authorization": "Bearer eyJhbGciOiJub25lIn0.e30.x"}, 200),
        ("/key", KEY, 200),
        ("/key", {"x-key": "guess"}, 401),
        ("/cookie", {"cookie": "sid=mock"}, 200),
        ("/cookie", {}, 401),
        ("/both", KEY, 401),
        ("/both", KEY | BEARER, 200),
        ("/either", KEY, 200),
        ("/either", BEARER, 200),
        ("/either", {}, 401),
        ("/maybe", {}, 200),
        ("/scoped", BEARER, 200),
        ("/order", {}, 401),
        ("/order", BEARER, 422),
        ("/header", {}, 401),
        ("/header", BEARER, 200),
    ],
)
async def test_credentials_are_demanded_as_declared(path: str, headers: dict[str, str], status: int) -> None:
    async with client_of(document(SECURED, components=SCHEMES)) as client:
        assert (await client.get(path, headers=headers)).status_code == status


async def test_every_well_formed_credential_is_taken_if_wanted() -> None:
    async with client_of(document(SECURED, components=SCHEMES), any_credential=True) as client:
        assert (await client.get("/key", headers={"x-key": "guess"})).status_code == 200
        assert (await client.get("/basic", headers={"authorization": "Basic YTpi"})).status_code == 200
        assert (await client.get("/basic", headers={"authorization": "Basic !"})).status_code == 401
        assert (await client.get("/key")).status_code == 401


PREFER: Json = {
    "/thing": {
        "get": {
            "operationId": "readThing",
            "responses": {
                **ok(
                    {"type": "object", "properties": {"n": {"type": "integer"}}},
                    examples={"one": {"value": {"n": 1}}, "a b": {"value": {"n": 2}}},
                ),
                "404": {
                    "description": "None.",
                    "content": {"application/json": {"schema": {"type": "string"}, "example": "none"}},
                },
            },
        }
    }
}


@pytest.mark.parametrize(
    ("prefer", "status", "body", "applied"),
    [
        ("code=404", 404, "none", "code=404"),
        ("example=one", 200, {"n": 1}, "example=one"),
        ('example="a b"', 200, {"n": 2}, 'example="a b"'),
        ("Code=200, Example=one", 200, {"n": 1}, "code=200, example=one"),
        ("code=404; why=x, wait=10", 404, "none", "code=404"),
        ("respond-async", 200, {"n": 1}, None),
        ("code=404, code=200", 404, "none", "code=404"),
    ],
)
async def test_a_preference_is_applied(prefer: str, status: int, body: object, applied: str | None) -> None:
    async with client_of(document(PREFER)) as client:
        response = await client.get("/thing", headers={"prefer": prefer})
    assert (response.status_code, response.json()) == (status, body)
    assert response.headers.get("preference-applied") == applied


@pytest.mark.parametrize(("prefer", "status"), [("code=409", 400), ("code=x", 400), ("example=none", 400)])
async def test_a_preference_that_cannot_be_met_is_an_error(prefer: str, status: int) -> None:
    async with client_of(document(PREFER)) as client:
        response = await client.get("/thing", headers={"prefer": prefer})
    assert response.status_code == status
    assert "preference-applied" not in response.headers


async def test_made_data_is_told_apart_by_the_request() -> None:
    async with client_of(document(PREFER)) as client:
        made = {
            (await client.get(f"/thing?x={number}", headers={"prefer": "dynamic=true"})).text
            for number in range(12)
        }
        again = await client.get("/thing?x=3", headers={"prefer": "dynamic=true"})
    assert len(made) > 1
    assert again.text in made


async def test_the_published_document_and_its_page_are_served_to_any_origin() -> None:
    async with client_of(document(PETS)) as client:
        response = await client.get("/openapi.json", headers={"origin": "http://localhost:5173"})
        assert response.headers["access-control-allow-origin"] in ("*", "http://localhost:5173")
        assert "/pets/{id}" in response.json()["paths"]
        assert (await client.get("/docs")).status_code == 200
        asked = await client.options(
            "/pets/1",
            headers={"origin": "http://localhost:5173", "access-control-request-method": "PUT"},
        )
        assert asked.status_code in (200, 204)
        assert "PUT" in asked.headers["access-control-allow-methods"]


async def test_operations_stand_below_the_base_path_of_the_server() -> None:
    async with client_of(document(PETS, servers=[{"url": "https://a.example/v1"}])) as client:
        assert (await client.get("/v1/pets/1")).status_code == 200
