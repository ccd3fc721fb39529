"""The parameters of one operation: their texts by location, and what each is read as."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.types import Scope

from handfast.runtime.contract import Parameter
from handfast.runtime.errors import Violation
from handfast.runtime.parameter import ParameterDecoder
from handfast.runtime.querystring import QueryStringDecoder
from handfast.runtime.readings import MalformedText, parse_pairs
from handfast.runtime.schemas import View

Texts: TypeAlias = Callable[[Scope], Mapping[str, list[str]]]
"""The raw texts of one location by name; raises `MalformedText`."""


@dataclass(frozen=True, slots=True)
class _Location:
    """What an operation reads in one part of the request."""

    texts: Texts
    decoders: Sequence[ParameterDecoder]
    claimed: frozenset[str]
    """The names of all of them."""
    nothing: Mapping[str, object] | None
    """What they give where the caller sent nothing, unless something is required."""


class ParametersDecoder:
    """Decodes all parameters of one operation."""

    def __init__(self, parameters: Iterable[Parameter], view: View, path: str) -> None:
        """Prepare a decoder each; `path` is the contract's template."""
        listed = list(parameters)
        self._whole = [QueryStringDecoder(one, one.media, view) for one in listed if one.media is not None]
        by_location: dict[str, list[ParameterDecoder]] = {}
        for parameter in listed:
            if parameter.location != "querystring":
                by_location.setdefault(parameter.location, []).append(ParameterDecoder(parameter, view))
        texts: dict[str, Texts] = {
            "path": _PathTexts(path, {one.name: one.wire for one in by_location.get("path", ())}),
            "query": _query_texts,
            "header": _header_texts,
            "cookie": cookies,
        }
        self._locations = [
            _Location(
                texts[location],
                decoders,
                frozenset(one.wire for one in decoders),
                None if any(one.required for one in decoders) else {one.name: one.absent for one in decoders},
            )
            for location, decoders in by_location.items()
        ]

    def decode(self, request: Request, out: list[Violation]) -> dict[str, object]:
        """Return values by Python name; what is wrong is added to `out`."""
        values: dict[str, object] = {}
        for whole in self._whole:
            values[whole.name] = whole.decode(request, out)
        for location in self._locations:
            try:
                texts = location.texts(request.scope)
            except MalformedText as error:
                out.append(Violation("query", "", "encoding", f"cannot be decoded: {error}"))
                continue
            if not texts and location.nothing is not None:
                values.update(location.nothing)
                continue
            for decoder in location.decoders:
                if decoder.is_option and decoder.key not in texts:
                    values[decoder.name] = decoder.absent
                else:
                    values[decoder.name] = decoder.decode(texts, location.claimed, out)
        return values


class _PathTexts:
    """Takes the texts of parameters out of a path."""

    def __init__(self, path: str, wire: Mapping[str, str]) -> None:
        """Know the contract's template and the wire names of its parameters by their Python names."""
        self._wire = wire
        self._template = _template(path, {sent: name for name, sent in wire.items()})

    def __call__(self, scope: Scope) -> Mapping[str, list[str]]:
        raw: bytes = scope.get("raw_path") or b""
        if b"%" in raw:
            match = self._template.fullmatch(raw.decode("latin-1").removeprefix(scope.get("root_path", "")))
            if match is not None:
                groups = match.groupdict()
                return {wire: [groups[name]] for name, wire in self._wire.items()}
        found = scope["path_params"]
        texts = {}
        for name, wire in self._wire.items():
            text = str(found[name])
            # The server has decoded it already, so decoding it again must change nothing.
            texts[wire] = [text.replace("%", "%25") if "%" in text else text]
        return texts


def _query_texts(scope: Scope) -> Mapping[str, list[str]]:
    query = scope["query_string"]
    return parse_pairs(query) if query else {}


def _header_texts(scope: Scope) -> Mapping[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), []).append(_header_text(value))
    return headers


def cookies(scope: Scope) -> dict[str, list[str]]:
    """The request's cookies, names to values as they were sent."""
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        if name == b"cookie":
            for piece in value.decode("latin-1").split(";"):
                key, sign, text = piece.strip().partition("=")
                if sign:
                    found.setdefault(key, []).append(text.strip('"'))
    return found


def _header_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


_LITERAL: Final = "/:@!$&'()*+,;=~-._"
"""What stands in a path as it is (RFC 3986, 3.3)."""


def _literal(piece: str) -> str:
    """A literal part of a template as it stands in requests: percent-encoded, in digits of either case."""
    encoded = "%2F".join(quote(unquote(one), safe=_LITERAL) for one in re.split("(?i:%2f)", piece))
    return re.sub("%[0-9A-F]{2}", lambda match: f"(?i:{match[0]})", re.escape(encoded))


def _template(path: str, names: Mapping[str, str]) -> re.Pattern[str]:
    pattern = ""
    for piece in re.split(r"(\{[^{}]+\})", path):
        name = names.get(piece[1:-1]) if piece.startswith("{") else None
        pattern += _literal(piece) if name is None else f"(?P<{name}>[^/]+)"
    return re.compile(pattern)
