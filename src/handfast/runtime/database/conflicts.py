"""From the names of constraints to errors that the contract declares."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from psycopg.errors import IntegrityError
from sqlalchemy.exc import DBAPIError

from handfast.runtime.errors import ApiError


@contextlib.contextmanager
def conflict(constraint: str, *, raises: type[ApiError] | ApiError) -> Iterator[None]:
    """Answer `raises` when a statement in this block breaks the constraint (or unique index) of that name.

    The constraint decides, not a SELECT before it, which would race:

        with conflict("uq_orders_user_id_reference", raises=ReferenceTaken):
            row = await ctx.db.insert(...)

    Other violations pass through. The transaction is lost either way: let the error leave the handler.
    """
    try:
        yield
    except IntegrityError as error:
        if error.diag.constraint_name != constraint:
            raise
        raise _instance(raises) from error
    except DBAPIError as error:
        # Inside session() SQLAlchemy wraps psycopg's error.
        if not isinstance(error.orig, IntegrityError) or error.orig.diag.constraint_name != constraint:
            raise
        raise _instance(raises) from error


def _instance(raises: type[ApiError] | ApiError) -> ApiError:
    return raises if isinstance(raises, ApiError) else raises()
