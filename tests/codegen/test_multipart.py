# ruff: noqa: E501  (one case a line reads best)
"""Multipart bodies other than forms: what is generated takes, checks and sends their parts (OpenAPI 3.2, 4.14.5)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from email.parser import BytesParser
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
import yaml
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from handfast.codegen.contractjson import contract as contract_json
from handfast.codegen.ir import Json
from handfast.runtime import ItemStream, Part, PublicContext, Stream, Upload
from handfast.runtime.bodies import BodyDecoder
from handfast.runtime.contract import Contract, Encoding, Media
from handfast.runtime.errors import Violation, Violations
from handfast.runtime.headertexts import text_of
from handfast.runtime.items import RawItems
from handfast.runtime.partwriter import OrderedWriter, joined, with_boundary
from handfast.runtime.partwriter import named as named_parts
from handfast.runtime.schemas import Check, View
from tests.codegen import serving
from tests.codegen.contracts import read, write_contract
from tests.codegen.test_generated_runs import CASES
from tests.mock.kit import mock_of
from tests.unit.runtime.small import client

CONTRACT = (CASES / "parts" / "specs" / "011-parts" / "contracts" / "api.yaml").read_text(encoding="utf-8")
PNG = b"\x89PNG\n\x1a\n"
MIXED = {"Content-Type": "multipart/mixed; boundary=b"}


def part(content: str | bytes, kind: str = "", **headers: str) -> bytes:
    """A part; underscores in names of headers stand for hyphens."""
    given = {"Content-Type": kind} if kind else {}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items()).encode()
    return head + b"\r\n" + (content.encode() if isinstance(content, str) else content)


def whole(*parts: bytes, boundary: bytes = b"b") -> bytes:
    return (
        b"".join(b"--" + boundary + b"\r\n" + one + b"\r\n" for one in parts) + b"--" + boundary + b"--\r\n"
    )


def named(name: str, content: str | bytes, kind: str = "", **headers: str) -> bytes:
    return part(content, kind, Content_Disposition=f'form-data; name="{name}"', **headers)


def parts_of(answer: httpx.Response) -> list[tuple[str, Mapping[str, str], bytes]]:
    """The type, the headers and the content of each part, as Python's own parser of mail reads them.

    It takes CRLF for LF inside of parts, too.
    """
    head = b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser().parsebytes(head + answer.content)
    assert message.is_multipart()
    assert not message.defects
    found: list[tuple[str, Mapping[str, str], bytes]] = []
    for one in message.get_payload():
        assert not isinstance(one, str)
        content = one.as_bytes() if one.is_multipart() else one.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((one.get_content_type(), dict(one.items()), content))
    return found


async def album(ctx: PublicContext, body: Any) -> Any:
    """Send the album back; the picture's type is that of what came."""
    meta, picture = body
    assert isinstance(picture, Upload)
    return [meta, Stream(await picture.read(), picture.content_type)]


async def frames(ctx: PublicContext, body: ItemStream[Part[Upload]]) -> AsyncIterator[Any]:
    """Tell of each frame."""
    seen = [f"{one.headers['X-NUMBER']}: {len(await one.value.read())}" async for one in body]

    async def told() -> AsyncIterator[Any]:
        for text in seen:
            yield serving.module("parts.models").Meta(author=text)

    return told()


async def nested(ctx: PublicContext, body: Any) -> Any:
    if len(body) == 1:
        return body
    numbers, (meta, number, picture) = body
    return [numbers, [meta, number, Stream(await picture.read())]]


async def later(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 3):
        yield content[at : at + 3]


async def page(ctx: PublicContext, body: Any) -> Any:
    """Send the page back, with its files as they are."""
    first, *others = body
    location = first.headers["content-location"]
    if location == "urn:bad":
        return [Part("<p>", {})]
    files = [
        one if isinstance(one, str) else Stream(later(await one.read()), one.content_type) for one in others
    ]
    return [Part(first.value, {"Content-Location": location}), *files]


async def person(ctx: PublicContext, body: Any) -> list[str]:
    streets = [one.street for one in body.addresses or []]
    image = (
        "" if body.image is None else f"{body.image.headers.get('x-limit')} {len(await body.image.read())}"
    )
    return [str(body.id), *streets, image, str(body.more)]


async def any_(ctx: PublicContext, body: list[Upload] | None) -> list[str]:
    return [one.content_type for one in body or ()]


HANDLERS = SimpleNamespace(album=album, frames=frames, nested=nested, page=page, person=person, any_=any_)


