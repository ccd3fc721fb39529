"""Streams of items in requests: JSON lines, JSON texts (RFC 7464), server-sent events, parts.

Each item is decoded and checked as it is asked for, so that a long stream needs the memory of one item. One
that breaks the contract raises `Violations` where the handler asks for it, and what was written is rolled
back. What a handler leaves unread is read and checked before the commit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast, get_args

from pydantic import GetCoreSchemaHandler, ValidationError, ValidationInfo, create_model
from pydantic_core import CoreSchema, core_schema

from handfast.runtime.admission import too_large
from handfast.runtime.errors import Violation, Violations
from handfast.runtime.jsontext import MalformedJson, parse_json
from handfast.runtime.multipart import MalformedMultipart
from handfast.runtime.parts import OrderedParts, Source
from handfast.runtime.schemas import Check
from handfast.runtime.views import Inputs
from handfast.validation.pointers import pointer

T = TypeVar("T")

Splitter = Callable[[bytes, bool], tuple[list[bytes], bytes]]
"""Given what has come and whether that is all, returns the whole items in it and the rest."""


class RawItems(ABC):
    """The checked values of a request's stream, as handlers are to see them."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self.status = 422
        """The status of a request that breaks the contract."""
        self._index = 0
        self._values = self._read()

    def __aiter__(self) -> AsyncIterator[object]:
        """Go on where it was left."""
        return self._values

    @abstractmethod
    def _read(self) -> AsyncIterator[object]:
        """Yield the values, each checked."""

    def _next_place(self) -> str:
        """The pointer of the item that comes now."""
        place, self._index = pointer([self._index]), self._index + 1
        return place

    def refused(self, violations: list[Violation]) -> Violations:
        """The error of an item that breaks the contract."""
        return Violations(violations, status=self.status)

    def unrepresentable(self) -> Violations:
        """The error of an item that no Python type holds."""
        what = "this service cannot represent this value"
        return self.refused([Violation("body", pointer([self._index - 1]), "representation", what)])


class TextItems(RawItems):
    """The items of a text: JSON lines, JSON texts, events."""

    def __init__(
        self, chunks: AsyncIterator[bytes], media_type: str, check: Check | None, limit_bytes: int
    ) -> None:
        """Read `chunks` as `media_type` says; no item may be longer than `limit_bytes`."""
        super().__init__()
        self._chunks = chunks
        self._check = check
        self._limit_bytes = limit_bytes
        self._events = media_type.startswith("text/event-stream")
        self._split: Splitter = _lines
        if self._events:
            self._split = _events
        elif media_type.endswith("json-seq"):
            self._split = _texts

    async def _read(self) -> AsyncIterator[object]:
        rest = b""
        async for chunk in self._chunks:
            items, rest = self._split(rest + chunk, False)
            if len(rest) > self._limit_bytes or any(len(item) > self._limit_bytes for item in items):
                raise too_large(self._limit_bytes)
            for item in items:
                yield self._value(item)
        for item in self._split(rest, True)[0]:
            yield self._value(item)

    def _value(self, content: bytes) -> object:
        place = self._next_place()
        try:
            readings = list(_event(content)) if self._events else [parse_json(content)]
        except MalformedJson as error:
            raise self.refused([Violation("body", place, "syntax", f"must be JSON: {error}")]) from None
        except UnicodeDecodeError:
            raise self.refused([Violation("body", place, "encoding", "must be UTF-8")]) from None
        check = self._check
        if check is None:
            return readings[0]
        for value in readings:
            if check.is_valid(value):
                return value
        raise self.refused(list(check.violations(readings[0], "body", place)))


class PartItems(RawItems):
    """The parts of a multipart body as items: a part is at hand when it has come whole."""

    def __init__(self, parts: OrderedParts, source: Source, check: Check | None) -> None:
        """Read the parts of `source`, whose bounds hold the files to close when the request has ended."""
        super().__init__()
        self._parts = parts
        self._source = source
        self._check = check

    async def _read(self) -> AsyncIterator[object]:
        found: list[Violation] = []
        try:
            async for pair in self._parts.each(self._source, found):
                place = self._next_place()
                if not found and self._check is not None and not self._check.is_valid(pair.plain):
                    found += self._check.violations(pair.plain, "body", place)
                if found:
                    raise self.refused(found)
                yield pair.typed
        except MalformedMultipart as error:
            what = f"must be multipart (RFC 2046): {error}"
            raise self.refused([Violation("body", "", "syntax", what)]) from None


class ItemStream(Generic[T]):
    """The items of a request's stream, each as its model: `async for item in body`."""

    def __init__(self, values: AsyncIterator[T]) -> None:
        """Wrap `values`."""
        self._values = values

    @classmethod
    def of(cls, *items: T) -> ItemStream[T]:
        """A stream of `items`, for tests."""

        async def values() -> AsyncIterator[T]:
            for item in items:
                yield item

        return cls(values())

    def __aiter__(self) -> AsyncIterator[T]:
        """Go on where it was left."""
        return self._values

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let inputs have attributes of this type; each item is seen as its type when it is asked for."""
        (hint,) = get_args(source) or (Any,)
        seen: list[type[Inputs]] = []

        def validate(value: object, info: ValidationInfo) -> ItemStream[Any]:
            if not isinstance(value, RawItems):
                raise ValueError("not a stream of items")
            if not seen:
                seen.append(create_model("Item", __base__=Inputs, item=(hint, ...)))
            return cls(_typed(value, seen[0], info.context))

        return core_schema.with_info_plain_validator_function(validate)


async def _typed(stream: RawItems, model: type[Inputs], context: Any) -> AsyncIterator[Any]:
    async for value in stream:
        try:
            made = model.__pydantic_validator__.validate_python(
                {"item": value}, context=context, by_alias=True, by_name=False
            )
        except ValidationError:
            raise stream.unrepresentable() from None
        yield cast(Any, made).item


# --- where items end ------------------------------------------------------------------------------


def _lines(content: bytes, ended: bool) -> tuple[list[bytes], bytes]:
    *lines, rest = content.split(b"\n")
    if ended:
        lines, rest = [*lines, rest], b""
    return [line for line in lines if line.strip()], rest


def _texts(content: bytes, ended: bool) -> tuple[list[bytes], bytes]:
    """JSON texts, each behind a record separator; what stands before the first is an item too, a bad one."""
    *texts, rest = content.split(b"\x1e")
    if ended:
        return [text for text in (*texts, rest) if text.strip()], b""
    return [text for text in texts if text.strip()], b"\x1e" + rest if texts else rest


def _events(content: bytes, ended: bool) -> tuple[list[bytes], bytes]:
    """Blocks of lines up to an empty one; lines end as the standard lets them end (CR, LF, or both)."""
    held = b"\r" if content.endswith(b"\r") and not ended else b""
    plain = content.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    *blocks, rest = plain.split(b"\n\n")
    return [block for block in blocks if _has_data(block)], b"" if ended else rest + held


def _has_data(block: bytes) -> bool:
    return any(line == b"data" or line.startswith(b"data:") for line in block.split(b"\n"))


def _event(block: bytes) -> Iterator[object]:
    """Yield an event (HTML, 9.2.6) as an object, then what is in its data: JSON, else a text."""
    fields: dict[str, object] = {}
    data: list[str] = []
    for line in block.decode().removeprefix("\ufeff").split("\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name in ("event", "id"):
            fields[name] = value
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) < 16:
            fields[name] = int(value)
    text = "\n".join(data)
    yield {"data": text} | fields
    with suppress(MalformedJson):
        yield parse_json(text.encode())
    yield text
