r"""What the engine takes otherwise than ECMA-262, said by means that both take alike.

- `.` is any character but the four that end lines (22.2.2.7); to the engine it is any but one of them.
- A reference to a group that took no part matches the empty text (22.2.2.9.4); to the engine it matches
  nothing. An empty group behind such a group says whether it took part; a reference that stands before its
  group, in it, or in another alternative is left out.
- `\b` lies between letters, digits and `_` of ASCII and anything else (22.2.2.9); to the engine it knows
  Unicode's letters. Where what stands beside it is known, or nothing is (at an end of the pattern), the
  neighbour is named, which costs no steps back however long the text is; where one side is known, the other
  is looked at.

- `a+x?a+` takes `aa` at least; the engine lets one `a` do (an error of its own, with any equal repeats).

A group in a repeat forgets its text with each turn (22.2.2.3.1); to the engine it does not. For references to
groups that a turn may pass over or may fill with nothing, and for what is looked for behind with references,
or with lookarounds in several lengths, no means are known: such a pattern is inexact, and its author is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from handfast.codegen.regextree import (
    BEYOND,
    Back,
    Bound,
    Choice,
    Group,
    Part,
    Repeat,
    Text,
    Unreadable,
    parse,
)
from handfast.codegen.shorthands import AHEAD, BEHIND, NOT_AHEAD, NOT_BEHIND, RANGES, SHORTHANDS, others

_DOT: Final = r"[^\n\r\u{2028}\u{2029}]"
_EMPTY: Final = "(?:)"
_NEVER: Final = r"[^\s\S]"
_WORD: Final = f"[{SHORTHANDS['w']}]"
_OTHER: Final = f"[^{SHORTHANDS['w']}]"
_EITHER: Final = frozenset((True, False))
_REFERENCE: Final = (
    "refers to a group that a repeat may pass over or fill with nothing, or looks behind for one",
    "refer to a group that every turn of its repeat fills, and to none in what is looked for behind",
)
_BEHIND: Final = (
    "looks behind for texts of several lengths, and around in them",
    "look behind for texts of one length, or without lookarounds and `\\b` in them",
)

Kinds: TypeAlias = frozenset[bool]
"""Whether a character is of a word: it is, it is not, or it may be either."""
Reason: TypeAlias = tuple[str, str]
Chain: TypeAlias = tuple[tuple[Part | Choice, int], ...]
"""What a part stands in, from the whole pattern down, and in which alternative of it."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A pattern by other means; `inexact` says why it may mean something else in some texts, and the cure."""

    text: str
    inexact: Reason | None = None


def said_otherwise(pattern: str) -> Meaning:
    """Return `pattern` in words that the engine takes as ECMA-262 does; one that cannot be read stays."""
    try:
        tree = parse(pattern)
    except Unreadable:
        return Meaning(pattern)
    references = _References()
    references.visit(tree, ())
    references.settle()
    printer = _Printer(references)
    printer.bounds(tree, start=True, end=True)
    return Meaning(printer.choice(tree), references.inexact)


# --- references ------------------------------------------------------------------------------------


