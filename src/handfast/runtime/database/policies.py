"""What isolation is called in the database: names, conditions and bodies of what migrations write.

Identifiers and literals are quoted here, so that statements may be put together as text. Nothing of Alembic
is imported: a service that only serves has no use for it.
"""

from __future__ import annotations

import hashlib

from handfast.runtime.database.owners import USER_SETTING

OWNER_POLICY = "handfast_owner"
PROBE_POLICY = "handfast_probe"
ELEVATION_POLICY = "handfast_elevated"
READ_POLICY = "handfast_shared_read"
WRITE_POLICY = "handfast_shared_write"
GRANTED_POLICY = "handfast_granted"
KEEPS_OWNER = "handfast_keeps_owner"
"""The trigger that keeps a shared row its owner's."""


def existence_function(table: str) -> str:
    """Return the name of the function that tells whether a row of `table` exists, whoever owns it."""
    return long_name("handfast_exists", table)


def long_name(prefix: str, table: str) -> str:
    """Return `<prefix>_<table>`, cut to what PostgreSQL takes without losing what tells two tables apart."""
    name = f"{prefix}_{table}"
    if len(name.encode()) <= 63:
        return name
    # PostgreSQL cuts longer names, so two tables could share one.
    return f"{name.encode()[:54].decode(errors='ignore')}_{hashlib.sha256(table.encode()).hexdigest()[:8]}"


def quoted(*names: str | None) -> str:
    """Return an identifier, qualified by the names before it; `None` among them is passed over."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names if name is not None)


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def current_user(column: str) -> str:
    """Return the condition that `column`, quoted already, holds the transaction's user."""
    return f"{column} = nullif((select current_setting('{USER_SETTING}', true)), '')::uuid"


def existence_body(schema: str, table: str, key: str) -> str:
    """Return the body of the existence function; `drift` holds the database's against it."""
    return f"select exists (select from {quoted(schema, table)} where {quoted(key)} = $1)"  # noqa: S608  (quoted)


def keeper_function(table: str) -> str:
    """Return the name of the function behind the trigger of `table`."""
    return long_name(KEEPS_OWNER, table)


def keeper_body(owner: str) -> str:
    """Return the body of that function, which is called only when the owner was changed."""
    message = f"`{owner}` may not be changed".replace("'", "''").replace("%", "%%")
    return f"begin raise exception '{message}' using errcode = 'insufficient_privilege'; end"
