"""IR → every file under `generated/` and `contracts/`, as texts; nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handfast.codegen.contractjson import contract
from handfast.codegen.ir import Feature, Json
from handfast.codegen.legalisation import written
from handfast.codegen.manifest import LEGALISATION, MANIFEST, manifest, to_json
from handfast.codegen.printing import Format, formatted
from handfast.codegen.publish import publish
from handfast.codegen.render import Renderer
from handfast.codegen.yamltext import to_yaml


def generate(features: Sequence[Feature], *, root: Path) -> dict[str, str]:
    """Return path → text of every generated file of the project at `root`, sorted by path.

    The same features give the same bytes, whenever and wherever. Of the project's own files only its
    `templates/` and ruff's line length are read.
    """
    style = Format.of(root)
    renderer = Renderer(root, style)
    python = {"generated/__init__.py": renderer.root_package()}
    for feature in features:
        python |= renderer.feature(feature)
    files = formatted(python, style)
    published = publish(features)
    files["generated/openapi.json"] = to_json(published.document)
    files["contracts/openapi.yaml"] = to_yaml(published.document)
    files["contracts/overlay.yaml"] = to_yaml(published.overlay)
    steps = legalisation(features)
    if steps is not None:
        files[LEGALISATION] = to_yaml(steps)
    for feature in features:
        path = f"generated/{feature.name}/contract.json"
        files[path] = to_json(contract(feature, published.added[feature.name]))
    files[MANIFEST] = manifest(files)
    return dict(sorted(files.items()))


def legalisation(features: Sequence[Feature]) -> Json:
    """Return what is published otherwise than it is written, contract by contract; None if nothing is."""
    contracts: list[Json] = [
        {"contract": feature.file, "steps": written(feature.legalisations)}
        for feature in features
        if feature.legalisations
    ]
    if not contracts:
        return None
    title = "What is published otherwise than it is written, so that it is legal OpenAPI"
    return {"legalisation": "1.0.0", "info": {"title": title}, "contracts": contracts}
