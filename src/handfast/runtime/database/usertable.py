"""The platform's table of users; `users` has the operations that make it."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, Table, Text, Uuid, text

METADATA = MetaData()
"""What `isolation` holds the database against, beside the project's own tables."""

USERS = Table(
    "handfast_users",
    METADATA,
    Column("id", Uuid(), primary_key=True),
    Column("subject", Text(), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("valid_after", DateTime(timezone=True), nullable=True),
    info={"owner": "id"},
    comment="Users whose tokens were seen; tokens issued before valid_after no longer count.",
)
"""`id` is what owner columns hold, `subject` what the authentication server calls the user."""
