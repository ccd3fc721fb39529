"""Errors of PostgreSQL that tell of a value, not of a fault in the service."""

from __future__ import annotations

from typing import Final, Literal

from psycopg.errors import DataError
from sqlalchemy.exc import DBAPIError

_TEXT: Final = frozenset(("22021", "22P05"))
"""character_not_in_repertoire, untranslatable_character: NUL, in text and in jsonb."""
_RANGE: Final = frozenset(("22001", "22003", "22008"))
"""A string too long, a number or a date out of range for its column."""


def unstorable(error: BaseException) -> Literal["nul", "range"] | None:
    """Return what PostgreSQL could not hold: U+0000, or a value beyond its column; None for other errors.

    psycopg refuses NUL in text by itself, without an SQLSTATE. Inside `session()` SQLAlchemy wraps errors.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, DataError):
        return None
    if cause.sqlstate in _TEXT or (cause.sqlstate is None and "NUL" in str(cause)):
        return "nul"
    return "range" if cause.sqlstate in _RANGE else None
