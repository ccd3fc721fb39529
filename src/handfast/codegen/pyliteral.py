"""JSON values as Python expressions of a given type: what a default looks like in generated code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from handfast.codegen.ir import Json
from handfast.codegen.names import enum_members
from handfast.codegen.view import Branch, Schemas


@dataclass(frozen=True, slots=True)
class Default:
    """A default value in Python: `expr` needs the `imports`; a `mutable` one must be made anew each time."""

    expr: str
    mutable: bool = False
    imports: frozenset[tuple[str, str]] = frozenset()


def default_of(value: Json, branches: tuple[Branch, ...], schemas: Schemas) -> Default | None:
    """Return `value` as an expression of the first of `branches` it fits, or None if it fits none."""
    for branch in branches:
        found = _of(value, branch, schemas)
        if found is not None:
            return found
    return None


def literal(value: Json) -> str:
    """Return a JSON value as a Python literal, its keys in the order given."""
    if isinstance(value, list):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def _of(value: Json, branch: Branch, schemas: Schemas) -> Default | None:
    if branch.kind in ("class", "enum"):
        return _instance(value, branch.name, schemas)
    if branch.kind == "tagged":
        return default_of(value, branch.inner, schemas)
    if branch.kind == "member":
        return _instance(value, branch.name, schemas) if value == branch.value else None
    if branch.kind == "literal":
        fits = value == branch.value and type(value) is type(branch.value)
        return Default(literal(value)) if fits else None
    if branch.kind == "list" and isinstance(value, list):
        return _joined("[]", [default_of(item, branch.inner, schemas) for item in value])
    if branch.kind == "dict" and isinstance(value, dict):
        return _joined(
            "{}", [default_of(item, branch.inner, schemas) for item in value.values()], list(value)
        )
    if branch.kind == "any":
        return Default(literal(value), mutable=isinstance(value, (list, dict)))
    if branch.kind == "import" and isinstance(value, str):
        return _imported(value, branch)
    return Default(literal(value)) if branch.kind == "scalar" and _is(value, branch.name) else None


def _is(value: Json, name: str) -> bool:
    match value:
        case None:
            return name == "None"
        case bool():
            return name == "bool"
        case int():
            return name in ("int", "float")
        case float():
            return name == "float" and math.isfinite(value)
        case str():
            return name == "str"
        case _:
            return False


def _instance(value: Json, name: str, schemas: Schemas) -> Default | None:
    values = schemas.enum_values(name)
    if values is not None:
        for member, known in zip(enum_members(values), values, strict=True):
            if value == known and not isinstance(value, bool):
                return Default(f"{name}.{member}")
        return None
    if not isinstance(value, dict):
        return None
    for prop in schemas.shape(name).list():
        if prop.name not in value:
            if prop.required:
                return None
        elif default_of(value[prop.name], schemas.of(name, prop), schemas) is None:
            return None
    return Default(f"{name}.model_validate({literal(value)})", mutable=True)


def _imported(value: str, branch: Branch) -> Default | None:
    imports = frozenset({(branch.module, branch.name)})
    try:
        if branch.name == "UUID":
            return Default(f"UUID({str(UUID(value))!r})", imports=imports)
        if branch.name == "date":
            return Default(f"date.fromisoformat({date.fromisoformat(value).isoformat()!r})", imports=imports)
        datetime.fromisoformat(value)
        return Default(f"datetime.fromisoformat({value!r})", imports=imports)
    except ValueError:
        return None


def _joined(brackets: str, items: list[Default | None], keys: list[str] | None = None) -> Default | None:
    known = [item for item in items if item is not None]
    if len(known) < len(items):
        return None
    texts = [item.expr for item in known]
    if keys is not None:
        texts = [f"{key!r}: {text}" for key, text in zip(keys, texts, strict=True)]
    imports = frozenset[tuple[str, str]]().union(*(item.imports for item in known))
    return Default(f"{brackets[0]}{', '.join(texts)}{brackets[1]}", mutable=True, imports=imports)
