"""From a handler's result to a response: serialised once, checked against the contract, then bytes.

Whatever the handler gives, the contract's response schema judges it before the transaction is committed.
Outside production a violation fails the request; in production it is logged and counted, and sent.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import structlog
from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

from handfast.mediatypes import MediaKind, MediaType
from handfast.runtime.accept import preferred
from handfast.runtime.contract import Contract, Media, OperationSpec
from handfast.runtime.documents import concrete, encoded
from handfast.runtime.headertexts import text_of
from handfast.runtime.partwriter import (
    OrderedWriter,
    Piece,
    declared_texts,
    joined,
    named,
    new_boundary,
    streamed,
    with_boundary,
)
from handfast.runtime.problems import media_of
from handfast.runtime.results import HeaderName, Part, Result, Stream, disposition
from handfast.runtime.schemas import Check, View
from handfast.runtime.settings import ResponseValidation
from handfast.runtime.views import jsonable

BODILESS: Final = frozenset((204, 205, 304))
_VALUED: Final = frozenset(("json", "xml", "yaml", "form", "multipart"))
"""Kinds that any value can be written as."""
_STREAMED: Final = frozenset(("sse", "jsonl"))
_EVENT_FIELDS: Final = frozenset(("data", "event", "id", "retry", "comment"))

_log = structlog.get_logger(__name__)


class ResponseViolation(Exception):
    """What the handler returned breaks the contract; the request is answered 500 and rolled back."""


class _Answer:
    """One media type that a response may have."""

    def __init__(self, media: Media, view: View) -> None:
        self.declared = MediaType.parse(media.type)
        self.media = media
        self.kind: MediaKind = media.kind
        self.check = None if media.schema is None else view.named(media.schema)
        self.media_type = concrete(media)
        self.header = (b"content-type", self.media_type.encode("latin-1"))
        # Starlette adds a charset to `text/json`.
        self.is_plain = media.kind == "json" and not self.media_type.lower().startswith("text/")
        self.parts = OrderedWriter(media, view) if media.kind == "parts" else None
        self.is_stream = media.kind in _STREAMED or (media.kind == "parts" and media.of_items)


class Encoded(Response):
    """A response of bytes, whose headers need no encoding either."""

    def __init__(self, body: bytes, status: int, content_type: tuple[bytes, bytes]) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), content_type]


class _Plan:
    """What may be answered with one status."""

    def __init__(self, contract: Contract, operation: OperationSpec, status: int) -> None:
        declared = operation.response(status)
        self.declared = declared is not None
        media = declared.media if declared else ()
        self.answers = [_Answer(one, contract.response) for one in media]
        self.headers = [
            (header, contract.response.named(header.schema))
            for header in (declared.headers if declared else ())
        ]

        bodied = status >= 200 and status not in BODILESS
        self.sole = self.answers[0] if bodied and [one.is_plain for one in self.answers] == [True] else None
        """JSON, where that is all that is declared."""

    @property
    def only(self) -> str | None:
        """The media type, where a single and concrete one is declared."""
        types = {one.media_type for one in self.answers}
        return next(iter(types)) if len(types) == 1 and "*" not in "".join(types) else None


class Encoder:
    """Makes the responses of one operation; built once, when the service starts."""

    def __init__(
        self,
        contract: Contract,
        operation: OperationSpec,
        *,
        mode: ResponseValidation,
        count: Callable[[str], None],
    ) -> None:
        """Read what `operation` declares; `count` is told the operationId of each violation."""
        self._contract = contract
        self._operation = operation
        self._mode = mode
        self._count = count
        self._plans: dict[int, _Plan] = {}
        self.has_choice = any(len(one.media) > 1 for one in operation.responses.values())
        """Whether what the caller accepts can make a difference."""

    def response(self, result: object, accept: str | None) -> Response:
        """Return the response for `result`; raises `ResponseViolation` where violations are not tolerated."""
        if isinstance(result, Result):
            status, body, headers = result.status, result.body, _headers_of(result)
        else:
            status, body, headers = self._operation.status, result, {}
        plan = self._plans.get(status)
        if plan is None:
            plan = self._plans[status] = _Plan(self._contract, self._operation, status)
        if not plan.declared:
            self.violated("status", f"{status} is not declared for this operation")
        texts = declared_texts(plan.headers, headers, self) if headers or plan.headers else None
        sole = plan.sole
        if (
            sole is not None
            and texts is None
            and (hasattr(body, "__pydantic_serializer__") or isinstance(body, (dict, list)))
        ):
            # What most operations answer, by the shortest way.
            value = jsonable(body)
            self.judge(sole.check, value, "body")
            return Encoded(to_json(value, inf_nan_mode="null"), status, sole.header)
        if status in BODILESS or (body is None and not plan.answers):
            if body is not None:
                self.violated("body", f"a {status} response has no body")
            return Response(status_code=status, headers=texts)
        if isinstance(body, Stream):
            return self._stream(plan, body, status, texts)
        if isinstance(body, AsyncIterable):
            return self._items(plan, body, status, texts, accept)
        answer = self._choose(plan, body, accept)
        if answer is None:
            self.violated("body", "no media type of this response fits what the handler returned")
            content = to_json(jsonable(body), inf_nan_mode="null")
            return Response(content, status, texts, "application/json")
        if answer.parts is not None and isinstance(body, (list, tuple)):
            return self._parts(answer, answer.parts, body, status, texts)
        value = jsonable(body)
        self.judge(answer.check, value, "body")
        if answer.kind == "multipart":
            content = named(answer.media, value, self._contract.response)
            return Response(content, status, texts, with_boundary(answer.media_type, content))
        content = encoded(answer.media, value, self._contract.response)
        return Response(content, status, texts, answer.media_type)

    def raised(self, status: int, body: object = None) -> None:
        """Tell of an error that a handler raised and the contract does not declare: no caller can know of it.

        So for a `body` that breaks the declared schema. Raises `ResponseViolation` where violations are not
        tolerated.
        """
        operation = self._operation
        if body is not None:
            value = jsonable(body)
            media = media_of(operation, status, value)
            if media is not None and media.schema is not None:
                self.judge(self._contract.response.named(media.schema), value, f"body of {status}")
        if operation.response(status) is None and str(status) not in operation.platform and status < 500:
            self.violated("status", f"{status} is not declared for this operation")

    # Judging ----------------------------------------------------------------------------------

    def judge(self, check: Check | None, value: object, place: str) -> None:
        """Hold `value` against `check`; raises `ResponseViolation` where violations are not tolerated."""
        if self._mode == "off" or check is None or check.is_valid(value):
            return
        self.violated(
            place,
            *(
                f"{one.pointer or '/'}: {one.message} ({one.keyword})"
                for one in check.violations(value, "body")
            ),
        )

    def violated(self, place: str, *found: str) -> None:
        """Take note of what breaks the contract; raises `ResponseViolation` where that is not tolerated."""
        if self._mode == "off":
            return
        self._count(self._operation.operation_id)
        _log.error(
            "response_violation",
            operation_id=self._operation.operation_id,
            contract=self._operation.source,
            place=place,
            found=found[:10],
        )
        if self._mode == "raise":
            raise ResponseViolation(
                f"the response of {self._operation.operation_id} breaks the contract "
                f"({self._operation.source}), {place}: {'; '.join(found[:10])}"
            )

    # Choosing ---------------------------------------------------------------------------------

    def _choose(self, plan: _Plan, body: object, accept: str | None) -> _Answer | None:
        answers = plan.answers
        if len(answers) == 1 and answers[0].kind in _VALUED:
            return answers[0]
        textual = isinstance(body, (str, bool, int, float))
        values = body if isinstance(body, (list, tuple)) else None
        fitting = [
            one
            for one in answers
            if one.kind in _VALUED
            or (one.kind == "text" and textual)
            or (one.kind == "parts" and values is not None and not one.media.of_items)
        ]
        if any(isinstance(one, (Part, Stream)) for one in values or ()):
            fitting = [one for one in fitting if one.kind == "parts"]  # nothing else holds bytes in a list
        if textual and not accept:
            fitting.sort(key=lambda one: one.kind != "text")
        return _preferred(fitting, accept)

    # Parts, bytes and items --------------------------------------------------------------------------

    def _parts(
        self,
        answer: _Answer,
        writer: OrderedWriter,
        body: Sequence[object],
        status: int,
        texts: dict[str, str] | None,
    ) -> Response:
        """A list as parts; where one of them is a stream of bytes, the body is one too."""
        pieces = writer.pieces(body, self)
        self.judge(answer.check, [one.plain for one in pieces], "body")
        if all(isinstance(one.content, bytes) for one in pieces):
            content = joined(pieces)
            return Response(content, status, texts, with_boundary(answer.media_type, content))

        async def each() -> AsyncIterator[Piece]:
            for piece in pieces:
                yield piece

        boundary = new_boundary()
        kind = with_boundary(answer.media_type, boundary)
        return StreamingResponse(streamed(each(), boundary), status, texts, kind)

    def _stream(self, plan: _Plan, body: Stream, status: int, texts: dict[str, str] | None) -> Response:
        media_type = body.media_type or plan.only or "application/octet-stream"
        sent = MediaType.parse(media_type)
        if plan.answers and not any(one.declared.covers(sent) for one in plan.answers):
            self.violated("body", "the stream's media type is not declared")
        headers = dict(texts or {})
        if body.filename is not None:
            headers["Content-Disposition"] = disposition(body.filename)
        if isinstance(body.content, bytes):
            return Response(body.content, status, headers, media_type)
        return StreamingResponse(body.content, status, headers, media_type)

    def _items(
        self,
        plan: _Plan,
        items: AsyncIterable[object],
        status: int,
        texts: dict[str, str] | None,
        accept: str | None,
    ) -> Response:
        answer = _preferred([one for one in plan.answers if one.is_stream], accept)
        if answer is None:
            self.violated("body", "this response is not declared as a stream of items")
            answer = _Answer(Media("application/jsonl", "jsonl", None), self._contract.response)
        headers = dict(texts or {})
        if answer.kind == "sse":
            headers |= {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        if answer.parts is not None:
            boundary = new_boundary()
            pieces = self._pieces(answer, answer.parts, aiter(items))
            kind = with_boundary(answer.media_type, boundary)
            return StreamingResponse(streamed(pieces, boundary), status, headers, kind)
        return StreamingResponse(self._lines(answer, aiter(items)), status, headers, answer.media_type)

    async def _pieces(
        self, answer: _Answer, writer: OrderedWriter, items: AsyncIterator[object]
    ) -> AsyncIterator[Piece]:
        async with aclosing(_closable(items)) as each:
            index = 0
            async for item in each:
                piece = writer.piece(index, item, self)
                self.judge(answer.check, piece.plain, "item")
                yield piece
                index += 1

    async def _lines(self, answer: _Answer, items: AsyncIterator[object]) -> AsyncIterator[bytes]:
        async with aclosing(_closable(items)) as each:
            async for item in each:
                value = jsonable(item)
                self.judge(answer.check, value, "item")
                if answer.kind == "sse":
                    yield _event(value)
                else:
                    yield encoded(answer.media, value, self._contract.response)


async def _closable(items: AsyncIterator[object]) -> AsyncGenerator[object, None]:
    """Yield `items`; the handler's generator is closed too: its `finally` runs when the client has gone."""
    try:
        async for item in items:
            yield item
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


