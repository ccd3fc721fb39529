"""One operation, from the line of its contract to what is validated: all that the contracts tell of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from handfast.codegen import pointer as pointers
from handfast.codegen.answers import Answers
from handfast.codegen.grammar import place_of
from handfast.codegen.ir import (
    Encoding,
    Feature,
    Header,
    Json,
    Media,
    Operation,
    Param,
    Part,
    Response,
    Source,
)
from handfast.codegen.ledger import Line
from handfast.codegen.legalpaths import template_shape
from handfast.codegen.report import nearest
from handfast.codegen.source import Map, Node, Seq
from handfast.validation.pointers import escape
from handfast.validation.pointers import pointer as pointer_of

JsonObject = dict[str, Json]
_CALL = re.compile(r"([A-Za-z-]+)\s+(/\S*)\Z")
_HOST = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/]*")
_TEMPLATE = re.compile(r"\{[^{}/]*\}")


@dataclass(frozen=True, slots=True)
class Found:
    """An operation and the feature that has it."""

    feature: Feature
    operation: Operation

    @property
    def names(self) -> tuple[str, ...]:
        """What one may call it, the shortest first."""
        one = self.operation
        qualified = f"{self.feature.name}.{one.name}"
        return str(one.name), str(one.operation_id), f"{one.method} {one.path}", qualified


def find(features: Sequence[Feature], text: str) -> tuple[Found, ...]:
    """Return the operations that `text` names: an operationId, a function, or a method with a path.

    The path may be the template, one of equal shape, or that of a request; then the most literal template
    counts, as it does when a request is routed.
    """
    every = [Found(feature, operation) for feature in features for operation in feature.operations]
    named = [one for one in every if text in one.names]
    if named:
        return tuple(named)
    call = _CALL.match(text)
    if call is None:
        return ()
    method, path = call.group(1).upper(), call.group(2).partition("?")[0]
    same = [one for one in every if one.operation.method.upper() == method]
    shaped = [one for one in same if template_shape(one.operation.path) == template_shape(path)]
    if shaped:
        return tuple(shaped)
    matching = [
        one
        for one in same
        if any(_pattern(base + one.operation.path).fullmatch(path) for base in _bases(one))
    ]
    return tuple(sorted(matching, key=lambda one: one.operation.path.count("{"))[:1])


def suggestion(features: Sequence[Feature], text: str) -> str:
    """Return the name of an operation that `text` may have been meant to be, or an empty text."""
    every = [Found(feature, operation) for feature in features for operation in feature.operations]
    return nearest(text, [name for one in every for name in one.names[:3]])


def _bases(found: Found) -> set[str]:
    """Return the paths below which the operation is served, the root among them."""
    return {"", *(_HOST.sub("", url).rstrip("/") for url in _servers(found))}


def _pattern(template: str) -> re.Pattern[str]:
    parts = _TEMPLATE.split(template)
    return re.compile("[^/]+".join(map(re.escape, parts)))


# --- what the contract says -----------------------------------------------------------------------


def facts(found: Found, added: Answers | None, root: Map, lines: Sequence[Line]) -> JsonObject:
    """Return everything about an operation; `root` is the author's bundled document, `lines` its ledger."""
    feature, operation = found.feature, found.operation
    extent = _Extent.of(operation, root, lines)
    return {
        "feature": feature.name,
        "function": operation.name,
        "operationId": operation.operation_id,
        "method": operation.method,
        "path": operation.path,
        "route": operation.route,
        "summary": operation.summary,
        "tags": list(operation.tags),
        "deprecated": operation.deprecated,
        "contract": place(operation.source),
        "servers": list(_servers(found)),
        "overlay": _overlay(added),
        "legalisations": _legalisations(found, extent.places(lines)),
        "security": _security(found),
        "parameters": [_param(param) for param in operation.params],
        "body": None if operation.body is None else {
            "required": operation.body.required,
            "type": operation.body.type.expr,
            "media": [_media(media) for media in operation.body.media],
            "source": place(operation.body.source),
        },
        "validators": _validators(operation),
        "responses": [_response(response) for response in operation.responses],
        "result": operation.result.expr,
        "status": operation.status,
        "ledger": _ledger(extent.lines(lines)),
    }  # fmt: skip


def place(source: Source) -> JsonObject:
    """Return a place in a file."""
    return {"file": source.file, "line": source.line, "column": source.column}


def _servers(found: Found) -> Iterator[str]:
    """Yield the addresses that hold for the operation: its own, else its path's, else the contract's."""
    document: Json = dict(found.feature.document)
    item = _get(_get(document, "paths"), found.operation.path)
    operation = item
    for key in place_of(found.operation.method):
        operation = _get(operation, key)
    for holder in (operation, item, document):
        servers = _get(holder, "servers")
        if isinstance(servers, list) and servers:
            yield from (str(_get(server, "url")) for server in servers)
            return


def _get(node: Json, key: str) -> Json:
    return node.get(key) if isinstance(node, dict) else None


def _overlay(added: Answers | None) -> JsonObject:
    if added is None:
        return {"answers": [], "error": None}
    answers: list[Json] = [{"status": status, "why": added.why[status]} for status in added.statuses]
    return {"answers": answers, "error": {"type": added.error.media_type, "schema": added.error.name}}


def _security(found: Found) -> JsonObject:
    schemes = found.feature.security_schemes
    alternatives: list[Json] = [
        [
            {"scheme": name, "type": _scheme(schemes.get(name)), "scopes": list(scopes)}
            for name, scopes in alternative
        ]
        for alternative in found.operation.security
    ]
    return {"context": found.operation.context, "alternatives": alternatives}


