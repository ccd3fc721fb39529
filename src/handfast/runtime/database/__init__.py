"""The database: embedded or given, three roles, isolation, transactions, and `ctx.db`."""

from handfast.runtime.database import embedded, isolation, migrate, roles, throwaway, users
from handfast.runtime.database.access import Database
from handfast.runtime.database.conflicts import conflict
from handfast.runtime.database.health import checks
from handfast.runtime.database.owners import IsolationError
from handfast.runtime.database.pool import Pool
from handfast.runtime.database.resolve import resolve
from handfast.runtime.database.roles import Dsns
from handfast.runtime.database.unit import TransactionEnded, UnitOfWork

__all__ = [
    "Database",
    "Dsns",
    "IsolationError",
    "Pool",
    "TransactionEnded",
    "UnitOfWork",
    "checks",
    "conflict",
    "embedded",
    "isolation",
    "migrate",
    "resolve",
    "roles",
    "throwaway",
    "users",
]
