"""Media types of bodies and responses: which we can decode, and what a handler sees of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from handfast.codegen.examples import Examples, Form
from handfast.codegen.grammar import is_extension
from handfast.codegen.ir import Encoding, Json, Media, MediaKind
from handfast.codegen.names import pascal
from handfast.codegen.normalise import Normaliser
from handfast.codegen.parts import FORM, MultipartReader
from handfast.codegen.pointer import deref
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, plain
from handfast.codegen.types import STREAM, TEXT, UPLOAD, wrap
from handfast.mediatypes import kind_of
from handfast.validation.directions import Direction

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+\Z")
_FORMS: dict[MediaKind, Form] = {
    "json": "json", "text": "text", "form": "parts", "multipart": "parts", "parts": "parts", "xml": "parts",
    "yaml": "parts",
}  # fmt: skip
"""Kind of media type → how a text among its examples may be meant; streams are shown in ways too many."""


@dataclass(slots=True)
class MediaReader:
    """Reads `content` maps of one document."""

    schemas: Normaliser
    multipart: MultipartReader
    examples: Examples
    report: Report

    def read(self, content: Node, hint: str, *, request: bool, owner: str) -> tuple[Media, ...]:
        """Return the media types of `content` that can be served; the others are dropped with a warning.

        `hint` names schemas that have no name; `owner` says in findings whose content it is.
        """
        if not isinstance(content, Map):
            return ()
        found = [(key, deref(self.schemas.root, node)[0]) for key, node in content.items()]
        entries = [(key, node) for key, node in found if node is not None]
        usable = [(key, node) for key, node in entries if self._is_media_type(key, owner, content)]
        made: list[Media] = []
        for key, node in usable:
            suffix = _suffix(key) if made else ""
            media = self._media(key, node, f"{hint} {suffix}", request=request, owner=owner, content=content)
            made.append(media)
            if media.kind in _FORMS and not (media.kind == "parts" and media.of_items):
                direction: Direction = "request" if request else "response"
                self.examples.note(node, media.schema, _FORMS[media.kind], direction)
        return tuple(made)

    def readable(self, content: Node) -> bool:
        """Whether any media type of a request body can be decoded."""
        keys = content if isinstance(content, Map) else ()
        return any(_MEDIA_TYPE.match(_bare(key)) for key in keys if not is_extension(key))

    def _is_media_type(self, key: str, owner: str, content: Map) -> bool:
        if is_extension(key):
            return False
        if _MEDIA_TYPE.match(_bare(key)):
            return True
        what = f"`{key[:60]}` is no media type; this part of {owner} is dropped"
        fix = "write a media type such as `application/json`"
        self.report.drop(content, key, "bad-media-type", what, fix)
        return False

    def _media(self, key: str, node: Map, hint: str, *, request: bool, owner: str, content: Map) -> Media:
        kind = kind_of(key)
        schema = node.get("schema")
        any_type = "*" in key and self._is_bytes(schema)
        if kind == "binary" or (kind in ("json", "xml", "yaml") and (any_type or self._is_binary(schema))):
            return self._binary(key, schema, request=request, owner=owner, content=content)
        if kind == "text" or (kind == "xml" and not request and self._is_bytes(schema)):
            return self._text(key, schema, hint, owner, content)
        if kind in ("sse", "jsonl"):
            return self._stream(key, kind, node, hint, request=request)
        if kind == "multipart":
            return self._multipart(key, node, hint, owner, content, request=request)
        name = self.schemas.name(schema, hint)
        return Media(
            media_type=key,
            kind=kind,
            schema=name,
            type=self.schemas.types.of_name(name),
            encoding=self.form_encoding(key, node) if kind == "form" else {},
        )

    def form_encoding(self, media_type: str, node: Map) -> dict[str, Encoding]:
        """Return how the fields of a form without parts are written."""
        entries = node.get("encoding")
        found = entries.items() if isinstance(entries, Map) else ()
        return {
            name: self.multipart.encoding(media_type, entry, name, request=True)
            for name, entry in found
            if isinstance(entry, Map)
        }

    def _resolved(self, schema: Node) -> Json:
        """Return the own keywords of a schema, behind references."""
        if not isinstance(schema, Map):
            return None
        if "$ref" not in schema:
            return plain(schema)
        name = self.schemas.name(schema, "Value")
        return self.schemas.schemas.get(name) if name else None

    def _is_binary(self, schema: Node) -> bool:
        found = self._resolved(schema)
        return isinstance(found, dict) and found.get("type") == "string" and found.get("format") == "binary"

    def _is_bytes(self, schema: Node) -> bool:
        found = self._resolved(schema)
        return not isinstance(found, dict) or not found or found.get("type") in (None, "string")

    def _binary(self, key: str, schema: Node, *, request: bool, owner: str, content: Map) -> Media:
        if not self._is_bytes(schema):
            what = f"the schema of `{key}` cannot be checked: how its bytes are read is unknown"
            self.report.warn(
                content.key_source(key), "unchecked-media", what, "use a JSON media type for values"
            )
        return Media(media_type=key, kind="binary", schema=None, type=UPLOAD if request else STREAM)

    def _text(self, key: str, schema: Node, hint: str, owner: str, content: Map) -> Media:
        found = self._resolved(schema)
        texts = isinstance(found, dict) and _accepts_text(found)
        if not texts and isinstance(found, dict) and found:
            what = f"the schema of `{key}` cannot be checked: the body is a plain text"
            self.report.warn(
                content.key_source(key), "unchecked-media", what, "use `type: string`, or a JSON media type"
            )
        name = self.schemas.name(schema, hint) if texts else None
        return Media(media_type=key, kind="text", schema=name, type=TEXT)

    def _multipart(self, key: str, node: Map, hint: str, owner: str, content: Map, *, request: bool) -> Media:
        """Parts by their names or their order; bytes, where no place tells what its part is."""
        schema = node.get("schema")
        if _bare(key).lower() != FORM and schema is not None and self._is_text(schema):
            return self._binary(key, schema, request=request, owner=owner, content=content)
        made = self.multipart.read(key, node, hint, request=request)
        if made is not None:
            return made
        what = f"the parts of `{key}` are not checked: {owner} is read and written as bytes"
        fix = "give each place one schema (`prefixItems`, `items`), and a type that its values can have"
        self.report.warn(content.key_source(key), "unchecked-media", what, fix)
        return Media(media_type=key, kind="binary", schema=None, type=UPLOAD if request else STREAM)

    def _is_text(self, schema: Node) -> bool:
        found = self._resolved(schema)
        return isinstance(found, dict) and found.get("type") == "string"

    def _stream(self, key: str, kind: MediaKind, node: Map, hint: str, *, request: bool) -> Media:
        """Events and JSON lines: an item has the `itemSchema` (3.2), else the `items`, else the schema.

        A request whose schema is one of all items is a list, which is checked as a whole.
        """
        whole, _ = deref(self.schemas.root, node.get("schema"))
        if request and whole is not None and whole.get("type") == "array":
            name = self.schemas.name(node.get("schema"), hint)
            if "itemSchema" in node and name is not None:
                item_name = self.schemas.name(node["itemSchema"], f"{hint} item")
                name = self.multipart.both(name, item_name, f"{hint} items")
            kind_of_all = self.schemas.types.of_name(name)
            return Media(media_type=key, kind=kind, schema=name, type=kind_of_all, of_items=False)
        schema = node.get("itemSchema", node.get("schema"))
        if "itemSchema" not in node and whole is not None and whole.get("type") == "array":
            schema = whole.get("items")
        name = self.schemas.name(schema, f"{hint} item")
        item = self.schemas.types.of_name(name)
        return Media(
            media_type=key,
            kind=kind,
            schema=name,
            type=wrap("ItemStream", item, ("handfast.runtime", "ItemStream"))
            if request
            else wrap("AsyncIterator", item, ("collections.abc", "AsyncIterator")),
        )


def _accepts_text(schema: dict[str, Json]) -> bool:
    kind = schema.get("type")
    texts = kind == "string" or (isinstance(kind, list) and "string" in kind)
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return texts or (
        kind is None and isinstance(values, list) and all(isinstance(value, str) for value in values)
    )


def _bare(media_type: str) -> str:
    return media_type.split(";")[0].strip()


def _suffix(media_type: str) -> str:
    """Name a media type in a class name: `application/vnd.acme.v2+json` → `VndAcmeV2Json`."""
    last = _bare(media_type).split("/")[-1]
    return {"json": "json", "x-www-form-urlencoded": "form", "form-data": "multipart", "*": "any"}.get(
        last, pascal(last)
    )
