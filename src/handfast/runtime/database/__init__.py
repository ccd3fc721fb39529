"""The database: embedded or given, three roles, isolation, transactions, and `ctx.db`."""

from handfast.runtime.database.access import Database
from handfast.runtime.database.conflicts import conflict
from handfast.runtime.database.health import checks
from handfast.runtime.database.owners import Elevation, IsolationError, Sharing
from handfast.runtime.database.pool import Pool
from handfast.runtime.database.resolve import resolve
from handfast.runtime.database.roles import Dsns
from handfast.runtime.database.table import Table
from handfast.runtime.database.unit import TransactionEnded, UnitOfWork
from handfast.runtime.database.unstorable import unstorable

__all__ = [
    "Database",
    "Dsns",
    "Elevation",
    "IsolationError",
    "Pool",
    "Sharing",
    "Table",
    "TransactionEnded",
    "UnitOfWork",
    "checks",
    "conflict",
    "resolve",
    "unstorable",
]
