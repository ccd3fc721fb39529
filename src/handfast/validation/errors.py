"""Which of the errors behind a choice of schemas is worth telling."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from jsonschema_rs import ValidationError

CHOICES: Final = ("anyOf", "oneOf")
_UNLIKE: Final = frozenset(("type", "const", "enum"))
"""Keywords that a branch breaks because the value is not of its kind at all."""


def closest(
    branches: Sequence[Sequence[ValidationError]], unlike: Collection[str] = _UNLIKE
) -> Sequence[ValidationError]:
    """Return the errors of the one branch whose kind fits the value; none unless there is exactly one such.

    A branch does not fit if it breaks a keyword of `unlike`.
    """
    fitting = [branch for branch in branches if branch and not any(one.kind.name in unlike for one in branch)]
    return fitting[0] if len(fitting) == 1 else ()


def innermost(error: ValidationError) -> ValidationError:
    """Return what is wrong in the branch that was meant, where a choice was refused and that can be said."""
    while error.kind.name in CHOICES:
        inner = closest(error.kind.as_dict().get("context", ()))
        if not inner:
            break
        error = inner[0]
    return error
