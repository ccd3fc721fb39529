# ruff: noqa: E501  (one case a line reads best)
"""Several files → one document whose references are all local."""

from __future__ import annotations

import json
from pathlib import Path

from handfast.codegen.project import Project, load
from tests.codegen.helpers import HEAD, OK, fixes, found, project

CASE = Path(__file__).parent / "cases" / "many-files"


def test_the_document_holds_everything_and_refers_to_itself_only() -> None:
    (feature,) = load(Project(CASE)).features
    text = json.dumps(feature.document)
    assert ".yaml" not in text
    assert ".json" not in text
    document = json.loads(text)
    assert list(document["components"]) == ["schemas", "parameters", "examples", "responses"]
    assert list(document["components"]["schemas"]) == ["User", "Id", "Cat", "Dog", "Limit", "Problem", "Name"]
    assert document["info"]["description"] == "# Users, in several files\n"
    pet = document["components"]["schemas"]["User"]["properties"]["pet"]
    assert pet["discriminator"]["mapping"] == {"cat": "#/components/schemas/Cat"}
    assert document["paths"]["/users/{id}"]["get"]["x-samples"]["value"][0]["id"].startswith("0000")
    examples = document["paths"]["/users"]["get"]["responses"]["200"]["content"]["application/json"][
        "examples"
    ]
    assert examples == {"one": {"$ref": "#/components/examples/user"}}


def test_places_in_other_files_are_kept() -> None:
    (feature,) = load(Project(CASE)).features
    places = {one.operation_id: str(one.source).split("contracts/")[1] for one in feature.operations}
    assert places == {"listUsers": "paths/users.yaml:1:1", "getUser": "openapi.yaml:10:5"}
    assert str(feature.operations[0].params[0].source).endswith("paths/users.yaml:4:7")


def test_faults_in_other_files_point_there(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-x/contracts/api.yaml": HEAD
            + "paths: {/x: {$ref: paths/x.yaml}, /y: {$ref: broken.yaml}, /z: {$ref: twice.yaml}}\n",
            "001-x/contracts/paths/x.yaml": f"get:\n  parameters:\n    - {{name: a, in: qury}}\n  {OK}\n",
            "001-x/contracts/broken.yaml": "get: {\n",
            "001-x/contracts/twice.yaml": f"get: {{{OK}}}\nget: {{{OK}}}\n",
        },
    )
    assert [str(finding.source).split("contracts/")[1] for finding in loaded.findings] == [
        "broken.yaml:2:1", "paths/x.yaml:3:21", "twice.yaml:2:1",
    ]  # fmt: skip


def test_sections_and_maps_of_other_files_are_spliced_in(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-x/contracts/api.yaml": HEAD
            + "paths: {$ref: paths.yaml}\ncomponents:\n  schemas: {$ref: schemas.yaml, Own: {type: boolean}}\n  parameters: {$ref: more.yaml#/parameters}\n",
            "001-x/contracts/paths.yaml": f"/x:\n  get:\n    operationId: x\n    parameters: {{$ref: 'more.yaml#/list'}}\n    {OK}\n",
            "001-x/contracts/schemas.yaml": "Pet: {type: object, properties: {$ref: 'more.yaml#/properties'}}\nRef: {$ref: '#/Pet'}\n",
            "001-x/contracts/more.yaml": "parameters: {P: {name: p, in: query, schema: {$ref: 'schemas.yaml#/Pet'}}}\n"
            "list: [{$ref: '#/parameters/P'}]\nproperties: {$ref: '#/inner'}\ninner: {name: {type: string}}\n",
        },
    )
    assert not loaded.fatal, [str(finding) for finding in loaded.findings]
    (feature,) = loaded.features
    assert list(feature.schemas) == ["Pet", "Ref", "Own"]
    assert [param.type.expr for param in feature.operations[0].params] == ["Pet | None"]
    assert feature.schemas == {
        "Pet": {"type": "object", "properties": {"name": {"type": "string"}}},
        "Ref": {"$ref": "#/$defs/Pet"},
        "Own": {"type": "boolean"},
    }


