from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import UploadFile
from starlette.requests import Request

from handfast.mediatypes import MediaType
from handfast.runtime import Inputs, PublicContext, Upload
from handfast.runtime.bodies import BodyDecoder
from handfast.runtime.contract import Body, Media, encoding_of
from handfast.runtime.documents import encoded
from handfast.runtime.errors import UnsupportedMediaType, Violation
from handfast.runtime.partwriter import named, with_boundary
from handfast.runtime.schemas import View
from tests.unit.runtime.small import body, client, media, operation, service

CHARACTERS = st.characters(codec="utf-8")

THING = {
    "type": "object",
    "required": ["a"],
    "additionalProperties": False,
    "properties": {
        "a": {"type": "string"},
        "n": {"type": ["integer", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "one": {"type": ["array", "string"], "items": {"type": "string"}},
        "size": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "points": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
        "file": {"type": "string", "format": "binary"},
        "files": {"type": "array", "items": {"type": "string", "contentMediaType": "image/png"}},
    },
}


LIMIT = 20_000

opened: list[UploadFile] = []


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    while opened:
        await opened.pop().close()


async def decode(
    content: bytes,
    content_type: str | None = "application/json",
    *of: Media,
    schema: Any = THING,
    required: bool = True,
    kind: Any = "json",
    encoding: Any = None,
) -> Any:
    """The decoded body, or the violations as (pointer, keyword)."""
    medias = of or (
        Media(
            (content_type or "application/json").partition(";")[0],
            kind,
            "Thing",
            {name: encoding_of(one) for name, one in (encoding or {}).items()},
        ),
    )
    decoder = BodyDecoder(
        Body(required, medias), View({"Thing": schema}, "request"), document_limit_bytes=LIMIT
    )
    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    headers.append((b"content-length", str(len(content)).encode()))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": headers,
        "query_string": b"",
        "app": None,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    out: list[Violation] = []
    decoded = await decoder.decode(Request(scope, receive), out)
    opened.extend(decoded.files)
    return [(one.pointer, one.keyword) for one in out] or decoded.value


async def test_json() -> None:
    assert await decode(b'{"a": "x", "n": null}') == {"a": "x", "n": None}
    assert await decode(b"{}") == [("/a", "required")]
    assert await decode(b'{"a": 1}', "application/json; charset=UTF-8") == [("/a", "type")]


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff",
        b'"\xff"',
        b"\xef\xbb\xbf1",
        b"NaN",
        b"[Infinity]",
        b'"\\ud800"',
        b"1e400",
        b"[[1e999]]",
        b'{"a": -1e400}',
        b"1" * 400 + b".5",
        b" ",
        b"[" * 5000,
    ],
)
@pytest.mark.threat("denial.hostile-input")
async def test_what_is_not_strict_json_is_refused(content: bytes) -> None:
    assert await decode(content, schema=True) == [("", "syntax")]


async def test_great_numbers_that_can_be_held_are_taken() -> None:
    assert await decode(b"[1e300, " + b"1" * 400 + b"]", schema=True) == [1e300, int("1" * 400)]
    assert await decode(b'"1e400"', schema=True) == "1e400"


async def test_a_missing_body() -> None:
    assert await decode(b"", None) == [("", "required")]
    assert await decode(b"") == [("", "required")]
    assert await decode(b"", required=False) is None
    assert await decode(b"", None, required=False) is None


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/json; charset=latin-1", "nonsense", ""]
)
async def test_another_media_type_is_refused_and_told_what_is_taken(content_type: str) -> None:
    of = Media("application/json", "json", "Thing")
    with pytest.raises(UnsupportedMediaType):
        await decode(b'{"a": "x"}', content_type, of)


async def test_a_body_without_a_content_type_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        await decode(b"{}", None)
    assert caught.value.headers == {"Accept": "application/json"}


async def test_media_types_are_chosen_exactly_before_by_range() -> None:
    of = (
        Media("*/*", "binary", None),
        Media("text/*", "text", None),
        Media("application/json", "json", "Thing"),
        Media("application/json;v=2", "json", None),
    )
    assert await decode(b'{"a": "x"}', "Application/JSON ; charset=utf-8", *of) == {"a": "x"}
    assert await decode(b"hi", "text/csv", *of) == "hi"
    assert isinstance(await decode(b"hi", "image/png", *of), Upload)
    assert await decode(b"1", 'application/json; v="2"', of[3]) == 1
    with pytest.raises(UnsupportedMediaType):
        await decode(b"1", "application/json", of[3])


