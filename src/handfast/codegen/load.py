"""Contract files → positioned values: YAML 1.2 core rules, JSON, and a place for each fault.

YAML is read as a stream of libyaml events, not through its composer: the composer recurses in C and a deeply
nested file would end the process. Only what both YAML 1.1 and 1.2 readers agree on becomes a number or a
boolean; `yes`, `no`, `on`, dates, sexagesimals and numbers with leading zeros stay texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from yaml._yaml import CParser

from handfast.codegen.ir import Finding, Source
from handfast.codegen.jsontext import JsonFault, parse_json
from handfast.codegen.source import Map, Node, Seq, TextFile

MAX_DEPTH = 100
"""How deep mappings and lists may nest; real contracts stay under 40."""
MAX_BYTES = 64 * 1024 * 1024
"""How large a file may be; real contracts stay under 20 MiB."""
MAX_ALIASED = 200_000
"""How many values all aliases of a file may stand for together: more is an alias bomb."""

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,999})\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_HUGE_INT = re.compile(r"[-+]?[1-9][0-9]{1000,}\Z")
_NUMBER_START = frozenset("-+.0123456789")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CORE_TAG = "tag:yaml.org,2002:"
_HINTS = (
    (
        "cannot start any token",
        "indent with spaces; put a text that starts with a special character in quotes",
    ),
    ("mapping values are not allowed", "put a text that holds `: ` in quotes, and check the indentation"),
    ("expected <block end>", "align this line with the keys of its mapping"),
    ("could not find expected ':'", "every key of a mapping needs `:` and a space after it"),
    ("expected ',' or", "close the bracket, or separate the items by commas"),
    ("undefined alias", "define the anchor (`&name`) above its first use"),
    ("found unexpected end of stream", "close the quote or bracket that was opened above"),
)


class LoadFault(Exception):
    """A file that cannot be read as a contract; carries the finding to show."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed file."""

    name: str
    root: Node
    text: TextFile
    findings: tuple[Finding, ...] = ()
    """Faults that do not keep the file from being read, such as a key given twice."""
    identifies: bool = False
    """Whether the text may hold schemas with a URI or names of their own (`$id`, `$anchor`)."""


def read(path: Path, name: str) -> Document:
    """Parse the file at `path`, called `name` in findings; raises `LoadFault` where it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise LoadFault(
            _fault(name, "unreadable", f"cannot read the file: {error.strerror}", "make it a readable file")
        ) from error
    if len(data) > MAX_BYTES:
        what = f"the file has more than {MAX_BYTES // 2**20} MiB"
        raise LoadFault(_fault(name, "too-large", what, "split the contract, and refer to its parts"))
    return parse(decode(data, name), name)


def parse(text: str, name: str) -> Document:
    """Parse `text`, JSON or YAML; raises `LoadFault` where it is neither."""
    file = TextFile(name, text)
    if text.lstrip()[:1] in ("{", "[") and "\ufeff" not in text[:1]:
        try:
            root, findings = parse_json(text, file, MAX_DEPTH)
        except JsonFault as fault:
            if name.endswith(".json"):
                finding = Finding(file.source(fault.offset), fault.code, fault.what, fault.fix)
                raise LoadFault(finding) from None
        else:
            return Document(name, root, file, tuple(findings), _identifies(text))
    return replace(_Builder(text, file).document(), identifies=_identifies(text))


def _identifies(text: str) -> bool:
    return "$id" in text or "$anchor" in text or "$dynamicAnchor" in text


def encode(text: str, like: bytes) -> bytes:
    """Return `text` in the encoding of the file that `like` is read from, with its byte order mark."""
    if like[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return like[:2] + text.encode("utf-16-le" if like[:1] == b"\xff" else "utf-16-be")
    return text.encode("utf-8-sig" if like.startswith(b"\xef\xbb\xbf") else "utf-8")


def decode(data: bytes, name: str) -> str:
    """Return the text of a file called `name`; raises `LoadFault` where it is none.

    UTF-8, or UTF-16 with a byte order mark.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        what = f"byte 0x{data[error.start]:02x} is not valid {error.encoding.upper()} text"
        finding = Finding(Source(name, line, column), "not-text", what, "save the file as UTF-8")
        raise LoadFault(finding) from None


