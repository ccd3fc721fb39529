"""Alembic operations that isolate tables; `handfast.runtime.database.isolation` registers them.

Identifiers and literals are quoted, so the statements may be put together as text, as Alembic's are.
"""

from __future__ import annotations

from alembic import op
from alembic.operations import MigrateOperation, Operations
from sqlalchemy import text as sql_text

from handfast.runtime.database import roles
from handfast.runtime.database.policies import (
    OWNER_POLICY,
    PROBE_POLICY,
    current_user,
    existence_body,
    existence_function,
    literal,
    quoted,
)

_BACKFILL_POLICY = "handfast_backfill"

WRITES = "select, insert, update, delete"


@Operations.register_operation("enable_row_security")
class EnableRowSecurity(MigrateOperation):
    """Show and give each row of a table to its owner alone."""

    def __init__(self, table: str, *, owner: str, key: str | None, key_type: str, schema: str | None) -> None:
        """Describe it; see `enable_row_security`."""
        self.table = table
        self.owner = owner
        self.key = key
        self.key_type = key_type
        self.schema = schema

    @classmethod
    def enable_row_security(
        cls,
        operations: Operations,
        table: str,
        *,
        owner: str,
        key: str | None = "id",
        key_type: str = "uuid",
        schema: str | None = None,
    ) -> None:
        """Enable and force row security on `table`, whose column `owner` (a uuid) names the user of a row.

        The service role may then read and write its user's rows, and ask of a `key` of type `key_type` only
        whether it exists. A table whose rows have no key of one column beside the owner says `key=None`.
        """
        operations.invoke(cls(table, owner=owner, key=key, key_type=key_type, schema=schema))

    def reverse(self) -> MigrateOperation:
        """Return the operation that undoes this one."""
        return DisableRowSecurity(self.table, key_type=self.key_type, schema=self.schema)


@Operations.register_operation("disable_row_security")
class DisableRowSecurity(MigrateOperation):
    """Take back everything that `enable_row_security` did."""

    def __init__(self, table: str, *, key_type: str, schema: str | None) -> None:
        """Describe it; see `disable_row_security`."""
        self.table = table
        self.key_type = key_type
        self.schema = schema

    @classmethod
    def disable_row_security(
        cls, operations: Operations, table: str, *, key_type: str = "uuid", schema: str | None = None
    ) -> None:
        """Remove the policies, the existence function and all rights of service and probe from `table`."""
        operations.invoke(cls(table, key_type=key_type, schema=schema))


@Operations.register_operation("share_table")
class ShareTable(MigrateOperation):
    """Let everybody read a table that has no owner column."""

    def __init__(self, table: str, *, writable: bool, schema: str | None) -> None:
        """Describe it; see `share_table`."""
        self.table = table
        self.writable = writable
        self.schema = schema

    @classmethod
    def share_table(
        cls, operations: Operations, table: str, *, writable: bool = False, schema: str | None = None
    ) -> None:
        """Let the service role read all of `table`, and write it if `writable`, for every user alike."""
        operations.invoke(cls(table, writable=writable, schema=schema))

    def reverse(self) -> MigrateOperation:
        """Return the operation that undoes this one."""
        return UnshareTable(self.table, schema=self.schema)


@Operations.register_operation("unshare_table")
class UnshareTable(MigrateOperation):
    """Take back what `share_table` gave."""

    def __init__(self, table: str, *, schema: str | None) -> None:
        """Describe it; see `unshare_table`."""
        self.table = table
        self.schema = schema

    @classmethod
    def unshare_table(cls, operations: Operations, table: str, *, schema: str | None = None) -> None:
        """Take every right on `table` from the service role."""
        operations.invoke(cls(table, schema=schema))


@Operations.register_operation("backfill")
class Backfill(MigrateOperation):
    """Change rows of all users in a table with forced row security."""

    def __init__(self, table: str, statement: str, *, schema: str | None) -> None:
        """Describe it; see `backfill`."""
        self.table = table
        self.statement = statement
        self.schema = schema

    @classmethod
    def backfill(
        cls, operations: Operations, table: str, statement: str, *, schema: str | None = None
    ) -> int:
        """Run `statement` over the rows of all users and return how many it touched.

        Forced row security binds the migrating role too: without this, the statement would touch nothing and
        say so to nobody. One that touches no row of a table that has rows is refused.
        """
        touched: int = operations.invoke(cls(table, statement, schema=schema))
        return touched


def enable_row_security(
    table: str, *, owner: str, key: str | None = "id", key_type: str = "uuid", schema: str | None = None
) -> None:
    """Do what `op.enable_row_security` does; spelt so that type checkers know it."""
    op.invoke(EnableRowSecurity(table, owner=owner, key=key, key_type=key_type, schema=schema))


def disable_row_security(table: str, *, key_type: str = "uuid", schema: str | None = None) -> None:
    """Do what `op.disable_row_security` does."""
    op.invoke(DisableRowSecurity(table, key_type=key_type, schema=schema))


def share_table(table: str, *, writable: bool = False, schema: str | None = None) -> None:
    """Do what `op.share_table` does."""
    op.invoke(ShareTable(table, writable=writable, schema=schema))


def unshare_table(table: str, *, schema: str | None = None) -> None:
    """Do what `op.unshare_table` does."""
    op.invoke(UnshareTable(table, schema=schema))


def backfill(table: str, statement: str, *, schema: str | None = None) -> int:
    """Do what `op.backfill` does."""
    touched: int = op.invoke(Backfill(table, statement, schema=schema))
    return touched


def schema_of(operations: Operations, schema: str | None) -> str:
    """Return the schema that unqualified names mean now; offline scripts take `public`."""
    if schema is not None:
        return schema
    context = operations.get_context()
    if context.as_sql:
        return "public"
    return str(operations.get_bind().execute(sql_text("select current_schema()")).scalar_one())


