"""Generated code runs: goldens show change, these show truth; so do real public contracts.

HANDFAST_CORPUS_ALL=1 takes every contract of the corpus.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from pydantic import BaseModel

from handfast.codegen import overlay
from handfast.codegen.ir import Feature, Json
from handfast.codegen.output import generate
from handfast.codegen.project import Project, load
from handfast.codegen.publish import publish
from handfast.runtime import Upload
from handfast.runtime.contract import Contract
from tests.codegen.contracts import write_contract
from tests.codegen.generated import check_imports, check_ruff, check_types, write_project
from tests.codegen.instances import Maker
from tests.codegen.viewed import hold

pytestmark = pytest.mark.unmeasured

CASES = Path(__file__).with_name("cases")
GOLDEN = Path(__file__).with_name("golden")
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


UNCASED = ",N802,N803,N806"
"""PEP 8's rules take a name in a script without case, such as `日本語`, for one that is not in lower case."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Feature]]:
    """One project with the contracts of all golden cases, nasty ones and a huge one."""
    root = tmp_path_factory.mktemp("project")
    for case in sorted([*GOLDEN.iterdir(), *CASES.glob("nasty-*"), CASES / "parts"]):
        shutil.copytree(case / "specs", root / "specs", dirs_exist_ok=True)
    write_contract(root, "903-huge", huge())
    loaded = load(Project(root))
    assert not loaded.fatal
    features = {str(feature.name): feature for feature in loaded.features}
    write_project(root, features, generate(loaded.features, root=root))
    return root, features


def test_it_imports_and_binds_without_a_warning(project: tuple[Path, dict[str, Feature]]) -> None:
    root, features = project
    counts = check_imports(root, list(features))
    assert counts == {name: len(feature.operations) for name, feature in features.items()}


def test_it_is_clean_for_ruff(project: tuple[Path, dict[str, Feature]]) -> None:
    check_ruff(project[0], also_ignore=UNCASED)


def test_it_is_clean_for_mypy(project: tuple[Path, dict[str, Feature]], mypy_cache: Path) -> None:
    check_types(project[0], mypy_cache)


@pytest.fixture
def pet_shop(
    project: tuple[Path, dict[str, Feature]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """The models of the golden case with every shape."""
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "generated"}
    monkeypatch.syspath_prepend(str(project[0]))
    try:
        yield importlib.import_module("generated.pet_shop.models")
    finally:
        for name in list(sys.modules):
            if name.split(".")[0] == "generated":
                del sys.modules[name]
        sys.modules.update(saved)


def test_what_the_contract_accepts_is_seen_and_given_back(
    project: tuple[Path, dict[str, Feature]], pet_shop: ModuleType
) -> None:
    contract = Contract.read(project[0] / "generated" / "pet_shop" / "contract.json")
    maker = Maker(contract.schemas)
    seen = 0
    for name, schema in contract.schemas.items():
        cls = getattr(pet_shop, name, None)
        if not (isinstance(cls, type) and issubclass(cls, BaseModel)) or name in ("Dog", "ChangePetBody"):
            continue  # a Dog is one only by its discriminator, which no schema of its own demands
        if any(field.annotation is Upload for field in cls.model_fields.values()):
            continue
        for _ in range(50):
            value = maker.make(schema)
            if "'kind': " in str(value) and "'kind': 'cat'" not in str(value):
                continue
            for view in (contract.request, contract.response):
                check = view.named(name)
                if check.is_valid(value):
                    seen += 1
                    back = cls.model_validate(value, by_alias=True, by_name=False).model_dump(
                        mode="json", by_alias=True
                    )
                    assert check.is_valid(back), (name, value, back)
    assert seen > 100


@pytest.mark.parametrize("case", sorted(CASES.glob("nasty-*")), ids=lambda case: case.name)
def test_names_and_shapes_of_every_kind_are_seen_and_given_back(case: Path, tmp_path: Path) -> None:
    shutil.copytree(case / "specs", tmp_path / "specs")
    for feature in load(Project(tmp_path)).features:
        assert hold(tmp_path, feature, tries=10).faults == []


def huge() -> dict[str, Json]:
    """A contract with a long enum, and objects and lists as deep as they may be."""
    objects: Json = {"type": "string"}
    lists: Json = {"$ref": "#/components/schemas/Enum"}
    for level in range(60):
        if level < 40:  # an object takes two of the hundred levels that a contract may have
            objects = {"type": "object", "properties": {"a": objects}}
        lists = {"type": "array", "items": lists}
    properties: Json = {"objects": objects, "lists": lists, "enum": {"$ref": "#/components/schemas/Enum"}}
    media: Json = {"application/json": {"schema": {"$ref": "#/components/schemas/Deep"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Huge", "version": "1"},
        "paths": {
            "/": {"patch": {"requestBody": {"content": media}, "responses": {"200": {"description": "Ok."}}}}
        },
        "components": {
            "schemas": {
                "Enum": {"type": "string", "enum": [f"value {number}" for number in range(1000)]},
                "Deep": {"type": "object", "properties": properties},
            }
        },
    }


def test_routes_are_ordered_most_literal_first(project: tuple[Path, dict[str, Feature]]) -> None:
    text = (project[0] / "generated" / "pet_shop" / "routes.py").read_text(encoding="utf-8")
    assert text.index('"/pets/search"') < text.index('"/pets/{pet_id}"')


@pytest.mark.parametrize(
    "more", [{}, {"webhooks": {"moved": {"post": {"responses": {"200": {"description": "Ok."}}}}}}]
)
def test_a_contract_without_operations_becomes_sound_code(
    tmp_path: Path, mypy_cache: Path, more: dict[str, Json]
) -> None:
    document: dict[str, Json] = {
        "openapi": "3.2.0",
        "info": {"title": "None", "version": "1"},
        "paths": {
            "/": {"additionalOperations": {"FROB": {"responses": {"200": {"description": "Never asked."}}}}}
        },
        **more,
    }
    write_contract(tmp_path, "001-none", document)
    loaded = load(Project(tmp_path))
    (feature,) = loaded.features
    assert feature.operations == ()
    write_project(tmp_path, {str(feature.name): feature}, generate(loaded.features, root=tmp_path))
    check_ruff(tmp_path)
    check_types(tmp_path, mypy_cache)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no contracts at {CORPUS.name}/; set HANDFAST_CORPUS")
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