def _scheme(scheme: Json) -> str:
    kind = str(_get(scheme, "type") or "not declared")
    if kind == "http":
        return f"http {_get(scheme, 'scheme')}"
    return f"apiKey {_get(scheme, 'in')} {_get(scheme, 'name')}" if kind == "apiKey" else kind


def _param(param: Param) -> JsonObject:
    found: JsonObject = {
        "name": param.name,
        "wire": param.wire,
        "in": param.location,
        "required": param.required,
        "style": param.style,
        "explode": param.explode,
        "content": param.content,
        "schema": param.schema,
        "type": param.type.expr,
        "source": place(param.source),
    }
    return found | {"default": param.default_json} if param.has_default else found


def _media(media: Media) -> JsonObject:
    found: JsonObject = {
        "type": media.media_type,
        "kind": media.kind,
        "schema": media.schema,
        "model": media.type.expr,
    }
    parts: list[Json] = [_part(f"part {place}", one) for place, one in enumerate(media.prefix, 1)]
    parts += [] if media.rest is None else [_part("each further part", media.rest)]
    parts += [_encoding(f"property {name}", one) for name, one in media.encoding.items()]
    return found | {"parts": parts} if parts else found


def _part(place: str, part: Part) -> JsonObject:
    read: JsonObject = {"kind": part.kind, "schema": part.schema, "model": part.type.expr}
    return _encoding(place, part.encoding) | read


def _encoding(place: str, encoding: Encoding) -> JsonObject:
    found: JsonObject = {"place": place, "types": encoding.content_type}
    found["headers"] = [_header(one) for one in encoding.headers]
    return found if encoding.inner is None else found | {"inner": _media(encoding.inner)}


def _header(header: Header) -> JsonObject:
    return {"wire": header.wire, "required": header.required, "schema": header.schema}


def _response(response: Response) -> JsonObject:
    return {
        "status": response.status,
        "media": [_media(media) for media in response.media],
        "headers": [_header(header) for header in response.headers],
        "source": place(response.source),
    }


def _validators(operation: Operation) -> JsonObject:
    asked = [param.schema for param in operation.params]
    asked += [media.schema for media in (operation.body.media if operation.body else ()) if media.schema]
    told = [media.schema for response in operation.responses for media in response.media if media.schema]
    told += [header.schema for response in operation.responses for header in response.headers]
    return {"request": list(dict.fromkeys(asked)), "response": list(dict.fromkeys(told))}


# --- where it stands ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Extent:
    """What of the author's document belongs to an operation: itself, its path's parameters, what they use."""

    root: Map
    pointers: frozenset[str]

    @classmethod
    def of(cls, operation: Operation, root: Map, lines: Sequence[Line]) -> _Extent:
        """Find the operation by its place: its path may be published otherwise than it is written."""
        places = (line.pointer for line in lines if line.source == operation.source)
        start = next((pointer for pointer in places if pointer.startswith("/paths/")), None)
        if start is None:
            return cls(root, frozenset())
        item = start
        for _ in place_of(operation.method):
            item = item.rpartition("/")[0]
        inside = [start, f"{item}/parameters"]
        return cls(root, frozenset((*inside, *_reached(root, inside))))

    def lines(self, lines: Sequence[Line]) -> list[Line]:
        """Return those of `lines` that belong to it."""
        return [line for line in lines if _within(line.pointer, self.pointers)]

    def places(self, lines: Sequence[Line]) -> set[Source]:
        """Return the places of everything in it."""
        found = {line.source for line in self.lines(lines)}
        waiting = [_at(self.root, pointer) for pointer in self.pointers]
        while waiting:
            node = waiting.pop()
            if isinstance(node, (Map, Seq)):
                found.add(node.source)
                waiting += node.values() if isinstance(node, Map) else node
        return found


def _within(pointer: str, holders: Collection[str]) -> bool:
    while pointer:
        if pointer in holders:
            return True
        pointer = pointer.rpartition("/")[0]
    return False


def _reached(root: Map, starts: list[str]) -> set[str]:
    """Return the pointers of whatever is referred to below `starts`, and so on."""
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        for ref in _references(_at(root, waiting.pop())):
            pointer = pointer_of(pointers.tokens(ref[1:]))
            if pointer not in found:
                found.add(pointer)
                waiting.append(pointer)
    return found


def _at(root: Map, pointer: str) -> Node:
    try:
        return pointers.lookup(root, pointer)
    except pointers.Dangling:
        return None


def _references(node: Node) -> Iterator[str]:
    if isinstance(node, Map):
        ref = node.get("$ref")
        if isinstance(ref, str) and ref.startswith("#/"):
            yield ref
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, Seq):
        for value in node:
            yield from _references(value)


def _legalisations(found: Found, places: set[Source]) -> list[Json]:
    """Return the steps that changed the operation, its path, or a component that it uses."""
    operation = found.operation
    item = f"/paths/{escape(operation.path)}"
    inside = ("/".join((item, *map(escape, place_of(operation.method)))), f"{item}/parameters")
    return [
        {
            "op": step.op,
            "path": step.path,
            "why": step.finding.what,
            "fix": step.finding.fix,
            "source": place(step.source),
        }
        for step in found.feature.legalisations
        if step.path == item or _within(step.path, inside) or step.source in places
    ]


def _ledger(lines: Sequence[Line]) -> JsonObject:
    counts: Mapping[str, int] = {
        status: sum(line.status == status for line in lines)
        for status in ("enforced", "partly enforced", "refused", "annotation")
    }
    told: list[Json] = [
        {
            "status": line.status, "kind": line.kind, "name": line.name, "pointer": line.pointer,
            "reason": line.reason, "cure": line.cure, "source": place(line.source),
        }
        for line in lines
        if line.status in ("partly enforced", "refused") or line.code
    ]  # fmt: skip
    return {"counts": dict(counts), "lines": told}