@dataclass(slots=True)
class _References:
    """What each reference means, by where it and its group stand."""

    groups: dict[int, Chain] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    found: list[tuple[Back, Chain, bool]] = field(default_factory=list)
    """Each reference, what it stands in, and whether its group ends before it."""
    empty: set[Back] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)
    """Groups that an empty group follows."""
    inexact: Reason | None = None

    def visit(self, part: Part | Choice, chain: Chain) -> None:
        match part:
            case Choice():
                for index, option in enumerate(part.options):
                    for one in option:
                        self.visit(one, (*chain, (part, index)))
            case Repeat():
                self.visit(part.part, (*chain, (part, 0)))
            case Group():
                if part.is_behind and _width(part.body) is None and _looks_around(part.body):
                    self.inexact = _BEHIND
                if part.number is not None:
                    self.groups[part.number] = chain
                self.visit(part.body, (*chain, (part, 0)))
                if part.number is not None:
                    self.closed.add(part.number)
            case Back():
                self.found.append((part, chain, part.group in self.closed))

    def settle(self) -> None:
        for back, chain, ended in self.found:
            if _is_behind(chain) or _is_behind(self.groups[back.group]):
                self.inexact = _REFERENCE  # what stands behind is matched from its end
            elif not ended or self.never_there(chain, self.groups[back.group]):
                self.empty.add(back)
            else:
                self.mark(back.group, _shared(chain, self.groups[back.group]))

    def never_there(self, chain: Chain, group: Chain) -> bool:
        """Whether the group is in another alternative than the reference, or in what must not be there."""
        shared = _shared(chain, group)
        apart = shared < min(len(chain), len(group)) and chain[shared][0] is group[shared][0]
        return apart or any(isinstance(one, Group) and one.is_denied for one, _ in group[shared:])

    def stands_in(self, look: Group) -> bool:
        """Whether a group that is referred to stands in `look`."""
        wanted = {back.group for back, _, _ in self.found}
        return any(one is look for number in wanted for one, _ in self.groups[number])

    def mark(self, number: int, shared: int) -> None:
        """Have it known whether the group took part, unless it always does."""
        group = self.groups[number]
        unsure = [at for at in range(shared, len(group)) if _may_be_left_out(group[at][0])]
        turns = [(at, one) for at, (one, _) in enumerate(group) if isinstance(one, Repeat) and one.high > 1]
        # To ECMA-262 a turn that takes nothing did not happen.
        empty = any(at >= shared and _edge_of(one.part, last=False)[1] for at, one in turns)
        if empty or any(turn < at for turn, _ in turns for at in unsure):
            self.inexact = _REFERENCE
        if unsure:
            self.marked.add(number)


def _is_behind(chain: Chain) -> bool:
    return any(isinstance(one, Group) and one.is_behind for one, _ in chain)


def _width(part: Part | Choice) -> int | None:
    """Return how many characters a part takes, None if that differs."""
    match part:
        case Text():
            return 0 if part.text in ("^", "$") else 1
        case Bound():
            return 0
        case Back():
            return None
        case Repeat():
            one = _width(part.part)
            return None if one is None or part.low != part.high else one * part.low
        case Group():
            return 0 if part.is_look else _width(part.body)
        case Choice():
            widths = set()
            for option in part.options:
                taken = [_width(one) for one in option]
                widths.add(None if None in taken else sum(one for one in taken if one is not None))
            return widths.pop() if len(widths) == 1 else None


def _looks_around(part: Part | Choice) -> bool:
    match part:
        case Choice():
            return any(_looks_around(one) for option in part.options for one in option)
        case Group():
            return part.is_look or _looks_around(part.body)
        case Repeat():
            return _looks_around(part.part)
    return isinstance(part, Bound)


def _shared(one: Chain, other: Chain) -> int:
    pairs = zip(one, other, strict=False)
    return next(
        (at for at, (a, b) in enumerate(pairs) if a[0] is not b[0] or a[1] != b[1]), min(len(one), len(other))
    )


def _may_be_left_out(part: Part | Choice) -> bool:
    return (isinstance(part, Choice) and len(part.options) > 1) or (
        isinstance(part, Repeat) and part.low == 0
    )


# --- the text --------------------------------------------------------------------------------------


