"""Whose data is this? Strings that nobody can guess, who they belong to, and where they turn up.

Canaries are planted in what a user stores; ids that the service made up are learnt. Both are long enough
that meeting one in somebody else's answer is no accident.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import SystemRandom

from handfast.fuzz.contract import Json

SHORTEST = 8
"""A shorter value could turn up by chance and is no marker."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz"  # without those that a service might fold into others
_CANARY = re.compile(rf"zq[{_LETTERS}]{{6,16}}qz", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,}")
CANARY_LENGTHS = (20, 16, 12, 10)
"""Tried from the longest on, as schemas bound the length."""


@dataclass
class Markers:
    """Every marker and its owner, and what others have sent themselves.

    Canaries are new in every run, whatever its seed: a service may still hold those of an earlier one.
    """

    _random: SystemRandom = field(default_factory=SystemRandom)
    _owners: dict[str, str] = field(default_factory=dict)
    _told: dict[str, set[str]] = field(default_factory=dict)

    def canary(self, owner: str, length: int = CANARY_LENGTHS[0]) -> str:
        """Return a new canary of `owner`, `length` characters long."""
        made = f"zq{''.join(self._random.choices(_LETTERS, k=length - 4))}qz"
        self._owners[made] = owner
        return made

    def number(self, owner: str) -> int:
        """Return a new canary number of `owner`, of nine digits."""
        made = self._random.randrange(100_000_000, 1_000_000_000)
        self._owners[str(made)] = owner
        return made

    def learn(self, owner: str, value: Json) -> None:
        """Note that `value`, an id say, is of `owner`; short ones are no markers."""
        text = normal(value)
        if len(text) >= SHORTEST:
            self._owners.setdefault(text, owner)

    def foreign(self, text: str, to: str) -> set[str]:
        """Return the markers in `text` that belong to others than `to`, and that `to` has not sent before."""
        told = self._told.get(to, set())
        return {
            found for found in markers_in(text) if self._owners.get(found, to) != to and found not in told
        }

    def tell(self, to: str, text: str) -> None:
        """Note that `to` has sent `text`, so that its markers may come back."""
        self._told.setdefault(to, set()).update(self.foreign(text, to))


def normal(value: Json) -> str:
    """Return `value` in the form in which markers are compared."""
    text = str(value)
    return text.replace("-", "").lower() if _UUID.fullmatch(text) else text


def markers_in(text: str) -> Iterator[str]:
    """Yield everything in `text` that could be a marker."""
    for found in _CANARY.finditer(text):
        yield found[0].lower()
    for found in _UUID.finditer(text):
        yield normal(found[0])
    for found in _HEX.finditer(text):  # ids without hyphens, in a cursor say
        run = found[0].lower()
        for start in range(len(run) - 31):
            yield run[start : start + 32]
    for found in _TOKEN.finditer(text):
        yield found[0]
