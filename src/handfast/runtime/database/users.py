"""The platform's table of users, one row for each subject whose token was ever seen, isolated like any other.

A project that wants it gives `create_app(users=True)` and calls `create_users()` in a migration:

    from handfast.runtime.database import users

    def upgrade() -> None:
        users.create_users()          # or op.create_users(), once this module is imported

    def downgrade() -> None:
        users.drop_users()

The table is not among the project's own metadata: names that begin with `handfast_` are the platform's, and
autogenerate leaves them alone.
"""

from __future__ import annotations

from alembic import op
from alembic.operations import MigrateOperation, Operations

from handfast.runtime.database.operations import DisableRowSecurity, EnableRowSecurity
from handfast.runtime.database.usertable import USERS


@Operations.register_operation("create_users")
class CreateUsers(MigrateOperation):
    """Make the table of users; each user sees one row, the user's own."""

    def __init__(self, *, schema: str | None) -> None:
        """Describe it; see `create_users`."""
        self.schema = schema

    @classmethod
    def create_users(cls, operations: Operations, *, schema: str | None = None) -> None:
        """Create `handfast_users` with row security on its `id`."""
        operations.invoke(cls(schema=schema))

    def reverse(self) -> MigrateOperation:
        """Return the operation that undoes this one."""
        return DropUsers(schema=self.schema)


@Operations.register_operation("drop_users")
class DropUsers(MigrateOperation):
    """Drop the table of users and everything that isolates it."""

    def __init__(self, *, schema: str | None) -> None:
        """Describe it; see `drop_users`."""
        self.schema = schema

    @classmethod
    def drop_users(cls, operations: Operations, *, schema: str | None = None) -> None:
        """Drop `handfast_users`: who was signed out everywhere is forgotten with it."""
        operations.invoke(cls(schema=schema))

    def reverse(self) -> MigrateOperation:
        """Return the operation that undoes this one."""
        return CreateUsers(schema=self.schema)


def create_users(*, schema: str | None = None) -> None:
    """Do what `op.create_users` does; spelt so that type checkers know it."""
    op.invoke(CreateUsers(schema=schema))


def drop_users(*, schema: str | None = None) -> None:
    """Do what `op.drop_users` does."""
    op.invoke(DropUsers(schema=schema))


@Operations.implementation_for(CreateUsers)
def _create(operations: Operations, operation: CreateUsers) -> None:
    operations.create_table(
        USERS.name,
        *(column._copy() for column in USERS.columns),
        schema=operation.schema,
        comment=USERS.comment,
    )
    operations.invoke(
        EnableRowSecurity(USERS.name, owner="id", key=None, key_type="uuid", schema=operation.schema)
    )


@Operations.implementation_for(DropUsers)
def _drop(operations: Operations, operation: DropUsers) -> None:
    operations.invoke(DisableRowSecurity(USERS.name, key_type="uuid", schema=operation.schema))
    operations.drop_table(USERS.name, schema=operation.schema)