def test_components_of_other_files_never_take_a_name_of_the_authors(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-x/contracts/api.yaml": HEAD
            + "paths: {/x: {get: {operationId: x, responses: {'200': {description: d, content: {application/json: {schema: {$ref: a/Pet.yaml}}}}}}}}\n"
            "components: {schemas: {Pet: {type: string}, Alias: {$ref: b/Pet.yaml}, Same: {$ref: b/Pet.yaml}}}\n",
            "001-x/contracts/a/Pet.yaml": "type: object\nproperties: {a: {$ref: ../b/Pet.yaml}, i: {$ref: index.yaml}}\n",
            "001-x/contracts/a/index.yaml": "{type: number}\n",
            "001-x/contracts/b/Pet.yaml": "type: integer\n",
        },
    )
    (feature,) = loaded.features
    assert list(feature.schemas) == ["Pet", "Alias", "Same", "Pet2", "A"]
    assert feature.schemas["Pet2"]["properties"]["a"] == {"$ref": "#/$defs/Alias"}  # type: ignore[index,call-overload]
    assert feature.operations[0].result.expr == "Pet2"


def test_circles_between_files_are_told(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-x/contracts/api.yaml": HEAD
            + "paths: {/x: {$ref: a.yaml}}\ncomponents: {schemas: {A: {$ref: c.yaml}}, parameters: {$ref: d.yaml}}\n",
            "001-x/contracts/a.yaml": "$ref: b.yaml\n",
            "001-x/contracts/b.yaml": "$ref: a.yaml\n",
            "001-x/contracts/c.yaml": "$ref: c.yaml\n",
            "001-x/contracts/d.yaml": "$ref: d.yaml\n",
        },
    )
    assert loaded.fatal
    assert len(found(loaded, "ref-cycle")) == 3
    assert set(fixes(loaded, "ref-cycle")) <= {
        "break the circle",
        "let one of the references name a definition",
    }


def test_texts_may_stand_in_files_of_their_own(tmp_path: Path) -> None:
    files = {
        "001-x/contracts/api.yaml": HEAD.replace('"1"', '"1", description: {$ref: about.md}')
        + f"paths: {{/x: {{get: {{summary: {{$ref: 'texts.yaml#/x'}}, description: {{$ref: gone.md}}, operationId: x, {OK}}}}}}}\n",
        "001-x/contracts/about.md": "About.\n",
        "001-x/contracts/texts.yaml": "x: A summary\n",
    }
    loaded = project(tmp_path, files)
    assert found(loaded, "dangling-ref") == [
        "3:74 `gone.md`: there is no file `specs/001-x/contracts/gone.md`"
    ]
    (tmp_path / "specs/001-x/contracts/gone.md").write_bytes(b"\xff")
    assert "cannot be read as a text" in found(project(tmp_path, files), "dangling-ref")[0]
    (tmp_path / "specs/001-x/contracts/gone.md").write_text("Here.", encoding="utf-8")
    (feature,) = project(tmp_path, files).features
    assert (feature.description, feature.operations[0].summary) == ("About.", "A summary")
    assert feature.operations[0].description == "Here."


def test_extensions_and_examples_are_left_alone(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-x/contracts/api.yaml": HEAD + "x-list: [{$ref: gone.yaml}, {$ref: there.yaml}]\npaths: {}\n"
            "components: {schemas: {A: {type: object, example: {$ref: gone.yaml}, default: {$ref: '#/nope'}, enum: [{$ref: x}]}}}\n",
            "001-x/contracts/there.yaml": "again: {$ref: there.yaml}\n",
        },
    )
    assert not loaded.fatal, [str(finding) for finding in loaded.findings]
    assert loaded.features[0].document["x-list"] == [{"$ref": "gone.yaml"}, {"again": {"$ref": "there.yaml"}}]


def test_components_may_be_a_file(tmp_path: Path) -> None:
    loaded = project(
        tmp_path,
        {
            "001-x/contracts/api.yaml": HEAD + "paths: {}\ncomponents: {$ref: parts.yaml}\n",
            "001-x/contracts/parts.yaml": "schemas: {A: {type: array, items: {$ref: '#/schemas/B'}}, B: {type: string}}\n",
        },
    )
    assert not loaded.fatal, [str(finding) for finding in loaded.findings]
    assert list(loaded.features[0].schemas)[:2] == ["A", "B"]
