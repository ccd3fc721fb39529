"""Schemas whose discriminators count: each branch takes the names that lead to it, and no other.

OpenAPI lets a value satisfy plain `oneOf`, whatever its discriminator says; who reads an answer by its
discriminator would be lost then. So a mock prefers answers that are right by both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from handfast.runtime.schemas import Schema

_DATA: Final = frozenset(("enum", "const", "default", "examples", "example"))


def discriminated(schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return `schemas` with the names of discriminators as demands on their branches."""
    return {name: _of(schema) for name, schema in schemas.items()}


def _of(node: Any) -> Any:
    if isinstance(node, list):
        return [_of(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {key: value if key in _DATA else _of(value) for key, value in node.items()}
    told = node.get("discriminator")
    if isinstance(told, dict) and isinstance(told.get("propertyName"), str):
        names: dict[str, list[str]] = {}
        for name, ref in (told.get("mapping") or {}).items():
            names.setdefault(ref, []).append(name)
        for key in ("oneOf", "anyOf"):
            if isinstance(made.get(key), list):
                made[key] = [_branch(one, told["propertyName"], names) for one in made[key]]
    return made


def _branch(branch: Any, name: str, names: Mapping[str, list[str]]) -> Any:
    target = branch.get("$ref") if isinstance(branch, dict) else None
    if not isinstance(target, str) or target not in names:
        return branch
    return {"allOf": [branch, {"properties": {name: {"enum": names[target]}}}]}
