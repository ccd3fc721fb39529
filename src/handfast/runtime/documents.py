"""A JSON value as the bytes of a media type: what responses, errors and mocks have in common.

Multipart bodies are written by `partwriter`, which writes their parts by this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from pydantic_core import to_json

from handfast.runtime import xmltext
from handfast.runtime.contract import Media
from handfast.runtime.headertexts import text_of
from handfast.runtime.readings import Reader
from handfast.runtime.schemas import View

_CONCRETE: Final[Mapping[str, str]] = {
    "json": "application/json",
    "text": "text/plain",
    "sse": "text/event-stream",
    "jsonl": "application/jsonl",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "multipart": "multipart/form-data",
    "parts": "multipart/mixed",
}
_USUAL: Final = {"image": "image/png", "audio": "audio/mpeg", "video": "video/mp4", "font": "font/woff2"}


def concrete(media: Media) -> str:
    """The media type that is sent: the declared one, or a usual one out of a range."""
    if "*" not in media.type:
        return media.type
    main = media.type.partition("/")[0].lower()
    return _CONCRETE.get(media.kind) or _USUAL.get(main) or "application/octet-stream"


def encoded(media: Media, value: object, view: View) -> bytes:
    """Return `value` as a body of that media type; of JSON lines it is one item."""
    match media.kind:
        case "text" if not isinstance(value, (dict, list)):
            return text_of(value).encode("utf-8", "replace")
        case "xml":
            reader = Reader(view, view.schema(media.schema), view.named(media.schema))
            return xmltext.encode(value, reader, media.schema or "data")
        case "yaml":
            from handfast.runtime import yamltext  # most services write no YAML

            return yamltext.dump(value)
        case "form":
            return _form(value)
        case "jsonl":
            # RFC 7464: a text sequence has a record separator before each text.
            mark = b"\x1e" if media.type.endswith("json-seq") else b""
            return mark + to_json(value, inf_nan_mode="null") + b"\n"
        case _:
            return to_json(value, inf_nan_mode="null")


def _form(value: object) -> bytes:
    """An object as a form, lists as repeated fields (OpenAPI 3.1, 4.8.14.4)."""
    pairs: list[tuple[str, str]] = []
    for name, member in value.items() if isinstance(value, dict) else ():
        members = member if isinstance(member, list) else [member]
        pairs += [(name, text_of(one)) for one in members]
    return urlencode(pairs).encode()
