"""The service under attack: the reference one, and an operation for each way to take a body."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, cast, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel, col, select

from generated.sharing.routes import build_router as sharing
from generated.task_management.routes import build_router as task_management
from handfast.runtime import Context, Inputs, PublicContext, Settings, create_app
from handlers.sharing import operations as sharing_operations
from handlers.task_management import operations, tables
from tests.conftest import ROOT
from tests.unit.runtime.small import body, contract, media, operation, response, router

SCHEMAS: dict[str, Any] = {
    "Anything": True,
    "Tree": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
    },
    "Numbers": {"type": "array", "items": {"type": "integer"}},
    "Unique": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    "Closed": {"type": "object", "additionalProperties": False},
    "Lists": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "integer"}},
    },
    "Pattern": {"type": "array", "items": {"type": "string", "pattern": r"^(a|aa)*\1b$"}},
    "Ahead": {"type": "string", "pattern": "^(?!.*--)[a-z-]+$"},
    "Text": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
    "Number": {"type": "object", "required": ["number"], "properties": {"number": {"type": "integer"}}},
    "Form": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "size": {"type": "object", "properties": {"x": {"type": "integer"}}},
        },
    },
    "Upload": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "contentMediaType": "application/octet-stream"},
            "note": {"type": "string"},
        },
    },
    "Plain": {"type": "string"},
}


async def accept(ctx: PublicContext, inputs: Inputs) -> object:
    """Take what comes, and say no more."""
    return "accepted"


async def swallow(ctx: PublicContext, inputs: Any) -> object:
    """Read an upload to its end."""
    found = inputs.body["file"] if isinstance(inputs.body, dict) else inputs.body
    length = 0
    async for chunk in found:
        length += len(chunk)
    return length


async def big(ctx: PublicContext, inputs: Inputs) -> object:
    """Answer with 8 MB."""
    return "x" * 8_000_000


async def search(ctx: Context, inputs: Any) -> object:
    """Hand a text of the caller to the database."""
    return len(await ctx.db.all(select(tables.Task).where(col(tables.Task.title) == inputs.body["text"])))


async def stored(ctx: Context, inputs: Any) -> object:
    """Hand a document of the caller to the database."""
    return len(await ctx.db.all(select(cast(literal(inputs.body, JSONB), JSONB))))


async def count(ctx: Context, inputs: Any) -> object:
    """Hand a number of the caller to the database."""
    return len(await ctx.db.all(select(cast(literal(inputs.body["number"], BigInteger), BigInteger))))


def _post(path: str, schema: str, type: str = "application/json", kind: str = "json", **more: Any) -> Any:
    platform = {"413": response(media(type="application/problem+json"))}
    return operation("POST", path, body=body(media(schema, type, kind)), platform=platform, **more)


_TEXT = {"kind": "text", "schema": "Plain", "encoding": {}}
_INNER = media(None, "multipart/mixed", "parts") | {"ofItems": False, "rest": _TEXT}
_PARTS: dict[str, Any] = {
    "prefix": [
        {"kind": "json", "schema": "Anything", "encoding": {}},
        {
            "kind": "multipart",
            "schema": None,
            "encoding": {"contentType": "multipart/mixed", "inner": _INNER},
        },
    ],
    "rest": _TEXT,
}
"""A part of JSON, a part of parts, and texts."""


def _mixed(path: str, **more: Any) -> Any:
    made = _post(path, "Anything", "multipart/mixed", "parts")
    made["body"]["media"][0] |= {**_PARTS, **more}
    return made


_BEARER: dict[str, Any] = {"security": [{"bearerAuth": []}]}
OPERATIONS = {
    "free": (_post("/free", "Anything"), accept),
    "tree": (_post("/tree", "Tree"), accept),
    "numbers": (_post("/numbers", "Numbers"), accept),
    "unique": (_post("/unique", "Unique"), accept),
    "closed": (_post("/closed", "Closed"), accept),
    "lists": (_post("/lists", "Lists"), accept),
    "pattern": (_post("/pattern", "Pattern"), accept),
    "ahead": (_post("/ahead", "Ahead"), accept),
    "form": (_post("/form", "Form", "application/x-www-form-urlencoded", "form"), accept),
    "upload": (_post("/upload", "Upload", "multipart/form-data", "multipart"), swallow),
    "mixed": (_mixed("/mixed", ofItems=False), accept),
    "parts": (_mixed("/parts"), accept),
    "text": (_post("/text", "Plain", "text/plain", "text"), accept),
    "lines": (_post("/lines", "Anything", "application/jsonl", "jsonl"), accept),
    "raw": (_post("/raw", "Plain", "application/octet-stream", "binary"), swallow),
    "search": (_post("/search", "Text", **_BEARER), search),
    "stored": (_post("/stored", "Anything", **_BEARER), stored),
    "count": (_post("/count", "Number", **_BEARER), count),
    "big": (
        operation(path="/big", responses={"200": response(media(), media(type="text/json"))}),
        big,
    ),
}

_document = contract({name: entry for name, (entry, _) in OPERATIONS.items()}, SCHEMAS)
_small = router(
    Path(tempfile.mkdtemp(prefix="handfast-hostile-")) / "small",
    _document,
    {name: handler for name, (_, handler) in OPERATIONS.items()},
)
_routers = [task_management(operations), sharing(sharing_operations), _small]
app = create_app(Settings(), root=ROOT, routers=_routers, tables=SQLModel.metadata, users=True)
