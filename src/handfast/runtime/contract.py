"""A feature's contract as the running service uses it: what `contract.json` holds, as frozen objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from handfast.mediatypes import MediaKind
from handfast.runtime.schemas import Schema, View

HeaderForm: TypeAlias = Literal["simple", "exploded", "json"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    wire: str
    location: Literal["path", "query", "querystring", "header", "cookie"]
    required: bool
    style: str
    explode: bool
    content: str | None
    schema: str | None
    has_default: bool
    default: object
    media: Media | None = None
    """How the whole query string is read, of a parameter `in: querystring`."""
    allow_empty: bool = False
    """Whether an empty value that the schema refuses means that the parameter is not used."""


@dataclass(frozen=True, slots=True)
class Media:
    """One media type of a body or a response."""

    type: str
    kind: MediaKind
    schema: str | None
    encoding: Mapping[str, Encoding] = field(default_factory=dict)
    """How properties of a form or multipart body are written."""
    of_items: bool = True
    """Whether the schema of a stream is that of one item, and not of the list of all."""
    prefix: tuple[PartSpec, ...] = ()
    """The first parts, where parts have an order."""
    rest: PartSpec | None = None
    """Each further part; None where there can be none."""

    def part(self, index: int) -> PartSpec:
        """What the part at `index` is, where parts have an order; any bytes where there should be none."""
        return self.prefix[index] if index < len(self.prefix) else self.rest or _SURPLUS


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one value of a form or multipart body is written (OpenAPI 3.2, 4.15)."""

    content_type: str = ""
    """The media types and ranges that it may have, divided by commas; empty where any will do."""
    style: str = ""
    explode: bool | None = None
    headers: tuple[Header, ...] = ()
    """The headers of its part, `Content-Type` apart."""
    inner: Media | None = None
    """How the parts inside of it are read, where it is a multipart itself."""


@dataclass(frozen=True, slots=True)
class PartSpec:
    """One part of a multipart body whose parts have an order."""

    kind: MediaKind
    """How it is read where it does not say its own type."""
    schema: str | None
    encoding: Encoding = Encoding()


_SURPLUS: Final = PartSpec("binary", None)


@dataclass(frozen=True, slots=True)
class Body:
    """The request body."""

    required: bool
    media: tuple[Media, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """A header of a response, or of a part."""

    name: str
    wire: str
    required: bool
    schema: str | None
    form: HeaderForm = "simple"
    """How a value is written: in the style `simple`, in it with `explode`, or as JSON."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the contract says of one status, range or `default`."""

    media: tuple[Media, ...]
    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """One operation of the contract."""

    name: str
    operation_id: str
    method: str
    path: str
    route: str
    source: str
    status: int
    security: tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]
    parameters: tuple[Parameter, ...]
    body: Body | None
    responses: Mapping[str, Response]
    platform: Mapping[str, Response]
    """What the published contract adds where the author was silent."""
    end: tuple[tuple[bytes, bytes], ...] = ()
    """The headers of a deprecated operation: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)."""

    def response(self, status: int) -> Response | None:
        """What is declared for `status`: by itself, as a range, or as `default`; None where nothing is."""
        code = str(status)
        return self.responses.get(code) or self.responses.get(f"{code[0]}XX") or self.responses.get("default")

    @property
    def violation_status(self) -> int:
        """The status of a request that breaks the contract: 422 unless only 400 is declared."""
        for declared in (self.responses, self.platform):
            for status in (422, 400):
                if str(status) in declared:
                    return status
        return 422


@dataclass(frozen=True, slots=True)
class SenderSpec:
    """A request that the service makes: of a webhook, or of a callback to the URL that `to` expresses."""

    operation: OperationSpec
    kind: Literal["webhook", "callback"]
    to: str


class Contract:
    """One feature's contract, read from the `contract.json` beside its generated code."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Take over a parsed contract.json."""
        self.feature: str = document["feature"]
        self.file: str = document["file"]
        self.schemas: Mapping[str, Schema] = document["schemas"]
        self.security_schemes: Mapping[str, Mapping[str, Any]] = document.get("securitySchemes", {})
        self.operations = {name: _operation(name, entry) for name, entry in document["operations"].items()}
        self.senders = {
            name: SenderSpec(_operation(name, entry), entry["kind"], entry["to"])
            for name, entry in document.get("senders", {}).items()
        }

    @classmethod
    def read(cls, path: Path) -> Contract:
        """Read contract.json at `path`."""
        return cls(json.loads(path.read_bytes()))

    @cached_property
    def request(self) -> View:
        """Validators of what callers send."""
        return View(self.schemas, "request")

    @cached_property
    def response(self) -> View:
        """Validators of what the service answers."""
        return View(self.schemas, "response")

    def methods(self, path: str) -> frozenset[str]:
        """The methods declared for the path template `path`."""
        return frozenset(entry.method for entry in self.operations.values() if entry.path == path)


def _operation(name: str, entry: Mapping[str, Any]) -> OperationSpec:
    body = entry.get("body")
    return OperationSpec(
        name=name,
        operation_id=entry["operationId"],
        method=entry["method"],
        path=entry["path"],
        route=entry["route"],
        source=entry["source"],
        status=entry["status"],
        security=tuple(
            tuple((scheme, tuple(scopes)) for scheme, scopes in alternative.items())
            for alternative in entry.get("security", ())
        ),
        parameters=tuple(_parameter(parameter) for parameter in entry.get("parameters", ())),
        body=None
        if body is None
        else Body(body["required"], tuple(_media(media) for media in body["media"])),
        responses={status: _response(response) for status, response in entry["responses"].items()},
        platform={status: _response(response) for status, response in entry.get("platform", {}).items()},
        end=tuple(_end(entry["deprecation"])) if "deprecation" in entry else (),
    )


def _end(entry: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    yield b"deprecation", b"@%d" % entry["since"]
    if entry["sunset"]:
        yield b"sunset", entry["sunset"].encode("ascii")


def _parameter(entry: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=entry["name"],
        wire=entry["wire"],
        location=entry["in"],
        required=entry["required"],
        style=entry["style"],
        explode=entry["explode"],
        content=entry.get("content"),
        schema=entry["schema"],
        has_default="default" in entry,
        default=entry.get("default"),
        media=_media(entry["media"]) if "media" in entry else None,
        allow_empty=entry.get("allowEmptyValue", False),
    )


def _media(entry: Mapping[str, Any]) -> Media:
    return Media(
        entry["type"],
        entry["kind"],
        entry["schema"],
        {name: encoding_of(one) for name, one in (entry.get("encoding") or {}).items()},
        entry.get("ofItems", True),
        tuple(_part(one) for one in entry.get("prefix", ())),
        _part(entry["rest"]) if "rest" in entry else None,
    )


def encoding_of(entry: Mapping[str, Any]) -> Encoding:
    """Return what contract.json says of how a value is written."""
    return Encoding(
        entry.get("contentType", ""),
        entry.get("style", ""),
        entry.get("explode"),
        tuple(_header(one) for one in entry.get("headers", ())),
        _media(entry["inner"]) if "inner" in entry else None,
    )


def _part(entry: Mapping[str, Any]) -> PartSpec:
    return PartSpec(entry["kind"], entry["schema"], encoding_of(entry["encoding"]))


def _response(entry: Mapping[str, Any]) -> Response:
    return Response(
        tuple(_media(media) for media in entry.get("media", ())),
        tuple(_header(header) for header in entry.get("headers", ())),
    )


def _header(entry: Mapping[str, Any]) -> Header:
    return Header(
        entry["name"], entry["wire"], entry["required"], entry["schema"], entry.get("form", "simple")
    )
