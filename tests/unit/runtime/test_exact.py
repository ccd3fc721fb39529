"""Values that keep what was sent, and models that give it back."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from handfast.runtime import UNSET, Chosen, Model, OneOf, is_absent
from handfast.runtime.exact import DateText, DateTimeText, UUIDText, read_date, read_datetime, read_uuid
from handfast.runtime.schemas import View
from handfast.runtime.views import jsonable

ID = "7f3c1c5e-5a0c-4d3e-9a0e-3f6d2c1b0a99"


@given(st.datetimes(timezones=st.timezones()))
def test_what_a_response_says_is_a_plain_datetime(moment: datetime) -> None:
    moment = moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta()))
    offset = moment.utcoffset()
    assert offset is not None
    if offset % timedelta(minutes=1):
        return  # RFC 3339 has no seconds in an offset
    text = jsonable(moment)
    found = read_datetime(text)
    assert type(found) is datetime
    assert (found, jsonable(found)) == (moment, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2020-01-02T03:04:05.120Z", datetime(2020, 1, 2, 3, 4, 5, 120000, UTC)),
        ("2020-01-02t03:04:05z", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2020-01-02 03:04:05+00:00", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2020-01-02T03:04:05.123456789Z", datetime(2020, 1, 2, 3, 4, 5, 123456, UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:60Z", datetime.max.replace(tzinfo=UTC)),
        ("0000-02-29T00:00:00-01:00", datetime.min.replace(tzinfo=timezone(timedelta(hours=-1)))),
    ],
)
def test_a_datetime_that_would_be_written_in_another_way_keeps_its_text(text: str, value: datetime) -> None:
    found = read_datetime(text)
    assert isinstance(found, DateTimeText)
    assert (found, found.utcoffset(), str(found)) == (value, value.utcoffset(), text)
    for copied in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):  # noqa: S301 (our own bytes)
        assert (copied, str(copied)) == (found, text)
    assert jsonable([found]) == [text]
    later = found.replace(year=2001)
    assert later.isoformat() == value.replace(year=2001).isoformat()


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-02",
        "2020-01-02T03:04:05",
        "20200102T030405Z",
        "2020-13-02T03:04:05Z",
        "2020-01-02T03:04Z",
        "1",
        "",
    ],
)
def test_other_texts_are_no_datetimes(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_datetime(text)


def test_dates_and_uuids() -> None:
    assert type(read_date("2020-02-29")) is date
    first = read_date("0000-02-29")
    assert isinstance(first, DateText)
    assert (first, str(first), jsonable({"a": first})) == (date.min, "0000-02-29", {"a": "0000-02-29"})
    assert str(pickle.loads(pickle.dumps(first))) == "0000-02-29"  # noqa: S301 (our own bytes)
    for text in ("2020-02-30", "0000-02-30", "20200102", "2020-W01-1", "2020-01-02T00:00:00Z"):
        with pytest.raises(ValueError, match=r".+"):
            read_date(text)
    assert type(read_uuid(ID)) is UUID
    odd = read_uuid(ID.upper())
    assert isinstance(odd, UUIDText)
    assert (odd, hash(odd), jsonable(odd)) == (UUID(ID), hash(UUID(ID)), ID.upper())
    assert jsonable(copy.deepcopy(odd)) == ID.upper()
    for text in (ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}"):
        with pytest.raises(ValueError, match=r".+"):
            read_uuid(text)


# --- models ---------------------------------------------------------------------------------------


class Dog(Model):
    name: Annotated[str | None, Field(exclude_if=is_absent)] = None
    kind: str = "dog"


class Cat(Model):
    name: Annotated[str | None, Field(exclude_if=is_absent)] = None
    lives: int = 9


class Renamed(Model):
    created_at: Annotated[str | None, Field(alias="createdAt")] = None
    other: int = 1


class Everything(Model):
    on: Annotated[date | None, Field(exclude_if=is_absent)] = None
    at: datetime | None = None
    id: UUID | UNSET = UNSET
    whole: int | None = None
    number: float | None = None
    flag: bool | None = None
    pet: OneOf[Dog | Cat] | None = None
    tagged: Annotated[Dog | Cat, Chosen("kind", {"dog": "Dog", "cat": "Cat"})] | None = None
    pets: OneOf[list[Dog] | list[Cat]] | None = None
    by_name: OneOf[dict[str, Dog] | Cat] | None = None
    odd: Literal[True, 1] | None = None
    when: OneOf[str | date | datetime | UUID] | None = None


CLOSED = {"type": "object", "additionalProperties": False}
VIEW = View(
    {
        "Dog": {**CLOSED, "properties": {"name": {}, "kind": {}, "x": {"type": "string"}}},
        "Cat": {**CLOSED, "properties": {"name": {}, "kind": {}, "lives": {}, "x": {"type": "integer"}}},
    },
    "request",
)


def seen(**value: Any) -> Everything:
    found = Everything.model_validate(value, context=VIEW, by_alias=True, by_name=False)
    assert jsonable(found) == value
    return found


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("on", "0000-01-01", DateText),
        ("on", "2020-01-01", date),
        ("at", "2020-01-01T00:00:00.5Z", DateTimeText),
        ("at", None, type(None)),
        ("id", ID.upper(), UUIDText),
        ("whole", 1.0, int),
        ("whole", 10**500, int),
        ("whole", 1e300, int),
        ("number", 5, float),
        ("number", 1.5, float),
        ("number", 2**53 + 1, int),
        ("number", 10**400, int),
        ("flag", True, bool),
        ("pet", {"x": "a"}, Dog),
        ("pet", {"x": 1}, Cat),
        ("tagged", {"kind": "cat"}, Cat),
        ("tagged", {"kind": "dog"}, Dog),
        ("tagged", {"kind": "wolf"}, Dog),
        ("by_name", {"lives": 3}, Cat),
        ("by_name", {"a": {"x": "a"}}, dict),
        ("when", "2020-01-01", date),
        ("when", "2020-01-01T00:00:00Z", datetime),
        ("when", ID, UUID),
        ("when", "20200101", str),
        ("unknown", [None, 1], list),
        ("odd", 1.0, int),
        ("odd", True, bool),
    ],
)
def test_a_value_is_seen_as_its_type_and_given_back(name: str, value: Any, kind: type) -> None:
    assert type(getattr(seen(**{name: value}), name)) is kind


def test_branches_of_lists_are_chosen_by_their_items() -> None:
    assert [type(pet) for pet in seen(pets=[{"x": 1}]).pets or ()] == [Cat]
    assert [type(pet) for pet in seen(pets=[{"x": "a"}]).pets or ()] == [Dog]


@pytest.mark.parametrize(
    "value",
    [{"whole": "1"}, {"whole": True}, {"whole": 1.5}, {"flag": 1}, {"number": "1"}, {"on": 0}, {"at": 5}],
)
def test_nothing_is_read_into_a_value_of_the_wire(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Everything.model_validate(value, context=VIEW)


def test_a_handler_builds_models_of_plain_values_and_says_defaults() -> None:
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    made = Everything(on=date(2020, 1, 1), at=moment, id=UUID(ID), whole=1, number=2, pet=Cat(), when=moment)
    assert jsonable(made) == {
        "on": "2020-01-01",
        "at": "2020-01-01T00:00:00Z",
        "id": ID,
        "whole": 1,
        "number": 2,
        "pet": {"lives": 9},
        "when": "2020-01-01T00:00:00Z",
    }
    assert jsonable(Everything(on=None, at=None)) == {"at": None}
    kept = seen(on="0000-01-01", when=ID.upper())
    assert jsonable(Everything(on=kept.on, when=kept.when)) == {"on": "0000-01-01", "when": ID.upper()}


def test_what_was_absent_stays_absent_until_it_is_set() -> None:
    found = seen(pet={"x": "a"})
    assert isinstance(found.pet, Dog)
    assert found.pet.kind == "dog"
    found.pet.kind = "dog"
    assert jsonable(found) == {"pet": {"x": "a", "kind": "dog"}}


@pytest.mark.parametrize(
    "value", [{"created_at": "x"}, {"created_at": "x", "createdAt": "y"}, {"createdAt": None}]
)
def test_a_property_called_as_the_attribute_of_another_is_none_of_it(value: dict[str, Any]) -> None:
    found = Renamed.model_validate(value, context=VIEW, by_alias=True, by_name=False)
    assert jsonable(found) == value
    assert jsonable(Renamed(created_at="x")) == {"createdAt": "x", "other": 1}


class Plain(BaseModel):
    """A model that knows nothing of contracts."""

    at: Any
    within: dict[str, Any]


def test_a_text_that_was_sent_is_kept_wherever_it_is_written() -> None:
    moment = seen(at="2020-01-01T00:00:00.5Z").at
    assert moment is not None
    day, one = seen(on="0000-01-01").on, seen(id=ID.upper()).id
    made = Plain(at=moment, within={"days": [day], "id": one})
    wanted = {"at": "2020-01-01T00:00:00.5Z", "within": {"days": ["0000-01-01"], "id": ID.upper()}}
    assert made.model_dump(mode="json") == wanted
    assert jsonable(dict(made)) == wanted
    assert made.model_dump() == {"at": moment, "within": {"days": [day], "id": one}}
    assert type(made.model_dump()["at"]) is DateTimeText


def test_what_is_computed_from_a_kept_text_is_written_as_its_value() -> None:
    moment = seen(at="2020-01-01T00:00:00.5Z").at
    assert moment is not None
    assert jsonable([moment + timedelta(days=1)]) == ["2020-01-02T00:00:00.500000Z"]
    assert jsonable([UUIDText(ID), DateText(2020, 1, 1)]) == [ID, "2020-01-01"]


class Colour(StrEnum):
    """Its members are their values."""

    RED = "red"


class Padded(str, Enum):  # noqa: UP042 (a StrEnum is its values)
    """Its members are other texts than their values."""

    ONE = "one"

    def __new__(cls, value: str) -> Padded:
        """Put a blank around the value."""
        made = str.__new__(cls, f" {value} ")
        made._value_ = value
        return made


class Paint(Model):
    """Members of enums."""

    plain: Colour
    padded: Padded


def test_members_of_enums_are_written_as_their_values() -> None:
    assert jsonable(Paint(plain=Colour.RED, padded=Padded.ONE)) == {"plain": "red", "padded": "one"}
    assert all(type(one) is str for one in jsonable(Paint(plain=Colour.RED, padded=Padded.ONE)).values())


class Level(IntEnum):
    """Its members are whole numbers."""

    LOW = 1


class Ranked(Model):
    """A number of an enum, or a text."""

    level: Level
    either: OneOf[Level | str] | None = None


@pytest.mark.parametrize("level", ["1", True])
def test_no_text_and_no_boolean_is_a_member_of_an_enum_of_numbers(level: object) -> None:
    with pytest.raises(ValidationError):
        Ranked.model_validate({"level": level}, context=VIEW)


def test_a_text_beside_an_enum_of_numbers_stays_a_text() -> None:
    found = Ranked.model_validate({"level": 1.0, "either": "1"}, context=VIEW)
    assert (found.level, found.either) == (Level.LOW, "1")
    assert jsonable(found) == {"level": 1, "either": "1"}
