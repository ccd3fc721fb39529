"""Ids that were never issued, in the form of those that were."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from uuid import UUID

import jsonschema_rs

from handfast.fuzz.contract import Json, Slot

_ALPHABETS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def unissued(slot: Slot, like: Json, random: Random) -> Json:
    """Return an id of the form of `like` that `slot` takes and that no service has issued."""
    if isinstance(like, bool) or not isinstance(like, str | int):
        return like
    for candidate in _candidates(like, random):
        if fits(slot.schema, candidate):
            return candidate
    return like


def fits(schema: Json, value: Json) -> bool:
    """Whether `value` is valid; a schema that cannot be read takes everything."""
    if not isinstance(schema, dict):
        return True
    try:
        return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)
    except ValueError:
        return True


def _candidates(like: str | int, random: Random) -> Iterator[Json]:
    if isinstance(like, int) or like.isdigit():
        for low, high in (
            (1_500_000_000, 2_000_000_000),
            (900_000_000, 10**9),
            (900_000, 10**6),
            (9000, 10**4),
        ):
            number = random.randrange(low, high)
            yield number if isinstance(like, int) else str(number)
    elif _is_uuid(like):
        yield str(UUID(int=random.getrandbits(128), version=4))
    if isinstance(like, str):
        for _ in range(5):
            yield "".join(_alike(letter, random) for letter in like)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _alike(letter: str, random: Random) -> str:
    return next((random.choice(letters) for letters in _ALPHABETS if letter in letters), letter)
