"""Schemas that hypothesis draws from all keywords that refuse values, and what they mean by other means.

The meaning is that of the schemas as they are written, none moved or named: those of OpenAPI 3.0 are put into
JSON Schema 2020-12 here, keyword by keyword, and what only one direction has is taken out by its rule.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

Schema = dict[str, Any] | bool

COMPONENTS = ("A", "B", "C", "d-e")
_NAMES = ("a", "b", "ab", "kind")
_SCALARS = (None, True, False, 0, 1, 2, 1.0, 1.5, -1, 10**20, "", "a", "b", "ab", "A", "1")
_LISTS: tuple[Any, ...] = ([], [1], [1, 1.0], ["a", "b"], [None], [True, 1], [[1]], [{"a": 1}])
_OBJECTS: tuple[Any, ...] = (
    {},
    {"a": 1},
    {"a": "a", "b": None},
    {"kind": "A"},
    {"ab": [1], "b": {"a": 1.0}},
    {"a": None},
)
VALUES: tuple[Any, ...] = (*_SCALARS, *_LISTS, *_OBJECTS)
_TYPES = ("null", "boolean", "object", "array", "number", "string", "integer")


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_references = st.sampled_from(COMPONENTS).map(_reference)
_names = st.sampled_from(_NAMES)
_counts = st.integers(0, 3)
_limits = st.sampled_from((-1, 0, 1, 1.5, 2))
_type = st.sampled_from(_TYPES)
_values = st.sampled_from(VALUES)


def _assertions(old: bool) -> dict[str, st.SearchStrategy[Any]]:
    """Keywords that hold no schemas."""
    found: dict[str, st.SearchStrategy[Any]] = {
        "enum": st.lists(_values, min_size=1, max_size=4, unique_by=repr),
        "minimum": _limits,
        "maximum": _limits,
        "multipleOf": st.sampled_from((1, 2, 0.5)),
        "minLength": _counts,
        "maxLength": _counts,
        "pattern": st.sampled_from(("^a", "b$", "^[ab]*$")),
        "minItems": _counts,
        "maxItems": _counts,
        "uniqueItems": st.booleans(),
        "minProperties": _counts,
        "maxProperties": _counts,
        "required": st.lists(_names, min_size=1, max_size=2, unique=True),
    }
    if old:
        return found | {
            "nullable": st.just(True),
            "exclusiveMinimum": st.booleans(),
            "exclusiveMaximum": st.booleans(),
            "type": st.sampled_from(_TYPES[1:]),
        }
    names = st.lists(_names, max_size=2, unique=True)
    return found | {
        "const": _values,
        "exclusiveMinimum": _limits,
        "exclusiveMaximum": _limits,
        "dependentRequired": st.dictionaries(_names, names, min_size=1, max_size=2),
        "type": _type | st.lists(_type, min_size=1, max_size=3, unique=True),
    }


def _applicators(inner: st.SearchStrategy[Schema], old: bool) -> dict[str, st.SearchStrategy[Any]]:
    """Keywords that hold schemas."""
    some = st.lists(inner, min_size=1, max_size=3)
    found: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), some),
        "not": inner,
        "items": inner,
        "properties": st.dictionaries(_names, inner, min_size=1, max_size=3),
        "additionalProperties": st.booleans() | inner,
    }
    if old:
        return found
    named = st.dictionaries(_names, inner, min_size=1, max_size=2)
    return found | {
        **dict.fromkeys(("if", "then", "else", "contains", "propertyNames"), inner),
        **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems"), st.booleans() | inner),
        "prefixItems": some,
        "dependentSchemas": named,
        "patternProperties": st.dictionaries(st.sampled_from(("^a", "b$")), inner, min_size=1, max_size=2),
        "minContains": _counts,
        "maxContains": _counts,
        "$ref": st.sampled_from(COMPONENTS).map(lambda name: f"#/components/schemas/{name}"),
    }


@st.composite
def _drawn(draw: st.DrawFn, inner: st.SearchStrategy[Schema] | None, old: bool) -> Schema:
    """Draw a schema of some keywords, most of which speak of the same type of values."""
    keywords = _assertions(old) | ({} if inner is None else _applicators(inner, old))
    schema: dict[str, Any] = {}
    for key in draw(st.lists(st.sampled_from(sorted(keywords)), max_size=4, unique=True)):
        schema[key] = draw(keywords[key])
    if "items" not in schema and schema.get("type") == "array" and old:
        schema["items"] = {}
    if inner is not None and draw(st.booleans()):  # what becomes a class of its own must be met often
        schema.pop("$ref", None)
        schema["type"] = "object"
        properties = draw(st.dictionaries(_names, inner, min_size=1, max_size=3))
        schema["properties"] = {name: _marked(draw, one) for name, one in properties.items()}
    return schema


def _marked(draw: st.DrawFn, schema: Schema) -> Schema:
    """Say of some properties that only requests or only responses hold them."""
    if isinstance(schema, bool) or "$ref" in schema:
        return schema
    marks = [{}, {}, {}, {"readOnly": True}, {"writeOnly": True}]
    return schema | draw(st.sampled_from(marks))


def _schemas(old: bool) -> st.SearchStrategy[Schema]:
    leaf = _drawn(None, old) | _references
    return st.recursive(leaf if old else leaf | st.booleans(), partial(_drawn, old=old), max_leaves=8)


@st.composite
def contracts(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a contract of OpenAPI 3.0 or 3.1 that takes and gives each of its components."""
    old = draw(st.booleans())
    inner = _schemas(old).filter(lambda one: not isinstance(one, bool))
    components: dict[str, Any] = {name: draw(inner) for name in COMPONENTS}
    paths: dict[str, Any] = {}
    for at, name in enumerate(COMPONENTS):
        content = {"application/json": {"schema": _reference(name)}}
        paths[f"/{at}"] = {
            "post": {
                "requestBody": {"content": content},
                "responses": {"200": {"description": "Ok.", "content": content}},
            }
        }
    return {
        "openapi": "3.0.3" if old else "3.1.0",
        "info": {"title": "Drawn", "version": "1"},
        "paths": paths,
        "components": {"schemas": components},
    }


