"""JSON Schema → the Python type that a handler sees.

The type is a view: it never decides what is accepted, so whatever has no exact Python type is a `JsonValue`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from handfast.codegen.ir import ClassName, Json, TypeRef
from handfast.codegen.names import enum_members

PREFIX = "#/$defs/"
ANYTHING = TypeRef("JsonValue", imports=frozenset({("pydantic", "JsonValue")}))
NOTHING = TypeRef("None")
UPLOAD = TypeRef("Upload", imports=frozenset({("handfast.runtime", "Upload")}))
STREAM = TypeRef("Stream", imports=frozenset({("handfast.runtime", "Stream")}))
TEXT = TypeRef("str")
_FORMATS = {
    "uuid": TypeRef("UUID", imports=frozenset({("uuid", "UUID")})),
    "date": TypeRef("date", imports=frozenset({("datetime", "date")})),
    "date-time": TypeRef("datetime", imports=frozenset({("datetime", "datetime")})),
}
_PLAIN = {"boolean": TypeRef("bool"), "integer": TypeRef("int"), "number": TypeRef("float"), "null": NOTHING}
_MAX_LENGTH = 1_000
"""Lists of lists and maps of the same schemas double at each level: a longer type is anything."""
ANNOTATIONS = frozenset((
    "title", "description", "default", "deprecated", "readOnly", "writeOnly", "examples", "discriminator",
    "format", "$comment", "xml",
))  # fmt: skip
"""Keywords that never refuse a value."""


def union(types: list[TypeRef]) -> TypeRef:
    """Return `A | B`, each once and `None` last; anything beside `JsonValue` is swallowed by it."""
    if any(kind == ANYTHING for kind in types):
        return ANYTHING
    parts: dict[str, None] = {}
    for kind in types:
        parts.update(dict.fromkeys(split(kind.expr)))
    if "float" in parts:
        parts.pop("int", None)  # Python takes an int for a float
    has_none = parts.pop("None", 0) is None
    names = [*parts, *(["None"] if has_none else [])]
    models = frozenset(name for kind in types for name in kind.models)
    imports = frozenset(name for kind in types for name in kind.imports)
    return TypeRef(" | ".join(names) or "None", models, imports)


@lru_cache(maxsize=16384)
def split(expr: str) -> tuple[str, ...]:
    """Split a union into its members: `list[A | B] | None` → `list[A | B]`, `None`."""
    parts: list[str] = []
    depth, start, quote, at = 0, 0, "", 0
    while at < len(expr):
        char = expr[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
        elif char == "|" and depth == 0:
            parts.append(expr[start:at].strip())
            start = at + 1
        at += 1
    return (*parts, expr[start:].strip())


def optional(kind: TypeRef) -> TypeRef:
    """Return `T | None`; `JsonValue` includes None already."""
    return kind if kind == ANYTHING or split(kind.expr)[-1] == "None" else union([kind, NOTHING])


def wrap(name: str, item: TypeRef, *imports: tuple[str, str]) -> TypeRef:
    """Return `name[item]`."""
    return TypeRef(f"{name}[{item.expr}]", item.models, item.imports | frozenset(imports))


def is_enum(schema: Json) -> bool:
    """Whether `schema` is an enum of texts only or of whole numbers only, which becomes a class."""
    if not isinstance(schema, dict) or not isinstance(schema.get("enum"), list):
        return False
    values = schema["enum"]
    if not isinstance(values, list) or not values or len({repr(value) for value in values}) != len(values):
        return False
    kind = schema.get("type")
    texts = all(isinstance(value, str) for value in values) and kind in (None, "string")
    numbers = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return texts or (numbers and kind in (None, "integer", "number"))


def has_properties(schema: Json) -> bool:
    """Whether `schema` describes an object by its properties."""
    return (
        isinstance(schema, dict) and bool(schema.get("properties")) and schema.get("type") in (None, "object")
    )


@dataclass(frozen=True, slots=True)
class Types:
    """Python types of the schemas of one feature; `schemas` are normalised and may still grow."""

    schemas: Mapping[ClassName, Json]

    def is_class(self, name: ClassName) -> bool:
        """Whether `name` becomes a class of `models.py`: an object with properties, or an enum."""
        return self._is_class(self.schemas.get(name), {name: None})

    def _is_class(self, schema: Json, seen: dict[str, bool | None]) -> bool:
        if not isinstance(schema, dict) or "$ref" in schema or "const" in schema:
            return False
        if is_enum(schema):
            return True
        if "enum" in schema or schema.get("type") not in (None, "object"):
            return False
        if not all(self.only_asserts(schema.get(key)) for key in ("anyOf", "oneOf")):
            return has_properties(schema)
        members = schema.get("allOf")
        if not isinstance(members, list):
            return has_properties(schema)
        shapes = [self._object_shape(member, seen) for member in members]
        return all(shape is not None for shape in shapes) and (any(shapes) or has_properties(schema))

    def only_asserts(self, members: Json) -> bool:
        """Whether members of an anyOf or oneOf restrict an object without giving it properties."""
        if not isinstance(members, list):
            return members is None
        asserting = {"required", "not", "minProperties", "maxProperties"}
        return all(
            isinstance(member, dict)
            and bool(asserting & set(member))
            and set(member) <= asserting | {"type", "properties"} | ANNOTATIONS
            and member.get("type") in (None, "object")
            and all(value == {} or value is True for value in _entries(member.get("properties")))
            for member in members
        )

    def _object_shape(self, schema: Json, seen: dict[str, bool | None]) -> bool | None:
        """True: an object with properties; False: it may restrict one; None: something else.

        `seen` holds the answer for each schema met before, and None for those that are still open.
        """
        if schema is True:
            return False
        if not isinstance(schema, dict) or "const" in schema or "enum" in schema:
            return None
        ref = schema.get("$ref")
        if isinstance(ref, str):
            name = ref.removeprefix(PREFIX)
            if name not in seen:
                seen[name] = None
                seen[name] = self._object_shape(self.schemas.get(ClassName(name)), seen)
            return seen[name]
        if schema.get("type") not in (None, "object"):
            return None
        if not all(self.only_asserts(schema.get(key)) for key in ("anyOf", "oneOf")):
            return True if has_properties(schema) else None
        members = schema.get("allOf")
        shapes = [self._object_shape(member, seen) for member in members] if isinstance(members, list) else []
        if any(shape is None for shape in shapes):
            return None
        return has_properties(schema) or any(shapes)

    def of_name(self, name: ClassName | None) -> TypeRef:
        """Return the type of the schema `name`; None means any value."""
        if name is None:
            return ANYTHING
        return self.of({"$ref": PREFIX + name})

    def of(self, schema: Json) -> TypeRef:
        """Return the type of the values that `schema` accepts."""
        return self._type(schema, {})

    def _type(self, schema: Json, seen: dict[str, TypeRef]) -> TypeRef:
        """As `of`; `seen` holds the type of each schema met before: anything while it is still open."""
        if not isinstance(schema, dict):
            return ANYTHING
        ref = schema.get("$ref")
        if isinstance(ref, str):
            name = ClassName(ref.removeprefix(PREFIX))
            if self.is_class(name):
                return TypeRef(name, frozenset({name}))
            if name not in seen:
                seen[name] = ANYTHING
                found = self._type(self.schemas.get(name), seen)
                seen[name] = found if len(found.expr) <= _MAX_LENGTH else ANYTHING
            return seen[name]
        if "const" in schema:
            return literal([schema["const"]])
        values = schema.get("enum")
        if isinstance(values, list):
            return literal(values)
        for key in ("anyOf", "oneOf"):
            members = schema.get(key)
            if isinstance(members, list) and not self.only_asserts(members):
                return union([self._type(member, seen) for member in members])
        kind = schema.get("type")
        if isinstance(kind, list):
            return union([self._of_type(str(one), schema, seen) for one in kind])
        parts = schema.get("allOf")
        if isinstance(parts, list):
            return self._intersection(parts, kind, schema, seen)
        return self._of_type(str(kind), schema, seen)

    def _intersection(
        self, members: list[Json], kind: Json, schema: Mapping[str, Json], seen: dict[str, TypeRef]
    ) -> TypeRef:
        """Return the narrowest type among the members; the schema sees to the rest."""
        types = [self._type(member, seen) for member in members]
        if isinstance(kind, str):
            types.append(self._of_type(kind, schema, seen))
        exact = [one for one in types if one != ANYTHING and "JsonValue" not in one.expr]
        if len({one.expr for one in exact}) == 1:
            return exact[0]
        scalars = {
            one.expr: one for one in exact if not one.models and "[" not in one.expr and "|" not in one.expr
        }
        if len(scalars) == len({one.expr for one in exact}) and {"int", "float"} == set(scalars):
            return scalars["int"]
        loose = [one for one in types if one != ANYTHING]
        if len({one.expr for one in loose}) == 1:
            return loose[0]
        return ANYTHING

    def _of_type(self, kind: str, schema: Mapping[str, Json], seen: dict[str, TypeRef]) -> TypeRef:
        if kind == "string":
            return _FORMATS.get(str(schema.get("format")), TEXT)
        if kind in _PLAIN:
            return _PLAIN[kind]
        if kind == "array":
            tuple_form = "prefixItems" in schema
            return wrap("list", ANYTHING if tuple_form else self._type(schema.get("items"), seen))
        if kind == "object":
            extra = schema.get("additionalProperties")
            typed = (
                isinstance(extra, dict) and "patternProperties" not in schema and "properties" not in schema
            )
            value = self._type(extra, seen) if typed else ANYTHING
            return TypeRef(f"dict[str, {value.expr}]", value.models, value.imports)
        return ANYTHING

    # -- defaults -------------------------------------------------------------------------------------------

    def fits(self, value: Json, kind: TypeRef) -> bool:
        """Whether a default of that JSON value can stand for a parameter of type `kind`."""
        expr = kind.expr
        if kind == ANYTHING:
            return True
        return any(self._fits_one(value, part) for part in split(expr))

    def _fits_one(self, value: Json, expr: str) -> bool:
        if expr == "None":
            return value is None
        if expr == "bool":
            return isinstance(value, bool)
        if expr == "int":
            return isinstance(value, int) and not isinstance(value, bool)
        if expr == "float":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        if expr == "str":
            return isinstance(value, str)
        if expr in ("UUID", "date", "datetime"):
            return isinstance(value, str) and (expr != "date" or _is_date(value))
        if expr.startswith("Literal["):
            return literal([value]).expr[8:-1] in expr if isinstance(value, (str, int, bool)) else False
        if expr.startswith("list["):
            return isinstance(value, list)
        if expr.startswith("dict["):
            return isinstance(value, dict)
        schema = self.schemas.get(ClassName(expr))
        if is_enum(schema) and isinstance(schema, dict):
            values = schema["enum"]
            return isinstance(values, list) and value in values
        return isinstance(value, dict)

    def default(self, value: Json, kind: TypeRef) -> str | None:
        """Return `value` as a Python expression that may stand in a signature; None where there is none."""
        if value is None or isinstance(value, (bool, int, float)):
            scalar = any(part in ("None", "bool", "int", "float", "JsonValue") for part in split(kind.expr))
            if scalar and (value is not None or "None" in kind.expr or kind == ANYTHING):
                return repr(value)
        for name in sorted(kind.models):
            schema = self.schemas.get(name)
            if is_enum(schema) and isinstance(schema, dict) and isinstance(value, (str, int)):
                values = schema["enum"]
                if isinstance(values, list) and value in values and kind.expr.startswith(name):
                    return f"{name}.{enum_members(values)[values.index(value)]}"
        if isinstance(value, (str, int, bool)) and kind.expr.startswith("Literal["):
            return quoted(value)
        if isinstance(value, str) and (kind == ANYTHING or "str" in split(kind.expr)):
            return quoted(value)
        return None


def quoted(value: str | int | bool) -> str:
    """Return a literal with double quotes, as the formatter would write it."""
    if not isinstance(value, str):
        return repr(value)
    text = repr(value)
    if text[0] == "'" and '"' not in value:
        text = f'"{text[1:-1]}"'
    return text


def literal(values: list[Json]) -> TypeRef:
    """Return `Literal[...]` of values; floats, lists and mappings have none and give their plain type."""
    simple = [value for value in values if isinstance(value, (str, int, bool))]
    parts: list[TypeRef] = []
    if simple:
        inner = ", ".join(dict.fromkeys(quoted(value) for value in simple))
        parts.append(TypeRef(f"Literal[{inner}]", imports=frozenset({("typing", "Literal")})))
    if any(isinstance(value, float) for value in values):
        parts.append(TypeRef("float"))
    if any(isinstance(value, (list, dict)) for value in values) or not values:
        return ANYTHING
    if any(value is None for value in values):
        parts.append(NOTHING)
    return union(parts)


def _entries(value: Json) -> list[Json]:
    return list(value.values()) if isinstance(value, dict) else []


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
