"""What generated senders do: a webhook or callback as a request, held against the contract both ways.

What is sent is held against the contract as responses are, what comes back as requests are. A sender keeps
nothing of the request in which it is called, so it can be called from anywhere: give it a URL that was
resolved earlier.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, get_args
from urllib.parse import quote, urlencode, urlsplit

import structlog
from pydantic import ValidationError, create_model

from handfast.mediatypes import MediaType
from handfast.runtime.content import document_reader
from handfast.runtime.contract import Contract, Media, Parameter, SenderSpec
from handfast.runtime.documents import encoded
from handfast.runtime.errors import Violation
from handfast.runtime.exchange import Exchange, Unresolved
from handfast.runtime.headertexts import header_text, text_of
from handfast.runtime.outbound import Answer, Outbound, Undelivered
from handfast.runtime.results import Stream
from handfast.runtime.views import Inputs, jsonable

T = TypeVar("T")

_log = structlog.get_logger(__name__)
_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A good answer to a webhook or callback."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: T


class SendError(Exception):
    """A webhook or callback that came to no good end."""

    kind: ClassVar[str] = "failed"


class NotSent(SendError):
    """Nothing was sent: the values break the contract, or there is no URL to send them to."""

    kind = "not_sent"


class NotDelivered(SendError):
    """No answer came: the address is refused, unknown or silent."""

    kind = "not_delivered"


class Rejected(SendError):
    """The receiver answered, and not with success."""

    kind = "rejected"

    def __init__(self, message: str, reply: Reply[bytes]) -> None:
        """Keep the answer."""
        super().__init__(message)
        self.reply = reply


class BadReply(Rejected):
    """The receiver answered with success, in a way that the contract does not have."""

    kind = "bad_reply"


class SenderBase:
    """Base of a feature's generated `Senders`."""

    def __init__(self, file: str, outbound: Outbound) -> None:
        """Read the contract.json beside `file`."""
        self._contract = Contract.read(Path(file).with_name("contract.json"))
        self._outbound = outbound
        self._models: dict[str, type[Inputs]] = {}

    def url(self, name: str, exchange: Exchange) -> str:
        """Return the URL of the callback `name` in an exchange; raises `NotSent`.

        Resolve it while the exchange is at hand where the callback is sent later.
        """
        spec = self._contract.senders[name]
        if not spec.to:
            raise NotSent(f"{name}: the contract does not say where it goes: give a URL")
        try:
            return exchange.resolve(spec.to)
        except Unresolved as error:
            raise NotSent(f"{name}: {error}") from None

    async def send(
        self,
        name: str,
        to: str | Exchange,
        reply: type[Reply[T]],
        body: object,
        parameters: Mapping[str, object],
        extra_headers: Mapping[str, str] | None,
    ) -> Reply[T]:
        """Send the request of the sender `name`; raises a `SendError`."""
        spec = self._contract.senders[name]
        url = to if isinstance(to, str) else self.url(name, to)
        headers, query, cookies = self._parameters(spec, parameters)
        content = self._content(spec, body, headers)
        if cookies:
            headers["Cookie"] = "; ".join(cookies)
        headers |= {"User-Agent": "handfast", **(extra_headers or {})}
        if query:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(query, quote_via=quote)}"
        begun = time.perf_counter()
        status = 0
        try:
            answer = await self._outbound.send(spec.operation.method, url, headers, content)
            status = answer.status
            return self._reply(spec, answer, reply)
        except Undelivered as error:
            raise NotDelivered(f"{name}: {error}") from None
        except ValueError as error:
            raise NotSent(f"{name}: {error}") from None
        finally:
            _log.info(
                "request_sent",
                sender=name,
                method=spec.operation.method,
                host=urlsplit(url).hostname,
                status=status or None,
                duration_ms=round((time.perf_counter() - begun) * 1000, 3),
            )

    # What goes out ------------------------------------------------------------------------------

    def _parameters(
        self, spec: SenderSpec, values: Mapping[str, object]
    ) -> tuple[dict[str, str], list[tuple[str, str]], list[str]]:
        headers: dict[str, str] = {}
        query: list[tuple[str, str]] = []
        cookies: list[str] = []
        found: list[Violation] = []
        for parameter in spec.operation.parameters:
            value = jsonable(values.get(parameter.name))
            if value is None and not parameter.required:
                continue
            check = self._contract.response.named(parameter.schema)
            if not check.is_valid(value):
                found += check.violations(value, "header", f"/{parameter.wire}")
            pairs = list(_texts(parameter, value))
            if parameter.location == "header":
                headers[parameter.wire] = ",".join(text for _, text in pairs)
            elif parameter.location == "cookie":
                cookies += [f"{name}={quote(text)}" for name, text in pairs]
            else:
                query += pairs
        _refuse(spec, found)
        return headers, query, cookies

    def _content(self, spec: SenderSpec, body: object, headers: dict[str, str]) -> bytes | None:
        declared = spec.operation.body
        if declared is None or (body is None and not declared.required):
            return None
        if isinstance(body, Stream):
            media = next((one for one in declared.media if one.kind == "binary"), None)
            if media is None or not isinstance(body.content, bytes):
                raise NotSent(f"{spec.operation.name}: a `Stream` that is sent must be bytes, and declared")
            headers["Content-Type"] = body.media_type or media.type
            return body.content
        value = jsonable(body)
        found: list[Violation] = []
        texts = [one for one in declared.media if one.kind == "text" and isinstance(value, str)]
        for media in [*texts, *(one for one in declared.media if one.kind in ("json", "form"))]:
            check = None if media.schema is None else self._contract.response.named(media.schema)
            if check is None or check.is_valid(value):
                headers["Content-Type"] = media.type
                return encoded(media, value, self._contract.response)
            found = found or list(check.violations(value, "body", ""))
        _refuse(spec, found)
        raise NotSent(f"{spec.operation.name}: its body has no media type for a {type(body).__name__}")

    # What comes back ----------------------------------------------------------------------------

    def _reply(self, spec: SenderSpec, answer: Answer, reply: type[Reply[T]]) -> Reply[T]:
        name = spec.operation.name
        raw = Reply(answer.status, answer.headers, answer.content)
        if not 200 <= answer.status < 300:
            raise Rejected(f"{name}: the receiver answered {answer.status}", raw)
        declared = spec.operation.response(answer.status)
        if declared is None:
            raise BadReply(f"{name}: the contract has no answer {answer.status}", raw)
        body: object = None
        if declared.media:
            body = self._body(name, declared.media, answer, raw)
        model = self._models.get(name)
        if model is None:
            (hint,) = get_args(reply)
            model = self._models[name] = create_model("Reply", __base__=Inputs, body=(hint, ...))
        try:
            seen: Any = model.__pydantic_validator__.validate_python(
                {"body": body}, context=self._contract.request, by_alias=True, by_name=False
            )
        except ValidationError:
            raise BadReply(f"{name}: this service cannot represent the answer's body", raw) from None
        return Reply(answer.status, answer.headers, seen.body)

    def _body(self, name: str, declared: tuple[Media, ...], answer: Answer, raw: Reply[bytes]) -> object:
        sent = MediaType.parse(answer.headers.get("content-type", ""))
        media = next((one for one in declared if MediaType.parse(one.type).covers(sent)), None)
        if media is None:
            raise BadReply(f"{name}: the contract has no answer of the type `{sent.essence[:60]}`", raw)
        if media.kind not in ("json", "text"):
            return answer.content
        found: list[Violation] = []
        value = document_reader(media, self._contract.request)(answer.content, found)
        if found:
            told = "; ".join(f"{one.pointer or '/'} {one.message}" for one in found[:5])
            raise BadReply(f"{name}: the answer breaks the contract: {told}", raw)
        return value


def _refuse(spec: SenderSpec, found: list[Violation]) -> None:
    if found:
        told = "; ".join(f"{one.pointer or '/'} {one.message}" for one in found[:5])
        raise NotSent(f"{spec.operation.name} breaks the contract ({spec.operation.source}): {told}")


def _texts(parameter: Parameter, value: object) -> Iterable[tuple[str, str]]:
    """A parameter by its style, as pairs of name and text."""
    wire, style = parameter.wire, parameter.style
    spread = parameter.explode and parameter.location != "header"
    if parameter.content is not None:
        return [(wire, header_text(value, "json" if "json" in parameter.content else "simple"))]
    if isinstance(value, dict):
        members = [(name, text_of(one)) for name, one in value.items()]
        if style == "deepObject":
            return [(f"{wire}[{name}]", text) for name, text in members]
        if spread:
            return members
        pieces = [f"{name}={text}" if parameter.explode else f"{name},{text}" for name, text in members]
        return [(wire, _DELIMITERS.get(style, ",").join(pieces))]
    if isinstance(value, list) and spread:
        return [(wire, text_of(one)) for one in value]
    if isinstance(value, list):
        return [(wire, _DELIMITERS.get(style, ",").join(map(text_of, value)))]
    return [(wire, text_of(value))]
