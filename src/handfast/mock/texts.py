"""Texts of the formats that contracts name, and plain words where they name none."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from handfast.mock import regex

_WORDS: Final = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "iris", "jade", "kelp",
    "lagoon", "maple", "north", "ocean", "pine", "quartz", "river", "sage", "tide", "umber", "vale",
    "willow", "yarrow", "zephyr",
)  # fmt: skip
_EPOCH: Final = datetime(2024, 1, 1, tzinfo=UTC)
_WAYS: Final = 24
"""How many texts of one pattern are proposed."""
FILLER: Final = "abcdefghijklmnopqrstuvwxyz"


def words(random: Random, count: int = 2) -> str:
    """Return some words, for a text of which nothing is said."""
    return " ".join(random.choice(_WORDS) for _ in range(count))


def _moment(random: Random) -> datetime:
    return _EPOCH + timedelta(seconds=random.randrange(3 * 365 * 86_400))


def _word(random: Random) -> str:
    return random.choice(_WORDS)


_FORMATS: Final[dict[str, Callable[[Random], str]]] = {
    "date-time": lambda random: _moment(random).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "date": lambda random: _moment(random).strftime("%Y-%m-%d"),
    "time": lambda random: _moment(random).strftime("%H:%M:%SZ"),
    "duration": lambda random: f"P{random.randint(1, 30)}D",
    "email": lambda random: f"{_word(random)}@example.com",
    "idn-email": lambda random: f"{_word(random)}@example.com",
    "hostname": lambda random: f"{_word(random)}.example.com",
    "idn-hostname": lambda random: f"{_word(random)}.example.com",
    "ipv4": lambda random: f"192.0.2.{random.randint(1, 254)}",
    "ipv6": lambda random: f"2001:db8::{random.randint(1, 0xFFFF):x}",
    "uri": lambda random: f"https://example.com/{_word(random)}",
    "url": lambda random: f"https://example.com/{_word(random)}",
    "iri": lambda random: f"https://example.com/{_word(random)}",
    "uri-reference": lambda random: f"/{_word(random)}",
    "iri-reference": lambda random: f"/{_word(random)}",
    "uri-template": lambda random: f"/{_word(random)}/{{id}}",
    "uuid": lambda random: str(UUID(int=random.getrandbits(128), version=4)),
    "json-pointer": lambda random: f"/{_word(random)}",
    "relative-json-pointer": lambda random: f"{random.randint(0, 3)}/{_word(random)}",
    "regex": lambda random: f"^{_word(random)}$",
    "byte": lambda random: base64.b64encode(_word(random).encode()).decode(),
    "base64url": lambda random: base64.urlsafe_b64encode(_word(random).encode()).decode().rstrip("="),
    "char": lambda random: random.choice(FILLER),
    "decimal": lambda random: f"{random.randint(0, 999)}.{random.randint(10, 99)}",
    "http-date": lambda random: _moment(random).strftime("%a, %d %b %Y %H:%M:%S GMT"),
    "media-range": lambda random: "application/json",
}
"""Format → a text of it. Hosts and addresses are those kept for documentation (RFC 2606, 5737, 3849)."""


def texts(
    random: Random, *, wanted: Sequence[str], patterns: Sequence[str], least: int, most: int | None
) -> Iterator[str]:
    """Propose texts of the formats `wanted`, that match `patterns`, `least` to `most` characters long.

    Proposals need not be right: the contract's validator chooses among them.
    """
    for name in wanted:
        make = _FORMATS.get(name)
        if make is not None:
            yield from (make(random) for _ in range(3))
            yield from _stretched(make(random), name, least, most)
    for pattern in patterns:
        yield from _matching(pattern, random, least, most)
    plain = words(random)
    yield _sized(plain, least, most)
    yield _sized("", least, most)
    yield _sized("1", least, most)


def _matching(pattern: str, random: Random, least: int, most: int | None) -> Iterator[str]:
    for attempt in range(_WAYS):
        try:
            made = regex.text(pattern, random, least=0 if attempt % 3 == 1 else least)
        except regex.Unreadable:
            return
        yield made
        if len(made) < least and not pattern.endswith("$"):
            yield _sized(made, least, most)


def _stretched(made: str, name: str, least: int, most: int | None) -> Iterator[str]:
    """Propose a longer or shorter text of a format whose length is free."""
    missing = least - len(made)
    if missing > 0:
        if "email" in name:
            local, _, host = made.partition("@")
            yield f"{local}{'x' * min(missing, 60 - len(local))}@{host}"
            yield f"{local}@{'x' * min(missing, 60)}.{host}"
        yield made + "a" * missing
        yield made + "/" + "a" * (missing - 1)
    if most is not None and len(made) > most:
        yield from {
            "email": ["a@b.co"], "idn-email": ["a@b.co"], "uri": ["a:b", "a:"], "url": ["a:b"],
            "hostname": ["a.co", "a"], "ipv4": ["1.1.1.1"], "ipv6": ["::1", "::"], "duration": ["P1D"],
            "byte": ["YQ==", ""], "uri-reference": ["a", ""], "time": ["01:01:01Z"], "json-pointer": [""],
            "iri": ["a:b"], "iri-reference": ["a", ""], "regex": ["a", ""], "idn-hostname": ["a.co", "a"],
        }.get(name, [])  # fmt: skip


def _sized(made: str, least: int, most: int | None) -> str:
    if len(made) < least:
        made += (FILLER * ((least - len(made)) // len(FILLER) + 1))[: least - len(made)]
    return made if most is None else made[:most]
