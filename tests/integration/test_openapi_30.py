"""The reference contract in its OpenAPI 3.0.0 form: same models, same handlers, same service."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from handfast.codegen import output, project, write
from tests.conftest import ROOT

SPECS = sorted(path.relative_to(ROOT) for path in ROOT.glob("specs/*/contracts/api.yaml"))


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


def test_the_derived_form_serves_the_same_handlers(tmp_path: Path) -> None:
    for folder in ("handlers", "migrations"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", tmp_path)
    for spec in SPECS:
        document = downgrade(yaml.safe_load((ROOT / spec).read_text()))
        document["openapi"] = "3.0.0"
        target = tmp_path / spec
        target.parent.mkdir(parents=True)
        target.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))

    loaded = project.load(project.Project(tmp_path))
    assert loaded.findings == ()
    write.plan(tmp_path, output.generate(loaded.features, root=tmp_path)).apply()

    names = ("models", "handler", "routes")
    for name in names:
        path = Path("generated/task_management") / f"{name}.py"
        assert "def " in (tmp_path / path).read_text() or name == "models"
    published = json.loads((tmp_path / "generated/openapi.json").read_text())
    assert published["openapi"] == "3.0.0"

    types = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        str(tmp_path / ".mypy_cache"),
        "app.py",
        "handlers",
    ]
    checked = subprocess.run(types, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout

    schemas = {name: contract(tmp_path)["schemas"][name] for name in ("TaskCreate", "TaskUpdate")}
    original = {name: contract(ROOT)["schemas"][name] for name in schemas}
    for name, schema in schemas.items():
        assert sorted(schema["properties"]) == sorted(original[name]["properties"])


def contract(root: Path) -> dict[str, Any]:
    """The generated contract.json under `root`."""
    loaded: dict[str, Any] = json.loads((root / "generated/task_management/contract.json").read_text())
    return loaded
