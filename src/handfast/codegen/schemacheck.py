"""The keywords of one schema object whose values may have several shapes."""

from __future__ import annotations

from handfast.codegen.report import Report, listed, nearest
from handfast.codegen.source import Map, Node, Seq, kind_of

TYPES = ("null", "boolean", "object", "array", "number", "string", "integer")
KEYWORDS = frozenset((
    "type", "enum", "const", "default", "example", "examples", "exclusiveMinimum",
    "exclusiveMaximum", "dependentRequired", "dependencies", "$ref", "$schema", "$comment", "$vocabulary",
    "$recursiveRef", "$recursiveAnchor", "id",
))  # fmt: skip
"""Keywords that the grammar leaves to this module or that carry data."""
_COUNTS = (
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
)
_FOREIGN = {
    "any": "no `type` at all",
    "bool": "`type: boolean`",
    "date": "`type: string` with `format: date`",
    "datetime": "`type: string` with `format: date-time`",
    "decimal": "`type: number`",
    "dict": "`type: object`",
    "double": "`type: number`",
    "file": "`type: string` with `format: binary`",
    "float": "`type: number`",
    "int": "`type: integer`",
    "list": "`type: array`",
    "long": "`type: integer`",
    "map": "`type: object`",
    "str": "`type: string`",
    "text": "`type: string`",
    "uuid": "`type: string` with `format: uuid`",
}
"""Types of other languages that authors write, and what they mean."""


def check(schema: Map, report: Report) -> None:
    """Mend or drop, with a warning, what would not be a schema; a wrong structure is fatal."""
    _types(schema, report)
    _enum(schema, report)
    _numbers(schema, report)
    for key in ("allOf", "anyOf", "oneOf", "prefixItems"):
        if key in schema and not schema[key]:
            _drop(schema, key, f"`{key}` is an empty list", "list at least one schema", report)
    _dependent(schema, report)


def _drop(schema: Map, key: str, what: str, fix: str, report: Report) -> None:
    report.warn(schema.key_source(key), "wrong-value", f"{what}; it is ignored", fix)
    del schema[key]


def _types(schema: Map, report: Report) -> None:
    if "type" not in schema:
        return
    value = schema["type"]
    if value is None:
        _drop(schema, "type", "`type` is empty", "write `'null'` in quotes if null is meant", report)
    elif isinstance(value, str):
        if value not in TYPES:
            _drop(schema, "type", f"`{value[:40]}` is no type", _type_fix(value), report)
    elif isinstance(value, Seq):
        kept = value.empty_copy()
        for index, item in enumerate(value):
            name = "null" if item is None else item
            if not isinstance(name, str) or name not in TYPES:
                shown = f"`{name[:40]}`" if isinstance(name, str) else kind_of(item)
                fix = _type_fix(name if isinstance(name, str) else "")
                report.warn(
                    value.value_source(index), "wrong-value", f"{shown} is no type; it is ignored", fix
                )
            elif name in kept:
                what = f"`{name}` is given twice"
                report.warn(value.value_source(index), "given-twice", what, "remove one of the two")
            else:
                if item is None:
                    what = "the type `null` is written as nothing"
                    report.warn(value.value_source(index), "wrong-value", what, "write `'null'` in quotes")
                kept.put_from(value, index, name)
        if kept:
            schema["type"] = kept
        else:
            _drop(schema, "type", "`type` names no type", _type_fix(""), report)
    else:
        what = f"`type` must be a text or a list of texts, not {kind_of(value)}"
        report.error(schema.value_source("type"), "wrong-structure", what, f"write {listed(TYPES)}")
        del schema["type"]


def _type_fix(word: str) -> str:
    foreign = _FOREIGN.get(word.lower())
    if foreign:
        return f"write {foreign}"
    near = nearest(word, TYPES)
    return f"did you mean `{near}`?" if near else f"write {listed(TYPES)}"


def _enum(schema: Map, report: Report) -> None:
    value = schema.get("enum")
    if "enum" in schema and not isinstance(value, Seq):
        if value is None:
            _drop(schema, "enum", "`enum` is empty", "list the values", report)
            return
        what = f"`enum` must be a list of values, not {kind_of(value)}"
        report.error(schema.value_source("enum"), "wrong-structure", what, "list the values")
        del schema["enum"]


def _numbers(schema: Map, report: Report) -> None:
    for key in ("exclusiveMinimum", "exclusiveMaximum"):
        if key in schema and not isinstance(schema[key], (bool, int, float)):
            _drop(schema, key, f"`{key}` must be a number or a boolean", "write a number", report)
    for key in _COUNTS:
        value = schema.get(key)
        if isinstance(value, (int, float)) and (value < 0 or value != int(value)):
            _drop(schema, key, f"`{key}` must be a whole number from 0", "write such a number", report)
        elif isinstance(value, float):
            schema[key] = int(value)
    multiple = schema.get("multipleOf")
    if isinstance(multiple, (int, float)) and multiple <= 0:
        _drop(schema, "multipleOf", "`multipleOf` must be greater than 0", "write such a number", report)


def _dependent(schema: Map, report: Report) -> None:
    for key in ("dependentRequired", "dependencies"):
        value = schema.get(key)
        if key in schema and not _is_dependent(value):
            _drop(
                schema,
                key,
                f"`{key}` must map names to lists of names",
                "use `dependentSchemas` for schemas",
                report,
            )


def _is_dependent(value: Node) -> bool:
    return isinstance(value, Map) and all(
        isinstance(names, Seq) and all(isinstance(name, str) for name in names) for names in value.values()
    )