def test_media_types_are_parsed_leniently() -> None:
    parsed = MediaType.parse('Text/Plain ; Charset="UTF-8"; x')
    assert (parsed.essence, parsed.parameters) == ("text/plain", {"charset": "UTF-8", "x": ""})


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"a=x+y%26&n=5", {"a": "x y&", "n": 5}),
        (b"a=&n=null", {"a": "", "n": None}),
        (b"a=x&tags=1&tags=2", {"a": "x", "tags": ["1", "2"]}),
        (b"a=x&tags=1", {"a": "x", "tags": ["1"]}),
        (b"a=x&tags=", {"a": "x", "tags": [""]}),
        (b"a=x&tags[]=1&tags[]=2", {"a": "x", "tags": ["1", "2"]}),
        (b"a=x&tags=[%221%22,%222%22]", {"a": "x", "tags": ['["1","2"]']}),
        (b"a=x&one=1&one=2", {"a": "x", "one": ["1", "2"]}),
        (b"a=x&size={%22x%22:1}", {"a": "x", "size": {"x": 1}}),
        (b"a=x&size[x]=1", {"a": "x", "size": {"x": 1}}),
        (b"a=x&points={%22x%22:1}&points={%22x%22:2}", {"a": "x", "points": [{"x": 1}, {"x": 2}]}),
        (b"a=x&points=[{%22x%22:1}]", {"a": "x", "points": [{"x": 1}]}),
        (b"", [("/a", "required")]),
        (b"a=1&a=2", [("/a", "style")]),
        (b"a=%zz", [("", "encoding")]),
        (b"a=\xff", [("", "encoding")]),
        (b"a=x&z=1", [("/z", "additionalProperties")]),
        (b"a=x&z=1&z=2", [("/z", "additionalProperties")]),
        (b"a=x&n=y", [("/n", "type")]),
    ],
)
async def test_forms(content: bytes, value: Any) -> None:
    assert await decode(content, FORM, kind="form") == value


async def test_a_form_array_that_is_not_exploded() -> None:
    encoding = {"tags": {"style": "pipeDelimited", "explode": False}}
    assert await decode(b"a=x&tags=1|2", FORM, kind="form", encoding=encoding) == {
        "a": "x",
        "tags": ["1", "2"],
    }
    encoding = {"tags": {"style": "spaceDelimited"}}  # only the style `form` explodes unless told otherwise
    assert await decode(b"a=x&tags=1+2", FORM, kind="form", encoding=encoding) == {
        "a": "x",
        "tags": ["1", "2"],
    }
    encoding = {"tags": {"explode": False}}
    assert await decode(b"a=x&tags=1,2", FORM, kind="form", encoding=encoding) == {
        "a": "x",
        "tags": ["1", "2"],
    }


async def test_an_empty_integer_list_in_a_form() -> None:
    schema = {"properties": {"ids": {"type": "array", "items": {"type": "integer"}}}}
    assert await decode(b"ids=", FORM, kind="form", schema=schema) == {"ids": []}
    assert await decode(b"", FORM, kind="form", schema=schema) == {}


@given(st.dictionaries(st.sampled_from(["a", "b c", "d&"]), st.text(CHARACTERS, max_size=10)))
async def test_a_form_of_texts_comes_back(value: dict[str, str]) -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    assert await decode(urlencode(value).encode(), FORM, kind="form", schema=schema) == value


def multipart(*parts: tuple[str, bytes]) -> bytes:
    pieces = [
        f"--B\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    ]
    return b"".join(pieces) + b"--B--\r\n"


MULTIPART = "multipart/form-data; boundary=B"


async def test_multipart_fields_and_files() -> None:
    content = multipart(
        ('name="a"', b"x"),
        ('name="n"', b"5"),
        ('name="size"', b'{"x": 1}'),
        ('name="file"; filename="f.txt"\r\nContent-Type: text/plain', b"hello"),
        ('name="files"; filename="1.png"', b"1"),
        ('name="files"; filename="2.png"', b"2"),
    )
    value = await decode(content, MULTIPART, kind="multipart")
    file, files = value.pop("file"), value.pop("files")
    assert value == {"a": "x", "n": 5, "size": {"x": 1}}
    assert (file.filename, file.content_type, file.size) == ("f.txt", "text/plain", 5)
    assert await file.read(2) == b"he"
    assert [chunk async for chunk in file] == [b"llo"]
    assert [await one.read() for one in files] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (multipart(('name="a"', b"x"), ('name="file"', b"stray")), [("/file", "type")]),
        (multipart(('name="file"; filename="f"', b"x")), [("/a", "required")]),
        (
            multipart(
                ('name="a"', b"x"), ('name="file"; filename="f"', b"1"), ('name="file"; filename="f"', b"2")
            ),
            [("/file", "style")],
        ),
        (multipart(("nameless", b"x")), [("", "syntax")]),
        (b"garbage", [("", "syntax")]),
        (b"--B--\r\n", [("/a", "required")]),
    ],
)
async def test_multipart_refusals(content: bytes, found: Any) -> None:
    assert await decode(content, MULTIPART, kind="multipart") == found


