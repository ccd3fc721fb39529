"""Contracts that hypothesis draws: schemas of every kind that a typed view may stumble over."""

from __future__ import annotations

from hypothesis import strategies as st

from handfast.codegen.ir import Json

JsonObject = dict[str, Json]

_COMPONENTS = ("Dog", "Cat", "dog", "Model", "str", "None", "Tree", "Kind", "Any", "T")
NAMES = (
    "a", "b", "kind", "class", "self", "model_config", "$ref", "", "__init__", "copy", "é", "naïve-1", "1st",
    "date", "datetime", "json", "A", "a_", "body", "None", "model_fields",
)  # fmt: skip
_VALUES: tuple[Json, ...] = (
    "",
    " ",
    "a",
    "A",
    "1",
    1,
    0,
    -1,
    True,
    False,
    None,
    1.5,
    2.0,
    "null",
    "é",
    "a b",
    [1],
    {"a": 1},
)
_FORMATS = (
    "uuid",
    "date",
    "date-time",
    "email",
    "uri",
    "byte",
    "duration",
    "time",
    "int32",
    "unknown",
    "ipv4",
)


def _reference(name: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{name}"}


_refs = st.sampled_from(_COMPONENTS).map(_reference)


@st.composite
def _scalars(draw: st.DrawFn, old: bool) -> JsonObject:
    kinds = ["string", "integer", "number", "boolean"]
    schema: JsonObject = {"type": draw(st.sampled_from(kinds))}
    if schema["type"] == "string" and draw(st.booleans()):
        schema["format"] = draw(st.sampled_from(_FORMATS))
    if draw(st.integers(0, 4)) == 0:
        if old:
            schema["nullable"] = True
        else:
            schema["type"] = [
                *sorted(draw(st.sets(st.sampled_from([*kinds, "null", "array", "object"]), min_size=1)))
            ]
    return schema


@st.composite
def _enums(draw: st.DrawFn, old: bool) -> JsonObject:
    if not old and draw(st.booleans()):
        return {"const": draw(st.sampled_from(_VALUES))}
    return {"enum": draw(st.lists(st.sampled_from(_VALUES), min_size=1, max_size=6, unique_by=repr))}


@st.composite
def _objects(
    draw: st.DrawFn, inner: st.SearchStrategy[Json], old: bool, names: tuple[str, ...] = NAMES
) -> JsonObject:
    properties: JsonObject = draw(st.dictionaries(st.sampled_from(names), inner, max_size=4))
    for name in list(properties):
        one = properties[name]
        if isinstance(one, dict) and "$ref" not in one:
            match draw(st.integers(0, 9)):
                case 0:
                    properties[name] = one | {"readOnly": True}
                case 1:
                    properties[name] = one | {"writeOnly": True}
                case 2:
                    properties[name] = one | {"default": draw(st.sampled_from(_VALUES))}
    schema: JsonObject = {"type": "object", "properties": properties}
    if properties:
        required = draw(st.lists(st.sampled_from([*properties, "undescribed"]), unique=True, max_size=3))
        schema |= {"required": [*required]} if required else {}
    match draw(st.integers(0, 7)):
        case 0:
            schema["additionalProperties"] = False
        case 1:
            schema["additionalProperties"] = draw(inner)
        case 2 if not old:
            schema["patternProperties"] = {"^x-": draw(inner)}
            schema["additionalProperties"] = draw(st.booleans())
        case 3 if not old:
            schema["unevaluatedProperties"] = False
        case 4:
            del schema["properties"]
            schema["additionalProperties"] = draw(inner)
    return schema


@st.composite
def _combined(draw: st.DrawFn, inner: st.SearchStrategy[Json], old: bool) -> JsonObject:
    keyword = draw(st.sampled_from(["allOf", "oneOf", "anyOf"]))
    parts = draw(st.lists(inner, min_size=1, max_size=3))
    schema: JsonObject = {keyword: parts}
    if keyword != "allOf" and draw(st.booleans()):
        named = draw(st.lists(_refs, min_size=2, max_size=3, unique_by=repr))
        schema[keyword] = [*named]
        schema["discriminator"] = {"propertyName": "kind"}
        if draw(st.booleans()):
            tags = draw(st.lists(st.sampled_from(["a", "A", "1", ""]), unique=True, min_size=1, max_size=3))
            mapping: JsonObject = {tag: named[at % len(named)]["$ref"] for at, tag in enumerate(tags)}
            schema["discriminator"] = {"propertyName": "kind", "mapping": mapping}
    if draw(st.integers(0, 3)) == 0:
        schema |= draw(_objects(inner, old))
    if old and draw(st.integers(0, 4)) == 0:
        schema["nullable"] = True
    return schema


@st.composite
def _arrays(draw: st.DrawFn, inner: st.SearchStrategy[Json], old: bool) -> JsonObject:
    if not old and draw(st.integers(0, 3)) == 0:
        return {
            "type": "array",
            "prefixItems": draw(st.lists(inner, min_size=1, max_size=2)),
            "items": draw(inner),
        }
    return {"type": "array", "items": draw(inner)}


def schemas(*, old: bool) -> st.SearchStrategy[Json]:
    """Schemas of OpenAPI 3.0 if `old`, else of 3.1."""
    leaves: st.SearchStrategy[Json] = st.one_of(_scalars(old), _enums(old), _refs, st.just({}))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(_objects(inner, old), _combined(inner, old), _arrays(inner, old)),
        max_leaves=6,
    )


@st.composite
def contracts(draw: st.DrawFn) -> JsonObject:
    """A contract whose operations take each of its components, some as the body of a PATCH."""
    old = draw(st.booleans())
    inner = schemas(old=old)
    components: JsonObject = {name: draw(st.one_of(_objects(inner, old), inner)) for name in _COMPONENTS}
    for name in ("Dog", "Cat", "dog"):  # so much alike that only their schemas tell them apart
        components[name] = draw(_objects(st.one_of(_scalars(old), inner), old, ("a", "kind")))
    paths: JsonObject = {}
    for at, name in enumerate(_COMPONENTS):
        media = draw(st.sampled_from(["application/json", "application/merge-patch+json"]))
        content: Json = {media: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        paths[f"/{at}"] = {
            draw(st.sampled_from(["post", "patch"])): {
                "operationId": f"take {name}",
                "requestBody": {"required": draw(st.booleans()), "content": content},
                "responses": {"200": {"description": "Ok.", "content": content}},
            }
        }
    return {
        "openapi": "3.0.3" if old else "3.1.0",
        "info": {"title": "Drawn", "version": "1"},
        "paths": paths,
        "components": {"schemas": components},
    }
