"""Parts of multipart bodies: the same however the bytes arrive, within bounds, and no file is left open."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

from handfast.runtime.bodies import BodyDecoder
from handfast.runtime.contract import Body, Encoding, Media, PartSpec
from handfast.runtime.errors import ContentTooLarge, Violation, Violations
from handfast.runtime.items import PartItems
from handfast.runtime.multipart import Bounds, MalformedMultipart, RawPart, boundary_of, read_parts
from handfast.runtime.partwriter import Piece, joined, with_boundary
from handfast.runtime.schemas import View
from tests.unit.runtime.test_items import cut

LIMIT = 200
HEAD = b"Content-Type: a/b\r\n\r\n"


async def read(
    pieces: list[bytes], boundary: bytes = b"b", bounds: Bounds | None = None, *, files: bool = False
) -> list[bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    def is_file(part: RawPart) -> bool:
        return files

    found: list[bytes] = []
    bounds = bounds or Bounds(LIMIT)
    async for part in read_parts(chunks(), boundary, bounds, is_file):
        found.append(bytes(part.content) if part.file is None else await part.file.read())
    for file in bounds.files:
        await file.close()
    return found


contents = st.lists(
    st.one_of(
        st.binary(max_size=30), st.sampled_from([b"\r\n--", b"--b--", b"\r\n\r\n", b"--b\r\n", b"\r\n--b"])
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(
    contents=contents,
    places=st.lists(st.integers(0, 300), max_size=8),
    files=st.booleans(),
    before=st.sampled_from([b"", b"\r\n", b"a comment\r\n", b"--b\r\n"]),
)
async def test_what_is_joined_is_read_again(
    contents: list[bytes], places: list[int], files: bool, before: bytes
) -> None:
    content = joined(Piece(HEAD, one, None) for one in contents)
    boundary = boundary_of(with_boundary("multipart/mixed", content))
    assert boundary is not None
    assert await read(cut(before + content + b"after", places), boundary, files=files) == contents


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"\r\n",
        b"--b",
        b"--b\r\n",
        b"--b\r\n\r\nx",
        b"--b\r\n\r\nx\r\n--b",
        b"--b\r\n\r\nx\r\n--b-",
        b"--b\r\nno colon\r\n\r\nx\r\n--b--",
        b"--b\r\n" + b"A: b\r\n" * 9 + b"\r\nx\r\n--b--",
    ],
)
async def test_what_is_cut_or_malformed_is_refused(content: bytes) -> None:
    for pieces in ([content], [content[at : at + 1] for at in range(len(content))]):
        with pytest.raises(MalformedMultipart):
            await read(pieces)


async def test_parts_are_bounded_in_number_and_size() -> None:
    part = b"--b\r\n\r\n\r\n"
    assert len(await read([part * 1000 + b"--b--"])) == 1000
    with pytest.raises(MalformedMultipart, match="1000"):
        await read([part * 1001 + b"--b--"])
    great = b"--b\r\n\r\n" + b"x" * (LIMIT + 1) + b"\r\n--b--"
    with pytest.raises(ContentTooLarge):
        await read([great])
    assert await read([great], files=True) == [b"x" * (LIMIT + 1)]


def request(pieces: list[bytes | Exception], content_type: str) -> Request:
    """A request whose body ends as `pieces` do, in an error or well."""
    waiting = list(pieces)

    async def receive() -> dict[str, object]:
        piece = waiting.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


FILES = PartSpec("binary", None)
TEXTS = PartSpec("text", "Text")
VIEW = View({"Text": {"type": "string"}}, "request")


@pytest.mark.parametrize(
    ("last", "error"),
    [(ClientDisconnect(), ClientDisconnect), (b"--b\r\n\r\n" + b"x" * 300 + b"\r\n--b--", ContentTooLarge)],
)
async def test_files_are_closed_when_reading_fails(
    last: bytes | Exception, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[UploadFile] = []
    before = UploadFile.__init__

    def noted(self: UploadFile, *arguments: object, **more: object) -> None:
        before(self, *arguments, **more)  # type: ignore[arg-type]
        opened.append(self)

    monkeypatch.setattr(UploadFile, "__init__", noted)
    media = Media("multipart/mixed", "parts", None, of_items=False, prefix=(FILES,), rest=TEXTS)
    decoder = BodyDecoder(Body(True, (media,)), VIEW, document_limit_bytes=LIMIT)
    file = b"--b\r\n\r\nfile\r\n"
    with pytest.raises(error):
        await decoder.decode(request([file, last], "multipart/mixed; boundary=b"), [])
    assert [one.file.closed for one in opened] == [True]


async def test_a_part_is_at_hand_before_the_next_has_come() -> None:
    seen: list[str] = []
    waiting = [b"--b\r\n\r\none\r\n--b\r\n", b"\r\ntwo\r\n--b--"]

    async def receive() -> dict[str, object]:
        seen.append("asked")
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    media = Media("multipart/mixed", "parts", "Text", rest=TEXTS)
    decoder = BodyDecoder(Body(True, (media,)), VIEW, document_limit_bytes=LIMIT)
    headers = [(b"content-type", b"multipart/mixed; boundary=b")]
    out: list[Violation] = []
    decoded = await decoder.decode(
        Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive), out
    )
    assert isinstance(decoded.value, PartItems)
    found = []
    async for item in decoded.value:
        found.append((item, len(seen)))
    assert found == [("one", 1), ("two", 2)]


async def test_a_bad_part_of_a_stream_is_refused_where_it_stands() -> None:
    numbers = View({"Number": {"type": "integer"}}, "request")
    number = PartSpec("text", "Number", Encoding("text/plain"))
    media = Media("multipart/mixed", "parts", "Number", rest=number)
    decoder = BodyDecoder(Body(True, (media,)), numbers, document_limit_bytes=LIMIT)
    for content, place in (
        (b"--b\r\n\r\n1\r\n--b\r\n\r\nx\r\n--b--", ("/1", "type")),
        (b"--b\r\n\r\n1\r\n--b\r\nContent-Type: a/b\r\n\r\n2\r\n--b--", ("/1", "contentType")),
        (b"--b\r\n\r\n1\r\n--b\r\n\r\n2", ("", "syntax")),
    ):
        decoded = await decoder.decode(request([content], "multipart/mixed; boundary=b"), [])
        assert isinstance(decoded.value, PartItems)
        items = aiter(decoded.value)
        assert await anext(items) == 1
        with pytest.raises(Violations) as refused:
            await anext(items)
        assert [(one.pointer, one.keyword) for one in refused.value.violations] == [place]
        for file in decoded.files:
            await file.close()
