"""Several authors' documents → one: equal components merge, different ones get the prefix of their feature.

The feature that comes first keeps its names, so that what consumers have does not change when one is added.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence

from handfast.codegen.grammar import ADDITIONAL, operations_in, place_of
from handfast.codegen.ir import Feature, Json
from handfast.codegen.prose import words

JsonObject = dict[str, Json]

_REF = re.compile(r"#/components/([^/]+)/([^/]+)")
_DATA = frozenset(("example", "examples", "default", "enum", "const", "value", "dataValue"))


def merged(features: Sequence[Feature]) -> JsonObject:
    """Return one document with the operations of all `features`; of a single one its document as it is."""
    documents = [_plain(feature.document) for feature in features]
    if len(documents) == 1:
        return documents[0]
    newest = max((str(document.get("openapi", "3.1.0")) for document in documents), key=_version)
    if not newest.startswith("3.0"):
        documents = [
            _modern(document) if str(document.get("openapi")).startswith("3.0") else document
            for document in documents
        ]
    documents = [
        _only(feature, document, features) for feature, document in zip(features, documents, strict=True)
    ]
    documents = [_spelled_out(document, documents) for document in documents]
    result: JsonObject = {
        "openapi": newest,
        "info": {
            "title": ", ".join(feature.title or words(feature.name) for feature in features),
            "version": features[0].version,
        },
    }
    ids: set[str] = set()
    for feature, document in zip(features, documents, strict=True):
        _add(result, _renamed(feature, document, result, ids))
    return result


def _plain(document: Mapping[str, Json]) -> JsonObject:
    return copy.deepcopy({key: value for key, value in document.items()})


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


# --- one document before it is merged -------------------------------------------------------------


def _only(feature: Feature, document: JsonObject, features: Sequence[Feature]) -> JsonObject:
    """Take out the operations that a later feature supersedes."""
    mine = {(operation.path, operation.method) for operation in feature.operations}
    others = {
        (operation.path, operation.method)
        for other in features
        if other is not feature
        for operation in other.operations
    }
    paths = _object(document.get("paths"))
    for path, item in list(paths.items()):
        declared = [method for method, _, _ in operations_in(_object(item))]
        gone = [method for method in declared if (path, method) in others - mine]
        for method in gone:
            _without(_object(item), method)
        if gone and len(gone) == len(declared):
            del paths[path]
    return document


def _spelled_out(document: JsonObject, documents: Sequence[JsonObject]) -> JsonObject:
    """Write what holds for a whole document, but not for all of them, at every path and operation."""
    differ = {
        key
        for key in ("security", "servers")
        if any(_meaning(key, one) != _meaning(key, document) for one in documents)
    }
    shared = {
        path for one in documents if one is not document for path in _object(one.get("paths"))
    } & _object(document.get("paths")).keys()
    security, servers = document.get("security"), document.get("servers")
    for path, item in _object(document.get("paths")).items():
        if not isinstance(item, dict):
            continue
        if "servers" in differ and servers is not None:
            item.setdefault("servers", copy.deepcopy(servers))
        for operation in _operations(item):
            if "security" in differ and security is not None:
                operation.setdefault("security", copy.deepcopy(security))
            if path in shared:
                _take_over(item, operation)
        if path in shared:
            for key in ("parameters", "servers", "summary", "description"):
                item.pop(key, None)
    return {key: value for key, value in document.items() if key not in differ}


def _meaning(key: str, document: JsonObject) -> Json:
    """What the document says under `key`; for security also what the named schemes are."""
    value = document.get(key)
    if key != "security" or not isinstance(value, list):
        return value
    schemes = _object(_object(document.get("components")).get("securitySchemes"))
    named = sorted({name for alternative in value for name in _object(alternative)})
    return [value, [schemes.get(name) for name in named]]


def _take_over(item: JsonObject, operation: JsonObject) -> None:
    """Give an operation what its path item says for all of its operations."""
    if "servers" in item:
        operation.setdefault("servers", copy.deepcopy(item["servers"]))
    inherited, own = item.get("parameters"), operation.get("parameters")
    known = {_identity(one) for one in own} if isinstance(own, list) else set()
    if isinstance(inherited, list):
        added = [copy.deepcopy(one) for one in inherited if _identity(one) not in known]
        operation["parameters"] = [*added, *(own if isinstance(own, list) else [])]


def _identity(parameter: Json) -> tuple[Json, Json]:
    one = _object(parameter)
    return (one.get("$ref"), None) if "$ref" in one else (one.get("name"), one.get("in"))


def _modern(document: JsonObject) -> JsonObject:
    """Write an OpenAPI 3.0 document as 3.1: null, exclusive bounds and what stands beside `$ref` differ."""

    def convert(node: JsonObject) -> JsonObject:
        if isinstance(node.get("$ref"), str):
            return {key: value for key, value in node.items() if key in ("$ref", "summary", "description")}
        nullable = node.pop("nullable", None) is True
        kind = node.get("type")
        if nullable and isinstance(kind, str):
            node["type"] = [kind, "null"]
        elif nullable and any(key in node for key in ("allOf", "anyOf", "oneOf")):
            return {"anyOf": [node, {"type": "null"}]}
        for key, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(node.get(key), bool) and node.pop(key) and bound in node:
                node[key] = node.pop(bound)
        return node

    return _object(_walk(document, convert))


def _walk(node: Json, convert: Callable[[JsonObject], JsonObject], *, named: bool = False) -> Json:
    """Apply `convert` to every mapping that is neither data nor a table of names, innermost first."""
    if isinstance(node, list):
        return [_walk(item, convert) for item in node]
    if not isinstance(node, dict):
        return node
    result: JsonObject = {}
    for key, value in node.items():
        if not named and (key in _DATA or key.startswith("x-")) and not (key == "examples" and named):
            result[key] = value
        else:
            result[key] = _walk(value, convert, named=not named and key in _TABLES)
    return result if named else convert(result)


_TABLES = frozenset((
    "properties", "patternProperties", "dependentSchemas", "$defs", "schemas", "responses", "parameters",
    "requestBodies", "headers", "securitySchemes", "links", "callbacks", "pathItems", "paths", "webhooks",
    "content", "encoding", "mapping", "variables", "mediaTypes", ADDITIONAL,
))  # fmt: skip


# --- joining --------------------------------------------------------------------------------------


def _renamed(feature: Feature, document: JsonObject, result: JsonObject, ids: set[str]) -> JsonObject:
    """Give components and operationIds that mean something else in `result` the prefix of the feature."""
    prefix = "".join(part[:1].upper() + part[1:] for part in feature.name.split("_"))
    theirs, mine = _object(result.get("components")), _object(document.get("components"))
    clashing = {
        (kind, name)
        for kind, entries in mine.items()
        for name, entry in _object(entries).items()
        if name in _object(theirs.get(kind)) and _object(theirs[kind])[name] != entry
    }
    # An equal text that refers to something different is different too.
    while more := {
        (kind, name)
        for kind, entries in mine.items()
        for name, entry in _object(entries).items()
        if (kind, name) not in clashing
        and name in _object(theirs.get(kind))
        and any(ref in clashing for ref in _references(entry))
    }:
        clashing |= more
    names: dict[tuple[str, str], str] = {}
    for kind, name in sorted(clashing):
        taken = {*_object(theirs.get(kind)), *_object(mine.get(kind)), *names.values()}
        new = f"{prefix}{name[:1].upper()}{name[1:]}"
        while new in taken:
            new += "_"
        names[kind, name] = new
    renamed_ids = _operation_ids(feature, document, ids)
    return _rewritten(document, names, renamed_ids)


def _operation_ids(feature: Feature, document: JsonObject, ids: set[str]) -> dict[str, str]:
    renamed: dict[str, str] = {}
    for item in _object(document.get("paths")).values():
        for operation in _operations(_object(item)):
            found = operation.get("operationId")
            if isinstance(found, str):
                new = found
                while new in ids:
                    new = f"{feature.name}_{new}" if new == found else f"{new}_"
                ids.add(new)
                if new != found:
                    renamed[found] = new
    return renamed


def _references(node: Json) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += one
        elif isinstance(one, dict):
            pending += one.values()
        elif isinstance(one, str):
            match = _REF.match(one)
            if match:
                found.add((match.group(1), match.group(2).replace("~1", "/").replace("~0", "~")))
    return found


def _rewritten(
    document: JsonObject, names: Mapping[tuple[str, str], str], ids: Mapping[str, str]
) -> JsonObject:
    if not names and not ids:
        return document

    def ref(text: str) -> str:
        match = _REF.match(text)
        if match is None:
            return text
        kind, name = match.group(1), match.group(2).replace("~1", "/").replace("~0", "~")
        new = names.get((kind, name))
        if new is None:
            return text
        return f"#/components/{kind}/{new.replace('~', '~0').replace('/', '~1')}{text[match.end() :]}"

    def mapped(value: Json) -> Json:
        if not isinstance(value, str):
            return value
        return names.get(("schemas", value), value) if "/" not in value and "#" not in value else ref(value)

    def convert(node: JsonObject) -> JsonObject:
        if isinstance(node.get("$ref"), str):
            node["$ref"] = ref(str(node["$ref"]))
        discriminator = node.get("discriminator")
        if isinstance(discriminator, dict):
            node["discriminator"] = made = dict(discriminator)
            if isinstance(made.get("mapping"), dict):
                made["mapping"] = {key: mapped(value) for key, value in _object(made["mapping"]).items()}
            if "defaultMapping" in made:
                made["defaultMapping"] = mapped(made["defaultMapping"])
        if isinstance(node.get("operationId"), str):
            node["operationId"] = ids.get(str(node["operationId"]), node["operationId"])
        if isinstance(node.get("security"), list):
            node["security"] = _requirements(node["security"], names)
        return node

    result = _object(_walk(document, convert))
    components = _object(result.get("components"))
    for kind, entries in components.items():
        if isinstance(entries, dict):
            components[kind] = {names.get((kind, name), name): entry for name, entry in entries.items()}
    return result


def _requirements(security: Json, names: Mapping[tuple[str, str], str]) -> Json:
    return [
        {names.get(("securitySchemes", name), name): scopes for name, scopes in _object(one).items()}
        for one in (security if isinstance(security, list) else [])
    ]


def _add(result: JsonObject, document: JsonObject) -> None:
    """Add a document whose names no longer clash."""
    for key, value in document.items():
        if key in ("openapi", "info", "$self"):
            continue
        if key == "paths":
            paths = _object(result.setdefault("paths", {}))
            for path, item in _object(value).items():
                paths[path] = _joined(_object(paths.get(path)), _object(item))
        elif key == "components":
            components = _object(result.setdefault("components", {}))
            for kind, entries in _object(value).items():
                components[kind] = {**_object(components.get(kind)), **_object(entries)}
        elif key == "tags" and isinstance(value, list):
            tags = result.setdefault("tags", [])
            if isinstance(tags, list):
                known = {_object(tag).get("name") for tag in tags}
                tags += [tag for tag in value if _object(tag).get("name") not in known]
        elif key == "webhooks":
            result[key] = {**_object(value), **_object(result.get(key))}
        else:
            result.setdefault(key, value)


def _joined(one: JsonObject, other: JsonObject) -> JsonObject:
    """One path item out of two."""
    result = {**one, **other}
    if isinstance(one.get(ADDITIONAL), dict) and isinstance(other.get(ADDITIONAL), dict):
        result[ADDITIONAL] = {**_object(one[ADDITIONAL]), **_object(other[ADDITIONAL])}
    return result


def _operations(item: JsonObject) -> list[JsonObject]:
    found = [holder[key] for _, holder, key in operations_in(item)]
    return [operation for operation in found if isinstance(operation, dict)]


def _without(item: JsonObject, method: str) -> None:
    """Take the operation of `method` out of a path item, and the map that held it if nothing else does."""
    *outer, key = place_of(method)
    for name in outer:
        item[name] = rest = {other: held for other, held in _object(item.get(name)).items() if other != key}
        if not rest:
            del item[name]
        return
    item.pop(key, None)


def _object(node: Json) -> JsonObject:
    return node if isinstance(node, dict) else {}
