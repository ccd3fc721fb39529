"""Schemas of one contract as self-contained documents of JSON Schema 2020-12, for one direction.

The accepting side of a comparison is *closed*: a property that the contract does not declare, where it is
silent on further ones, is one that nobody may rely on. So an optional property may be added to an object
without breaking those who might have sent something else under that name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from handfast.codegen.ir import ClassName
from handfast.codegen.normalise import Normaliser
from handfast.codegen.source import Map, Node
from handfast.validation.directions import LOCAL, Directed, Direction, Schema

_DATA = frozenset(("enum", "const"))
_PARTS = ("allOf", "anyOf", "oneOf")
_NESTED = ("items", "additionalProperties", "unevaluatedItems")
_Names = frozenset[str]


class Documents:
    """Makes documents of the schemas of one contract."""

    def __init__(self, schemas: Normaliser) -> None:
        """Take the contract's schemas, which may grow while they are asked for."""
        self._schemas = schemas
        self._directed: dict[Direction, Directed] = {}
        self._references: dict[tuple[Direction, str], tuple[str, ...]] = {}

    def name(self, node: Map) -> str:
        """Return the name under which the schema at `node` is known."""
        return str(self._schemas.name(node, "part") or "")

    def of(self, nodes: tuple[Node, ...], view: Direction) -> Schema:
        """Return the document of what all `nodes` admit together."""
        parts: list[Schema] = [self._part(node) for node in nodes]
        return self.whole(parts[0] if len(parts) == 1 else {"allOf": parts}, view)

    def of_keywords(
        self, node: Map, keys: frozenset[str], view: Direction, names: frozenset[str] = frozenset()
    ) -> Schema:
        """Return the document of what the keywords `keys` of `node` say, of all of it where they are not.

        Of the keywords `names`, which hold schemas by name, only the names count.
        """
        schema: Any = self._schemas.schemas.get(ClassName(self.name(node)))
        if not isinstance(schema, dict) or not keys & schema.keys():
            return self.of((node,), view)
        said = {key: value for key, value in schema.items() if key in keys}
        return self.whole(said | {key: dict.fromkeys(said[key], True) for key in names & said.keys()}, view)

    def whole(self, schema: Schema, view: Direction) -> Schema:
        """Return a schema that refers to schemas of the contract with all that it reaches."""
        directed = self._of(view)
        made = directed.of(schema)
        needed: dict[str, Schema] = {}
        waiting = list(_references(made))
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed[name] = self._definition(directed, name)
                waiting += self._refers(directed, view, name)
        if not isinstance(made, dict) or not needed:
            return made
        return {**made, "$defs": needed}

    def _part(self, node: Node) -> Schema:
        if isinstance(node, Map):
            name = self.name(node)
            return {"$ref": LOCAL + name} if name else True
        return node is not False

    def _of(self, view: Direction) -> Directed:
        if view not in self._directed:
            schemas: Any = self._schemas.schemas
            self._directed[view] = Directed(schemas, view, lambda name: LOCAL + quote(name), at_once=False)
        return self._directed[view]

    def _definition(self, directed: Directed, name: str) -> Schema:
        if name not in directed.definitions:
            schemas: Mapping[str, Any] = self._schemas.schemas  # type: ignore[assignment]  # keyed by class names
            directed.definitions[name] = directed.of(schemas[name])
        return directed.definitions[name]

    def _refers(self, directed: Directed, view: Direction, name: str) -> tuple[str, ...]:
        if (view, name) not in self._references:
            self._references[view, name] = tuple(_references(self._definition(directed, name)))
        return self._references[view, name]


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref.startswith(LOCAL):
            yield unquote(ref.removeprefix(LOCAL))
        for key, value in schema.items():
            if key not in _DATA:
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


# --- what nobody has declared ---------------------------------------------------------------------


_Asked = tuple[str, "_Names | None"]
"""A definition, and which of its properties others describe too; None where it says all of a value."""
_Memo = dict[tuple[int, str], tuple[Schema, Schema, tuple[_Asked, ...]]]
"""id and variant of a definition → itself, so that its id stays its own; closed; what that refers to."""


