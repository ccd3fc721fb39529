"""`models.py` of a feature: datamodel-code-generator on the plain view of its schemas, printed our way.

The library chooses attribute names, class order and type hints; its model metadata says which class came
from which schema, so that a class we need and do not get is an error here and not at the user's import.
What it is not asked: constraints (the contract's JSON Schema checks them), presence (absent, unset and
null are three things to us), defaults and prose. Importing it costs more than a second, hence only here
and only when models are made.
"""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handfast.codegen.imports import Imports
from handfast.codegen.ir import Feature, Json
from handfast.codegen.names import enum_members
from handfast.codegen.prose import docstring
from handfast.codegen.pyliteral import Default, default_of, literal
from handfast.codegen.unions import chosen
from handfast.codegen.view import ANY, NONE, PREFIX, Branch, JsonObject, Property, Schemas, reference

_RUNTIME = "handfast.runtime"
_NAME = re.compile(r"[^\W\d]\w*")


class GeneratorError(Exception):
    """The generator contradicts itself; nothing the contract's author did is at fault."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an enum."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a model class, as printed: `name: annotation = default`, then its docstring."""

    name: str
    annotation: str
    default: str
    doc: str


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A class of models.py."""

    name: str
    bases: str
    doc: str
    members: tuple[Member, ...] = ()
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Module:
    """Everything the template of models.py prints."""

    imports: str
    classes: tuple[ModelClass, ...]
    rebuild: tuple[str, ...]


def models_module(feature: Feature, *, width: int) -> Module:
    """Return the classes of `feature` in an order in which Python can define them."""
    return _Builder(feature, width).module()


@dataclass(frozen=True, slots=True)
class _Made:
    """What datamodel-code-generator made of one schema."""

    name: str
    attributes: dict[str, tuple[str, str]]
    """Wire name → (attribute, type hint)."""


class _Builder:
    def __init__(self, feature: Feature, width: int) -> None:
        self.feature = feature
        self.width = width
        self.schemas = Schemas(feature)
        self.stand_ins: dict[str, Branch | tuple[Branch, ...]] = {}
        self.made: dict[str, _Made] = {}
        self.prefix = "Type"
        while any(name.startswith(self.prefix) for name in feature.schemas):
            self.prefix += "_"

    def module(self) -> Module:
        made = _generate(self.view()) if self.feature.classes else []
        wanted = [one for one in made if one.name in self.feature.classes]
        missing = self.feature.classes - {one.name for one in wanted}
        if missing:
            raise GeneratorError(f"{self.feature.file}: no class was made of {', '.join(sorted(missing))}")
        self.made = {one.name: one for one in wanted}
        shadowed = {name for one in wanted for name, _ in one.attributes.values()}
        self.imports = Imports(shadowed=shadowed & {"date", "datetime"}, taken=self.feature.classes)
        classes = tuple(self.enum(one.name) or self.object(one) for one in wanted)
        rebuild = tuple(_forward(classes))
        if rebuild:
            self.imports.name("__future__", "annotations")
        return Module(self.imports.block(), classes, rebuild)

    # --- what the library is given ---------------------------------------------------------------

    def view(self) -> JsonObject:
        """The plainest document that has all classes; enums first, since defaults name their members."""
        schemas: JsonObject = {}
        enums = {name for name in self.feature.classes if self.schemas.enum_values(name) is not None}
        order = [name for name in self.feature.schemas if name in self.feature.classes]
        for name in sorted(order, key=lambda name: name not in enums):
            values = self.schemas.enum_values(name)
            if values is not None:
                schemas[name] = {"enum": [*values], "x-enum-varnames": list(enum_members(values))}
                continue
            properties = self.schemas.shape(name).list()
            schemas[name] = {
                "type": "object",
                "properties": {prop.name: self.plain(self.schemas.of(name, prop)) for prop in properties},
                "required": [prop.name for prop in properties],
            }
        schemas |= {name: {"type": "object", "title": name} for name in self.stand_ins}
        info: JsonObject = {"title": self.feature.name, "version": "1"}
        return {"openapi": "3.1.0", "info": info, "paths": {}, "components": {"schemas": schemas}}

    def plain(self, branches: tuple[Branch, ...]) -> JsonObject:
        """The schema that the library turns into exactly these alternatives."""
        literals = tuple(branch for branch in branches if branch.kind in ("literal", "member"))
        parts: list[JsonObject] = []
        for branch in branches:
            if branch in literals[1:]:
                continue
            parts.append(self.stand_in(literals) if branch in literals else self.part(branch))
        return parts[0] if len(parts) == 1 else {"anyOf": list(parts)}

    def part(self, branch: Branch) -> JsonObject:
        match branch.kind:
            case "class" | "enum":
                return {"$ref": f"{PREFIX}{branch.name}"}
            case "scalar":
                return {"type": _JSON_TYPES[branch.name]}
            case "list":
                return {"type": "array", "items": self.plain(branch.inner)}
            case "dict":
                return {"type": "object", "additionalProperties": self.plain(branch.inner)}
            case _:
                return self.stand_in(branch)

    def stand_in(self, branches: Branch | tuple[Branch, ...]) -> JsonObject:
        """A class that the library knows by name only, in place of a type it would write in its own way."""
        for name, known in self.stand_ins.items():
            if known == branches:
                return {"$ref": f"{PREFIX}{name}"}
        name = f"{self.prefix}{len(self.stand_ins)}"
        self.stand_ins[name] = branches
        return {"$ref": f"{PREFIX}{name}"}

    # --- what it gave back -----------------------------------------------------------------------

    def enum(self, name: str) -> ModelClass | None:
        values = self.schemas.enum_values(name)
        if values is None:
            return None
        base = "StrEnum" if all(isinstance(value, str) for value in values) else "IntEnum"
        members = tuple(
            Member(member, literal(value)) for member, value in zip(enum_members(values), values, strict=True)
        )
        return ModelClass(name, self.imports.name("enum", base), self.doc(self.schemas.schema(name)), members)

    def object(self, made: _Made) -> ModelClass:
        shape = self.schemas.shape(made.name)
        base = self.imports.name(_RUNTIME, "Model")
        extra = "forbid" if shape.closed else "allow"
        return ModelClass(
            made.name,
            f'{base}, extra="{extra}"',
            self.doc(self.schemas.schema(made.name)),
            attributes=tuple(self.attribute(made, prop) for prop in shape.list()),
        )

    def attribute(self, made: _Made, prop: Property) -> Attribute:
        name, hint = made.attributes[prop.name]
        branches = self.schemas.of(made.name, prop)
        annotation = self.hint(hint)
        field = {"alias": literal(prop.name)} if name != prop.name else {}
        default = ""
        nullable = NONE in branches
        if prop.required and not self.schemas.one_way(made.name, prop.schema):
            if len(branches) == 1 and branches[0].kind in ("literal", "member"):
                default = self.value(branches[0])
        elif made.name in self.feature.patch_schemas:
            default = self.imports.name(_RUNTIME, "UNSET")
            rest = annotation.removesuffix(" | None")
            none = annotation[len(rest) :]
            annotation = f"{rest} | {default}{none}" if rest != "None" else f"{default} | None"
        else:
            given = self.default(prop.schema, branches)
            if given is not None:
                default = self.given(given)
            else:
                default = "None"
                if not nullable and branches != (ANY,):
                    field["exclude_if"] = self.imports.name(_RUNTIME, "is_absent")
                    annotation = f"{annotation} | None"
        if field:
            arguments = ", ".join(f"{key}={value}" for key, value in field.items())
            self_field = self.imports.name("pydantic", "Field")
            annotation = (
                f"{self.imports.name('typing', 'Annotated')}[{annotation}, {self_field}({arguments})]"
            )
        return Attribute(name, annotation, default, self.doc(self.described(prop.schema)))

    def hint(self, hint: str) -> str:
        """The library's type hint with every stand-in replaced by the type it stands for."""
        written = _NAME.sub(lambda match: self.written(match.group()), hint)
        return chosen(self.imports.expression(written), self.schemas, self.imports)

    def written(self, name: str) -> str:
        known = self.stand_ins.get(name)
        if known is None:
            return name
        if isinstance(known, Branch):
            return (
                self.tagged(known) if known.kind == "tagged" else self.imports.name(known.module, known.name)
            )
        values = ", ".join(self.value(branch) for branch in known)
        return f"{self.imports.name('typing', 'Literal')}[{values}]"

    def value(self, branch: Branch) -> str:
        """A literal value or the member of an enum."""
        if branch.kind == "literal":
            return literal(branch.value)
        values = self.schemas.enum_values(branch.name) or []
        return f"{branch.name}.{enum_members(values)[values.index(str(branch.value))]}"

    def tagged(self, branch: Branch) -> str:
        """A union that pydantic resolves by one property, which must have one name in all classes."""
        union = " | ".join(one.name for one in branch.inner)
        names = {self.made[one.name].attributes[branch.name][0] for one in branch.inner}
        if len(names) > 1:
            return union
        annotated, field = self.imports.name("typing", "Annotated"), self.imports.name("pydantic", "Field")
        return f"{annotated}[{union}, {field}(discriminator={literal(names.pop())})]"

    def default(self, schema: Json, branches: tuple[Branch, ...]) -> Default | None:
        value = _default(schema, self.schemas, frozenset())
        if isinstance(value, _NoDefault) or (value is None and NONE not in branches):
            return None
        return default_of(value, branches, self.schemas)

    def given(self, default: Default) -> str:
        """A default value, made anew for each instance if it can be changed."""
        names = {name: self.imports.name(module, name) for module, name in sorted(default.imports)}
        text = self.imports.expression(default.expr, names)
        if not default.mutable:
            return text
        text = {"[]": "list", "{}": "dict"}.get(text) or f"lambda: {text}"
        return f"{self.imports.name('pydantic', 'Field')}(default_factory={text})"

    def described(self, schema: Json) -> Json:
        """The schema whose prose belongs to a property: its own, or that of a name which is no class."""
        seen: set[str] = set()
        while isinstance(schema, dict) and not schema.get("description"):
            name = reference(schema)
            parts = schema.get("allOf")
            if name is None and isinstance(parts, list) and len(parts) == 1:
                schema = parts[0]
                continue
            if name is None or name in seen or self.schemas.is_class(name):
                break
            seen.add(name)
            schema = self.schemas.schema(name)
        return schema

    def doc(self, schema: Json) -> str:
        if not isinstance(schema, dict):
            return ""
        text = schema.get("description")
        return docstring(text if isinstance(text, str) else "", indent=4, width=self.width)


