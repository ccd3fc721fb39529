"""Create the `tasks` table, isolated by owner.

Revision ID: 0001_tasks
Revises:
"""

import sqlalchemy as sa
from alembic import op

from handfast.runtime.database import isolation

revision = "0001_tasks"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table with its policies."""
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False, server_default=sa.text("'todo'")),
        sa.Column("priority", sa.Text(), nullable=False, server_default=sa.text("'medium'")),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("char_length(title) between 1 and 200", name="ck_tasks_title"),
        sa.CheckConstraint("status in ('todo', 'in_progress', 'done')", name="ck_tasks_status"),
        sa.CheckConstraint("priority in ('low', 'medium', 'high')", name="ck_tasks_priority"),
        sa.CheckConstraint("(status = 'done') = (completed_at is not null)", name="ck_tasks_completed_at"),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
    )
    op.create_index("ix_tasks_user_id_created_at", "tasks", ["user_id", "created_at", "id"])
    op.create_index("ix_tasks_user_id_due_date", "tasks", ["user_id", "due_date", "id"])
    isolation.enable_row_security("tasks", owner="user_id")


def downgrade() -> None:
    """Drop the table and everything that isolates it."""
    isolation.disable_row_security("tasks")
    op.drop_table("tasks")
