"""Loaded by Schemathesis: who calls, and which calls have no right answer, and by which rule.

Every case is sent and every check is run. A line of `CORPUS_VERDICTS` names the case and the rule.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.core.jsonschema import make_validator
from schemathesis.core.parameters import ParameterLocation
from schemathesis.transport.serialization import Binary

from tools.corpus.twins import IsValid, form_reads_right, parameter_reads_right, xml_reads_right
from tools.corpus.unsendable import (
    FORM,
    MULTIPART,
    NO_SEGMENT,
    absent_rule,
    body_rule,
    bounded,
    is_no_segment,
    is_xml,
    parameter_rule,
    sent_as_json,
)

KEY = "mock"
"""The credential that every mock takes."""


@schemathesis.auth(refresh_interval=None)
class Credentials:
    """Gives each case the credentials of the first alternative of its operation's security."""

    def get(self, case: Any, context: Any) -> list[dict[str, Any]] | None:
        """Return the schemes of the first alternative that asks for one; None where none does."""
        document = case.operation.schema.raw_schema
        alternatives = case.operation.definition.raw.get("security", document.get("security", []))
        schemes = document.get("components", {}).get("securitySchemes", {})
        chosen = next((one for one in alternatives if one), None)
        return None if chosen is None else [_resolved(document, schemes.get(name, {})) for name in chosen]

    def set(self, case: Any, data: list[dict[str, Any]], context: Any) -> None:
        """Put the credentials where their schemes want them."""
        for scheme in data:
            kind = scheme.get("type")
            if kind == "apiKey":
                target = {"header": case.headers, "query": case.query, "cookie": case.cookies}[scheme["in"]]
                target[scheme["name"]] = KEY
            elif kind == "http" and scheme.get("scheme", "").lower() == "basic":
                pair = base64.b64encode(f"{KEY}:{KEY}".encode()).decode()
                case.headers["Authorization"] = f"Basic {pair}"
            elif kind == "http":
                case.headers["Authorization"] = f"{scheme.get('scheme', 'bearer').title()} {KEY}"
            elif kind in ("oauth2", "openIdConnect"):
                case.headers["Authorization"] = f"Bearer {KEY}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Write down the rule by which the case has no right answer, if there is one."""
    rule = _rule(case)
    if rule is not None:
        with Path(os.environ["CORPUS_VERDICTS"]).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([case.id, rule]) + "\n")


def _rule(case: Any) -> str | None:
    if _negative(case) and _unknown_header(case):
        return "a header that no contract speaks of, which HTTP lets pass"
    if case.body is not NOT_SET and case.media_type:
        found = _body_rule(case)
        if found:
            return found
    for location, name in _PLACES.items():
        values = getattr(case, location.container_name) or {}
        for parameter in case.operation.get_parameter_set(location):
            if parameter.name in values:
                found = _parameter_rule(case, parameter, location, values[parameter.name])
            else:
                declared = {one.name for one in case.operation.get_parameter_set(location)}
                found = absent_rule(parameter.definition, values, declared, takes_empty=_judge(parameter)({}))
            if found:
                return f"{found} in {name}"
    return None


_PLACES = {
    ParameterLocation.QUERY: "a query",
    ParameterLocation.PATH: "a path",
    ParameterLocation.HEADER: "a header",
    ParameterLocation.COOKIE: "a cookie",
}
_MEDIA = {FORM: "a form", MULTIPART: "multipart"}
_TWIN = "a wrong value whose text is that of a right one"
_LOST = "a right value whose text is that of none"
_BEYOND = "a number beyond its format, which the tool does not know,"


def _parameter_rule(case: Any, parameter: Any, location: ParameterLocation, value: Any) -> str | None:
    found = parameter_rule(parameter.definition, value)
    if found or "content" in parameter.definition:
        return found
    plain = _plain(value, location)
    if location is ParameterLocation.PATH and is_no_segment(str(plain)):
        return NO_SEGMENT
    if _negative(case, location):
        right = parameter_reads_right(plain, parameter.definition, _judge(parameter))
        return _TWIN if right else None
    if parameter_reads_right(plain, parameter.definition, _judge(parameter)) is False:
        known = parameter_reads_right(plain, parameter.definition, parameter.is_valid)
        return _LOST if known is False else _BEYOND
    return None


def _body_rule(case: Any) -> str | None:
    body = next((one for one in case.operation.body if one.media_type == case.media_type), None)
    if body is None:
        return None
    found = body_rule(body.definition, case.media_type, case.body)
    if found:
        return found
    plain, is_valid = _without_bytes(case.body), _judge(body)
    essence = case.media_type.partition(";")[0].strip().lower()
    encoding = body.definition.get("encoding") or {}
    right = None if is_valid(plain) else False
    if right is False and is_xml(essence):
        right = xml_reads_right(plain, is_valid)
    elif right is False and essence in (FORM, MULTIPART):
        right = form_reads_right(
            plain, lambda name: sent_as_json(name, encoding, essence == MULTIPART), is_valid
        )
    if _negative(case, ParameterLocation.BODY):
        return f"{_TWIN} in {_MEDIA.get(essence, 'XML')}" if right else None
    return f"{_BEYOND} in a body" if right is False and body.is_valid(plain) else None


def _plain(value: Any, location: ParameterLocation) -> Any:
    """A value without the marks and the encoding that the tool has put on its text already."""
    if isinstance(value, str):
        return unquote(str(value)) if location is ParameterLocation.PATH else str(value)
    return value


def _without_bytes(value: Any) -> Any:
    """A body with an empty text for each file, as a schema sees it."""
    if isinstance(value, dict):
        return {name: _without_bytes(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_bytes(one) for one in value]
    return "" if isinstance(value, bytes | Binary) else value


def _judge(component: Any) -> IsValid:
    """Say what the component's schema takes, with the bounds of formats that the tool leaves out."""
    if id(component) not in _judges:
        kind = component.adapter.jsonschema_validator_cls
        try:
            check = make_validator(bounded(component.validation_schema), kind).is_valid
        except ValueError:  # the tool cannot compile it, so nothing is known of it
            check = _anything
        _judges[id(component)] = (component, check)
    return _judges[id(component)][1]


_judges: dict[int, tuple[Any, IsValid]] = {}
"""By the identity of a component, which is kept so that no other takes it."""


def _anything(value: object) -> bool:
    return True


def _negative(case: Any, location: ParameterLocation | None = None) -> bool:
    """Whether the case is wrong, or is so at `location`."""
    if case.meta is None:
        return False
    mode = case.meta.generation.mode
    return bool(mode.is_negative if location is None else case.meta.is_negative_at(location))


def _unknown_header(case: Any) -> bool:
    """Whether all that is wrong is a header besides the declared ones."""
    data = case.meta.phase.data
    described = (getattr(data, "description", ""), str(getattr(data, "parameter_location", "")).lower())
    return described[0] == "Object with unexpected properties" and described[1].endswith("header")


def _resolved(document: dict[str, Any], node: Any) -> Any:
    """Follow local references; whatever else a reference may be is left."""
    for _ in range(20):
        if not (
            isinstance(node, dict) and isinstance(node.get("$ref"), str) and node["$ref"].startswith("#/")
        ):
            break
        target: Any = document
        for token in node["$ref"][2:].split("/"):
            name = unquote(token).replace("~1", "/").replace("~0", "~")
            target = target[int(name)] if isinstance(target, list) else target[name]
        node = target
    return node