@contextmanager
def service(root: Path) -> Iterator[FastAPI]:
    serving.made(root, {"011-parts/contracts/api.yaml": CONTRACT})
    with serving.imported(root):
        yield serving.application(root, {"parts": HANDLERS})


META = part('{"author": "a"}', "application/json")
PICTURE = part(PNG, "image/png")
XML = part("<m><author>a</author></m>", "application/xml")
INNER = part(whole(XML, part("5"), PICTURE, boundary=b"i"), "multipart/mixed; boundary=i")
HTML = part("<p>", "text/html", Content_Location="https://example.com/")
CSS = part("p {}", "text/css")
FRAME = part(b"\xff\xd8", "image/jpeg", X_Number="1")
ID = named("id", "7c7d3b1e-5d1e-4a56-9f1f-0d6a5e3f2a10")
STREET = "application/xml; charset=utf-8"
RELATED = "multipart/related; type=text/html; boundary=b"

GOOD: list[tuple[str, bytes]] = [
    ("album", whole(META, PICTURE)),
    ("album", b"a comment\r\n" + whole(META, PICTURE) + b"a comment"),
    ("album", whole(part('{"author": "a"}'), PICTURE)),
    ("frames", whole(FRAME, FRAME)),
    ("frames", whole()),
    ("nested", whole(part("[1]"), INNER)),
    ("nested", whole(part("[1]", "application/json"))),
    ("person", whole(ID)),
    ("person", whole(ID, named("image", PNG, "image/png", X_Limit="3"))),
    ("person", whole(ID, named("addresses", "<a><street>s</street></a>", STREET), named("addresses", "<a><street>t</street></a>", STREET))),
    ("person", whole(ID, named("more", whole(part('{"a": 1}', "application/json"), part("5"), boundary=b"i"), "multipart/mixed; boundary=i"))),
]  # fmt: skip

BAD: list[tuple[str, bytes, str, str]] = [
    ("album", whole(META), "", "minItems"),
    ("album", whole(META, PICTURE, PICTURE), "/2", "falseSchema"),
    ("album", whole(PICTURE, META), "/0", "contentType"),
    ("album", whole(META, part("a", "text/plain")), "/1", "contentType"),
    ("album", whole(part("{", "application/json"), PICTURE), "/0", "syntax"),
    ("album", whole(part('{"author": 1}', "application/json"), PICTURE), "/0/author", "type"),
    ("album", whole(part(b'{"author": "\xff"}', "application/json"), PICTURE), "/0", "syntax"),
    ("album", whole(part('{"author": "a"}', "application/json; charset=utf-16"), PICTURE), "/0", "encoding"),
    ("album", whole(META, part("eA==", "image/png", Content_Transfer_Encoding="base64")), "/1", "contentEncoding"),
    ("album", b"", "", "required"),
    ("album", b"nothing", "", "syntax"),
    ("album", whole(META, PICTURE)[:-6], "", "syntax"),
    ("album", whole(META, PICTURE)[:60], "", "syntax"),
    ("album", whole(b"no header\r\n\r\nx", PICTURE), "", "syntax"),
    ("album", whole(*[META] * 1001), "", "syntax"),
    ("frames", whole(FRAME, part(b"\xff\xd8", "image/jpeg")), "/1", "required"),
    ("frames", whole(part(b"\xff\xd8", "image/jpeg", X_Number="0")), "/0", "minimum"),
    ("frames", whole(part(b"\xff\xd8", "image/png", X_Number="1")), "/0", "contentType"),
    ("frames", whole(FRAME)[:-6], "", "syntax"),
    ("nested", whole(part('["a"]'), INNER), "/0/0", "type"),
    ("nested", whole(part("[1]"), part("x", "multipart/mixed")), "/1", "syntax"),
    ("nested", whole(part("[1]"), part("x", "multipart/mixed; boundary=i")), "/1", "syntax"),
    ("nested", whole(part("[1]"), part(whole(XML, part("x"), boundary=b"i"), "multipart/mixed; boundary=i")), "/1/1", "type"),
    ("nested", whole(part("[1]"), part(whole(*[XML] * 999, boundary=b"i"), "multipart/mixed; boundary=i")), "/1", "syntax"),
    ("person", whole(part("a")), "", "syntax"),
    ("person", whole(named("image", PNG, "image/png")), "/id", "required"),
    ("person", whole(ID, named("image", PNG, "image/gif")), "/image", "contentType"),
    ("person", whole(ID, named("image", PNG, "image/png", X_Limit="x")), "/image", "type"),
    ("person", whole(ID, named("addresses", "<a/>", STREET)), "/addresses/0/street", "required"),
    ("person", whole(ID, named("more", whole(part("{}", "application/json"), boundary=b"i"), "multipart/mixed; boundary=i")), "/more/0/0/a", "required"),
]  # fmt: skip


