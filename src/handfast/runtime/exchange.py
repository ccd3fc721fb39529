"""One HTTP exchange, and OpenAPI's runtime expressions (3.1.1, 4.8.20.4), evaluated against it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, quote

from starlette.requests import Request

from handfast.runtime.contract import OperationSpec
from handfast.runtime.headertexts import text_of
from handfast.runtime.views import jsonable
from handfast.validation.pointers import at, tokens

_EMBEDDED: Final = re.compile(r"\{(\$[^{}]*)\}")


class Unresolved(ValueError):
    """A runtime expression that names something the exchange does not have."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a caller asked and, from `answered` on, what it was told."""

    method: str
    url: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    header: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: object = None
    """JSON values."""
    status: int | None = None
    response_header: Mapping[str, str] = field(default_factory=dict)
    response_body: object = None

    @classmethod
    def of(cls, request: Request, spec: OperationSpec, body: object) -> Exchange:
        """The exchange that `request` begins; `body` is what the handler is given of its body."""
        found = request.scope["path_params"]
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return cls(
            method=request.method,
            url=str(request.url),
            path={one.wire: str(found[one.name]) for one in spec.parameters if one.location == "path"},
            query={name: value for name, value in reversed(pairs)},
            header=dict(request.headers),
            body=jsonable(body) if spec.body is not None and spec.body.media[0].kind in _READ else None,
        )

    def answered(self, status: int, body: object = None, header: Mapping[str, str] | None = None) -> Exchange:
        """The same exchange with its answer: `body` as the handler returns it, for `$response.…`."""
        return replace(
            self,
            status=status,
            response_header={name.lower(): value for name, value in (header or {}).items()},
            response_body=jsonable(body),
        )

    def resolve(self, text: str) -> str:
        """Return `text` with its runtime expressions replaced; raises `Unresolved`.

        A text that begins with `$` is one expression; in others they stand in braces. What a URL begins with
        is taken as it is; further in, a value is a part of it, and percent-encoded.
        """
        if text.startswith("$"):
            return self.value(text)

        def said(match: re.Match[str]) -> str:
            value = self.value(match[1])
            return quote(value, safe="") if match.start() else value

        return _EMBEDDED.sub(said, text)

    def value(self, expression: str) -> str:
        """Return what one expression says, as a text; raises `Unresolved`."""
        found = self._find(expression)
        if found is None or isinstance(found, (dict, list)):
            raise Unresolved(f"`{expression}` gives nothing here that could be a part of a URL")
        return text_of(found)

    def _find(self, expression: str) -> object:
        whole: dict[str, object] = {"$url": self.url, "$method": self.method, "$statusCode": self.status}
        if expression in whole:
            return whole[expression]
        side, _, source = expression.partition(".")
        answer = side == "$response"
        if side not in ("$request", "$response"):
            return None
        kind, _, name = source.partition(".")
        if kind == "header":
            return (self.response_header if answer else self.header).get(name.lower())
        if kind == "query" and not answer:
            return self.query.get(name)
        if kind == "path" and not answer:
            return self.path.get(name)
        if source.partition("#")[0] == "body":
            return at(self.response_body if answer else self.body, tokens(source.partition("#")[2]))
        return None


_READ: Final = frozenset(("json", "form", "text"))
