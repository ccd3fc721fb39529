# ruff: noqa: E501  (one case a line reads best)
"""Hoisted schemas accept exactly what the author's schemas accept; their Python types are what a handler sees."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from handfast.codegen.ir import ClassName, Feature, TypeRef
from handfast.codegen.types import ANYTHING, Types, literal, optional, quoted, split, union
from tests.codegen.helpers import HEAD, HEAD_30, contract, feature, found, schemas


def accepts(feature: Feature, name: str, value: Any) -> bool:
    schema = {"$ref": f"#/$defs/{name}", "$defs": dict(feature.schemas)}
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


def type_of(feature: Feature, name: str) -> str:
    return Types(feature.schemas).of_name(ClassName(name)).expr


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ("{type: string, nullable: true}", ["a", None], [1]),
        ("{type: string, nullable: true, enum: [a, b]}", ["a"], [None, "c"]),
        ("{type: string, nullable: true, enum: [a, null]}", ["a", None], ["c"]),
        ("{nullable: true, allOf: [{$ref: '#/components/schemas/Obj'}]}", [{"a": "x"}, None], [{"a": 1}, 3]),
        ("{$ref: '#/components/schemas/Obj', nullable: true}", [{"a": "x"}, None], [{"a": 1}]),
        ("{nullable: true, oneOf: [{type: string}, {type: integer}]}", ["a", 1, None], [1.5]),
        ("{type: object, nullable: true, properties: {a: {type: string}}}", [{}, None], [{"a": 1}]),
        ("{type: number, minimum: 1, exclusiveMinimum: true}", [1.1], [1]),
        ("{type: number, maximum: 1, exclusiveMaximum: true}", [0], [1]),
        ("{type: number, minimum: 1, exclusiveMinimum: false}", [1], [0]),
        ("{type: integer, format: int32}", [2**31 - 1], [2**31, -(2**31) - 1]),
        ("{type: integer, format: int64}", [2**63 - 1, -(2**63)], [2**63]),
        ("{type: integer, format: int32, minimum: 5, maximum: 7}", [5, 7], [4, 8]),
        ("{$ref: '#/components/schemas/Obj', minProperties: 5}", [{}], [{"a": 1}]),
        ("{type: array, items: {type: integer, nullable: true}}", [[1, None]], [["a"]]),
        ("{not: {type: string}}", [1], ["a"]),
    ],
)
def test_openapi_3_0_schemas_mean_the_same_in_2020_12(
    tmp_path: Path, schema: str, good: list[Any], bad: list[Any]
) -> None:
    made = schemas(tmp_path, f"Obj: {{type: object, properties: {{a: {{type: string}}}}}}\nHolder: {{type: object, properties: {{it: {schema}}}}}", head=HEAD_30)  # fmt: skip
    for value in good:
        assert accepts(made, "Holder", {"it": value}), value
    for value in bad:
        assert not accepts(made, "Holder", {"it": value}), value


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ("{type: [string, 'null'], enum: [a, null]}", ["a", None], ["b"]),
        ("{type: [object, 'null'], properties: {a: {type: string}}}", [{}, None], [3]),
        ("{$ref: '#/components/schemas/Obj', minProperties: 1}", [{"a": "x"}], [{}]),
        (
            "{$ref: '#/components/schemas/Obj', properties: {b: {type: integer}}}",
            [{"b": 1}],
            [{"b": "x"}, {"a": 1}],
        ),
        ("{anyOf: [{$ref: '#/components/schemas/Obj'}], $ref: '#/components/schemas/Obj'}", [{}], [{"a": 1}]),
        ("{type: integer, exclusiveMinimum: 3}", [4], [3]),
        (
            "{if: {required: [a]}, then: {required: [b]}, else: {required: [c]}}",
            [{"a": 1, "b": 1}, {"c": 1}],
            [{"a": 1}, {}],
        ),
        (
            "{type: object, patternProperties: {'^x': {type: integer}}, additionalProperties: false}",
            [{"x1": 1}],
            [{"y": 1}],
        ),
        ("{type: array, prefixItems: [{type: integer}], items: false}", [[1]], [["a"], [1, 2]]),
        (
            "{type: array, items: [{type: integer}], additionalItems: {type: string}}",
            [[1, "a"]],
            [["a"], [1, 2]],
        ),
        ("{type: array, contains: {const: 1}, maxContains: 1}", [[1, 2]], [[2], [1, 1]]),
        ("{type: object, dependentRequired: {a: [b]}}", [{"a": 1, "b": 1}, {}], [{"a": 1}]),
        ("{type: object, propertyNames: {maxLength: 1}}", [{"a": 1}], [{"ab": 1}]),
        (
            "{type: object, unevaluatedProperties: false, allOf: [{properties: {a: {}}}]}",
            [{"a": 1}],
            [{"b": 1}],
        ),
        ("false", [], [1, None]),
        ("true", [1, None], []),
        ("{type: string, pattern: '^0x[a-f]{0,2147483648}$'}", ["0x", "0xab"], ["0", "0xg"]),
        ("{type: string, pattern: '^a[b-c]{300000}$'}", [], ["abc", "a"]),
        ("{type: string, pattern: '^[^]{1,2}$'}", ["a", "\n"], ["", "abc"]),
        ("{type: string, pattern: '(?<n>a)\\k<n>('}", ["anything"], [1]),
    ],
)
def test_openapi_3_1_schemas_keep_their_meaning(
    tmp_path: Path, schema: str, good: list[Any], bad: list[Any]
) -> None:
    made = schemas(tmp_path, f"Obj: {{type: object, properties: {{a: {{type: string}}}}}}\nHolder: {{type: object, properties: {{it: {schema}}}}}")  # fmt: skip
    for value in good:
        assert accepts(made, "Holder", {"it": value}), value
    for value in bad:
        assert not accepts(made, "Holder", {"it": value}), value


def test_exact_long_repeats_become_lengths(tmp_path: Path) -> None:
    made = schemas(
        tmp_path,
        "Blob: {type: string, pattern: '^0x[a-f]{262144}$'}\nMin: {type: string, pattern: '^a[bc]{2000000,}$'}",
    )
    assert made.schemas[ClassName("Blob")] == {
        "type": "string", "pattern": "^0x[a-f]*$", "minLength": 262146, "maxLength": 262146,
    }  # fmt: skip
    assert made.schemas[ClassName("Min")] == {"type": "string", "pattern": "^a[bc]*$", "minLength": 2000001}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("{type: string}", "str"),
        ("{type: string, format: uuid}", "UUID"),
        ("{type: string, format: date}", "date"),
        ("{type: string, format: date-time}", "datetime"),
        ("{type: string, format: email}", "str"),
        ("{type: [string, 'null']}", "str | None"),
        ("{type: ['null', integer, string]}", "int | str | None"),
        ("{type: integer}", "int"),
        ("{type: number}", "float"),
        ("{type: boolean}", "bool"),
        ("{type: 'null'}", "None"),
        ("{type: array}", "list[JsonValue]"),
        ("{type: array, items: {type: array, items: {type: integer}}}", "list[list[int]]"),
        ("{type: array, prefixItems: [{type: integer}]}", "list[JsonValue]"),
        ("{type: object}", "dict[str, JsonValue]"),
        ("{type: object, additionalProperties: {type: integer}}", "dict[str, int]"),
        ("{type: object, additionalProperties: false}", "dict[str, JsonValue]"),
        ("{const: dog}", 'Literal["dog"]'),
        ("{const: 1.5}", "float"),
        ("{const: [1]}", "JsonValue"),
        ("{enum: [a, 1, true, null]}", 'Literal["a", 1, True] | None'),
        ("{enum: [1.5, 2.5]}", "float"),
        ("{enum: []}", "JsonValue"),
        ("{anyOf: [{type: string}, {type: string, format: uuid}, {type: 'null'}]}", "str | UUID | None"),
        ("{oneOf: [{type: array, items: {type: string}}, {type: 'null'}]}", "list[str] | None"),
        ("{oneOf: [{type: string}, {}]}", "JsonValue"),
        ("{allOf: [{type: string}, {maxLength: 3}]}", "str"),
        ("{allOf: [{type: integer}, {type: number}]}", "int"),
        ("{allOf: [{type: integer}, {type: string}]}", "JsonValue"),
        ("{type: string, allOf: [{format: uuid}]}", "str"),
        ("{allOf: [{type: object, additionalProperties: {type: integer}}]}", "dict[str, int]"),
        ("{allOf: [{type: object}, {minProperties: 1}]}", "dict[str, JsonValue]"),
        ("{}", "JsonValue"),
        ("{items: {type: string}}", "JsonValue"),
    ],
)
def test_types_say_what_a_handler_sees(tmp_path: Path, schema: str, expected: str) -> None:
    assert type_of(schemas(tmp_path, f"It: {schema}"), "It") == expected


def test_classes_are_objects_and_enums(tmp_path: Path) -> None:
    made = schemas(
        tmp_path,
        """
        Obj: {type: object, properties: {a: {type: string}}}
        Untyped: {properties: {a: {type: string}}}
        Text: {type: string, enum: [a, b]}
        Number: {enum: [1, 2]}
        Doubled: {enum: [a, a]}
        Mixed: {enum: [a, 1]}
        Floats: {type: number, enum: [1.5]}
        Alias: {$ref: '#/components/schemas/Obj'}
        Sub: {allOf: [{$ref: '#/components/schemas/Obj'}, {type: object, properties: {b: {type: string}}}]}
        Both: {allOf: [{$ref: '#/components/schemas/Obj'}, {$ref: '#/components/schemas/Untyped'}]}
        Wrong: {allOf: [{$ref: '#/components/schemas/Obj'}, {$ref: '#/components/schemas/Text'}]}
        Either: {type: object, properties: {a: {}, b: {}}, anyOf: [{required: [a]}, {required: [b]}]}
        Union: {oneOf: [{$ref: '#/components/schemas/Obj'}, {$ref: '#/components/schemas/Sub'}]}
        OfUnion: {allOf: [{$ref: '#/components/schemas/Union'}, {type: object, properties: {c: {}}}]}
        Nothing: {type: object}
        Constant: {const: a, properties: {a: {}}}
        Free: {allOf: [true, {$ref: '#/components/schemas/Obj'}, {required: [a]}]}
        Looping: {allOf: [{$ref: '#/components/schemas/Sub'}, {properties: {me: {$ref: '#/components/schemas/Looping'}}}]}
        """,
    )
    assert sorted(made.classes) == [
        "Both", "Either", "Free", "Looping", "Number", "Obj", "Sub", "TextModel", "Untyped",
    ]  # fmt: skip
    assert type_of(made, "Union") == "Obj | Sub"
    assert type_of(made, "Alias") == "Obj"
    assert type_of(made, "Wrong") == "JsonValue"


def test_objects_and_enums_inside_schemas_get_names_of_their_own(tmp_path: Path) -> None:
    made = schemas(
        tmp_path,
        """
        Task:
          type: object
          properties:
            address: {type: object, description: Where., readOnly: true, properties: {street: {type: string}}}
            state: {type: string, enum: [a, b], default: a}
            people: {type: array, items: {type: object, properties: {name: {type: string}}}}
            lookup: {type: object, additionalProperties: {type: object, properties: {v: {}}}}
            choice: {oneOf: [{type: object, properties: {p: {}}}, {title: Fixed, type: object, properties: {q: {}}}]}
            negated: {not: {type: object, properties: {r: {}}}}
            task_address: {type: object, properties: {other: {}}}
        TaskAddress: {type: string}
        """,
    )
    task = made.schemas[ClassName("Task")]
    assert isinstance(task, dict)
    properties = task["properties"]
    assert isinstance(properties, dict)
    assert properties["address"] == {"$ref": "#/$defs/TaskAddress2", "readOnly": True}
    assert properties["state"] == {"$ref": "#/$defs/TaskState", "default": "a"}
    assert properties["people"] == {"type": "array", "items": {"$ref": "#/$defs/TaskPeopleItem"}}
    assert properties["lookup"] == {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/TaskLookupValue"},
    }
    assert properties["choice"] == {
        "oneOf": [{"$ref": "#/$defs/TaskChoiceVariant1"}, {"$ref": "#/$defs/Fixed"}]
    }
    assert properties["negated"] == {"not": {"type": "object", "properties": {"r": {}}}}
    assert properties["task_address"] == {"$ref": "#/$defs/TaskTaskAddress"}


def test_references_to_any_place_are_followed(tmp_path: Path) -> None:
    made = schemas(
        tmp_path,
        """
        A: {type: object, properties: {b: {type: object, properties: {c: {type: string, format: uuid}}}}}
        B: {$ref: '#/components/schemas/A/properties/b'}
        C: {$ref: '#/components/schemas/A/properties/b/properties/c'}
        D: {$ref: '#/components/schemas/E/items'}
        E: {type: array, items: {$ref: '#/components/schemas/D2'}}
        D2: {type: integer}
        F: {$ref: '#/components/schemas/G/properties/a~1b%20c'}
        G: {type: object, properties: {'a/b c': {type: boolean}}}
        H: {$defs: {Inner: {type: integer}}, type: array, items: {$ref: '#/components/schemas/H/$defs/Inner'}}
        I1: {$ref: '#/components/schemas/J/properties/yes'}
        J: {type: object, properties: {yes: true, no: false}}
        K: {$ref: '#/components/schemas/J/properties/no'}
        L: {$ref: '#/components/schemas/B/properties/c'}
        """,
    )
    assert [type_of(made, name) for name in ("B", "C", "D", "F", "H", "L")] == [
        "AB", "UUID", "int", "bool", "list[int]", "UUID",
    ]  # fmt: skip
    assert not accepts(made, "K", 1)
    assert accepts(made, "I1", 1)


def test_recursion_is_fine_through_a_class_and_anything_otherwise(tmp_path: Path) -> None:
    made = schemas(
        tmp_path,
        """
        Node: {type: object, properties: {next: {$ref: '#/components/schemas/Node'}}}
        Tree: {type: array, items: {$ref: '#/components/schemas/Tree'}}
        Json: {oneOf: [{type: string}, {type: array, items: {$ref: '#/components/schemas/Json'}}]}
        """,
    )
    assert type_of(made, "Node") == "Node"
    assert type_of(made, "Tree") == "list[JsonValue]"
    assert type_of(made, "Json") == "str | list[JsonValue]"


@pytest.mark.parametrize("key", ["allOf", "anyOf", "oneOf"])
def test_schemas_that_apply_to_themselves_are_fatal(tmp_path: Path, key: str) -> None:
    text = f"paths: {{}}\ncomponents:\n  schemas:\n    A:\n      {key}:\n        - $ref: '#/components/schemas/B'\n    B:\n      not:\n        $ref: '#/components/schemas/A'\n"
    loaded = contract(tmp_path, HEAD + text)
    assert found(loaded, "ref-cycle") == [
        "8:17 `#/components/schemas/B` leads back to itself: `B` → `A` → `B`"
    ]


def test_discriminators_get_a_complete_mapping(tmp_path: Path) -> None:
    made = schemas(
        tmp_path,
        """
        Pet:
          oneOf: [{$ref: '#/components/schemas/cat'}, {$ref: '#/components/schemas/Dog'}, {$ref: '#/components/schemas/Rat'}]
          discriminator: {propertyName: kind, mapping: {miau: cat, wuff: '#/components/schemas/Dog'}}
        cat: {type: object, properties: {kind: {type: string}}}
        Dog: {type: object, properties: {kind: {type: string}}}
        Rat: {type: object, properties: {kind: {type: string}}}
        """,
    )
    pet = made.schemas[ClassName("Pet")]
    assert isinstance(pet, dict)
    assert pet["discriminator"] == {
        "propertyName": "kind",
        "mapping": {
            "miau": "#/$defs/Cat",
            "wuff": "#/$defs/Dog",
            "cat": "#/$defs/Cat",
            "Dog": "#/$defs/Dog",
            "Rat": "#/$defs/Rat",
        },
    }


def test_nullable_in_3_1_is_told_and_ignored(tmp_path: Path) -> None:
    loaded = contract(
        tmp_path,
        HEAD + "paths: {}\ncomponents: {schemas: {A: {type: string, nullable: true, $dynamicRef: '#x'}}}",
    )
    assert found(loaded, "old-keyword") == ["4:42 `nullable` means nothing in OpenAPI 3.1, and is ignored"]
    assert found(loaded, "dangling-ref") == ["4:58 `#x` names no dynamic anchor, and is ignored"]
    assert type_of(loaded.features[0], "A") == "str"


def test_examples_reach_the_schemas(tmp_path: Path) -> None:
    made = schemas(
        tmp_path,
        "A: {type: string, example: x}\nB: {type: string, examples: [y]}\nC: {type: string, examples: []}",
    )
    assert [made.schemas[ClassName(name)] for name in "ABC"] == [
        {"type": "string", "examples": ["x"]}, {"type": "string", "examples": ["y"]}, {"type": "string"},
    ]  # fmt: skip


def test_components_keep_valid_names_and_the_others_give_way(tmp_path: Path) -> None:
    made = feature(
        tmp_path,
        HEAD
        + "paths: {}\ncomponents: {schemas: {user-id: {type: string}, UserId: {type: integer}, userId: true}}",
    )
    assert list(made.schemas) == ["UserId2", "UserId", "UserId3"]
    assert made.schemas[ClassName("UserId")] == {"type": "integer"}
    assert made.schemas[ClassName("UserId3")] is True


def test_unions_are_flat_and_none_comes_last() -> None:
    text, none, numbers = TypeRef("str"), TypeRef("None"), TypeRef("list[int | None] | None")
    assert union([none, text, numbers]).expr == "str | list[int | None] | None"
    assert union([text, ANYTHING]) == ANYTHING
    assert union([]).expr == "None"
    assert optional(numbers) == numbers
    assert optional(ANYTHING) == ANYTHING
    assert list(split('Literal["a | b", "\\" ["] | dict[str, int | str] | None')) == [
        'Literal["a | b", "\\" ["]', "dict[str, int | str]", "None",
    ]  # fmt: skip


def test_literals_are_written_as_the_formatter_would() -> None:
    assert quoted("it's") == '"it\'s"'
    assert quoted('say "x"') == "'say \"x\"'"
    assert quoted(True) == "True"
    assert literal(["a", "a", None]).expr == 'Literal["a"] | None'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{oneOf: [%s, %s]}", "S40"),
        ("{allOf: [%s, %s]}", "S0"),
        ("{oneOf: [{type: array, items: %s}, %s]}", "JsonValue"),
    ],
)
def test_schemas_that_double_at_each_level_take_no_time(tmp_path: Path, text: str, expected: str) -> None:
    lines = []
    for n in range(40):
        ref = f"{{$ref: '#/components/schemas/S{n + 1}'}}"
        lines.append(f"S{n}: {text % (ref, ref)}")
    started = time.process_time()
    made = schemas(tmp_path, "\n".join([*lines, "S40: {type: object, properties: {a: {}}}"]))
    assert type_of(made, "S0") == expected
    assert time.process_time() - started < 2
