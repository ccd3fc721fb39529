"""A contract written in a test, mocked and called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from fastapi import FastAPI

from handfast.codegen.contractjson import contract
from handfast.codegen.ir import Json
from handfast.codegen.manifest import to_json
from handfast.codegen.project import load_file
from handfast.codegen.publish import publish
from handfast.mock import create_mock


def mock_of(document: Mapping[str, Json], *, seed: int = 0, any_credential: bool = False) -> FastAPI:
    """The mock of one contract."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "api.json"
        file.write_text(to_json(dict(document)), encoding="utf-8")
        loaded = load_file(file, file.parent)
    assert not loaded.fatal, "\n".join(map(str, loaded.findings))
    published = publish(loaded.features)
    assert isinstance(published.document, dict)
    contracts = [contract(feature, published.added[feature.name]) for feature in loaded.features]
    return create_mock(contracts, published.document, seed=seed, any_credential=any_credential)


def client_of(
    document: Mapping[str, Json], *, seed: int = 0, any_credential: bool = False
) -> httpx.AsyncClient:
    """A client of the mock of one contract."""
    app = mock_of(document, seed=seed, any_credential=any_credential)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://mock.test")


def document(paths: Json, version: str = "3.1.0", **parts: Json) -> dict[str, Json]:
    """A contract of these paths."""
    return {"openapi": version, "info": {"title": "Tried", "version": "1"}, "paths": paths, **parts}


def ok(schema: Json, media_type: str = "application/json", **media: Json) -> dict[str, Json]:
    """Responses with one success of this schema."""
    return {"200": {"description": "Good.", "content": {media_type: {"schema": schema, **media}}}}
