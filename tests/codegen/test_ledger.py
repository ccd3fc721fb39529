# ruff: noqa: E501  (contracts read best as they are)
"""The ledger: its table names what the specifications name, and no construct or finding is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from schemathesis.specs.openapi import definitions

from handfast.codegen import constructs
from handfast.codegen.constructs import EARLIER_KEYWORDS, FIELDS, FORMATS, KEYWORDS
from handfast.codegen.grammar import KINDS, newer
from handfast.codegen.ledger import Line, summary
from handfast.codegen.project import Loaded, Project, load
from handfast.codegen.schemacheck import KEYWORDS as DATA_KEYWORDS
from handfast.codegen.source import Map
from handfast.codegen.walk import walk
from tests.codegen.helpers import HEAD, OK, contract
from tests.codegen.test_corpus import CORPUS, entries
from tests.codegen.test_legalisation import CASES
from tools.ledger_page import PAGE, page

pytestmark = pytest.mark.unmeasured

OPENAPI: dict[str, Any] = {
    "3.0": definitions.OPENAPI_30,
    "3.1": definitions.OPENAPI_31,
    "3.2": definitions.OPENAPI_32,
}
"""OpenAPI's own JSON Schemas of each version."""
DEFINITIONS = {
    "info": ("Info", "info"),
    "contact": ("Contact", "contact"),
    "license": ("License", "license"),
    "server": ("Server", "server"),
    "server variable": ("ServerVariable", "server-variable"),
    "external docs": ("ExternalDocumentation", "external-documentation"),
    "tag": ("Tag", "tag"),
    "path item": ("PathItem", "path-item"),
    "operation": ("Operation", "operation"),
    "parameter": ("Parameter", "parameter"),
    "header": ("Header", "header"),
    "request body": ("RequestBody", "request-body"),
    "media type": ("MediaType", "media-type"),
    "encoding": ("Encoding", "encoding"),
    "response": ("Response", "response"),
    "example": ("Example", "example"),
    "link": ("Link", "link"),
    "security scheme": ("SecurityScheme", "security-scheme"),
    "oauth flows": ("OAuthFlows", "oauth-flows"),
    "components": ("Components", "components"),
}
"""Kind of object → its definition in the schema of 3.0, and in those of 3.1 and 3.2."""
BY_HAND = {
    "discriminator": {"propertyName": "3.0", "mapping": "3.0", "defaultMapping": "3.2"},
    "xml object": {
        **dict.fromkeys(("name", "namespace", "prefix", "attribute", "wrapped"), "3.0"),
        "nodeType": "3.2",
    },
    "oauth flow": {
        **dict.fromkeys(("authorizationUrl", "tokenUrl", "refreshUrl", "scopes"), "3.0"),
        "deviceAuthorizationUrl": "3.2",
    },
    "callback": {},
    "paths": {},
    "security requirement": {},
}
"""Fields of objects that the schemas of 3.1 and 3.2 leave to a vocabulary, or describe in parts: from the
specifications' text (3.2: 4.25 Discriminator, 4.26 XML, 4.29 OAuth Flow)."""


def fields(schema: Any, root: Any, seen: frozenset[str] = frozenset()) -> set[str]:
    """The names of the fields that a definition allows, wherever in it they are said."""
    if not isinstance(schema, dict):
        return set()
    found = {*schema.get("properties", {})}
    for pattern in schema.get("patternProperties", {}):
        if pattern.startswith("^(") and pattern.endswith(")$"):
            found |= {*pattern[2:-2].removeprefix("?:").split("|")}
    parts = [part for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key, [])]
    parts += [schema.get(key) for key in ("if", "then", "else")]
    parts += schema.get("dependentSchemas", {}).values()
    ref = schema.get("$ref", "")
    if ref.startswith("#/") and ref not in seen:
        target = root
        for token in ref[2:].split("/"):
            target = target[token]
        parts.append(target)
        seen |= {ref}
    for part in parts:
        found |= fields(part, root, seen)
    return found - {"$ref"}