class Closing:
    """Closes documents, and each of the definitions that they share once."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._memo: _Memo = {}

    def closed(self, document: Schema) -> Schema:
        """Return `document` without the values that hold properties of which it says nothing."""
        return _Closer(document, self._memo).run()


_INSIDE = (*_NESTED, "contains", "unevaluatedProperties", "propertyNames")


def shallow(document: Schema) -> Schema:
    """Return what a document says of a value itself, and nothing of what is inside: it admits more."""
    defs: dict[str, Schema] = document.get("$defs", {}) if isinstance(document, dict) else {}
    needed: dict[str, Schema] = {}

    def of(schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        out = {
            key: value for key, value in schema.items() if key not in ("$defs", "not", "if", "then", "else")
        }
        target = _local(schema)
        if target in defs and target not in needed:
            needed[str(target)] = True
            needed[str(target)] = of(defs[str(target)])
        for key in _PARTS:
            if key in out:
                out[key] = [of(one) for one in out[key]]
        for key in ("properties", "patternProperties"):
            if key in out:
                out[key] = {name: one is not False for name, one in out[key].items()}
        for key in _INSIDE:
            if isinstance(out.get(key), dict):
                out[key] = True
        if "oneOf" in out:
            out["anyOf"] = [{"anyOf": out.pop("oneOf")}] if "anyOf" not in out else out["anyOf"]
        out.pop("oneOf", None)
        out.pop("dependentSchemas", None)
        out.pop("prefixItems", None)
        return out

    made = of(document)
    return {**made, "$defs": needed} if isinstance(made, dict) and needed else made


class _Closer:
    def __init__(self, document: Schema, memo: _Memo) -> None:
        self.document, self.memo = document, memo
        self.defs: dict[str, Schema] = document.get("$defs", {}) if isinstance(document, dict) else {}
        self.made: dict[str, Schema] = {}
        self.waiting: list[_Asked] = []
        self.asked: list[_Asked] = []

    def run(self) -> Schema:
        if not isinstance(self.document, dict):
            return self.document
        root = self.whole({key: value for key, value in self.document.items() if key != "$defs"})
        while self.waiting:
            self.define(*self.waiting.pop())
        if not isinstance(root, dict):
            return root
        return {**root, "$defs": {**self.defs, **self.made}} if self.defs else root

    def define(self, name: str, several: _Names | None) -> None:
        """Close a definition, or take it as it was closed for another document of the same contract."""
        schema, key = self.defs[name], _variant(name, several)
        known = self.memo.get((id(schema), key))
        if known is None:
            self.asked = []
            made = self.whole(schema) if several is None else self.part(schema, several)
            known = self.memo[id(schema), key] = schema, made, tuple(self.asked)
        self.made[key] = known[1]
        for asked in known[2]:
            self.ref(*asked)

    def ref(self, name: str, several: _Names | None) -> str:
        """Refer to a schema: one that says all of a value (None), or a part of it."""
        self.asked.append((name, several))
        key = _variant(name, several)
        if key not in self.made:
            self.made[key] = True
            self.waiting.append((name, several))
        return LOCAL + quote(key)

    def whole(self, schema: Schema) -> Schema:
        """Close a schema that alone says what a value may be."""
        if not isinstance(schema, dict):
            return schema
        target = _local(schema)
        if target in self.defs and len(schema) == 1:
            return {"$ref": self.ref(str(target), None)}
        declared: dict[str, int] = {}
        patterns: set[str] = set()
        is_open = self.declared(schema, declared, patterns, set())
        part = self.part(schema, frozenset(name for name, count in declared.items() if count > 1))
        if is_open or not declared:
            return part
        closing: dict[str, Any] = {"properties": dict.fromkeys(declared, True), "additionalProperties": False}
        if patterns:
            closing["patternProperties"] = dict.fromkeys(patterns, True)
        return {"allOf": [part, closing]}

    def declared(self, schema: Any, names: dict[str, int], patterns: set[str], seen: set[str]) -> bool:
        """Collect the properties that are declared for a value; return whether it says others may be."""
        if not isinstance(schema, dict):
            return False
        is_open = any(
            schema.get(key, False) is not False for key in ("additionalProperties", "unevaluatedProperties")
        )
        for name in schema.get("properties", {}):
            names[name] = names.get(name, 0) + 1
        patterns.update(schema.get("patternProperties", {}))
        target = _local(schema)
        if target in self.defs and target not in seen:
            is_open |= self.declared(self.defs[str(target)], names, patterns, seen | {str(target)})
        inner = [one for key in _PARTS for one in schema.get(key, ())]
        inner += [schema[key] for key in ("if", "then", "else") if key in schema]
        inner += schema.get("dependentSchemas", {}).values()
        for one in inner:
            is_open |= self.declared(one, names, patterns, seen)
        return is_open

    def part(self, schema: Schema, several: _Names) -> Schema:
        """Close what is inside of a schema; `several` are properties that more than one part describes."""
        if not isinstance(schema, dict):
            return schema
        out: dict[str, Any] = dict(schema)
        target = _local(schema)
        if target in self.defs:
            out["$ref"] = self.ref(str(target), several)
        for key in _PARTS:
            if key in schema:
                out[key] = [self.part(one, several) for one in schema[key]]
        for key in ("then", "else"):
            if key in schema:
                out[key] = self.part(schema[key], several)
        for key in _NESTED:
            if key in schema:
                out[key] = self.whole(schema[key])
        if "prefixItems" in schema:
            out["prefixItems"] = [self.whole(one) for one in schema["prefixItems"]]
        if "properties" in schema:
            out["properties"] = {
                name: one if name in several else self.whole(one)
                for name, one in schema["properties"].items()
            }
        if "patternProperties" in schema:
            out["patternProperties"] = {
                name: self.whole(one) for name, one in schema["patternProperties"].items()
            }
        return out


def _variant(name: str, several: _Names | None) -> str:
    if several is None:
        return f"{name}.whole"
    return f"{name}.part" + "".join(f".{one}" for one in sorted(several))


def _local(schema: dict[str, Any]) -> str | None:
    ref = schema.get("$ref")
    return unquote(ref.removeprefix(LOCAL)) if isinstance(ref, str) and ref.startswith(LOCAL) else None
