r"""Shorthands of regular expressions as the characters that ECMA-262 gives them (22.2.2.4 and 22.2.2.9).

`\d`, `\w` and `\b` know ASCII alone, `\s` is what ECMA-262 calls white space and ends of lines.
"""

from __future__ import annotations

from typing import Final

_LAST: Final = 0x10FFFF
_DIGITS: Final = ((0x30, 0x39),)
_WORD: Final = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Final = (
    (0x9, 0xD), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip


def others(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Return every code point that is in none of `ranges`, which are in order."""
    lows = [0, *(high + 1 for _, high in ranges)]
    highs = [*(low - 1 for low, _ in ranges), _LAST]
    return tuple((low, high) for low, high in zip(lows, highs, strict=True) if low <= high)


def _members(ranges: tuple[tuple[int, int], ...]) -> str:
    """Write `ranges` as they stand in a class."""
    return "".join(_sign(low) if low == high else f"{_sign(low)}-{_sign(high)}" for low, high in ranges)


def _sign(code: int) -> str:
    sign = chr(code)
    return sign if sign.isascii() and (sign.isalnum() or sign == "_") else f"\\u{{{code:X}}}"


RANGES: Final = {
    "d": _DIGITS, "w": _WORD, "s": _SPACE, "D": others(_DIGITS), "W": others(_WORD), "S": others(_SPACE),
}  # fmt: skip
"""Letter of the escape → its code points, as the first and the last of each run."""

SHORTHANDS: Final = {letter: _members(ranges) for letter, ranges in RANGES.items()}
"""Letter of the escape → the members of a class."""

BEHIND, NOT_BEHIND = f"(?<=[{SHORTHANDS['w']}])", f"(?<![{SHORTHANDS['w']}])"
# "A letter follows" is said by what does not follow: a positive lookahead would be taken for a demand of the
# author's by whoever makes texts for the pattern.
AHEAD, NOT_AHEAD = f"(?![{SHORTHANDS['W']}]|$)", f"(?![{SHORTHANDS['w']}])"

BOUNDS: Final = {
    "b": f"(?:{BEHIND}{NOT_AHEAD}|{NOT_BEHIND}{AHEAD})",
    "B": f"(?:{BEHIND}{AHEAD}|{NOT_BEHIND}{NOT_AHEAD})",
}
r"""`\b` and `\B` by what stands beside them."""
