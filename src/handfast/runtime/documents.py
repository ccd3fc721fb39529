"""A JSON value as the bytes of a media type: what responses, errors and mocks have in common."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
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
        case "multipart":
            return _multipart(value)
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


def written_type(media_type: str, content: bytes) -> str:
    """Return `media_type` with the boundary of `content`, where that has parts."""
    if not media_type.lower().startswith("multipart/"):
        return media_type
    boundary = content[2 : content.find(b"\r\n")].removesuffix(b"--").decode("ascii")
    return f"{media_type.partition(';')[0].strip()}; boundary={boundary}"


def _multipart(value: object) -> bytes:
    """An object as parts, lists as repeated ones (RFC 7578); objects are JSON. The boundary is a digest."""
    parts: list[bytes] = []
    for name, member in value.items() if isinstance(value, dict) else ():
        for one in member if isinstance(member, list) else [member]:
            head = f'Content-Disposition: form-data; name="{_quoted(name)}"\r\n'
            if isinstance(one, (dict, list)):
                head += "Content-Type: application/json\r\n"
            parts.append(f"{head}\r\n{text_of(one)}\r\n".encode("utf-8", "replace"))
    boundary = sha256(b"".join(parts)).hexdigest()[:32].encode()
    return b"".join(b"--" + boundary + b"\r\n" + part for part in parts) + b"--" + boundary + b"--\r\n"


def _quoted(name: str) -> str:
    """A name within quotation marks (HTML, multipart/form-data encoding algorithm)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
