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

from tools.corpus.unsendable import body_rule, parameter_rule

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
    rule = _rule(case)
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
        found = body_rule(media, case.media_type, case.body, resolve)
        if found:
            return found
    negative = case.meta is not None and case.meta.generation.mode.is_negative
    if negative and _unknown_header(case):
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
            value = values[parameter["name"]]
            found = parameter_rule(parameter, value, resolve, negative=negative)
            if found:
                return found
    return None


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