@pytest.mark.parametrize(
    ("bounds", "sizes", "keyword"),
    [
        ({"minLength": 3}, (3, 1000), "minLength"),
        ({"maxLength": 3}, (0, 3), "maxLength"),
        ({"minLength": 3, "maxLength": 5}, (3, 5), "minLength"),
        ({"minLength": 3, "maxLength": 5}, (3, 5), "maxLength"),
    ],
)
async def test_lengths_of_files_are_counted_in_bytes(
    bounds: Any, sizes: tuple[int, ...], keyword: str
) -> None:
    file = {"type": "string", "format": "binary", **bounds}
    wrong = bounds[keyword] + (1 if keyword == "maxLength" else -1)
    for schema, place in ((file, "/f"), ({"type": "array", "items": file}, "/f/0")):
        whole = {"type": "object", "properties": {"f": schema}}
        for size in (*sizes, wrong):
            content = multipart(('name="f"; filename="f"', b"\xff" * size))
            found = await decode(content, MULTIPART, kind="multipart", schema=whole)
            assert (found == [(place, keyword)]) == (size == wrong), (schema, size, found)


async def test_multipart_without_a_boundary() -> None:
    assert await decode(b"", "multipart/form-data", kind="multipart") == [("", "syntax")]


async def test_a_file_that_the_contract_does_not_name_is_an_upload() -> None:
    content = multipart(('name="any"; filename="f"', b"x"), ('name="text"; filename="t"', b"5"))
    schema = {"properties": {"text": {"type": "integer"}}}
    value = await decode(content, MULTIPART, kind="multipart", schema=schema)
    assert value["text"] == 5
    assert await value["any"].read() == b"x"


NESTED = {
    "type": "object",
    "properties": {
        "size": {
            "type": "object",
            "properties": {
                "x": {"type": "integer"},
                "s": {"type": "string"},
                "l": {"type": "array", "items": {"type": "integer"}},
            },
            "additionalProperties": False,
        },
        "a": {"type": "string"},
        "file": {"type": "string", "format": "binary"},
    },
}
SIZES = st.fixed_dictionaries(
    {},
    optional={
        "x": st.integers(),
        "s": st.text(CHARACTERS, max_size=8),
        "l": st.lists(st.integers(), min_size=1, max_size=3),
    },
)


@given(SIZES, st.sampled_from([FORM, f"{FORM.upper()}; charset=utf-8", "application/json", ""]))
async def test_a_part_is_read_by_its_own_media_type(value: dict[str, Any], sent: str) -> None:
    text = urlencode(value, doseq=True) if sent.lower().startswith(FORM) else json.dumps(value)
    head = f'name="size"\r\nContent-Type: {sent}' if sent else 'name="size"'
    content = multipart((head, text.encode()))
    assert await decode(content, MULTIPART, kind="multipart", schema=NESTED) == {"size": value}


async def test_a_form_in_a_part_is_an_object_only_where_both_say_so() -> None:
    plain = multipart(('name="size"', b"x=1"))
    assert await decode(plain, MULTIPART, kind="multipart", schema=NESTED) == [("/size", "type")]
    text = multipart((f'name="a"\r\nContent-Type: {FORM}', b"x=1"))
    assert await decode(text, MULTIPART, kind="multipart", schema=NESTED) == {"a": "x=1"}
    bad = multipart((f'name="size"\r\nContent-Type: {FORM}', b"x=%zz"))
    assert await decode(bad, MULTIPART, kind="multipart", schema=NESTED) == [("/size", "type")]


