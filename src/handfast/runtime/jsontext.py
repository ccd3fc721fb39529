"""JSON texts of callers, read strictly (RFC 8259): what two parsers could read in two ways is refused.

That is: a key that comes twice, text that is not UTF-8, half a surrogate pair, NaN and infinities, numbers
out of range, anything after the value. Integers are exact up to 4,300 digits; arrays and objects may be
nested 200 deep, which the parser, the validator and the encoder all take without growing the stack.
"""

from __future__ import annotations

import math
import re
from typing import Any

from jiter import from_json

_MANY_DIGITS = 200
"""A number with fewer digits and an exponent of two is less than 1e300, far from too great for a double."""
_EXPONENT = re.compile(rb"[0-9][eE]\+?[0-9]{3}")
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_PLACE = re.compile(r"(.*?) at (line \d+ column \d+)", re.DOTALL)


class MalformedJson(ValueError):
    """A text is no JSON; the message says what is wrong and where, and quotes nothing of the text."""


def parse_json(content: bytes) -> Any:
    """Return the value of the JSON text `content`; raises `MalformedJson`."""
    try:
        value = from_json(content, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        raise MalformedJson(_words(str(error))) from None
    if _may_overflow(content) and _has_infinity(value):
        raise MalformedJson("number out of range")
    return value


def _words(told: str) -> str:
    """The parser's own words, which tell the place; but for the key that it quotes."""
    match = _PLACE.fullmatch(told)
    if match is None:
        return "cannot be read"
    what, place = match.groups()
    if what.startswith("Detected duplicate key"):
        what = "an object names a key twice"
    return f"{what}, {place}"


def _may_overflow(content: bytes) -> bool:
    """Whether a number beyond a double may be in the text: one of many digits or with a long exponent."""
    if _EXPONENT.search(content) is not None:
        return True
    return len(content) >= _MANY_DIGITS and b"0" * _MANY_DIGITS in content.translate(_ZEROS)


def _has_infinity(value: object) -> bool:
    """Whether a number overflowed a double; the parser, like most, turns such a one into an infinity."""
    if isinstance(value, float):
        return math.isinf(value)
    if isinstance(value, dict):
        return any(_has_infinity(one) for one in value.values())
    return isinstance(value, list) and any(_has_infinity(one) for one in value)