_JSON_TYPES: dict[str, Json] = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "None": "null",
}


class _NoDefault:
    """The schema says nothing of a default."""


def _default(schema: Json, schemas: Schemas, seen: frozenset[str]) -> Json | _NoDefault:
    """The default that a property's schema gives, by itself or through what it refers to."""
    if not isinstance(schema, dict):
        return _NoDefault()
    if "default" in schema:
        return schema["default"]
    name = reference(schema)
    parts = schema.get("allOf")
    ways: list[Json] = [*parts] if isinstance(parts, list) else []
    if name is not None and name not in seen:
        seen |= {name}
        ways.append(schemas.schema(name))
    for way in ways:
        found = _default(way, schemas, seen)
        if not isinstance(found, _NoDefault):
            return found
    return _NoDefault()


def _forward(classes: tuple[ModelClass, ...]) -> Iterator[str]:
    """The classes that name themselves or a later one."""
    names = {one.name for one in classes}
    defined: set[str] = set()
    for one in classes:
        used = {name for attribute in one.attributes for name in _NAME.findall(attribute.annotation)}
        if (used & names) - defined:
            yield one.name
        defined.add(one.name)


_HIDING = frozenset(("str", "int", "float", "bool", "list", "dict", "builtins", "dt", "is_absent"))
"""Names that the annotations of the same class use."""


