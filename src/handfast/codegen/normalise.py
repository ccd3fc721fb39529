"""Schemas of a checked document → named JSON Schemas 2020-12, one flat table for validation and models alike.

Every schema that a handler could meet gets a name: components keep theirs, the schemas of parameters,
bodies, responses and headers are hoisted under the name of what they belong to, and so is every object and
enum inside them. The result accepts exactly the values that the author's schema accepts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from handfast.codegen import clashes
from handfast.codegen import pointer as pointers
from handfast.codegen.choices import Choice
from handfast.codegen.dialect import Dialect
from handfast.codegen.dynamic import NOWHERE, Scope, Scopes
from handfast.codegen.ir import ClassName, Json
from handfast.codegen.names import Namer, pascal
from handfast.codegen.report import Report, nearest
from handfast.codegen.source import Map, Node, Seq, plain, strings
from handfast.codegen.types import ANNOTATIONS, PREFIX, Types
from handfast.codegen.wrongvalues import WrongValues

_CARRIED = ("default", "deprecated", "readOnly", "writeOnly", "xml")
"""Annotations of a hoisted schema that stay with the property as well."""
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "dependentSchemas")
_SINGLES = (
    "not", "if", "then", "else", "contains", "propertyNames", "additionalProperties", "unevaluatedProperties",
    "unevaluatedItems", "items",
)  # fmt: skip
_HOISTED = frozenset(("properties", "items", "prefixItems", "additionalProperties", "anyOf", "oneOf"))
NULL: dict[str, Json] = {"type": "null"}


@dataclass(frozen=True, slots=True)
class Named:
    """The name of a schema, and whether it stands for `null` besides."""

    name: ClassName
    nullable: bool

    def ref(self) -> dict[str, Json]:
        """Return the schema that refers to it."""
        ref: dict[str, Json] = {"$ref": PREFIX + self.name}
        return {"anyOf": [ref, dict(NULL)]} if self.nullable else ref


class Normaliser:
    """Names and converts the schemas of one document."""

    def __init__(self, root: Map, report: Report) -> None:
        self.root = root
        self.report = report
        self.schemas: dict[ClassName, Json] = {}
        self.types = Types(self.schemas)
        self.namer = Namer()
        self.dialect = Dialect(str(root.get("openapi", "")).startswith("3.0"), report)
        self._wrong_values = WrongValues(report)
        self._named: dict[tuple[int, Scope], tuple[Map, Named]] = {}
        """id of a node and the way to it → the node, kept so that no other gets its id, and its name."""
        self._scopes = Scopes(root)
        self._scope = NOWHERE
        """The way by which the schema that is being converted was reached."""
        self._aliases: dict[ClassName, ClassName] = {}
        self._queue: deque[tuple[Map, ClassName, bool, Scope]] = deque()
        self._component_names: dict[str, Named] = {}
        self._choices: list[Choice] = []
        """Discriminators whose branches may not have been converted yet."""

    def reserve(self, names: list[str]) -> None:
        """Keep class names from being given to schemas."""
        for name in names:
            self.namer.reserve(name)

    def components(self) -> None:
        """Name every schema of `components.schemas`, in the author's order."""
        components = self.root.get("components")
        schemas = components.get("schemas") if isinstance(components, Map) else None
        if not isinstance(schemas, Map):
            return
        for exact in (True, False):  # a valid class name is kept, whatever comes before it
            for key, node in schemas.items():
                if (pascal(key) == key) is exact:
                    known = len(self._named)
                    self._component(key, node)
                    if len(self._named) > known or not isinstance(node, Map):  # else an alias of YAML
                        name = self._component_names[key].name
                        clashes.tell(self.report, schemas.key_source(key), "schema", key, name)
        order = [self._component_names[key].name for key in schemas]
        for name in order:
            self.schemas[name] = self.schemas.pop(name)
        self._drain()

    def places(self) -> Iterator[tuple[Map, ClassName]]:
        """Yield where each named schema stands, and its name; those that take null beside it are left out."""
        return ((node, named.name) for node, named in self._named.values() if not named.nullable)

    def is_component(self, name: str) -> bool:
        """Whether `name` is the class of a schema that the author has named."""
        return any(named.name == name for named in self._component_names.values())

    def _component(self, key: str, node: Node) -> None:
        if isinstance(node, Map):
            self._component_names[key] = self._define(node, key)
            return
        name = self.namer.cls(key)
        self.schemas[name] = node if isinstance(node, bool) else True
        self._component_names[key] = Named(name, False)

    def name(self, node: Node, hint: str) -> ClassName | None:
        """Return the name of the schema at `node`, hoisted as `hint` where it has none; None is any value."""
        if node is None or node is True or node == {}:
            return None
        if not isinstance(node, Map):
            name = self.namer.cls(hint)
            self.schemas[name] = node is not False
            return name
        named = self._alias_of(node) or self._define(node, hint)
        self._drain()
        return self._with_null(named) if named.nullable else named.name

    def _alias_of(self, node: Map) -> Named | None:
        """Return the name behind a plain `$ref`."""
        if "$ref" not in node:
            return None
        ignored = self.dialect.old
        if not ignored and not set(node) - {"$ref"} <= ANNOTATIONS | {"summary"}:
            return None
        target = self._target(str(node["$ref"]))
        if isinstance(target, Named):
            return Named(target.name, target.nullable or (ignored and node.get("nullable") is True))
        return None

    def _with_null(self, named: Named) -> ClassName:
        alias = self._aliases.get(named.name)
        if alias is None:
            alias = self.namer.cls(f"{named.name}OrNull")
            self._aliases[named.name] = alias
            self.schemas[alias] = named.ref()
        return alias

    def _define(self, node: Map, hint: str) -> Named:
        scope = self._scopes.enter(self._scope, node)
        known = self._named.get((id(node), scope))
        if known is not None:
            return known[1]
        name = self.namer.cls(hint)
        nullable = self.dialect.is_class(node) and self.dialect.is_nullable(node)
        named = Named(name, nullable)
        self._named[id(node), scope] = (node, named)
        self.schemas[name] = True
        self._queue.append((node, name, nullable, scope))
        return named

    def _drain(self) -> None:
        while self._queue:
            node, name, nullable, self._scope = self._queue.popleft()
            schema = self._convert(node, name)
            self.schemas[name] = _without_null(schema) if nullable else schema
        self._scope = NOWHERE
        if self._scopes.too_many:
            what = "dynamic references make more kinds of schemas than can be told apart"
            self.report.error(self.root.source, "too-many-scopes", what, "use `$ref` in some of them")
            self._scopes.too_many = False
        if self._choices:
            names = {named.name: key for key, named in self._component_names.items()}
            for choice in self._choices:
                choice.settle(self.schemas, names, self.report)
            self._choices.clear()

    def _target(self, ref: str) -> Named | bool:
        """Return what a local reference names; that it exists has been checked."""
        try:
            node = pointers.lookup(self.root, ref[1:])
        except pointers.Dangling:
            return True
        if not isinstance(node, Map):
            return node is not False
        tokens = pointers.tokens(ref[1:])
        hint = " ".join(
            token for token in tokens if token not in ("components", "schemas", "properties", "schema")
        )
        return self._define(node, hint)

    # -- one schema -----------------------------------------------------------------------------------------

    def _child(self, node: Node, hint: str) -> Json:
        """Convert a schema inside another; an object or an enum becomes a definition of its own."""
        if isinstance(node, Map) and "$ref" not in node and self.dialect.is_class(node):
            ref = self._define(node, hint).ref()
            return ref | {key: plain(node[key]) for key in _CARRIED if key in node}
        return self._convert(node, hint)

    def _convert(self, node: Node, hint: str) -> Json:
        if isinstance(node, bool):
            return node
        if not isinstance(node, Map):
            return True
        outer, self._scope = self._scope, self._scopes.enter(self._scope, node)
        try:
            if "$ref" in node:
                return self._reference(node, hint)
            if "$dynamicRef" in node and not self.dialect.old:
                return self._beside(node, self._dynamic(node, hint), hint)
            return self._keywords(node, hint)
        finally:
            self._scope = outer

    def _keywords(self, node: Map, hint: str) -> Json:
        schema = self.dialect.keywords(node)
        for key in _SINGLES:
            if key in node and not isinstance(node[key], Seq):
                schema[key] = self._sub(key, node[key], f"{hint} {_SUFFIX.get(key, key)}")
        for key in _LISTS:
            value = node.get(key)
            if isinstance(value, Seq):
                schema[key] = [
                    self._sub(key, item, self._member(key, item, hint, at)) for at, item in enumerate(value)
                ]
        for key in _MAPS:
            value = node.get(key)
            if isinstance(value, Map):
                schema[key] = {name: self._sub(key, item, f"{hint} {name}") for name, item in value.items()}
        self._by_pattern(node, schema, hint)
        self._dependencies(node, schema, hint)
        clashes.tell_properties(self.report, node.get("properties"))
        items = node.get("items")
        if isinstance(items, Seq):
            schema["prefixItems"] = [
                self._sub("prefixItems", item, f"{hint} item {at + 1}") for at, item in enumerate(items)
            ]
            if "additionalItems" in node:
                schema["items"] = self._sub("items", node["additionalItems"], f"{hint} item")
        self._discriminator(node, schema)
        self._wrong_values.check(node, schema)
        return self.dialect.finish(node, schema)

    def _dependencies(self, node: Map, schema: dict[str, Json], hint: str) -> None:
        """Give the keyword of drafts before 2019-09 the names that it has since."""
        value = node.get("dependencies")
        if self.dialect.old or not isinstance(value, Map):
            return
        names, schemas = schema.get("dependentRequired"), schema.get("dependentSchemas")
        required = dict(names) if isinstance(names, dict) else {}
        dependent = dict(schemas) if isinstance(schemas, dict) else {}
        for name, item in value.items():
            if isinstance(item, Seq):
                known = required.get(name)
                required[name] = [*(known if isinstance(known, list) else []), *strings(item)]
            else:
                made = self._sub("dependentSchemas", item, f"{hint} {name}")
                dependent[name] = {"allOf": [dependent[name], made]} if name in dependent else made
        if required:
            schema["dependentRequired"] = required
        if dependent:
            schema["dependentSchemas"] = dependent

    def _by_pattern(self, node: Map, schema: dict[str, Json], hint: str) -> None:
        """Convert `patternProperties`; what one that cannot be compiled would match is not refused either."""
        value = node.get("patternProperties")
        if not isinstance(value, Map):
            return
        found: dict[str, list[Json]] = {}
        for text, item in value.items():
            pattern = self.dialect.name_pattern(value, text)
            if pattern is None:
                schema.pop("additionalProperties", None)
                schema.pop("unevaluatedProperties", None)
            else:
                made = self._sub("patternProperties", item, f"{hint} {text}")
                found.setdefault(pattern, []).append(made)
        schema["patternProperties"] = {
            text: made[0] if len(made) == 1 else {"allOf": made} for text, made in found.items()
        }

    def _sub(self, key: str, node: Node, hint: str) -> Json:
        return self._child(node, hint) if key in _HOISTED else self._convert(node, hint)

    def _member(self, key: str, item: Node, hint: str, at: int) -> str:
        """Name a member: those of allOf are parts of the whole, variants differ by title or number."""
        if key == "allOf":
            return hint
        title = item.get("title") if isinstance(item, Map) else None
        if key != "prefixItems" and isinstance(title, str) and title.isascii() and 0 < len(title) <= 40:
            return title if pascal(title) not in self.schemas else f"{hint} {title}"
        return f"{hint} {'item' if key == 'prefixItems' else 'variant'} {at + 1}"

    def _reference(self, node: Map, hint: str) -> Json:
        target = self._target(str(node["$ref"]))
        schema: dict[str, Json] = target.ref() if isinstance(target, Named) else {}
        if target is False:
            return False
        if "$dynamicRef" in node and not self.dialect.old:
            schema = {"allOf": [schema, self._dynamic(node, hint)]}
        schema = self._beside(node, schema, hint)
        if self.dialect.old and node.get("nullable") is True and "anyOf" not in schema:
            ref = {"$ref": schema.pop("$ref")} if "$ref" in schema else {}
            schema = {"anyOf": [ref, dict(NULL)], **schema}
        return schema

    def _beside(self, node: Map, schema: dict[str, Json], hint: str) -> dict[str, Json]:
        """Return `schema`, which the references of `node` stand for, with what stands beside them."""
        siblings = node.empty_copy()
        for key in node:
            if key not in ("$ref", "$dynamicRef") and (not self.dialect.old or key in ANNOTATIONS):
                siblings.put_from(node, key, node[key])
        beside = self._convert(siblings, hint) if siblings else {}
        if not isinstance(beside, dict):
            return schema
        clash = bool(set(beside) & set(schema))
        return {"allOf": [schema, beside]} if clash else schema | beside

    def _dynamic(self, node: Map, hint: str) -> dict[str, Json]:
        target = self._scopes.target(node, self._scope)
        if target is None:
            what = f"`{node['$dynamicRef']}` names no dynamic anchor, and is ignored"
            fix = "give a schema of the same resource that `$dynamicAnchor`, or use `$ref`"
            self.report.drop(node, "$dynamicRef", "dangling-ref", what, fix)
            return {}
        return self._define(target, hint).ref()

    def _discriminator(self, node: Map, schema: dict[str, Json]) -> None:
        value = node.get("discriminator")
        if not isinstance(value, Map):
            return
        name = value.get("propertyName")
        if not isinstance(name, str):
            what = "the discriminator names no property, and is ignored"
            self.report.drop(node, "discriminator", "wrong-value", what, "add `propertyName`")
            return
        mapping: dict[str, Json] = {}
        explicit = value.get("mapping")
        for key, ref in explicit.items() if isinstance(explicit, Map) else ():
            found = self._mapped(ref)
            if found is not None:
                mapping[key] = PREFIX + found
            elif isinstance(explicit, Map):
                near = nearest(str(ref).rsplit("/", 1)[-1], list(self._component_names))
                fix = f"did you mean `{near}`?" if near else "name a schema of the contract"
                what = f"the discriminator value `{key}` names no schema, and is ignored"
                place = explicit.value_source(key)
                self.report.drop(explicit, key, "dangling-mapping", what, fix, source=place)
        branches = [*_list(schema.get("oneOf")), *_list(schema.get("anyOf"))]
        self._choices.append(Choice(value, name, mapping, branches))
        made: dict[str, Json] = {"propertyName": name, "mapping": mapping}
        schema["discriminator"] = made
        default = value.get("defaultMapping")
        fallback = self._mapped(default)
        if fallback is not None:
            made["defaultMapping"] = PREFIX + fallback
        elif default is not None:
            what = f"the discriminator's `defaultMapping` `{default}` names no schema, and is ignored"
            fix = "name a schema of the contract"
            self.report.warn(value.value_source("defaultMapping"), "dangling-mapping", what, fix)

    def _mapped(self, ref: Node) -> ClassName | None:
        if not isinstance(ref, str):
            return None
        if ref in self._component_names:
            return self._component_names[ref].name
        if not ref.startswith("#/"):
            return None
        try:
            node = pointers.lookup(self.root, ref[1:])
        except pointers.Dangling:
            return None
        return self._define(node, ref.rsplit("/", 1)[-1]).name if isinstance(node, Map) else None


_SUFFIX = {"items": "item", "additionalProperties": "value"}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _without_null(schema: Json) -> Json:
    """Return the schema of the values other than null."""
    if not isinstance(schema, dict):
        return schema
    result = dict(schema)
    kind = result.get("type")
    if isinstance(kind, list):
        rest = [one for one in kind if one != "null"]
        result["type"] = rest[0] if len(rest) == 1 else rest
    values = result.get("enum")
    if isinstance(values, list):
        result["enum"] = [value for value in values if value is not None]
    return result
