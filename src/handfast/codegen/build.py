"""Checked document → `Feature`: every operation with its final names and types, or refused with a warning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

from handfast.codegen import clashes, contradictions, cycles, deprecation, errors, variants
from handfast.codegen.examples import Examples
from handfast.codegen.grammar import SERVABLE, is_extension, operations_in
from handfast.codegen.headers import HeaderReader
from handfast.codegen.ir import Body, Feature, Json, Operation, Param, PyName, Source, WireName
from handfast.codegen.legalpaths import template_names
from handfast.codegen.media import MediaReader
from handfast.codegen.names import Namer, derived_operation_id, pascal
from handfast.codegen.normalise import Normaliser
from handfast.codegen.params import ParamReader
from handfast.codegen.parts import MultipartReader
from handfast.codegen.pointer import deref
from handfast.codegen.report import Report
from handfast.codegen.results import ResponseReader
from handfast.codegen.senders import SenderReader
from handfast.codegen.source import Map, Node, Seq, plain
from handfast.codegen.types import optional, union

Security = tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]
_KEPT = re.compile("(%2F|%7B|%7D)", re.IGNORECASE)
_BRACES = re.compile(r"\{[^{}/]+\}")


@dataclass(frozen=True, slots=True)
class Place:
    """Which contract a feature is built from."""

    name: PyName
    folder: str
    file: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An operation object that may become an operation of the feature."""

    path: str
    item: Map
    method: str
    """As it is sent: `GET`."""
    holder: Map
    """What holds the operation: the path item, or its `additionalOperations`."""
    key: str
    node: Map
    source: Source


def build(root: Map, place: Place, report: Report, *, examples: bool = True) -> Feature:
    """Return the feature that the checked document `root` describes; `report` must not be fatal.

    Where `examples` is false, they are not held against their schemas.
    """
    return _Builder(root, place, report, holds_examples=examples).feature()