class _Printer:
    """Writes a tree; bounds and groups are numbered and said as they were found to be."""

    def __init__(self, references: _References) -> None:
        self._references = references
        self._bounds: dict[Bound, str] = {}
        self._opened = 0
        self._numbers: dict[int, tuple[int, int]] = {}
        """Number of a group → its number here, and that of the empty group behind it."""

    def choice(self, choice: Choice, *, dots: bool = True) -> str:
        return "|".join(self._sequence(option, dots) for option in choice.options)

    def _sequence(self, parts: list[Part], dots: bool) -> str:
        texts = []
        for at, part in enumerate(parts):
            between = (
                0 < at < len(parts) - 1 and _endless(parts[at - 1]) == _endless(parts[at + 1]) is not None
            )
            optional = _bare(part) if between else None
            if isinstance(optional, Repeat) and optional.low == 0 and optional.high:
                texts.append(self._optional(optional, dots))
            else:
                texts.append(self._part(part, dots))
        return "".join(texts)

    def _optional(self, repeat: Repeat, dots: bool) -> str:
        """Say `x?` as `(?:x|)`: between two equal repeats the engine takes one of these for both."""
        lazy = "?" if len(repeat.text) > 1 and repeat.text.endswith("?") else ""
        most = "" if repeat.high >= BEYOND else str(repeat.high)
        times = "" if most == "1" else f"{{1,{most}}}{lazy}" if most else f"+{lazy}"
        text = self._part(repeat.part, dots) + times
        return f"(?:|{text})" if lazy else f"(?:{text}|)"

    def _part(self, part: Part, dots: bool) -> str:
        match part:
            case Text():
                return _DOT if part.text == "." and dots else part.text
            case Bound():
                return self._bounds.get(part, r"\B" if part.negated else r"\b")
            case Back():
                return self._reference(part)
            case Repeat():
                return self._part(part.part, dots) + part.text
            case Group():
                return self._group(part, dots)

    def _reference(self, back: Back) -> str:
        if back in self._references.empty:
            return _EMPTY
        number, mark = self._numbers.get(back.group, (back.group, 0))
        return f"(?:\\{number}|(?!\\{mark}))" if mark else f"(?:\\{number})"

    def _group(self, group: Group, dots: bool) -> str:
        if group.is_look and not group.is_denied and self._references.stands_in(group):
            # The engine tries other ways to look, and ECMA-262 does not (22.2.2.4, note 2).
            return f"{group.opening}(?>{self.choice(group.body, dots=dots)}))"
        flags = re.match(r"\(\?([ims]*)(?:-[ims]+)?:", group.opening)
        dots = dots and not (flags and "s" in flags[1])
        if group.number is None:
            return f"{group.opening}{self.choice(group.body, dots=dots)})"
        self._opened += 1
        number = self._opened
        text = f"{group.opening}{self.choice(group.body, dots=dots)})"
        if group.number not in self._references.marked:
            self._numbers[group.number] = number, 0
            return text
        self._opened += 1
        self._numbers[group.number] = number, self._opened
        return f"(?:{text}())"

    # -- bounds ---------------------------------------------------------------------------------------------

    def bounds(self, choice: Choice, *, start: bool, end: bool) -> None:
        """Say bounds by what stands beside them; `start` and `end`: nothing of the pattern stands beyond."""
        for option in choice.options:
            for at, part in enumerate(option):
                first, last = start and at == 0, end and at == len(option) - 1
                if isinstance(part, Bound):
                    self._bound(part, option[:at], option[at + 1 :], start=first, end=last)
                    continue
                while isinstance(part, Repeat):
                    part, first, last = part.part, False, False
                if isinstance(part, Group):
                    # A character more in a group would be one more for what refers to it.
                    held = part.number is not None and bool(self._references.found)
                    free = not part.is_look and not held
                    self.bounds(part.body, start=first and free, end=last and free)

    def _bound(self, bound: Bound, before: list[Part], after: list[Part], *, start: bool, end: bool) -> None:
        left = None if start else _beside(before, "^", last=True)
        right = None if end else _beside(after, "$", last=False)
        if left is not None and right is not None:
            self._bounds[bound] = "" if (left != right) != bound.negated else _NEVER
        elif right is not None:
            of_word = right == bound.negated
            named, looked = (_WORD, BEHIND) if of_word else (f"(?:^|{_OTHER})", NOT_BEHIND)
            self._bounds[bound] = named if start else looked
        elif left is not None:
            of_word = left == bound.negated
            named, looked = (_WORD, AHEAD) if of_word else (f"(?:$|{_OTHER})", NOT_AHEAD)
            self._bounds[bound] = named if end else looked


def _bare(part: Part) -> Part:
    """Return what stands alone in groups that capture nothing."""
    while isinstance(part, Group) and part.opening == "(?:" and len(part.body.options) == 1:
        if len(part.body.options[0]) != 1:
            break
        part = part.body.options[0][0]
    return part


def _endless(part: Part) -> object:
    """Return what a greedy repeat from one on repeats, in a form to compare; None for other parts."""
    part = _bare(part)
    if not isinstance(part, Repeat) or part.low != 1 or part.text not in ("+", "{1,}"):
        return None
    inner = _bare(part.part)
    known = _ranges(inner.text) if isinstance(inner, Text) and inner.text != "." else None
    return _Printer(_References()).choice(Choice([[inner]])) if known is None else tuple(_joined(list(known)))


