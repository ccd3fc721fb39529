"""Create the `task_shares` table, and let tasks be read and changed through it.

Revision ID: 0003_task_shares
Revises: 0002_users
"""

import sqlalchemy as sa
from alembic import op

from handfast.runtime.database import isolation

revision = "0003_task_shares"
down_revision = "0002_users"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table with its policies, and those of `tasks` that look into it."""
    op.create_unique_constraint("uq_tasks_user_id_id", "tasks", ["user_id", "id"])
    op.create_table(
        "task_shares",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("grantee_id", sa.Uuid(), nullable=False),
        sa.Column("may_write", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("grantee_id <> user_id", name="ck_task_shares_grantee_id"),
        sa.PrimaryKeyConstraint("user_id", "task_id", "grantee_id", name="pk_task_shares"),
        sa.ForeignKeyConstraint(
            ["user_id", "task_id"],
            ["tasks.user_id", "tasks.id"],
            name="fk_task_shares_task",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_task_shares_grantee_id", "task_shares", ["grantee_id", "created_at", "task_id"])
    isolation.enable_row_security("task_shares", owner="user_id", key=None)
    isolation.enable_sharing("tasks", owner="user_id", by="task_shares", key="task_id")


def downgrade() -> None:
    """Drop the table and everything that looks into it."""
    isolation.disable_sharing("tasks", by="task_shares")
    isolation.disable_row_security("task_shares")
    op.drop_table("task_shares")
    op.drop_constraint("uq_tasks_user_id_id", "tasks")