def service_of(operations: Operations) -> str:
    """Return the role that answers requests."""
    config = operations.get_context().config
    return str(config.attributes.get("service") or roles.SERVICE) if config is not None else roles.SERVICE


def run(operations: Operations, *statements: str) -> None:
    """Execute `statements`, in which a colon is a colon."""
    for statement in statements:
        operations.execute(sql_text(statement.replace(":", r"\:")))


@Operations.implementation_for(EnableRowSecurity)
def _enable(operations: Operations, operation: EnableRowSecurity) -> None:
    schema = schema_of(operations, operation.schema)
    table = quoted(schema, operation.table)
    service = quoted(service_of(operations))
    own = current_user(quoted(operation.owner))
    run(
        operations,
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy {OWNER_POLICY} on {table} using ({own}) with check ({own})",
        f"grant usage on schema {quoted(schema)} to {service}",
        f"grant {WRITES} on {table} to {service}",
    )
    if operation.key is not None:
        _enable_probe(operations, schema, operation.table, operation.key, operation.key_type)


def _enable_probe(operations: Operations, schema: str, name: str, key: str, key_type: str) -> None:
    table, probe = quoted(schema, name), quoted(roles.PROBE)
    function = f"{quoted(schema, existence_function(name))}({key_type})"
    body = literal(existence_body(schema, name, key))
    run(
        operations,
        _ENSURE_PROBE,
        f"create policy {PROBE_POLICY} on {table} for select to {probe} using (true)",
        f"grant usage on schema {quoted(schema)} to {probe}",
        f"grant select ({quoted(key)}) on {table} to {probe}",
        f"create function {function} returns boolean language sql stable strict security definer "
        f"set search_path = pg_catalog, pg_temp as {body}",
        f"revoke all on function {function} from public",
        f"grant execute on function {function} to {quoted(service_of(operations))}",
        # The new owner of a function must be able to create in its schema, for this moment only.
        f"grant create on schema {quoted(schema)} to {probe}",
        f"alter function {function} owner to {probe}",
        f"revoke create on schema {quoted(schema)} from {probe}",
    )


@Operations.implementation_for(DisableRowSecurity)
def _disable(operations: Operations, operation: DisableRowSecurity) -> None:
    schema = schema_of(operations, operation.schema)
    table = quoted(schema, operation.table)
    service, probe = quoted(service_of(operations)), quoted(roles.PROBE)
    function = f"{quoted(schema, existence_function(operation.table))}({operation.key_type})"
    for statement in (
        f"drop function if exists {function}",
        f"drop policy if exists {PROBE_POLICY} on {table}",
        f"drop policy if exists {OWNER_POLICY} on {table}",
        f"revoke all on {table} from {service}, {probe}",
        f"alter table {table} no force row level security",
        f"alter table {table} disable row level security",
    ):
        operations.execute(statement)


@Operations.implementation_for(ShareTable)
def _share(operations: Operations, operation: ShareTable) -> None:
    schema = schema_of(operations, operation.schema)
    service = quoted(service_of(operations))
    rights = WRITES if operation.writable else "select"
    operations.execute(f"grant usage on schema {quoted(schema)} to {service}")
    table = quoted(schema, operation.table)
    operations.execute(f"grant {rights} on {table} to {service}")
    # What everybody reads, elevated statements may join.
    run(operations, when_role(roles.ELEVATED, f"grant select on {table} to {quoted(roles.ELEVATED)}"))


@Operations.implementation_for(UnshareTable)
def _unshare(operations: Operations, operation: UnshareTable) -> None:
    table = quoted(schema_of(operations, operation.schema), operation.table)
    operations.execute(f"revoke all on {table} from {quoted(service_of(operations))}")
    run(operations, when_role(roles.ELEVATED, f"revoke all on {table} from {quoted(roles.ELEVATED)}"))


@Operations.implementation_for(Backfill)
def _backfill(operations: Operations, operation: Backfill) -> int:
    table = quoted(schema_of(operations, operation.schema), operation.table)
    open_up = f"create policy {_BACKFILL_POLICY} on {table} to current_user using (true) with check (true)"
    close = f"drop policy {_BACKFILL_POLICY} on {table}"
    if operations.get_context().as_sql:
        for statement in (open_up, operation.statement, close):
            operations.execute(statement)
        return 0
    rows = f"select exists (select from {table})"  # noqa: S608  (quoted above)
    connection = operations.get_bind()
    connection.exec_driver_sql(open_up)
    touched = connection.exec_driver_sql(operation.statement).rowcount
    if touched == 0 and connection.exec_driver_sql(rows).scalar_one():
        raise RuntimeError(
            f"the backfill touched none of the rows of `{operation.table}`; if that is right, "
            "guard it with a condition in the migration"
        )
    connection.exec_driver_sql(close)
    return touched


def when_role(role: str, statement: str) -> str:
    """Return a block that runs `statement` where `role` exists; servers set up earlier may lack it."""
    return f"do $$ begin if to_regrole({literal(role)}) is not null then {statement}; end if; end $$"


_ENSURE_PROBE = f"""
do $$
begin
  if to_regrole('{roles.PROBE}') is null then
    create role {roles.PROBE} nologin;
  end if;
  if not pg_has_role(current_user, '{roles.PROBE}', 'set') then
    execute format('grant {roles.PROBE} to %I with inherit false, set true', current_user);
  end if;
exception when insufficient_privilege then
  raise exception 'the role % needs the role {roles.PROBE}', current_user
    using hint = 'let a superuser run: create role {roles.PROBE} nologin; grant {roles.PROBE} to '
      || quote_ident(current_user) || ' with inherit false, set true';
end $$
"""