def official(kind: str) -> dict[str, str]:
    """The fields of an object, each with the version that brought it."""
    found: dict[str, str] = {}
    for version, root in OPENAPI.items():
        if kind == "document":
            definition = root
        else:
            old, new = DEFINITIONS[kind]
            definition = root["definitions"][old] if version == "3.0" else root["$defs"][new]
        for name in fields(definition, root):
            found.setdefault(name, version)
    if kind == "link":
        del found["body"]  # what the schema of 3.1 calls `server` by mistake (3.1.1, 4.8.20)
        found["server"] = "3.0"
    return found


@pytest.mark.parametrize("kind", [*DEFINITIONS, "document"])
def test_the_fields_are_those_of_the_specification(kind: str) -> None:
    known = official(kind)
    assert set(FIELDS[kind]) == set(known)
    assert {name: newer(kind, name) or "3.0" for name in known} == known


@pytest.mark.parametrize("kind", BY_HAND)
def test_fields_that_no_schema_lists_are_those_of_the_text(kind: str) -> None:
    assert set(FIELDS[kind]) == set(BY_HAND[kind])
    assert {name: newer(kind, name) or "3.0" for name in FIELDS[kind]} == BY_HAND[kind]


def test_every_kind_of_object_is_held_against_a_specification() -> None:
    assert {*DEFINITIONS, *BY_HAND, "document", "schema"} == set(KINDS)
    assert set(FIELDS) == set(KINDS) - {"schema"}


