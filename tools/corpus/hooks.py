"""Loaded by Schemathesis: who calls, and which calls have no right answer, and by which rule.

Every case is sent and every check is run. A line of `CORPUS_VERDICTS` names the case and the rule.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.core.jsonschema import make_validator
from schemathesis.core.parameters import ParameterLocation
from schemathesis.transport.serialization import Binary

from handfast.validation.pointers import followed
from tools.corpus.twins import IsValid, form_reads_right, members, parameter_reads_right, xml_reads_right
from tools.corpus.unsendable import (
    FORM,
    MULTIPART,
    NO_404,
    NO_SEGMENT,
    absent_rule,
    body_rule,
    bounded,
    is_no_segment,
    is_xml,
    parameter_rule,
    says_what_is_gone,
    sent_as_json,
    whole,
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
        return None if chosen is None else [followed(document, schemes.get(name, {})) for name in chosen]

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
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Let the servers of single paths and operations stand at the mock, which serves their paths too."""
    for item in raw_schema.get("paths", {}).values():
        for holder in [item, *item.values()]:
            if isinstance(holder, dict):
                for server in holder.get("servers", ()):
                    server["url"] = os.environ["CORPUS_URL"] + urlsplit(server["url"]).path


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Write down the rules by which the case has no right answer, if there are any."""
    rules = [_rule(case), None if says_what_is_gone(case.operation.definition.raw["responses"]) else NO_404]
    with Path(os.environ["CORPUS_VERDICTS"]).open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps([case.id, rule]) + "\n" for rule in rules if rule is not None)


Part: TypeAlias = tuple[Literal["right", "wrong", "unsendable"], str]
"""What the wire says of one part of a case, and the rule by which that is not what the tool says of it."""


def _rule(case: Any) -> str | None:
    """The rule by which no answer fits the case.

    A wrong case is excused only where nothing in it reads as wrong, a right one where something does.
    """
    parts = [*_body_parts(case), *_parameter_parts(case)]
    unsendable = next((rule for kind, rule in parts if kind == "unsendable"), None)
    if not _negative(case) or unsendable == NO_SEGMENT:  # another path is asked
        return unsendable or next((rule for kind, rule in parts if kind == "wrong"), None)
    if any(kind == "wrong" for kind, _ in parts):
        return None
    if _unknown_header(case):
        return "a header that no contract speaks of, which HTTP lets pass"
    if parts:
        return unsendable or parts[0][1]
    if case.body is not NOT_SET and case.meta.is_negative_at(ParameterLocation.BODY):
        return "a body called wrong that its schema takes"
    places = [place for location, place in _PLACES.items() if case.meta.is_negative_at(location)]
    return f"{_TWIN} in {places[0]}" if places else None


_PLACES = {
    ParameterLocation.QUERY: "a query",
    ParameterLocation.PATH: "a path",
    ParameterLocation.HEADER: "a header",
    ParameterLocation.COOKIE: "a cookie",
}
_TWIN = "a wrong value whose text is that of a right one"
_LOST = "a value called right whose text is that of no right one"
_BEYOND = "a number beyond its format, which the tool does not know,"


def _parameter_parts(case: Any) -> Iterator[Part]:
    for location, place in _PLACES.items():
        values = getattr(case, location.container_name) or {}
        parameters = list(case.operation.get_parameter_set(location))
        for parameter in parameters:
            definition, is_valid = parameter.definition, _judge(parameter)
            if parameter.name not in values:
                declared = {one.name for one in parameters}
                rule = absent_rule(definition, values, declared, takes_empty=is_valid({}))
                if rule:
                    yield "unsendable", f"{rule} in {place}"
                elif location is ParameterLocation.QUERY and _spread(definition):
                    yield from _spread_parts(definition, values, declared, is_valid)
                elif parameter.is_required:
                    yield "wrong", f"nothing for what must be given in {place}"
                continue
            value = _plain(values[parameter.name], location)
            rule = parameter_rule(definition, value)
            if location is ParameterLocation.PATH and is_no_segment(unquote(str(value))):
                yield "unsendable", NO_SEGMENT
            elif rule:
                yield "unsendable", f"{rule} in {place}"
            elif "content" not in definition:
                reads = parameter_reads_right(value, definition, is_valid)
                if reads:
                    yield "right", f"{_TWIN} in {place}"
                elif reads is False:
                    known = parameter_reads_right(value, definition, parameter.is_valid)
                    yield "wrong", f"{_LOST if known is False else _BEYOND} in {place}"


def _spread_parts(definition: Any, values: Any, declared: set[str], is_valid: IsValid) -> Iterator[Part]:
    found = members(definition, values, declared)
    reads = form_reads_right(found, lambda name: False, is_valid) if found else None
    if reads is not None:
        yield ("right", f"{_TWIN} in a query") if reads else ("wrong", f"{_LOST} in a query")


def _spread(definition: Any) -> bool:
    """Whether the parameter stands in the query by the names of its properties, not by its own."""
    style = definition.get("style", "form")
    return style == "deepObject" or (style == "form" and definition.get("explode", True))


def _body_parts(case: Any) -> Iterator[Part]:
    if case.body is NOT_SET:
        if any(one.is_required for one in case.operation.body):
            yield "wrong", "no body where one must be given"
        return
    body = next((one for one in case.operation.body if one.media_type == case.media_type), None)
    if body is None:
        yield "wrong", "a body of a media type that nobody declares"
        return
    essence = case.media_type.partition(";")[0].strip().lower()
    named = "a form" if essence == FORM else "multipart" if essence.startswith(MULTIPART) else ""
    place = f"in {named or ('XML' if is_xml(essence) else 'a body')}"
    rule = body_rule(body.definition, case.media_type, case.body)
    if rule:
        yield "unsendable", rule
        return
    plain, is_valid = _without_bytes(case.body), _judge(body)
    if is_valid(plain):
        return
    reads: bool | None = False
    if is_xml(essence):
        reads = xml_reads_right(plain, is_valid)
    elif named:
        exact = partial(
            sent_as_json, encoding=body.definition.get("encoding") or {}, multipart=essence != FORM
        )
        reads = form_reads_right(plain, exact, is_valid)
    if reads:
        yield "right", f"{_TWIN} {place}"
    else:
        yield "wrong", f"{_BEYOND if body.is_valid(plain) else _LOST} {place}"


def _plain(value: Any, location: ParameterLocation) -> Any:
    """A value without the marks that the tool has put on its text, which in a path is as it is written."""
    if isinstance(value, str):
        return str(getattr(value, "encoded", value)) if location is ParameterLocation.PATH else str(value)
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
            check = partial(_takes, make_validator(bounded(component.validation_schema), kind))
        except ValueError:  # the tool cannot compile it, so nothing is known of it
            check = _anything
        _judges[id(component)] = (component, check)
    return _judges[id(component)][1]


_judges: dict[int, tuple[Any, IsValid]] = {}
"""By the identity of a component, which is kept so that no other takes it."""


def _takes(validator: Any, value: object) -> bool:
    return bool(validator.is_valid(whole(value)))


def _anything(value: object) -> bool:
    return True


def _negative(case: Any) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_negative


def _unknown_header(case: Any) -> bool:
    """Whether all that is wrong is a header besides the declared ones."""
    data = case.meta.phase.data
    described = (getattr(data, "description", ""), str(getattr(data, "parameter_location", "")).lower())
    return described[0] == "Object with unexpected properties" and described[1].endswith("header")