async def test_parts_that_keep_the_contract_are_taken(tmp_path: Path) -> None:
    with service(tmp_path) as app:
        async with client(app) as http:
            for path, content in GOOD:
                got = await http.post(f"/{path}", content=content, headers=MIXED)
                assert got.status_code == 200, (path, content, got.text)


async def test_parts_that_break_it_are_refused_and_where_is_told(tmp_path: Path) -> None:
    with service(tmp_path) as app:
        async with client(app) as http:
            for path, content, pointer, keyword in BAD:
                got = await http.post(f"/{path}", content=content, headers=MIXED)
                assert got.status_code == 422, (path, content[:200], got.text)
                told = [(one["pointer"], one["keyword"]) for one in got.json()["errors"]]
                assert (pointer, keyword) in told, (path, content[:200], told)


async def test_a_body_without_a_boundary_or_of_another_type_is_refused(tmp_path: Path) -> None:
    with service(tmp_path) as app:
        async with client(app) as http:
            for kind, status in (
                ("multipart/mixed", 422),
                ('multipart/mixed; boundary=""', 422),
                ("multipart/mixed; boundary=\xe4", 422),
                (f"multipart/mixed; boundary={'b' * 300}", 422),
                ("multipart/form-data; boundary=b", 415),
            ):
                got = await http.post(
                    "/album",
                    content=whole(META, PICTURE),
                    headers=[(b"Content-Type", kind.encode("latin-1"))],
                )
                assert got.status_code == status, (kind, got.text)


async def test_lists_are_sent_as_parts(tmp_path: Path) -> None:
    with service(tmp_path) as app:
        async with client(app) as http:
            got = await http.post("/album", content=whole(META, PICTURE), headers=MIXED)
            assert [(kind, content) for kind, _, content in parts_of(got)] == [
                ("application/json", b'{"author":"a"}'),
                ("image/png", PNG),
            ]
            got = await http.post(
                "/frames", content=whole(FRAME, part(b"", "image/jpeg", X_Number="7")), headers=MIXED
            )
            assert [content for _, _, content in parts_of(got)] == [
                b'{"author":"1: 2"}',
                b'{"author":"7: 0"}',
            ]
            got = await http.post("/nested", content=whole(part("[1, 2]"), INNER), headers=MIXED)
            (first, (kind, _, inner)) = parts_of(got)
            assert first[2] == b"[1,2]"
            assert kind == "multipart/mixed"
            assert PNG in inner
            assert b"<author>a</author>" in inner


async def test_parts_have_the_headers_that_the_contract_demands(tmp_path: Path) -> None:
    with service(tmp_path) as app:
        async with client(app) as http:
            sent = {"Content-Type": RELATED}
            got = await http.post("/page", content=whole(HTML, CSS, PICTURE), headers=sent)
            assert got.status_code == 200, got.text
            assert got.headers["content-type"].startswith("multipart/related; type=text/html; boundary=")
            (html, headers, text), css, picture = parts_of(got)
            assert (html, headers["Content-Location"], text) == ("text/html", "https://example.com/", b"<p>")
            assert (picture[0], picture[2]) == ("image/png", PNG)
            assert css[2] == b"p {}"
            for content in (
                whole(part("<p>", "text/html")),
                whole(part("<p>", "text/html", Content_Location="here")),
                whole(part("<p>", "text/html", Content_Location="urn:x", Content_ID="<a>")),
                whole(HTML, part("x", "text/plain")),
            ):
                assert (await http.post("/page", content=content, headers=sent)).status_code == 422
            bad = whole(part("<p>", "text/html", Content_Location="urn:bad"))
            assert (await http.post("/page", content=bad, headers=sent)).status_code == 500


async def test_parts_of_which_nothing_is_said_are_files(tmp_path: Path) -> None:
    with service(tmp_path) as app:
        async with client(app) as http:
            sent = {"Content-Type": "multipart/alternative; boundary=b"}
            got = await http.post("/any", content=whole(CSS, PICTURE, part("x")), headers=sent)
            assert got.json() == ["text/css", "image/png", "application/octet-stream"]