def keywords() -> dict[str, str]:
    """The keywords of OpenAPI 3.0's schema object and of the 3.1 dialect, each with its first version."""
    root = OPENAPI["3.0"]
    found = dict.fromkeys(fields(root["definitions"]["Schema"], root), "3.0")
    # OpenAPI 3.1.1, 4.8.24.2: the vocabularies of JSON Schema 2020-12, and OpenAPI's own base vocabulary.
    base = "https://json-schema.org/draft/2020-12"
    names = ["core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "content"]
    for name in names:
        for keyword in REGISTRY.contents(f"{base}/meta/{name}")["properties"]:
            found.setdefault(str(keyword), "3.1")
    return found | dict.fromkeys(("discriminator", "xml", "externalDocs", "example", "$ref"), "3.0")


def test_the_keywords_are_those_of_the_specification() -> None:
    known = keywords()
    assert set(KEYWORDS) == set(known)
    assert {name: newer("schema", name) or "3.0" for name in known} == known
    assert not set(KEYWORDS) & set(EARLIER_KEYWORDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_grammar_knows_every_construct_and_no_other(kind: str) -> None:
    slots = set(KINDS[kind].slots)
    if kind == "schema":
        assert slots | DATA_KEYWORDS == {*KEYWORDS, *EARLIER_KEYWORDS}
    else:
        assert slots == set(FIELDS[kind])


def test_all_but_enforced_constructs_say_why() -> None:
    tables = [*FIELDS.values(), KEYWORDS, EARLIER_KEYWORDS, FORMATS, constructs.STYLES, constructs.SCHEMES]
    for table in tables:
        for name, construct in table.items():
            assert construct.status in constructs.STATUSES
            assert (construct.status == "enforced") is not bool(construct.reason), name
            assert construct.cure or construct.status in ("enforced", "annotation"), name


def test_the_page_shows_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tools.ledger_page`"


# --- nothing is missing ---------------------------------------------------------------------------


def keys(root: Map) -> Iterator[tuple[str, ...]]:
    """The path of every key of every object in a document."""
    for visit in walk(root):
        yield from ((*visit.path, key) for key in visit.node)


def hold(loaded: Loaded) -> tuple[Line, ...]:
    """Assert that each construct and each finding of a project has its line, with a reason where one is due."""
    lines = loaded.ledger()
    assert lines == tuple(sorted(set(lines)))
    pointers = {line.pointer for line in lines if line.kind != "finding"}
    for feature in loaded.features:
        for path in keys(loaded.bundles[feature.file]):
            assert "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in path) in pointers
    told = {(line.code, line.reason) for line in lines}
    for finding in loaded.findings:
        assert (finding.code, finding.what) in told
    for line in lines:
        assert line.status == "enforced" or line.reason
        assert line.status in ("enforced", "annotation") or line.cure
    assert sum(
        count.enforced + count.partly_enforced + count.refused + count.annotation for count in summary(lines)
    ) == len(lines)
    return lines


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_no_construct_of_a_case_is_missing(case: Path) -> None:
    loaded = load(Project(case))
    assert hold(loaded) == hold(loaded)


@pytest.mark.skipif(not entries(), reason=f"no contracts in {CORPUS}")
@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry["name"])
def test_no_construct_of_a_real_contract_is_missing(entry: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(CORPUS / entry["name"], tmp_path / "specs" / "001-x" / "contracts")
    hold(load(Project(tmp_path)))


def lines_of(root: Path, text: str) -> dict[str, str]:
    """`kind name` → `status` of every line of a small contract."""
    loaded = contract(root, HEAD + text)
    assert not loaded.fatal
    return {f"{line.kind} {line.name}": line.status for line in hold(loaded)}


def test_what_is_dropped_is_refused_with_all_that_is_in_it(tmp_path: Path) -> None:
    text = f"""paths:
  '/a?b': {{get: {{operationId: gone, {OK}}}}}
  /c:
    get:
      parameters: [{{name: n, in: path, required: true, schema: {{minLength: 3, format: uuid}}}}]
      responses: {{'100': {{description: no, headers: {{X: {{schema: {{maxLength: 1}}}}}}}}, '200': {{description: yes}}}}
"""
    lines = lines_of(tmp_path, text)
    refused = {name for name, status in lines.items() if status == "refused"}
    assert refused >= {
        "OpenAPI field operation.operationId", "schema keyword minLength", "schema keyword maxLength",
        "format uuid", "status 100", "response header X", "parameter style path simple",
    }  # fmt: skip
    assert lines["OpenAPI field operation.parameters"] == "enforced"


def test_statuses_depend_on_what_stands_there(tmp_path: Path) -> None:
    text = f"""paths:
  /a:
    servers: [{{url: /b}}]
    post:
      x-mine: 3
      callbacks: {{c: {{u: {{post: {{{OK}}}}}}}}}
      requestBody: {{content: {{application/json: {{schema: {{format: lunar, wonder: true}}}}, image/png: {{}}}}}}
      security: [{{nobody: []}}]
      {OK}
components: {{securitySchemes: {{tls: {{type: mutualTLS}}, key: {{type: http, scheme: Digest}}}}}}
"""
    lines = lines_of(tmp_path, text)
    assert lines["OpenAPI field path item.servers"] == "enforced"
    assert lines["OpenAPI field operation.callbacks"] == "enforced"
    assert lines["extension x-mine"] == "annotation"
    assert lines["format lunar"] == "annotation"
    assert lines["schema keyword wonder"] == "annotation"
    assert lines["media type application/json"] == "enforced"
    assert lines["media type image/png"] == "annotation"
    assert lines["security requirement nobody"] == "enforced"
    assert lines["security scheme mutualTLS"] == "partly enforced"
    assert lines["security scheme http digest"] == "enforced"


def test_a_construct_that_is_mended_is_enforced_and_says_so(tmp_path: Path) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{'/x/{{id*}}': {{get: {{{OK}}}}}}}\n")
    (line,) = [line for line in hold(loaded) if line.kind == "path"]
    assert (line.status, line.code) == ("enforced", "odd-template")
    assert line.cure == "leave only names in braces, and say the rest with `style` and `explode`"
