"""Bodies of `application/merge-patch+json` (RFC 7396), where absent and null differ at every depth.

All classes below such a body are PATCH classes. Those that are used elsewhere too keep their plain form
there, and the body gets copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from handfast.codegen.ir import ClassName, Json
from handfast.codegen.normalise import Normaliser
from handfast.codegen.types import PREFIX

References = Callable[[Json], set[ClassName]]


def apart(
    roots: Iterable[ClassName], elsewhere: set[ClassName], schemas: Normaliser, references: References
) -> tuple[Mapping[ClassName, ClassName], set[ClassName]]:
    """Set the schemas below `roots` apart from those that `elsewhere` names.

    Returns the copy of each schema that has one, and the object classes that are now PATCH classes.
    """
    below = reachable(roots, schemas, references)
    copies: dict[ClassName, ClassName] = {}
    for name in sorted(below & elsewhere):
        if any(_is_object(one, schemas) for one in reachable([name], schemas, references)):
            copies[name] = schemas.namer.cls(f"{name} merge patch")
    refs = {PREFIX + old: PREFIX + new for old, new in copies.items()}
    for old, new in copies.items():
        schemas.schemas[new] = _renamed(schemas.schemas[old], refs)
    for name in below - elsewhere:
        schemas.schemas[name] = _renamed(schemas.schemas[name], refs)
    own = {copies.get(name, name) for name in below if name in copies or name not in elsewhere}
    return copies, {name for name in own if _is_object(name, schemas)}


def reachable(roots: Iterable[ClassName], schemas: Normaliser, references: References) -> set[ClassName]:
    """Return `roots` and every schema that they lead to."""
    seen: set[ClassName] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen and name in schemas.schemas:
            seen.add(name)
            waiting += references(schemas.schemas[name])
    return seen


def _is_object(name: ClassName, schemas: Normaliser) -> bool:
    schema = schemas.schemas.get(name)
    return schemas.types.is_class(name) and isinstance(schema, dict) and "enum" not in schema


def _renamed(value: Json, refs: Mapping[str, str], key: str = "") -> Json:
    """Return `value` with its references, and those of its discriminators, led elsewhere."""
    if isinstance(value, list):
        return [_renamed(one, refs) for one in value]
    if isinstance(value, dict):
        if key in ("enum", "const", "default", "examples"):
            return value
        return {name: _renamed(one, refs, name) for name, one in value.items()}
    return refs.get(value, value) if isinstance(value, str) and value.startswith(PREFIX) else value
