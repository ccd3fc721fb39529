"""The contract with every question answered: what templates print and the runtime reads.

No `$ref` between operations, no `Any`, no optional question left open; every node that a person may
have to look at carries its `Source`. Python names are final and unique in their feature, and of another
type than the names on the wire, so that mypy refuses to mix them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NewType, TypeAlias

PyName = NewType("PyName", str)
"""A Python identifier in snake_case: function, parameter or attribute."""

ClassName = NewType("ClassName", str)
"""A Python identifier in PascalCase: the class of a schema, and the schema's name in the hoisted contract."""

WireName = NewType("WireName", str)
"""A name exactly as it stands in the contract and on the wire."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A JSON value as the contract file holds it."""

Location: TypeAlias = Literal["path", "query", "querystring", "header", "cookie"]
Method: TypeAlias = str
"""An HTTP method as it is sent: `GET`, `QUERY`, or any other token."""
HeaderForm: TypeAlias = Literal["simple", "exploded", "json"]
MediaKind: TypeAlias = Literal[
    "json", "form", "multipart", "parts", "text", "binary", "sse", "jsonl", "xml", "yaml"
]
"""How bytes of a media type are decoded or encoded; `parts` is a multipart whose parts have an order."""


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A place in a contract file; `line` and `column` count from 1, `file` is relative to the project."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return `file:line:column`, the form that editors make clickable."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing the author should know: where, what, and how to mend it.

    A fatal finding stops generation; any other one names the operation that was refused or the part
    that was dropped, and generation goes on (`--strict` makes it an exit code).
    """

    source: Source
    code: str
    what: str
    fix: str
    fatal: bool = True

    def __str__(self) -> str:
        """Return `file:line:col: what` and, on the next line, `fix: how`."""
        word = "" if self.fatal else "warning: "
        return f"{self.source}: {word}{self.what}\n  fix: {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Legalisation:
    """One step from the author's bundled document to the published one, in the words of RFC 6902.

    Steps are carried out in their order; each holds what it replaces, so that it can be undone.
    """

    op: Literal["add", "remove", "replace", "move"]
    path: str
    """A JSON Pointer into the document as the steps before have left it."""
    origin: str = ""
    """Where a `move` comes from."""
    was: Json = None
    """What `remove` and `replace` take away."""
    value: Json = None
    """What `add` and `replace` put there."""
    source: Source
    """Where the entry stands in the author's text; of an added one, what it was added for."""
    finding: Finding
    """Why, where in the author's text, and what the author can do."""


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A Python type as it is written in generated code, and what must be imported for it."""

    expr: str
    models: frozenset[ClassName] = frozenset()
    """Classes of the feature's `models.py` that `expr` names."""
    imports: frozenset[tuple[str, str]] = frozenset()
    """(module, name) pairs that `expr` needs besides, e.g. `("uuid", "UUID")`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter, ready to decode (`style`, `explode`) and to print (`type`, `default`)."""

    name: PyName
    wire: WireName
    location: Location
    required: bool
    type: TypeRef
    """What the handler sees; includes `| None` where the parameter may be absent without a default."""
    has_default: bool = False
    """Whether the contract gives a default; the runtime fills it in where the parameter is absent."""
    default: str | None = None
    """The default as a Python expression; None also where none fits a signature (lists, dates)."""
    default_json: Json = None
    """The default as the contract holds it; meaningful where `has_default`."""
    schema: ClassName
    style: str
    explode: bool
    content: str | None = None
    """Media type of a `content` parameter (its text is decoded as that), else None."""
    allow_empty: bool = False
    """Whether an empty value that the schema refuses means that the parameter is not used."""
    media: Media | None = None
    """How the whole query string is decoded (`in: querystring`), else None."""
    description: str = ""
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One media type of a body or response."""

    media_type: str
    kind: MediaKind
    schema: ClassName | None
    """Name of its schema in `Feature.schemas`; None means any value."""
    type: TypeRef
    encoding: Mapping[str, Encoding] = field(default_factory=dict)
    """How properties of a form or multipart body are written."""
    of_items: bool = True
    """Whether the schema of a stream is that of one item, and not of the list of all."""
    prefix: tuple[Part, ...] = ()
    """The first parts, where parts have an order."""
    rest: Part | None = None
    """Each further part; None where there can be none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How one value of a form or multipart body is written (OpenAPI 3.2, 4.15)."""

    content_type: str = ""
    """The media types and ranges that it may have, divided by commas; empty where the author names none."""
    style: str = ""
    """Empty where the author names none, and where it is to be ignored."""
    explode: bool | None = None
    headers: tuple[Header, ...] = ()
    """The headers of its part, `Content-Type` apart."""
    inner: Media | None = None
    """How the parts inside of it are read, where it is a multipart itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart body whose parts have an order."""

    kind: MediaKind
    """How it is read where it does not say its own type."""
    schema: ClassName | None
    type: TypeRef
    encoding: Encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The request body: at least one media type that we can decode."""

    required: bool
    media: tuple[Media, ...]
    type: TypeRef
    """What the handler sees: the union over `media`, with `| None` where the body is optional."""
    description: str = ""
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header of a response, or of a part, other than Content-Type."""

    name: PyName
    wire: WireName
    required: bool
    schema: ClassName
    type: TypeRef
    form: HeaderForm = "simple"
    """How a value is written: in the style `simple`, in it with `explode`, or as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One entry of `responses`: `status` is three digits, a range such as `4XX`, or `default`."""

    status: str
    description: str
    media: tuple[Media, ...] = ()
    headers: tuple[Header, ...] = ()
    component: str = ""
    """Its name below `components.responses`, where it is one of them."""
    source: Source

    @property
    def success(self) -> bool:
        """Whether a handler returns this (2xx, 3xx) rather than raises it."""
        return self.status[0] in "23"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultClass:
    """A result class to print in `handler.py`: a success with typed headers, or of an uncommon status."""

    name: ClassName
    status: int
    body: TypeRef | None
    headers: tuple[Header, ...]
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorClass:
    """An exception to print in `errors.py`: what handlers raise for one declared error response."""

    name: ClassName
    status: str
    """Three digits, a range, or `default`."""
    body: TypeRef | None
    headers: tuple[Header, ...]
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """When an operation was deprecated, and when it will be gone."""

    since: int
    """In seconds since 1970; 0 where the author does not say."""
    sunset: str = ""
    """As `Sunset` sends it, an HTTP date; empty where no end is planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One HTTP operation; names are final and unique in their feature."""

    name: PyName
    """The handler function."""
    operation_id: WireName
    """The contract's operationId, or the derived one where the author gave none."""
    method: Method
    path: str
    """The path template as in the contract; the base path of `servers` is no part of it."""
    route: str
    """The same with Python identifiers in braces, as FastAPI wants it."""
    summary: str
    description: str
    params: tuple[Param, ...] = ()
    body: Body | None = None
    responses: tuple[Response, ...]
    status: int
    """The status sent when the handler returns a bare value."""
    result: TypeRef
    """What the handler returns."""
    result_classes: tuple[ResultClass, ...] = ()
    errors: tuple[ClassName, ...] = ()
    """The classes of `errors.py` that the handler may raise, in the order of their status."""
    security: tuple[tuple[tuple[str, tuple[str, ...]], ...], ...] = ()
    """Alternatives (OR) of schemes with scopes that hold together (AND); empty means public."""
    context: Literal["Context", "PublicContext", "OptionalContext"]
    tags: tuple[str, ...] = ()
    deprecated: bool = False
    deprecation: Deprecation | None = None
    """What its answers say of its end, if it is deprecated."""
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A request that the service makes: an operation of a webhook or a callback."""

    kind: Literal["webhook", "callback"]
    to: str
    """The runtime expression of a callback's URL; empty where the sender must be given the URL."""
    operation: Operation
    """Its `path` is `to`, its `result` the body of a good answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One contract file, checked, bundled, hoisted and named."""

    name: PyName
    """Folder under `generated/` and `handlers/`."""
    folder: str
    """The spec folder, e.g. `specs/001-task-management`."""
    file: str
    """The entry contract file, relative to the project."""
    title: str
    version: str
    description: str
    operations: tuple[Operation, ...]
    schemas: Mapping[ClassName, Json]
    """Every schema, JSON Schema 2020-12, refs in the form `#/$defs/<ClassName>`."""
    classes: frozenset[ClassName]
    """Schemas that are a class of their own in `models.py` (objects with properties, enums)."""
    patch_schemas: frozenset[ClassName]
    """Object schemas that are the body of a PATCH: absent optional properties are `UNSET`."""
    upload_schemas: frozenset[ClassName] = frozenset()
    """Object schemas that are a multipart body: their binary properties are `Upload`, or lists of it."""
    security_schemes: Mapping[str, Json]
    document: Mapping[str, Json]
    """The author's document, external refs bundled, made legal: what the published contract starts from."""
    legalisations: tuple[Legalisation, ...] = ()
    """The steps from the author's bundled document to `document`."""
    supersedes: tuple[str, ...] = ()
    errors: tuple[ErrorClass, ...] = ()
    """The errors that its operations declare with a body or headers."""
    senders: tuple[Sender, ...] = ()
    """Webhooks, and callbacks of the operations."""
