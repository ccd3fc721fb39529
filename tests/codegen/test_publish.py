# ruff: noqa: E501 (a case is a line)
"""The published contract: authors' documents plus an overlay that only adds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handfast.codegen import overlay
from handfast.codegen.ir import Json
from handfast.codegen.output import generate
from handfast.codegen.overlay import Action
from handfast.codegen.publish import publish
from handfast.codegen.yamltext import to_yaml
from tests.codegen.contracts import read, write_contract
from tests.codegen.helpers import OK as EMPTY
from tests.codegen.helpers import project

JsonObject = dict[str, Json]
OK: Json = {"200": {"description": "Fine."}}
PROBLEM: Json = {"type": "object", "properties": {"message": {"type": "string"}}}


def contract(paths: JsonObject, **more: Json) -> JsonObject:
    return {"openapi": "3.1.0", "info": {"title": "A", "version": "1"}, "paths": paths, **more}


def added(
    root: Path, operation: JsonObject, path: str = "/things", more: JsonObject | None = None
) -> dict[str, Json]:
    """Status → response that the platform adds to one operation."""
    document = contract({path: {"post": operation}}) | (more or {})
    write_contract(root, "001-a", document)
    published = publish(read(root))
    assert overlay.subtract(published.document, published.overlay) == document == published.source
    result = published.document
    for name in ("paths", path, "post", "responses"):
        assert isinstance(result, dict)
        result = result[name]
    assert isinstance(result, dict)
    declared = operation.get("responses")
    return {
        key: value for key, value in result.items() if not isinstance(declared, dict) or key not in declared
    }


def body(schema: Json = True) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


def parameter(where: str = "query", *, required: bool = False, **more: Json) -> Json:
    schema: JsonObject = {"type": "string"}
    return {
        "name": "id",
        "in": where,
        "required": required or where == "path",
        "schema": schema | more,
    }


SECURITY: JsonObject = {
    "security": [{"key": []}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
}


def test_nothing_is_added_where_nothing_can_go_wrong(tmp_path: Path) -> None:
    assert added(tmp_path, {"responses": OK}) == {}
    assert added(tmp_path, {"responses": OK, "parameters": [parameter()]}) == {}
    assert added(tmp_path, {"responses": OK, "parameters": [parameter("path")]}, "/things/{id}") == {}


def test_a_body_can_be_too_large_of_another_type_or_wrong(tmp_path: Path) -> None:
    assert list(added(tmp_path, {"responses": OK, "requestBody": body()})) == ["413", "415", "422"]


@pytest.mark.parametrize(
    "wrong", [parameter(required=True), parameter(format="date"), parameter(type="integer")]
)
def test_a_parameter_that_can_be_wrong_adds_422(tmp_path: Path, wrong: Json) -> None:
    assert list(added(tmp_path, {"responses": OK, "parameters": [wrong]})) == ["422"]


def test_a_parameter_with_content_can_be_wrong(tmp_path: Path) -> None:
    wrong: Json = {"name": "filter", "in": "query", **dict(body({"type": "string"}))}  # type: ignore[arg-type]
    assert list(added(tmp_path, {"responses": OK, "parameters": [wrong]})) == ["422"]


def test_400_means_the_same_as_422_where_the_author_says_so(tmp_path: Path) -> None:
    responses: Json = {"200": {"description": "Fine."}, "400": {"description": "Wrong."}}
    assert list(added(tmp_path, {"responses": responses, "requestBody": body()})) == ["413", "415"]


def test_security_adds_401_and_with_an_id_403_and_404(tmp_path: Path) -> None:
    assert list(added(tmp_path, {"responses": OK}, more=SECURITY)) == ["401"]
    with_id: JsonObject = {"responses": OK, "parameters": [parameter("path")]}
    assert list(added(tmp_path, with_id, "/things/{id}", SECURITY)) == ["401", "403", "404"]
    assert list(added(tmp_path, with_id | {"security": []}, "/things/{id}", SECURITY)) == []


def test_scopes_add_403(tmp_path: Path) -> None:
    flow: Json = {"authorizationUrl": "https://example.com", "scopes": {"write": "Write."}}
    schemes: Json = {"auth": {"type": "oauth2", "flows": {"implicit": flow}}}
    more: JsonObject = {"security": [{"auth": ["write"]}], "components": {"securitySchemes": schemes}}
    assert list(added(tmp_path, {"responses": OK}, more=more)) == ["401", "403"]


@pytest.mark.parametrize("status", ["4XX", "default"])
def test_what_the_author_covers_is_left_alone(tmp_path: Path, status: str) -> None:
    responses: Json = {"200": {"description": "Fine."}, status: {"description": "Wrong."}}
    assert added(tmp_path, {"responses": responses, "requestBody": body()}, more=SECURITY) == {}


def test_beside_answers_of_ours_an_operation_without_responses_declares_its_success(tmp_path: Path) -> None:
    write_contract(tmp_path, "001-a", contract({"/things": {"post": {"requestBody": body()}}}))
    made = publish(read(tmp_path))
    statuses = [
        list(yaml.safe_load(to_yaml(one))["paths"]["/things"]["post"]["responses"])
        for one in (made.source, made.document)
    ]
    assert statuses == [["200"], ["200", "413", "415", "422"]]


def test_problem_details_are_described_once_under_a_free_name(tmp_path: Path) -> None:
    taken: JsonObject = {"components": {"schemas": {"ProblemDetails": True}}}
    found = added(tmp_path, {"responses": OK, "requestBody": body()}, more=taken)
    assert found["413"] == {
        "description": "The body is larger than this service takes.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/PlatformProblemDetails"}}
        },
    }


@pytest.mark.parametrize("components", [None, {}, {"schemas": {}}])
def test_components_that_the_overlay_made_are_gone_without_it(tmp_path: Path, components: Json) -> None:
    more: JsonObject = {} if components is None else {"components": components}
    assert added(tmp_path, {"responses": OK, "requestBody": body()}, more=more)


def media(response: Json) -> Json:
    assert isinstance(response, dict)
    return response["content"]


def test_the_contracts_own_error_schema_is_used(tmp_path: Path) -> None:
    own: Json = {"description": "No.", "content": {"application/vnd.error+json": {"schema": PROBLEM}}}
    responses: Json = {"200": {"description": "Fine."}, "409": {"$ref": "#/components/responses/No"}}
    found = added(
        tmp_path,
        {"responses": responses, "requestBody": body()},
        more={"components": {"responses": {"No": own}}},
    )
    assert media(found["413"]) == {"application/vnd.error+json": {"schema": PROBLEM}}
    feature = read(tmp_path)[0]
    text = generate([feature], root=tmp_path)["generated/a/contract.json"]
    assert '"type": "application/vnd.error+json"' in text.split('"platform"')[1]


def test_the_usual_error_schema_serves_operations_without_one(tmp_path: Path) -> None:
    def answers(name: str) -> Json:
        return {
            "description": "No.",
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
        }

    paths: JsonObject = {
        "/rare": {"get": {"responses": {"404": answers("Rare")}}},
        "/a": {"get": {"responses": {"404": answers("Usual"), "409": answers("Usual")}}},
        "/silent": {"post": {"requestBody": body(), "responses": OK}},
    }
    write_contract(
        tmp_path, "001-a", contract(paths, components={"schemas": {"Usual": PROBLEM, "Rare": PROBLEM}})
    )
    (found,) = publish(read(tmp_path)).added["a"]  # type: ignore[index]
    assert found.error.name == "Usual"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "object"},
        {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "string", "pattern": "^e[0-9]{9}$"}},
        },
    ],
)
def test_an_error_schema_that_nobody_can_fill_is_not_promised(tmp_path: Path, schema: Json) -> None:
    responses: Json = {"200": {"description": "Fine."}, "409": {"description": "No.", **dict(body(schema))}}  # type: ignore[arg-type]
    found = added(tmp_path, {"responses": responses, "requestBody": body()})
    assert "application/problem+json" in str(found["413"])


def test_an_overlay_never_changes_what_is_there() -> None:
    change = overlay.document("t", "1", None, [Action(("paths",), {"a": 1}, "")])
    with pytest.raises(ValueError, match="already"):
        overlay.apply({"paths": {"a": 2}}, change)
    with pytest.raises(ValueError, match="not what the overlay added"):
        overlay.subtract({"paths": {"a": 2}}, change)
    with pytest.raises(ValueError, match="no mapping"):
        overlay.apply({"paths": []}, change)
    with pytest.raises(ValueError, match="not an overlay"):
        overlay.apply({}, {})


@given(st.lists(st.text(), max_size=3))
def test_a_target_leads_where_it_says(names: list[str]) -> None:
    action = Action(tuple(names), {"new": True}, "")
    source: Json = {}
    for name in reversed(names):
        source = {name: source}
    published = overlay.apply(source, overlay.document("t", "1", None, [action]))
    assert overlay.subtract(published, overlay.document("t", "1", None, [action])) == source


def test_shared_path_items_are_added_to_once(tmp_path: Path) -> None:
    item: Json = {"post": {"requestBody": body(), "responses": OK}}
    paths: JsonObject = {
        "/a": {"$ref": "#/components/pathItems/I"},
        "/b": {"$ref": "#/components/pathItems/I"},
    }
    write_contract(tmp_path, "001-a", contract(paths, components={"pathItems": {"I": item}}))
    published = publish(read(tmp_path))
    assert "pathItems.I.post.responses" in str(published.overlay)
    assert overlay.subtract(published.document, published.overlay) == published.source


# --- several features -----------------------------------------------------------------------------


def merged(root: Path, *documents: JsonObject) -> JsonObject:
    for number, document in enumerate(documents, start=1):
        write_contract(root, f"{number:03}-f{number}", document)
    published = publish(read(root))
    assert overlay.subtract(published.document, published.overlay) == published.source
    assert isinstance(published.source, dict)
    return published.source


def get(ref: str, **more: Json) -> Json:
    content: Json = {"application/json": {"schema": {"$ref": ref}}}
    return {"get": {"responses": {"200": {"description": "It.", "content": content}}, **more}}


def test_a_schema_that_refers_to_a_different_one_is_different(tmp_path: Path) -> None:
    def one(leaf: str) -> JsonObject:
        outer: Json = {"type": "object", "properties": {"leaf": {"$ref": "#/components/schemas/Leaf"}}}
        union: Json = {
            "oneOf": [{"$ref": "#/components/schemas/Outer"}],
            "discriminator": {
                "propertyName": "leaf",
                "mapping": {"a": "Outer", "b": "#/components/schemas/Outer"},
            },
        }
        schemas: Json = {"Leaf": {"type": leaf}, "Outer": outer, "Union": union}
        return contract({f"/{leaf}": get("#/components/schemas/Union")}, components={"schemas": schemas})

    found = merged(tmp_path, one("string"), one("integer"))
    schemas = found["components"]["schemas"]  # type: ignore[index, call-overload]
    assert list(schemas) == ["Leaf", "Outer", "Union", "F2Leaf", "F2Outer", "F2Union"]  # type: ignore[arg-type]
    assert "#/components/schemas/F2Union" in str(found["paths"])
    mapping = schemas["F2Union"]["discriminator"]["mapping"]  # type: ignore[index, call-overload]
    assert mapping == {"a": "F2Outer", "b": "#/components/schemas/F2Outer"}


def test_security_schemes_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    def one(path: str, scheme: Json) -> JsonObject:
        return contract(
            {path: {"get": {"responses": OK}}},
            security=[{"auth": []}],
            components={"securitySchemes": {"auth": scheme}},
        )

    found = merged(
        tmp_path,
        one("/a", {"type": "http", "scheme": "bearer"}),
        one("/b", {"type": "http", "scheme": "basic"}),
    )
    assert found["paths"]["/b"]["get"]["security"] == [{"F2Auth": []}]  # type: ignore[index, call-overload]
    assert found["paths"]["/a"]["get"]["security"] == [{"auth": []}]  # type: ignore[index, call-overload]


def test_a_superseded_operation_is_not_published(tmp_path: Path) -> None:
    old = contract({"/a": {"get": {"operationId": "old", "responses": OK}}, "/b": {"get": {"responses": OK}}})
    new = contract({"/a": {"get": {"operationId": "new", "responses": OK}}}) | {"x-supersedes": ["001-f1"]}
    found = merged(tmp_path, old, new)
    assert found["paths"]["/a"]["get"]["operationId"] == "new"  # type: ignore[index, call-overload]
    assert list(found["paths"]) == ["/b", "/a"]  # type: ignore[arg-type]


def test_what_a_path_says_for_all_operations_is_spelled_out_where_features_share_it(tmp_path: Path) -> None:
    one = contract(
        {"/a/{id}": {"parameters": [parameter("path")], "servers": [{"url": "/x"}], "get": {"responses": OK}}}
    )
    two = contract(
        {"/a/{id}": {"delete": {"responses": OK, "parameters": [parameter("path")]}}},
        webhooks={},
        **{"x-a": 1},
    )
    found = merged(tmp_path, one, two)
    item = found["paths"]["/a/{id}"]  # type: ignore[index, call-overload]
    assert item["get"]["servers"] == [{"url": "/x"}]  # type: ignore[index, call-overload]
    assert item["get"]["parameters"] == [parameter("path")]  # type: ignore[index, call-overload]
    assert "parameters" not in item  # type: ignore[operator]
    assert found["x-a"] == 1


def test_an_old_document_is_written_in_the_newer_dialect(tmp_path: Path) -> None:
    schemas: Json = {
        "Old": {
            "type": "object",
            "properties": {
                "a": {"type": "string", "nullable": True, "example": {"nullable": True}},
                "b": {"allOf": [{"$ref": "#/components/schemas/Other"}], "nullable": True},
                "c": {"$ref": "#/components/schemas/Other", "nullable": True},
                "d": {"type": "integer", "minimum": 1, "exclusiveMinimum": True, "exclusiveMaximum": False},
                "nullable": {"type": "string"},
            },
        },
        "Other": {"type": "integer"},
    }
    old = contract({"/a": get("#/components/schemas/Old")}, components={"schemas": schemas}) | {
        "openapi": "3.0.3"
    }
    found = merged(tmp_path, old, contract({"/b": {"get": {"responses": OK}}}))
    assert found["openapi"] == "3.1.0"
    assert found["components"]["schemas"]["Old"]["properties"] == {  # type: ignore[index, call-overload]
        "a": {"type": ["string", "null"], "example": {"nullable": True}},
        "b": {"anyOf": [{"allOf": [{"$ref": "#/components/schemas/Other"}]}, {"type": "null"}]},
        "c": {"$ref": "#/components/schemas/Other"},
        "d": {"type": "integer", "exclusiveMinimum": 1},
        "nullable": {"type": "string"},
    }


# --- YAML -----------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from(["yes", "1e3", "0o7", "1:30", "2020-01-01", "- a", "a: b", "x #y", "|", "---", "null", "~", "=", "<<"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_yaml_is_read_back_as_it_was(value: Json) -> None:
    text = to_yaml(value)
    assert yaml.safe_load(text) == value
    assert yaml.load(text, Loader=yaml.CSafeLoader) == value


def test_a_key_may_be_longer_than_readers_look_ahead() -> None:
    value: Json = {"k" * 2000: {"a b:" * 600: ["x"]}, "z": 1}
    assert yaml.safe_load(to_yaml(value)) == value
    assert yaml.load(to_yaml(value), Loader=yaml.CSafeLoader) == value


def test_yaml_reads_well() -> None:
    value: Json = {
        "version": "1.0.0",
        "date": "2027-01-31",
        "on": "off",
        "text": "two\nlines\n",
        "open": "two\nlines",
        "ragged": "two \nlines",
        "blank": "two\nlines\n\n",
        "quote": "it's: so",
        "none": None,
        "empty": [{}, [], ""],
        "nested": [[1, {"a": 1.5, "b": True}]],
        "200": 1e300,
        "inf": [float("inf"), float("-inf")],
    }
    assert to_yaml(value) == (
        "version: 1.0.0\n"
        "date: '2027-01-31'\n"
        "'on': 'off'\n"
        "text: |\n  two\n  lines\n"
        "open: |-\n  two\n  lines\n"
        'ragged: "two \\nlines"\n'
        "blank: |+\n  two\n  lines\n\n"
        "quote: 'it''s: so'\n"
        "none: null\n"
        "empty:\n  - {}\n  - []\n  - ''\n"
        "nested:\n  - - 1\n    - a: 1.5\n      b: true\n"
        "'200': 1.0e+300\n"
        "inf:\n  - .inf\n  - -.inf\n"
    )
    assert to_yaml(float("nan")) == ".nan\n"


def test_contracts_of_openapi_32_are_merged(tmp_path: Path) -> None:
    def text(name: str, path: str, method: str) -> str:
        return f"""\
            openapi: 3.2.0
            $self: https://api.example.com/{name}.yaml
            info: {{title: {name}, version: "1"}}
            paths:
              {path}:
                additionalOperations:
                  {method}: {{operationId: same, responses: {{"200": {{$ref: "#/components/responses/R"}}}}}}
            components:
              responses:
                R: {{description: {name}, content: {{application/json: {{$ref: "#/components/mediaTypes/M"}}}}}}
              mediaTypes: {{M: {{schema: {{type: string, const: {name}}}}}}}
            """

    files = {
        "001-a/contracts/a.yaml": text("a", "/x", "COPY"),
        "002-b/contracts/b.yaml": text("b", "/x", "PURGE"),
    }
    loaded = project(tmp_path, files)
    assert not loaded.fatal
    published = publish(loaded.features)
    document = json.loads(json.dumps(published.document))
    assert "$self" not in document
    operations = document["paths"]["/x"]["additionalOperations"]
    assert {method: one["operationId"] for method, one in operations.items()} == {
        "COPY": "same",
        "PURGE": "b_same",
    }
    assert operations["PURGE"]["responses"]["200"] == {"$ref": "#/components/responses/BR"}
    assert document["components"]["responses"]["BR"]["content"]["application/json"] == {
        "$ref": "#/components/mediaTypes/BM"
    }
    assert overlay.subtract(published.document, published.overlay) == published.source


def test_a_superseded_operation_of_any_method_is_taken_out(tmp_path: Path) -> None:
    one = f"""\
        openapi: 3.2.0
        info: {{title: A, version: "1"}}
        paths:
          /x: {{additionalOperations: {{COPY: {{{EMPTY}}}}}}}
          /y: {{additionalOperations: {{COPY: {{{EMPTY}}}, PURGE: {{{EMPTY}}}}}}}
        """
    other = f"""\
        openapi: 3.2.0
        info: {{title: B, version: "1"}}
        x-supersedes: 001-a
        paths:
          /x: {{additionalOperations: {{COPY: {{{EMPTY}}}}}}}
          /y: {{additionalOperations: {{COPY: {{{EMPTY}}}}}}}
        """
    loaded = project(tmp_path, {"001-a/contracts/a.yaml": one, "002-b/contracts/b.yaml": other})
    assert not loaded.fatal
    assert [[f"{op.method} {op.path}" for op in found.operations] for found in loaded.features] == [
        ["PURGE /y"],
        ["COPY /x", "COPY /y"],
    ]
    paths = json.loads(json.dumps(publish(loaded.features).document))["paths"]
    assert {path: sorted(item["additionalOperations"]) for path, item in paths.items()} == {
        "/x": ["COPY"],
        "/y": ["COPY", "PURGE"],
    }
