"""Operations that declare no answer to a valid request which a value can meet (`oneOf` of the same twice)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from handfast.validation.pointers import followed

NO_ANSWER = "an operation that declares no answer to a valid request which a value can meet"


def unanswerable(document: Mapping[str, Any], label: str) -> bool:
    """Whether that is proven of the operation that `label` names as `METHOD /path`."""
    method, _, path = label.partition(" ")
    item = followed(document, document.get("paths", {}).get(path) or {})
    operation = item.get(method.lower()) or (item.get("additionalOperations") or {}).get(method)
    if not isinstance(operation, Mapping):
        return False
    schemas = list(_schemas(document, operation))
    return bool(schemas) and all(schema is not None and _empty(document, schema) for schema in schemas)


def _schemas(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the schemas of every answer to a valid request; None where one needs to meet none."""
    for status, response in (operation.get("responses") or {}).items():
        if str(status)[0] in "23" or status == "default":
            content = followed(document, response).get("content") or {}
            if not content:
                yield None
            for media in content.values():
                yield followed(document, media).get("schema")


def _empty(document: Mapping[str, Any], schema: Any) -> bool:
    """In a process of its own, since the engine overflows its stack on schemas of thousands of levels."""
    whole = {"allOf": [schema], "components": document.get("components", {})}
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, input=json.dumps(whole), capture_output=True, text=True, check=False)
    return done.stdout.strip() == "no"


_PROGRAM = """
import json, sys
from jsonschema_rs import canonicalize
print(canonicalize(json.load(sys.stdin), offline=True).satisfiability())
"""
