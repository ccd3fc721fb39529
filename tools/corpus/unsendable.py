"""Which generated cases have no form on the wire: each rule depends on what the contract declares there.

Schemathesis makes values first and writes them into the request afterwards. A value that the media type or
the style cannot carry is sent as something else (`{}` in a form as an empty body, which is also what an
absent body is), so the answer that the value deserves is not the answer that the bytes deserve; `twins`
finds those whose bytes are a right value's. Nothing here looks at JSON: what JSON carries is always checked,
and so is every case whose values the wire can tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = "Mapping[str, Any] | bool"
Resolve: TypeAlias = Callable[[Any], Any]
"""Follows the `$ref` of a node of the contract, if it has one."""

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_DELIMITED = ("pipeDelimited", "spaceDelimited")
_DEEP = 12


def body_rule(media: Mapping[str, Any], media_type: str, body: object) -> str | None:
    """Return the rule by which a body cannot be sent as `media_type`, None where it can.

    `media` is the media type object of the contract.
    """
    essence = media_type.partition(";")[0].strip().lower()
    if essence in (FORM, MULTIPART):
        return _form_rule(media.get("encoding") or {}, essence == MULTIPART, body)
    if essence.startswith("text/") and not re.search(r"[/+](json|xml|ya?ml)$|event-stream", essence):
        return None if isinstance(body, str | bytes) else "a value that is no text in a body of text"
    if essence.endswith(("/xml", "+xml")) and body in ({}, [], None):
        return "an empty value in XML"
    return None


def parameter_rule(parameter: Mapping[str, Any], value: object, resolve: Resolve) -> str | None:
    """Return the rule by which a parameter's value cannot be sent in its style, None where it can."""
    if "content" in parameter:
        return None
    schema, style = resolve(parameter.get("schema", True)), parameter.get("style")
    if style == "deepObject" and value == {}:
        return "an empty object in deepObject style"
    if style in _DELIMITED and isinstance(value, dict):
        return f"an object in {style} style, of which only the keys are sent"
    if style == "label" and _only_list(schema, resolve) and any("." in text for text in _texts(value)):
        return "a point in an item of a list in label style, where it divides items"
    if parameter.get("in") != "query" and _deep(value):
        return "a value in a value of a parameter"
    return None


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _deep(value: object) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(isinstance(one, dict | list) for one in inner)


def _form_rule(encoding: Mapping[str, Any], multipart: bool, body: object) -> str | None:
    name = "multipart" if multipart else "a form"
    if not isinstance(body, dict):
        return f"a body that is no object in {name}"
    for key, value in body.items():
        if sent_as_json(key, encoding, multipart):
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


def sent_as_json(name: str, encoding: Mapping[str, Any], multipart: bool) -> bool:
    """Whether the field is sent as JSON text, in which nothing is lost."""
    said = encoding.get(name)
    content = str(said.get("contentType", "")) if isinstance(said, Mapping) else ""
    return multipart and bool(re.search(r"[/+]json\b", content))


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