def _beside(parts: Sequence[Part], anchor: str, *, last: bool) -> bool | None:
    """Whether the character next to a bound is of a word, if that is certain; none is no word's."""
    if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].text == anchor:
        return False
    kinds, may_be_empty = _edge(parts, last=last)
    return next(iter(kinds)) if len(kinds) == 1 and not may_be_empty else None


def _edge(parts: Sequence[Part], *, last: bool) -> tuple[Kinds, bool]:
    """Return the kinds of the first or last character of a sequence, and whether it may take none."""
    found: Kinds = frozenset()
    for part in reversed(parts) if last else parts:
        kinds, may_be_empty = _edge_of(part, last=last)
        found |= kinds
        if not may_be_empty:
            return found, False
    return found, True


def _edge_of(part: Part, *, last: bool) -> tuple[Kinds, bool]:
    match part:
        case Text():
            return (frozenset(), True) if part.text in ("^", "$") else (_kinds(part.text), False)
        case Bound():
            return frozenset(), True
        case Back():
            return _EITHER, True
        case Repeat():
            kinds, may_be_empty = _edge_of(part.part, last=last)
            return (kinds, may_be_empty or part.low == 0) if part.high else (frozenset(), True)
        case Group():
            if part.is_look:
                return frozenset(), True
            if not (part.number or part.opening == "(?:"):
                return _EITHER, True  # flags may make more letters of a letter
            edges = [_edge(option, last=last) for option in part.body.options]
            return frozenset().union(*(kinds for kinds, _ in edges)), any(empty for _, empty in edges)


# --- characters ------------------------------------------------------------------------------------

_Ranges: TypeAlias = tuple[tuple[int, int], ...]
_MEMBER: Final = re.compile(
    r"\\(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([dDwWsS])|([tnvfrb])|([^a-zA-Z0-9]))|([^\\])",
    re.DOTALL,
)
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "b": 8}


def _kinds(text: str) -> Kinds:
    """Return of which kinds the characters may be that a character, a class or an escape stands for."""
    ranges = None if text == "." else _ranges(text)
    if ranges is None:
        return _EITHER
    words = RANGES["w"]
    found = set()
    for low, high in ranges:
        if any(first <= high and low <= last for first, last in words):
            found.add(True)
        if not any(first <= low and high <= last for first, last in words):
            found.add(False)
    return frozenset(found) or _EITHER


def _ranges(text: str) -> _Ranges | None:
    return _class(text[1:-1]) if text[0] == "[" and len(text) > 1 else _class(text)


def _class(body: str) -> _Ranges | None:
    """Return the code points of the members of a class; None where they are not known here."""
    negated = len(body) > 1 and body[0] == "^"
    members = list(_members(body[1:] if negated else body))
    ranges: list[tuple[int, int]] = []
    while members:
        one = members.pop(0)
        if one is None:
            return None
        if len(members) > 1 and members[0] == ((45, 45),) and members[1] is not None:
            end = members[1]
            if len(one) == len(end) == 1 and one[0][0] == one[0][1] and end[0][0] == end[0][1]:
                one = ((one[0][0], end[0][0]),)
                del members[:2]
        ranges += one
    return others(tuple(_joined(ranges))) if negated else tuple(ranges)


def _members(body: str) -> Iterator[_Ranges | None]:
    at = 0
    while at < len(body):
        match = _MEMBER.match(body, at)
        if match is None:
            yield None
            return
        at = match.end()
        braced, four, two, letter, control, sign, char = match.groups()
        if letter:
            yield RANGES[letter]
            continue
        number = braced or four or two
        code = int(number, 16) if number else _CONTROLS[control] if control else ord(sign or char)
        yield ((code, code),)


def _joined(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield ranges in order, none beside another."""
    ordered = sorted(ranges)
    while ordered:
        low, high = ordered.pop(0)
        while ordered and ordered[0][0] <= high + 1:
            high = max(high, ordered.pop(0)[1])
        yield low, high
