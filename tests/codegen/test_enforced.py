# ruff: noqa: E501  (one case a line reads best)
"""What the ledger calls enforced is enforced: a request that breaks it is refused, one that keeps it is not.

Each case is an operation of one contract, loaded by the generator and served by the runtime over ASGI. The
tables must have a case for every keyword, format, style and media type that `constructs.toml` calls enforced.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import NAMESPACE_DNS, uuid5

import pytest
from fastapi import FastAPI

from handfast.codegen import constructs
from handfast.codegen.constructs import Table
from handfast.codegen.contractjson import contract as contract_json
from handfast.codegen.publish import publish
from handfast.runtime import HeaderName, Inputs, Principal, PublicContext, Result, create_app
from tests.codegen.contracts import read, write_contract
from tests.unit.runtime.small import Handler, client, router, settings

INT = {"type": "integer"}
TEXT = {"type": "string"}


@dataclass(frozen=True)
class Sent:
    """A request, as far as it differs from `POST /`."""

    query: str = ""
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""


@dataclass(frozen=True)
class Case:
    """An operation, requests that keep what it says, and requests that break it."""

    name: str
    operation: Mapping[str, Any]
    good: tuple[Sent, ...]
    bad: tuple[Sent, ...]
    template: str = ""


def body(name: str, schema: Any, good: Iterable[Any], bad: Iterable[Any]) -> Case:
    """A case whose JSON body has `schema`."""
    operation = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    sent = {"Content-Type": "application/json"}

    def made(group: Iterable[Any]) -> tuple[Sent, ...]:
        return tuple(Sent(headers=sent, content=json.dumps(one).encode()) for one in group)

    return Case(name, operation, made(good), made(bad))


def raw(name: str, media_type: str, media: Any, good: Iterable[str], bad: Iterable[str]) -> Case:
    """A case whose body has a media type of its own; each request is given as its text."""
    operation = {"requestBody": {"required": True, "content": {media_type: media}}}
    sent = {"Content-Type": media_type + ("; boundary=b" if "multipart" in media_type else "")}

    def made(group: Iterable[str]) -> tuple[Sent, ...]:
        return tuple(Sent(headers=sent, content=one.encode()) for one in group)

    return Case(name, operation, made(good), made(bad))


def parameter(name: str, where: str, good: Iterable[str], bad: Iterable[str], **entry: Any) -> Case:
    """A case with one parameter `p`; each request is given as what stands in that place."""
    one = {"name": "p", "in": where, "required": True, "schema": INT} | entry
    if "content" in one:
        del one["schema"]

    def sent(text: str) -> Sent:
        match where:
            case "query":
                return Sent(query=text)
            case "path":
                return Sent(path=f"/{text}")
            case "header":
                return Sent(headers={"p": text})
        return Sent(headers={"Cookie": text})

    template = "/{p}" if where == "path" else ""
    return Case(name, {"parameters": [one]}, tuple(map(sent, good)), tuple(map(sent, bad)), template)


INTS = {"type": "array", "items": INT}
PAIR = {"type": "object", "properties": {"a": INT}, "required": ["a"], "additionalProperties": INT}
REF = {"$ref": "#/components/schemas/Int"}
CAT = {"$ref": "#/components/schemas/Cat"}
DOG = {"$ref": "#/components/schemas/Dog"}
COMPONENTS: dict[str, Any] = {
    "schemas": {
        "Int": INT,
        "Defs": {"$defs": {"i": INT}},
        "Cat": {"type": "object", "required": ["kind"], "properties": {"kind": TEXT, "lives": INT}},
        "Dog": {"type": "object", "required": ["kind"], "properties": {"kind": TEXT, "lives": TEXT}},
        "Uri": {"$id": "https://example.com/int", **INT},
        "Tree": {
            "$id": "https://example.com/tree",
            "$dynamicAnchor": "node",
            "type": "object",
            "properties": {"in": {"$dynamicRef": "#node"}},
        },
        "Strict": {
            "$id": "https://example.com/strict",
            "$dynamicAnchor": "node",
            "$ref": "tree",
            "unevaluatedProperties": False,
        },
    }
}

KEYWORDS = [
    body("$ref", REF, [1], ["a"]),
    body("$id", {"$ref": "https://example.com/int"}, [1], ["a"]),
    body("$anchor", {"properties": {"a": {"$anchor": "here", **INT}, "b": {"$ref": "#here"}}}, [{"b": 1}], [{"b": "a"}]),
    body("$dynamicRef", {"$ref": "https://example.com/tree"}, [{"in": {"a": 1}}], [{"in": 1}]),
    body("$dynamicAnchor", {"$ref": "https://example.com/strict"}, [{"in": {"in": {}}}], [{"in": {"a": 1}}]),
    body("$defs", {"$ref": "#/components/schemas/Defs/$defs/i"}, [1], ["a"]),
    body("allOf", {"allOf": [{"minimum": 2}, {"maximum": 3}]}, [2, 3], [1, 4]),
    body("anyOf", {"anyOf": [{"minimum": 4}, {"maximum": 1}]}, [0, 5], [2]),
    body("oneOf", {"oneOf": [{"minimum": 2}, {"maximum": 3}]}, [1, 4], [2]),
    body("not", {"not": INT}, ["a"], [1]),
    body("if", {"if": INT, "then": {"minimum": 2}, "else": TEXT}, [2, "a"], [1, True]),
    body("then", {"if": INT, "then": {"minimum": 2}}, [2, "a"], [1]),
    body("else", {"if": INT, "else": TEXT}, [2, "a"], [True]),
    body("dependentSchemas", {"dependentSchemas": {"a": {"required": ["b"]}}}, [{}, {"a": 1, "b": 2}], [{"a": 1}]),
    body("dependentRequired", {"dependentRequired": {"a": ["b"]}}, [{}, {"a": 1, "b": 2}], [{"a": 1}]),
    body("prefixItems", {"prefixItems": [INT, TEXT]}, [[1, "a", None]], [["a", "a"]]),
    body("items", {"items": INT}, [[1]], [[1, "a"]]),
    body("contains", {"contains": INT}, [["a", 1]], [["a"], []]),
    body("minContains", {"contains": INT, "minContains": 2}, [[1, 2]], [[1]]),
    body("maxContains", {"contains": INT, "maxContains": 1}, [[1]], [[1, 2]]),
    body("minItems", {"minItems": 1}, [[1]], [[]]),
    body("maxItems", {"maxItems": 1}, [[1]], [[1, 2]]),
    body("uniqueItems", {"uniqueItems": True}, [[1, 2]], [[1, 1.0]]),
    body("properties", {"properties": {"a": INT}}, [{"a": 1}, {"b": "a"}], [{"a": "a"}]),
    body("patternProperties", {"patternProperties": {"^a": INT}}, [{"ab": 1, "b": "a"}], [{"ab": "a"}]),
    body("additionalProperties", {"properties": {"a": INT}, "additionalProperties": False}, [{"a": 1}], [{"b": 1}]),
    body("propertyNames", {"propertyNames": {"maxLength": 1}}, [{"a": 1}], [{"ab": 1}]),
    body("required", {"required": ["a"]}, [{"a": None}], [{}]),
    body("minProperties", {"minProperties": 1}, [{"a": 1}], [{}]),
    body("maxProperties", {"maxProperties": 1}, [{"a": 1}], [{"a": 1, "b": 2}]),
    body("unevaluatedItems", {"prefixItems": [INT], "unevaluatedItems": False}, [[1]], [[1, 2]]),
    body("unevaluatedProperties", {"allOf": [{"properties": {"a": INT}}], "unevaluatedProperties": False}, [{"a": 1}], [{"b": 1}]),
    body("type", {"type": ["integer", "null"]}, [1, 1.0, None], ["1", True, 1.5]),
    body("enum", {"enum": [1, "a", None]}, [1, "a", None], [2, "b", False]),
    body("const", {"const": {"a": [1]}}, [{"a": [1]}], [{"a": [2]}, 1]),
    body("format", {"format": "date"}, ["2024-02-29", 3], ["2023-02-29"]),
    body("pattern", {"pattern": r"^\d{2}(?!9)"}, ["12", 3], ["1", "129"]),
    body("minLength", {"minLength": 2}, ["ab", 1], ["😀"]),
    body("maxLength", {"maxLength": 1}, ["😀"], ["ab"]),
    body("minimum", {"minimum": 1}, [1], [0.9]),
    body("maximum", {"maximum": 1}, [1], [1.1]),
    body("exclusiveMinimum", {"exclusiveMinimum": 1}, [1.1], [1]),
    body("exclusiveMaximum", {"exclusiveMaximum": 1}, [0.9], [1]),
    body("multipleOf", {"multipleOf": 0.01}, [4.35, 1], [0.001]),
    body("readOnly", {"required": ["a", "b"], "properties": {"a": {"readOnly": True}, "b": {}}}, [{"b": 1}], [{"a": 1}]),
    body("discriminator", {"oneOf": [CAT, DOG], "discriminator": {"propertyName": "kind", "mapping": {"c": "Cat"}}},
         [{"kind": "c"}, {"kind": "Dog"}], [{"kind": "d"}]),
]  # fmt: skip
"""Keywords that say what a JSON body may be."""

FORMATS: dict[str, tuple[list[Any], list[Any]]] = {
    "date-time": (["2024-02-29T23:59:59Z", "2024-01-01T00:00:00.5+01:00"], ["2024-01-01", "2024-01-01T25:00:00Z"]),
    "date": (["2024-02-29"], ["2023-02-29", "20230228"]),
    "time": (["23:59:59Z"], ["24:00:00Z", "12:00"]),
    "duration": (["P1DT2H", "PT0S"], ["1D", "P"]),
    "email": (["a.b@example.com"], ["a", "a@b@c"]),
    "idn-email": (["ü@example.com"], ["ü"]),
    "hostname": (["a.example.com"], ["-a.example", "a_b"]),
    "idn-hostname": (["ü.example"], ["-ü"]),
    "ipv4": (["127.0.0.1"], ["127.0.0.256", "127.1"]),
    "ipv6": (["::1"], [":1", "127.0.0.1"]),
    "uri": (["https://example.com/a?b#c"], ["/a", "https://exa mple.com"]),
    "uri-reference": (["/a?b"], ["\\a", "a b"]),
    "iri": (["https://example.com/ü"], ["/ü"]),
    "iri-reference": (["/ü"], ["\\ü"]),
    "uri-template": (["/a/{b}"], ["/a/{b"]),
    "uuid": (["01234567-89ab-cdef-0123-456789ABCDEF"], ["0123456789abcdef0123456789abcdef"]),
    "json-pointer": (["/a/b~1c", ""], ["a", "/a~2"]),
    "relative-json-pointer": (["1/a", "0#"], ["/a", "-1"]),
    "regex": (["^[a-z]+$"], ["[", "(?<a"]),
    "byte": (["YWI="], ["YWI", "a b="]),
    "base64url": (["YWI", "YWI=", "-_-_"], ["YWI==", "a+/="]),
    "char": (["a"], ["", "ab"]),
    "date-time-local": (["2024-02-29T10:11:12"], ["2024-02-29T10:11:12Z"]),
    "time-local": (["10:11:12.5"], ["10:11", "10:11:12Z"]),
    "http-date": (["Sun, 06 Nov 1994 08:49:37 GMT"], ["1994-11-06"]),
    "media-range": (["text/*;q=0.5"], ["text"]),
    "decimal": (["-0.50"], ["1e5", ".5"]),
    "decimal128": (["1E+5"], ["NaN"]),
    "sf-binary": ([":aGk=:"], ["aGk="]),
    "sf-boolean": (["?0"], ["true"]),
    "sf-decimal": (["1.5"], ["1"]),
    "sf-string": (['"a"'], ["a"]),
    "sf-token": (["a/b"], ["1a"]),
    "double-int": ([2**53 - 1, 1 - 2**53], [2**53, -(2**53)]),
    "sf-integer": ([10**15 - 1], [10**15]),
    **{
        name: ([low, high], [low - 1, high + 1])
        for bits in (8, 16, 32, 64)
        for name, low, high in (
            (f"int{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
            (f"uint{bits}", 0, 2**bits - 1),
        )
    },
}  # fmt: skip
"""Format → values that have it, and values that do not."""

STYLES = [
    parameter("path simple", "path", ["5"], ["a"]),
    parameter("path simple list", "path", ["1,2"], ["1,a"], schema=INTS),
    parameter("path simple object", "path", ["a,1"], ["a,b", "b,1"], schema=PAIR),
    parameter("path simple explode object", "path", ["a=1"], ["a,1"], schema=PAIR, explode=True),
    parameter("path label", "path", [".5"], ["5", ".a"], style="label"),
    parameter("path label explode list", "path", [".1.2"], [".1.a"], schema=INTS, style="label", explode=True),
    parameter("path matrix", "path", [";p=5"], ["5", ";q=5"], style="matrix"),
    parameter("path matrix list", "path", [";p=1,2"], [";p=1,a"], schema=INTS, style="matrix"),
    parameter("path matrix explode list", "path", [";p=1;p=2"], [";p=1;q=2"], schema=INTS, style="matrix", explode=True),
    parameter("query form", "query", ["p=5"], ["p=a", "", "q=5"]),
    parameter("query form explode list", "query", ["p=1&p=2"], ["p=1&p=a", "p=1,2"], schema=INTS),
    parameter("query form list", "query", ["p=1,2"], ["p=1,a"], schema=INTS, explode=False),
    parameter("query form explode object", "query", ["a=1&b=2"], ["a=x", "b=2"], schema=PAIR),
    parameter("query form object", "query", ["p=a,1"], ["p=a", "p=b,1"], schema=PAIR, explode=False),
    parameter("query spaceDelimited", "query", ["p=1%202"], ["p=1%20a"], schema=INTS, style="spaceDelimited", explode=False),
    parameter("query pipeDelimited", "query", ["p=1|2", "p=1%7C2"], ["p=1|a"], schema=INTS, style="pipeDelimited", explode=False),
    parameter("query deepObject", "query", ["p[a]=1&p[b]=2"], ["p[a]=x", "p[b]=2", "a=1"], schema=PAIR, style="deepObject"),
    parameter("query content", "query", ["p=%7B%22a%22:1%7D"], ["p=%7B%22a%22:%22b%22%7D", "p=%7B"], content={"application/json": {"schema": PAIR}}),
    parameter("query form empty", "query", ["p=", "p=5", ""], ["p=a"], required=False, allowEmptyValue=True),
    parameter("header simple", "header", ["5"], ["a"]),
    parameter("header simple list", "header", ["1,2", "1, 2"], ["1,a"], schema=INTS),
    parameter("header simple explode object", "header", ["a=1"], ["a=b"], schema=PAIR, explode=True),
    parameter("cookie form", "cookie", ["p=5"], ["p=a", "q=5"]),
    parameter("cookie form list", "cookie", ["p=1,2"], ["p=1,a"], schema=INTS, explode=False),
    parameter("cookie cookie", "cookie", ["p=5; q=a"], ["p=a"], style="cookie"),
]  # fmt: skip

PART = "--b\r\nContent-Disposition: form-data; name={}\r\n\r\n{}\r\n--b--\r\n"
TYPED = "--b\r\nContent-Disposition: form-data; name={}\r\nContent-Type: {}\r\n\r\n{}\r\n--b--\r\n"
NAMED = "--c\r\nContent-Disposition: form-data; name={}\r\nContent-Type: {}\r\n\r\n{}\r\n--c--"
PARTS = "--b\r\nContent-Type: {}\r\n\r\n{}\r\n--b--\r\n"
INNER = "--c\r\nContent-Type: {}\r\n\r\n{}\r\n--c\r\nContent-Type: {}\r\n\r\n{}\r\n--c--"
MEDIA = [
    raw("json", "application/json", {"schema": PAIR}, ['{"a": 1}'], ['{"a": "1"}', "{", '{"a": 1} 2', "a=1"]),
    raw("json +json", "application/vnd.x+json", {"schema": PAIR}, ['{"a": 1}'], ['{"a": "1"}']),
    raw("form", "application/x-www-form-urlencoded", {"schema": PAIR}, ["a=1&b=2"], ["a=x", "b=2", ""]),
    raw("form encoding", "application/x-www-form-urlencoded",
        {"schema": {"type": "object", "required": ["l"], "properties": {"l": INTS}}, "encoding": {"l": {"style": "pipeDelimited", "explode": False}}},
        ["l=1|2"], ["l=1|a", "l=1,2"]),
    raw("multipart", "multipart/form-data", {"schema": PAIR}, [PART.format("a", "1")], [PART.format("a", "x"), PART.format("b", "1")]),
    raw("multipart contentType", "multipart/form-data", {"schema": PAIR, "encoding": {"a": {"contentType": "application/json"}}},
        [PART.format("a", "1"), TYPED.format("a", "application/json", "1")], [TYPED.format("a", "text/plain", "1"), TYPED.format("a", "application/json", "{")]),
    raw("multipart headers", "multipart/form-data", {"schema": PAIR, "encoding": {"a": {"headers": {"X-N": {"required": True, "schema": INT}}}}},
        [PART.format("a\r\nX-N: 1", "1")], [PART.format("a", "1"), PART.format("a\r\nX-N: x", "1")]),
    raw("multipart inner encoding", "multipart/form-data",
        {"schema": {"type": "object", "properties": {"a": PAIR}}, "encoding": {"a": {"contentType": "multipart/mixed", "encoding": {"a": {"contentType": "text/plain"}}}}},
        [TYPED.format("a", "multipart/mixed; boundary=c", NAMED.format("a", "text/plain", "1"))],
        [TYPED.format("a", "multipart/mixed; boundary=c", NAMED.format("a", "text/plain", "x")), TYPED.format("a", "multipart/mixed; boundary=c", NAMED.format("a", "text/html", "1"))]),
    raw("parts", "multipart/mixed", {"schema": INTS}, [PARTS.format("text/plain", "1"), "--b--"], [PARTS.format("text/plain", "x"), PARTS.format("image/png", "1"), "--b"]),
    raw("parts itemSchema", "multipart/mixed", {"itemSchema": PAIR}, [PARTS.format("application/json", '{"a": 1}')], [PARTS.format("application/json", '{"a": "x"}')]),
    raw("parts both", "multipart/mixed", {"schema": {"type": "array", "maxItems": 1}, "itemSchema": INT}, [PARTS.format("text/plain", "1")], [PARTS.format("text/plain", "x"), PARTS.format("text/plain", "1\r\n--b\r\n\r\n1")]),
    raw("parts prefixEncoding", "multipart/mixed", {"schema": {"type": "array"}, "prefixEncoding": [{"contentType": "image/png"}]}, [PARTS.format("image/png", "x")], [PARTS.format("image/gif", "x")]),
    raw("parts itemEncoding", "multipart/mixed", {"schema": {"type": "array"}, "itemEncoding": {"contentType": "application/json, image/*"}},
        [PARTS.format("image/png", "x"), PARTS.format("application/json", "1")], [PARTS.format("text/plain", "x"), PARTS.format("application/json", "x")]),
    raw("parts inner", "multipart/mixed",
        {"schema": {"type": "array", "items": INTS}, "itemEncoding": {"contentType": "multipart/mixed", "prefixEncoding": [{}], "itemEncoding": {"contentType": "application/json"}}},
        [PARTS.format("multipart/mixed; boundary=c", INNER.format("text/plain", "1", "application/json", "2"))],
        [PARTS.format("multipart/mixed; boundary=c", INNER.format("text/plain", "x", "application/json", "2")), PARTS.format("multipart/mixed; boundary=c", INNER.format("text/plain", "1", "text/plain", "2"))]),
    raw("text", "text/plain", {"schema": {"type": "string", "maxLength": 2}}, ["ab"], ["abc"]),
    raw("xml", "application/xml", {"schema": PAIR}, ["<p><a>1</a></p>"], ["<p><a>x</a></p>", "<p>", "<!DOCTYPE p><p><a>1</a></p>"]),
    raw("xml text", "text/xml", {"schema": {"type": "array", "items": INT}}, ["<l><i>1</i><i>2</i></l>"], ["<l><i>x</i></l>", "<l>1</l>"]),
    raw("yaml", "application/yaml", {"schema": PAIR}, ["a: 1", '{"a": 1}'], ["a: '1'", "a: [", "a: &x 1", "a: 1\na: 1"]),
    raw("jsonl", "application/jsonl", {"itemSchema": INT}, ["1\n2\n"], ["1\na\n", '1\n"2"\n']),
    raw("jsonl both", "application/jsonl", {"schema": {"type": "array", "maxItems": 1}, "itemSchema": INT}, ["1"], ["1\n2", '"1"']),
    raw("form contentType", "application/x-www-form-urlencoded",
        {"schema": {"type": "object", "properties": {"a": {"type": "string", "maxLength": 1}}}, "encoding": {"a": {"contentType": "application/json"}}},
        ["a=%225%22", "a=b"], ["a=%2255%22"]),
    raw("form style", "application/x-www-form-urlencoded",
        {"schema": {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}, "encoding": {"a": {"contentType": "application/json", "style": "form"}}},
        ["a=%225%22"], ["a=%2255%22"]),
]  # fmt: skip


def of_xml(field: str, value: Any, good: str, bad: str, schema: Any = INT) -> Case:
    """A case whose one property `a` says under `xml` how it is written."""
    one = schema | {"xml": {field: value}}
    whole = {"type": "object", "required": ["a"], "properties": {"a": one}}
    return raw(f"xml.{field}", "application/xml", {"schema": whole}, [f"<p{good}</p>"], [f"<p{bad}</p>"])


XML = [
    of_xml("name", "b", "><b>1</b>", "><c>1</c>"),
    of_xml("attribute", True, ' a="1">', ' a="x">'),
    of_xml("wrapped", True, "><a><a>1</a></a>", "><a>1</a>", INTS),
    of_xml("nodeType", "attribute", ' a="1">', ' a="x">'),
]
OTHERS = [
    body("discriminator.defaultMapping", {"oneOf": [CAT, DOG], "discriminator": {"propertyName": "kind", "defaultMapping": "Cat"}},
         [{"kind": "Dog", "lives": "many"}, {"kind": "Fish", "lives": 1}], [{"kind": "Fish", "lives": "many"}]),
]  # fmt: skip
"""What is said inside an object that belongs to a keyword."""
OLD = [
    body("nullable", {"type": "integer", "nullable": True}, [1, None], ["a"]),
]
"""Keywords of OpenAPI 3.0."""


async def kept(ctx: PublicContext, inputs: Inputs) -> object:
    return None


def served(root: Path, document: dict[str, Any], handler: Handler = kept, **more: Any) -> FastAPI:
    """The service of a contract, all of whose operations are `handler`."""
    info: dict[str, Any] = {"title": "A", "version": "1"}
    write_contract(root, "001-a", {"openapi": "3.2.0", "info": info, **document})
    (feature,) = read(root)
    published = publish([feature])
    made = contract_json(feature, published.added[feature.name])
    handlers = {str(one.name): handler for one in feature.operations}
    routes = router(root / "generated" / "a", made, handlers)
    (root / "generated" / "openapi.json").write_text(json.dumps(published.document))
    return create_app(settings(), root=root, routers=[routes], **more)


def contract_of(version: str, cases: list[Case]) -> dict[str, Any]:
    """A contract with an operation for each case."""
    answer = {"responses": {"204": {"description": "Kept."}}}
    paths = {
        f"/c{number}{case.template}": {"post": {"operationId": f"c{number}", **answer, **case.operation}}
        for number, case in enumerate(cases)
    }
    return {"openapi": version, "paths": paths, "components": COMPONENTS if version > "3.1" else {}}


async def answers(app: FastAPI, cases: list[Case]) -> dict[str, list[str]]:
    """Case → what it answered otherwise than it should."""
    wrong: dict[str, list[str]] = {}
    async with client(app) as http:
        for number, case in enumerate(cases):
            for sent, wanted in [*((one, 204) for one in case.good), *((one, 422) for one in case.bad)]:
                url = f"/c{number}{sent.path}" + (f"?{sent.query}" if sent.query else "")
                got = await http.post(url, headers=dict(sent.headers), content=sent.content)
                if got.status_code != wanted:
                    shown = sent.content.decode() or sent.query or sent.path or str(dict(sent.headers))
                    wrong.setdefault(case.name, []).append(
                        f"{shown!r} is answered {got.status_code}, not {wanted}"
                    )
    return wrong


def formats() -> list[Case]:
    return [
        body(name, {"format": name, **(INT if isinstance(good[0], int) else {})}, good, bad)
        for name, (good, bad) in FORMATS.items()
    ]


@pytest.mark.parametrize(
    ("version", "cases"),
    [
        ("3.2.0", KEYWORDS),
        ("3.2.0", formats()),
        ("3.2.0", STYLES),
        ("3.2.0", MEDIA),
        ("3.2.0", OTHERS),
        ("3.2.0", XML),
        ("3.0.3", OLD),
    ],
    ids=["keywords", "formats", "styles", "media", "others", "xml", "old"],
)
def test_what_breaks_it_is_refused_and_what_keeps_it_is_not(
    version: str, cases: list[Case], tmp_path: Path
) -> None:
    assert asyncio.run(answers(served(tmp_path, contract_of(version, cases)), cases)) == {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Result[object]):
    status: ClassVar[int] = 200
    body: object = None
    count: Annotated[object, HeaderName("X-Count")] = None


def gives(schema: Any, headers: Any = None) -> dict[str, Any]:
    """Responses with one 200."""
    content = {"application/json": {"schema": schema}}
    return {"responses": {"200": {"description": "It.", "content": content, "headers": headers or {}}}}


LIST = {"X-Count": {"required": True, "explode": False, "schema": {"type": "array", "items": INT}}}
COUNT = {"X-Count": {"required": True, "schema": INT}}
ANSWERS: list[tuple[str, dict[str, Any], object, object]] = [
    ("response.content", gives(INT), 1, "a"),
    ("writeOnly", gives({"properties": {"a": {"writeOnly": True}}}), {"b": 1}, {"a": 1}),
    ("header.schema", gives(INT, COUNT), Counted(body=1, count=2), Counted(body=1, count="many")),
    ("header.style", gives(INT, LIST), Counted(body=1, count=[1, 2]), Counted(body=1, count=["a"])),
    (
        "header.content",
        gives(INT, {"X-Count": {"content": {"application/json": {"schema": INT}}}}),
        Counted(body=1, count=2),
        Counted(body=1, count="many"),
    ),
    ("header.required", gives(INT, COUNT), Counted(body=1, count=2), Counted(body=1)),
]
"""What an operation may answer, and what it may not."""


@pytest.mark.parametrize(("name", "operation", "good", "bad"), ANSWERS, ids=[case[0] for case in ANSWERS])
async def test_answers_that_break_the_contract_are_not_sent(
    name: str, operation: dict[str, Any], good: object, bad: object, tmp_path: Path
) -> None:
    for status, value in ((200, good), (500, bad)):

        async def answer(ctx: PublicContext, inputs: Inputs, value: object = value) -> object:
            return value

        async with client(served(tmp_path, {"paths": {"/a": {"get": operation}}}, answer)) as http:
            assert (await http.get("/a")).status_code == status


async def test_a_default_stands_in_for_a_parameter_that_is_absent(tmp_path: Path) -> None:
    async def echo(ctx: PublicContext, inputs: Inputs) -> object:
        return inputs.model_dump()["p"]

    one = {"name": "p", "in": "query", "schema": {"type": "integer", "default": 7}}
    app = served(tmp_path, {"paths": {"/a": {"get": {"parameters": [one], **gives({})}}}}, echo)
    async with client(app) as http:
        assert [(await http.get(url)).json() for url in ("/a", "/a?p=3")] == [7, 3]


async def test_what_may_be_absent_may_be_and_what_is_required_may_not(tmp_path: Path) -> None:
    json_body = {"application/json": {"schema": INT}}
    paths = {
        f"/{required}": {
            "parameters": [{"name": "p", "in": "query", "required": required == "yes", "schema": INT}],
            "post": {
                "requestBody": {"required": required == "yes", "content": json_body},
                "responses": {"204": {"description": "Kept."}},
            },
        }
        for required in ("yes", "no")
    }
    sent = {"Content-Type": "application/json"}
    async with client(served(tmp_path, {"paths": paths})) as http:
        assert (await http.post("/no")).status_code == 204
        assert (await http.post("/yes?p=1", headers=sent, content=b"1")).status_code == 204
        assert (await http.post("/yes", headers=sent, content=b"1")).status_code == 422
        assert (await http.post("/yes?p=1", headers=sent)).status_code == 422
        assert (
            await http.post("/yes?p=1", headers={"Content-Type": "text/csv"}, content=b"1")
        ).status_code == 415


SCHEMES: dict[str, tuple[dict[str, Any], Sent]] = {
    "apiKey header": ({"type": "apiKey", "in": "header", "name": "X-Key"}, Sent(headers={"X-Key": "k"})),
    "apiKey query": ({"type": "apiKey", "in": "query", "name": "key"}, Sent(query="key=k")),
    "apiKey cookie": ({"type": "apiKey", "in": "cookie", "name": "key"}, Sent(headers={"Cookie": "key=k"})),
    "http basic": ({"type": "http", "scheme": "basic"}, Sent(headers={"Authorization": "Basic azpr"})),
    "http bearer": ({"type": "http", "scheme": "bearer"}, Sent(headers={"Authorization": "Bearer k"})),
    "oauth2": ({"type": "oauth2", "flows": {}}, Sent(headers={"Authorization": "Bearer k"})),
    "openIdConnect": (
        {"type": "openIdConnect", "openIdConnectUrl": "https://example.com"},
        Sent(headers={"Authorization": "Bearer k"}),
    ),
}


@pytest.mark.parametrize("name", SCHEMES)
async def test_nobody_gets_in_without_the_credential(name: str, tmp_path: Path) -> None:
    scheme, sent = SCHEMES[name]

    async def known(*credential: object) -> Principal | None:
        return Principal(uuid5(NAMESPACE_DNS, "k"), "k")

    document = {
        "paths": {"/a": {"get": {"responses": {"204": {"description": "In."}}}}},
        "security": [{"it": []}],
        "components": {"securitySchemes": {"it": scheme}},
    }
    async with client(served(tmp_path, document, authenticators={"it": known})) as http:
        assert (await http.get("/a")).status_code == 401
        url = f"/a?{sent.query}" if sent.query else "/a"
        assert (await http.get(url, headers=dict(sent.headers))).status_code == 204


async def test_a_path_answers_to_the_methods_that_it_declares(tmp_path: Path) -> None:
    answer = {"responses": {"204": {"description": "Kept."}}}
    methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"]
    paths = {f"/{method}": {method: answer} for method in methods}
    async with client(served(tmp_path, {"paths": paths})) as http:
        for declared in methods:
            got = {
                method: (await http.request(method.upper(), f"/{declared}")).status_code for method in methods
            }
            assert got == {method: 204 if method == declared else 405 for method in methods} | (
                {} if declared == "options" else {"options": got["options"]}
            )


async def test_the_service_is_where_its_servers_say(tmp_path: Path) -> None:
    server = {"url": "https://example.com/{v}", "variables": {"v": {"default": "v1", "enum": ["v1", "v2"]}}}
    document = {
        "servers": [server],
        "paths": {"/a": {"get": {"responses": {"204": {"description": "Kept."}}}}},
    }
    async with client(served(tmp_path, document)) as http:
        assert [(await http.get(url)).status_code for url in ("/v1/a", "/a", "/v2/a", "/v3/a")] == [
            204,
            204,
            204,
            404,
        ]


async def test_operations_are_where_their_own_servers_say(tmp_path: Path) -> None:
    answer = {"responses": {"204": {"description": "Kept."}}}
    document = {
        "servers": [{"url": "/v1"}],
        "paths": {
            "/a": {
                "servers": [{"url": "/v2"}],
                "get": answer,
                "put": {**answer, "servers": [{"url": "/v3"}]},
            },
        },
    }
    async with client(served(tmp_path, document)) as http:
        for method, at_home in (("GET", "/v2"), ("PUT", "/v3")):
            got = {
                base: (await http.request(method, f"{base}/a")).status_code for base in ("/v1", "/v2", "/v3")
            }
            assert got == {base: 204 if base == at_home else 404 for base in got}


async def test_components_count_where_they_are_referred_to(tmp_path: Path) -> None:
    def ref(section: str) -> dict[str, str]:
        return {"$ref": f"#/components/{section}/C"}

    content = {"application/json": ref("mediaTypes")}
    operation = {
        "parameters": [ref("parameters")],
        "requestBody": ref("requestBodies"),
        "responses": {"200": ref("responses")},
    }
    components = {
        "schemas": {"C": INT},
        "mediaTypes": {"C": {"schema": ref("schemas")}},
        "parameters": {"C": {"name": "p", "in": "query", "required": True, "schema": ref("schemas")}},
        "requestBodies": {"C": {"required": True, "content": content}},
        "headers": {"C": {"required": True, "schema": ref("schemas")}},
        "responses": {
            "C": {"description": "It.", "content": content, "headers": {"X-Count": ref("headers")}}
        },
        "pathItems": {"C": {"post": operation}},
    }

    async def count(ctx: PublicContext, inputs: Inputs) -> object:
        given = inputs.model_dump()
        return Counted(body=given["body"], count="many" if given["p"] == 0 else given["p"])

    async with client(
        served(tmp_path, {"paths": {"/a": ref("pathItems")}, "components": components}, count)
    ) as http:
        sent = {"Content-Type": "application/json"}
        for query, text, status in (
            ("p=1", "1", 200),
            ("p=a", "1", 422),
            ("p=1", '"a"', 422),
            ("p=0", "1", 500),
        ):
            assert (await http.post(f"/a?{query}", headers=sent, content=text.encode())).status_code == status


PROVEN: dict[str, Mapping[str, str]] = {
    "document": {
        "openapi": "OLD",
        "$self": "test_documents_are_known_by_the_uri_they_give_themselves",
        "servers": "test_the_service_is_where_its_servers_say",
        "paths": "test_a_path_answers_to_the_methods_that_it_declares",
        "webhooks": "test_a_webhook_is_given_its_url",
        "components": "test_components_count_where_they_are_referred_to",
        "security": "SCHEMES",
    },
    "server": dict.fromkeys(("url", "variables"), "test_the_service_is_where_its_servers_say"),
    "server variable": dict.fromkeys(("default", "enum"), "test_the_service_is_where_its_servers_say"),
    "path item": {
        **dict.fromkeys(
            ("get", "put", "post", "delete", "options", "head", "patch", "trace"),
            "test_a_path_answers_to_the_methods_that_it_declares",
        ),
        "query": "test_query_is_a_method_with_a_body",
        "additionalOperations": "test_further_methods_are_routed",
        "parameters": "test_what_may_be_absent_may_be_and_what_is_required_may_not",
        "servers": "test_operations_are_where_their_own_servers_say",
    },
    "operation": {
        "operationId": "KEYWORDS", "parameters": "STYLES", "requestBody": "KEYWORDS", "responses": "ANSWERS", "security": "SCHEMES",
        "callbacks": "test_nothing_is_sent_that_breaks_the_contract", "servers": "test_operations_are_where_their_own_servers_say",
    },
    "parameter": {
        **dict.fromkeys(("name", "in", "style", "explode", "schema", "content", "allowEmptyValue"), "STYLES"),
        "required": "test_what_may_be_absent_may_be_and_what_is_required_may_not",
    },
    "header": dict.fromkeys(("required", "style", "explode", "schema", "content"), "ANSWERS"),
    "request body": {"content": "MEDIA", "required": "test_what_may_be_absent_may_be_and_what_is_required_may_not"},
    "media type": dict.fromkeys(("schema", "itemSchema", "encoding", "prefixEncoding", "itemEncoding"), "MEDIA"),
    "encoding": dict.fromkeys(
        ("style", "explode", "contentType", "headers", "encoding", "prefixEncoding", "itemEncoding"), "MEDIA"
    ),
    "response": dict.fromkeys(("headers", "content"), "ANSWERS"),
    "security scheme": dict.fromkeys(("type", "name", "in", "scheme"), "SCHEMES"),
    "discriminator": {"propertyName": "KEYWORDS", "mapping": "KEYWORDS", "defaultMapping": "OTHERS"},
    "xml object": {"wrapped": "XML"},
    "components": {
        **dict.fromkeys(
            ("schemas", "responses", "parameters", "requestBodies", "headers", "pathItems", "mediaTypes"),
            "test_components_count_where_they_are_referred_to",
        ),
        "securitySchemes": "SCHEMES",
        "callbacks": "test_a_callback_goes_where_the_call_said",
    },
}  # fmt: skip
"""Kind of object → its enforced fields, each with the table or the test that shows it."""


def test_every_enforced_field_names_what_shows_it() -> None:
    assert {kind: set(fields) for kind, fields in PROVEN.items()} == {
        kind: enforced(table) for kind, table in constructs.FIELDS.items() if enforced(table)
    }
    tests = {
        name
        for path in Path(__file__).parent.glob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {proof for fields in PROVEN.values() for proof in fields.values()} <= tests | globals().keys()


def enforced(table: Table) -> set[str]:
    return {name for name, construct in table.items() if construct.status == "enforced"}


def test_every_enforced_construct_has_a_case() -> None:
    elsewhere = {"writeOnly", "default", "xml"}
    assert {case.name for case in [*KEYWORDS, *OLD]} == enforced(constructs.KEYWORDS) - elsewhere
    assert set(FORMATS) == enforced(constructs.FORMATS)
    assert {" ".join(case.name.split()[:2]) for case in STYLES} - {"query content"} == enforced(
        constructs.STYLES
    )
    assert {case.name.split()[0] for case in MEDIA} == enforced(constructs.MEDIA) - {"sse"}
    assert {name.split()[0] for name in SCHEMES} == enforced(constructs.SCHEMES)
