"""Real public contracts become code that imports, type-checks and lints; HANDFAST_CORPUS_ALL=1 takes all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from handfast.codegen import overlay
from handfast.codegen.ir import Feature
from handfast.codegen.output import generate
from handfast.codegen.project import Project, load
from handfast.codegen.publish import publish
from tests.codegen.generated import check_imports, check_ruff, check_types, write_project

CORPUS = Path(
    os.environ.get("HANDFAST_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus" / "openapi"
)
FEW = [
    "museum",
    "tictactoe",
    "train-travel",
    "swagger-petstore",
    "uspto",
    "marquez",
    "oapi-params",
    "ogen-responses",
]
NAMES = sorted(path.name for path in CORPUS.glob("*/")) if os.environ.get("HANDFAST_CORPUS_ALL") else FEW

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"no contracts at {CORPUS.name}/; set HANDFAST_CORPUS"
)


def test_real_contracts_become_sound_code(tmp_path: Path, mypy_cache: Path) -> None:
    features: dict[str, Feature] = {}
    files: dict[str, str] = {}
    for name in NAMES:
        alone = tmp_path / "alone" / name
        contracts = alone / "specs" / name / "contracts"
        shutil.copytree(CORPUS / name, contracts)
        loaded = load(Project(alone))
        assert not loaded.fatal, f"{name}:\n" + "\n".join(map(str, loaded.findings))
        made = generate(loaded.features, root=alone)
        published = publish(loaded.features)
        assert overlay.subtract(published.document, published.overlay) == published.source
        assert yaml.load(made["contracts/openapi.yaml"], Loader=yaml.CSafeLoader) == published.document
        features |= {str(feature.name): feature for feature in loaded.features}
        files |= made
    write_project(tmp_path, features, files)
    counts = check_imports(tmp_path, list(features))
    assert counts == {name: len(feature.operations) for name, feature in features.items()}
    check_ruff(tmp_path)
    check_types(tmp_path, mypy_cache)
