"""Regular expressions of a contract: what the validator cannot compile is rewritten, or given up by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import jsonschema_rs

_UNIT = r"(?:\[[^\]\\]*\]|\\[dDwWsS]|[^\\\[\](){}*+?|.^$])"
_LONG_REPEAT = re.compile(
    rf"\^(?P<head>{_UNIT}*)(?P<unit>{_UNIT})\{{(?P<low>\d+)(?P<comma>,(?P<high>\d*))?\}}\$\Z"
)
_ONE = re.compile(_UNIT)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that compiles, and bounds of the text's length that it no longer says itself."""

    text: str
    min_length: int | None = None
    max_length: int | None = None


@lru_cache(maxsize=4096)
def compilable(pattern: str) -> Pattern | None:
    """Return `pattern` in a form that compiles and matches the same texts; None if there is none."""
    if _compiles(pattern):
        return Pattern(pattern)
    simple = pattern.replace("[^]", r"[\s\S]")
    if simple != pattern and _compiles(simple):
        return Pattern(simple)
    match = _LONG_REPEAT.match(pattern)
    if match is None:
        return None
    # `^0x[a-f]{0,2147483648}$`: the length says what the repeat would, at no cost.
    head = len(_ONE.findall(match["head"]))
    low = int(match["low"])
    high = low if match["comma"] is None else int(match["high"]) if match["high"] else None
    rewritten = f"^{match['head']}{match['unit']}*$"
    if not _compiles(rewritten):
        return None
    return Pattern(rewritten, head + low if low else head or None, None if high is None else head + high)


def _compiles(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except (ValueError, jsonschema_rs.ValidationError):
        return False
    return True