def _preferred(answers: Iterable[_Answer], accept: str | None) -> _Answer | None:
    """The answer that `accept` likes best; the first one in doubt, for an error would help nobody here."""
    fitting = list(answers)
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    return fitting[preferred([one.media_type for one in fitting], accept) or 0]


_marked: dict[type, tuple[tuple[str, str], ...]] = {}


def _header_attributes(result: type) -> tuple[tuple[str, str], ...]:
    """Pairs of attribute and header name of a result class."""
    found = _marked.get(result)
    if found is None:
        found = _marked[result] = tuple(
            (attribute, mark.name)
            for attribute, hint in get_type_hints(result, include_extras=True).items()
            if get_origin(hint) is Annotated
            for mark in get_args(hint)[1:]
            if isinstance(mark, HeaderName)
        )
    return found


def _headers_of(result: Result[Any]) -> dict[str, object]:
    return {name: getattr(result, attribute) for attribute, name in _header_attributes(type(result))}


def _event(value: object) -> bytes:
    """One server-sent event: an item with the event's own fields, else the item as JSON in `data`."""
    if isinstance(value, dict) and value and _EVENT_FIELDS.issuperset(value):
        lines = []
        for name in ("event", "id", "retry", "comment", "data"):
            if value.get(name) is not None:
                prefix = "" if name == "comment" else name
                lines += [f"{prefix}: {line}" for line in (text_of(value[name]).splitlines() or [""])]
        return ("\n".join(lines) + "\n\n").encode()
    return b"data: " + to_json(value, inf_nan_mode="null") + b"\n\n"
