"""Random patterns and texts, held against a real implementation of ECMA-262: Node.js's `RegExp`.

Prints each pattern that means something else here, unless generation says so (`inexact-pattern`), and a line
of figures; exits 1 if there is any.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from random import Random
from typing import Final

from handfast.codegen.patterns import compilable
from handfast.validation.engine import compiled

_ATOMS: Final = (
    "a", "b", "-", " ", "é", ".", r"\w", r"\d", r"\W", r"\s", r"\S", r"\D", "[a-c]", "[^a]", "[-é]", r"[\w-]",
    r"[^\w]", r"\u00e9", "1", "_", "K",
)  # fmt: skip
_SIGNS: Final = ("a", "b", "c", "é", "-", " ", "1", "_", "\n", "\r", "\u2028", "K")
_QUANTIFIERS: Final = ("*", "+", "?", "{2}", "{0,2}", "*?", "??")
_LOOKS: Final = ("(?=", "(?!", "(?<=", "(?<!")
_TEXTS: Final = 25
_NODE: Final = """
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([pattern, texts]) => {
  try { const regex = new RegExp(pattern, "u"); return texts.map(text => regex.test(text)); }
  catch { return null; }
})));
"""


class _Patterns:
    """Draws patterns with lookarounds, groups, references and bounds of words."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.groups = 0

    def pattern(self) -> str:
        self.groups = 0
        start, end = (sign if self.random.random() < 0.3 else "" for sign in "^$")
        return start + self.choice(2) + end

    def choice(self, depth: int) -> str:
        return "|".join(self.sequence(depth) for _ in range(self.random.choice((1, 1, 1, 2))))

    def sequence(self, depth: int) -> str:
        return "".join(self.part(depth) for _ in range(self.random.choice((1, 1, 2, 2, 3))))

    def part(self, depth: int) -> str:
        drawn = self.random.random()
        if drawn < 0.18:
            return self.random.choice((r"\b", r"\b", r"\B"))
        if drawn < 0.26 and self.groups:
            return f"(?:\\{self.random.randint(1, self.groups)})"
        atom = self.random.choice(_ATOMS)
        if drawn < 0.42 and depth:
            opening = self.random.choice(("(", "(", "(?:", *_LOOKS))
            self.groups += opening == "("
            atom = f"{opening}{self.choice(depth - 1)})"
            if opening in _LOOKS:
                return atom
        return atom + (self.random.choice(_QUANTIFIERS) if self.random.random() < 0.3 else "")


def _text(random: Random) -> str:
    return "".join(random.choice(_SIGNS) for _ in range(random.randint(0, 6)))


def _outcome(pattern: str, texts: list[str], meant: list[bool]) -> str:
    """Say how `pattern` compares to what is meant, and print what differs."""
    made = compilable(pattern)
    if made is None:
        return "told to be none"
    if made.inexact is not None:
        return "told to be inexact"
    check = compiled({"pattern": made.text})
    wrong = [text for text, due in zip(texts, meant, strict=True) if check.is_valid(text) is not due]
    if wrong:
        print(f"{pattern}\n  taken as {made.text}\n  differs on {wrong[0]!r}")
    return "different" if wrong else "alike"


def main(arguments: list[str]) -> int:
    """Draw `--count` patterns by `--seed`; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20_000)
    wanted = parser.parse_args(arguments)
    random = Random(wanted.seed)  # noqa: S311 (the same patterns for the same seed)
    patterns = _Patterns(random)
    cases = [(patterns.pattern(), ["", *(_text(random) for _ in range(_TEXTS))]) for _ in range(wanted.count)]
    asked = subprocess.run(
        ["node", "-e", _NODE], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    figures: Counter[str] = Counter()
    for (pattern, texts), meant in zip(cases, json.loads(asked.stdout), strict=True):
        figures["of no meaning" if meant is None else _outcome(pattern, texts, meant)] += 1
    print(
        f"{wanted.count} patterns: " + ", ".join(f"{count} {name}" for name, count in figures.most_common())
    )
    return 1 if figures["different"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
