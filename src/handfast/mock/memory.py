"""Which resources were deleted, by their path: what is gone must not be found again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST: Final = 10_000
"""Paths that are remembered; the oldest are forgotten."""


class Deleted:
    """The concrete paths on which a DELETE succeeded and nothing was put since."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._paths: OrderedDict[str, None] = OrderedDict()

    def gone(self, path: str) -> bool:
        """Whether the resource at `path`, or one above it, was deleted."""
        return bool(self._paths) and any(one in self._paths for one in _upwards(path))

    def delete(self, path: str) -> None:
        """Remember that the resource at `path` is gone."""
        self._paths[path] = None
        self._paths.move_to_end(path)
        if len(self._paths) > MOST:
            self._paths.popitem(last=False)

    def revive(self, path: str) -> None:
        """Forget what was deleted at `path`, above it and below it: it may exist again."""
        if self._paths:
            for one in [*_upwards(path), *(key for key in self._paths if key.startswith(f"{path}/"))]:
                self._paths.pop(one, None)


def _upwards(path: str) -> list[str]:
    """Return `path` and every path above it."""
    pieces = path.rstrip("/").split("/")
    return ["/".join(pieces[:end]) for end in range(len(pieces), 1, -1)]
