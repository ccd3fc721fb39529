"""What an Encoding Object asks of the headers of a part (OpenAPI 3.2, 4.15.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from handfast.mediatypes import MediaKind, MediaType, kind_of_part, listed
from handfast.runtime.contract import Encoding, Header, Parameter
from handfast.runtime.errors import Violation
from handfast.runtime.multipart import RawPart
from handfast.runtime.parameter import ParameterDecoder
from handfast.runtime.schemas import Schema, View

_PLAIN: Final = frozenset(("7bit", "8bit", "binary"))


class PartMarks:
    """What an Encoding Object asks of the headers of a part, `Content-Type` among them."""

    def __init__(self, encoding: Encoding, view: View) -> None:
        """Prepare a decoder for each header."""
        self.types = listed(encoding.content_type)
        self._said = encoding.content_type
        self._headers = [(one.wire, ParameterDecoder(_parameter(one), view)) for one in encoding.headers]

    def kind(self, stated: str) -> MediaKind:
        """How a part of that type is read: as the type or range of the encoding is that it belongs to."""
        sent = MediaType.parse(stated)
        found = next((one for one in self.types if one.covers(sent)), sent)
        return kind_of_part(found.essence)

    def check(self, part: RawPart, out: list[Violation], place: str, encoded: str) -> None:
        """Add to `out` what is wrong; `encoded` is the `contentEncoding` that the schema speaks of.

        A `Content-Transfer-Encoding` is one that does nothing, or that very one (OpenAPI 3.2, 4.15.4.2).
        """
        stated = part.content_type
        if stated and self.types:
            sent = MediaType.parse(stated)
            if not any(one.covers(sent) for one in self.types):
                out.append(Violation("body", place, "contentType", f"must be of the type {self._said}"))
        transfer = part.headers.get("content-transfer-encoding", "binary").strip().lower()
        if transfer not in _PLAIN and transfer != encoded:
            what = "no part may have a transfer encoding that its schema does not name (RFC 7578, 4.7)"
            out.append(Violation("body", place, "contentEncoding", what))
        if not self._headers:
            return
        texts: dict[str, list[str]] = {}
        for name, value in part.headers.items():
            texts.setdefault(name.lower(), []).append(value)
        for wire, decoder in self._headers:
            found: list[Violation] = []
            decoder.decode(texts, frozenset(), found)
            out += [
                replace(
                    one, location="body", pointer=place, message=f"header {wire} of this part: {one.message}"
                )
                for one in found
            ]


def _parameter(header: Header) -> Parameter:
    """A header of a part as what it is read like: a header of a request."""
    return Parameter(
        name=header.name,
        wire=header.wire,
        location="header",
        required=header.required,
        style="simple",
        explode=header.form == "exploded",
        content="application/json" if header.form == "json" else None,
        schema=header.schema,
        has_default=False,
        default=None,
    )


def encoding_named(view: View, schema: Schema) -> str:
    """The `contentEncoding` that a schema speaks of, in lower case."""
    if not isinstance(schema, dict):
        return ""
    return next(
        (str(one["contentEncoding"]).lower() for one in view.resolve(schema) if "contentEncoding" in one), ""
    )
