"""Loaded by Schemathesis: who calls, and which cases cannot be sent (counted in `CORPUS_FILTERED`)."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation

from tools.corpus.twins import IsValid, form_has_twin, parameter_has_twin
from tools.corpus.unsendable import FORM, MULTIPART, body_rule, parameter_rule, sent_as_json

KEY = "mock"
"""The credential that every mock takes."""

_counted: Counter[str] = Counter()


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
def filter_case(context: Any, case: Any) -> bool:
    """Drop a case that has no form on the wire, and count the rule that says so."""
    return _sendable(case)


@schemathesis.hook
def before_add_examples(context: Any, examples: list[Any]) -> None:
    """Drop such cases among the contract's own examples, which no filter is asked about."""
    examples[:] = filter(_sendable, examples)


def _sendable(case: Any) -> bool:
    rule = _rule(case) or _twin(case)
    if rule is None:
        return True
    _counted[rule] += 1
    Path(os.environ["CORPUS_FILTERED"]).write_text(json.dumps(_counted), encoding="utf-8")
    return False


def _rule(case: Any) -> str | None:
    document, operation = case.operation.schema.raw_schema, case.operation.definition.raw

    def resolve(node: Any) -> Any:
        return _resolved(document, node)

    if case.body is not NOT_SET and case.media_type:
        content = resolve(operation.get("requestBody") or {}).get("content") or {}
        media = resolve(content.get(case.media_type) or {})
        found = body_rule(media, case.media_type, case.body)
        if found:
            return found
    if _negative(case) and _unknown_header(case):
        return "a header that no contract speaks of, which HTTP lets pass"
    places = {
        "query": case.query,
        "path": case.path_parameters,
        "header": case.headers,
        "cookie": case.cookies,
    }
    for parameter in map(resolve, _parameters(document, case)):
        values = places.get(parameter.get("in")) or {}
        if parameter.get("name") in values:
            found = parameter_rule(parameter, values[parameter["name"]], resolve)
            if found:
                return found
    return None


def _negative(case: Any) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_negative


def _twin(case: Any) -> str | None:
    """The rule of a wrong value that is written as a right one, by the schemas that Schemathesis goes by."""
    if not _negative(case):
        return None
    for location in (*_PLACES, ParameterLocation.BODY):
        if not case.meta.is_negative_at(location):
            continue
        if location is ParameterLocation.BODY:
            if _form_twin(case):
                return "a wrong value in a form whose text is that of a right one"
            continue
        values = getattr(case, location.container_name) or {}
        for parameter in case.operation.get_parameter_set(location):
            if parameter.name in values and parameter_has_twin(
                _plain(values[parameter.name], location), parameter.definition, _judge(parameter)
            ):
                return f"a wrong value in {_PLACES[location]} whose text is that of a right one"
    return None


_PLACES = {
    ParameterLocation.QUERY: "a query",
    ParameterLocation.PATH: "a path",
    ParameterLocation.HEADER: "a header",
    ParameterLocation.COOKIE: "a cookie",
}


def _form_twin(case: Any) -> bool:
    essence = (case.media_type or "").partition(";")[0].strip().lower()
    if essence not in (FORM, MULTIPART) or not isinstance(case.body, dict):
        return False
    body = next((one for one in case.operation.body if one.media_type == case.media_type), None)
    if body is None:
        return False
    encoding = body.definition.get("encoding") or {}

    def exact(name: str) -> bool:
        return sent_as_json(name, encoding, essence == MULTIPART)

    return form_has_twin(case.body, exact, _judge(body))


def _plain(value: Any, location: ParameterLocation) -> Any:
    """A value without the marks and the encoding that the tool has put on the texts of a path already."""
    if isinstance(value, str):
        return unquote(str(value)) if location is ParameterLocation.PATH else str(value)
    return value


def _judge(component: Any) -> IsValid:
    def is_valid(value: object) -> bool:
        try:
            return bool(component.is_valid(value))
        except (TypeError, ValueError):
            return False  # bytes, or a schema that the tool cannot compile: nothing is known of it

    return is_valid


def _unknown_header(case: Any) -> bool:
    """Whether all that is wrong is a header besides the declared ones."""
    data = case.meta.phase.data
    described = (getattr(data, "description", ""), str(getattr(data, "parameter_location", "")).lower())
    return described[0] == "Object with unexpected properties" and described[1].endswith("header")


def _parameters(document: dict[str, Any], case: Any) -> Iterator[Any]:
    item = _resolved(document, (document.get("paths") or {}).get(case.operation.path) or {})
    yield from case.operation.definition.raw.get("parameters") or ()
    yield from item.get("parameters") or ()


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
