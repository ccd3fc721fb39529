"""Regular expressions of ECMA-262 as trees (22.2.1, with annex B) whose parts keep their text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

_ESCAPE: Final = re.compile(
    r"\\(?:u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[pP]\{[^}]*\}|k<[^>]+>|[0-9]+|.)",
    re.DOTALL,
)
_CLASS: Final = re.compile(r"\[(?:\\.|[^\]\\])*\]", re.DOTALL)
_QUANTIFIER: Final = re.compile(r"(?:([*+?])|\{(\d+)(,(\d*))?\})\??")
_OPEN: Final = re.compile(r"\((?:\?(?:[:=!]|<[=!]|<(?P<name>[^>=!][^>]*)>|(?P<flags>[ims]*(?:-[ims]+)?):))?")
BEYOND: Final = 10**9
"""High enough for no end."""


class Unreadable(ValueError):
    """A text that is no regular expression of ECMA-262."""


@dataclass(slots=True, eq=False)
class Text:
    """A character, a class or an escape, as it is written; `^` and `$` too."""

    text: str


@dataclass(slots=True, eq=False)
class Bound:
    r"""`\b` or `\B`."""

    negated: bool


@dataclass(slots=True, eq=False)
class Back:
    """A reference to a group, by its number or its name."""

    group: int


@dataclass(slots=True, eq=False)
class Group:
    """Anything in parentheses; `opening` is its text up to its body."""

    opening: str
    body: Choice
    number: int | None = None

    @property
    def is_look(self) -> bool:
        """Whether it looks around and takes no characters."""
        return self.opening in ("(?=", "(?!", "(?<=", "(?<!")

    @property
    def is_behind(self) -> bool:
        """Whether it looks behind."""
        return self.opening in ("(?<=", "(?<!")

    @property
    def is_denied(self) -> bool:
        """Whether what it looks for must not be there: its groups hold nothing then."""
        return self.opening in ("(?!", "(?<!")


@dataclass(slots=True, eq=False)
class Repeat:
    """A part with its quantifier."""

    part: Part
    text: str
    low: int
    high: int


@dataclass(slots=True, eq=False)
class Choice:
    """Alternatives, each a sequence of parts."""

    options: list[list[Part]] = field(default_factory=list)


Part: TypeAlias = Text | Bound | Back | Group | Repeat


def parse(pattern: str) -> Choice:
    """Return the tree of `pattern`; raises `Unreadable`."""
    parser = _Parser(pattern)
    try:
        tree = parser.choice()
    except RecursionError as error:
        raise Unreadable(pattern) from error
    if parser.at < len(pattern):
        raise Unreadable(pattern)
    return tree


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0
        self.opened = 0
        bare = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "_", pattern, flags=re.DOTALL)
        openings = [match for match in _OPEN.finditer(bare) if _captures(match)]
        self.groups = len(openings)
        self.names = {match["name"]: number for number, match in enumerate(openings, 1) if match["name"]}

    def choice(self) -> Choice:
        made = Choice([[]])
        while self.at < len(self.text) and self.text[self.at] != ")":
            if self.text[self.at] == "|":
                made.options.append([])
                self.at += 1
            else:
                made.options[-1].append(self.quantified())
        return made

    def quantified(self) -> Part:
        part = self.part()
        match = _QUANTIFIER.match(self.text, self.at)
        if match is None:
            return part
        if isinstance(part, Bound) or (isinstance(part, Text) and part.text in ("^", "$")):
            raise Unreadable(self.text)
        self.at = match.end()
        if self.at < len(self.text) and self.text[self.at] in "*+?":
            raise Unreadable(self.text)
        if match[1]:
            low, high = (0 if match[1] in "*?" else 1), (1 if match[1] == "?" else BEYOND)
        else:
            low = int(match[2])
            high = low if match[3] is None else int(match[4]) if match[4] else BEYOND
        return Repeat(part, match[0], low, high)

    def part(self) -> Part:
        char = self.text[self.at]
        if char == "\\":
            return self.escape()
        if char == "(":
            return self.group()
        if char in "*+?":
            raise Unreadable(self.text)
        found = _CLASS.match(self.text, self.at) if char == "[" else None
        if char == "[" and found is None:
            raise Unreadable(self.text)
        made = found[0] if found else char
        self.at += len(made)
        return Text(made)

    def escape(self) -> Part:
        match = _ESCAPE.match(self.text, self.at)
        if match is None:
            raise Unreadable(self.text)
        self.at = match.end()
        text = match[0]
        if text in (r"\b", r"\B"):
            return Bound(text == r"\B")
        if text.startswith(r"\k<") and text[3:-1] in self.names:
            return Back(self.names[text[3:-1]])
        if text[1].isdigit():
            return self.number(match.start(), text[1:])
        if text.startswith(r"\k<"):
            self.at = match.start() + 2
            return Text(r"\k")
        return Text(text)

    def number(self, start: int, digits: str) -> Part:
        """A reference, if there are so many groups; else an octal number of at most three digits."""
        if digits[0] != "0" and int(digits) <= self.groups:
            return Back(int(digits))
        octal = re.match(r"[0-3][0-7]{0,2}|[4-7][0-7]?", digits)
        self.at = start + 1 + (octal.end() if octal else 1)
        return Text(self.text[start : self.at])

    def group(self) -> Group:
        match = _OPEN.match(self.text, self.at)
        if match is None or (match[0] == "(" and self.text[match.end() : match.end() + 1] == "?"):
            raise Unreadable(self.text)
        self.at = match.end()
        number = None
        if _captures(match):
            self.opened += 1
            number = self.opened
        body = self.choice()
        if self.text[self.at : self.at + 1] != ")":
            raise Unreadable(self.text)
        self.at += 1
        return Group(match[0], body, number)


def _captures(match: re.Match[str]) -> bool:
    return match[0] == "(" or match["name"] is not None
