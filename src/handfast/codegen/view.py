"""The contract's schemas as types: what remains of a schema when only its shape matters.

The contract's JSON Schema decides what is valid; models are the typed view of what has passed. So every
constraint is stripped, `allOf` is merged, names that are no class of their own are replaced by what they
stand for, and what Python types cannot tell apart becomes `JsonValue`. The result is a document so plain
that datamodel-code-generator has nothing left to guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from handfast.codegen.ir import ClassName, Feature, Json, Operation
from handfast.codegen.places import says_binary
from handfast.codegen.types import is_enum

JsonObject: TypeAlias = dict[str, Json]

PREFIX = "#/components/schemas/"
_LOCAL = "#/$defs/"
_FORMATS = {"uuid": ("uuid", "UUID"), "date": ("datetime", "date"), "date-time": ("datetime", "datetime")}
_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_EVALUATING = frozenset((
    "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "additionalProperties",
))  # fmt: skip
"""Keywords through which a schema may speak of properties that it does not name itself."""
_MAX_LITERALS = 200
"""Longer lists of values are a plain type: nobody reads them in a signature."""


Kind: TypeAlias = Literal[
    "class", "enum", "tagged", "member", "import", "scalar", "literal", "list", "dict", "upload", "any"
]


@dataclass(frozen=True, slots=True)
class Branch:
    """One alternative of a type.

    `kind` says how to write it: a class of models.py, an enum class, classes told apart by the property
    `name`, a member of an enum class, an imported name, a builtin scalar, a literal value, a list or dict of
    something, a multipart upload, or any JSON value.
    """

    kind: Kind
    name: str = ""
    module: str = ""
    value: bool | int | str | None = None
    inner: tuple[Branch, ...] = ()


ANY = Branch("any", "JsonValue", "pydantic")
NONE = Branch("scalar", "None")
UPLOAD = Branch("upload", "Upload", "handfast.runtime")


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an object schema, all parts that speak of it joined."""

    name: str
    schema: Json
    required: bool


@dataclass(slots=True)
class Shape:
    """An object schema with `allOf`, alternatives and references merged into one list of properties."""

    properties: dict[str, list[Json]] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    closed: bool = False

    def list(self) -> tuple[Property, ...]:
        """The properties in the order of the contract; one that is demanded but not described comes last."""
        names = [*self.properties, *sorted(self.required - self.properties.keys())]
        return tuple(
            Property(name, _joined(self.properties.get(name, [])), name in self.required) for name in names
        )


def _joined(schemas: list[Json]) -> Json:
    described = [schema for schema in schemas if schema is not True]
    if not described:
        return True
    return described[0] if len(described) == 1 else {"allOf": described}


