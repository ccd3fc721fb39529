"""The tables of the shelf."""

from typing import ClassVar
from uuid import UUID, uuid4

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from generated.shelf import models

metadata = SQLModel.metadata


class Note(SQLModel, table=True):
    """A note of a user."""

    __tablename__ = "notes"
    __owner__: ClassVar[str] = "user_id"
    __table_args__ = (
        UniqueConstraint("user_id", "id", name="uq_notes_user_id_id"),
        UniqueConstraint("user_id", "label", name="uq_notes_label"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID
    title: str = Field(sa_type=Text)
    label: str | None = Field(default=None, sa_type=Text)

    def to_api(self) -> models.Note:
        """The note as the contract shows it."""
        more = {} if self.label is None else {"label": self.label}
        return models.Note(id=self.id, user_id=self.user_id, title=self.title, **more)


class Comment(SQLModel, table=True):
    """What a user says about a note."""

    __tablename__ = "comments"
    __owner__: ClassVar[str] = "user_id"
    __table_args__ = (
        ForeignKeyConstraint(
            ["user_id", "note_id"], ["notes.user_id", "notes.id"], name="fk_comments_note", ondelete="CASCADE"
        ),
        Index("ix_comments_user_id", "user_id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID
    note_id: UUID
    text: str = Field(sa_type=Text)

    def to_api(self) -> models.Comment:
        """The comment as the contract shows it."""
        return models.Comment(id=self.id, note_id=self.note_id, text=self.text)
