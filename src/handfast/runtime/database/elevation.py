"""Alembic operations for what elevated statements may see, and for the trail that they leave.

    isolation.create_audit_table()
    isolation.allow_elevation("orders")               # read all users' rows; write=True: change them too

The elevated role is a role of its own, which cannot log in and is bound by row security like any other: a
policy per table lets it see more. The service may become it (SET LOCAL ROLE) and inherits nothing from it.
"""

from __future__ import annotations

from alembic import op
from alembic.operations import MigrateOperation, Operations

from handfast.runtime.database import audit, roles
from handfast.runtime.database.operations import WRITES, run, schema_of, service_of
from handfast.runtime.database.policies import ELEVATION_POLICY, literal, quoted


@Operations.register_operation("allow_elevation")
class AllowElevation(MigrateOperation):
    """Show all users' rows of a table to elevated statements."""

    def __init__(self, table: str, *, write: bool, schema: str | None) -> None:
        """Describe it; see `allow_elevation`."""
        self.table = table
        self.write = write
        self.schema = schema

    @classmethod
    def allow_elevation(
        cls, operations: Operations, table: str, *, write: bool = False, schema: str | None = None
    ) -> None:
        """Let elevated statements read all rows of `table`, which has row security, and write if `write`."""
        operations.invoke(cls(table, write=write, schema=schema))

    def reverse(self) -> MigrateOperation:
        """Return the operation that undoes this one."""
        return ForbidElevation(self.table, schema=self.schema)


@Operations.register_operation("forbid_elevation")
class ForbidElevation(MigrateOperation):
    """Take back what `allow_elevation` gave."""

    def __init__(self, table: str, *, schema: str | None) -> None:
        """Describe it; see `forbid_elevation`."""
        self.table = table
        self.schema = schema

    @classmethod
    def forbid_elevation(cls, operations: Operations, table: str, *, schema: str | None = None) -> None:
        """Take every right on `table` from elevated statements."""
        operations.invoke(cls(table, schema=schema))


@Operations.register_operation("create_audit_table")
class CreateAuditTable(MigrateOperation):
    """Make the table that elevated statements are noted in."""

    @classmethod
    def create_audit_table(cls, operations: Operations) -> None:
        """Make `handfast_audit`; the service may add rows, and neither read, change nor delete them."""
        operations.invoke(cls())

    def reverse(self) -> MigrateOperation:
        """Return the operation that undoes this one."""
        return DropAuditTable()


@Operations.register_operation("drop_audit_table")
class DropAuditTable(MigrateOperation):
    """Drop the table that elevated statements are noted in."""

    @classmethod
    def drop_audit_table(cls, operations: Operations) -> None:
        """Drop `handfast_audit` with every row of it."""
        operations.invoke(cls())


def allow_elevation(table: str, *, write: bool = False, schema: str | None = None) -> None:
    """Do what `op.allow_elevation` does; spelt so that type checkers know it."""
    op.invoke(AllowElevation(table, write=write, schema=schema))


def forbid_elevation(table: str, *, schema: str | None = None) -> None:
    """Do what `op.forbid_elevation` does."""
    op.invoke(ForbidElevation(table, schema=schema))


def create_audit_table() -> None:
    """Do what `op.create_audit_table` does."""
    op.invoke(CreateAuditTable())


def drop_audit_table() -> None:
    """Do what `op.drop_audit_table` does."""
    op.invoke(DropAuditTable())


@Operations.implementation_for(AllowElevation)
def _allow(operations: Operations, operation: AllowElevation) -> None:
    schema = schema_of(operations, operation.schema)
    table, role = quoted(schema, operation.table), quoted(roles.ELEVATED)
    rights, scope = (WRITES, "for all") if operation.write else ("select", "for select")
    check = " with check (true)" if operation.write else ""
    run(
        operations,
        _ensure_elevated(service_of(operations)),
        f"create policy {ELEVATION_POLICY} on {table} {scope} to {role} using (true){check}",
        f"grant usage on schema {quoted(schema)} to {role}",
        f"grant {rights} on {table} to {role}",
    )


@Operations.implementation_for(ForbidElevation)
def _forbid(operations: Operations, operation: ForbidElevation) -> None:
    table = quoted(schema_of(operations, operation.schema), operation.table)
    run(
        operations,
        f"drop policy if exists {ELEVATION_POLICY} on {table}",
        f"revoke all on {table} from {quoted(roles.ELEVATED)}",
    )


@Operations.implementation_for(CreateAuditTable)
def _create_audit_table(operations: Operations, operation: CreateAuditTable) -> None:
    schema = schema_of(operations, None)
    table, service = quoted(schema, audit.TABLE), quoted(service_of(operations))
    run(
        operations,
        f"create table {table} ("
        "id bigint generated always as identity primary key, "
        "at timestamptz not null default now(), "
        "user_id uuid, "
        "role text not null check (role in ('service', 'admin')), "
        "operation text not null, "
        "correlation_id text not null, "
        "reason text not null, "
        "action text not null check (action in ('read', 'write')), "
        "tables text[] not null)",
        f"grant usage on schema {quoted(schema)} to {service}",
        f"grant insert on {table} to {service}",
    )


@Operations.implementation_for(DropAuditTable)
def _drop_audit_table(operations: Operations, operation: DropAuditTable) -> None:
    run(operations, f"drop table {quoted(schema_of(operations, None), audit.TABLE)}")


def _ensure_elevated(service: str) -> str:
    role = roles.ELEVATED
    return f"""
do $$
begin
  if to_regrole('{role}') is null then
    create role {role} nologin;
  end if;
  if not pg_has_role({literal(service)}, '{role}', 'set') then
    grant {role} to {quoted(service)} with inherit false, set true;
  end if;
exception when insufficient_privilege then
  raise exception 'elevation needs the role {role}, which % may not make or grant', current_user
    using hint = 'repeat `handfast migrate --setup`, or let a superuser run: create role {role} nologin; '
      || 'grant {role} to ' || quote_ident({literal(service)}) || ' with inherit false, set true';
end $$
"""
