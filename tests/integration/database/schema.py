"""Tables of a small shop, in a registry of their own: what the tests of `ctx.db` read and write."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    Enum,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from handfast.runtime.database.owners import Elevation, Sharing

metadata = MetaData()


class Base(SQLModel, registry=registry(metadata=metadata)):
    metadata = metadata


def table_of(cls: type[SQLModel]) -> Table:
    """The plain table behind a class."""
    table: Table = cls.__table__  # type: ignore[attr-defined]
    return table


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Country(Base, table=True):
    """Reference data that everybody shares."""

    __tablename__ = "countries"
    __owner__: ClassVar[None] = None

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(sa_type=Text)


class Customer(Base, table=True):
    __tablename__ = "customers"
    __owner__: ClassVar[str] = "user_id"
    __table_args__ = (UniqueConstraint("user_id", "id", name="uq_customers_user_id_id"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID
    name: str = Field(sa_type=Text)


class Order(Base, table=True):
    __tablename__ = "orders"
    __owner__: ClassVar[str] = "user_id"
    __elevation__: ClassVar[Elevation] = "read"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "customer_id"], ["customers.user_id", "customers.id"], name="fk_orders_customer"
        ),
        UniqueConstraint("user_id", "reference", name="uq_orders_user_id_reference"),
        CheckConstraint("total >= 0", name="ck_orders_total"),
        Index("ix_orders_user_id_placed_at", "user_id", "placed_at"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID
    customer_id: UUID | None = None
    reference: str = Field(sa_type=Text)
    total: Decimal = Field(default=Decimal("0"), sa_type=Numeric(12, 2))
    placed_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")}
    )
    changed_at: datetime | None = Field(
        default=None,
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"onupdate": lambda: datetime.now(UTC)},
    )


class Note(Base, table=True):
    """What its owner shares with others, and what elevated statements may change."""

    __tablename__ = "notes"
    __owner__: ClassVar[str] = "user_id"
    __shared__: ClassVar[Sharing] = Sharing(by="note_shares", key="note_id")
    __elevation__: ClassVar[Elevation] = "write"
    __table_args__ = (UniqueConstraint("user_id", "id", name="uq_notes_user_id_id"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID
    text: str = Field(default="", sa_type=Text)


class NoteShare(Base, table=True):
    __tablename__ = "note_shares"
    __owner__: ClassVar[str] = "user_id"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "note_id"], ["notes.user_id", "notes.id"], name="fk_shares_note", ondelete="cascade"
        ),
        Index("ix_note_shares_grantee_id", "grantee_id", "note_id"),
    )

    user_id: UUID = Field(primary_key=True)
    note_id: UUID = Field(primary_key=True)
    grantee_id: UUID = Field(primary_key=True)
    may_write: bool = False


class Thing(Base, table=True):
    """One column of each kind, some under another name than the attribute's."""

    __tablename__ = "things"
    __owner__: ClassVar[str] = "owner"
    __table_args__ = (Index("ix_things_owner", "owner"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    owner: UUID
    number: int | None = None
    ratio: float | None = None
    flag: bool | None = None
    day: date | None = None
    data: bytes | None = None
    label: str | None = Field(default=None, sa_column_kwargs={"name": "label_text"})
    color: Color | None = Field(default=None, sa_type=Enum(Color, name="color"))
    extra: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    numbers: list[int] | None = Field(default=None, sa_type=ARRAY(Integer))
    kind: str = Field(default=None, sa_type=Text, sa_column_kwargs={"default": "plain"})
    serial: int | None = Field(
        default=None, sa_column_kwargs={"server_default": text("nextval('things_serial')")}
    )
