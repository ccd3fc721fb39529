"""The coverage ledger: every construct of a contract, with its place and what becomes of it.

It is read off the author's bundled document, so that what was dropped on the way is in it too. The table of
constructs says what becomes of a construct as such; findings and legalisations what became of this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from handfast.codegen import constructs
from handfast.codegen import pointer as pointers
from handfast.codegen.constructs import ENFORCED, Construct, Status
from handfast.codegen.grammar import KINDS, is_extension
from handfast.codegen.ir import Finding, Legalisation, Source
from handfast.codegen.legalparams import STYLES
from handfast.codegen.source import Map, Seq, entry_source, strings
from handfast.codegen.walk import Visit, walk
from handfast.mediatypes import kind_of
from handfast.validation.pointers import pointer as pointer_of

LineKind: TypeAlias = Literal[
    "OpenAPI field", "schema keyword", "schema type", "format", "parameter style", "media type", "status",
    "response header", "security scheme", "security requirement", "path", "extension", "finding",
]  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One construct where it stands."""

    source: Source
    pointer: str
    """Its JSON Pointer in the bundled document; empty for a finding about a whole file."""
    kind: LineKind
    name: str
    status: Status
    reason: str = ""
    cure: str = ""
    code: str = ""
    """The code of the finding that decided, if one did."""


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """How often a construct occurs, by what became of it."""

    kind: LineKind
    name: str
    enforced: int
    partly_enforced: int
    refused: int
    annotation: int


def ledger(root: Map, findings: Iterable[Finding], steps: Sequence[Legalisation]) -> tuple[Line, ...]:
    """Return a line for every construct of the bundled document `root`, and for every finding, by place."""
    found = [one for visit in walk(root) for one in _found(visit)]
    judge = _Judge(found, steps)
    further = [line for finding in findings for line in judge.tell(finding)]
    refused: dict[tuple[str, ...], Line] = {}
    lines: list[Line] = []
    for one, line in zip(found, judge.lines(), strict=True):
        above = _above(one.path, refused)
        if line.status == "refused":
            refused.setdefault(one.path, line)
        elif above is not None:
            reason = f"is part of what is refused: {above.reason}"
            line = replace(line, status="refused", reason=reason, cure=above.cure)
        if one.role != "item" or line.kind != "finding" or line.code:
            lines.append(line)
    return tuple(sorted([*lines, *further]))


def finding_lines(findings: Iterable[Finding]) -> list[Line]:
    """Return lines for findings about which no document can be asked."""
    judge = _Judge([], ())
    return [line for finding in findings for line in judge.tell(finding)]


def summary(lines: Iterable[Line]) -> tuple[Count, ...]:
    """Return how often each construct occurs."""
    counts: dict[tuple[LineKind, str], dict[str, int]] = {}
    for line in lines:
        by_status = counts.setdefault((line.kind, line.name), dict.fromkeys(constructs.STATUSES, 0))
        by_status[line.status] += 1
    return tuple(
        Count(kind, name, *(by_status[status] for status in constructs.STATUSES))
        for (kind, name), by_status in sorted(counts.items())
    )


def _above(path: tuple[str, ...], refused: dict[tuple[str, ...], Line]) -> Line | None:
    """Return the line of what is refused and holds the object at `path`."""
    if not refused:
        return None
    return next((refused[path[:end]] for end in range(1, len(path)) if path[:end] in refused), None)


# --- what stands in the document ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """A construct of the document, before anybody has said what became of it."""

    path: tuple[str, ...]
    role: Literal["key", "item", "value"]
    """Whether it is an entry of a mapping, an item of a list, or only a value of its own."""
    line: Line
    value: Source
    """Where its value stands."""


def _found(visit: Visit) -> Iterator[_Found]:
    yield from _of_object(visit)
    for key in visit.node:
        path, source, value = (*visit.path, key), visit.node.key_source(key), visit.node.value_source(key)
        yield _Found(path, "key", _line(source, path, *_of_key(visit.kind, key)), value)
        yield from _of_value(visit, key)


def _line(source: Source, path: tuple[str, ...], kind: LineKind, name: str, what: Construct) -> Line:
    pointer = pointer_of(path)
    return Line(source, pointer, kind, name, what.status, what.reason, what.cure)


def _of_key(kind: str, key: str) -> tuple[LineKind, str, Construct]:
    if is_extension(key):
        return "extension", key, constructs.field(kind, key)
    if kind == "schema":
        return "schema keyword", key, constructs.field(kind, key)
    if kind == "security requirement":
        return "security requirement", key, ENFORCED
    if KINDS[kind].entries:
        return "path", "callback" if kind == "callback" else "path", ENFORCED
    return "OpenAPI field", f"{kind}.{key}", constructs.field(kind, key)


def _of_value(visit: Visit, key: str) -> Iterator[_Found]:
    """Yield lines for values that are constructs of their own."""
    if visit.kind != "schema" or key not in ("format", "type"):
        return
    path, source = (*visit.path, key), visit.node.value_source(key)
    value = visit.node[key]
    if key == "format" and isinstance(value, str):
        what = constructs.FORMATS.get(value, constructs.UNKNOWN_FORMAT)
        yield _Found(path, "value", _line(source, path, "format", value, what), source)
    elif key == "type":
        names = [value] if isinstance(value, str) else strings(value) if isinstance(value, list) else []
        for name in names:
            yield _Found(path, "value", _line(source, path, "schema type", name, ENFORCED), source)


