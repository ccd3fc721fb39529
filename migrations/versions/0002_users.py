"""Create the platform's table of users, for sign-out everywhere.

Revision ID: 0002_users
Revises: 0001_tasks
"""

from handfast.runtime.database import users

revision = "0002_users"
down_revision = "0001_tasks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table with its policies."""
    users.create_users()


def downgrade() -> None:
    """Drop the table and everything that isolates it."""
    users.drop_users()
