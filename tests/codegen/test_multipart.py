# ruff: noqa: E501  (one case a line reads best)
"""Multipart bodies other than forms: what is generated takes, checks and sends their parts (OpenAPI 3.2, 4.14.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from email.parser import BytesParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from handfast.runtime import ItemStream, Part, PublicContext, Stream, Upload
from tests.codegen import serving
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
