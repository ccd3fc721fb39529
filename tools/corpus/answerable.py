"""Operations that declare no answer to a valid request which a value can meet (`oneOf` of the same twice)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema_rs import canonicalize
from jsonschema_rs.canonical import Satisfiability

from tools.corpus.resolved import resolved

NO_ANSWER = "an operation that declares no answer to a valid request which a value can meet"


def unanswerable(document: Mapping[str, Any], label: str) -> bool:
    """Whether that is proven of the operation that `label` names as `METHOD /path`."""
    method, _, path = label.partition(" ")
    item = resolved(document, document.get("paths", {}).get(path) or {})
    operation = item.get(method.lower()) or (item.get("additionalOperations") or {}).get(method)
    if not isinstance(operation, Mapping):
        return False
    schemas = list(_schemas(document, operation))
    return bool(schemas) and all(schema is not None and _empty(document, schema) for schema in schemas)


def _schemas(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the schemas of every answer to a valid request; None where one needs to meet none."""
    for status, response in (operation.get("responses") or {}).items():
        if str(status)[0] in "23" or status == "default":
            content = resolved(document, response).get("content") or {}
            if not content:
                yield None
            for media in content.values():
                yield resolved(document, media).get("schema")


def _empty(document: Mapping[str, Any], schema: Any) -> bool:
    whole = {"allOf": [schema], "components": document.get("components", {})}
    try:
        found = canonicalize(whole, offline=True).satisfiability()
    except ValueError:
        return False
    return bool(found == Satisfiability.NO)
