"""Dynamic references mean what JSON Schema says: held against a validator that follows them itself."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.codegen.identified import relocate
from handfast.codegen.ir import ClassName, Feature
from handfast.codegen.publish import publish
from tests.codegen.helpers import HEAD, contract, feature, found

pytestmark = pytest.mark.unmeasured

BASE = "https://example.com/"
TREE = {
    "$id": f"{BASE}tree",
    "$dynamicAnchor": "node",
    "type": "object",
    "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
}
STRICT = {"$id": f"{BASE}strict", "$dynamicAnchor": "node", "$ref": "tree", "unevaluatedProperties": False}
STRICTER = {"$id": f"{BASE}stricter", "$dynamicAnchor": "node", "$ref": "strict", "required": ["data"]}
LIST = {
    "$id": f"{BASE}list",
    "type": "array",
    "items": {"$dynamicRef": "#item"},
    "$defs": {"item": {"$dynamicAnchor": "item"}},
}
NUMBERS = {
    "$id": f"{BASE}numbers",
    "$ref": "list",
    "$defs": {"number": {"$dynamicAnchor": "item", "type": "integer"}},
}
LISTS = {
    "$id": f"{BASE}lists",
    "properties": {
        "numbers": {"$ref": "numbers"},
        "any": {"$ref": "list"},
        "beside": {"allOf": [{"$ref": "list"}, {"$ref": "numbers"}]},
    },
}
OUTER = LISTS | {"$id": f"{BASE}outer", "$defs": {"text": {"$dynamicAnchor": "item", "type": "string"}}}
INLINE = {
    "$id": f"{BASE}inline",
    "properties": {"a": {"$dynamicRef": "list#item", "minimum": 3}, "b": {"$ref": "numbers", "maxItems": 1}},
    "$defs": {"item": {"$dynamicAnchor": "item", "maximum": 5}},
}
ODD = {
    "$id": f"{BASE}odd",
    "properties": {
        "value": {"$dynamicRef": "#item"},
        "x-val": {"$dynamicRef": "#plain"},
        "default": {"$dynamicRef": "#/$defs/text"},
        "a": {"$dynamicRef": "numbers#/$defs/number"},
    },
    "$defs": {
        "item": {"$dynamicAnchor": "item", "type": "integer"},
        "plain": {"$anchor": "plain", "type": "integer"},
        "text": {"type": "string"},
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Tree": TREE, "Strict": STRICT, "Stricter": STRICTER, "List": LIST, "Numbers": NUMBERS, "Lists": LISTS,
    "Outer": OUTER, "Inline": INLINE, "Odd": ODD,
}  # fmt: skip

LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x"])
NAMES = st.sampled_from(["data", "children", "daat", "numbers", "any", "beside", "a", "b", "value", "x-val"])
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(NAMES, one, max_size=3), max_leaves=9
)
NODES = st.recursive(
    st.fixed_dictionaries({}, optional={"data": LEAVES, "daat": LEAVES}),
    lambda inner: st.fixed_dictionaries({"children": st.lists(inner, max_size=3)}, optional={"data": LEAVES}),
)


@pytest.fixture(scope="module")
def made() -> Feature:
    with TemporaryDirectory() as folder:
        text = f"{HEAD}paths: {{}}\ncomponents: {{schemas: {json.dumps(SCHEMAS)}}}\n"
        return feature(Path(folder), text)


def ours(made: Feature, name: str) -> Any:
    schema = {"$ref": f"#/$defs/{name}", "$defs": made.schemas}
    return jsonschema_rs.Draft202012Validator(schema)


def theirs(name: str) -> Any:
    registry = jsonschema_rs.Registry([(str(one["$id"]), one) for one in SCHEMAS.values()])
    return jsonschema_rs.Draft202012Validator({"$ref": SCHEMAS[name]["$id"]}, registry=registry)


@pytest.fixture(scope="module")
def published(made: Feature) -> dict[str, Any]:
    document = publish([made]).document
    assert isinstance(document, dict)
    return document


@pytest.fixture(scope="module")
def again(published: dict[str, Any]) -> Feature:
    with TemporaryDirectory() as folder:
        return feature(Path(folder), json.dumps(published))


def strictly(published: dict[str, Any], name: str) -> Any:
    """The validator of a schema by the published document, for a reader to which each `$id` is a base."""
    identified = [(one["$id"], one) for one in published["components"]["schemas"].values() if "$id" in one]
    registry = jsonschema_rs.Registry(identified)
    return jsonschema_rs.Draft202012Validator({"$ref": SCHEMAS[name]["$id"]}, registry=registry)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(SCHEMAS)), value=VALUES | NODES)
def test_the_published_contract_accepts_the_same(
    published: dict[str, Any], again: Feature, name: str, value: object
) -> None:
    accepted = theirs(name).is_valid(value)
    if name != "Lists":  # which has no dynamic reference below, and so keeps no `$id`
        assert strictly(published, name).is_valid(value) == accepted, (name, value)
    assert ours(again, name).is_valid(value) == accepted, (name, value)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(SCHEMAS)), value=VALUES | NODES)
def test_what_is_accepted_is_what_a_validator_with_dynamic_scope_accepts(
    made: Feature, name: str, value: object
) -> None:
    assert ours(made, name).is_valid(value) == theirs(name).is_valid(value), (name, value)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("Tree", {"children": [{"daat": 1}]}, {"children": [1]}),
        ("Strict", {"children": [{"data": 1}]}, {"children": [{"daat": 1}]}),
        ("Stricter", {"data": 1, "children": [{"data": 1}]}, {"data": 1, "children": [{}]}),
        ("List", [1, "x"], 1),
        ("Numbers", [1], ["x"]),
        ("Lists", {"any": ["x"], "numbers": [1]}, {"numbers": ["x"]}),
        ("Outer", {"any": ["x"], "numbers": ["x"]}, {"any": [1]}),
        ("Inline", {"a": 4}, {"a": 6}),
        ("Odd", {"value": 1}, {"value": "x"}),
        ("Odd", {"x-val": 1}, {"x-val": "x"}),
        ("Odd", {"default": "x"}, {"default": 1}),
        ("Odd", {"a": 1}, {"a": "x"}),
    ],
)
def test_the_outermost_anchor_counts(made: Feature, name: str, right: object, wrong: object) -> None:
    for validator in (ours(made, name), theirs(name)):
        assert validator.is_valid(right)
        assert not validator.is_valid(wrong)


def test_schemas_without_dynamic_references_below_are_converted_once(made: Feature) -> None:
    assert ClassName("Tree") in made.schemas
    assert len(made.schemas) < 40


def test_a_dynamic_reference_to_nothing_is_told(tmp_path: Path) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{}}\ncomponents: {{schemas: {{A: {{$dynamicRef: '#x'}}}}}}\n")
    assert [one.partition(" ")[2] for one in found(loaded, "dangling-ref")] == [
        "`#x` names no dynamic anchor, and is ignored"
    ]


def test_a_pointer_that_only_the_document_has_is_read_from_the_document(tmp_path: Path) -> None:
    schemas: dict[str, Any] = {
        "Moon": {"type": "object", "required": ["name"]},
        "Page": {
            "$id": f"{BASE}page",
            "properties": {"data": {"type": "array", "items": {"$dynamicRef": "#item"}}},
            "$defs": {"item": {"$dynamicAnchor": "item", "not": {}}},
        },
        "Moons": {
            "$id": f"{BASE}moons",
            "$defs": {"item": {"$dynamicAnchor": "item", "$ref": "#/components/schemas/Moon"}},
            "$ref": "#/components/schemas/Page",
        },
    }
    text = f"{HEAD}paths: {{}}\ncomponents: {{schemas: {json.dumps(schemas)}}}\n"
    loaded = contract(tmp_path, text)
    assert [one.partition(" ")[2] for one in found(loaded, "id-ignored")] == [
        "`#/components/schemas/Moon` names nothing in the schema that has the `$id` "
        f"`{BASE}moons`; it is read from the document",
        "`#/components/schemas/Page` names nothing in the schema that has the `$id` "
        f"`{BASE}moons`; it is read from the document",
    ]
    (made,) = loaded.features
    assert ours(made, "Moons").is_valid({"data": [{"name": "Io"}]})
    assert not ours(made, "Moons").is_valid({"data": [{}]})


def test_ways_beyond_number_are_refused_quickly(tmp_path: Path) -> None:
    count = 14
    schemas: dict[str, Any] = {}
    for one in range(count):
        others = {f"p{other}": {"$ref": f"r{other}"} for other in range(count) if other != one}
        anchor = f"a{one % 7}"
        schemas[f"R{one}"] = {
            "$id": f"{BASE}r{one}",
            "$dynamicAnchor": anchor,
            "properties": others | {"self": {"$dynamicRef": f"#{anchor}"}},
        }
    loaded = contract(tmp_path, f"{HEAD}paths: {{}}\ncomponents: {{schemas: {json.dumps(schemas)}}}\n")
    assert len(found(loaded, "too-many-scopes")) == 1


def test_references_in_schemas_with_a_uri_are_read_from_it() -> None:
    inner: Any = {
        "$id": "a",
        "$dynamicAnchor": "node",
        "properties": {
            "default": {"$ref": "#/components/schemas/A/$defs/a~1b"},
            "itself": {"$ref": "#/components/schemas/A"},
            "other": {"$ref": "#/components/schemas/C/items"},
            "outside": {"$ref": "#/components/schemas/B"},
        },
        "$defs": {"a/b": {"$id": "sub/", "allOf": [{"$ref": "#/components/schemas/A/$defs/a~1b/not"}]}},
        "examples": [{"$ref": "#/components/schemas/A"}],
    }
    schemas: dict[str, Any] = {
        "A": inner,
        "B": {"$ref": "#/components/schemas/A"},
        "C": {"$id": f"{BASE}c", "items": {}},
    }
    document: dict[str, Any] = {"components": {"schemas": schemas}}
    relocate(document)
    assert schemas["A"]["properties"] == {
        "default": {"$ref": "sub/"},
        "itself": {"$ref": "#"},
        "other": {"$ref": f"{BASE}c#/items"},
        "outside": {"$ref": "#/components/schemas/B"},
    }
    assert schemas["A"]["$defs"]["a/b"]["allOf"] == [{"$ref": "#/not"}]
    assert schemas["A"]["examples"] == [{"$ref": "#/components/schemas/A"}]
    assert schemas["B"] == {"$ref": "#/components/schemas/A"}
    document = {"$self": f"{BASE}api.yaml", "components": {"schemas": schemas}}
    relocate(document)
    assert schemas["A"]["properties"]["outside"] == {"$ref": f"{BASE}api.yaml#/components/schemas/B"}


@pytest.mark.parametrize(
    ("schemas", "said"),
    [
        (
            "    A: {$dynamicAnchor: n, $dynamicRef: '#n'}\n",
            "6:8 `A` leads back to itself by dynamic references",
        ),
        ("    A: {$dynamicAnchor: n, allOf: [{$dynamicRef: '#n'}]}\n", "6:8 `A` leads"),
        (
            "    A: {$dynamicAnchor: n, allOf: [{$ref: '#/components/schemas/B'}]}\n"
            "    B: {anyOf: [{$dynamicRef: '#n'}, {type: string}]}\n",
            "by dynamic references: `A` → `B` → `A`",
        ),
    ],
)
def test_dynamic_references_that_lead_back_for_the_same_value_are_refused(
    tmp_path: Path, schemas: str, said: str
) -> None:
    loaded = contract(tmp_path, f"{HEAD}paths: {{}}\ncomponents:\n  schemas:\n{schemas}")
    (told,) = found(loaded, "ref-cycle")
    assert said in told
    assert loaded.fatal


def test_dynamic_references_below_a_property_are_no_circle(tmp_path: Path) -> None:
    inner = "properties: {a: {$dynamicRef: '#n'}}, items: {$dynamicRef: '#n'}"
    schemas = f"    A: {{$dynamicAnchor: n, type: object, {inner}}}\n"
    assert not contract(tmp_path, f"{HEAD}paths: {{}}\ncomponents:\n  schemas:\n{schemas}").findings