_ONE = (
    "not", "if", "then", "else", "contains", "propertyNames", "items", "additionalProperties",
    "unevaluatedProperties", "unevaluatedItems",
)  # fmt: skip
_MANY = ("anyOf", "oneOf", "prefixItems")
_NAMED = ("patternProperties", "dependentSchemas")
_WORDS = ("properties", "allOf", "$ref", "required", "dependentRequired", *_ONE, *_MANY, *_NAMED)
_FORCES = ("allOf", "anyOf", "oneOf", "not")


class Meaning:
    """What the components of a drawn contract accept in one direction."""

    def __init__(self, document: dict[str, Any], direction: str) -> None:
        self.components: dict[str, Schema] = document["components"]["schemas"]
        self.old = document["openapi"].startswith("3.0")
        self.mark = "readOnly" if direction == "request" else "writeOnly"
        self.forbids = direction == "response"
        self.made: dict[str, Schema] = {}

    def of_component(self, name: str) -> Draft202012Validator:
        """Return what the component `name` accepts."""
        ref = self.reference(name, frozenset())
        return Draft202012Validator({"$defs": self.made, **ref})

    def reference(self, name: str, hidden: frozenset[str]) -> dict[str, Any]:
        """Return a reference to the component, `hidden` properties of which nobody demands."""
        key = ".".join((name, *sorted(hidden)))
        if key not in self.made:
            self.made[key] = True
            self.made[key] = self.of(self.components[name], hidden)
        return {"$ref": f"#/$defs/{key}"}

    def of(self, node: Schema, hidden: frozenset[str] = frozenset()) -> Schema:
        """Return `node` in JSON Schema 2020-12, as it applies to this direction."""
        if isinstance(node, bool):
            return node
        if self.old and "$ref" in node:
            return self.reference(_name(node), hidden)
        hidden |= self.hidden(node, ())
        out = {key: value for key, value in node.items() if key not in _WORDS}
        for key in _ONE:
            if key in node:
                out[key] = self.of(node[key])
        for key in _MANY:
            if key in node:
                alone = key != "prefixItems" and len(_rest(node[key])) == 1
                out[key] = [self.of(one, hidden if alone else frozenset()) for one in node[key]]
        for key in _NAMED:
            if key in node:
                out[key] = {name: self.of(one) for name, one in node[key].items()}
        if "allOf" in node:
            out["allOf"] = [self.of(one, hidden) for one in node["allOf"]]
        if "$ref" in node:
            out |= self.reference(_name(node), hidden)
        if "required" in node:
            out["required"] = [name for name in node["required"] if name not in hidden]
        if "dependentRequired" in node:
            out["dependentRequired"] = {
                key: [name for name in names if name not in hidden]
                for key, names in node["dependentRequired"].items()
            }
        if "properties" in node:
            out["properties"] = {
                name: False if self.forbids and self.marked(one, ()) else self.of(one)
                for name, one in node["properties"].items()
            }
        return self.nullable(node, out) if self.old else out

    def nullable(self, node: dict[str, Any], out: dict[str, Any]) -> Schema:
        """Write null and the bounds of OpenAPI 3.0 as 2020-12 has them."""
        for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if out.pop(exclusive, False) and bound in out:
                out[exclusive] = out.pop(bound)
        if not out.pop("nullable", False) or None not in node.get("enum", [None]):
            return out
        takes_null = "type" in node or any(key in node for key in _FORCES)
        return {"anyOf": [out, {"type": "null"}]} if takes_null else out

    def marked(self, node: Schema, seen: tuple[str, ...]) -> bool:
        """Whether a property of that schema belongs to the other direction only."""
        if isinstance(node, bool):
            return False
        if node.get(self.mark) is True:
            return True
        target = _name(node) if "$ref" in node else None
        if (
            target is not None
            and target not in seen
            and self.marked(self.components[target], (*seen, target))
        ):
            return True
        if self.old and "$ref" in node:
            return False
        if any(self.marked(one, seen) for one in node.get("allOf", ())):
            return True
        return any(
            all(self.marked(one, seen) for one in _rest(node[key]))
            for key in ("anyOf", "oneOf")
            if _rest(node.get(key, []))
        )

    def hidden(self, node: Schema, seen: tuple[str, ...]) -> frozenset[str]:
        """Return the properties that belong to the other direction only."""
        if isinstance(node, bool):
            return frozenset()
        found: frozenset[str] = frozenset()
        if "$ref" in node and _name(node) not in seen:
            found |= self.hidden(self.components[_name(node)], (*seen, _name(node)))
        if self.old and "$ref" in node:
            return found
        found |= {name for name, one in node.get("properties", {}).items() if self.marked(one, ())}
        for one in node.get("allOf", ()):
            found |= self.hidden(one, seen)
        for key in ("anyOf", "oneOf"):
            sets = [self.hidden(one, seen) for one in _rest(node.get(key, []))]
            found |= sets[0].intersection(*sets) if sets else frozenset()
        return found


def _rest(members: list[Schema]) -> list[Schema]:
    return [one for one in members if one != {"type": "null"}]


def _name(node: dict[str, Any]) -> str:
    return str(node["$ref"]).rsplit("/", 1)[-1]
