r"""Regular expressions of a contract: what ECMA-262 writes otherwise than the engine is rewritten for it.

They mean what they mean in ECMA-262 with the flag `u`, and where that refuses them what they mean without it
(its annex B), as JSON Schema 2020-12 (6.4) and authors have it: `{,3}` and a lone `]` are texts, `[^]` is any
character, `\k<n>` refers to a group by its name.

What the engine takes otherwise is said by other means first (`regexmeaning`). In a pattern that looks around
or back it takes `\d`, `\w` and `\s` for Unicode's: the characters of ECMA-262 are written out there. A `\b`
that is left is written out too, which costs steps back; long texts may run out of them, and are refused then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from handfast.codegen.regexmeaning import Meaning, Reason, said_otherwise
from handfast.codegen.shorthands import BOUNDS, SHORTHANDS
from handfast.validation.engine import Unusable, compiled

_UNIT = r"(?:\[[^\]\\]*\]|\\[dDwWsS]|[^\\\[\](){}*+?|.^$])"
_LONG_REPEAT = re.compile(
    rf"\^(?P<head>{_UNIT}*)(?P<unit>{_UNIT})\{{(?P<low>\d+)(?P<comma>,(?P<high>\d*))?\}}\$\Z"
)
_LONG = 10_000
"""Repeats from here on are better said as a length."""
_ONE = re.compile(_UNIT)
_QUANTIFIER = re.compile(r"\{\d+(?:,\d*)?\}")
_NAMED_GROUP = re.compile(r"\(\?<([^\W\d][\w$]*|\$[\w$]*)>")
_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_UNICODE = re.compile(r"\\u(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{4}))")
_BACKREFERENCE = re.compile(r"\\([1-9]\d*)")
_HEX = re.compile(r"\\x[0-9a-fA-F]{2}")
_CONTROL = re.compile(r"\\c([A-Za-z])")
_OCTAL = re.compile(r"\\([0-3][0-7]{0,2}|[4-7][0-7]?)")
_REFERENCE_BY_NAME = re.compile(r"\\k<([^>]+)>")
_PROPERTY = re.compile(r"\\[pP]\{[^}]*\}")
_LOOKS = re.compile(r"\(\?<?[=!]|\\(?:[1-9]|k<)")
r"""Looking around or back."""
_BOUND = re.compile(r"\\[bB]")
_TAKEN_OTHERWISE = re.compile(r"\\[<>a]")
r"""Bounds of words and a control character to the engine; in ECMA-262 each is the sign itself."""
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_FOREIGN = re.compile(r"\(\?(?:[a-zA-Z]*(?:-[a-zA-Z]+)?\)|P[<=>])|\\[AzZGhHRKXQE]|[*+?}]\+")
r"""What other languages have: flags in the text, `(?P<n>…)`, `\A`, `\z`, possessive repeats."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that compiles, and bounds of the text's length that it no longer says itself."""

    text: str
    min_length: int | None = None
    max_length: int | None = None
    is_foreign: bool = False
    """Whether it is none of ECMA-262, and means what it does in most other languages."""
    inexact: Reason | None = None
    """Why it may not match just the texts that ECMA-262 says it matches, and the cure; None where it does."""


@lru_cache(maxsize=4096)
def compilable(pattern: str) -> Pattern | None:
    """Return `pattern` in a form that compiles and matches the same texts; None if there is none."""
    found = _by_length(pattern)
    if found is not None:
        return found
    foreign = is_foreign(pattern)
    meaning = Meaning(pattern) if foreign else said_otherwise(pattern)
    text = meaning.text
    bare = text.replace("\\\\", "")
    spelled = bool(_LOOKS.search(bare) or _BOUND.search(bare))
    if spelled or _TAKEN_OTHERWISE.search(bare) or not _compiles(text):
        text = _Rewriter(text, spelled=spelled).text()
        if not _compiles(text):
            return None
    return Pattern(text, is_foreign=foreign, inexact=meaning.inexact)


