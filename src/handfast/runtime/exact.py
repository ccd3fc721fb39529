"""Values that give back what the wire said: nothing that the contract admits is lost in a Python type.

`date`, `datetime` and `UUID` say less than their texts do: a datetime has no nanoseconds and no year 0, a
UUID no case. Where the plain value would be written in another way than it came, the handler gets a subclass
that keeps the text and is written as that text wherever pydantic meets it: such a class says itself how it is
written, so that other values cost no call of Python. Numbers keep their digits: a float that would lose
some stays an int, and `1.0` is an integer as it is in JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from pydantic import ValidationInfo, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, SchemaSerializer, core_schema

from handfast.runtime.schemas import View

ValueT = TypeVar("ValueT")

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATE_TIME: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>[0-9]{2}:[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]+))?(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
"""RFC 3339, 5.6; the space is what its note allows."""
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class DateText(date):
    """A date of the year 0, which Python does not have; its value is the nearest one, the first of year 1."""

    text: str = ""

    @classmethod
    def of(cls, value: date, text: str) -> DateText:
        """`value`, written as `text`."""
        made = cls(value.year, value.month, value.day)
        made.text = text
        return made

    @property
    def plain(self) -> date:
        """The same day without the text."""
        return date(self.year, self.month, self.day)

    def isoformat(self) -> str:
        """The text that was sent."""
        return self.text or super().isoformat()

    __str__ = isoformat

    def __reduce__(self) -> tuple[Callable[..., date], tuple[date, str]]:
        """Keep the text in copies."""
        return DateText.of, (self.plain, self.text)


class DateTimeText(datetime):
    """A datetime whose text no plain `datetime` gives back.

    Its value is the nearest one that Python has: fractions are cut to microseconds, a leap second is the
    second after it, the year 0 the first moment of year 1. What is computed from it is a plain value, which
    has no text.
    """

    text: str = ""

    @classmethod
    def of(cls, value: datetime, text: str) -> DateTimeText:
        """`value`, written as `text`."""
        made = cls(
            value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond,
            value.tzinfo, fold=value.fold,
        )  # fmt: skip
        made.text = text
        return made

    @property
    def plain(self) -> datetime:
        """The same moment without the text."""
        return datetime.combine(self.date(), self.timetz())

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        """The text that was sent."""
        return self.text or super().isoformat(sep, timespec)

    __str__ = isoformat

    def __reduce_ex__(self, protocol: object) -> tuple[Callable[..., datetime], tuple[datetime, str]]:
        """Keep the text in copies."""
        return DateTimeText.of, (self.plain, self.text)


class UUIDText(UUID):
    """A UUID that was not written in lower case; equal to the plain one."""

    __slots__ = ("text",)
    text: str

    @classmethod
    def of(cls, text: str) -> UUIDText:
        """The UUID written as `text`."""
        made = cls(text)
        object.__setattr__(made, "text", text)
        return made

    @property
    def plain(self) -> UUID:
        """The same UUID without the text."""
        return UUID(int=self.int)

    def __reduce__(self) -> tuple[Callable[..., UUID], tuple[str]]:
        """Keep the text in copies."""
        return UUIDText.of, (self.text,)


# --- reading --------------------------------------------------------------------------------------


def read_date(text: str) -> date:
    """Return the date of an RFC 3339 `full-date`; raises ValueError for another text."""
    if not _DATE.fullmatch(text):
        raise ValueError("must be a date, year-month-day (RFC 3339)")
    if text.startswith("0000"):
        date.fromisoformat(f"2000{text[4:]}")  # the year 0 is a leap year as 2000 is
        return DateText.of(date.min, text)
    return date.fromisoformat(text)


def read_datetime(text: str) -> datetime:
    """Return the moment of an RFC 3339 `date-time`; raises ValueError for another text."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError("must be a date and time with an offset (RFC 3339)")
    day, clock, second, fraction, zone = match.groups()
    zone = "+00:00" if zone in "Zz" else zone
    leap = second == "60"
    first = day.startswith("0000")
    written = f"{f'2000{day[4:]}' if first else day}T{clock}:{'59' if leap else second}"
    found = datetime.fromisoformat(f"{written}.{((fraction or '') + '000000')[:6]}{zone}")
    if first:
        return DateTimeText.of(datetime.min.replace(tzinfo=found.tzinfo), text)
    if leap:
        latest = datetime.max.replace(tzinfo=found.tzinfo)
        found = latest if latest - found < timedelta(seconds=1) else found + timedelta(seconds=1)
    return found if _said(found) == text else DateTimeText.of(found, text)


