"""Multipart bodies: which parts they have, how each is read, and what a handler sees of it.

Parts are known by their names where the schema is an object, and by their order where it is an array or an
`itemSchema` (OpenAPI 3.2, 4.14.5.1 and 4.14.5.2). An array needs a schema and an encoding for each place;
where the place alone does not tell them (`anyOf` of arrays, a type whose bytes have no known form), nobody
can read the parts, and the body is left as bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from handfast.codegen.headers import HeaderReader
from handfast.codegen.ir import ClassName, Encoding, Json, Media, MediaKind, Part, TypeRef
from handfast.codegen.normalise import Normaliser
from handfast.codegen.places import Places, listed_in, says_binary, schema_at
from handfast.codegen.pointer import deref
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq
from handfast.codegen.types import ANYTHING, PREFIX, STREAM, TEXT, UPLOAD, split, wrap
from handfast.mediatypes import is_never_text, kind_of_part, listed
from handfast.validation.directions import Direction

FORM: Final = "multipart/form-data"
_STYLED: Final = (FORM, "application/x-www-form-urlencoded")
_STYLES: Final = ("style", "explode", "allowReserved")
_BY_PLACE: Final = ("itemSchema", "prefixEncoding", "itemEncoding")
_SCALARS: Final = frozenset(("string", "number", "integer", "boolean", "null"))
_UNPLACED: Final = ("anyOf", "oneOf", "if")
"""Keywords by which the schema of a place may depend on the parts themselves."""

_NO_FILE: Final = frozenset(("contentEncoding", "$ref", "allOf", *_UNPLACED))
"""Keywords of a property that is more than a file, or less."""


@dataclass(slots=True)
class MultipartReader:
    """Reads the multipart media types of one document."""

    schemas: Normaliser
    headers: HeaderReader
    report: Report
    places: Places = field(init=False)
    _forms: dict[tuple[ClassName, frozenset[str]], ClassName] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = Places(self.schemas.schemas)

    def read(self, media_type: str, node: Map, hint: str, *, request: bool) -> Media | None:
        """Return how a body is read; None where what each part is cannot be told from its place."""
        whole = self.schemas.name(node.get("schema"), hint)
        if not self._is_ordered(media_type, node, whole):
            return self.named(media_type, node, whole, hint, request=request)
        if "itemSchema" not in node:
            return self.ordered(media_type, node, whole, hint, request=request)
        item = self.schemas.name(node["itemSchema"], f"{hint} item")
        if whole is None:
            return self._stream(media_type, node, item, hint, request=request)
        both = self.both(whole, item, f"{hint} parts")
        return self.ordered(media_type, node, both, hint, request=request)

    def both(self, whole: ClassName, item: ClassName | None, hint: str) -> ClassName:
        """Return the schema of a list that has a schema as a whole, and one for each of its items."""
        name = self.schemas.namer.cls(hint)
        items: Json = True if item is None else {"$ref": PREFIX + item}
        self.schemas.schemas[name] = {"allOf": [{"$ref": PREFIX + whole}, {"type": "array", "items": items}]}
        return name

    def _is_ordered(self, media_type: str, node: Map, whole: ClassName | None) -> bool:
        """Whether parts have an order; those of a form that says nothing have names (RFC 7578)."""
        if any(key in node for key in _BY_PLACE):
            return True
        if whole is None:
            return _essence(media_type) != FORM
        return self.places.is_array({"$ref": PREFIX + whole})

    # -- by name --------------------------------------------------------------------------------------------

    def named(
        self, media_type: str, node: Map, whole: ClassName | None, hint: str, *, request: bool
    ) -> Media:
        """Return how parts with names are read, or the fields of a form."""
        encodings = self._encodings(media_type, node, whole, hint, request=request)
        if request:
            whole = self._with_files(whole, encodings, hint)
        return Media(
            media_type=media_type,
            kind="multipart",
            schema=whole,
            type=self.schemas.types.of_name(whole),
            encoding=encodings,
        )

    def _encodings(
        self, media_type: str, node: Map, whole: ClassName | None, hint: str, *, request: bool
    ) -> dict[str, Encoding]:
        entries = node.get("encoding")
        if not isinstance(entries, Map) or not (request or self._of_responses()):
            return {}
        found: dict[str, Encoding] = {}
        for name, entry in entries.items():
            encoding, _ = deref(self.schemas.root, entry)
            if encoding is not None:
                made = self.encoding(media_type, encoding, f"{hint} {name}", request=request)
                schema = self._property(whole, name)
                made = self._nested(made, encoding, schema, None, f"{hint} {name}", request=request)
                found[name] = made
                if _holds_files(made.inner):
                    what = f"files inside of the part `{name}` are read as texts"
                    fix = "send them as parts of the body, or let its parts have an order (`prefixItems`)"
                    self.report.warn(entries.key_source(name), "unchecked-media", what, fix)
                if not request and any(header.required for header in made.headers):
                    what = f"the part `{name}` of a response is sent without the headers that it must have"
                    fix = "let the parts have an order (`prefixItems`), or do not require the headers"
                    self.report.warn(entries.key_source(name), "unchecked-media", what, fix)
        return found

    def _of_responses(self) -> bool:
        """Whether `encoding` speaks of responses too: since 3.2."""
        return not str(self.schemas.root.get("openapi", "")).startswith(("3.0", "3.1"))

    def encoding(self, media_type: str, node: Map, hint: str, *, request: bool) -> Encoding:
        """Return what an Encoding Object says: headers of multiparts, and the styles of forms (3.2, 4.15.1).

        Where a style is said, the type is not.
        """
        styled = _essence(media_type) in _STYLED and any(key in node for key in _STYLES)
        style, explode = node.get("style"), node.get("explode")
        parts = _essence(media_type).startswith("multipart/")
        content_type = node.get("contentType")
        direction: Direction = "request" if request else "response"
        return Encoding(
            content_type=content_type if isinstance(content_type, str) and not styled else "",
            style=style if styled and isinstance(style, str) else "",
            explode=explode if styled and isinstance(explode, bool) else None,
            headers=self.headers.read(node.get("headers"), hint, direction) if parts else (),
        )

    def _nested(
        self, made: Encoding, node: Map, schema: Json, name: ClassName | None, hint: str, *, request: bool
    ) -> Encoding:
        """Return the encoding with how a multipart inside is read (3.2, 4.15.2)."""
        inner = next((one for one in listed(made.content_type) if one.essence.startswith("multipart/")), None)
        if inner is None:
            return made
        name = name or self._named(schema, hint)
        if self.places.is_array(schema) or "prefixEncoding" in node or "itemEncoding" in node:
            media = self.ordered(inner.essence, node, name, hint, request=request)
        else:
            media = self.named(inner.essence, node, name, hint, request=request)
        return replace(made, inner=media)

    def _described(self, whole: ClassName | None, name: str) -> Json:
        """Return the schema of a property; None where nothing is said of it."""
        for one in self.places.members({"$ref": PREFIX + whole}) if whole else ():
            properties = one.get("properties")
            if isinstance(properties, dict) and name in properties:
                return properties[name]
        return None

    def _property(self, whole: ClassName | None, name: str) -> Json:
        """Return the schema of a property, or of the items of one that is an array (3.2, 4.14.5.1)."""
        schema = self._described(whole, name)
        if schema is None or not self.places.is_array(schema):
            return True if schema is None else schema
        return schema_at(list(self.places.members(schema)), None)

    def _with_files(
        self, whole: ClassName | None, encodings: dict[str, Encoding], hint: str
    ) -> ClassName | None:
        """Return the schema in which properties are called binary that `encoding` alone makes files."""
        schema = self.schemas.schemas.get(whole) if whole else None
        if whole is None or not isinstance(schema, dict):
            return whole
        files: dict[str, Json] = {}
        for name, encoding in encodings.items():
            types = listed(encoding.content_type)
            found = self._described(whole, name)
            if found is not None and types and all(kind_of_part(one.essence) == "binary" for one in types):
                made = self._file(found, texts=all(is_never_text(one.essence) for one in types))
                if made is not None:
                    files[name] = made
        if not files:
            return whole
        own = not self.schemas.is_component(whole)
        key = (whole, frozenset(files))
        if not own and key not in self._forms:
            self._forms[key] = self.schemas.namer.cls(f"{whole} form")
        name = whole if own else self._forms[key]
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        self.schemas.schemas[name] = {**schema, "properties": {**known, **files}}
        return name

    def _file(self, schema: Json, *, texts: bool) -> Json:
        """Return the schema of a file, or of files, out of one that says no more than that; else None.

        A string is one where `texts` says so.
        """
        if schema is True:
            schema = {}
        if not isinstance(schema, dict) or says_binary(schema) or not _NO_FILE.isdisjoint(schema):
            return None
        if schema.get("type") == "array":
            items = self._file(schema.get("items", True), texts=texts)
            return None if items is None else {**schema, "items": items}
        if "type" in schema and (schema["type"] != "string" or not texts):
            return None
        return {**schema, "type": "string", "format": "binary"}

    # -- by place -------------------------------------------------------------------------------------------

    def ordered(
        self, media_type: str, node: Map, whole: ClassName | None, hint: str, *, request: bool
    ) -> Media | None:
        """Return how parts with an order are read as one list."""
        members = list(self.places.members({"$ref": PREFIX + whole})) if whole else []
        if any(key in one for one in members for key in _UNPLACED):
            return None
        encodings = _list(node.get("prefixEncoding"))
        count = max([len(encodings), *(len(listed_in(one, "prefixItems")) for one in members)])
        prefix: list[Part] = []
        for at in range(count):
            encoding = encodings[at] if at < len(encodings) else node.get("itemEncoding")
            made = self._part(schema_at(members, at), encoding, f"{hint} part {at + 1}", media_type, request)
            if made is None:
                return None
            prefix.append(made)
        schema = schema_at(members, None)
        rest = None
        if schema is not False:
            rest = self._part(schema, node.get("itemEncoding"), f"{hint} part", media_type, request)
            if rest is None:
                return None
        needed = max([0, *(least for one in members if isinstance(least := one.get("minItems"), int))])
        fixed = rest is None and count > 0 and needed >= count
        types = [one.type for one in (*prefix, *([] if rest is None else [rest]))]
        return Media(
            media_type=media_type,
            kind="parts",
            schema=whole,
            type=_tuple(types) if fixed else wrap("list", _either(types or [ANYTHING])),
            of_items=False,
            prefix=tuple(prefix),
            rest=rest,
        )

    def _stream(
        self, media_type: str, node: Map, item: ClassName | None, hint: str, *, request: bool
    ) -> Media | None:
        """Return how parts are read one after the other, each by the `itemSchema` (3.2, 4.14.3.1.1)."""
        schema: Json = True if item is None else {"$ref": PREFIX + item}
        prefix: list[Part] = []
        for at, encoding in enumerate(_list(node.get("prefixEncoding"))):
            made = self._part(schema, encoding, f"{hint} part {at + 1}", media_type, request)
            if made is None:
                return None
            prefix.append(made)
        rest = self._part(schema, node.get("itemEncoding"), f"{hint} part", media_type, request)
        if rest is None:
            return None
        kind = _either([one.type for one in (*prefix, rest)])
        return Media(
            media_type=media_type,
            kind="parts",
            schema=item,
            type=wrap("ItemStream", kind, ("handfast.runtime", "ItemStream"))
            if request
            else wrap("AsyncIterator", kind, ("collections.abc", "AsyncIterator")),
            prefix=tuple(prefix),
            rest=rest,
        )

    def _part(self, schema: Json, entry: Node, hint: str, media_type: str, request: bool) -> Part | None:
        node, _ = deref(self.schemas.root, entry)
        made = Encoding() if node is None else self.encoding(media_type, node, hint, request=request)
        types = [one.essence for one in listed(made.content_type)]
        kinds: list[MediaKind] = [kind_of_part(one) for one in types] or [self._usual_kind(schema)]
        name = self._named(schema, hint)
        if node is not None and "multipart" in kinds:
            made = self._nested(made, node, schema, name, hint, request=request)
        if not all(self._can_be(kind, schema, made) for kind in kinds):
            return None
        kind = _either([self._type(one, name, schema, made, request) for one in kinds])
        if made.headers:
            kind = wrap("Part", kind, ("handfast.runtime", "Part"))
        usual = next((one for one in types if "*" not in one), types[0] if types else "")
        return Part(kind=kind_of_part(usual) if usual else kinds[0], schema=name, type=kind, encoding=made)

    def _usual_kind(self, schema: Json) -> MediaKind:
        """How a value is written where its encoding names no type (3.2, 4.15.1.1).

        Properties without a `type` count as an object, which is what their author means.
        """
        members = list(self.places.members(schema))
        if any("properties" in one for one in members):
            return "json"
        types = self.places.types(schema)
        if types is None:
            return "binary"
        if not types <= _SCALARS:
            return "json"
        return "binary" if any(says_binary(one) for one in members) else "text"

    def _can_be(self, kind: MediaKind, schema: Json, encoding: Encoding) -> bool:
        """Whether bytes of that kind can be a value of the schema, as far as anybody knows how."""
        types = self.places.types(schema)
        match kind:
            case "multipart":
                return encoding.inner is not None
            case "binary":
                return types is None or "string" in types
            case "text":
                return types is None or bool(types & _SCALARS)
            case "form":
                return types is None or "object" in types
        return True

    def _type(
        self, kind: MediaKind, name: ClassName | None, schema: Json, encoding: Encoding, request: bool
    ) -> TypeRef:
        if kind == "multipart" and encoding.inner is not None:
            return encoding.inner.type
        if kind == "binary":
            return UPLOAD if request else STREAM
        if kind == "text" and self.places.types(schema) is None:
            return TEXT
        return self.schemas.types.of_name(name)

    def _named(self, schema: Json, hint: str) -> ClassName | None:
        """Return the name of a part of a schema, which gets one where it has none."""
        if schema is True or schema == {}:
            return None
        if isinstance(schema, dict) and schema.keys() == {"$ref"}:
            return ClassName(str(schema["$ref"]).removeprefix(PREFIX))
        name = self.schemas.namer.cls(hint)
        self.schemas.schemas[name] = schema
        return name


def _holds_files(media: Media | None) -> bool:
    """Whether a part inside of a multipart may be a file."""
    if media is None:
        return False
    parts = [*media.prefix, *([] if media.rest is None else [media.rest])]
    return any(one.kind == "binary" or _holds_files(one.encoding.inner) for one in parts)


def _either(types: list[TypeRef]) -> TypeRef:
    """Return a union in which JSON values do not swallow what is none: `JsonValue | Upload`."""
    parts = dict.fromkeys(part for kind in types for part in split(kind.expr))
    if ANYTHING.expr in parts:
        others = ("Upload", "Stream", "Part[", "ItemStream[", "list[", "tuple[")
        parts = {part: None for part in parts if part == ANYTHING.expr or part.startswith(others)}
    models = frozenset(name for kind in types for name in kind.models)
    imports = frozenset(name for kind in types for name in kind.imports)
    if "None" in parts:
        parts["None"] = parts.pop("None")
    return TypeRef(" | ".join(parts), models, imports)


def _tuple(types: list[TypeRef]) -> TypeRef:
    models = frozenset(name for kind in types for name in kind.models)
    imports = frozenset(name for kind in types for name in kind.imports)
    return TypeRef(f"tuple[{', '.join(kind.expr for kind in types)}]", models, imports)


def _list(node: Node) -> list[Node]:
    return list(node) if isinstance(node, Seq) else []


def _essence(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