def is_foreign(pattern: str) -> bool:
    """Whether `pattern` has a form that ECMA-262 does not."""
    match = _FOREIGN.search(re.sub(r"\\\\|\[(?:\\.|[^\]\\])*\]", "_", pattern))
    return match is not None and not _compiles_as_format(pattern)


def _by_length(pattern: str) -> Pattern | None:
    """Let the length say what a long repeat would, at no cost: `^0x[a-f]{0,2147483648}$`."""
    match = _LONG_REPEAT.match(pattern)
    if match is None:
        return None
    head = len(_ONE.findall(match["head"]))
    low = int(match["low"])
    high = low if match["comma"] is None else int(match["high"]) if match["high"] else None
    if max(low, high or 0) < _LONG:
        return None
    rewritten = f"^{match['head']}{match['unit']}*$"
    if not _compiles(rewritten):
        return None
    return Pattern(rewritten, head + low if low else head or None, None if high is None else head + high)


class _Rewriter:
    """Rewrites one pattern from left to right; `spelled` writes shorthands out as their characters."""

    def __init__(self, pattern: str, *, spelled: bool) -> None:
        self.spelled = spelled
        self.pattern = _SURROGATES.sub(_joined, pattern)
        bare = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "_", self.pattern, flags=re.DOTALL)
        self.groups = len(re.findall(r"\((?!\?)|\(\?<(?![=!])", bare))
        self.names = self._numbers()

    def _numbers(self) -> dict[str, int]:
        """Return the number of each named group."""
        found: dict[str, int] = {}
        count, at, in_class = 0, 0, False
        text = self.pattern
        while at < len(text):
            if text[at] == "\\":
                at += 2
                continue
            in_class = text[at] == "[" or (in_class and text[at] != "]")
            if text[at] == "(" and not in_class:
                named = _NAMED_GROUP.match(text, at)
                if named or text[at : at + 2] != "(?":
                    count += 1
                if named:
                    found.setdefault(named[1], count)
            at += 1
        return found

    def text(self) -> str:
        """Return the whole pattern rewritten."""
        out: list[str] = []
        at = 0
        while at < len(self.pattern):
            char = self.pattern[at]
            if char == "\\":
                made, at = self._escape(at)
            elif char == "[":
                made, at = self._class(at)
            elif char == "{":
                quantifier = _QUANTIFIER.match(self.pattern, at)
                made = quantifier[0] if quantifier and out else r"\{"
                at += len(quantifier[0]) if quantifier and out else 1
            else:
                made = f"\\{char}" if char in "]}" else char
                at += 1
            out.append(made)
        return "".join(out)

    def _escape(self, at: int) -> tuple[str, int]:
        """Rewrite the escape at `at` outside of classes."""
        text = self.pattern
        following = text[at + 1 : at + 2]
        if following == "k":
            name = _REFERENCE_BY_NAME.match(text, at)
            if name and name[1] in self.names:
                return f"(?:\\{self.names[name[1]]})", at + len(name[0])
            if not self.names:
                return "k", at + 2
        reference = _BACKREFERENCE.match(text, at)
        if reference and int(reference[1]) <= self.groups:
            return reference[0], at + len(reference[0])
        if self.spelled and following in BOUNDS:
            return BOUNDS[following], at + 2
        if self.spelled and following in SHORTHANDS:
            return f"[{SHORTHANDS[following]}]", at + 2
        return self._character(at)

    def _character(self, at: int) -> tuple[str, int]:
        """Rewrite an escape that stands for characters."""
        text = self.pattern
        following = text[at + 1 : at + 2]
        octal = _OCTAL.match(text, at)
        if octal:
            return f"\\x{{{int(octal[1], 8):X}}}", at + len(octal[0])
        if following in ("8", "9", "<", ">", "a") or (following and not following.isascii()):
            return following, at + 2
        unicode = _UNICODE.match(text, at)
        if unicode:
            return unicode[0], at + len(unicode[0])
        number = _HEX.match(text, at)
        if number:
            return number[0], at + len(number[0])
        control = _CONTROL.match(text, at)
        if control:
            return f"\\x{ord(control[1]) % 32:02X}", at + 3
        named = _PROPERTY.match(text, at)
        if named:
            return named[0], at + len(named[0])
        if following in ("x", "u"):
            return following, at + 2
        return text[at : at + 2], at + 2

    def _class(self, at: int) -> tuple[str, int]:
        """Rewrite the class at `at`; an empty one matches nothing, and `[^]` everything."""
        text = self.pattern
        end = at + 1
        negated = text[end : end + 1] == "^"
        end += negated
        items: list[tuple[str, int | None]] = []
        while end < len(text) and text[end] != "]":
            made, code, end = self._member(end)
            items.append((made, code))
        if end >= len(text):
            return text[at:], len(text)
        body = _class_body(items)
        if not body:
            return (r"[\s\S]" if negated else r"[^\s\S]"), end + 1
        return f"[{'^' if negated else ''}{body}]", end + 1

    def _member(self, at: int) -> tuple[str, int | None, int]:
        """Return one member of a class, its code point if it is one character, and where it ends."""
        char = self.pattern[at]
        if char != "\\":
            made = f"\\{char}" if char in "[&~^" else char
            return made, ord(char), at + 1
        if self.pattern[at + 1 : at + 2] == "b":
            return r"\x08", 8, at + 2
        unicode = _UNICODE.match(self.pattern, at)
        if unicode:
            code = int(unicode[1] or unicode[2], 16)
            return unicode[0], code, at + len(unicode[0])
        if self.spelled and self.pattern[at + 1 : at + 2] in SHORTHANDS:
            return SHORTHANDS[self.pattern[at + 1]], None, at + 2
        made, end = self._character(at)
        return made, _code(made), end