class Schemas:
    """Answers what a schema of one feature looks like to Python."""

    def __init__(self, feature: Feature) -> None:
        """Read `feature`; nothing is computed before it is asked for."""
        self.feature = feature
        self.uploads = feature.upload_schemas
        self._request = _reach(feature, _request_roots(feature))
        self._response = _reach(feature, _response_roots(feature))
        self._tags: dict[tuple[str, str], list[str]] = {}
        self._tagging: list[str] = []
        self._choices: dict[frozenset[str], tuple[str, dict[str, str]]] = {}
        direct = self._direct()
        for schema in feature.schemas.values():
            self._find_tags(schema, direct)

    def schema(self, name: str) -> Json:
        """The schema called `name`; one that does not exist admits anything."""
        return self.feature.schemas.get(ClassName(name), True)

    def is_class(self, name: str) -> bool:
        """Whether `name` is a class of models.py."""
        return name in self.feature.classes

    def enum_values(self, name: str) -> list[str | int] | None:
        """The values of the enum class `name`, or None if it is an object class."""
        schema = self.schema(name)
        if not isinstance(schema, dict) or not is_enum(schema):
            return None
        return [value for value in _list(schema, "enum") if isinstance(value, (str, int))]

    # --- objects ---------------------------------------------------------------------------------

    def shape(self, name: str) -> Shape:
        """The properties of the object class `name`."""
        shape = Shape()
        self._merge(self.schema(name), shape, frozenset({name}))
        own = self.schema(name)
        shape.closed = isinstance(own, dict) and _is_closed(own)
        for wire, schemas in list(shape.properties.items()):
            if False in schemas:  # the contract forbids this property
                del shape.properties[wire]
                shape.required.discard(wire)
        return shape

    def _merge(self, schema: Json, shape: Shape, seen: frozenset[str]) -> None:
        """Add what surely holds; of an alternative nobody knows, so its properties stay extras."""
        if not isinstance(schema, dict):
            return
        name = reference(schema)
        if name is not None and name not in seen:
            self._merge(self.schema(name), shape, seen | {name})
        for part in _list(schema, "allOf"):
            self._merge(part, shape, seen)
        properties = schema.get("properties")
        if isinstance(properties, dict):
            for wire, described in properties.items():
                shape.properties.setdefault(wire, []).append(described)
        required = schema.get("required")
        if isinstance(required, list):
            shape.required.update(wire for wire in required if isinstance(wire, str))

    def one_way(self, owner: str, schema: Json) -> bool:
        """Whether a property of class `owner` is absent in one direction in which the class is used."""
        return (owner in self._request and self.has(schema, "readOnly")) or (
            owner in self._response and self.has(schema, "writeOnly")
        )

    def has(self, schema: Json, keyword: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether `keyword` is true in `schema`, in what it refers to, or in a part of it."""
        if not isinstance(schema, dict):
            return False
        if schema.get(keyword) is True:
            return True
        name = reference(schema)
        if name is not None and name not in seen and self.has(self.schema(name), keyword, seen | {name}):
            return True
        return any(self.has(part, keyword, seen) for part in _list(schema, "allOf"))

    # --- discriminators --------------------------------------------------------------------------

    def _direct(self) -> frozenset[str]:
        """Classes that a request may hold without being chosen by a discriminator.

        There the contract lets the property be what it likes, so narrowing it would refuse valid input.
        """
        found = set(_request_roots(self.feature))
        for name in self._request:
            schema = self.schema(name)
            # What a class takes over through `allOf` is merged into it, and no instance of the other class.
            pending = [schema]
            if self.is_class(name) and isinstance(schema, dict):
                pending = [value for key, value in schema.items() if key not in ("allOf", "$ref")]
                pending += [part for part in _list(schema, "allOf") if not _is_reference(part)]
            while pending:
                node = pending.pop()
                if isinstance(node, list):
                    pending += node
                elif isinstance(node, dict):
                    _, mapping = _discriminator(node)
                    chosen = set(mapping.values())
                    target = reference(node)
                    found |= {target} if target is not None else set()
                    for key, value in node.items():
                        if key not in ("oneOf", "anyOf") or not isinstance(value, list):
                            pending.append(value)
                            continue
                        pending += [
                            one for one in value if not (isinstance(one, dict) and reference(one) in chosen)
                        ]
        return frozenset(found)

    def _find_tags(self, value: Json, direct: frozenset[str]) -> None:
        """Note which values of a discriminator lead to which class, `direct` ones apart."""
        pending = [value]
        while pending:
            node = pending.pop()
            if isinstance(node, list):
                pending += node
            elif isinstance(node, dict):
                pending += node.values()
                options = [*_list(node, "oneOf"), *_list(node, "anyOf")]
                name, mapping = _discriminator(node)
                named = {reference(option) for option in options if isinstance(option, dict)}
                self._note_choice(name, {tag: target for tag, target in mapping.items() if target in named})
                for tag, target in mapping.items():
                    if target in direct:
                        continue
                    if target in named and self.is_class(target) and self.enum_values(target) is None:
                        tags = self._tags.setdefault((target, name), [])
                        tags += [tag] if tag not in tags else []

    def _note_choice(self, name: str, mapping: dict[str, str]) -> None:
        """Note the discriminator of a set of classes; two that contradict each other are none."""
        classes = frozenset(mapping.values())
        known = self._choices.setdefault(classes, (name, mapping))
        if known != (name, mapping):
            self._choices[classes] = ("", {})

    def tag_of(self, names: set[str]) -> tuple[str, dict[str, str]] | None:
        """The property that tells the most of the classes `names` apart, and which value leads to which."""
        fitting = [
            (classes, choice)
            for classes, choice in self._choices.items()
            if choice[0] and len(classes) > 1 and classes <= names and all(map(self.is_class, classes))
        ]
        return max(fitting, key=lambda one: (len(one[0]), sorted(one[0])))[1] if fitting else None

    def of(self, owner: str, prop: Property) -> tuple[Branch, ...]:
        """The type of a property of the class `owner`; a discriminator's is narrowed to what leads here."""
        found = self.type(prop.schema, upload=owner in self.uploads)
        tags = self._tags.get((owner, prop.name))
        if not tags:
            return found
        rest = tuple(branch for branch in found if branch != NONE)
        none = (NONE,) if NONE in found else ()
        if rest == (Branch("scalar", "str"),):
            return (*(_literal(tag) for tag in tags), *none)
        if len(rest) == 1 and rest[0].kind == "enum":
            values = self.enum_values(rest[0].name) or []
            named = [tag for tag in tags if tag in values]
            if named:
                return (*(Branch("member", rest[0].name, value=tag) for tag in named), *none)
        return found

    def _tagged(self, classes: list[Branch], name: str) -> Branch | None:
        """`classes` as a union discriminated by the property `name`, if each of them always tells by it.

        A property that is itself such a union tells nothing.
        """
        if name in self._tagging:
            return None
        self._tagging.append(name)
        try:
            return self._told_apart(classes, name)
        finally:
            self._tagging.pop()

    def _told_apart(self, classes: list[Branch], name: str) -> Branch | None:
        seen: set[Json] = set()
        for one in classes:
            if one.kind != "class":
                return None
            prop = next((prop for prop in self.shape(one.name).list() if prop.name == name), None)
            if prop is None or not prop.required or self.one_way(one.name, prop.schema):
                return None
            values = self.of(one.name, prop)
            tags = [branch.value for branch in values if branch.kind in ("literal", "member")]
            if len(tags) < len(values) or seen & set(tags) or not all(isinstance(tag, str) for tag in tags):
                return None
            seen.update(tags)
        return Branch("tagged", name, inner=tuple(classes)) if len(classes) > 1 else None

    # --- types -----------------------------------------------------------------------------------

    def type(self, schema: Json, *, upload: bool = False) -> tuple[Branch, ...]:
        """The alternatives of `schema`, each once, null last; `upload` in a multipart body."""
        return _settled(self._branches(schema, frozenset(), upload))

    def _branches(self, schema: Json, seen: frozenset[str], upload: bool = False) -> list[Branch]:
        if not isinstance(schema, dict):
            return [ANY]
        if upload and _is_file(schema):
            return [UPLOAD]
        parts = [self._alone(schema, seen, upload)]
        parts += [self._branches(part, seen, upload) for part in _list(schema, "allOf")]
        for keyword in ("oneOf", "anyOf"):
            options = _list(schema, keyword)
            if options:
                found = [branch for option in options for branch in self._branches(option, seen, upload)]
                rest = [branch for branch in dict.fromkeys(found) if branch != NONE]
                tag, _ = _discriminator(schema)
                tagged = self._tagged(rest, tag) if tag else None
                parts.append([tagged, *([NONE] if NONE in found else [])] if tagged else found)
        name = reference(schema)
        if name is not None:
            parts.append(self._named(name, seen, upload))
        return _both(parts)

    def _named(self, name: str, seen: frozenset[str], upload: bool) -> list[Branch]:
        if self.is_class(name):
            kind: Kind = "class" if self.enum_values(name) is None else "enum"
            return [Branch(kind, name), *([NONE] if self._nullable(name) else [])]
        if name in seen:
            return [ANY]
        return self._branches(self.schema(name), seen | {name}, upload)

    def _nullable(self, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether the class's schema admits null besides instances of the class."""
        schema = self.schema(name)
        return self._admits_null(schema, seen | {name})

    def _admits_null(self, schema: Json, seen: frozenset[str]) -> bool:
        if not isinstance(schema, dict):
            return False
        types = schema.get("type")
        if types == "null" or (isinstance(types, list) and "null" in types):
            return not isinstance(schema.get("enum"), list) or None in _list(schema, "enum")
        if types is None:
            if None in _list(schema, "enum"):
                return True
            target = reference(schema)
            if target is not None and target not in seen:
                return self._admits_null(self.schema(target), seen | {target})
            options = [*_list(schema, "oneOf"), *_list(schema, "anyOf")]
            if options:
                return any(self._admits_null(option, seen) for option in options)
            parts = _list(schema, "allOf")
            return bool(parts) and all(self._admits_null(part, seen) for part in parts)
        return False

    def _alone(self, schema: JsonObject, seen: frozenset[str], upload: bool) -> list[Branch]:
        """What the schema's own keywords say, its references and combinations apart."""
        if "const" in schema:
            return [_literal(schema["const"])]
        values = schema.get("enum")
        if isinstance(values, list):
            return _literals(values)
        types = schema.get("type")
        kinds = types if isinstance(types, list) else [types]
        if kinds == [None]:
            return [ANY]
        return [branch for kind in kinds for branch in [self._kind(kind, schema, seen, upload)]]

    def _kind(self, kind: Json, schema: JsonObject, seen: frozenset[str], upload: bool) -> Branch:
        if kind == "array":
            items = schema.get("items", True)
            if schema.get("prefixItems"):
                items = True
            return Branch("list", inner=_settled(self._branches(items, seen, upload)))
        if kind == "object":
            if isinstance(schema.get("properties"), dict) and schema["properties"]:
                return Branch("dict", inner=(ANY,))
            values = schema.get("additionalProperties", True)
            patterns = schema.get("patternProperties")
            if isinstance(patterns, dict) and patterns:
                values = {"anyOf": [*patterns.values(), *([] if values is False else [values])]}
            return Branch("dict", inner=_settled(self._branches(values, seen)))
        wanted = schema.get("format")
        if kind == "string" and isinstance(wanted, str) and wanted in _FORMATS:
            module, name = _FORMATS[wanted]
            return Branch("import", name, module)
        return Branch("scalar", _SCALARS[kind]) if isinstance(kind, str) and kind in _SCALARS else ANY


def _settled(branches: list[Branch]) -> tuple[Branch, ...]:
    """Each alternative once, null last; a date before a time, since pydantic reads dates as midnight."""
    found = sorted(dict.fromkeys(branches), key=lambda branch: (branch == NONE, branch.name == "datetime"))
    if Branch("scalar", "float") in found:
        found = [branch for branch in found if branch != Branch("scalar", "int")]  # Python takes it for one
    return (ANY,) if ANY in found or not found else tuple(found)


def _both(parts: list[list[Branch]]) -> list[Branch]:
    """The alternatives that satisfy every one of `parts`, as near as types can tell."""
    told = [part for part in parts if ANY not in part]
    if not told:
        return [ANY]
    result = told[0]
    for part in told[1:]:
        meet = [branch for left in result for right in part for branch in _meet(left, right)]
        result = list(dict.fromkeys(meet))
    return result or [ANY]


def _meet(left: Branch, right: Branch) -> list[Branch]:
    if left == right:
        return [left]
    for one, other in ((left, right), (right, left)):
        if one.kind in ("class", "tagged") and other.kind == "dict":
            return [one]
        if one.kind in ("enum", "member") and other.kind in ("enum", "scalar", "literal"):
            return [one] if other.kind == "enum" or other.name in ("str", "int", "float") else []
        if one.kind == "import" and other == Branch("scalar", "str"):
            return [one]
        if one.kind == "literal" and other.kind == "scalar":
            return [one] if type(one.value).__name__ == other.name else []
        if one == Branch("scalar", "int") and other == Branch("scalar", "float"):
            return [one]
        if one.kind == other.kind and one.kind in ("dict", "list"):
            return [Branch(one.kind, inner=_settled(_both([list(one.inner), list(other.inner)])))]
        if one.kind == "class" and other.kind == "class":
            return [Branch("dict", inner=(ANY,))]
        if one.kind == "upload":
            return [one]
    return []


def _literal(value: Json) -> Branch:
    if value is None:
        return NONE
    if isinstance(value, (bool, int, str)):
        return Branch("literal", value=value, name=type(value).__name__)
    return Branch("scalar", "float") if isinstance(value, float) else ANY


def _literals(values: list[Json]) -> list[Branch]:
    if len(values) <= _MAX_LITERALS:
        return [_literal(value) for value in values]
    if any(isinstance(value, (list, dict)) for value in values):
        return [ANY]
    plain = {type(value).__name__ for value in values}
    return [Branch("scalar", name if name != "NoneType" else "None") for name in sorted(plain)]


def _is_closed(schema: JsonObject) -> bool:
    """Whether an instance has no property but those that `properties` names."""
    if isinstance(schema.get("patternProperties"), dict):
        return False
    if schema.get("additionalProperties") is False:
        return True
    return schema.get("unevaluatedProperties") is False and not _EVALUATING & schema.keys()


def _is_file(schema: JsonObject) -> bool:
    return schema.get("type", "string") == "string" and says_binary(schema)


def reference(schema: JsonObject) -> str | None:
    """The name that `schema` refers to, if it does."""
    ref = schema.get("$ref")
    return ref.removeprefix(_LOCAL) if isinstance(ref, str) and ref.startswith(_LOCAL) else None


def _is_reference(schema: Json) -> bool:
    return isinstance(schema, dict) and "$ref" in schema


def _discriminator(schema: JsonObject) -> tuple[str, dict[str, str]]:
    """The property that tells alternatives apart, and the class each of its values leads to."""
    value = schema.get("discriminator")
    if not isinstance(value, dict) or not isinstance(value.get("propertyName"), str):
        return "", {}
    mapping = value.get("mapping")
    pairs = mapping.items() if isinstance(mapping, dict) else ()
    default = value.get("defaultMapping")  # its schema takes values that nobody lists
    named = {tag: str(ref).removeprefix(_LOCAL) for tag, ref in pairs if ref != default}
    return str(value["propertyName"]), named


def _list(schema: JsonObject, keyword: str) -> list[Json]:
    value = schema.get(keyword)
    return value if isinstance(value, list) else []


# --- where schemas are used -----------------------------------------------------------------------


def _request_roots(feature: Feature) -> Iterator[str]:
    """What is received: requests, and the answers to requests that the service makes."""
    yield from _answers(sender.operation for sender in feature.senders)
    yield from _asked(feature.operations)


def _response_roots(feature: Feature) -> Iterator[str]:
    """What is sent: responses, and requests that the service makes."""
    yield from _asked(sender.operation for sender in feature.senders)
    yield from _answers(feature.operations)


def _asked(operations: Iterable[Operation]) -> Iterator[str]:
    for operation in operations:
        yield from (param.schema for param in operation.params)
        if operation.body is not None:
            yield from (media.schema for media in operation.body.media if media.schema is not None)


def _answers(operations: Iterable[Operation]) -> Iterator[str]:
    for operation in operations:
        for response in operation.responses:
            yield from (media.schema for media in response.media if media.schema is not None)


def references(value: Json) -> Iterator[str]:
    """Every name that `value` refers to, however deep."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping):
            name = reference(node)
            if name is not None:
                yield name
            pending += node.values()
        elif isinstance(node, list):
            pending += node


def _reach(feature: Feature, roots: Iterator[str]) -> frozenset[str]:
    seen: set[str] = set()
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending += references(feature.schemas.get(ClassName(name), True))
    return frozenset(seen)
