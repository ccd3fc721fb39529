"""The typed view: what generated models and inputs are made of.

The contract's schema has decided before a model is built, so a model must hold whatever comes: leaves keep
their text (`exact`), a union takes the branch whose schema admits the value, and what was absent stays
absent. Validation *from the wire* is one whose context is the contract's `View`; without it, a handler is
building the model in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic import MISSING, BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, SchemaSerializer, core_schema

from handfast.runtime.exact import make_exact
from handfast.runtime.schemas import View

T = TypeVar("T")

UNSET = MISSING
"""What a property of a PATCH body is that was not sent; compare with `is`."""


def is_absent(value: object) -> bool:
    """Whether an optional property that may not be null is left out: None stands for absent."""
    return value is None


def _exact(schema: CoreSchema, handler: GetCoreSchemaHandler) -> dict[str, Any]:
    found: Any = handler.resolve_ref_schema(schema)
    make_exact(found, handler.resolve_ref_schema)
    assert isinstance(found, dict)  # noqa: S101 (a core schema is one)
    return found


def _defaults(model: type[BaseModel]) -> frozenset[str]:
    """The fields that have a default other than None."""
    fields = model.model_fields.items()
    return frozenset(name for name, field in fields if not field.is_required() and field.default is not None)


def _renamed(model: type[BaseModel]) -> frozenset[str]:
    """The optional fields that the wire calls otherwise."""
    fields = model.model_fields.items()
    return frozenset(name for name, field in fields if field.alias and field.default is None)


# Only of classes that are complete, for the fields of others may still change.
_known_defaults = cache(_defaults)
_known_renamed = cache(_renamed)


class Model(BaseModel):
    """Base of generated models: handlers use Python names, the wire has the contract's.

    What the caller left out is left out again when the model is sent back; what a handler builds says the
    contract's defaults.
    """

    model_config = ConfigDict(
        extra="allow",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        protected_namespaces=(),
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make the fields exact."""
        schema = handler(source)
        found = _exact(schema, handler)
        if _defaults(cls) or _renamed(cls):
            while found["type"] != "model":
                found = found["schema"]
            found["post_init"] = "_settle_presence"
        return schema

    def _settle_presence(self, context: object) -> None:
        """Settle which fields count as given.

        Defaults do where a handler builds the model. From the wire, a property that the contract does not
        know may be called as the attribute of another one, which it does not make present.
        """
        if not isinstance(context, View):
            self.__pydantic_fields_set__.update(_known_defaults(type(self)))
        elif self.__pydantic_extra__:
            for name in _known_renamed(type(self)) & self.__pydantic_extra__.keys():
                if self.__dict__[name] is None:
                    self.__pydantic_fields_set__.discard(name)


class Inputs(BaseModel):
    """Base of an operation's decoded input: one attribute a parameter, and `body`."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make the fields exact."""
        schema = handler(source)
        _exact(schema, handler)
        return schema


_ANY: Final = SchemaSerializer(core_schema.any_schema())


def jsonable(value: object) -> Any:
    """`value` as JSON values: what a model was not given stays out, and a text that was sent is kept."""
    serializer: SchemaSerializer = getattr(value, "__pydantic_serializer__", _ANY)
    # No warnings: the contract's schema is what judges.
    return serializer.to_python(value, mode="json", by_alias=True, exclude_unset=True, warnings=False)


# --- unions ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Marks a union whose branch the contract chooses.

    `tag` is the discriminating property and `classes` the class that each of its values leads to.
    """

    tag: str = ""
    classes: Mapping[str, str] | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Try the branches from the narrowest to the widest; a class only if its schema admits the value."""
        choices = sorted(get_args(source), key=_rank) if _is_union(source) else [source]
        built = [self._branch(choice, handler) for choice in choices]
        return built[0] if len(built) == 1 else core_schema.union_schema([*built], mode="left_to_right")

    def _branch(self, hint: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is list and arguments:
            return core_schema.list_schema(self._branch(arguments[0], handler))
        if origin is dict and arguments:
            return core_schema.dict_schema(core_schema.str_schema(), self._branch(arguments[1], handler))
        schema = handler.generate_schema(hint)
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            guard = self._guard(hint.__name__)
            return core_schema.with_info_before_validator_function(guard, schema)
        return schema

    def _guard(self, name: str) -> Callable[[Any, ValidationInfo], Any]:
        others = {tag for tag, led_to in (self.classes or {}).items() if led_to != name}
        own = {tag for tag, led_to in (self.classes or {}).items() if led_to == name}
        tag = self.tag

        def guard(value: Any, info: ValidationInfo) -> Any:
            view = info.context
            if isinstance(view, View) and isinstance(value, dict):
                said = value.get(tag) if tag else None
                if isinstance(said, str) and said in others and said not in own:
                    raise ValueError("the discriminator names another branch")
                if name in view.schemas and not view.named(name).is_valid(value):
                    raise ValueError("not of this branch")
            return value

        return guard


OneOf: TypeAlias = Annotated[T, Chosen()]
"""`OneOf[Dog | Cat]`: a `Dog | Cat` for the type checker; the contract's schemas tell which."""


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)


_RANKS: Final[Mapping[Any, int]] = {
    NoneType: 0,
    bool: 1,
    datetime: 3,
    UUID: 4,
    date: 4,
    int: 5,
    float: 6,
    str: 7,
}


def _rank(hint: Any) -> int:
    """Narrower types first, so that a date is no text; classes keep the contract's order."""
    origin = get_origin(hint)
    if origin is Literal or (isinstance(hint, type) and issubclass(hint, Enum)):
        return 2
    if isinstance(hint, type) and hint in _RANKS:
        return _RANKS[hint]
    if origin is dict:
        return 10
    if origin is list:
        return 9
    return 8 if origin is Annotated or (isinstance(hint, type) and issubclass(hint, BaseModel)) else 4
