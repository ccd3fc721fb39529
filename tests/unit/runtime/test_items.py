"""Streams of items: the same items however the bytes arrive, each checked, each with its place."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.runtime import ItemStream
from handfast.runtime.errors import ContentTooLarge, Violations
from handfast.runtime.items import TextItems
from handfast.runtime.schemas import View

VIEW = View(
    {"Thing": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}}, "request"
)
SEQUENCE, LINES, EVENTS = "application/json-seq", "application/jsonl", "text/event-stream"
things = st.fixed_dictionaries({"a": st.text()})


async def read(
    pieces: list[bytes], kind: str, schema: str | None = "Thing", limit: int = 10_000
) -> list[object]:
    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    check = None if schema is None else VIEW.named(schema)
    return [value async for value in TextItems(chunks(), kind, check, limit)]


def cut(content: bytes, places: list[int]) -> list[bytes]:
    """`content` in pieces that end at `places`, taken modulo its length."""
    ends = sorted(place % (len(content) + 1) for place in places)
    return [content[start:end] for start, end in zip([0, *ends], [*ends, len(content)], strict=True)]


def written(values: list[dict[str, str]], kind: str) -> bytes:
    texts = [json.dumps(value) for value in values]
    if kind == SEQUENCE:
        return "".join(f"\x1e{text}\n" for text in texts).encode()
    if kind == EVENTS:
        return "".join(f": ping\r\ndata: {text}\r\n\r\n" for text in texts).encode()
    return "\n\n".join(texts).encode()


@pytest.mark.parametrize("kind", [LINES, SEQUENCE, EVENTS])
@settings(max_examples=40, deadline=None)
@given(values=st.lists(things, max_size=5), places=st.lists(st.integers(0, 300), max_size=6))
async def test_pieces_do_not_matter(kind: str, values: list[dict[str, str]], places: list[int]) -> None:
    assert await read(cut(written(values, kind), places), kind) == values


@pytest.mark.parametrize(
    ("kind", "content", "place", "keyword"),
    [
        (LINES, b'{"a": "x"}\n{"a": 1}\n{', "/1/a", "type"),
        (LINES, b'{"a": "x"}\n{', "/1", "syntax"),
        (LINES, b'{"a": "x"} {"a": "y"}', "/0", "syntax"),
        (SEQUENCE, b'{"a": "x"}', None, ""),
        (SEQUENCE, b'x\x1e{"a": "x"}', "/0", "syntax"),
        (SEQUENCE, b'\x1e{"a": "x"}\n\x1e{"a":', "/1", "syntax"),
        (EVENTS, b"data: \xff\n\n", "/0", "encoding"),
        (EVENTS, b"data: {}\n\n", "/0/a", "required"),
    ],
)
async def test_an_item_that_breaks_the_contract_is_told(
    kind: str, content: bytes, place: str | None, keyword: str
) -> None:
    if place is None:
        assert await read([content], kind) == [{"a": "x"}]
        return
    with pytest.raises(Violations) as raised:
        await read([content], kind)
    assert [(one.pointer, one.keyword) for one in raised.value.violations] == [(place, keyword)]


async def test_no_item_may_be_longer_than_a_document() -> None:
    for content in (b'"' + b"x" * 200, b'"' + b"x" * 200 + b'"\n', b'""\n' * 200):
        if content.count(b"\n") > 1:
            assert len(await read([content], LINES, None, 100)) == 200
            continue
        with pytest.raises(ContentTooLarge):
            await read([content], LINES, None, 100)


async def test_tests_can_make_streams() -> None:
    assert [item async for item in ItemStream.of(1, 2)] == [1, 2]