async def test_named_parts_are_seen_by_their_encodings(tmp_path: Path) -> None:
    with service(tmp_path) as app:
        async with client(app) as http:
            got = await http.post("/person", content=GOOD[9][1], headers=MIXED)
            assert got.json()[1:3] == ["s", "t"]
            got = await http.post("/person", content=GOOD[8][1], headers=MIXED)
            assert got.json()[1] == "3 7"
            got = await http.post("/person", content=GOOD[10][1], headers=MIXED)
            assert got.json()[-1] == "[[{'a': 1}, 5]]"


async def test_a_mock_takes_and_gives_them(tmp_path: Path) -> None:
    app = mock_of(yaml.safe_load(CONTRACT))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://mock.test") as http:
        for path, content in GOOD:
            got = await http.post(f"/{path}", content=content, headers=MIXED)
            assert got.status_code == 200, (path, content, got.text)
        for path, content, *_ in BAD:
            got = await http.post(f"/{path}", content=content, headers=MIXED)
            assert got.status_code == 422, (path, content[:200], got.text)
        got = await http.post("/album", content=whole(META, PICTURE), headers=MIXED)
        assert [kind for kind, _, _ in parts_of(got)] == ["application/json", "image/png"]
        got = await http.post("/page", content=whole(HTML), headers={"Content-Type": RELATED})
        kind, headers, _ = parts_of(got)[0]
        assert kind == "text/html"
        assert ":" in headers["Content-Location"]


@pytest.mark.parametrize(
    ("media", "kind"),
    [
        ("{schema: {type: string, format: binary}}", "Upload"),
        ("{schema: {type: array, items: {type: string, format: binary}}}", "list[Upload]"),
        ("{schema: {type: array, items: {type: integer}}}", "list[int]"),
        ("{itemSchema: {type: object}}", "ItemStream[dict[str, JsonValue]]"),
        ("{itemSchema: {}, itemEncoding: {contentType: text/csv}}", "ItemStream[str]"),
        (
            "{itemSchema: {}, itemEncoding: {contentType: 'application/json, image/*'}}",
            "ItemStream[JsonValue | Upload]",
        ),
        ("{itemSchema: {type: string, contentEncoding: base64}}", "ItemStream[str]"),
        ("{schema: {type: array, items: {type: integer}}, itemSchema: {minimum: 1}}", "list[int]"),
        (
            "{schema: {type: array, minItems: 2, prefixItems: [{type: string}, {}], items: false}}",
            "tuple[str, Upload]",
        ),
        ("{schema: {type: array, prefixItems: [{type: string}, {}], items: false}}", "list[str | Upload]"),
        (
            "{schema: {type: array, prefixItems: [{type: boolean}], items: {type: integer}}}",
            "list[bool | int]",
        ),
        ("{schema: {anyOf: [{type: array, items: {type: integer}}]}, itemEncoding: {}}", "Upload"),
        ("{itemSchema: {type: object}, itemEncoding: {contentType: image/png}}", "Upload"),
    ],
)
def test_what_handlers_are_given(media: str, kind: str, tmp_path: Path) -> None:
    operation = f"post: {{operationId: a, requestBody: {{required: true, content: {{multipart/mixed: {media}}}}}, responses: {{'204': {{description: ok}}}}}}"
    text = f"openapi: 3.2.0\ninfo: {{title: A, version: '1'}}\npaths: {{/a: {{{operation}}}}}\n"
    (feature,) = serving.made(tmp_path, {"a/contracts/api.yaml": text}).features
    body = feature.operations[0].body
    assert body is not None
    assert body.type.expr == kind


def told(root: Path, where: str, media: str, version: str = "3.2.0") -> list[str]:
    """What is told of a media type of a request or an answer."""
    content = f"{{content: {{multipart/mixed: {media}}}, description: It.}}"
    body = f"requestBody: {content}, responses: {{'204': {{description: ok}}}}"
    if where == "answer":
        body = f"responses: {{'200': {content}}}"
    text = f"openapi: {version}\ninfo: {{title: A, version: '1'}}\npaths: {{/a: {{post: {{operationId: a, {body}}}}}}}\n"
    return [
        one.what
        for one in serving.made(root, {"a/contracts/api.yaml": text}).findings
        if one.code == "unchecked-media"
    ]


