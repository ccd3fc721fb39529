"""Classes that read differently in one place: bodies of PATCH, and multipart bodies with files.

A property that may be absent is `UNSET` in a PATCH body, and a file is an `Upload` in a multipart body. Where
the same schema is used elsewhere too, the body gets a class of its own, and the others keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from handfast.codegen import mergepatch
from handfast.codegen.ir import ClassName, Json, Media, Operation, TypeRef
from handfast.codegen.normalise import Normaliser
from handfast.codegen.places import says_binary
from handfast.codegen.types import ANYTHING, PREFIX, UPLOAD, optional, split, union

_MERGE_PATCH = "application/merge-patch+json"
_NAMED = ("properties", "patternProperties", "dependentSchemas")
_DATA = ("enum", "const", "default", "examples", "discriminator", "dependentRequired")


def apply(
    operations: list[Operation], schemas: Normaliser
) -> tuple[list[Operation], frozenset[ClassName], frozenset[ClassName]]:
    """Return the operations with such bodies set apart, the PATCH classes and the upload classes."""
    patch: set[ClassName] = set()
    upload: set[ClassName] = set()
    shared = {role: _reachable(_roots(operations, role), schemas) for role in ("patch", "upload")}
    clones: dict[tuple[str, ClassName], ClassName] = {}
    result: list[Operation] = []
    for operation in operations:
        body = operation.body
        if body is None:
            result.append(operation)
            continue
        media: list[Media] = []
        for one in body.media:
            role = _role(operation, one)
            one = _open_form(one) if role == "upload" else one
            if not role or role == "merge" or (role == "upload" and not _has_files(one.schema, schemas)):
                media.append(one)
                continue
            changed, names = _own_class(one, role, shared[role], clones, schemas)
            media.append(changed)
            (patch if role == "patch" else upload).update(names)
        kind = union([one.type for one in media])
        made = replace(body, media=tuple(media), type=kind if body.required else optional(kind))
        result.append(replace(operation, body=made))
    result, merged = _merge_patches(result, schemas)
    return result, frozenset(patch | merged), frozenset(upload)


def _open_form(media: Media) -> Media:
    """A form of which the contract says nothing may hold files too."""
    if media.type.expr not in ("JsonValue", "dict[str, JsonValue]"):
        return media
    inner = f"dict[str, {ANYTHING.expr} | {UPLOAD.expr}]"
    return replace(media, type=TypeRef(inner, imports=ANYTHING.imports | UPLOAD.imports))


def _role(operation: Operation, media: Media) -> str:
    if media.kind == "multipart":
        return "upload"
    if operation.method != "PATCH" or media.kind != "json" or operation.body is None:
        return ""
    merged = {one.schema for one in operation.body.media if one.media_type.startswith(_MERGE_PATCH)}
    return "merge" if media.schema in merged else "patch"


def _merge_patches(
    operations: list[Operation], schemas: Normaliser
) -> tuple[list[Operation], set[ClassName]]:
    """Give merge patches classes of their own at every depth."""
    roots = {name for name, own in _roots(operations, "merge") if own}
    if not roots:
        return operations, set()
    others = [name for name, own in _roots(operations, "merge") if not own]
    elsewhere = mergepatch.reachable(others, schemas, references)
    copies, classes = mergepatch.apart(roots, elsewhere, schemas, references)
    result: list[Operation] = []
    for operation in operations:
        body = operation.body
        if body is not None:
            media = tuple(_led(operation, one, copies, schemas) for one in body.media)
            kind = union([one.type for one in media])
            body = replace(body, media=media, type=kind if body.required else optional(kind))
        result.append(replace(operation, body=body))
    return result, classes


def _led(
    operation: Operation, media: Media, copies: Mapping[ClassName, ClassName], schemas: Normaliser
) -> Media:
    if media.schema is None or _role(operation, media) != "merge":
        return media
    name = copies.get(media.schema, media.schema)
    return replace(media, schema=name, type=schemas.types.of_name(name))


def _own_class(
    media: Media,
    role: str,
    shared: set[ClassName],
    clones: dict[tuple[str, ClassName], ClassName],
    schemas: Normaliser,
) -> tuple[Media, list[ClassName]]:
    roots = [ClassName(part) for part in split(media.type.expr) if part in media.type.models]
    classes = [name for name in roots if _is_object(name, schemas)]
    if len(roots) != 1 or media.type.expr != roots[0] or not classes or classes[0] not in shared:
        return media, classes
    name = classes[0]
    clone = clones.get((role, name))
    if clone is None:
        clone = schemas.namer.cls(f"{name} {'patch' if role == 'patch' else 'form'}")
        clones[role, name] = clone
        schemas.schemas[clone] = schemas.schemas[name]
    return replace(media, schema=clone, type=TypeRef(clone, frozenset({clone}))), [clone]


def _is_object(name: ClassName, schemas: Normaliser) -> bool:
    schema = schemas.schemas.get(name)
    return schemas.types.is_class(name) and isinstance(schema, dict) and "enum" not in schema


def _has_files(name: ClassName | None, schemas: Normaliser) -> bool:
    return any(is_file(schema) for schema in properties(name, schemas.schemas).values()) if name else False


def is_file(schema: Json) -> bool:
    """Whether a multipart property of that schema is a file, or a list of files."""
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "array":
        return is_file(schema.get("items"))
    kind = schema.get("type")
    texts = kind in (None, "string") or (isinstance(kind, list) and "string" in kind)
    return texts and says_binary(schema)


def properties(name: str, schemas: dict[ClassName, Json]) -> dict[str, Json]:
    """Return the properties of an object schema, those of its allOf members included."""
    found: dict[str, Json] = {}
    seen: set[str] = set()

    def collect(schema: Json) -> None:
        if not isinstance(schema, dict):
            return
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref not in seen:
            seen.add(ref)
            collect(schemas.get(ClassName(ref.removeprefix(PREFIX))))
        members = schema.get("allOf")
        for member in members if isinstance(members, list) else []:
            collect(member)
        own = schema.get("properties")
        found.update(own if isinstance(own, dict) else {})

    collect(schemas.get(ClassName(name)))
    return found


def _roots(operations: list[Operation], role: str) -> Iterable[tuple[ClassName, bool]]:
    """Return every schema that operations name, and whether it is the body of that role."""
    for operation in operations:
        for param in operation.params:
            yield param.schema, False
        for response in operation.responses:
            for header in response.headers:
                yield header.schema, False
            for media in response.media:
                if media.schema:
                    yield media.schema, False
        for media in operation.body.media if operation.body else ():
            if media.schema:
                yield media.schema, _role(operation, media) == role


def references(schema: Json) -> set[ClassName]:
    """Return the names that `schema` refers to."""
    found: set[ClassName] = set()
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack += node
        if not isinstance(node, dict):
            continue
        ref = node.get("$ref")
        if isinstance(ref, str):
            found.add(ClassName(ref.removeprefix(PREFIX)))
        for key, value in node.items():
            if key in _NAMED and isinstance(value, dict):
                stack += value.values()  # names of properties are nobody's keywords
            elif key not in _DATA:
                stack.append(value)
    return found


def _reachable(roots: Iterable[tuple[ClassName, bool]], schemas: Normaliser) -> set[ClassName]:
    """Return every schema that is used other than as the body of the role."""
    todo: list[ClassName] = []
    for name, own in roots:
        kind = schemas.types.of_name(name)
        classes = [ClassName(part) for part in split(kind.expr) if part in kind.models]
        if own and classes and len(classes) == len(split(kind.expr)):
            for member in classes:
                todo += references(schemas.schemas.get(member)) - {member}
        else:
            todo.append(name)
    seen: set[ClassName] = set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += references(schemas.schemas.get(name))
    return seen
