"""Create notes and comments, isolated by owner."""

import sqlalchemy as sa
from alembic import op

from handfast.runtime.database import isolation

revision = "0001_shelf"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables with their policies."""
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.UniqueConstraint("user_id", "id", name="uq_notes_user_id_id"),
        sa.UniqueConstraint("user_id", "label", name="uq_notes_label"),
    )
    op.create_table(
        "comments",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id", "note_id"], ["notes.user_id", "notes.id"], name="fk_comments_note", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_comments_user_id", "comments", ["user_id"])
    isolation.enable_row_security("notes", owner="user_id")
    isolation.enable_row_security("comments", owner="user_id")


def downgrade() -> None:
    """Drop both."""
    for table in ("comments", "notes"):
        isolation.disable_row_security(table)
        op.drop_table(table)
