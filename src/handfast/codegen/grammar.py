"""The shape of an OpenAPI document as data: which key of which object holds what.

One table drives bundling and checking, so that both agree where a `$ref` is a reference and where it is
only part of somebody's example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

T = TypeVar("T")

Shape: TypeAlias = Literal["one", "map", "list", "text", "flag", "number", "texts", "data", "one-or-list"]
"""`one` object, a `map` or `list` of objects, a leaf, or `data` that is nobody's business but its owner's."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What stands under one key: its shape, and the kind of object where it holds any."""

    shape: Shape
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of OpenAPI object."""

    title: str
    """What a person calls it, with its article."""
    slots: dict[str, Slot]
    entries: str = ""
    """The kind of every key that is not in `slots` and no extension, for objects that are maps themselves."""
    section: str = ""
    """Its section of `components`; empty where it has none."""
    may_be_flag: bool = False
    """Whether `true` and `false` may stand in its place (schemas)."""


TEXT, FLAG, NUMBER, TEXTS, DATA = Slot("text"), Slot("flag"), Slot("number"), Slot("texts"), Slot("data")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
"""Methods that have a key of their own in a path item; others stand under `additionalOperations` (3.2)."""


ADDITIONAL = "additionalOperations"
SERVABLE = frozenset((
    "GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "QUERY", "ACL", "BIND", "CHECKOUT",
    "COPY", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "NOTIFY",
    "PROPFIND", "PROPPATCH", "PURGE", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "UNBIND", "UNLINK",
    "UNLOCK", "UNSUBSCRIBE",
))  # fmt: skip
"""Methods that the HTTP parser (llhttp) takes, but for CONNECT, which no resource can answer."""


def _one(kind: str) -> Slot:
    return Slot("one", kind)


def _map(kind: str) -> Slot:
    return Slot("map", kind)


def _list(kind: str) -> Slot:
    return Slot("list", kind)


_VALUE_SLOTS = {
    "description": TEXT, "required": FLAG, "deprecated": FLAG, "allowEmptyValue": FLAG, "style": TEXT,
    "explode": FLAG, "allowReserved": FLAG, "schema": _one("schema"), "content": _map("media type"),
    "example": DATA, "examples": _map("example"),
}  # fmt: skip
_ENCODING_SLOTS = {
    "encoding": _map("encoding"), "prefixEncoding": _list("encoding"), "itemEncoding": _one("encoding"),
}  # fmt: skip

_SCHEMA_SLOTS = {
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), _list("schema")),
    **dict.fromkeys(
        ("not", "if", "then", "else", "contains", "propertyNames", "additionalProperties", "additionalItems",
         "unevaluatedProperties", "unevaluatedItems", "contentSchema"),
        _one("schema"),
    ),
    **dict.fromkeys(
        ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"), _map("schema")
    ),
    **dict.fromkeys(
        ("minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems",
         "minProperties", "maxProperties", "minContains", "maxContains"),
        NUMBER,
    ),
    **dict.fromkeys(("uniqueItems", "nullable", "readOnly", "writeOnly", "deprecated"), FLAG),
    **dict.fromkeys(
        ("title", "description", "format", "pattern", "contentEncoding", "contentMediaType", "$anchor", "$id",
         "$dynamicAnchor", "$dynamicRef"),
        TEXT,
    ),
    "externalDocs": _one("external docs"), "xml": _one("xml object"),
    "items": Slot("one-or-list", "schema"),
    "required": TEXTS,
    "discriminator": _one("discriminator"),
}  # fmt: skip

KINDS: dict[str, Kind] = {
    "document": Kind("an OpenAPI document", {
        "openapi": TEXT, "info": _one("info"), "servers": _list("server"), "paths": _one("paths"),
        "webhooks": _map("path item"), "components": _one("components"),
        "security": _list("security requirement"), "tags": _list("tag"),
        "externalDocs": _one("external docs"), "jsonSchemaDialect": TEXT, "$self": TEXT,
    }),
    "info": Kind("the info object", {
        "title": TEXT, "version": TEXT, "description": TEXT, "summary": TEXT, "termsOfService": TEXT,
        "contact": _one("contact"), "license": _one("license"),
    }),
    "contact": Kind("a contact", {"name": TEXT, "url": TEXT, "email": TEXT}),
    "license": Kind("a license", {"name": TEXT, "identifier": TEXT, "url": TEXT}),
    "server": Kind("a server", {
        "url": TEXT, "description": TEXT, "name": TEXT, "variables": _map("server variable"),
    }),
    "server variable": Kind("a server variable", {"enum": TEXTS, "default": TEXT, "description": TEXT}),
    "external docs": Kind("an external documentation", {"url": TEXT, "description": TEXT}),
    "tag": Kind("a tag", {
        "name": TEXT, "summary": TEXT, "description": TEXT, "externalDocs": _one("external docs"),
        "parent": TEXT, "kind": TEXT,
    }),
    "paths": Kind("the paths object", {}, entries="path item"),
    "path item": Kind("a path item", {
        "summary": TEXT, "description": TEXT, "servers": _list("server"), "parameters": _list("parameter"),
        **dict.fromkeys(METHODS, _one("operation")), ADDITIONAL: _map("operation"),
    }, section="pathItems"),
    "operation": Kind("an operation", {
        "tags": TEXTS, "summary": TEXT, "description": TEXT, "operationId": TEXT,
        "parameters": _list("parameter"), "requestBody": _one("request body"),
        "responses": _map("response"), "callbacks": _map("callback"), "deprecated": FLAG,
        "security": _list("security requirement"), "servers": _list("server"),
        "externalDocs": _one("external docs"),
    }),
    "parameter": Kind("a parameter", {"name": TEXT, "in": TEXT, **_VALUE_SLOTS}, section="parameters"),
    "header": Kind("a header", _VALUE_SLOTS, section="headers"),
    "request body": Kind("a request body", {
        "description": TEXT, "content": _map("media type"), "required": FLAG,
    }, section="requestBodies"),
    "media type": Kind("a media type", {
        "description": TEXT, "schema": _one("schema"), "itemSchema": _one("schema"), "example": DATA,
        "examples": _map("example"), **_ENCODING_SLOTS,
    }, section="mediaTypes"),
    "encoding": Kind("an encoding", {
        "contentType": TEXT, "headers": _map("header"), "style": TEXT, "explode": FLAG, "allowReserved": FLAG,
        **_ENCODING_SLOTS,
    }),
    "response": Kind("a response", {
        "summary": TEXT, "description": TEXT, "headers": _map("header"), "content": _map("media type"),
        "links": _map("link"),
    }, section="responses"),
    "callback": Kind("a callback", {}, entries="path item", section="callbacks"),
    "example": Kind("an example", {
        "summary": TEXT, "description": TEXT, "value": DATA, "externalValue": TEXT,
        "dataValue": DATA, "serializedValue": TEXT,
    }, section="examples"),
    "link": Kind("a link", {
        "operationRef": DATA, "operationId": TEXT, "parameters": DATA, "requestBody": DATA,
        "description": TEXT, "server": _one("server"),
    }, section="links"),
    "security scheme": Kind("a security scheme", {
        "type": TEXT, "description": TEXT, "name": TEXT, "in": TEXT, "scheme": TEXT, "bearerFormat": TEXT,
        "openIdConnectUrl": TEXT, "flows": _one("oauth flows"), "oauth2MetadataUrl": TEXT, "deprecated": FLAG,
    }, section="securitySchemes"),
    "oauth flows": Kind("the OAuth flows", dict.fromkeys(
        ("implicit", "password", "clientCredentials", "authorizationCode", "deviceAuthorization"),
        _one("oauth flow"),
    )),
    "oauth flow": Kind("an OAuth flow", {
        "authorizationUrl": TEXT, "deviceAuthorizationUrl": TEXT, "tokenUrl": TEXT, "refreshUrl": TEXT,
        "scopes": DATA,
    }),
    "security requirement": Kind("a security requirement", {}),
    "discriminator": Kind("a discriminator", {
        "propertyName": TEXT, "mapping": DATA, "defaultMapping": TEXT,
    }),
    "xml object": Kind("an XML object", {
        "name": TEXT, "namespace": TEXT, "prefix": TEXT, "attribute": FLAG, "wrapped": FLAG,
        "nodeType": TEXT,
    }),
    "schema": Kind("a schema", _SCHEMA_SLOTS, section="schemas", may_be_flag=True),
    "components": Kind("the components object", {
        "schemas": _map("schema"), "responses": _map("response"), "parameters": _map("parameter"),
        "examples": _map("example"), "requestBodies": _map("request body"), "headers": _map("header"),
        "securitySchemes": _map("security scheme"), "links": _map("link"), "callbacks": _map("callback"),
        "pathItems": _map("path item"), "mediaTypes": _map("media type"),
    }),
}  # fmt: skip


_NEWER: dict[str, dict[str, str]] = {
    "document": {"webhooks": "3.1", "jsonSchemaDialect": "3.1", "$self": "3.2"},
    "info": {"summary": "3.1"},
    "license": {"identifier": "3.1"},
    "server": {"name": "3.2"},
    "tag": dict.fromkeys(("summary", "parent", "kind"), "3.2"),
    "components": {"pathItems": "3.1", "mediaTypes": "3.2"},
    "path item": {"query": "3.2", "additionalOperations": "3.2"},
    "media type": dict.fromkeys(("description", "itemSchema", "prefixEncoding", "itemEncoding"), "3.2"),
    "encoding": dict.fromkeys(("encoding", "prefixEncoding", "itemEncoding"), "3.2"),
    "response": {"summary": "3.2"},
    "example": {"dataValue": "3.2", "serializedValue": "3.2"},
    "discriminator": {"defaultMapping": "3.2"},
    "xml object": {"nodeType": "3.2"},
    "security scheme": {"oauth2MetadataUrl": "3.2", "deprecated": "3.2"},
    "oauth flows": {"deviceAuthorization": "3.2"},
    "oauth flow": {"deviceAuthorizationUrl": "3.2"},
    "schema": dict.fromkeys(
        ("const", "contains", "contentEncoding", "contentMediaType", "contentSchema", "dependentRequired",
         "dependentSchemas", "else", "examples", "if", "maxContains", "minContains", "patternProperties",
         "prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties", "$anchor",
         "$comment", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$schema", "$vocabulary"),
        "3.1",
    ),
}  # fmt: skip


def newer(kind: str, key: str) -> str | None:
    """Return the version that brought `key` of an object of the kind; None if 3.0 has it."""
    return _NEWER.get(kind, {}).get(key)


def is_extension(key: str) -> bool:
    """Whether `key` is an extension (`x-…`), whose value is its owner's business."""
    return key.startswith("x-")


def slot_of(kind: Kind, key: str) -> Slot:
    """Return what stands under `key` of an object of `kind`; unknown keys and extensions are data."""
    slot = kind.slots.get(key)
    if slot is not None:
        return slot
    if kind.entries and not is_extension(key):
        return Slot("one", kind.entries)
    return DATA


def place_of(method: str) -> tuple[str, ...]:
    """Return the keys below a path item under which the operation of an HTTP method stands."""
    key = method.lower()
    return (key,) if key in METHODS and method == method.upper() else (ADDITIONAL, method)


def operations_in(item: Mapping[str, T]) -> Iterator[tuple[str, Mapping[str, T], str]]:
    """Yield (HTTP method, the mapping that holds the operation, its key there) of a path item."""
    yield from ((key.upper(), item, key) for key in item if key in METHODS)
    additional = item.get(ADDITIONAL)
    if isinstance(additional, Mapping):
        yield from ((key, additional, key) for key in additional if not is_extension(key))
