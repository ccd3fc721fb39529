"""The reference contract in its OpenAPI 3.0.0 form: same models, same handlers, same service."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from handfast.cli.children import Child, listen
from handfast.codegen import output, project, write
from handfast.runtime.database import Dsns
from tests.codegen.generated import check_types
from tests.conftest import ROOT, SECRET, headers_of


def downgrade(node: Any) -> Any:
    """Return `node` of a 3.1 document in 3.0 form: `nullable`, and `allOf` where a `$ref` has siblings."""
    if isinstance(node, list):
        return [downgrade(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {name: downgrade(value) for name, value in node.items()}
    kinds = node.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        (node["type"],) = (kind for kind in kinds if kind != "null")
        node["nullable"] = True
    for word in ("oneOf", "anyOf"):
        branches = node.get(word)
        if isinstance(branches, list) and {"type": "null"} in branches:
            (other,) = (branch for branch in branches if branch != {"type": "null"})
            del node[word]
            node |= {"allOf": [other], "nullable": True}
    if "$ref" in node and "default" in node:
        node = {"allOf": [{"$ref": node["$ref"]}], "default": node["default"]}
    return node


@pytest.fixture
def derived(tmp_path: Path) -> Path:
    """The reference project with its contracts in 3.0.0 form, generated anew."""
    for folder in ("handlers", "migrations"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", tmp_path)
    for contract in ROOT.glob("specs/*/contracts/*.yaml"):
        document = downgrade(yaml.safe_load(contract.read_text())) | {"openapi": "3.0.0"}
        target = tmp_path / contract.relative_to(ROOT)
        target.parent.mkdir(parents=True)
        target.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    loaded = project.load(project.Project(tmp_path))
    assert loaded.findings == ()
    write.plan(tmp_path, output.generate(loaded.features, root=tmp_path)).apply()
    return tmp_path


def test_the_derived_form_says_the_same(derived: Path) -> None:
    assert json.loads((derived / "generated/openapi.json").read_text())["openapi"] == "3.0.0"
    for path in ROOT.glob("generated/*/contract.json"):
        original, found = (
            json.loads(path.read_text()),
            json.loads((derived / path.relative_to(ROOT)).read_text()),
        )
        assert found["operations"].keys() == original["operations"].keys()
        for name, schema in original["schemas"].items():
            assert sorted(found["schemas"][name].get("properties", ())) == sorted(
                schema.get("properties", ())
            )


def test_the_same_handlers_fit_it(derived: Path, mypy_cache: Path) -> None:
    check_types(derived, mypy_cache)


def test_it_serves(derived: Path, dsns: Dsns) -> None:
    environment = os.environ | {
        "HANDFAST_ENV": "production",
        "DATABASE_URL": dsns.service,
        "BETTER_AUTH_SECRET": SECRET,
        "HANDFAST_RESPONSE_VALIDATION": "raise",
    }
    with listen("127.0.0.1", 0) as listener, httpx.Client(headers=headers_of(uuid4())) as client:
        client.base_url = httpx.URL(f"http://127.0.0.1:{listener.getsockname()[1]}")
        child = Child(derived, listener, environment)
        try:
            assert child.wait().faults == ()
            made = client.post("/api/tasks", json={"title": "Test Task", "description": None})
            assert made.status_code == 201, made.text
            path = f"/api/tasks/{made.json()['id']}"
            patched = client.patch(path, json={"due_date": "2027-01-31", "description": None})
            assert (patched.status_code, patched.json()["due_date"]) == (200, "2027-01-31")
            assert client.patch(path, json={"title": None}).status_code == 422
            assert client.get("/openapi.json").json()["openapi"] == "3.0.0"
        finally:
            child.stop()
