"""The whole query string as one value: `in: querystring` (OpenAPI 3.2), decoded by its media type.

A form is a query string already; any other document stands there percent-encoded (RFC 3986: a plus sign is
itself). Without a query string the parameter is absent.
"""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request

from handfast.runtime.content import document_reader
from handfast.runtime.contract import Media, Parameter
from handfast.runtime.errors import Violation
from handfast.runtime.readings import MalformedText, percent_decode
from handfast.runtime.schemas import View


class QueryStringDecoder:
    """Decodes the query string of one operation; built once, when the service starts."""

    def __init__(self, parameter: Parameter, media: Media, view: View) -> None:
        """Prepare for the parameter's media type."""
        self.name = parameter.name
        self._required = parameter.required
        self._absent = parameter.default if parameter.has_default else None
        self._is_form = media.kind == "form"
        self._decode = document_reader(media, view)

    def decode(self, request: Request, out: list[Violation]) -> object:
        """Return the value; what is wrong with it is added to `out`."""
        raw: bytes = request.scope["query_string"]
        if not raw:
            if self._required:
                out.append(Violation("query", "", "required", "a query string is required"))
            return self._absent
        try:
            content = raw if self._is_form else percent_decode(raw.decode("latin-1")).encode()
        except MalformedText as error:
            out.append(Violation("query", "", "encoding", f"cannot be decoded: {error}"))
            return self._absent
        found: list[Violation] = []
        value = self._decode(content, found)
        out += [replace(violation, location="query") for violation in found]
        return value
