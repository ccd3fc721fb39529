"""A feature's contract as the running service uses it: what `contract.json` holds, as frozen objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from handfast.runtime.schemas import Schema, View

HeaderForm: TypeAlias = Literal["simple", "exploded", "json"]
Kind: TypeAlias = Literal["json", "form", "multipart", "text", "binary", "sse", "jsonl", "xml", "yaml"]


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
    kind: Kind
    schema: str | None
    encoding: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    of_items: bool = True
    """Whether the schema of a stream is that of one item, and not of the list of all."""


@dataclass(frozen=True, slots=True)
class Body:
    """The request body."""

    required: bool
    media: tuple[Media, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """A response header."""

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
        entry["type"], entry["kind"], entry["schema"], entry.get("encoding") or {}, entry.get("ofItems", True)
    )


def _response(entry: Mapping[str, Any]) -> Response:
    headers = (
        Header(
            header["name"],
            header["wire"],
            header["required"],
            header["schema"],
            header.get("form", "simple"),
        )
        for header in entry.get("headers", ())
    )
    return Response(tuple(_media(media) for media in entry.get("media", ())), tuple(headers))
