# ruff: noqa: E501 (a case is a line)
"""models.py: names, types, presence and defaults of what contracts describe."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel, ValidationError

from handfast.codegen import models
from handfast.codegen.ir import ClassName, Json
from handfast.codegen.output import generate
from tests.codegen.contracts import with_schemas


def text_of(root: Path, schemas: dict[str, Json]) -> str:
    feature = with_schemas(root, schemas)
    return generate([feature], root=root)["generated/things/models.py"]


def body_of(root: Path, schemas: dict[str, Json], name: str = "Thing") -> list[str]:
    text = text_of(root, schemas)
    return text.split(f"class {name}(")[1].split("\n\n\n")[0].splitlines()[1:]


def module_of(root: Path, schemas: dict[str, Json]) -> ModuleType:
    name = f"models_{root.name}"
    path = root / f"{name}.py"
    path.write_text(text_of(root, schemas), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def thing(**properties: Json) -> dict[str, Json]:
    return {"Thing": {"type": "object", "properties": properties}}


def required(**properties: Json) -> dict[str, Json]:
    return {"Thing": {"type": "object", "required": list(properties), "properties": properties}}


@pytest.mark.parametrize(
    ("schema", "hint"),
    [
        ({"type": "string"}, "str"),
        ({"type": "string", "format": "uuid"}, "UUID"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "date-time"}, "datetime"),
        ({"type": "string", "format": "email"}, "str"),
        ({"type": "integer", "minimum": 3}, "int"),
        ({"type": "number"}, "float"),
        ({"type": "boolean"}, "bool"),
        ({"type": ["string", "null"]}, "str | None"),
        ({"type": ["null", "integer", "string"]}, "int | str | None"),
        ({"type": "array", "items": {"type": "string"}}, "list[str]"),
        ({"type": "array"}, "list[JsonValue]"),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, "list[JsonValue]"),
        ({"type": "object"}, "dict[str, JsonValue]"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "dict[str, float]"),
        ({"type": "object", "patternProperties": {"^a": {"type": "integer"}}}, "dict[str, JsonValue]"),
        (
            {
                "type": "object",
                "patternProperties": {"^a": {"type": "integer"}},
                "additionalProperties": False,
            },
            "dict[str, int]",
        ),
        ({}, "JsonValue"),
        ({"anyOf": [{"type": "string"}, {}]}, "JsonValue"),
        ({"enum": ["a", 1]}, 'Literal["a", 1]'),
        ({"enum": [1.5, None]}, "float | None"),
        ({"enum": [{"a": 1}]}, "JsonValue"),
        ({"enum": [True, None]}, "Literal[True] | None"),
        ({"allOf": [{"type": "number"}, {"type": "integer"}]}, "int"),
        ({"allOf": [{"type": "string"}, {"format": "uuid"}]}, "str"),
        ({"allOf": [{"type": "string", "format": "date"}, {"type": "string"}]}, "date"),
        ({"allOf": [{"enum": ["a", 1]}, {"type": "string"}]}, 'Literal["a"]'),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "JsonValue"),
        (
            {
                "allOf": [
                    {"type": "array", "items": {"type": "object"}},
                    {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}},
                ]
            },
            "list[dict[str, str]]",
        ),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}, "OneOf[date | datetime]"),
        ({"enum": [*range(150), *(f"v{number}" for number in range(100))]}, "int | str"),
        ({"enum": [*range(250), [1]]}, "JsonValue"),
    ],
)  # fmt: skip
def test_a_required_property_has_the_type_of_its_schema(tmp_path: Path, schema: Json, hint: str) -> None:
    line = body_of(tmp_path, required(value=schema, other={"type": "string"}))[0]
    default = f" = {hint[8:-1]}" if hint == 'Literal["a"]' else ""
    assert line == f"    value: {hint}{default}"


@pytest.mark.parametrize(
    ("schema", "line"),
    [
        ({"type": "string"}, "Annotated[str | None, Field(exclude_if=is_absent)] = None"),
        ({"type": ["string", "null"]}, "str | None = None"),
        ({"type": ["string", "null"], "default": None}, "str | None = None"),
        ({"type": "string", "default": "it's"}, 'str = "it\'s"'),
        ({"type": "string", "default": 5}, "Annotated[str | None, Field(exclude_if=is_absent)] = None"),
        ({"type": "string", "default": None}, "Annotated[str | None, Field(exclude_if=is_absent)] = None"),
        ({"type": "number", "default": 1}, "float = 1"),
        ({"type": "boolean", "default": False}, "bool = False"),
        ({"type": "integer", "default": True}, "Annotated[int | None, Field(exclude_if=is_absent)] = None"),
        ({"type": "string", "format": "date", "default": "2020-01-02"}, 'date = date.fromisoformat("2020-01-02")'),
        (
            {"type": "string", "format": "date-time", "default": "2020-01-02T03:04:05Z"},
            'datetime = datetime.fromisoformat("2020-01-02T03:04:05Z")',
        ),
        (
            {"type": "string", "format": "uuid", "default": "7f3c1c5e-5a0c-4d3e-9a0e-3f6d2c1b0a99"},
            'UUID = UUID("7f3c1c5e-5a0c-4d3e-9a0e-3f6d2c1b0a99")',
        ),
        (
            {"type": "string", "format": "uuid", "default": "none"},
            "Annotated[UUID | None, Field(exclude_if=is_absent)] = None",
        ),
        ({"type": "array", "items": {"type": "integer"}, "default": []}, "list[int] = Field(default_factory=list)"),
        (
            {"type": "array", "items": {"type": "integer"}, "default": [1]},
            "list[int] = Field(default_factory=lambda: [1])",
        ),
        (
            {"type": "array", "items": {"type": "integer"}, "default": ["a"]},
            "Annotated[list[int] | None, Field(exclude_if=is_absent)] = None",
        ),
        ({"type": "object", "default": {}}, "dict[str, JsonValue] = Field(default_factory=dict)"),
        (
            {"type": "object", "default": {"a": [1.5]}},
            'dict[str, JsonValue] = Field(default_factory=lambda: {"a": [1.5]})',
        ),
        ({"default": 1}, "JsonValue = 1"),
        ({}, "JsonValue = None"),
        ({"const": 1}, "Annotated[Literal[1] | None, Field(exclude_if=is_absent)] = None"),
        ({"const": "a", "default": "a"}, 'Literal["a"] = "a"'),
        ({"enum": ["a", "b"], "default": "b"}, "ThingValue = ThingValue.B"),
        ({"enum": ["a", "b"], "default": "c"}, "Annotated[ThingValue | None, Field(exclude_if=is_absent)] = None"),
        ({"allOf": [{"$ref": "#/components/schemas/Short"}]}, 'str = "x"'),
    ],
)  # fmt: skip
def test_an_optional_property_says_what_it_is_when_absent(tmp_path: Path, schema: Json, line: str) -> None:
    schemas = thing(value=schema, other={"type": "string"}) | {"Short": {"type": "string", "default": "x"}}
    assert body_of(tmp_path, schemas)[0].strip() == f"value: {line}"


def test_a_default_of_an_object_is_made_anew(tmp_path: Path) -> None:
    inner: Json = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    schemas = thing(
        full={"$ref": "#/components/schemas/Inner", "default": {"a": 1}},
        broken={"$ref": "#/components/schemas/Inner", "default": {}},
        wrong={"$ref": "#/components/schemas/Inner", "default": 5},
        wrong_inside={"$ref": "#/components/schemas/Inner", "default": {"a": "text"}},
    )
    lines = body_of(tmp_path, schemas | {"Inner": inner})
    assert lines[0] == '    full: Inner = Field(default_factory=lambda: Inner.model_validate({"a": 1}))'
    assert lines[1].endswith("= None")
    assert lines[2].endswith("= None")
    assert lines[3].endswith("= None")


def test_absent_null_and_default_are_told_apart_on_the_wire(tmp_path: Path) -> None:
    module = module_of(
        tmp_path,
        required(id={"type": "integer"})
        | {
            "Thing": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "integer"},
                    "note": {"type": "string"},
                    "due": {"type": ["string", "null"], "format": "date"},
                    "class": {"type": "string"},
                },
            }
        },
    )
    assert issubclass(module.Thing, BaseModel)
    assert module.Thing(id=1).model_dump(mode="json", by_alias=True) == {"id": 1, "due": None}
    full = module.Thing(id=1, class_="a", note="b")
    assert full.model_dump(mode="json", by_alias=True) == {"id": 1, "due": None, "class": "a", "note": "b"}
    with pytest.raises(ValidationError):
        module.Thing.model_validate({})


def test_open_objects_keep_what_they_do_not_know_and_closed_ones_refuse_it(tmp_path: Path) -> None:
    closed: Json = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    module = module_of(tmp_path, thing(closed=closed))
    assert module.Thing.model_validate({"x": 1}).model_extra == {"x": 1}
    with pytest.raises(ValidationError):
        module.Thing.model_validate({"closed": {"x": 1}})


def test_a_closed_object_with_patterns_keeps_what_they_match(tmp_path: Path) -> None:
    schema: dict[str, Json] = {
        "Thing": {
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "patternProperties": {"^x-": True},
            "additionalProperties": False,
        }
    }
    assert 'class Thing(Model, extra="allow"):' in text_of(tmp_path, schema)


def test_parts_are_merged_into_one_class(tmp_path: Path) -> None:
    schemas: dict[str, Json] = {
        "Base": {
            "type": "object",
            "required": ["id", "undescribed"],
            "properties": {
                "id": {"type": "integer"},
                "value": {"type": "number"},
                "gone": {"type": "string"},
            },
        },
        "Thing": {
            "allOf": [
                {"$ref": "#/components/schemas/Base"},
                {
                    "type": "object",
                    "required": ["value"],
                    "properties": {"value": {"type": "integer"}, "gone": False},
                },
            ]
        },
    }
    assert body_of(tmp_path, schemas) == ["    id: int", "    value: int", "    undescribed: JsonValue"]


def test_recursion_needs_no_quotes_and_resolves(tmp_path: Path) -> None:
    node: Json = {
        "type": "object",
        "properties": {
            "next": {"$ref": "#/components/schemas/Thing"},
            "loop": {"$ref": "#/components/schemas/Loop"},
        },
    }
    loop: Json = {"type": "array", "items": {"$ref": "#/components/schemas/Loop"}}
    module = module_of(tmp_path, {"Thing": node, "Loop": loop})
    assert module.Thing.model_validate({"next": {"next": {}}}).next.next.next is None
    assert "loop: Annotated[list[JsonValue] | None" in text_of(tmp_path, {"Thing": node, "Loop": loop})


def pets(dog_kind: Json, cat_kind: Json, **union: Json) -> dict[str, Json]:
    def pet(kind: Json) -> Json:
        return {"type": "object", "required": ["kind"], "properties": {"kind": kind}}

    return {
        "Dog": pet(dog_kind),
        "Cat": pet(cat_kind),
        "Thing": {
            "type": "object",
            "required": ["pet"],
            "properties": {
                "pet": {
                    "oneOf": [{"$ref": "#/components/schemas/Dog"}, {"$ref": "#/components/schemas/Cat"}],
                    "discriminator": {"propertyName": "kind", "mapping": {"dog": "Dog", "puppy": "Dog"}},
                    **union,
                }
            },
        },
    }


TAGGED = '    pet: Annotated[Dog | Cat, Field(discriminator="kind")]'
TEXT: Json = {"type": "string"}


def test_a_discriminator_narrows_a_plain_text_to_the_values_that_lead_there(tmp_path: Path) -> None:
    schemas = pets(TEXT, TEXT)
    assert body_of(tmp_path, schemas) == [TAGGED]
    assert body_of(tmp_path, schemas, "Dog") == ['    kind: Literal["dog", "puppy", "Dog"]']
    assert body_of(tmp_path, schemas, "Cat") == ['    kind: Literal["Cat"] = "Cat"']
    module = module_of(tmp_path, schemas)
    assert isinstance(module.Thing.model_validate({"pet": {"kind": "puppy"}}).pet, module.Dog)
    assert isinstance(module.Thing.model_validate({"pet": {"kind": "Cat"}}).pet, module.Cat)


def test_a_discriminator_narrows_a_shared_enum_to_its_members(tmp_path: Path) -> None:
    kind: Json = {"$ref": "#/components/schemas/Kind"}
    schemas = pets(kind, kind) | {"Kind": {"type": "string", "enum": ["dog", "puppy", "Cat"]}}
    assert body_of(tmp_path, schemas, "Dog") == ["    kind: Literal[Kind.DOG, Kind.PUPPY]"]
    module = module_of(tmp_path, schemas)
    made = module.Thing.model_validate({"pet": {"kind": "Cat"}})
    assert made.model_dump(mode="json") == {"pet": {"kind": "Cat"}}
    assert isinstance(made.pet, module.Cat)


def test_a_class_that_a_request_may_hold_by_itself_is_not_narrowed(tmp_path: Path) -> None:
    schemas = pets(TEXT, TEXT)
    thing = schemas["Thing"]
    assert isinstance(thing, dict)
    assert isinstance(thing["properties"], dict)
    thing["properties"]["dog"] = {"$ref": "#/components/schemas/Dog"}
    assert body_of(tmp_path, schemas, "Dog") == ["    kind: str"]
    assert _one_line(body_of(tmp_path, schemas)).startswith(CHOSEN)


CHOSEN = (
    'pet: Annotated[Dog | Cat, Chosen("kind", {"dog": "Dog", "puppy": "Dog", "Dog": "Dog", "Cat": "Cat"}),]'
)


def _one_line(lines: list[str]) -> str:
    """A statement that the formatter has wrapped."""
    return " ".join(" ".join(lines).split()).replace("[ ", "[").replace(" ]", "]")


def test_a_union_without_a_certain_discriminator_is_chosen_by_the_schemas(tmp_path: Path) -> None:
    maybe = pets(TEXT, TEXT)
    dog = maybe["Dog"]
    assert isinstance(dog, dict)
    del dog["required"]
    for schemas in (maybe, pets({"type": "integer"}, TEXT), pets({"const": "a"}, {"const": "a"})):
        assert 'pet: Annotated[Dog | Cat, Chosen("kind", {"dog": "Dog", ' in _one_line(
            body_of(tmp_path, schemas)
        )


def test_a_property_that_is_the_union_it_discriminates_tells_nothing(tmp_path: Path) -> None:
    schemas = pets(TEXT, TEXT)
    dog, thing = schemas["Dog"], schemas["Thing"]
    assert isinstance(dog, dict)
    assert isinstance(thing, dict)
    assert isinstance(dog["properties"], dict)
    assert isinstance(thing["properties"], dict)
    dog["properties"]["kind"] = thing["properties"]["pet"]
    assert _one_line(body_of(tmp_path, schemas)) == CHOSEN


def test_a_nullable_discriminated_union(tmp_path: Path) -> None:
    schemas = pets({"const": "dog"}, {"const": "Cat"})
    thing = schemas["Thing"]
    assert isinstance(thing, dict)
    properties = thing["properties"]
    assert isinstance(properties, dict)
    properties["pet"] = {"anyOf": [properties["pet"], {"type": "null"}]}
    assert body_of(tmp_path, schemas) == [f"{TAGGED} | None"]


def test_what_goes_one_way_only_is_optional_where_it_goes_both(tmp_path: Path) -> None:
    schemas = required(
        id={"type": "integer", "readOnly": True},
        secret={"$ref": "#/components/schemas/Secret"},
        plain={"allOf": [{"$ref": "#/components/schemas/Plain"}, {"readOnly": False}]},
    )
    lines = body_of(tmp_path, schemas | {"Secret": {"type": "string", "writeOnly": True}, "Plain": TEXT})
    assert lines == [
        "    id: Annotated[int | None, Field(exclude_if=is_absent)] = None",
        "    secret: Annotated[str | None, Field(exclude_if=is_absent)] = None",
        "    plain: str",
    ]


def test_a_property_called_like_a_type_hides_nothing(tmp_path: Path) -> None:
    names = [
        "date",
        "datetime",
        "str",
        "list",
        "int",
        "self",
        "copy",
        "json",
        "model_config",
        "UUID",
        "Field",
    ]
    kinds: list[Json] = [
        {"type": "string", "format": "date"},
        {"type": "string", "format": "date-time"},
        TEXT,
    ]
    module = module_of(tmp_path, thing(**{name: kinds[min(number, 2)] for number, name in enumerate(names)}))
    values = {name: "x" for name in names} | {"date": "2020-01-02", "datetime": "2020-01-02T03:04:05Z"}
    made = module.Thing.model_validate(values, by_alias=True, by_name=False)
    assert made.model_dump(mode="json", by_alias=True) == values


def test_prose_of_the_contract_cannot_break_the_code(tmp_path: Path) -> None:
    evil = 'ends with a "quote"'
    schemas: dict[str, Json] = {
        "Thing": {
            "type": "object",
            "description": 'C:\\new """ and \x00\u2028 and\r\nmore\\',
            "properties": {
                "a": {"type": "string", "description": evil},
                "b": {"type": "string", "description": "\\"},
            },
        }
    }
    module = module_of(tmp_path, schemas)
    assert module.Thing.__doc__ == 'C:\\new """ and \x00\u2028 and\nmore\\\n'.replace(
        "and\nmore\\\n", "and\n    more\\\n    "
    )
    assert '"""ends with a "quote\\""""' in text_of(tmp_path, schemas)


def test_a_contract_without_schemas_has_an_empty_module(tmp_path: Path) -> None:
    feature = replace(with_schemas(tmp_path, {"Thing": {"type": "string"}}), classes=frozenset())
    assert models.models_module(feature, width=88) == models.Module("", (), ())


def test_a_class_that_is_not_made_is_a_loud_error(tmp_path: Path) -> None:
    feature = with_schemas(tmp_path, thing(a=TEXT))
    broken = replace(feature, classes=feature.classes | {ClassName("Missing")})
    with pytest.raises(models.GeneratorError, match="no class was made of Missing"):
        models.models_module(broken, width=88)


def test_the_command_line_starts_without_the_library() -> None:
    import subprocess

    check = "import sys, handfast.codegen.output; sys.exit('datamodel_code_generator' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