def read_uuid(text: str) -> UUID:
    """Return the UUID of a text in five groups (RFC 9562, 4); raises ValueError for another text."""
    if not _UUID.fullmatch(text):
        raise ValueError("must be a UUID (RFC 9562)")
    return UUID(text) if text.islower() or text == text.lower() else UUIDText.of(text)


def _said(value: datetime) -> str:
    """How responses write `value`: UTC as `Z`, and a fraction of six digits where there is one."""
    text = value.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def _whole(value: object) -> int:
    """An integer as JSON Schema sees it: also a number without a fraction."""
    if type(value) is float and value.is_integer():
        return int(value)
    raise ValueError("must be an integer")


def _number(value: object) -> float:
    """A float, or the int itself where a float would lose digits; an int may stand for a float in Python."""
    if type(value) is not int:
        raise ValueError("must be a number")
    try:
        near = float(value)
    except OverflowError:
        return value
    return near if near == value else value


# --- in models ------------------------------------------------------------------------------------


def _text_reader(
    kind: type[ValueT], read: Callable[[str], ValueT]
) -> Callable[[Any, ValidatorFunctionWrapHandler, ValidationInfo], Any]:
    def validate(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if type(value) is str:
            return read(value)
        if isinstance(info.context, View):
            raise ValueError("must be a text")
        if kind is datetime and isinstance(value, date) and not isinstance(value, datetime):
            raise ValueError("must have a time")
        return value if type(value) in _KEPT and isinstance(value, kind) else handler(value)

    return validate


def _strict(
    read: Callable[[object], Any],
) -> Callable[[Any, ValidatorFunctionWrapHandler, ValidationInfo], Any]:
    """From the wire only what `read` takes; from code what pydantic takes."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            return read(value)
        except ValueError:
            if isinstance(info.context, View):
                raise
            return handler(value)

    return validate


def _enum_reader(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """A whole number for an enum of them, which pydantic would take from a text or a boolean too."""
    if isinstance(info.context, View) and type(value) not in (int, float):
        raise ValueError("must be an integer")
    return handler(value)


def _literal_reader(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """A value of the contract; Python takes true for 1, JSON does not."""
    if type(value) is float and value.is_integer():
        value = int(value)
    found = handler(value)
    if isinstance(info.context, View) and isinstance(found, bool) is not isinstance(value, bool):
        raise ValueError("must be one of the values of the contract")
    return found


_KEPT: Final = frozenset((DateText, DateTimeText, UUIDText))


def _written(value: Any) -> object:
    """What a value that can keep a text is on the wire."""
    return getattr(value, "text", "") or value.plain


def _let_write_itself(kind: type, schema: CoreSchema) -> None:
    """Tell pydantic how values of `kind` are written where it goes by their class."""
    serialization = core_schema.plain_serializer_function_ser_schema(_written, when_used="json")
    found: Any = {**schema, "serialization": serialization}
    kind.__pydantic_serializer__ = SchemaSerializer(found)  # type: ignore[attr-defined]


_let_write_itself(DateText, core_schema.date_schema())
_let_write_itself(DateTimeText, core_schema.datetime_schema())
_let_write_itself(UUIDText, core_schema.uuid_schema())

_BY_CLASS: Final = core_schema.simple_ser_schema("any")
_AS_TEXT: Final = core_schema.simple_ser_schema("str")
_AS_INTEGER: Final = core_schema.simple_ser_schema("int")
_PLAIN_DATE: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_PLAIN_UUID: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_READERS: Final[dict[str, Any]] = {
    "date": _text_reader(date, read_date),
    "datetime": _text_reader(datetime, read_datetime),
    "uuid": _text_reader(UUID, read_uuid),
}
_INTEGER: Final = _strict(_whole)
_NUMBER: Final = _strict(_number)
_OURS: Final = frozenset((*_READERS.values(), _INTEGER, _NUMBER, _enum_reader, _literal_reader))
_SKIPPED: Final = frozenset(("serialization", "metadata", "default", "json_schema_input_schema"))


def make_exact(schema: Any, resolve: Callable[[CoreSchema], CoreSchema]) -> None:
    """Replace, in a pydantic schema, the parts that would lose something or take what JSON tells apart.

    `resolve` gives what a reference leads to: enums are made exact there, models see to themselves.
    """
    waiting: list[Any] = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, dict) and one.get("type") == "definition-ref":
            with suppress(LookupError):  # a model that contains itself is not there yet
                target = resolve(cast("CoreSchema", one))
                waiting += [target] if target["type"] == "enum" else []
        elif isinstance(one, dict) and not _is_ours(one):
            replacement = _replaced(one)
            if replacement is None:
                waiting += [inner for key, inner in one.items() if key not in _SKIPPED]
            else:
                kept = {"ref": one["ref"]} if "ref" in one else {}
                one.clear()
                one.update(replacement, **kept)


def _is_ours(schema: dict[str, Any]) -> bool:
    function = schema.get("function")
    return (isinstance(function, dict) and function.get("function") in _OURS) or (
        schema.get("type") == "union" and bool((schema.get("metadata") or {}).get("handfast_exact"))
    )


def _replaced(schema: dict[str, Any]) -> CoreSchema | None:
    match schema.get("type"):
        case "date":
            exactly = cast("CoreSchema", {**schema, "strict": True})
            inner = core_schema.with_info_wrap_validator_function(_READERS["date"], _copy(schema))
            plain = _of_text(_PLAIN_DATE, core_schema.date_schema())
            return _either(exactly, plain, inner, written=_BY_CLASS)
        case "datetime":
            inner = core_schema.with_info_wrap_validator_function(_READERS["datetime"], _copy(schema))
            return _either(core_schema.is_instance_schema(datetime), inner, written=_BY_CLASS)
        case "uuid":
            inner = core_schema.with_info_wrap_validator_function(_READERS["uuid"], _copy(schema))
            plain = _of_text(_PLAIN_UUID, core_schema.uuid_schema())
            return _either(core_schema.is_instance_schema(UUID), plain, inner, written=_BY_CLASS)
        case "int":
            inner = core_schema.with_info_wrap_validator_function(_INTEGER, _copy(schema))
            return _either(core_schema.int_schema(strict=True), inner, written=_AS_INTEGER)
        case "float":
            inner = core_schema.with_info_wrap_validator_function(_NUMBER, _copy(schema))
            return _either(core_schema.is_instance_schema(float), inner, written=_BY_CLASS)
        case "bool":
            return None if schema.get("strict") else core_schema.bool_schema(strict=True)
        case "enum" if schema.get("sub_type") == "int":
            return core_schema.with_info_wrap_validator_function(_enum_reader, _copy(schema))
        case "enum" if schema.get("sub_type") == "str" and all(map(_is_its_text, schema["members"])):
            return cast("CoreSchema", {**schema, "serialization": _AS_TEXT})
        case "literal" if any(isinstance(one, int) for one in schema["expected"]):
            return core_schema.with_info_wrap_validator_function(_literal_reader, _copy(schema))
    return None


def _is_its_text(member: Any) -> bool:
    """Whether a member of an enum of texts is the text that is its value, which most are."""
    return bool(str.__str__(member) == member.value)


def _either(*choices: CoreSchema, written: core_schema.SerSchema) -> CoreSchema:
    """The first of `choices` that takes a value; the usual ones stand first and cost no call of Python."""
    return core_schema.union_schema(
        [*choices],
        mode="left_to_right",
        metadata={"handfast_exact": True},
        serialization=written,
    )


def _of_text(pattern: str, schema: CoreSchema) -> CoreSchema:
    """Texts of a form of which `schema` loses nothing."""
    return core_schema.chain_schema([core_schema.str_schema(pattern=pattern, strict=True), schema])


def _copy(schema: dict[str, Any]) -> Any:
    return {key: value for key, value in schema.items() if key != "ref"}
