"""References inside schemas that keep a URI of their own (`$id`), as the published document writes them.

Bundling leaves pointers from the root of the document. Within a schema with a `$id` a reader takes them from
that schema (JSON Schema 2020-12 Core, 8.2 and 9.2), so that they are written as the author could have: from
that schema, from the URI of another one, or from that of the document (`$self`, OpenAPI 3.2, 4.1.2.2.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from handfast.codegen.grammar import KINDS, slot_of
from handfast.codegen.pointer import encoded
from handfast.codegen.resources import joined
from handfast.validation.pointers import pointer, target

Path: TypeAlias = tuple[str, ...]
"""The tokens of a JSON Pointer."""


@dataclass(frozen=True, slots=True)
class _Schema:
    node: dict[str, Any]
    path: Path


def relocate(document: dict[str, Any]) -> None:
    """Rewrite, in place, the references inside each schema with a `$id` so that they lead where they did.

    One that leads out of every such schema is left where the document has no URI by which to name it.
    """
    schemas = list(_schemas(document, "document", ()))
    own = document.get("$self")
    whole = own.partition("#")[0] if isinstance(own, str) else ""
    roots = _roots(schemas, whole)
    for schema in schemas:
        around, goal = _around(roots, schema.path), target(schema.node)
        if around is None or goal is None:
            continue
        there = _around(roots, goal)
        if there == around:
            schema.node["$ref"] = encoded("#" + pointer(goal[len(around) :]))
        elif there is not None:
            fragment = pointer(goal[len(there) :])
            schema.node["$ref"] = roots[there] + (encoded(f"#{fragment}") if fragment else "")
        elif whole:
            schema.node["$ref"] = whole + encoded("#" + pointer(goal))


def _roots(schemas: Iterable[_Schema], whole: str) -> dict[Path, str]:
    """Where the schemas with a URI stand → that URI, read from `whole` outside of others."""
    found: dict[Path, str] = {}
    for schema in schemas:
        own = schema.node.get("$id")
        if isinstance(own, str):
            around = _around(found, schema.path)
            found[schema.path] = joined(whole if around is None else found[around], own).partition("#")[0]
    return found


def _around(roots: Mapping[Path, str], path: Path) -> Path | None:
    """The place of the innermost schema with a URI that holds `path`, or stands there."""
    return next((path[:end] for end in range(len(path), 0, -1) if path[:end] in roots), None)


def _schemas(node: Any, kind: str, path: Path) -> Iterator[_Schema]:
    """Yield the schemas at and below an object of a kind, those outside before those inside."""
    if not isinstance(node, dict):
        return
    if kind == "schema":
        yield _Schema(node, path)
    for key, value in node.items():
        slot = slot_of(KINDS[kind], key)
        inner = (*path, key)
        if slot.shape == "map" and isinstance(value, dict):
            for name, one in value.items():
                yield from _schemas(one, slot.kind, (*inner, name))
        elif slot.shape in ("list", "one-or-list") and isinstance(value, list):
            for index, one in enumerate(value):
                yield from _schemas(one, slot.kind, (*inner, str(index)))
        elif slot.shape in ("one", "one-or-list"):
            yield from _schemas(value, slot.kind, inner)
