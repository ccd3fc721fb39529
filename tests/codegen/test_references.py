# ruff: noqa: E501  (one case a line reads best)
"""References by path, by URI and by name; links and operations that are referred to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from handfast.codegen.project import Project, load
from tests.codegen.helpers import HEAD, OK, contract, feature, fixes, found, project

CASES = Path(__file__).parent / "cases"
HEAD_32 = HEAD.replace("3.1.0", "3.2.0")


@pytest.mark.parametrize("case", ["references", "identified", "many-files"])
def test_every_reference_becomes_a_pointer_that_leads_somewhere(case: str) -> None:
    (one,) = load(Project(CASES / case)).features
    refs = re.findall(r'"\$ref": "([^"]*)"', json.dumps(dict(one.document)))
    assert len(refs) > 10
    assert all(ref.startswith("#/") for ref in refs)


def test_schemas_keep_their_uri_only_where_no_reference_is_read_from_it() -> None:
    (one,) = load(Project(CASES / "identified")).features
    schemas = json.loads(json.dumps(dict(one.document)))["components"]["schemas"]
    assert {name for name, schema in schemas.items() if "$id" in schema} == {"tree", "strict"}


def test_documents_are_known_by_the_uri_they_give_themselves(tmp_path: Path) -> None:
    self_uri = "$self: https://api.example.com/v1/contracts/"
    loaded = project(tmp_path, {
        "001-x/contracts/api.yaml": f"""\
            openapi: 3.2.0
            {self_uri}main.yaml
            info: {{title: T, version: "1"}}
            paths:
              /a: {{$ref: "https://api.example.com/v1/shared/paths.yaml#/a"}}
              /b: {{get: {{responses: {{"200": {{$ref: "common.yaml#/components/responses/B"}}}}}}}}
              /c: {{get: {{responses: {{"200": {{$ref: "/v1/contracts/other.yaml#/ok"}}}}}}}}
            """,
        "001-x/shared/paths.yaml": f"a: {{get: {{{OK}}}}}\n",
        "001-x/contracts/sub/copy.yaml": f"""\
            openapi: 3.2.0
            {self_uri}common.yaml
            info: {{title: C, version: "1"}}
            components: {{responses: {{B: {{description: b}}}}}}
            """,
        "001-x/contracts/other.yaml": "ok: {description: c}\n",
    })  # fmt: skip
    assert not loaded.findings
    assert [operation.path for operation in loaded.features[0].operations] == ["/a", "/b", "/c"]


@pytest.mark.parametrize(
    "ref",
    [
        "https://elsewhere.example.com/x.yaml",
        "http://169.254.169.254/x",
        "//host/x.yaml",
        "file:///etc/passwd",
    ],
)
def test_no_reference_leaves_the_machine_or_the_project(tmp_path: Path, ref: str) -> None:
    loaded = contract(
        tmp_path, f"{HEAD_32}$self: https://api.example.com/a.yaml\npaths: {{/a: {{$ref: '{ref}'}}}}\n"
    )
    assert len(found(loaded, "remote-ref")) == 1
    assert "copy the file into the spec folder" in fixes(loaded, "remote-ref")[0]


def test_no_path_leaves_the_project(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("get: {}\n")
    root = tmp_path / "project"
    for ref in ("../../../../secret.yaml", "..%2f..%2F..%2f../secret.yaml", str(tmp_path / "secret.yaml")):
        loaded = contract(root, f"{HEAD}paths: {{/a: {{$ref: '{ref}'}}}}\n")
        assert len(found(loaded, "outside-ref")) == 1, ref


LINKS = """\
paths:
  /a:
    get:
      operationId: getA
      parameters: [{name: id, in: query, schema: {type: string}}]
      callbacks:
        event: {"http://example.com": {post: {operationId: onEvent, responses: {"200": {description: ok}}}}}
      responses:
        "200":
          description: ok
          links:
            good: {operationId: getA, parameters: {id: $response.body#/id, query.id: 1}}
            there: {operationRef: "#/paths/~1a/get"}
            elsewhere: {operationRef: "https://example.com/api.yaml#/paths/~1a/get"}
            misspelt: {operationId: getB}
            called: {operationId: onEvent}
            nowhere: {operationRef: "#/paths/~1b/get"}
            untaken: {operationId: getA, parameters: {header.id: 1, idd: 2}}
"""
SHARED = """\
            shared: {$ref: "#/components/links/Alias"}
            fine: {$ref: "#/components/links/Fine"}
components:
  links:
    Alias: {$ref: "#/components/links/Gone"}
    Gone: {operationId: nobody}
    Fine: {operationId: getA}
"""


def test_no_reference_to_a_dropped_link_stays(tmp_path: Path) -> None:
    loaded = contract(tmp_path, HEAD + LINKS + SHARED)
    document: Any = loaded.features[0].document
    links = document["paths"]["/a"]["get"]["responses"]["200"]["links"]
    assert "fine" in links
    assert "shared" not in links
    assert list(document["components"]["links"]) == ["Fine"]


def test_links_are_held_against_the_operations(tmp_path: Path) -> None:
    loaded = contract(tmp_path, HEAD + LINKS)
    assert [one.split(" ", 1)[1] for one in found(loaded, "dangling-link")] == [
        "the link leads to `getB`, and no operation has this operationId; it is ignored",
        "the link leads to `#/paths/~1b/get`, and there is no operation; it is ignored",
    ]
    assert fixes(loaded, "dangling-link")[0] == "did you mean `getA`?"
    assert [one.split("`")[1] for one in found(loaded, "unknown-link-parameter")] == ["header.id", "idd"]
    document: Any = loaded.features[0].document
    links = document["paths"]["/a"]["get"]["responses"]["200"]["links"]
    assert {name: list(link.get("parameters", ())) for name, link in links.items()} == {
        "good": ["id", "query.id"],
        "there": [],
        "elsewhere": [],
        "called": [],
        "untaken": [],
    }


def test_a_path_item_at_two_paths_is_two_operations(tmp_path: Path) -> None:
    one = feature(
        tmp_path,
        f"{HEAD}paths:\n  /a: {{$ref: '#/components/pathItems/A'}}\n  /b: {{$ref: '#/components/pathItems/A'}}\ncomponents: {{pathItems: {{A: {{get: {{operationId: getA, {OK}}}}}}}}}\n",
    )
    assert [(operation.operation_id, operation.name) for operation in one.operations] == [
        ("getA", "get_a"),
        ("get_b", "get_a_2"),
    ]