def _code(made: str) -> int | None:
    """Return the code point that a rewritten escape stands for; None for a set of characters."""
    if made[0] != "\\":
        return ord(made)
    if made[1:2] in _CONTROLS:
        return _CONTROLS[made[1]]
    if made[1:3] == "x{":
        return int(made[3:-1], 16)
    if made[1:2] == "x":
        return int(made[2:], 16)
    return ord(made[1]) if len(made) == 2 and not made[1].isalnum() else None


def _class_body(items: list[tuple[str, int | None]]) -> str:
    """Join members: a `-` beside a set is itself, and lone surrogates are in no text."""
    out: list[str] = []
    at = 0
    while at < len(items):
        made, code = items[at]
        if at + 2 < len(items) and items[at + 1][0] == "-":
            last, end = items[at + 2]
            if code is None or end is None:
                out += [made, r"\-", last]
            else:
                out.append(_range(made, code, last, end))
            at += 3
            continue
        if code is None or not _is_surrogate(code):
            out.append(r"\-" if made == "-" else made)
        at += 1
    return "".join(out)


def _range(made: str, code: int, last: str, end: int) -> str:
    low, high = (0xE000 if _is_surrogate(code) else code), (0xD7FF if _is_surrogate(end) else end)
    if (low, high) == (code, end):
        return f"{made}-{last}"
    return "" if low > high else f"\\u{{{low:X}}}-\\u{{{high:X}}}"


def _is_surrogate(code: int) -> bool:
    return 0xD800 <= code <= 0xDFFF


def _joined(match: re.Match[str]) -> str:
    """Write a pair of surrogates as the one character that it stands for."""
    high, low = int(match[1], 16), int(match[2], 16)
    return f"\\u{{{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):X}}}"


def _compiles(pattern: str) -> bool:
    try:
        compiled({"pattern": pattern})
    except Unusable:
        return False
    return True


_IS_REGEX = compiled({"format": "regex"})


def _compiles_as_format(pattern: str) -> bool:
    return _IS_REGEX.is_valid(pattern)