@dataclass(slots=True)
class _Builder:
    root: Map
    place: Place
    report: Report
    holds_examples: bool
    schemas: Normaliser = field(init=False)
    examples: Examples = field(init=False)
    params: ParamReader = field(init=False)
    media: MediaReader = field(init=False)
    responses: ResponseReader = field(init=False)

    def __post_init__(self) -> None:
        self.schemas = Normaliser(self.root, self.report)
        self.examples = Examples(self.root, self.report)
        headers = HeaderReader(self.root, self.schemas, self.examples, self.report)
        multipart = MultipartReader(self.schemas, headers, self.report)
        self.media = MediaReader(self.schemas, multipart, self.examples, self.report)
        self.params = ParamReader(self.root, self.schemas, self.media, self.examples, self.report)
        self.responses = ResponseReader(self.root, self.media, headers)

    def feature(self) -> Feature:
        candidates = self._candidates()
        names = self._names(candidates)
        ids = self._ids(candidates)
        self.schemas.reserve([pascal(f"{name}_inputs") for name in names])
        self.schemas.components()
        operations: list[Operation] = []
        owners: list[tuple[PyName, Map]] = []
        for candidate, name, operation_id in zip(candidates, names, ids, strict=True):
            operation = self._operation(candidate, name, operation_id)
            if operation is not None:
                operations.append(operation)
                owners.append((name, candidate.node))
        operations, patch, upload = variants.apply(operations, self.schemas)
        operations, raised = errors.apply(operations, self.schemas)
        reader = SenderReader(self.root, self.params, self.media, self.responses, self.report)
        senders = reader.read(owners)
        self._no_circles()
        if self.holds_examples:
            self.examples.check(self.schemas.schemas)
        contradictions.check(
            self.schemas.places(), self.schemas.schemas, self.report, old=self.schemas.dialect.old
        )
        info = self.root.get("info")
        info = info if isinstance(info, Map) else self.root.empty_copy()
        schemas = dict(self.schemas.schemas)
        return Feature(
            name=self.place.name,
            folder=self.place.folder,
            file=self.place.file,
            title=_text(info.get("title")) or self.place.name,
            version=_text(info.get("version")) or "0",
            description=_text(info.get("description")),
            operations=tuple(operations),
            schemas=schemas,
            classes=frozenset(name for name in schemas if self.schemas.types.is_class(name)),
            patch_schemas=patch,
            upload_schemas=upload,
            security_schemes=self._security_schemes(),
            document=self._document(),
            supersedes=self._supersedes(),
            errors=raised,
            senders=senders,
        )

    def _no_circles(self) -> None:
        """Refuse schemas that dynamic references lead back to, for the very same value."""
        nodes = {name: node for node, name in self.schemas.places()}
        for circle in cycles.of_names(self.schemas.schemas):
            at = next((nodes[name] for name in circle if name in nodes), self.root)
            what = f"`{circle[0]}` leads back to itself by dynamic references"
            if len(circle) > 1:
                what += ": " + " → ".join(f"`{name}`" for name in (*circle, circle[0]))
            fix = "let one of the references stand below a property or an item"
            self.report.error(at.source, "ref-cycle", what, fix)

    # -- which operations -----------------------------------------------------------------------------------

    def _candidates(self) -> list[_Candidate]:
        found: list[_Candidate] = []
        paths = self.root.get("paths")
        for path, entry in paths.items() if isinstance(paths, Map) else ():
            item, _ = deref(self.root, entry)
            if item is None or is_extension(path):
                continue
            for method, holder, key in operations_in(item):
                node, _ = deref(self.root, holder[key])
                if node is None or not isinstance(holder, Map):
                    continue
                candidate = _Candidate(path, item, method, holder, key, node, holder.key_source(key))
                if self._servable(candidate):
                    found.append(candidate)
        return found

    def _servable(self, candidate: _Candidate) -> bool:
        """Whether requests with this method reach the service; otherwise its operation is refused."""
        method = candidate.method
        if method in SERVABLE:
            return True
        fix = "give the operation one of the methods that HTTP servers know (RFC 9110, IANA's registry)"
        if method.upper() in SERVABLE:
            fix = f"methods are case-sensitive (RFC 9110, 9.1): write `{method.upper()}`"
        shown = f"`{method[:40]} {candidate.path}`"
        what = f"{shown} is refused: the HTTP server does not take the method `{method[:40]}`"
        self.report.drop(candidate.holder, candidate.key, "unservable-method", what, fix)
        return False

    def _names(self, candidates: list[_Candidate]) -> list[PyName]:
        """Name the handler functions: authors' names first, so that no derived name takes one of theirs."""
        namer = Namer()
        given: dict[int, PyName] = {}
        for explicit in (True, False):
            for index, candidate in enumerate(candidates):
                operation_id = _text(candidate.node.get("operationId"))
                if bool(operation_id) is not explicit:
                    continue
                text = operation_id or derived_operation_id(candidate.method, candidate.path)
                given[index] = namer.py(text)
                source = candidate.node.key_source("operationId") if operation_id else candidate.source
                clashes.tell(self.report, source, "operation", text, given[index])
                namer.reserve(f"{given[index]}_operation")
        return [given[index] for index in range(len(candidates))]

    def _ids(self, candidates: list[_Candidate]) -> list[WireName]:
        """Give each operation an id that is its own: a path item may stand at two paths by reference."""
        taken: set[str] = set()
        found: dict[int, WireName] = {}
        for explicit in (True, False):
            for index, candidate in enumerate(candidates):
                given = _text(candidate.node.get("operationId"))
                if index in found or (explicit and (not given or given in taken)):
                    continue
                own = given if explicit else derived_operation_id(candidate.method, candidate.path)
                number = 2
                while own in taken:
                    own, number = f"{own.removesuffix(f'_{number - 1}')}_{number}", number + 1
                taken.add(own)
                found[index] = WireName(own)
        return [found[index] for index in range(len(candidates))]

    # -- one operation --------------------------------------------------------------------------------------

    def _operation(self, candidate: _Candidate, name: PyName, operation_id: WireName) -> Operation | None:
        if self._is_refused(candidate):
            return None
        node, source = candidate.node, candidate.source
        params = self.params.read(candidate.item, node, candidate.path, name)
        body = self._body(candidate, name)
        responses = self.responses.read(node, name)
        outcome = self.responses.outcome(responses, name, self.schemas.namer)
        security = self._security(node)
        return Operation(
            name=name,
            operation_id=operation_id,
            method=candidate.method,
            path=candidate.path,
            route=_route(candidate.path, params),
            summary=_text(node.get("summary")) or _text(candidate.item.get("summary")),
            description=_text(node.get("description")) or _text(candidate.item.get("description")),
            params=params,
            body=body,
            responses=responses,
            status=outcome.status,
            result=outcome.result,
            result_classes=outcome.classes,
            security=security,
            context=_context(security),
            tags=tuple(_texts(node.get("tags"))),
            deprecated=node.get("deprecated") is True,
            deprecation=deprecation.read(node, self.report),
            source=source,
        )

    def _is_refused(self, candidate: _Candidate) -> bool:
        """Whether the operation needs a body that cannot be read."""
        node, _ = deref(self.root, candidate.node.get("requestBody"))
        if node is None or node.get("required") is not True or not node.get("content"):
            return False
        if self.media.readable(node["content"]):
            return False
        shown = f"`{candidate.method} {candidate.path}`"
        what = f"{shown} is refused: it needs a body, and none of its media types can be read"
        fix = "offer `application/json`"
        source = candidate.node.key_source("requestBody")
        self.report.drop(candidate.holder, candidate.key, "unreadable-body", what, fix, source=source)
        return True

    def _body(self, candidate: _Candidate, name: PyName) -> Body | None:
        node, component = deref(self.root, candidate.node.get("requestBody"))
        if node is None:
            return None
        source = candidate.node.key_source("requestBody")
        media = self.media.read(
            node.get("content"), component or f"{name} body", request=True, owner="the request body"
        )
        if not media:
            what = "the request body has no media type that can be read, and is ignored"
            self.report.drop(
                candidate.node, "requestBody", "unreadable-body", what, "offer `application/json`"
            )
            return None
        required = node.get("required") is True
        kind = union([one.type for one in media])
        return Body(
            required=required,
            media=media,
            type=kind if required else optional(kind),
            description=_text(node.get("description")),
            source=source,
        )

    def _security(self, node: Map) -> Security:
        requirements = node["security"] if "security" in node else self.root.get("security")
        found: list[tuple[tuple[str, tuple[str, ...]], ...]] = []
        for requirement in requirements if isinstance(requirements, Seq) else ():
            if isinstance(requirement, Map):
                found.append(tuple((scheme, tuple(_texts(scopes))) for scheme, scopes in requirement.items()))
        return tuple(found) if any(found) else ()

    # -- the rest of the document ---------------------------------------------------------------------------

    def _security_schemes(self) -> Mapping[str, Json]:
        components = self.root.get("components")
        schemes = components.get("securitySchemes") if isinstance(components, Map) else None
        found: dict[str, Json] = {}
        for name, entry in schemes.items() if isinstance(schemes, Map) else ():
            node, _ = deref(self.root, entry)
            found[name] = plain(node)
        return found

    def _supersedes(self) -> tuple[str, ...]:
        value = self.root.get("x-supersedes")
        if isinstance(value, str):
            return (value,)
        return tuple(_texts(value))

    def _document(self) -> Mapping[str, Json]:
        """Return the legal document without what nothing is done with; it is not advertised."""
        self.report.prune()
        document = plain(self.root)
        assert isinstance(document, dict)  # noqa: S101 (the root is a mapping)
        return document


def _route(path: str, params: tuple[Param, ...]) -> str:
    """Return the path as it is matched: decoded, but for slashes that divide nothing, and braces."""
    names = {param.wire: param.name for param in params if param.location == "path"}
    order = iter(template_names(path))
    literals = [_decoded(piece) for piece in _BRACES.split(path)]
    expressions = ["{" + names[WireName(next(order))] + "}" for _ in literals[1:]]
    return literals[0] + "".join(map("".join, zip(expressions, literals[1:], strict=True)))


def _decoded(literal: str) -> str:
    pieces = _KEPT.split(literal)
    return "".join(piece.upper() if index % 2 else unquote(piece) for index, piece in enumerate(pieces))


def _context(security: Security) -> Literal["Context", "PublicContext", "OptionalContext"]:
    if not security:
        return "PublicContext"
    return "OptionalContext" if () in security else "Context"


def _text(node: Node) -> str:
    return node.strip() if isinstance(node, str) else ""


def _texts(node: Node) -> list[str]:
    return [item for item in node if isinstance(item, str)] if isinstance(node, Seq) else []
