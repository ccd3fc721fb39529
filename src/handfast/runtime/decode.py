"""The parameters of one operation: their texts by location, and what each is read as."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, unquote

from starlette.requests import Request

from handfast.runtime.contract import Parameter
from handfast.runtime.errors import Violation
from handfast.runtime.parameter import ParameterDecoder
from handfast.runtime.querystring import QueryStringDecoder
from handfast.runtime.readings import MalformedText, parse_pairs
from handfast.runtime.schemas import View


class ParametersDecoder:
    """Decodes all parameters of one operation."""

    def __init__(self, parameters: Iterable[Parameter], view: View, path: str) -> None:
        """Prepare a decoder each; `path` is the contract's template."""
        listed = list(parameters)
        self._whole = [QueryStringDecoder(one, one.media, view) for one in listed if one.media is not None]
        decoders = [ParameterDecoder(one, view) for one in listed if one.location != "querystring"]
        self._by_location: dict[str, list[ParameterDecoder]] = {}
        for decoder in decoders:
            self._by_location.setdefault(decoder.location, []).append(decoder)
        self._claimed = {
            location: frozenset(decoder.wire for decoder in group)
            for location, group in self._by_location.items()
        }
        self._nothing = {
            location: None if any(one.required for one in group) else {one.name: one.absent for one in group}
            for location, group in self._by_location.items()
        }
        """What a location gives where the caller sent nothing in it, unless something is required."""
        self._template = _template(path, {d.wire: d.name for d in decoders if d.location == "path"})

    def decode(self, request: Request, out: list[Violation]) -> dict[str, object]:
        """Return values by Python name; what is wrong is added to `out`."""
        values: dict[str, object] = {whole.name: whole.decode(request, out) for whole in self._whole}
        for location, decoders in self._by_location.items():
            try:
                source = self._source(location, request, decoders)
            except MalformedText as error:
                out.append(Violation("query", "", "encoding", f"cannot be decoded: {error}"))
                continue
            if not source and (nothing := self._nothing[location]) is not None:
                values.update(nothing)
                continue
            claimed = self._claimed[location]
            for decoder in decoders:
                values[decoder.name] = decoder.decode(source, claimed, out)
        return values

    def _source(
        self, location: str, request: Request, decoders: list[ParameterDecoder]
    ) -> Mapping[str, list[str]]:
        if location == "query":
            query = request.scope["query_string"]
            return parse_pairs(query) if query else {}
        if location == "path":
            return self._path_texts(request, decoders)
        if location == "header":
            headers: dict[str, list[str]] = {}
            for name, value in request.scope["headers"]:
                headers.setdefault(name.decode("latin-1"), []).append(_header_text(value))
            return headers
        return cookies(request)

    def _path_texts(self, request: Request, decoders: list[ParameterDecoder]) -> Mapping[str, list[str]]:
        raw: bytes = request.scope.get("raw_path") or b""
        if b"%" in raw:
            path = raw.decode("latin-1")
            root = request.scope.get("root_path", "")
            match = self._template.fullmatch(path.removeprefix(root))
            if match is not None:
                groups = match.groupdict()
                return {decoder.wire: [groups[decoder.name]] for decoder in decoders}
        found = request.scope["path_params"]
        texts = {}
        for decoder in decoders:
            text = str(found[decoder.name])
            # The server has decoded it already, so decoding it again must change nothing.
            texts[decoder.wire] = [text.replace("%", "%25") if "%" in text else text]
        return texts


def cookies(request: Request) -> dict[str, list[str]]:
    """The request's cookies, names to values as they were sent."""
    found: dict[str, list[str]] = {}
    for name, value in request.scope["headers"]:
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