NAMED_FILE = "{schema: {properties: {p: {type: array, items: {type: array, items: {}}}}}, encoding: {p: {contentType: multipart/mixed}}}"
DEMANDED = "{schema: {properties: {p: {type: string}}}, encoding: {p: {headers: {X-A: {required: true, schema: {type: string}}}}}}"


@pytest.mark.parametrize(
    ("where", "media", "what"),
    [
        (
            "request",
            "{schema: {type: array, items: {type: object}}, itemEncoding: {contentType: image/png}}",
            "are not checked",
        ),
        (
            "answer",
            "{schema: {oneOf: [{type: array, items: {}}, {type: array}]}, itemEncoding: {}}",
            "are not checked",
        ),
        ("request", NAMED_FILE, "files inside of the part `p` are read as texts"),
        ("answer", DEMANDED, "sent without the headers"),
        ("request", DEMANDED, ""),
        ("request", "{schema: {type: array, items: {type: object}}}", ""),
        ("request", "{}", ""),
    ],
)
def test_what_is_not_checked_is_told(where: str, media: str, what: str, tmp_path: Path) -> None:
    found = told(tmp_path, where, media)
    assert [one for one in found if what and what in one] == found
    assert bool(found) == bool(what)


def test_encodings_count_in_answers_since_32(tmp_path: Path) -> None:
    assert told(tmp_path, "answer", DEMANDED, "3.1.0") == []


@pytest.mark.parametrize(
    ("schema", "kind", "hint"),
    [
        ("{properties: {p: {}}}", "image/png", "Upload"),
        ("{properties: {p: {}}}", "application/zip", "Upload"),
        ("{properties: {p: {type: string}}}", "image/png", "Upload"),
        ("{properties: {p: {type: string}}}", "application/graphql", "str"),
        ("{properties: {p: {type: array, items: {}}}}", "image/png", "list[Upload]"),
        ("{allOf: [{properties: {p: {}}}, {properties: {q: {}}}]}", "image/png", "Upload"),
        (
            "{properties: {q: {}}, allOf: [{properties: {p: {type: array, items: {}}}}]}",
            "image/png",
            "list[Upload]",
        ),
        ("{properties: {p: {type: string, contentEncoding: base64}}}", "image/png", "str"),
    ],
)
async def test_a_type_of_bytes_makes_a_property_a_file(
    schema: str, kind: str, hint: str, tmp_path: Path
) -> None:
    media = f"{{schema: {schema}, encoding: {{p: {{contentType: {kind}}}}}}}"
    body = f"requestBody: {{required: true, content: {{multipart/form-data: {media}}}}}"
    text = (
        "openapi: 3.1.0\ninfo: {title: A, version: '1'}\n"
        f"paths: {{/a: {{post: {{operationId: a, {body}, responses: {{'204': {{description: ok}}}}}}}}}}\n"
    )
    seen: list[Any] = []

    async def a(ctx: PublicContext, body: Any) -> None:
        seen.append(body.p)

    serving.made(tmp_path, {"a/contracts/api.yaml": text})
    assert f"p: Annotated[{hint} | None" in (tmp_path / "generated" / "a" / "models.py").read_text()
    with serving.imported(tmp_path):
        async with client(serving.application(tmp_path, {"a": SimpleNamespace(a=a)})) as http:
            sent = {"Content-Type": "multipart/form-data; boundary=b"}
            content = b"eA==" if hint == "str" else PNG
            got = await http.post("/a", content=whole(named("p", content, kind)), headers=sent)
            assert got.status_code == 204, got.text
            got = await http.post("/a", content=whole(named("p", content, "image/gif")), headers=sent)
            assert got.status_code == 422
    assert len(seen) == 1


async def test_objects_are_sent_as_named_parts_by_their_encodings() -> None:
    schema = {
        "properties": {
            "n": {"type": "integer"},
            "x": {"properties": {"a": {"type": "string"}}},
            "t": {"type": "string"},
        }
    }
    encodings = {"n": "application/json", "x": "application/xml", "t": "application/xml"}
    media = Media(
        "multipart/mixed", "multipart", "It", {name: Encoding(one) for name, one in encodings.items()}
    )
    content = named_parts(media, {"n": 5, "x": {"a": "b"}, "t": "<t/>"}, View({"It": schema}, "response"))
    for kind, text in (
        ("application/json", "5"),
        ("application/xml", "<t/>"),
        ("application/xml", "<a>b</a>"),
    ):
        assert f"Content-Type: {kind}\r\n\r\n".encode() in content
        assert text.encode() in content