def _fault(name: str, code: str, what: str, fix: str) -> Finding:
    return Finding(Source(name, 1, 1), code, what, fix)


@dataclass(slots=True)
class _Open:
    """A mapping or list that is still being read."""

    node: Map | Seq
    anchor: str | None
    size: int = 1
    key: str | None = None
    key_offset: int = 0
    merges: list[tuple[Node, int]] | None = None


class _Builder:
    """Builds the tree of one YAML file from libyaml's events."""

    def __init__(self, text: str, file: TextFile) -> None:
        self.text = text
        self.file = file
        self.findings: list[Finding] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.pending: set[str] = set()
        self.aliased = 0
        self.root: Node = None
        self.documents = 0

    def document(self) -> Document:
        bad = _UNPRINTABLE.search(self.text)
        if bad:
            what = f"the character U+{ord(bad.group()):04X} is not allowed in YAML"
            raise self.fault(
                bad.start(), "not-yaml", what, "remove it, or write it as an escape in double quotes"
            )
        try:
            parser = CParser(self.text)
            try:
                self.run(parser)
            finally:
                parser.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = error.problem or "the text is not well formed"
            offset = mark.index if mark is not None else 0
            raise self.fault(offset, "not-yaml", f"not YAML: {problem}", _hint(problem)) from None
        except (yaml.YAMLError, ValueError, UnicodeError) as error:
            raise self.fault(0, "not-yaml", f"not YAML: {error}", "correct the text") from None
        return Document(self.file.name, self.root, self.file, tuple(self.findings))

    def fault(self, offset: int, code: str, what: str, fix: str) -> LoadFault:
        return LoadFault(Finding(self.file.source(min(offset, len(self.text))), code, what, fix))

    def run(self, parser: CParser) -> None:
        while True:
            event = parser.get_event()
            if event is None or isinstance(event, yaml.StreamEndEvent):
                return
            if isinstance(event, yaml.ScalarEvent):
                value = self.scalar(event)
                if event.anchor:
                    self.anchors[event.anchor] = (value, 1)
                self.add(value, event, 1)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self.open(event)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                self.close()
            elif isinstance(event, yaml.AliasEvent):
                self.alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    self.second(parser, event)
                    return

    def second(self, parser: CParser, start: yaml.DocumentStartEvent) -> None:
        """Tell of a second document, unless there is nothing in it: some tools end a file with `---`."""
        first = parser.get_event()
        if not isinstance(first, yaml.ScalarEvent) or first.value:
            what = "a second YAML document starts here; which of them is the contract?"
            source = self.file.source(_offset(start))
            self.findings.append(Finding(source, "many-documents", what, "keep one contract a file"))

    def open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        offset = _offset(event)
        if len(self.stack) >= MAX_DEPTH:
            what = f"mappings and lists nest deeper than {MAX_DEPTH}"
            raise self.fault(offset, "too-deep", what, "move inner parts to components and refer to them")
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _CORE_TAG + ("map" if mapping else "seq")):
            self.unknown_tag(str(event.tag), offset)
        node: Map | Seq = Map(self.file, offset) if mapping else Seq(self.file, offset)
        self.stack.append(_Open(node, event.anchor))
        if event.anchor:
            self.pending.add(event.anchor)

    def close(self) -> None:
        done = self.stack.pop()
        if done.merges and isinstance(done.node, Map):
            for value, offset in done.merges:
                self.merge(done.node, value, offset)
        if done.anchor:
            self.anchors[done.anchor] = (done.node, done.size)
            self.pending.discard(done.anchor)
        self.put(done.node, done.node.offset, done.size)

    def alias(self, event: yaml.AliasEvent) -> None:
        offset, name = _offset(event), event.anchor
        if name in self.pending:
            what = f"the alias `*{name}` stands inside the value that it names"
            raise self.fault(offset, "alias-cycle", what, "express recursion with `$ref`")
        if name not in self.anchors:
            what = f"the alias `*{name}` has no anchor"
            raise self.fault(offset, "not-yaml", what, f"define `&{name}` above its first use")
        value, size = self.anchors[name]
        self.aliased += size
        if self.aliased > MAX_ALIASED:
            what = f"the aliases of this file stand for more than {MAX_ALIASED:,} values"
            raise self.fault(offset, "alias-bomb", what, "replace the aliases by `$ref`")
        self.add(value, event, size)

    def add(self, value: Node, event: yaml.ScalarEvent | yaml.AliasEvent, size: int) -> None:
        offset = _offset(event)
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.node, Map) and top.key is None:
            if isinstance(event, yaml.ScalarEvent):
                top.key, plain = event.value, event.style is None or event.style == ""
                if plain and top.key == "<<" and top.merges is None:
                    top.merges = []
            elif isinstance(value, (Map, Seq)):
                raise self.bad_key(offset)
            else:
                top.key = value if isinstance(value, str) else str(value)
            top.key_offset = offset
            return
        self.put(value, offset, size)

    def put(self, value: Node, offset: int, size: int) -> None:
        if not self.stack:
            self.root = value
            return
        top = self.stack[-1]
        top.size += size
        if isinstance(top.node, Seq):
            top.node.put(value, offset)
            return
        key = top.key
        if key is None:
            raise self.bad_key(offset)
        top.key = None
        if key == "<<" and top.merges is not None:
            top.merges.append((value, offset))
        elif key in top.node:
            line = top.node.key_source(key).line
            what = f"the key `{_short(key)}` is already given at line {line}"
            finding = Finding(self.file.source(top.key_offset), "duplicate-key", what, "keep one of the two")
            self.findings.append(finding)
        else:
            top.node.put(key, value, top.key_offset, offset)

    def bad_key(self, offset: int) -> LoadFault:
        return self.fault(offset, "bad-key", "a mapping or list cannot be a key", "use a text as the key")

    def merge(self, node: Map, value: Node, offset: int) -> None:
        """Fill `node` with the entries that `<<: *name` brings and that it has not itself."""
        for part in value if isinstance(value, Seq) else (value,):
            if not isinstance(part, Map):
                what = "`<<` merges mappings only"
                finding = Finding(
                    self.file.source(offset), "bad-merge", what, "name a mapping's anchor after `<<:`"
                )
                self.findings.append(finding)
                continue
            for key, item in part.items():
                if key not in node:
                    node.put_from(part, key, item)

    def scalar(self, event: yaml.ScalarEvent) -> Node:
        text: str = event.value
        tag: str | None = event.tag
        if tag is None:
            value = resolve(text) if event.implicit[0] else text
            if event.implicit[0] and value is text and text and _is_huge(text):
                what = f"the number `{_short(text)}` is too large; it is taken as a text"
                fix = "write a smaller number, or put it in quotes"
                source = self.file.source(_offset(event))
                self.findings.append(Finding(source, "huge-number", what, fix, fatal=False))
            return value
        if tag in ("!", _CORE_TAG + "str"):
            return text
        if tag in (_CORE_TAG + "int", _CORE_TAG + "float", _CORE_TAG + "bool", _CORE_TAG + "null"):
            return resolve(text)
        self.unknown_tag(tag, _offset(event))
        return text

    def unknown_tag(self, tag: str, offset: int) -> None:
        name = "!!" + tag.removeprefix(_CORE_TAG) if tag.startswith(_CORE_TAG) else tag
        what = f"the YAML tag `{_short(name)}` has no meaning in a contract"
        fix = "refer to other files with `$ref`; write texts in quotes"
        self.findings.append(Finding(self.file.source(offset), "unknown-tag", what, fix))


def resolve(text: str) -> bool | int | float | str | None:
    """Return the value of a plain scalar under the YAML 1.2 core schema; what is in doubt stays a text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        number = float(text)
        if number not in (float("inf"), float("-inf")):
            return number
    return text


def _is_huge(text: str) -> bool:
    """Whether a plain scalar that has stayed a text is a number beyond what programs hold."""
    return text[0] in _NUMBER_START and bool(_FLOAT.match(text) or _HUGE_INT.match(text))


def _offset(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.index if mark is not None else 0


def _hint(problem: str) -> str:
    for part, fix in _HINTS:
        if part in problem:
            return fix
    return "correct the YAML syntax here"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
