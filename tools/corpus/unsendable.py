"""Which generated cases have no form on the wire: each rule depends on what the contract declares there.

Schemathesis makes values first and writes them into the request afterwards. A value that the media type or
the style cannot carry is sent as something else (`{}` in a form as an empty body, which is also what an
absent body is), so the answer that the value deserves is not the answer that the bytes deserve; `twins`
finds those whose bytes are a right value's. JSON carries everything: no rule here leaves a body of it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from handfast.validation.formats import BOUNDS

NO_404 = "an operation that declares no 404, and so cannot say that its thing was deleted"
NO_SEGMENT = "an empty part of a path or a dot, which clients take out of it"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/"
"""What the media types begin with of which the tool writes objects as parts with names, and nothing else."""
_BY_ORDER = ("itemSchema", "prefixEncoding", "itemEncoding")


def says_what_is_gone(responses: Mapping[str, Any]) -> bool:
    """Whether an operation with these responses declares what it answers for a thing that is gone."""
    return any(status.upper() in ("404", "410", "4XX", "DEFAULT") for status in map(str, responses))


def body_rule(media: Mapping[str, Any], media_type: str, body: object) -> str | None:
    """Return the rule by which a body cannot be sent as `media_type`, None where it can.

    `media` is the media type object of the contract.
    """
    essence = media_type.partition(";")[0].strip().lower()
    if essence.startswith(MULTIPART) and any(key in media for key in _BY_ORDER):
        return "parts with an order, of which the tool knows nothing, in multipart"
    if essence == FORM or essence.startswith(MULTIPART):
        return _form_rule(media.get("encoding") or {}, essence != FORM, body)
    if essence.startswith("text/") and not re.search(r"[/+](json|xml|ya?ml)$|event-stream", essence):
        return None if isinstance(body, str | bytes) else "a value that is no text in a body of text"
    if is_xml(essence) and body in ({}, [], None):
        return "an empty value in XML"
    return None


def parameter_rule(parameter: Mapping[str, Any], value: object) -> str | None:
    """Return the rule by which a parameter's value cannot be sent in its style, None where it can."""
    style = parameter.get("style")
    if style == "deepObject" and value == {}:
        return "an empty object in deepObject style"
    if style in ("pipeDelimited", "spaceDelimited") and isinstance(value, dict):
        return f"an object in {style} style, of which only the keys are sent"
    return None


def is_xml(essence: str) -> bool:
    """Whether a media type is XML (RFC 7303)."""
    return essence.endswith(("/xml", "+xml"))


def is_no_segment(text: str) -> bool:
    """Whether a text is taken out of a path by clients, so that another path is asked (RFC 3986, 5.2.4)."""
    return text in ("", ".", "..")


def absent_rule(
    parameter: Mapping[str, Any], sent: Mapping[str, object], declared: Iterable[str], *, takes_empty: bool
) -> str | None:
    """Return the rule by which a parameter that must be sent leaves no text: it is an empty object.

    `sent` are the names and values of the query, `declared` the names of the operation's parameters,
    `takes_empty` says whether the schema takes the empty object.
    """
    if not parameter.get("required") or parameter.get("in") != "query":
        return None
    if parameter.get("style") == "deepObject":
        traces = {name for name in sent if name.startswith(f"{parameter['name']}[")}
    elif parameter.get("style", "form") == "form" and parameter.get("explode", True):
        traces = set(sent) - set(declared)
    else:
        return None
    if any(sent[name] not in ([], {}, None) for name in traces) or not (traces or takes_empty):
        return None
    return "an empty object, of which the style leaves nothing"


def bounded(schema: Any) -> Any:
    """Return `schema` with the bounds that its formats of numbers have, which the tool does not know."""
    if isinstance(schema, list):
        return [bounded(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    copied = {key: bounded(value) for key, value in schema.items()}
    found = BOUNDS.get(schema["format"]) if isinstance(schema.get("format"), str) else None
    if found is None:
        return copied
    return copied | {"allOf": [*copied.get("allOf", ()), {"minimum": found[0], "maximum": found[1]}]}


def whole(value: Any) -> Any:
    """Return `value` with each number that is whole as an integer, which `1.0` is in JSON Schema."""
    if isinstance(value, dict):
        return {name: whole(one) for name, one in value.items()}
    if isinstance(value, list):
        return [whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def sent_as_json(name: str, encoding: Mapping[str, Any], multipart: bool) -> bool:
    """Whether the field is sent as JSON text, in which nothing is lost."""
    said = encoding.get(name)
    content = str(said.get("contentType", "")) if isinstance(said, Mapping) else ""
    return multipart and bool(re.search(r"[/+]json\b", content))


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