def _legible(name: str) -> str:
    """Keep names apart that look like a digit (pycodestyle E741), or that would hide a type below them."""
    return f"{name}_" if name in ("l", "I", "O") or name in _HIDING else name


def _generate(document: JsonObject) -> list[_Made]:
    """Run datamodel-code-generator; return what it made, in its order."""
    from datamodel_code_generator import generate
    from datamodel_code_generator.enums import DataModelType, InputFileType, OpenAPIScope
    from datamodel_code_generator.format import PythonVersion

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metadata = Path(folder) / "models.json"
        generate(
            json.dumps(document),
            input_filename="contract.json",
            input_file_type=InputFileType.OpenAPI,
            output_model_type=DataModelType.PydanticV2BaseModel,
            target_python_version=PythonVersion.PY_311,
            openapi_scopes=[OpenAPIScope.Schemas],
            emit_model_metadata=metadata,
            custom_class_name_generator=str,
            snake_case_field=True,
            remove_special_field_name_prefix=True,
            strict_nullable=True,
            use_standard_collections=True,
            use_union_operator=True,
            use_annotated=True,
            formatters=[],
        )
        made = json.loads(metadata.read_bytes())["models"]
    return [
        _Made(
            one["source_ref"].removeprefix(PREFIX),
            {field["original_name"]: (_legible(field["name"]), field["type"]) for field in one["fields"]},
        )
        for one in made
        if one["source_ref"].startswith(PREFIX) and "/" not in one["source_ref"].removeprefix(PREFIX)
    ]
