"""The comparison with oasdiff names rules that exist, and each check once; what has no rule has a reason."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from handfast.diff.catalogue import RULES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "oasdiff.md"


def rows() -> Iterator[tuple[str, str]]:
    """Yield the first cell of each row, without its quotes, and the second."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\| `([^`]+)` \| (.+) \|", line):
            yield found[1], found[2]


def spelt_out(pattern: str) -> list[str]:
    """Return every check that a pattern with `{a,b}` stands for."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(parts)]
    return ["".join(one) for one in itertools.product(*choices)]


def test_every_rule_named_exists() -> None:
    for check, cell in rows():
        names = re.findall(r"`([a-z-]+)`", cell) if not cell.startswith("none") else []
        assert set(names) <= set(RULES), check
        assert names or re.match(r"none(?: of its own)?: \w", cell), check


def test_every_check_stands_once() -> None:
    checks = Counter(one for check, _ in rows() for one in spelt_out(check))
    assert [one for one, count in checks.items() if count > 1] == []
    assert len(checks) > 400
    assert all(re.fullmatch(r"[a-z]+(?:-[a-z]+)*", one) for one in checks)
