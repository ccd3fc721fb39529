# ruff: noqa: E501  (one case a line reads best)
"""Operation objects → what a handler takes and gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.codegen.ir import ClassName
from handfast.mediatypes import kind_of
from tests.codegen.helpers import HEAD, HEAD_30, HEAD_32, OK, contract, feature, fixes, found, operation

# -- parameters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "type_", "default"),
    [
        ("in: query, schema: {type: integer}", "int | None", None),
        ("in: query, required: true, schema: {type: integer}", "int", None),
        ("in: query, schema: {type: integer, default: 3}", "int", "3"),
        ("in: query, required: true, schema: {type: integer, default: 3}", "int", None),
        ("in: query, schema: {type: string, default: it's}", "str", '"it\'s"'),
        ("in: query, schema: {type: boolean, default: false}", "bool", "False"),
        ("in: query, schema: {type: number, default: 1}", "float", "1"),
        ("in: query, schema: {type: [string, 'null'], default: null}", "str | None", "None"),
        ("in: query, schema: {const: a, default: a}", 'Literal["a"]', '"a"'),
        ("in: query, schema: {enum: [a, 1], default: 1}", 'Literal["a", 1]', "1"),
        ("in: query, schema: {default: x}", "JsonValue", '"x"'),
        ("in: query, schema: {default: [x]}", "JsonValue", None),
        ("in: query, schema: {}", "JsonValue", None),
        ("in: query", "JsonValue", None),
        ("in: query, schema: {type: array, items: {type: string}, default: [a]}", "list[str]", None),
        (
            "in: query, schema: {type: object, additionalProperties: {type: string}, default: {}}",
            "dict[str, str]",
            None,
        ),
        (
            "in: query, schema: {type: string, format: uuid, default: 00000000-0000-0000-0000-000000000000}",
            "UUID",
            None,
        ),
        ("in: query, schema: {type: string, format: date, default: 2027-01-01}", "date", None),
        (
            "in: query, schema: {type: string, format: date-time, default: 2027-01-01T00:00:00Z}",
            "datetime",
            None,
        ),
        ("in: query, schema: {enum: [2, 3], default: 2}", "XP", "XP.VALUE_2"),
        ("in: query, schema: {type: object, properties: {a: {}}, default: {a: 1}}", "XP", None),
        ("in: query, content: {application/json: {schema: {type: integer}}}", "int | None", None),
        ("in: query, content: {text/plain: {schema: {type: integer}}}", "int | None", None),
        ("in: header, schema: {type: string}", "str | None", None),
        ("in: cookie, required: true, schema: {type: string}", "str", None),
    ],
)
def test_parameters_have_types_and_defaults(
    tmp_path: Path, parameter: str, type_: str, default: str | None
) -> None:
    made = operation(tmp_path, f"operationId: x\nparameters: [{{name: p, {parameter}}}]\n{OK}")
    (param,) = made.params
    assert (param.name, param.wire, param.type.expr, param.default) == ("p", "p", type_, default)
    assert param.has_default is ("default" in parameter and "required" not in parameter)


@pytest.mark.parametrize(
    ("parameter", "style", "explode"),
    [
        ("in: query", "form", True),
        ("in: query, explode: false", "form", False),
        ("in: query, style: deepObject", "deepObject", True),
        ("in: query, style: pipeDelimited", "pipeDelimited", False),
        ("in: query, style: spaceDelimited, explode: true", "spaceDelimited", True),
        ("in: header", "simple", False),
        ("in: header, style: form", "simple", False),
        ("in: cookie", "form", True),
        ("in: path, required: true", "simple", False),
        ("in: path, required: true, style: label, explode: true", "label", True),
        ("in: path, required: true, style: matrix", "matrix", False),
    ],
)
def test_styles_have_their_defaults(tmp_path: Path, parameter: str, style: str, explode: bool) -> None:
    text = f"parameters: [{{name: p, {parameter}, schema: {{type: array}}}}]\n{OK}"
    made = operation(tmp_path, text, path="/x/{p}" if "path" in parameter else "/x")
    assert (made.params[0].style, made.params[0].explode) == (style, explode)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ("{type: integer, default: x}", "'x'"),
        ("{type: string, default: 5}", "5"),
        ("{type: string, format: date, default: soon}", "'soon'"),
        ("{type: boolean, default: 1}", "1"),
        ("{enum: [a, b], default: c}", "'c'"),
        ("{const: a, default: [1]}", "[1]"),
        ("{type: array, default: a}", "'a'"),
        ("{type: object, default: a}", "'a'"),
        ("{type: integer, default: null}", "None"),
    ],
)
def test_defaults_that_break_their_schema_are_ignored(tmp_path: Path, schema: str, value: str) -> None:
    text = f"{HEAD}paths: {{/x: {{get: {{parameters: [{{name: p, in: query, schema: {schema}}}], {OK}}}}}}}"
    loaded = contract(tmp_path, text)
    assert f"the default {value} is no value" in found(loaded, "wrong-default")[0]
    assert not loaded.features[0].operations[0].params[0].has_default


def test_parameters_of_the_operation_replace_those_of_the_path(tmp_path: Path) -> None:
    made = feature(
        tmp_path,
        f"""
        {HEAD.strip()}
        paths:
          /x/{{b}}/{{a}}:
            parameters:
              - {{name: a, in: path, required: true, schema: {{type: string}}}}
              - {{name: b, in: path, required: true, schema: {{type: string}}}}
              - {{name: X-Same, in: header, schema: {{type: string}}}}
            get:
              parameters:
                - $ref: '#/components/parameters/Page'
                - {{name: a, in: path, required: true, schema: {{type: integer}}, description: ' Mine. '}}
                - {{name: x-same, in: header, schema: {{type: integer}}}}
                - {{name: a, in: query, schema: {{type: boolean}}}}
              {OK}
        components:
          parameters:
            Page: {{name: page, in: query, schema: {{type: integer, minimum: 1}}}}
        """.replace("\n        ", "\n"),
    )
    params = made.operations[0].params
    assert [(param.name, param.location, param.type.expr) for param in params] == [
        ("b", "path", "str"), ("a", "path", "int"), ("x_same", "header", "int | None"), ("page", "query", "int | None"),
        ("a_2", "query", "bool | None"),
    ]  # fmt: skip
    assert params[1].description == "Mine."
    assert params[3].schema == "Page"
    assert made.operations[0].route == "/x/{b}/{a}"


def test_names_in_braces_may_carry_rfc_6570_signs(tmp_path: Path) -> None:
    made = operation(
        tmp_path,
        f"parameters: [{{name: item-id, in: path, required: true, style: matrix, explode: true, schema: {{type: array}}}}]\n{OK}",
        path="/x/{;item-id*}.json",
    )
    assert made.path == "/x/{item-id}.json"
    assert made.route == "/x/{item_id}.json"


# -- bodies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("application/json", "json"), ("application/json; charset=utf-8", "json"), ("application/vnd.x+json", "json"),
        ("Application/Problem+JSON", "json"), ("*/*", "json"), ("text/json", "json"),
        ("application/x-www-form-urlencoded", "form"), ("multipart/form-data", "multipart"), ("multipart/related", "multipart"),
        ("text/plain", "text"), ("text/html", "text"), ("text/event-stream", "sse"), ("application/x-ndjson", "jsonl"),
        ("application/jsonl", "jsonl"), ("application/octet-stream", "binary"), ("image/*", "binary"),
        ("application/pdf", "binary"), ("application/xml", "xml"), ("text/xml", "xml"), ("application/x+xml", "xml"),
        ("application/yaml", "yaml"), ("text/x-yaml", "yaml"), ("application/x+yaml", "yaml"),
    ],
)  # fmt: skip
def test_media_types_have_a_kind(media_type: str, kind: str) -> None:
    assert kind_of(media_type) == kind


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("application/json: {schema: {type: integer}}", "int"),
        ("application/json: {}", "JsonValue"),
        ("application/json: {schema: {type: string, format: binary}}", "Upload"),
        ("'*/*': {schema: {type: string}}", "Upload"),
        ("'*/*': {schema: {type: object}}", "dict[str, JsonValue]"),
        ("text/plain: {schema: {type: string}}", "str"),
        ("text/plain: {schema: {enum: [a, b]}}", "str"),
        ("text/plain: {schema: {$ref: '#/components/schemas/Text'}}", "str"),
        ("image/png: {}", "Upload"),
        ("application/x-ndjson: {schema: {type: integer}}", "ItemStream[int]"),
        ("application/x-ndjson: {schema: {$ref: '#/components/schemas/List'}}", "list[int]"),
        (
            "application/x-ndjson: {itemSchema: {type: array, items: {type: integer}}}",
            "ItemStream[list[int]]",
        ),
        ("multipart/form-data: {}", "dict[str, JsonValue | Upload]"),
        (
            "application/xml: {schema: {type: boolean}}, application/json: {schema: {type: integer}}",
            "bool | int",
        ),
    ],
)
def test_bodies_have_types(tmp_path: Path, content: str, expected: str) -> None:
    made = feature(
        tmp_path,
        f"{HEAD_32}paths: {{/x: {{post: {{operationId: x, requestBody: {{required: true, content: {{{content}}}}}, {OK}}}}}}}\n"
        "components: {schemas: {Text: {type: string}, List: {type: array, items: {type: integer}}}}",
    )
    body = made.operations[0].body
    assert body is not None
    assert body.type.expr == expected
    assert body.required


@pytest.mark.parametrize("media_type", ["text/plain", "application/vnd.thing"])
def test_schemas_that_cannot_be_checked_are_told(tmp_path: Path, media_type: str) -> None:
    text = f"{HEAD}paths: {{/x: {{put: {{requestBody: {{content: {{{media_type}: {{schema: {{type: object}}}}}}}}, {OK}}}}}}}"
    assert (
        f"the schema of `{media_type}` cannot be checked"
        in found(contract(tmp_path, text), "unchecked-media")[0]
    )


def test_optional_bodies_may_be_none_and_unreadable_ones_are_ignored(tmp_path: Path) -> None:
    assert (
        operation(
            tmp_path, f"requestBody: {{content: {{application/json: {{schema: {{type: integer}}}}}}}}\n{OK}"
        ).body
        is not None
    )
    assert operation(tmp_path, f"requestBody: {{content: {{}}}}\n{OK}").body is None
    assert operation(tmp_path, f"requestBody: {{content: {{x-y: {{}}}}}}\n{OK}").body is None


def test_patch_bodies_that_others_use_too_get_a_class_of_their_own(tmp_path: Path) -> None:
    made = feature(
        tmp_path,
        HEAD
        + """paths:
  /a: {patch: {operationId: a, requestBody: {$ref: '#/components/requestBodies/Shared'}, responses: {'200': {description: ok}}}}
  /b: {patch: {operationId: b, requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Own'}}}}, responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Task'}}}}}}}
  /c: {patch: {operationId: c, requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Task'}}}}, responses: {'204': {description: ok}}}}
  /d: {patch: {operationId: d, requestBody: {required: true, content: {application/json: {schema: {oneOf: [{$ref: '#/components/schemas/Own'}, {$ref: '#/components/schemas/Other'}]}}}}, responses: {'204': {description: ok}}}}
  /e: {patch: {operationId: e, requestBody: {required: true, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Item'}}}}}, responses: {'204': {description: ok}}}}
components:
  requestBodies:
    Shared: {content: {application/json: {schema: {$ref: '#/components/schemas/Task'}}}}
  schemas:
    Task: {type: object, properties: {a: {type: string}}}
    Own: {type: object, properties: {b: {type: string}}}
    Other: {type: object, properties: {c: {type: string}}}
    Item: {type: object, properties: {d: {type: string}}}
""",
    )
    bodies = {one.operation_id: one.body.type.expr for one in made.operations if one.body}
    assert bodies == {
        "a": "TaskPatch | None",
        "b": "Own",
        "c": "TaskPatch",
        "d": "Own | Other",
        "e": "list[Item]",
    }
    assert made.patch_schemas == {"TaskPatch", "Own", "Other"}
    assert made.schemas[ClassName("TaskPatch")] == made.schemas[ClassName("Task")]


def test_a_form_of_which_nothing_is_said_may_hold_files(tmp_path: Path) -> None:
    for schema in ("{}", "{type: object}"):
        body = operation(
            tmp_path, f"requestBody: {{content: {{multipart/form-data: {{schema: {schema}}}}}}}\n{OK}"
        ).body
        assert body is not None
        assert body.type.expr == "dict[str, JsonValue | Upload] | None"


def test_merge_patches_tell_absent_from_null_at_every_depth(tmp_path: Path) -> None:
    made = feature(
        tmp_path,
        HEAD
        + """paths:
  /a:
    patch:
      requestBody: {required: true, content: {application/merge-patch+json: &task {schema: {$ref: '#/components/schemas/Task'}}, application/json: *task}}
      responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Owner'}}}}}
  /b:
    patch:
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Plain'}}}}
      responses: {'204': {description: ok}}
components:
  schemas:
    Task:
      type: object
      properties:
        owner: {oneOf: [{$ref: '#/components/schemas/Owner'}, {type: 'null'}]}
        others: {type: array, items: {$ref: '#/components/schemas/Owner'}}
        alone: {type: object, properties: {deep: {$ref: '#/components/schemas/Level'}}}
        next: {$ref: '#/components/schemas/Task'}
    Owner: {type: object, properties: {level: {$ref: '#/components/schemas/Level'}, boss: {$ref: '#/components/schemas/Owner'}}}
    Level: {type: string, enum: [a, b]}
    Plain: {type: object, properties: {inner: {type: object, properties: {a: {type: string}}}}}
""",
    )
    bodies = [one.body.type.expr for one in made.operations if one.body]
    assert bodies == ["Task", "Plain"]
    assert made.patch_schemas == {"Task", "TaskAlone", "OwnerMergePatch", "Plain"}
    task, owner = made.schemas[ClassName("Task")], made.schemas[ClassName("OwnerMergePatch")]
    assert isinstance(task, dict)
    assert isinstance(owner, dict)
    assert task["properties"] == {
        "owner": {"oneOf": [{"$ref": "#/$defs/OwnerMergePatch"}, {"type": "null"}]},
        "others": {"type": "array", "items": {"$ref": "#/$defs/OwnerMergePatch"}},
        "alone": {"$ref": "#/$defs/TaskAlone"},
        "next": {"$ref": "#/$defs/Task"},
    }
    assert owner["properties"] == {
        "level": {"$ref": "#/$defs/Level"},
        "boss": {"$ref": "#/$defs/OwnerMergePatch"},
    }


def test_multipart_bodies_with_files_are_upload_classes(tmp_path: Path) -> None:
    made = feature(
        tmp_path,
        HEAD
        + """paths:
  /a: {post: {operationId: a, requestBody: {required: true, content: {multipart/form-data: {schema: {$ref: '#/components/schemas/Photo'}}}}, responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Photo'}}}}}}}
  /b: {post: {operationId: b, requestBody: {required: true, content: {multipart/form-data: {schema: {allOf: [{$ref: '#/components/schemas/Files'}, {type: object, properties: {note: {type: string}}}]}}}}, responses: {'204': {description: ok}}}}
  /c: {post: {operationId: c, requestBody: {required: true, content: {multipart/form-data: {schema: {type: object, properties: {note: {type: string}, coded: {type: string, contentMediaType: image/png, contentEncoding: base64}}}}}}, responses: {'204': {description: ok}}}}
components:
  schemas:
    Photo: {type: object, properties: {file: {type: string, format: binary}}}
    Files: {type: object, properties: {files: {type: array, items: {type: string, contentMediaType: image/png}}}}
""",
    )
    assert [one.body.type.expr for one in made.operations if one.body] == ["PhotoForm", "BBody", "CBody"]
    assert made.upload_schemas == {"PhotoForm", "BBody"}


# -- responses -------------------------------------------------------------------------------------------------

JSON = "content: {application/json: {schema: {type: integer}}}"


@pytest.mark.parametrize(
    ("responses", "status", "result"),
    [
        ("{'200': {description: d}}", 200, "None"),
        ("{'204': {description: d}}", 204, "None"),
        (f"{{'200': {{description: d, {JSON}}}}}", 200, "int"),
        (f"{{'201': {{description: d, {JSON}}}, default: {{description: e}}}}", 201, "int"),
        (f"{{2XX: {{description: d, {JSON}}}}}", 200, "int"),
        (f"{{2xx: {{description: d, {JSON}}}}}", 200, "int"),
        (f"{{default: {{description: d, {JSON}}}}}", 200, "int"),
        ("{'404': {description: d}}", 200, "None"),
        ("{}", 200, "None"),
        ("{'302': {description: d}}", 302, "None"),
        ("{3XX: {description: d}}", 300, "None"),
        (f"{{'302': {{description: d}}, default: {{description: e, {JSON}}}}}", 302, "None"),
        (f"{{'201': {{description: d, {JSON}}}, '200': {{description: d, {JSON}}}}}", 200, "Ok[int] | Created[int]"),
        (f"{{'202': {{description: d}}, '204': {{description: d}}, '200': {{description: d, {JSON}}}}}", 200,
         "Ok[int] | Accepted[None] | NoContent"),
        (f"{{'200': {{description: d, {JSON}}}, '206': {{description: d, {JSON}}}}}", 200, "Ok[int] | XPartialContent"),
        (f"{{'200': {{description: d, {JSON}}}, '299': {{description: d}}}}", 200, "Ok[int] | XStatus299"),
        (f"{{'200': {{description: d, headers: {{X-A: {{schema: {{type: string}}}}}}, {JSON}}}}}", 200, "XOk"),
        (f"{{'200': {{description: d, headers: {{Content-Type: {{schema: {{type: string}}}}}}, {JSON}}}}}", 200, "int"),
        ("{'200': {description: d, content: {text/event-stream: {schema: {type: string}}}}}", 200, "AsyncIterator[str]"),
        ("{'200': {description: d, content: {image/png: {}}}}", 200, "Stream"),
        ("{'200': {description: d, content: {text/plain: {}}}}", 200, "str"),
        ("{'200': {description: d, content: {application/xml: {}}}}", 200, "str"),
        ("{'200': {description: d, content: {application/json: {}}}}", 200, "JsonValue"),
    ],
)  # fmt: skip
def test_results_follow_the_declared_successes(
    tmp_path: Path, responses: str, status: int, result: str
) -> None:
    made = operation(tmp_path, f"operationId: x\nresponses: {responses}")
    assert (made.status, made.result.expr) == (status, result)


def test_headers_are_typed_and_named(tmp_path: Path) -> None:
    made = feature(
        tmp_path,
        HEAD
        + """paths:
  /x:
    get:
      operationId: x
      responses:
        '200':
          description: d
          headers:
            Status: {required: true, schema: {type: integer}}
            X-Any: {}
            X-Json: {content: {application/json: {schema: {type: boolean}}}}
            X-Rate: {$ref: '#/components/headers/Rate'}
            x-extension: 3
components: {headers: {Rate: {schema: {type: integer}}}}
""",
    )
    (result,) = made.operations[0].result_classes
    assert [(header.name, header.wire, header.type.expr) for header in result.headers] == [
        ("status_2", "Status", "int"), ("x_any", "X-Any", "JsonValue"), ("x_json", "X-Json", "bool | None"),
        ("x_rate", "X-Rate", "int | None"),
    ]  # fmt: skip
    assert made.operations[0].responses[0].headers[3].schema == "RateHeader"


# -- the operation itself --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "own", "context", "security"),
    [
        ("", "", "PublicContext", ()),
        ("security: [{a: []}]", "", "Context", ((("a", ()),),)),
        ("security: [{a: []}]", "security: []", "PublicContext", ()),
        ("security: [{a: []}]", "security: [{}]", "PublicContext", ()),
        ("", "security: [{a: [read]}, {}]", "OptionalContext", ((("a", ("read",)),), ())),
        ("", "security: [{a: [], b: []}]", "Context", ((("a", ()), ("b", ())),)),
    ],
)
def test_contexts_follow_security(
    tmp_path: Path, root: str, own: str, context: str, security: object
) -> None:
    schemes = "components: {securitySchemes: {a: {type: http, scheme: bearer}, b: {$ref: '#/components/securitySchemes/a'}}}\n"
    made = operation(tmp_path, f"{own}\n{OK}", head=f"{HEAD}{root}\n{schemes}")
    assert made.context == context
    assert made.security == security


def test_names_given_by_authors_come_before_derived_ones(tmp_path: Path) -> None:
    made = feature(
        tmp_path,
        f"{HEAD}paths:\n  /x: {{get: {{{OK}}}, put: {{operationId: get-x, {OK}}}}}\n  /y: {{get: {{operationId: GetX, {OK}}}}}\n",
    )
    assert [(one.name, one.operation_id) for one in made.operations] == [
        ("get_x_3", "get_x"), ("get_x", "get-x"), ("get_x_2", "GetX"),
    ]  # fmt: skip


def test_texts_tags_and_places_are_kept(tmp_path: Path) -> None:
    made = operation(
        tmp_path,
        f"summary: ' Short. '\ndescription: |\n  Long.\ntags: [a, b]\ndeprecated: true\n{OK}",
        head=HEAD_30,
    )
    assert (made.summary, made.description, made.tags, made.deprecated) == (
        "Short.",
        "Long.",
        ("a", "b"),
        True,
    )
    assert str(made.source) == "specs/001-x/contracts/api.yaml:5:5"
    assert str(made.responses[0].source).endswith(":11:19")


def test_refused_operations_are_not_advertised(tmp_path: Path) -> None:
    text = f"{HEAD}paths:\n  /x:\n    get: {{{OK}}}\n    post: {{requestBody: {{required: true, content: {{xml: {{}}}}}}, {OK}}}\n"
    loaded = contract(tmp_path, text)
    (made,) = loaded.features
    assert [one.method for one in made.operations] == ["GET"]
    paths = made.document["paths"]
    assert isinstance(paths, dict)
    item = paths["/x"]
    assert isinstance(item, dict)
    assert list(item) == ["get"]
    assert fixes(loaded, "unreadable-body") == ["offer `application/json`"]