SCALARS = st.one_of(
    st.integers(-9, 9), st.booleans(), st.text(max_size=4), st.sampled_from(["5", "true", "null", ""])
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2)
)
ITEMS: list[Json] = [
    {"type": "integer", "minimum": 0},
    {"type": "string", "maxLength": 3},
    {"type": "boolean"},
    {"type": "object", "required": ["a"]},
    {"type": "array", "items": {"type": "integer"}},
    {"properties": {"a": {"type": "integer"}}, "type": "object"},
    {"enum": ["a", "5"]},
    {"type": ["integer", "boolean"]},
    {"oneOf": [{"type": "object", "required": ["a"]}, {"type": "array"}]},
]
READERS: dict[str, tuple[Media, Contract]] = {}


def media_of(items: Json, keyword: str, content_type: str) -> tuple[Media, Contract]:
    """How a list of such items is read, by `schema` or by `itemSchema`."""
    key = json.dumps([items, keyword, content_type])
    if key not in READERS:
        media: dict[str, Json] = (
            {"itemSchema": items} if keyword else {"schema": {"type": "array", "items": items}}
        )
        if content_type:
            media["itemEncoding"] = {"contentType": content_type}
        answer: Json = {"200": {"description": "It.", "content": {"multipart/mixed": media}}}
        body: Json = {"required": True, "content": {"multipart/mixed": media}}
        operation: Json = {"post": {"operationId": "a", "requestBody": body, "responses": answer}}
        document: dict[str, Json] = {
            "openapi": "3.2.0",
            "info": {"title": "A", "version": "1"},
            "paths": {"/a": operation},
        }
        with TemporaryDirectory() as folder:
            write_contract(Path(folder), "001-a", document)
            (feature,) = read(Path(folder))
        contract = Contract(contract_json(feature, ()))
        made = contract.operations["a"].body
        assert made is not None
        READERS[key] = made.media[0], contract
    return READERS[key]


class Lenient:
    """Lets what breaks the contract be written."""

    def judge(self, check: Check | None, value: object, place: str) -> None:
        pass

    def violated(self, place: str, *found: str) -> None:
        pass


@settings(max_examples=120, deadline=None)
@given(
    values=st.lists(VALUES, max_size=3),
    items=st.sampled_from(ITEMS),
    keyword=st.sampled_from(["", "itemSchema"]),
    content_type=st.sampled_from(["", "application/json"]),
)
async def test_what_the_schema_takes_is_taken_and_nothing_else(
    values: list[Any], items: Json, keyword: str, content_type: str
) -> None:
    media, contract = media_of(items, keyword, content_type)
    content = joined(OrderedWriter(media, contract.response).pieces(values, Lenient()))
    sent = with_boundary("multipart/mixed", content).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    request = Request(
        {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", sent)]}, receive
    )
    out: list[Violation] = []
    body = contract.operations["a"].body
    assert body is not None
    decoded = await BodyDecoder(body, contract.request, document_limit_bytes=10_000).decode(request, out)
    found: object = decoded.value
    try:
        if isinstance(decoded.value, RawItems):
            found = [one async for one in decoded.value]
    except Violations as error:
        out += error.violations
    for file in decoded.files:
        await file.close()
    valid = contract.request.inline({"type": "array", "items": items}).is_valid
    if valid(values):
        assert (found, out) == (values, [])
    elif not out:  # the text of a wrong value is that of a right one
        assert valid(found)
        assert content_type == ""
        assert [text_of(one) for one in values] == [text_of(one) for one in cast("list[object]", found)]


async def test_a_caller_chooses_between_parts_and_json(tmp_path: Path) -> None:
    numbers = "{schema: {type: array, items: {type: integer}}}"
    content = f"{{application/json: {numbers}, multipart/mixed: {numbers}}}"
    text = (
        "openapi: 3.2.0\ninfo: {title: A, version: '1'}\n"
        f"paths: {{/a: {{get: {{operationId: a, responses: {{'200': {{description: It., content: {content}}}}}}}}}}}\n"
    )

    async def a(ctx: PublicContext) -> list[int]:
        return [1, 2]

    serving.made(tmp_path, {"a/contracts/api.yaml": text})
    with serving.imported(tmp_path):
        async with client(serving.application(tmp_path, {"a": SimpleNamespace(a=a)})) as http:
            assert (await http.get("/a")).json() == [1, 2]
            got = await http.get("/a", headers={"Accept": "multipart/mixed"})
            assert [content for _, _, content in parts_of(got)] == [b"1", b"2"]