@given(
    st.fixed_dictionaries(
        {"a": st.text(CHARACTERS, max_size=8)},
        optional={
            "n": st.none() | st.integers(),
            "tags": st.lists(st.text(CHARACTERS, max_size=8), min_size=1, max_size=3),
            "size": st.fixed_dictionaries({"x": st.integers()}),
            "points": st.lists(st.fixed_dictionaries({"x": st.integers()}), min_size=1, max_size=3),
        },
    ),
    st.sampled_from(["form", "multipart"]),
)
async def test_what_is_written_as_a_form_is_read_again(value: dict[str, Any], kind: Any) -> None:
    one = Media(FORM if kind == "form" else "multipart/form-data", kind, "Thing")
    write = encoded if kind == "form" else named
    content = write(one, value, View({"Thing": THING}, "response"))
    sent = one.type if kind == "form" else with_boundary(one.type, content)
    assert await decode(content, sent, one) == value


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ('name="file"; filename="f"\r\nContent-Type: image/png', None),
        ('name="file"; filename="f"\r\nContent-Type: IMAGE/JPEG; x=1', None),
        ('name="file"; filename="f"', None),
        ('name="file"; filename="f"\r\nContent-Type: text/html', [("/file", "contentType")]),
        ('name="a"\r\nContent-Type: text/csv; charset=utf-8', None),
        ('name="a"\r\nContent-Type: text/html', [("/a", "contentType")]),
        ('name="a"\r\nContent-Type: nonsense', [("/a", "contentType")]),
    ],
)
async def test_a_part_that_states_another_type_than_its_encoding_is_refused(head: str, found: Any) -> None:
    encoding = {"file": {"contentType": "image/*"}, "a": {"contentType": "text/plain, text/csv"}}
    got = await decode(multipart((head, b"x")), MULTIPART, kind="multipart", schema=NESTED, encoding=encoding)
    assert found is None or got == found
    assert found is not None or set(got) <= {"file", "a"}


async def test_text() -> None:
    text = {"type": "string", "maxLength": 3}
    assert await decode("é".encode(), "text/plain", kind="text", schema=text) == "é"
    assert await decode("é".encode("latin-1"), "text/plain; charset=latin-1", kind="text", schema=text) == "é"
    assert await decode(b"\xff", "text/plain", kind="text", schema=text) == [("", "encoding")]
    assert await decode(b"abcd", "text/plain", kind="text", schema=text) == [("", "maxLength")]
    assert await decode(b"5", "text/plain", kind="text", schema={"type": "integer"}) == 5
    with pytest.raises(UnsupportedMediaType):
        await decode(b"a", "text/plain; charset=klingon", kind="text", schema=text)


async def test_binary_is_streamed() -> None:
    upload = await decode(b"\x00\xff", "image/png", kind="binary")
    assert (upload.content_type, upload.size, upload.filename) == ("image/png", 2, None)
    assert await upload.read() == b"\x00\xff"
    assert await upload.read() == b""


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(CHARACTERS, max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON)
async def test_any_json_comes_back(value: Any) -> None:
    assert await decode(json.dumps(value).encode(), schema=True) == value


@given(st.binary(max_size=60), st.sampled_from(["json", "form", "multipart", "text", "jsonl"]))
@pytest.mark.threat("denial.hostile-input")
async def test_no_body_is_an_unexpected_error(content: bytes, kind: str) -> None:
    types = {"form": FORM, "multipart": MULTIPART}
    await decode(content, types.get(kind, "application/json"), kind=kind)
    while opened:
        await opened.pop().close()


async def test_over_http_files_are_closed_after_the_request(tmp_path: Path) -> None:
    kept: list[Upload] = []

    async def take(ctx: PublicContext, inputs: Inputs) -> object:
        upload = inputs.model_dump()["body"]["file"]
        kept.append(upload)
        return {"size": len(await upload.read(2)), "name": upload.filename}

    entry = operation("POST", body=body(media("Thing", "multipart/form-data", "multipart")))
    schema = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}},
    }
    app = service(tmp_path, {"post": entry}, {"post": take}, schemas={"Thing": schema})
    async with client(app) as http:
        answer = await http.post("/things", files={"file": ("f.txt", b"hello")})
        assert answer.json() == {"size": 2, "name": "f.txt"}
        assert (await http.post("/things", files={"other": b"hello"})).status_code == 422
        answer = await http.post("/things", content=b"{}", headers={"content-type": "application/json"})
        assert answer.status_code == 415
        assert answer.headers["accept"] == "multipart/form-data"
    # What was not read by the end of the request is gone with its file.
    with pytest.raises(ValueError, match="closed file"):
        async for _ in kept[0]._chunks:
            pass
