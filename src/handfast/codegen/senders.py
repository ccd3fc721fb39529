"""Webhooks and callbacks → senders: requests that the service makes, typed as its own operations are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from handfast.codegen.grammar import is_extension, operations_in
from handfast.codegen.ir import (
    Body,
    Media,
    Operation,
    Param,
    PyName,
    Response,
    Sender,
    Source,
    TypeRef,
    WireName,
)
from handfast.codegen.media import MediaReader
from handfast.codegen.names import Namer
from handfast.codegen.params import ParamReader
from handfast.codegen.pointer import deref
from handfast.codegen.report import Report
from handfast.codegen.results import ResponseReader
from handfast.codegen.source import Map, Node
from handfast.codegen.types import NOTHING, optional, union

_SENDABLE = frozenset(("json", "form", "text", "binary"))
_BYTES = TypeRef("bytes")
_EXPRESSION = re.compile(
    r"\$(url|method|statusCode"
    r"|(request|response)\.(header\.[!#$%&'*+.^_`|~0-9A-Za-z-]+|(query|path)\.[^{}]+|body(#(/[^{}]*)?)?))\Z"
)
_EMBEDDED = re.compile(r"\{([^{}]*)\}")
Kind: TypeAlias = Literal["webhook", "callback"]
RESERVED = ("to", "extra_headers", "send", "url")


@dataclass(frozen=True, slots=True)
class _Found:
    """An operation object of a webhook or callback."""

    kind: Kind
    hint: str
    to: str
    """The runtime expression of a callback's URL; empty for a webhook."""
    item: Map
    method: str
    node: Map
    source: Source


@dataclass(slots=True)
class SenderReader:
    """Reads the webhooks of a document, and the callbacks of its operations."""

    root: Map
    params: ParamReader
    media: MediaReader
    responses: ResponseReader
    report: Report
    namer: Namer = field(default_factory=lambda: Namer(RESERVED))

    def read(self, operations: list[tuple[PyName, Map]]) -> tuple[Sender, ...]:
        """Return a sender for each operation of a webhook, or of a callback of `operations`."""
        found = [self._sender(one) for one in (*self._webhooks(), *self._callbacks(operations))]
        return tuple(one for one in found if one is not None)

    def _webhooks(self) -> Iterator[_Found]:
        hooks = self.root.get("webhooks")
        for name, entry in hooks.items() if isinstance(hooks, Map) else ():
            if not is_extension(name):
                yield from self._item("webhook", name, "", entry)

    def _callbacks(self, operations: list[tuple[PyName, Map]]) -> Iterator[_Found]:
        for owner, operation in operations:
            callbacks = operation.get("callbacks")
            for name, entry in callbacks.items() if isinstance(callbacks, Map) else ():
                callback, _ = deref(self.root, entry)
                for expression, item in callback.items() if callback is not None else ():
                    if callback is not None and not is_extension(expression):
                        to = self._expression(expression, callback.key_source(expression))
                        yield from self._item("callback", f"{owner} {name}", to, item)

    def _item(self, kind: Kind, hint: str, to: str, entry: Node) -> Iterator[_Found]:
        item, _ = deref(self.root, entry)
        found = list(operations_in(item)) if item is not None else []
        for method, holder, key in found:
            node, _ = deref(self.root, holder[key])
            if node is not None and item is not None and isinstance(holder, Map):
                words = hint if len(found) == 1 else f"{hint} {method.lower()}"
                yield _Found(kind, words, to, item, method, node, holder.key_source(key))

    def _expression(self, text: str, source: Source) -> str:
        """Return the expression if it can be evaluated; without one, the sender is given the URL."""
        parts = [text] if text.startswith("$") else _EMBEDDED.findall(text)
        bad = [part for part in parts if not _EXPRESSION.match(part)]
        if not bad:
            return text
        what = f"`{bad[0][:60]}` is no runtime expression; the callback's sender must be given its URL"
        fix = "write an expression such as `{$request.body#/callbackUrl}`"
        self.report.warn(source, "bad-expression", what, fix)
        return ""

    def _sender(self, found: _Found) -> Sender | None:
        node = found.node
        name = self.namer.py(_text(node.get("operationId")) or found.hint)
        shown = f"the {found.kind} `{name}`"
        params = [self._free(param) for param in self.params.read(found.item, node, "/", f"send {name}")]
        body = self._body(node, name, shown)
        if body is None and self._needs_body(node):
            what = f"{shown} has no sender: none of the media types of its body can be sent"
            self.report.warn(found.source, "unsendable-body", what, "offer `application/json`")
            return None
        responses = self.responses.read(node, f"send {name}")
        reply = _reply(responses)
        operation = Operation(
            name=name,
            operation_id=WireName(_text(node.get("operationId")) or name),
            method=found.method,
            path=found.to,
            route="",
            summary=_text(node.get("summary")) or _text(found.item.get("summary")),
            description=_text(node.get("description")) or _text(found.item.get("description")),
            params=tuple(params),
            body=body,
            responses=responses,
            status=200,
            result=reply,
            context="PublicContext",
            deprecated=node.get("deprecated") is True,
            source=found.source,
        )
        return Sender(kind=found.kind, to=found.to, operation=operation)

    def _free(self, param: Param) -> Param:
        return replace(param, name=PyName(f"{param.name}_")) if param.name in RESERVED else param

    def _needs_body(self, node: Map) -> bool:
        body, _ = deref(self.root, node.get("requestBody"))
        return body is not None and body.get("required") is True and bool(body.get("content"))

    def _body(self, operation: Map, name: str, shown: str) -> Body | None:
        node, component = deref(self.root, operation.get("requestBody"))
        if node is None:
            return None
        hint = component or f"send {name} body"
        # The service writes this body, as it writes the bodies of its responses.
        media = self.media.read(node.get("content"), hint, request=False, owner=f"the body of {shown}")
        kept = tuple(one for one in media if one.kind in _SENDABLE)
        if not kept:
            return None
        required = node.get("required") is True
        kind = union([one.type for one in kept])
        return Body(
            required=required,
            media=kept,
            type=kind if required else optional(kind),
            description=_text(node.get("description")),
            source=operation.key_source("requestBody"),
        )


def _reply(responses: tuple[Response, ...]) -> TypeRef:
    """Return what the body of a good answer is; other answers are errors."""
    good = [one for one in responses if one.status[0] == "2"]
    good = good or [one for one in responses if one.status == "default"]
    types = [_read(media) for response in good for media in response.media]
    if not types:
        return NOTHING
    kind = union(types)
    return optional(kind) if any(not response.media for response in good) else kind


def _read(media: Media) -> TypeRef:
    if media.kind in ("json", "text"):
        return media.type if media.kind == "json" else TypeRef("str")
    return _BYTES


def _text(node: Node) -> str:
    return node.strip() if isinstance(node, str) else ""
