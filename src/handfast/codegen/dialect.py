"""One schema object of OpenAPI 3.0 or 3.1 → the same in JSON Schema 2020-12, keyword by keyword."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.codegen.ir import Json
from handfast.codegen.patterns import Pattern, compilable
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Seq, plain
from handfast.codegen.types import ANNOTATIONS
from handfast.validation.formats import BOUNDS

_COPIED = (
    "title", "description", "type", "format", "enum", "const", "default", "deprecated", "readOnly",
    "writeOnly", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minContains", "maxContains",
    "minProperties", "maxProperties", "required", "dependentRequired", "contentEncoding",
    "contentMediaType", "xml",
)  # fmt: skip
_APPLICATORS = ("allOf", "anyOf", "oneOf", "not", "if")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The rules of the contract's version; in OpenAPI 3.0 null, bounds and siblings of `$ref` differ."""

    old: bool
    """Whether the contract is OpenAPI 3.0."""
    report: Report

    def types(self, node: Map) -> list[str]:
        """Return the types that the schema names, `null` included; empty means any."""
        kind = node.get("type")
        names = (
            [kind]
            if isinstance(kind, str)
            else [one for one in kind if isinstance(one, str)]
            if isinstance(kind, Seq)
            else []
        )
        if self.old and node.get("nullable") is True and names and "null" not in names:
            names = [*names, "null"]
        return names

    def is_nullable(self, node: Map) -> bool:
        """Whether the schema accepts null beside something else, as far as its own keywords tell."""
        names = self.types(node)
        values = node.get("enum")
        if isinstance(values, Seq):
            return None in values and (not names or "null" in names)
        return "null" in names

    def is_class(self, node: Map) -> bool:
        """Whether the schema, null aside, becomes a class of its own: properties, or an enum of one kind."""
        names = [name for name in self.types(node) if name != "null"]
        if "const" in node:
            return False
        values = node.get("enum")
        if isinstance(values, Seq):
            rest = [value for value in values if value is not None]
            texts = all(isinstance(value, str) for value in rest) and names in ([], ["string"])
            numbers = all(isinstance(value, int) and not isinstance(value, bool) for value in rest)
            return bool(rest) and (texts or (numbers and names in (["integer"], ["number"], [])))
        if names not in ([], ["object"]):
            return False
        if node.get("properties"):
            return True
        return self._merges(node)

    def _merges(self, node: Map) -> bool:
        """Whether the schema is an allOf that adds something to what it refers to."""
        members = node.get("allOf")
        if not isinstance(members, Seq):
            return False
        own = [
            one
            for one in members
            if isinstance(one, Map) and "$ref" not in one and self.is_class(one) and "enum" not in one
        ]
        refs = [one for one in members if isinstance(one, Map) and "$ref" in one]
        return bool(own) or (len(refs) > 1 and len(refs) == len(members))

    def keywords(self, node: Map) -> dict[str, Json]:
        """Return the keywords that hold no schemas, converted."""
        schema = {key: plain(node[key]) for key in _COPIED if key in node}
        examples = [plain(node["example"])] if "example" in node else plain(node.get("examples"))
        if isinstance(examples, list) and examples:
            schema["examples"] = examples
        names = self.types(node)
        if names:
            schema["type"] = names[0] if len(names) == 1 else list(names)
        self._null(node, schema, names)
        for key, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            value = schema.get(key)
            if isinstance(value, bool):
                del schema[key]
                if value and bound in schema:
                    schema[key] = schema.pop(bound)
        self._integer_format(schema)
        if not self.old and node.get("nullable") is True and "null" not in names and names:
            what = "`nullable` means nothing in OpenAPI 3.1, and is ignored"
            self.report.drop(node, "nullable", "old-keyword", what, f"write `type: [{names[0]}, 'null']`")
        self._pattern(node, schema)
        return schema

    def _null(self, node: Map, schema: dict[str, Json], names: list[str]) -> None:
        """A nullable type whose enum lacks null does not accept null: the enum decides."""
        values = node.get("enum")
        if isinstance(values, Seq) and "null" in names and None not in values:
            rest: list[Json] = [name for name in names if name != "null"]
            if rest:
                schema["type"] = rest[0] if len(rest) == 1 else rest

    def _pattern(self, node: Map, schema: dict[str, Json]) -> None:
        """Put the pattern in a form that compiles; lengths that it said take its place."""
        text = schema.get("pattern")
        if not isinstance(text, str):
            return
        pattern = self._compilable(node, "pattern", text)
        if pattern is None:
            del schema["pattern"]
            return
        schema["pattern"] = pattern.text
        low, high = schema.get("minLength"), schema.get("maxLength")
        if pattern.min_length is not None and not _at_least(low, pattern.min_length):
            schema["minLength"] = pattern.min_length
        if pattern.max_length is not None and not _at_most(high, pattern.max_length):
            schema["maxLength"] = pattern.max_length

    def name_pattern(self, owner: Map, text: str) -> str | None:
        """Return a key of `patternProperties` in a form that compiles; a finding says so if there is none."""
        pattern = self._compilable(owner, text, text)
        if pattern is None:
            return None
        if pattern.min_length is not None or pattern.max_length is not None:
            self._bad_pattern(owner, text, text)
            return None
        return pattern.text

    def _compilable(self, owner: Map, key: str, text: str) -> Pattern | None:
        pattern = compilable(text)
        if pattern is None:
            self._bad_pattern(owner, key, text)
        elif pattern.is_foreign:
            what = f"the pattern `{text[:60]}` is not of ECMA-262; it is taken as other languages take it"
            fix = "write it without flags in the text, `\\A`, `\\z`, `(?P<` and possessive repeats"
            self.report.warn(owner.key_source(key), "foreign-pattern", what, fix)
        elif pattern.inexact is not None:
            why, fix = pattern.inexact
            what = (
                f"the pattern `{text[:60]}` {why}: some texts may be taken that ECMA-262 refuses, or refused"
            )
            self.report.warn(owner.key_source(key), "inexact-pattern", what, fix)
        return pattern

    def _bad_pattern(self, owner: Map, key: str, text: str) -> None:
        what = f"the pattern `{text[:60]}` cannot be compiled, and is ignored"
        self.report.drop(owner, key, "bad-pattern", what, "write a regular expression of ECMA-262")

    def _integer_format(self, schema: dict[str, Json]) -> None:
        """Formats apply to texts only in 2020-12: those of whole numbers become bounds."""
        bounds = BOUNDS.get(str(schema.get("format")))
        kind = schema.get("type")
        whole = kind == "integer" or (
            isinstance(kind, list) and "integer" in kind and set(map(str, kind)) <= {"integer", "null"}
        )
        if bounds is None or not whole:
            return
        low, high = bounds
        if not _at_least(schema.get("minimum"), low) and not _at_least(schema.get("exclusiveMinimum"), low):
            schema["minimum"] = low
        if not _at_most(schema.get("maximum"), high) and not _at_most(schema.get("exclusiveMaximum"), high):
            schema["maximum"] = high

    def finish(self, node: Map, schema: dict[str, Json]) -> Json:
        """Settle what depends on several keywords: a lone allOf, and `nullable` beside other schemas."""
        members = schema.get("allOf")
        if isinstance(members, list) and len(members) == 1 and isinstance(members[0], dict):
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            if set(rest) <= ANNOTATIONS - {"discriminator", "format"}:
                schema = members[0] | rest
        values = node.get("enum")
        takes_null = node.get("nullable") is True and (not isinstance(values, Seq) or None in values)
        if self.old and takes_null and any(key in node for key in _APPLICATORS):
            outer = {
                key: schema.pop(key)
                for key in list(schema)
                if key in ANNOTATIONS - {"discriminator", "format"}
            }
            kind = schema.get("type")
            if isinstance(kind, list):
                rest_types: list[Json] = [one for one in kind if one != "null"]
                schema["type"] = rest_types[0] if len(rest_types) == 1 else rest_types
            return {"anyOf": [schema, {"type": "null"}], **outer}
        return schema


def _at_least(value: Json, low: int) -> bool:
    return isinstance(value, (int, float)) and value >= low


def _at_most(value: Json, high: int) -> bool:
    return isinstance(value, (int, float)) and value <= high