def _of_object(visit: Visit) -> Iterator[_Found]:
    """Yield the line of an object whose name or kind is a construct: a media type, a status, a style.

    The item of a list has a line anyhow, for what may be found about it as a whole.
    """
    if visit.owner is None:
        return
    made = _named(visit)
    source = entry_source(visit.owner, visit.key)
    listed = isinstance(visit.owner, Seq)
    if made is None and listed:
        made = "finding", visit.kind, ENFORCED
    if made is not None:
        line = _line(source, visit.path, *made)
        yield _Found(visit.path, "item" if listed else "key", line, visit.node.source)


def _named(visit: Visit) -> tuple[LineKind, str, Construct] | None:
    holder = visit.path[-2] if len(visit.path) > 1 else ""
    name = str(visit.key)
    match visit.kind, holder:
        case "media type", "content":
            return "media type", name, _media(name)
        case "response", "responses":
            return None if visit.path[:1] == ("components",) else ("status", name, ENFORCED)
        case "header", "headers":
            return None if visit.path[:1] == ("components",) else ("response header", name, ENFORCED)
    if "$ref" in visit.node:
        return None
    if visit.kind == "parameter":
        return _style(visit.node)
    if visit.kind == "security scheme":
        kind = str(visit.node.get("type"))
        shown = f"http {str(visit.node.get('scheme')).lower()}" if kind == "http" else kind
        return "security scheme", shown, constructs.SCHEMES.get(kind, constructs.UNKNOWN_FIELD)
    return None


def _style(node: Map) -> tuple[LineKind, str, Construct]:
    location = str(node.get("in"))
    style = str(node.get("style") or STYLES.get(location, ("",))[0])
    if "content" in node and "schema" not in node:
        return "parameter style", f"{location} content", ENFORCED
    explode = node.get("explode")
    exploded = explode if isinstance(explode, bool) else style in ("form", "deepObject", "cookie")
    name = f"{location} {style}".strip()
    what = constructs.STYLES.get(name, constructs.UNKNOWN_FIELD)
    return "parameter style", f"{name}{' explode' if exploded else ''}", what


def _media(media_type: str) -> Construct:
    kind = kind_of(media_type)
    if kind == "binary":
        return Construct("annotation", "is bytes, which no schema describes")
    return constructs.MEDIA[kind]


# --- what became of it ----------------------------------------------------------------------------


_PARTLY = frozenset(("unchecked-media", "inexact-pattern"))
"""Codes of findings about what is served, though not all of it is checked, or not to the letter."""
_TOLD = frozenset(("unknown-scheme", "spliced-ref", "id-ignored", "unsatisfiable", "wrong-example"))
"""Codes of findings about what is enforced to the letter, though its author may not have meant it."""
_OF_ITEMS = frozenset((
    "surplus-path-parameter", "duplicate-parameter", "bad-parameter-name", "ignored-header",
    "optional-path-parameter", "missing-field",
))  # fmt: skip
"""Codes of findings about an item of a list as a whole, which stands where its first key stands."""


class _Judge:
    """Settles what became of each construct: finds the one that a finding or a legalisation is about."""

    def __init__(self, found: list[_Found], steps: Sequence[Legalisation]) -> None:
        self.found = found
        self.by_key: dict[Source, list[int]] = {}
        self.by_value: dict[Source, list[int]] = {}
        for index, one in enumerate(found):
            self.by_key.setdefault(one.line.source, []).append(index)
            self.by_value.setdefault(one.value, []).append(index)
        self.mended = {step.finding for step in steps if step.op != "remove"}
        self.taken = {step.finding for step in steps if step.op == "remove"} - self.mended
        self.judged: dict[int, Line] = {}
        for step in steps:
            self.remove(step)

    def remove(self, step: Legalisation) -> None:
        """Note that a construct was taken away for good."""
        if step.op != "remove" or step.finding in self.mended:
            return
        token = pointers.tokens(step.path)[-1]
        places = self.by_key.get(step.source, [])
        named = [at for at in places if self.found[at].role == "key" and self.found[at].path[-1] == token]
        items = [at for at in places if self.found[at].role == "item"]
        for index in (named or items)[:1]:
            self.judged[index] = self.told(self.found[index].line, step.finding)

    def tell(self, finding: Finding) -> Iterator[Line]:
        """Let a construct have a finding; yield a line of its own where there is none, or it has one."""
        index = self.subject(finding)
        if index is None:
            yield self.told(_line(finding.source, (), "finding", finding.code, ENFORCED), finding)
            return
        line = self.found[index].line
        if self.judged.setdefault(index, self.told(line, finding)) != self.told(line, finding):
            path = self.found[index].path
            yield self.told(_line(finding.source, path, "finding", finding.code, ENFORCED), finding)

    def subject(self, finding: Finding) -> int | None:
        """Return the construct that a finding is about."""
        places = self.by_key.get(finding.source, [])
        items = [at for at in places if self.found[at].role == "item"]
        keys = [at for at in places if self.found[at].role == "key"]
        if items and (finding.code in _OF_ITEMS or not keys):
            return items[-1]
        return next(iter([*keys[-1:], *self.by_value.get(finding.source, [])[-1:]]), None)

    def lines(self) -> Iterator[Line]:
        """Yield the line of every construct."""
        for index, one in enumerate(self.found):
            yield self.judged.get(index, one.line)

    def told(self, line: Line, finding: Finding) -> Line:
        status = self.status(finding)
        return replace(line, status=status, reason=finding.what, cure=finding.fix, code=finding.code)

    def status(self, finding: Finding) -> Status:
        if finding in self.mended or finding.code in _TOLD:
            return "enforced"
        if finding not in self.taken and finding.code in _PARTLY:
            return "partly enforced"
        return "refused"
