# ruff: noqa: E501  (one case a line reads best)
"""The published contract is legal OpenAPI, and every step that leads to it from the author's text is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi import definitions

from handfast.codegen.bundle import bundle
from handfast.codegen.files import Files
from handfast.codegen.ir import Feature, Json
from handfast.codegen.legalisation import UNTOLD, apply, undo
from handfast.codegen.load import read
from handfast.codegen.output import generate
from handfast.codegen.project import Project, load
from handfast.codegen.publish import publish
from handfast.codegen.source import plain
from tests.codegen.helpers import HEAD, HEAD_30, OK, contract, fixes, found
from tests.codegen.test_corpus import CORPUS, entries
from tests.codegen.test_robust import mutated

pytestmark = pytest.mark.unmeasured

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in [*HERE.glob("cases/*/specs"), *HERE.glob("golden/*/specs")])


def authors(root: Path, feature: Feature) -> Json:
    """The bundled document of a feature, as its author wrote it."""
    files = Files(root, read)
    return plain(bundle(files.get(feature.file), files).root)


def complaints(document: Json) -> list[str]:
    """What OpenAPI's own JSON Schema says against a document."""
    assert isinstance(document, dict)
    version = str(document["openapi"])
    validator = {
        "3.0": definitions.OPENAPI_30_VALIDATOR,
        "3.1": definitions.OPENAPI_31_VALIDATOR,
        "3.2": definitions.OPENAPI_32_VALIDATOR,
    }[version[:3]]
    return [f"{error.instance_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


def hold(root: Path) -> tuple[Feature, ...]:
    """Assert of every feature of a project: the steps lead there and back, each is told, the end is legal."""
    loaded = load(Project(root))
    for feature in loaded.features:
        document, steps = dict(feature.document), feature.legalisations
        assert not [step for step in steps if step.finding.code == UNTOLD]
        source = authors(root, feature)
        assert undo(document, steps) == source
        assert apply(source, steps) == document
    if not loaded.fatal:
        assert not complaints(publish(loaded.features).document)
    return loaded.features


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_cases_are_published_legally(case: Path) -> None:
    hold(case)


@pytest.mark.skipif(not entries(), reason=f"no contracts in {CORPUS}")
@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry["name"])
def test_real_contracts_are_published_legally(entry: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(CORPUS / entry["name"], tmp_path / "specs" / "001-x" / "contracts")
    assert hold(tmp_path)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_published_is_told_and_can_be_undone(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        place = Path(folder) / "specs/001-x/contracts/api.json"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(mutated(data)), encoding="utf-8")
        hold(Path(folder))


# --- one thing at a time --------------------------------------------------------------------------


def published(root: Path, text: str) -> tuple[dict[str, Any], list[str]]:
    """The legal document of one contract, and `op path` of every step; all that holds for contracts holds."""
    loaded = contract(root, text)
    assert not loaded.fatal, [str(finding) for finding in loaded.findings]
    (made,) = hold(root)
    return dict(made.document), [f"{step.op} {step.path}" for step in made.legalisations]


PATH_ID = "parameters: [{name: id, in: path, required: true, schema: {}}]"


@pytest.mark.parametrize("template", ["{id*}", "{;id}", "{.id*}", "{ id }"])
def test_templates_hold_names_alone(tmp_path: Path, template: str) -> None:
    document, steps = published(tmp_path, f"{HEAD}paths: {{'/x/{template}': {{get: {{{PATH_ID}, {OK}}}}}}}\n")
    assert list(document["paths"]) == ["/x/{id}"]
    assert steps == ["move /paths/~1x~1{id}"]


def test_templates_of_equal_shape_are_one_path(tmp_path: Path) -> None:
    text = f"""
        paths:
          /x/{{a}}:
            parameters: [{{name: a, in: path, required: true, schema: {{type: integer}}}}, {{name: H, in: header, schema: {{}}}}]
            get: {{{OK}}}
          /x/{{b}}:
            summary: The other.
            parameters: [{{$ref: '#/components/parameters/B'}}]
            get: {{operationId: twice, {OK}}}
            post: {{operationId: make, {OK}, callbacks: {{c: {{u: {{$ref: '#/paths/~1x~1%7Bb%7D'}}}}}}}}
        components: {{parameters: {{B: {{name: b, in: path, required: true, schema: {{type: integer}}}}}}}}
    """
    document, steps = published(tmp_path, HEAD + dedent(text))
    assert list(document["paths"]) == ["/x/{a}"]
    item = document["paths"]["/x/{a}"]
    assert item["get"]["parameters"] == [
        {"name": "a", "in": "path", "required": True, "schema": {"type": "integer"}},
        {"name": "H", "in": "header", "schema": {}},
    ]
    assert item["post"]["summary"] == "The other."
    assert item["post"]["callbacks"] == {"c": {"u": {"$ref": "#/paths/~1x~1%7Ba%7D"}}}
    assert item["post"]["parameters"] == [
        {"name": "a", "in": "path", "required": True, "schema": {"type": "integer"}}
    ]
    assert steps[0] == "move /paths/~1x~1{a}/post"


def test_path_parameters_are_those_of_the_template(tmp_path: Path) -> None:
    parameters = "[{name: idd, in: path, required: true}, {name: id, in: path, schema: {}}]"
    loaded = contract(
        tmp_path, f"{HEAD}paths: {{'/x/{{id}}/{{n}}': {{get: {{parameters: {parameters}, {OK}}}}}}}\n"
    )
    assert fixes(loaded, "surplus-path-parameter") == ["did you mean `id`?"]
    (made,) = hold(tmp_path)
    operation: Any = made.document["paths"]["/x/{id}/{n}"]["get"]  # type: ignore[index, call-overload]
    assert [(one["name"], one["required"]) for one in operation["parameters"]] == [("id", True), ("n", True)]


def test_a_shared_path_item_is_only_copied_where_it_must_differ(tmp_path: Path) -> None:
    text = f"""
        paths:
          /x/{{id}}: {{$ref: '#/components/pathItems/I'}}
          /y: {{$ref: '#/components/pathItems/I'}}
        components: {{pathItems: {{I: {{get: {{{PATH_ID}, {OK}}}}}}}}}
    """
    document, steps = published(tmp_path, HEAD + dedent(text))
    assert document["paths"]["/x/{id}"] == {"$ref": "#/components/pathItems/I"}
    assert document["paths"]["/y"]["get"]["parameters"] == []
    assert steps == ["replace /paths/~1y"]


@pytest.mark.parametrize(
    ("text", "code", "steps"),
    [
        (f"paths: {{'/x#y': {{get: {{{OK}}}}}, '/x?a=b': {{get: {{{OK}}}}}}}", "bad-path", ["remove /paths/~1x#y", "remove /paths/~1x?a=b"]),
        ("paths: {/x: {get: {responses: {'100': {description: a}, '200': {description: b}}}}}", "interim-status", ["remove /paths/~1x/get/responses/100"]),
        ("paths: {/x: {get: {responses: {x-y: {}}}}}", "no-responses", ["add /paths/~1x/get/responses/200"]),
        ("paths: {/x: {get: {responses: {4xx: {description: a}}}}}", "bad-status", ["move /paths/~1x/get/responses/4XX"]),
        ("paths: {/x: {get: {}, put: {responses: {}}, post: {responses: {'405': {description: a}}}, delete: {responses: {'404': {description: a}}}}}", "no-success", ["add /paths/~1x/get/responses", "add /paths/~1x/put/responses/200", "add /paths/~1x/post/responses/200"]),
        (f"paths: {{/x: {{get: {{parameters: [{{name: 'a b', in: header, schema: {{}}}}], {OK}}}}}}}", "bad-parameter-name", ["remove /paths/~1x/get/parameters/0"]),
        (f"paths: {{/x: {{get: {{summary: , tags: [a, a], {OK}}}}}}}", "empty-value", ["remove /paths/~1x/get/summary", "remove /paths/~1x/get/tags/1"]),
        ("paths: {}\ncomponents: {schemas: {A: {type: }}}", "wrong-value", ["remove /components/schemas/A/type"]),
        ("paths: {}\ncomponents: {schemas: {A: {type: [string, ]}, 'B C': {$ref: '#/components/schemas/A'}}}", "bad-component-name", ["move /components/schemas/B_C"]),
        ("paths: {}\ncomponents: {schemas: {A: {minimum: 3, exclusiveMinimum: true}}}", "other-dialect", ["remove /components/schemas/A/minimum", "replace /components/schemas/A/exclusiveMinimum"]),
        ("paths: {}\ncomponents: {schemas: {A: {items: [{type: string}], additionalItems: false}}}", "other-dialect", ["replace /components/schemas/A/items", "remove /components/schemas/A/additionalItems", "add /components/schemas/A/prefixItems"]),
        ("paths: {}\ncomponents: {responses: {R: {description: a, headers: {'X Y': {schema: {}}}}}}", "bad-header-name", ["remove /components/responses/R/headers/X Y"]),
        ("paths: {}\ncomponents: {headers: {H: {required: true, $ref: '#/components/headers/I'}, I: {schema: {}}}}", "ignored-sibling", ["remove /components/headers/H/required"]),
        ("paths: {}\ncomponents: {schemas: {A: {type: string, default: }, B: {enum: [a], default: b}}}", "wrong-default", ["remove /components/schemas/A/default", "remove /components/schemas/B/default"]),
        ("paths: {}\ncomponents: {securitySchemes: {K: {type: apiKey, in: header, name: 'a b'}}}", "bad-scheme", ["remove /components/securitySchemes/K"]),
        ("paths: {}\ntags: [{name: a}, {name: b}, {name: a}]", "given-twice", ["remove /tags/2"]),
        ("paths: {}\nservers: [{description: a}, {url: /b}]", "missing-field", ["remove /servers/0"]),
        ("paths: {}\ntags: [{description: a}, {}, {name: b}]", "missing-field", ["remove /tags/1", "remove /tags/0"]),
        (f"paths: {{/x: {{post: {{requestBody: {{content: {{application/json: {{itemSchema: {{}}}}}}}}, {OK}}}}}}}", "newer-key", ["remove /paths/~1x/post/requestBody/content/application~1json/itemSchema"]),
    ],
)  # fmt: skip
def test_what_openapi_refuses_is_mended(tmp_path: Path, text: str, code: str, steps: list[str]) -> None:
    loaded = contract(tmp_path, f"{HEAD}{text}\n")
    assert found(loaded, code)
    (made,) = hold(tmp_path)
    assert [f"{step.op} {step.path}" for step in made.legalisations] == steps


@pytest.mark.parametrize(
    ("schema", "legal"),
    [
        ("{type: [string, 'null']}", {"type": "string", "nullable": True}),
        ("{type: [string, integer], anyOf: [{}]}", {"anyOf": [{}], "allOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}]}),
        ("{type: 'null'}", {"nullable": True, "enum": [None]}),
        ("{type: 'null', enum: [a, null, b]}", {"nullable": True, "enum": [None]}),
        ("{exclusiveMinimum: 3}", {"minimum": 3, "exclusiveMinimum": True}),
        ("{exclusiveMinimum: 3, minimum: 4}", {"minimum": 4}),
        ("{allOf: [true, false]}", {"allOf": [{}, {"not": {}}]}),
        ("{const: 3, if: {}}", {}),
        ("{enum: []}", {"not": {}}),
    ],
)  # fmt: skip
def test_schemas_of_3_0_are_written_in_its_dialect(
    tmp_path: Path, schema: str, legal: dict[str, Any]
) -> None:
    document, _ = published(tmp_path, f"{HEAD_30}paths: {{}}\ncomponents: {{schemas: {{A: {schema}}}}}\n")
    assert document["components"]["schemas"]["A"] == legal


def test_a_renamed_schema_keeps_its_value_of_a_discriminator(tmp_path: Path) -> None:
    text = """
        paths: {}
        security: [{the key: []}]
        components:
          securitySchemes: {the key: {type: http, scheme: basic}}
          schemas:
            A B: {type: object, properties: {t: {type: string}}}
            U: {oneOf: [{$ref: '#/components/schemas/A%20B'}], discriminator: {propertyName: t, mapping: {x: A B}}}
            V: {oneOf: [{$ref: '#/components/schemas/A B'}], discriminator: {propertyName: t}}
    """
    document, _ = published(tmp_path, HEAD + dedent(text))
    schemas = document["components"]["schemas"]
    assert schemas["U"]["oneOf"] == schemas["V"]["oneOf"] == [{"$ref": "#/components/schemas/A_B"}]
    assert schemas["U"]["discriminator"]["mapping"] == {"x": "A_B"}
    assert schemas["V"]["discriminator"]["mapping"] == {"A B": "#/components/schemas/A_B"}
    assert document["security"] == [{"the_key": []}]


def test_a_property_called_ref_is_spliced_and_told(tmp_path: Path) -> None:
    text = "paths: {}\ncomponents: {schemas: {A: {properties: {b: {}, $ref: '#/components/schemas/B/properties'}}, B: {properties: {c: {}, $ref: {type: string}}}}}\n"
    loaded = contract(tmp_path, HEAD + text)
    assert found(loaded, "spliced-ref") == [
        "4:48 `properties` holds a property called `$ref`; what it refers to is put in its place"
    ]
    document, _ = published(tmp_path, HEAD + text)
    assert document["components"]["schemas"]["A"] == {
        "properties": {"c": {}, "$ref": {"type": "string"}, "b": {}}
    }


def test_a_step_is_refused_where_it_does_not_belong(tmp_path: Path) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{'/x?y': {{get: {{{OK}}}}}}}\n")
    steps = loaded.features[0].legalisations
    with pytest.raises(ValueError, match="there is nothing"):
        apply({"paths": {}}, steps)
    with pytest.raises(ValueError, match="not what the step takes"):
        apply({"paths": {"/x?y": {}}}, steps)
    with pytest.raises(ValueError, match="nothing can be put"):
        undo({"paths": {"/x?y": {}}}, steps)


def test_the_steps_are_written_beside_the_published_contract(tmp_path: Path) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{/x: {{get: {{summary: , {OK}}}}}}}\n")
    files = generate(loaded.features, root=tmp_path)
    (entry,) = yaml.safe_load(files["contracts/legalisation.yaml"])["contracts"]
    assert entry == {
        "contract": "specs/001-x/contracts/api.yaml",
        "steps": [
            {
                "op": "remove",
                "path": "/paths/~1x/get/summary",
                "was": None,
                "source": "specs/001-x/contracts/api.yaml:3:20",
                "code": "empty-value",
                "why": "`summary` is empty",
                "fix": "give it a value, or remove the key",
            }
        ],
    }
    assert "contracts/legalisation.yaml" not in generate((), root=tmp_path)
