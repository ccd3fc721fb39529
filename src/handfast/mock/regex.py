"""Texts that match a regular expression of ECMA-262, by walking its own syntax (ECMA-262, 22.2.1).

What a text must not have (lookahead and lookbehind) is not worked out: texts are proposals, and the
contract's validator judges them. A positive lookahead adds a text of its own to the proposals.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Final, TypeAlias

MOST_REPEATS: Final = 3
"""How often an endless repeat is repeated beyond what it demands."""
LONGEST: Final = 1_000_000
"""Characters; a text that has to be longer is not made."""

_DIGITS: Final = "0123456789"
_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_WORD: Final = _LOWER + _LOWER.upper() + _DIGITS + "_"
_PRINTABLE: Final = "".join(chr(code) for code in range(0x20, 0x7F))
_SPACE: Final = " \t"
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_PROPERTIES: Final = {
    "L": _LOWER + _LOWER.upper() + "éüß", "Lu": _LOWER.upper() + "É", "Ll": _LOWER + "é", "N": _DIGITS,
    "Nd": _DIGITS, "P": "!-.,?", "S": "+<=>$", "Z": " ", "Zs": " ", "Alphabetic": _LOWER, "M": "\u0301",
    "Sc": "$€", "Letter": _LOWER, "ASCII": _PRINTABLE, "Any": _PRINTABLE,
}  # fmt: skip
_REST: Final = "éßλж中日\u00a0😀\n"
"""Tried where a class refuses all printable ASCII."""


class Unreadable(ValueError):
    """A pattern that this module cannot walk."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of `choices`."""

    choices: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`part`, `low` to `high` times; None means without end."""

    part: Node
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """A part whose text may be asked for again."""

    part: Node
    number: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Back:
    """The text of a group once more."""

    group: int | str


@dataclass(frozen=True, slots=True)
class Ahead:
    """A positive lookahead: what must follow too."""

    part: Node


Node: TypeAlias = Chars | Sequence | Choice | Repeat | Group | Back | Ahead
_NOTHING: Final = Sequence(())


@lru_cache(maxsize=1024)
def parse(pattern: str) -> Node:
    """Return the syntax of `pattern`; raises `Unreadable`."""
    parser = _Parser(pattern)
    try:
        node = parser.choice()
    except (IndexError, ValueError, OverflowError) as error:
        raise Unreadable(pattern) from error
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    if parser.at < len(pattern):
        raise Unreadable(pattern)
    return node


def text(pattern: str, random: Random, *, least: int = 0) -> str:
    """Return a text that may match `pattern`, if possible at least `least` long; raises `Unreadable`.

    A pattern that is not anchored is matched by a text that holds the match and nothing else.
    """
    writer = _Writer(random, least)
    made = writer.write(parse(pattern))
    if writer.ahead:
        made = _joined(made, writer.ahead, random)
    return made


def _joined(made: str, ahead: list[str], random: Random) -> str:
    """Mix what lookaheads demand into `made`, keeping its length where that is long enough."""
    wanted = "".join(ahead)
    rest = made[len(wanted) :] if len(made) > len(wanted) else ""
    letters = list(wanted + rest)
    random.shuffle(letters)
    return "".join(letters)


class _Writer:
    def __init__(self, random: Random, least: int) -> None:
        self.random = random
        self.least = least
        self.groups: dict[int | str, str] = {}
        self.ahead: list[str] = []
        self.length = 0

    def write(self, node: Node) -> str:
        match node:
            case Chars(choices):
                self.length += 1
                if self.length > LONGEST:
                    raise Unreadable("the text is too long")
                return self.random.choice(choices) if choices else ""
            case Sequence(parts):
                return "".join([self.write(part) for part in parts])
            case Choice(options):
                return self.write(self.random.choice(options))
            case Repeat(part, low, high):
                return self._repeat(part, low, high)
            case Group(part, number, name):
                made = self.write(part)
                self.groups[number] = made
                if name is not None:
                    self.groups[name] = made
                return made
            case Back(group):
                return self.groups.get(group, "")
            case Ahead(part):
                self.ahead.append(_Writer(self.random, 0).write(_without_any(part)))
                return ""

    def _repeat(self, part: Node, low: int, high: int | None) -> str:
        most = low + MOST_REPEATS if high is None else high
        missing = max(0, self.least - self.length)
        wanted = max(low, missing if high is None else min(most, missing))
        if low > LONGEST:
            raise Unreadable("the text is too long")
        if isinstance(part, Chars) and part.choices:
            count = max(wanted, self.random.randint(low, min(most, low + MOST_REPEATS)))
            self.length += count
            return "".join(self.random.choices(part.choices, k=count))
        count = max(min(wanted, low + 64), self.random.randint(low, min(most, low + MOST_REPEATS)))
        return "".join([self.write(part) for _ in range(count)])


def _without_any(node: Node) -> Node:
    """Leave out `.*` and the like, which a lookahead says of what it does not care about."""
    match node:
        case Sequence(parts):
            return Sequence(tuple(_without_any(part) for part in parts))
        case Repeat(_, 0, None):
            return _NOTHING
        case _:
            return node


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.count = 0

    def peek(self, wanted: str) -> bool:
        return self.pattern.startswith(wanted, self.at)

    def take(self, wanted: str) -> bool:
        if self.peek(wanted):
            self.at += len(wanted)
            return True
        return False

    def choice(self) -> Node:
        options = [self.sequence()]
        while self.take("|"):
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.pattern) and not self.peek("|") and not self.peek(")"):
            part = self.atom()
            parts.append(self.repeated(part))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeated(self, part: Node) -> Node:
        bounds: tuple[int, int | None] | None = None
        if self.take("*"):
            bounds = (0, None)
        elif self.take("+"):
            bounds = (1, None)
        elif self.take("?"):
            bounds = (0, 1)
        elif self.peek("{"):
            bounds = self.braces()
        if bounds is None:
            return part
        self.take("?")  # lazy or greedy, the text is the same
        low, high = bounds
        return Repeat(part, low, high)

    def braces(self) -> tuple[int, int | None] | None:
        end = self.pattern.find("}", self.at)
        inside = self.pattern[self.at + 1 : end] if end > 0 else ""
        low, comma, high = inside.partition(",")
        if not low.isdigit() or (high and not high.isdigit()):
            return None
        self.at = end + 1
        return int(low), (int(high) if high else None) if comma else int(low)

    def atom(self) -> Node:
        if self.take("("):
            return self.group()
        if self.take("["):
            return self.char_class()
        if self.take("\\"):
            return self.escape()
        sign = self.pattern[self.at]
        self.at += 1
        if sign in "^$":
            return _NOTHING
        return Chars(_PRINTABLE if sign == "." else sign)

    def group(self) -> Node:
        name: str | None = None
        ahead, ignored, counted = False, False, False
        if self.take("?="):
            ahead = True
        elif self.take("?!") or self.take("?<=") or self.take("?<!"):
            ignored = True
        elif self.take("?<") or self.take("?P<"):
            end = self.pattern.index(">", self.at)
            name, self.at = self.pattern[self.at : end], end + 1
            counted = True
        elif self.take("?:") or self.take("?>"):  # the second is how generation writes lookaheads
            pass
        elif self.peek("?"):
            raise Unreadable(self.pattern)
        else:
            counted = True
        number = 0
        if counted:
            self.count += 1
            number = self.count
        part = self.choice()
        if not self.take(")"):
            raise Unreadable(self.pattern)
        if ignored:
            return _NOTHING
        if ahead:
            return Ahead(part)
        return Group(part, number, name) if counted else part

    def escape(self) -> Node:
        sign = self.pattern[self.at]
        if sign in "bB":
            self.at += 1
            return _NOTHING
        if sign in "123456789":
            end = self.at
            while end < len(self.pattern) and self.pattern[end].isdigit():
                end += 1
            number, self.at = int(self.pattern[self.at : end]), end
            return Back(number)
        if sign == "k" and self.pattern[self.at + 1 : self.at + 2] == "<":
            end = self.pattern.index(">", self.at)
            name, self.at = self.pattern[self.at + 2 : end], end + 1
            return Back(name)
        return Chars(self.escaped())

    def escaped(self) -> str:
        """Read what follows a backslash as the characters that it stands for."""
        sign = self.pattern[self.at]
        self.at += 1
        match sign:
            case "d":
                return _DIGITS
            case "w":
                return _WORD
            case "s":
                return _SPACE
            case "D":
                return _without(_DIGITS)
            case "W":
                return _without(_WORD)
            case "S":
                return _without(_SPACE)
            case "p" | "P":
                return self.property(negative=sign == "P")
            case "x":
                return self.code(2)
            case "u":
                if self.take("{"):
                    end = self.pattern.index("}", self.at)
                    found, self.at = chr(int(self.pattern[self.at : end], 16)), end + 1
                    return found
                return self.code(4)
            case "c":
                found = chr(ord(self.pattern[self.at]) % 32)
                self.at += 1
                return found
            case _:
                return _CONTROLS.get(sign, sign)

    def code(self, digits: int) -> str:
        found = chr(int(self.pattern[self.at : self.at + digits], 16))
        self.at += digits
        return found

    def property(self, *, negative: bool) -> str:
        if not self.take("{"):
            return "p"
        end = self.pattern.index("}", self.at)
        name, self.at = self.pattern[self.at : end].partition("=")[2] or self.pattern[self.at : end], end + 1
        known = _PROPERTIES.get(name) or _PROPERTIES.get(name[:1], _LOWER)
        return _without(known) if negative else known

    def char_class(self) -> Node:
        negative = self.take("^")
        found: list[str] = []
        while not self.take("]"):
            first = self.member()
            if len(first) == 1 and self.peek("-") and not self.peek("-]"):
                self.at += 1
                last = self.member()
                found.append(_range(first, last) if len(last) == 1 else f"{first}-{last}")
            else:
                found.append(first)
        chars = "".join(found)
        return Chars(_without(chars) if negative else "".join(dict.fromkeys(chars)))

    def member(self) -> str:
        if self.take("\\"):
            if self.take("b"):
                return "\b"
            return self.escaped()
        sign = self.pattern[self.at]
        self.at += 1
        return sign


def _range(first: str, last: str) -> str:
    """Return the characters from `first` to `last`: of a wide range the printable ones, else some."""
    low, high = ord(first), ord(last)
    if high < low:
        raise Unreadable("a range that runs backwards")
    if high - low <= 512:
        return "".join(chr(code) for code in range(low, high + 1) if not 0xD800 <= code < 0xE000)
    printable = "".join(sign for sign in _PRINTABLE if low <= ord(sign) <= high)
    return printable or "".join(chr(code) for code in range(low, low + 64) if not 0xD800 <= code < 0xE000)


def _without(chars: str) -> str:
    return "".join(sign for sign in _PRINTABLE if sign not in chars) or "".join(
        sign for sign in _REST if sign not in chars
    )
