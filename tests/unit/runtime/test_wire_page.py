"""Every row of docs/reference/wire.md is what the decoder does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from handfast.codegen.contractjson import contract as contract_json
from handfast.codegen.publish import publish
from handfast.runtime import Upload
from handfast.runtime.bodies import Decoded
from handfast.runtime.contract import Contract
from handfast.runtime.items import RawItems
from handfast.runtime.requests import RequestReader, close
from tests.codegen.contracts import read, write_contract
from tests.unit.runtime import test_bodies, test_decode

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "wire.md"


def rows(section: str) -> list[list[str]]:
    """The rows of the table of a section; a bar inside of code divides nothing."""
    found = []
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
        if line.startswith("| ") and line.count("`") > 3:
            found.append(cells)
    return found


@pytest.mark.parametrize("row", rows("Parameters"), ids=" ".join)
def test_parameters(row: list[str]) -> None:
    where, style, explode, schema, written, value = row
    given = {
        "query": lambda: test_decode.in_query(written),
        "path": lambda: test_decode.in_path(written),
        "header": lambda: test_decode.request(headers=[("p", written)]),
        "cookie": lambda: test_decode.request(headers=[("cookie", written)]),
    }[where]()
    found = test_decode.decode(json.loads(schema), where, style, explode == "true", given=given)
    assert json.dumps(found) == json.dumps(json.loads(value))


@pytest.mark.parametrize("row", rows("Parameters with `content`"), ids=" ".join)
async def test_parameters_with_content(row: list[str], tmp_path: Path) -> None:
    where, media_type, schema, written, value = row
    content = {media_type: {"schema": json.loads(schema)}}
    parameter = {"name": "p", "in": where, "required": True, "content": content}
    path = {"path": f"/x/{written}"} if where == "path" else {}
    headers = {"header": [("p", written)], "cookie": [("cookie", written)]}.get(where, [])
    query = written if where in ("query", "querystring") else ""
    given = test_decode.request(
        query=query, headers=headers, **path, found={"p": written} if where == "path" else {}
    )
    (found,) = (
        await read_by(tmp_path, {"parameters": [parameter]}, given, "/x/{p}" if path else "/x")
    ).values()
    assert json.dumps(found) == json.dumps(json.loads(value))


@pytest.mark.parametrize("row", rows("Forms"), ids=" ".join)
async def test_forms(row: list[str]) -> None:
    schema, written, value = row
    whole: Any = {"type": "object", "properties": {"p": json.loads(schema)}}
    found = await test_bodies.decode(written.encode(), test_bodies.FORM, kind="form", schema=whole)
    assert json.dumps(found) == json.dumps(json.loads(value))


@pytest.mark.parametrize("row", rows("Documents"), ids=" ".join)
async def test_documents(row: list[str], tmp_path: Path) -> None:
    media_type, schema, written, value = row
    content = written.replace("\\n", "\n").replace("\\x1e", "\x1e")
    found = await body_of(tmp_path, media_type, {"schema": json.loads(schema)}, content, media_type)
    assert json.dumps(found) == json.dumps(json.loads(value))


@pytest.mark.parametrize("row", rows("Parts"), ids=" ".join)
async def test_parts(row: list[str], tmp_path: Path) -> None:
    media, written, value = row
    content, sent = written.replace("\\n", "\r\n"), "multipart/mixed; boundary=b"
    found = await body_of(tmp_path, "multipart/mixed", json.loads(media), content, sent)
    assert json.dumps(found) == json.dumps(json.loads(value))


async def body_of(root: Path, media_type: str, media: Any, content: str, sent: str) -> object:
    """What the body of an operation is read as: a list of its items, and `(a file)` for each file."""
    headers = [("content-type", sent), ("content-length", str(len(content.encode())))]
    given = test_decode.request(headers=headers)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content.encode(), "more_body": False}

    operation = {"requestBody": {"required": True, "content": {media_type: media}}}
    (found,) = (await read_by(root, operation, Request(given.scope, receive))).values()
    return shown(found)


def shown(value: Any) -> Any:
    """A value with a text in the place of each file."""
    if isinstance(value, list):
        return [shown(one) for one in value]
    if isinstance(value, dict):
        return {name: shown(one) for name, one in value.items()}
    return "(a file)" if isinstance(value, Upload) else value


async def read_by(root: Path, operation: Any, given: Request, path: str = "/x") -> dict[str, object]:
    """What an operation of a contract reads in a request."""
    answers = {"responses": {"204": {"description": "Read."}}}
    document: Any = {"openapi": "3.2.0", "info": {"title": "A", "version": "1"}}
    document["paths"] = {path: {"post": {"operationId": "a", **answers, **operation}}}
    write_contract(root, "001-a", document)
    (feature,) = read(root)
    contract = Contract(contract_json(feature, publish([feature]).added[feature.name]))
    (spec,) = contract.operations.values()
    opened: list[Decoded] = []
    found = await RequestReader(contract, spec, document_limit_bytes=1000).read(given, opened)
    if isinstance(found.get("body"), RawItems):
        found["body"] = [item async for item in found["body"]]  # type: ignore[attr-defined]
    await close(opened)
    return found


def test_the_page_has_its_tables() -> None:
    least = {"Parameters": 25, "Parameters with `content`": 7, "Forms": 7, "Documents": 14, "Parts": 12}
    assert [section for section, count in least.items() if len(rows(section)) < count] == []
