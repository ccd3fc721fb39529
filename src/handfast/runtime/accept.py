"""Which media type a caller likes best (`Accept`, RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from handfast.mediatypes import MediaType

MOST_RANGES: Final = 64
"""Elements of an Accept header that are looked at; the rest is not worth the time."""


def qualities(offered: Sequence[str], accept: str) -> list[float]:
    """Return how much each of the media types `offered` is liked, 0 to 1: the closest range says it."""
    pieces = accept.split(",", MOST_RANGES)[:MOST_RANGES]
    ranges = [MediaType.parse(piece) for piece in pieces if piece.strip()]
    return [_quality(MediaType.parse(one), ranges) for one in offered]


def preferred(offered: Sequence[str], accept: str | None) -> int | None:
    """Return the index of the media type that `accept` likes best; None if it refuses all of them.

    Without an Accept header everything is as good as the first, and so is what two ranges like equally.
    """
    if not offered:
        return None
    if not accept or not accept.strip():
        return 0
    liked = qualities(offered, accept)
    best = max(liked)
    if best > 0:
        return liked.index(best)
    return 0 if accept.count(",") >= MOST_RANGES else None  # what was not looked at may take it


def _quality(offered: MediaType, ranges: Sequence[MediaType]) -> float:
    found = [
        (_closeness(one), _weight(one.parameters.get("q", "1"))) for one in ranges if _fits(one, offered)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else 0.0


def _fits(wanted: MediaType, offered: MediaType) -> bool:
    """Whether the range covers the type: of one with wildcards either may be the wider."""
    plain = MediaType(wanted.essence, {k: v for k, v in wanted.parameters.items() if k != "q"})
    return plain.covers(offered) or ("*" in offered.essence and offered.covers(MediaType(wanted.essence, {})))


def _closeness(one: MediaType) -> tuple[int, int]:
    return -one.essence.count("*"), len(one.parameters.keys() - {"q"})


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
