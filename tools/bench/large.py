"""A contract of any number of operations, made as people make them: resources with five operations each."""

from __future__ import annotations

from random import Random
from typing import Any

_WORDS = """
account address amount archive batch channel city code comment cost country currency date delivery
depth discount district domain duration email end entry field filter group height invoice item key
label language level limit line location mark member message model mode month name note number order
owner parcel part phase phone place point price priority product profile project quantity queue
range rate reason record region report review role room route rule score season sequence session
share shelf size source stage start state step store street subject summary target task tax team
text title token topic total track type unit user value version weight width zone
""".split()  # noqa: SIM905 (a list of lines would take a page)
"""Names of properties."""
OPERATIONS = 5
"""Operations of one resource: list, create, read, change, delete."""


def contract(operations: int) -> dict[str, Any]:
    """Return an OpenAPI document of that many operations (a multiple of five) and a schema for each fifth."""
    random = Random(operations)  # noqa: S311 (the same contract each time)
    schemas: dict[str, Any] = {
        "Error": {
            "type": "object",
            "required": ["title", "status"],
            "properties": {
                "title": {"type": "string"},
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "errors": {"type": "array", "items": {"type": "string"}},
            },
        },
        "Owner": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "email": {"type": "string", "format": "email"},
                "role": {"enum": ["reader", "writer", "admin"]},
            },
        },
    }
    paths: dict[str, Any] = {}
    for number in range(operations // OPERATIONS):
        name = f"{random.choice(_WORDS)}{number}"
        schemas[name.title()] = _resource(random, [one for one in schemas if one != "Error"])
        paths |= _paths(name, {"$ref": f"#/components/schemas/{name.title()}"})
    return {
        "openapi": "3.1.0",
        "info": {"title": "Large", "version": "1.0.0"},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _resource(random: Random, known: list[str]) -> dict[str, Any]:
    names = random.sample(_WORDS, random.randint(8, 20))
    properties = {"id": {"type": "string", "format": "uuid", "readOnly": True}}
    properties |= {name: _property(random, known, 0) for name in names}
    return {"type": "object", "required": ["id", *names[: random.randint(1, 4)]], "properties": properties}


def _property(random: Random, known: list[str], depth: int) -> dict[str, Any]:
    kinds = (
        "text",
        "text",
        "text",
        "number",
        "number",
        "enum",
        "flag",
        "day",
        "null",
        "list",
        "object",
        "ref",
        "choice",
    )
    match random.choice(kinds if depth < 2 else kinds[:9]):
        case "text":
            return {"type": "string", "minLength": 1, "maxLength": random.choice((20, 80, 200, 1000))}
        case "number":
            return {
                "type": random.choice(("integer", "number")),
                "minimum": 0,
                "maximum": random.choice((10, 999)),
            }
        case "enum":
            return {"type": "string", "enum": sorted(random.sample(_WORDS, random.randint(2, 9)))}
        case "flag":
            return {"type": "boolean", "default": False}
        case "day":
            return {"type": "string", "format": random.choice(("date", "date-time", "uri", "uuid"))}
        case "null":
            return {"type": ["string", "null"], "pattern": "^[a-z0-9-]+$"}
        case "list":
            return {"type": "array", "maxItems": 100, "items": _property(random, known, depth + 1)}
        case "object":
            names = random.sample(_WORDS, random.randint(2, 5))
            inner = {name: _property(random, known, depth + 1) for name in names}
            return {
                "type": "object",
                "required": names[:1],
                "properties": inner,
                "additionalProperties": False,
            }
        case "ref":
            return {"$ref": f"#/components/schemas/{random.choice(known[-20:])}"}
        case _:
            branches = [{"type": "string", "maxLength": 40}, {"$ref": "#/components/schemas/Owner"}]
            return {"oneOf": branches}


def _paths(name: str, resource: dict[str, Any]) -> dict[str, Any]:
    problem = {
        "description": "failed",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    one = {"description": "one", "content": {"application/json": {"schema": resource}}}
    page = {
        "type": "object",
        "required": ["items"],
        "properties": {"items": {"type": "array", "items": resource}, "next": {"type": "string"}},
    }
    many = {"description": "some", "content": {"application/json": {"schema": page}}}
    body = {"required": True, "content": {"application/json": {"schema": resource}}}
    failures = {"400": problem, "401": problem, "404": problem}
    limit = {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    }
    search = {"name": "search", "in": "query", "schema": {"type": "string", "maxLength": 80}}
    key = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    title = name.title()
    return {
        f"/{name}": {
            "get": {
                "operationId": f"list{title}",
                "parameters": [limit, search],
                "responses": {"200": many, **failures},
            },
            "post": {
                "operationId": f"create{title}",
                "requestBody": body,
                "responses": {"201": one, **failures},
            },
        },
        f"/{name}/{{id}}": {
            "parameters": [key],
            "get": {"operationId": f"get{title}", "responses": {"200": one, **failures}},
            "patch": {
                "operationId": f"change{title}",
                "requestBody": body,
                "responses": {"200": one, **failures},
            },
            "delete": {
                "operationId": f"delete{title}",
                "responses": {"204": {"description": "gone"}, **failures},
            },
        },
    }
