"""Rows of `Table` are what SQLModel's own are."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON, MetaData, event, inspect
from sqlalchemy.orm import configure_mappers, registry
from sqlmodel import Field, Relationship, SQLModel

from handfast.runtime.database import Table

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
KEY = uuid4()


class Ours(Table, registry=registry(metadata=MetaData())):
    """In a registry of its own."""


class Theirs(SQLModel, registry=registry(metadata=MetaData())):
    """In a registry of its own."""


class Mine(Ours, table=True):
    id: UUID = Field(default_factory=lambda: KEY, primary_key=True)
    name: str
    due: date | None = None
    made: datetime = MOMENT
    children: list["Child"] = Relationship(back_populates="parent")


class Child(Ours, table=True):
    id: UUID = Field(default_factory=lambda: KEY, primary_key=True)
    mine_id: UUID | None = Field(default=None, foreign_key="mine.id")
    parent: Mine | None = Relationship(back_populates="children")


class Other(Theirs, table=True):
    id: UUID = Field(default_factory=lambda: KEY, primary_key=True)
    name: str
    due: date | None = None
    made: datetime = MOMENT


GIVEN = st.fixed_dictionaries(
    {},
    optional={
        "id": st.uuids(),
        "name": st.text(),
        "due": st.none() | st.dates(),
        "made": st.datetimes(),
        "unknown": st.integers(),
    },
)


def told(row: SQLModel) -> tuple[Any, ...]:
    state: Any = inspect(row)
    values = {name: value for name, value in row.__dict__.items() if not name.startswith("_")}
    return values, row.model_fields_set, row.model_dump(), row.model_dump(exclude_unset=True), state.transient


@given(GIVEN)
def test_whatever_is_given(given: dict[str, Any]) -> None:
    mine, other = Mine(**given), Other(**given)
    if "name" in given:
        assert told(mine) == told(other)
    else:
        assert {**told(mine)[0]} == {**told(other)[0]}


def test_validation_makes_the_same() -> None:
    values = {"name": "a", "due": "2026-01-02"}
    assert told(Mine.model_validate(values)) == told(Other.model_validate(values))


def test_relationships_go_both_ways() -> None:
    child = Child()
    mine = Mine(name="a", children=[child])
    assert child.parent is mine
    assert mine.children == [child]


def test_defaults_that_can_be_changed_are_not_shared() -> None:
    class Base(Table, registry=registry(metadata=MetaData())):
        """In a registry of its own."""

    class Loose(Base, table=True):
        id: UUID = Field(default_factory=uuid4, primary_key=True)
        tags: list[str] = Field(default=[], sa_type=JSON)

    first, second = Loose(), Loose()
    first.tags.append("x")
    assert second.tags == []


def test_whoever_listens_to_new_rows_hears_of_them() -> None:
    heard = []

    def hear(row: Mine, args: Any, values: dict[str, Any]) -> None:
        heard.append(values)

    configure_mappers()
    Mine(name="unheard")
    event.listen(Mine, "init", hear)
    try:
        Mine(name="heard")
    finally:
        event.remove(Mine, "init", hear)
    assert heard == [{"name": "heard"}]
