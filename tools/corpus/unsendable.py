"""Which generated cases have no form on the wire: each rule depends on what the contract declares there.

Schemathesis makes values first and writes them into the request afterwards. A value that the media type or
the style cannot carry is sent as something else (`{}` in a form as an empty body, which is also what an
absent body is; `AAA` in a form where a list is declared as the list of one text), so the answer that the
value deserves is not the answer that the bytes deserve. Nothing here looks at JSON: what JSON carries is
always checked, and so is every case whose values the wire can tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = "Mapping[str, Any] | bool"
Resolve: TypeAlias = Callable[[Any], Any]
"""Follows the `$ref` of a node of the contract, if it has one."""

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_DELIMITED = ("pipeDelimited", "spaceDelimited")
_OF_TEXTS = frozenset(
    (
        "type",
        "enum",
        "const",
        "pattern",
        "minLength",
        "maxLength",
        "format",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
    )
)
_DEEP = 12


def body_rule(media: Mapping[str, Any], media_type: str, body: object, resolve: Resolve) -> str | None:
    """Return the rule by which a body cannot be sent as `media_type`, None where it can.

    `media` is the media type object of the contract.
    """
    essence = media_type.partition(";")[0].strip().lower()
    schema = resolve(media.get("schema", True))
    if essence in (FORM, MULTIPART):
        return _form_rule(schema, media.get("encoding") or {}, essence == MULTIPART, body, resolve)
    if essence.startswith("text/") and not re.search(r"[/+](json|xml|ya?ml)$|event-stream", essence):
        return None if isinstance(body, str | bytes) else "a value that is no text in a body of text"
    if essence.endswith(("/xml", "+xml")) and body in ({}, [], None):
        return "an empty value in XML"
    return None


def parameter_rule(
    parameter: Mapping[str, Any], value: object, resolve: Resolve, *, negative: bool
) -> str | None:
    """Return the rule by which a parameter's value cannot be sent in its style, None where it can."""
    schema, style = resolve(parameter.get("schema", True)), parameter.get("style")
    if "content" in parameter:
        return None
    if style == "deepObject" and value == {}:
        return "an empty object in deepObject style"
    if style in _DELIMITED and isinstance(value, dict):
        return f"an object in {style} style, of which only the keys are sent"
    if style == "label" and _only_list(schema, resolve) and any("." in text for text in _texts(value)):
        return "a point in an item of a list in label style, where it divides items"
    if negative and style != "deepObject" and isinstance(value, dict | list) and _takes_text(schema):
        return "a wrong list or object where the schema, having no type, takes its text too"
    return None


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _takes_text(schema: Schema) -> bool:
    """Whether `schema` says nothing that a text could break, though it may describe properties or items."""
    return isinstance(schema, bool) or not _OF_TEXTS & schema.keys()


def _form_rule(
    schema: Schema, encoding: Mapping[str, Any], multipart: bool, body: object, resolve: Resolve
) -> str | None:
    name = "multipart" if multipart else "a form"
    if not isinstance(body, dict):
        return f"a body that is no object in {name}"
    properties = dict(_properties(schema, resolve))
    for key, inner in properties.items():
        if _only_list(inner, resolve) and not _as_json(key, encoding, multipart):
            value = body.get(key, [])
            if not isinstance(value, list):
                return f"a single value where a list is declared in {name}"
            if not value:
                return f"an empty or absent list in {name}"
    for key, value in body.items():
        if _as_json(key, encoding, multipart):
            continue
        if value is None:
            return f"null in {name}"
        if value in ([], {}):
            return f"an empty list or object in {name}"
        if isinstance(value, dict) or (isinstance(value, list) and any(map(_nested, value))):
            return f"a value in a value in {name}"
    return None


def _nested(value: object) -> bool:
    return value is None or isinstance(value, dict | list)


def _as_json(name: str, encoding: Mapping[str, Any], multipart: bool) -> bool:
    """Whether the field is sent as JSON text, in which nothing is lost."""
    said = encoding.get(name)
    content = str(said.get("contentType", "")) if isinstance(said, Mapping) else ""
    return multipart and bool(re.search(r"[/+]json\b", content))


def _properties(schema: Schema, resolve: Resolve, depth: int = 0) -> Iterable[tuple[str, Schema]]:
    if isinstance(schema, Mapping) and depth < _DEEP:
        for name, inner in (schema.get("properties") or {}).items():
            yield name, resolve(inner)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for branch in schema.get(keyword) or ():
                yield from _properties(resolve(branch), resolve, depth + 1)


def _only_list(schema: Schema, resolve: Resolve, depth: int = 0) -> bool:
    """Whether a list is all that `schema` takes, so that one value on the wire is a list of one."""
    if not isinstance(schema, Mapping) or depth > _DEEP:
        return False
    types = schema.get("type")
    if types is not None:
        return types == "array" or (isinstance(types, list) and set(types) <= {"array", "null"})
    if any(_only_list(resolve(one), resolve, depth + 1) for one in schema.get("allOf") or ()):
        return True
    branches = schema.get("anyOf") or schema.get("oneOf") or ()
    return bool(branches) and all(_only_list(resolve(one), resolve, depth + 1) for one in branches)
