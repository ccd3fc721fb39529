"""What a mock answers to a valid request: status, media type, headers and body out of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.responses import JSONResponse, Response

from handfast.mock import usual
from handfast.mock.bodies import content_of
from handfast.mock.discriminated import discriminated
from handfast.mock.examples import Document
from handfast.mock.prefer import Preferences
from handfast.mock.values import Impossible, Maker
from handfast.runtime.accept import preferred
from handfast.runtime.contract import Contract, Header, Media, OperationSpec
from handfast.runtime.contract import Response as Declared
from handfast.runtime.documents import concrete
from handfast.runtime.encode import BODILESS
from handfast.runtime.errors import BadRequest
from handfast.runtime.headertexts import header_text
from handfast.runtime.partwriter import with_boundary
from handfast.runtime.schemas import View

_log = structlog.get_logger(__name__)

_LIKELY_ERRORS: Final = (404, 409, 403, 401, 429, 410, 412, 423, 422, 400)
"""Which error to answer where the contract has no success, the likeliest to a valid request first."""
_OF_RANGE: Final = {"2": 200, "3": 302, "4": 404, "5": 500, "d": 200}


@dataclass(frozen=True, slots=True)
class _Key:
    """What an answer depends on, the seed apart."""

    operation: str
    status: int
    media_type: str


class Answerer:
    """Answers the operations of one contract."""

    def __init__(self, contract: Contract, document: Document, seed: int) -> None:
        """Take examples from `document`; what is made is the same for the same `seed`."""
        self._contract = contract
        self._document = document
        plain, strict = contract.response, View(discriminated(contract.schemas), "response")
        self._makers = [(strict, Maker(strict, seed)), (plain, Maker(plain, seed))]
        """How answers are made: first so that discriminators count too, then by plain schemas."""
        self._made: dict[_Key, bytes | None] = {}

    def answer(
        self, spec: OperationSpec, wanted: Preferences, accept: str | None, *, request: str
    ) -> Response:
        """Return the answer to a valid request; raises an `ApiError` where what is wanted does not exist.

        `request` names the request, so that another one is told something else under `dynamic=true`.
        """
        if wanted.code is not None:
            declared = spec.response(wanted.code) or spec.platform.get(str(wanted.code))
            if declared is None:
                raise BadRequest(f"This operation declares no answer with the status {wanted.code}.")
            try:
                return self._response(spec, wanted.code, declared, wanted, accept, request)
            except Impossible:
                raise BadRequest(_unanswerable(spec, [wanted.code])) from None
        for status, declared in _statuses(spec):
            try:
                return self._response(spec, status, declared, wanted, accept, request)
            except Impossible:
                continue
        statuses = [status for status, _ in _statuses(spec)]
        if not statuses:
            return Response(status_code=spec.status)
        _log.error("no_answer_made", operation_id=spec.operation_id, status=statuses[0])
        problem = {
            "title": "The mock can make no answer",
            "status": statuses[0],
            "detail": _unanswerable(spec, statuses),
        }
        # the status that is declared: what is wrong is the contract, and the mock has not failed
        return JSONResponse(problem, statuses[0], media_type="application/problem+json")

    def _response(
        self,
        spec: OperationSpec,
        status: int,
        declared: Declared,
        wanted: Preferences,
        accept: str | None,
        request: str,
    ) -> Response:
        headers = self._headers(spec, status, declared.headers)
        if wanted.applied:
            headers["Preference-Applied"] = wanted.applied
        if status in BODILESS or status < 200 or not declared.media:
            return Response(status_code=status, headers=headers)
        media = declared.media[preferred([concrete(one) for one in declared.media], accept) or 0]
        content = self._content(spec, status, media, wanted, request)
        response = Response(content, status, headers)
        parts = media.kind in ("multipart", "parts")
        response.headers["Content-Type"] = (
            with_boundary(concrete(media), content) if parts else concrete(media)
        )
        return response

    def _content(
        self, spec: OperationSpec, status: int, media: Media, wanted: Preferences, request: str
    ) -> bytes:
        if wanted.example is not None:
            for name, value in self._document.examples(spec, status, media.type):
                if name == wanted.example:
                    return self._bytes(spec, status, media, value)
            raise BadRequest(f"This answer has no example called `{wanted.example}`.")
        if wanted.dynamic:
            return self._new(spec, status, media, request, examples=False)
        key = _Key(spec.name, status, media.type)
        if key not in self._made:
            try:
                self._made[key] = self._new(spec, status, media, "", examples=True)
            except Impossible:
                self._made[key] = None
        found = self._made[key]
        if found is None:
            raise Impossible
        return found

    def _new(self, spec: OperationSpec, status: int, media: Media, request: str, *, examples: bool) -> bytes:
        if media.schema is None and media.kind in ("binary", "sse"):
            return self._bytes(spec, status, media, None)
        given = list(self._examples(spec, status, media)) if examples else []
        key = f"{spec.name}/{status}/{media.type}/{request}"
        for view, maker in self._makers:
            check = view.named(media.schema)
            for value in given:
                if check.is_valid(value):
                    return self._bytes(spec, status, media, value)
            with suppress(Impossible):
                return self._bytes(spec, status, media, maker.value(view.schema(media.schema), key, check))
        raise Impossible

    def _bytes(self, spec: OperationSpec, status: int, media: Media, value: Any) -> bytes:
        """Return `value` as a body, with the headers that its parts must have."""

        def header(one: Header) -> Any:
            with suppress(Impossible):
                return self._header(spec, status, one)
            return None

        return content_of(media, value, self._contract, header)

    def _examples(self, spec: OperationSpec, status: int, media: Media) -> Iterator[Any]:
        for _, value in self._document.examples(spec, status, media.type):
            one_item = media.kind == "jsonl" or (media.kind == "parts" and media.of_items)
            yield value[0] if one_item and isinstance(value, list) and value else value
        schema = self._contract.response.schema(media.schema)
        for one in self._contract.response.resolve(schema):
            yield from one.get("examples", ())

    def _headers(self, spec: OperationSpec, status: int, declared: tuple[Header, ...]) -> dict[str, str]:
        found: dict[str, str] = {}
        for header in declared:
            if header.wire.lower() in usual.OF_THE_SERVER:
                continue
            try:
                value = self._header(spec, status, header)
            except Impossible:
                _log.error("no_header_made", operation_id=spec.operation_id, header=header.wire)
                continue
            text = header_text(value, header.form)
            if text.isascii() and text.isprintable():
                found[header.wire] = text
        return found

    def _header(self, spec: OperationSpec, status: int, header: Header) -> Any:
        view = self._contract.response
        check = view.named(header.schema)
        for _, value in self._document.examples_of(self._document.header(spec, status, header.wire)):
            if check.is_valid(value):
                return value
        for value in usual.HEADERS.get(header.wire.lower(), ()):
            if check.is_valid(value):
                return value
        _, maker = self._makers[-1]
        return maker.value(view.schema(header.schema), f"{spec.name}/{status}/{header.wire}", check)


def _unanswerable(spec: OperationSpec, statuses: list[int]) -> str:
    """Say that no value was found for the answers with these statuses, and where they are declared."""
    shown = ", ".join(map(str, statuses))
    return (
        f"No value was found that meets the schema of the answer {shown} of `{spec.operation_id}`, declared "
        f"at {spec.source}. Correct the schema so that a value can meet it, or give an example that does."
    )


def _statuses(spec: OperationSpec) -> Iterator[tuple[int, Declared]]:
    """Yield what may be answered to a valid request, the best answer first."""
    declared = spec.responses
    exact = sorted(int(status) for status in declared if status.isdigit())
    order = [status for status in exact if 200 <= status < 300]
    ranges = {status[0]: _OF_RANGE[status[0]] for status in declared if not status.isdigit()}
    if "2" in ranges:
        order.append(ranges["2"])
    order += [status for status in exact if 300 <= status < 400]
    order += [ranges[key] for key in ("d", "3") if key in ranges]
    order += [status for status in _LIKELY_ERRORS if status in exact]
    order += [ranges["4"]] if "4" in ranges else []
    order += [status for status in exact if 400 <= status < 500]
    order += [status for status in exact if status >= 500]
    order += [ranges["5"]] if "5" in ranges else []
    for status in dict.fromkeys(order):
        found = spec.response(status)
        if found is not None:
            yield status, found
