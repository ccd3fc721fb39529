"""Small contracts for tests, written where they are used."""

from collections.abc import Mapping
from pathlib import Path

from handfast.codegen.ir import Feature, Json
from handfast.codegen.manifest import to_json
from handfast.codegen.project import Loaded, Project, load


def write_contract(root: Path, folder: str, document: Mapping[str, Json]) -> None:
    """Write `document` as the contract of the spec folder `folder`."""
    place = root / "specs" / folder / "contracts" / "api.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(to_json(dict(document)), encoding="utf-8")


def read(root: Path) -> tuple[Feature, ...]:
    """Load all contracts below `root`, which must be without fault."""
    loaded: Loaded = load(Project(root))
    assert not loaded.fatal, "\n".join(map(str, loaded.findings))
    return loaded.features


def with_schemas(root: Path, schemas: Mapping[str, Json], **operation: Json) -> Feature:
    """A feature whose one operation takes and gives the schema `Thing`."""
    content: Json = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    document: dict[str, Json] = {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "paths": {
            "/things": {
                "post": {
                    "operationId": "make",
                    "requestBody": {"required": True, "content": content},
                    "responses": {"200": {"description": "Made.", "content": content}},
                    **operation,
                }
            }
        },
        "components": {"schemas": dict(schemas)},
    }
    write_contract(root, "001-things", document)
    return read(root)[0]
