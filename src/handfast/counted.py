"""Numbers and what they count, as a person says them."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return `1 file`, `2 files`, `0 files`; `many` is the plural of `one`, unless that only takes an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
