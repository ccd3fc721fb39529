"""The one engine that compiles schemas: the same options wherever a schema is compiled.

So what generation has found to compile does so in the running service.
"""

from __future__ import annotations

from typing import Any

import jsonschema_rs
from jsonschema_rs import EmailOptions, FancyRegexOptions, Registry, Validator

from handfast.validation.directions import Schema
from handfast.validation.formats import CHECKS

MOST_BACKTRACKING = 20_000
"""Steps that one pattern may go back in one text, about a millisecond; only lookaround and backreferences
need any. What would take more is refused."""

LARGEST_PATTERN = 50_000_000
"""Bytes of memory that one compiled pattern may take; the contract's author makes it, not a caller."""

_OPTIONS: dict[str, Any] = {
    "validate_formats": True,
    "offline": True,
    "formats": CHECKS,
    "email_options": EmailOptions(allow_display_text=False),
    "pattern_options": FancyRegexOptions(backtrack_limit=MOST_BACKTRACKING, size_limit=LARGEST_PATTERN),
}


class Unusable(Exception):
    """A schema that cannot be compiled; the message is the engine's."""


def compiled(schema: Schema, registry: Registry | None = None) -> Validator:
    """Compile `schema`, whose references lead into `registry`; raises `Unusable`."""
    try:
        return jsonschema_rs.Draft202012Validator(schema, registry=registry, **_OPTIONS)
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise Unusable(str(error)) from error
