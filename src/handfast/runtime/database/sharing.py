"""Alembic operations for rows that their owner shares with other users.

    isolation.enable_sharing("tasks", owner="user_id", by="task_shares", key="task_id")

Row security then shows a row to whom a share names, and lets it be changed where the share says so. Nobody
but the owner deletes it or shares it on, and a trigger keeps its owner: a row's old and new owner cannot be
compared in a policy.
"""

from __future__ import annotations

from alembic import op
from alembic.operations import MigrateOperation, Operations

from handfast.runtime.database.operations import run, schema_of
from handfast.runtime.database.owners import Sharing
from handfast.runtime.database.policies import (
    GRANTED_POLICY,
    KEEPS_OWNER,
    READ_POLICY,
    WRITE_POLICY,
    current_user,
    keeper_body,
    keeper_function,
    quoted,
)

_SHARE = "handfast_share"


@Operations.register_operation("enable_sharing")
class EnableSharing(MigrateOperation):
    """Show rows of a table to the users whom another table names."""

    def __init__(
        self, table: str, sharing: Sharing, *, owner: str, by_owner: str, table_key: str, schema: str | None
    ) -> None:
        """Describe it; see `enable_sharing`."""
        self.table = table
        self.sharing = sharing
        self.owner = owner
        self.by_owner = by_owner
        self.table_key = table_key
        self.schema = schema

    @classmethod
    def enable_sharing(
        cls,
        operations: Operations,
        table: str,
        *,
        owner: str,
        by: str,
        key: str,
        grantee: str = "grantee_id",
        writable: str = "may_write",
        by_owner: str | None = None,
        table_key: str = "id",
        schema: str | None = None,
    ) -> None:
        """Share rows of `table` with the users that rows of `by` name; both have row security already.

        A row of `by` holds the owner (`by_owner`, called as in `table` unless given), the `key` of the shared
        row, the `grantee`, and whether that user may change it (`writable`, a boolean).
        """
        sharing = Sharing(by=by, key=key, grantee=grantee, writable=writable)
        operations.invoke(
            cls(table, sharing, owner=owner, by_owner=by_owner or owner, table_key=table_key, schema=schema)
        )

    def reverse(self) -> MigrateOperation:
        """Return the operation that undoes this one."""
        return DisableSharing(self.table, by=self.sharing.by, schema=self.schema)


@Operations.register_operation("disable_sharing")
class DisableSharing(MigrateOperation):
    """Take back everything that `enable_sharing` did."""

    def __init__(self, table: str, *, by: str, schema: str | None) -> None:
        """Describe it; see `disable_sharing`."""
        self.table = table
        self.by = by
        self.schema = schema

    @classmethod
    def disable_sharing(
        cls, operations: Operations, table: str, *, by: str, schema: str | None = None
    ) -> None:
        """Remove the policies of sharing from `table` and `by`; the shares themselves stay in `by`."""
        operations.invoke(cls(table, by=by, schema=schema))


def enable_sharing(
    table: str,
    *,
    owner: str,
    by: str,
    key: str,
    grantee: str = "grantee_id",
    writable: str = "may_write",
    by_owner: str | None = None,
    table_key: str = "id",
    schema: str | None = None,
) -> None:
    """Do what `op.enable_sharing` does; spelt so that type checkers know it."""
    sharing = Sharing(by=by, key=key, grantee=grantee, writable=writable)
    op.invoke(
        EnableSharing(
            table, sharing, owner=owner, by_owner=by_owner or owner, table_key=table_key, schema=schema
        )
    )


def disable_sharing(table: str, *, by: str, schema: str | None = None) -> None:
    """Do what `op.disable_sharing` does."""
    op.invoke(DisableSharing(table, by=by, schema=schema))


@Operations.implementation_for(EnableSharing)
def _enable(operations: Operations, operation: EnableSharing) -> None:
    sharing = operation.sharing
    schema = schema_of(operations, operation.schema)
    table, by = quoted(schema, operation.table), quoted(schema, sharing.by)
    owner = quoted(operation.owner)
    read = (
        f"exists (select from {by} {_SHARE} "
        f"where {_SHARE}.{quoted(operation.by_owner)} = {quoted(operation.table)}.{owner} "
        f"and {_SHARE}.{quoted(sharing.key)} = {quoted(operation.table)}.{quoted(operation.table_key)} "
        f"and {current_user(f'{_SHARE}.{quoted(sharing.grantee)}')}"
    )
    write = f"{read} and {_SHARE}.{quoted(sharing.writable)})"
    function = f"{quoted(schema, keeper_function(operation.table))}()"
    run(
        operations,
        f"create policy {READ_POLICY} on {table} for select using ({read}))",
        f"create policy {WRITE_POLICY} on {table} for update using ({write}) with check ({write})",
        f"create policy {GRANTED_POLICY} on {by} for select using ({current_user(quoted(sharing.grantee))})",
        f"create function {function} returns trigger language plpgsql "
        f"set search_path = pg_catalog, pg_temp as $handfast$ {keeper_body(operation.owner)} $handfast$",
        f"revoke all on function {function} from public",
        f"create trigger {KEEPS_OWNER} after update on {table} for each row "
        f"when (old.{owner} is distinct from new.{owner}) execute function {function}",
    )


@Operations.implementation_for(DisableSharing)
def _disable(operations: Operations, operation: DisableSharing) -> None:
    schema = schema_of(operations, operation.schema)
    table, by = quoted(schema, operation.table), quoted(schema, operation.by)
    run(
        operations,
        f"drop trigger if exists {KEEPS_OWNER} on {table}",
        f"drop function if exists {quoted(schema, keeper_function(operation.table))}()",
        f"drop policy if exists {GRANTED_POLICY} on {by}",
        f"drop policy if exists {WRITE_POLICY} on {table}",
        f"drop policy if exists {READ_POLICY} on {table}",
    )
