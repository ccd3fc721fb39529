"""What handlers return besides plain models, and what they take besides them.

A bare value answers with the operation's one success. Where the contract declares several, or headers, a
class per status keeps status, body and headers together: `Ok`, `Created`, `Accepted`, `NoContent`, or a
class generated for the operation.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Generic, TypeVar, get_args
from urllib.parse import quote

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

CHUNK_BYTES: Final = 64 * 1024

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class HeaderName:
    """Marks an attribute of a result as the response header of this name."""

    name: str


class Result(Generic[T_co]):
    """A success of one status; generated classes add the headers that the contract declares."""

    __slots__ = ()
    status: ClassVar[int]
    body: T_co


@dataclass(frozen=True, slots=True)
class Ok(Result[T_co]):
    """200: here is `body`."""

    status: ClassVar[int] = 200
    body: T_co


@dataclass(frozen=True, slots=True)
class Created(Result[T_co]):
    """201: `body` now exists."""

    status: ClassVar[int] = 201
    body: T_co


@dataclass(frozen=True, slots=True)
class Accepted(Result[T_co]):
    """202: it will be done; `body` tells more."""

    status: ClassVar[int] = 202
    body: T_co


@dataclass(frozen=True, slots=True)
class NoContent(Result[None]):
    """204: done, and there is nothing to say."""

    status: ClassVar[int] = 204
    body: None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes of a media type: whole, or in chunks that are sent as they come.

    The request's transaction has ended before the first chunk is asked for.
    """

    content: bytes | AsyncIterable[bytes]
    media_type: str | None = None
    """Its media type; None means the one that the contract declares, where that is a single one."""
    filename: str | None = field(default=None, kw_only=True)
    """Name under which a browser should save it."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let models have attributes of this type."""
        return core_schema.is_instance_schema(cls)


def disposition(filename: str) -> str:
    """Return the `Content-Disposition` of what a browser should save under a name (RFC 6266, RFC 8187)."""
    return f"attachment; filename*=UTF-8''{quote(filename, safe='')}"


@dataclass(frozen=True, slots=True)
class Part(Generic[T_co]):
    """A part of a multipart body for which the contract declares headers."""

    value: T_co
    headers: Mapping[str, str] = field(default_factory=dict)
    """Texts by name; of a part that was sent, names in any case."""
    media_type: str | None = None
    """Its media type; None means the one that the contract declares, or that the caller stated none."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let inputs have attributes of this type; the value is seen as its own type."""
        (hint,) = get_args(source) or (Any,)

        def validate(value: object, inner: Callable[[object], Any]) -> Part[Any]:
            if not isinstance(value, Part):
                raise ValueError("not a part")
            return replace(value, value=inner(value.value))

        return core_schema.no_info_wrap_validator_function(validate, handler.generate_schema(hint))


class Upload:
    """A file or body sent by the caller, read in chunks; never whole in memory unless you `read()` it."""

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        *,
        filename: str | None = None,
        content_type: str = "application/octet-stream",
        size: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Wrap `chunks`; `size` in bytes where it is known, `headers` those of its part."""
        self.headers: Mapping[str, str] = headers or {}
        self.filename = filename
        self.content_type = content_type
        self.size = size
        self._chunks = chunks
        self._rest = b""

    @classmethod
    def of(
        cls, content: bytes, *, filename: str | None = None, content_type: str = "application/octet-stream"
    ) -> Upload:
        """An upload of `content`, for tests."""
        return cls(_once(content), filename=filename, content_type=content_type, size=len(content))

    async def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, all that is left if it is negative; empty at the end."""
        parts = [self._rest]
        have = len(self._rest)
        while size < 0 or have < size:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            have += len(chunk)
        content = b"".join(parts)
        if size < 0:
            self._rest = b""
            return content
        self._rest = content[size:]
        return content[:size]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what is left, in chunks of at most 64 KiB."""
        while chunk := await self.read(CHUNK_BYTES):
            yield chunk

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let models have attributes of this type."""
        return core_schema.is_instance_schema(cls)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
