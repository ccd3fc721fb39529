"""JSON text → positioned values; libyaml refuses some legal JSON (escaped surrogate pairs, long keys)."""

from __future__ import annotations

import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in the stubs; stable since 3.1

from handfast.codegen.ir import Finding
from handfast.codegen.source import Map, Node, Seq, TextFile

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS: dict[str, tuple[str, bool | None]] = {"n": ("null", None), "t": ("true", True), "f": ("false", False)}


class JsonFault(Exception):
    """Text that is not JSON, or that is, and cannot be read for another reason: `code` says which."""

    def __init__(self, offset: int, what: str, fix: str, *, code: str = "not-json") -> None:
        super().__init__(what)
        self.offset = offset
        self.code = code
        self.what = f"not JSON: {what}" if code == "not-json" else what
        self.fix = fix


def parse_json(text: str, file: TextFile, max_depth: int) -> tuple[Node, list[Finding]]:
    """Return the value of `text` and what is wrong with it short of the syntax; raises `JsonFault`."""
    reader = _Reader(text, file, max_depth)
    return reader.document(), reader.findings


class _Reader:
    def __init__(self, text: str, file: TextFile, max_depth: int) -> None:
        self.text = text
        self.file = file
        self.max_depth = max_depth
        self.findings: list[Finding] = []

    def skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def document(self) -> Node:
        value, at = self.value(self.skip(0), 0)
        at = self.skip(at)
        if at < len(self.text):
            raise JsonFault(at, "there is text after the end of the value", "remove it")
        return value

    def value(self, at: int, depth: int) -> tuple[Node, int]:
        first = self.text[at : at + 1]
        if first == '"':
            return self.string(at)
        if first == "{":
            return self.mapping(at, depth)
        if first == "[":
            return self.sequence(at, depth)
        if first in _WORDS and first:
            word, value = _WORDS[first]
            if self.text.startswith(word, at):
                return value, at + len(word)
        number = _NUMBER.match(self.text, at)
        if number:
            return self.number(number), number.end()
        raise JsonFault(at, "a value is due here", "write a value, or remove a surplus comma")

    def number(self, match: re.Match[str]) -> int | float:
        text = match.group()
        if match.group(1) is None and match.group(2) is None and len(text) <= 1000:
            return int(text)
        number = float(text)
        if number in (float("inf"), float("-inf")):
            what = f"the number {text[:40]} is too large"
            raise JsonFault(match.start(), what, "write a smaller number", code="huge-number")
        return number

    def string(self, at: int) -> tuple[str, int]:
        try:
            value, end = scanstring(self.text, at + 1, True)
        except JSONDecodeError as error:
            raise JsonFault(
                error.pos, error.msg[:1].lower() + error.msg[1:], "correct the text in quotes"
            ) from None
        if _SURROGATE.search(value):
            raise JsonFault(
                at, "the text holds half of a surrogate pair", "write both halves, or the character itself"
            )
        return value, end

    def deeper(self, at: int, depth: int) -> int:
        if depth >= self.max_depth:
            what = f"mappings and lists nest deeper than {self.max_depth}"
            fix = "move inner parts to components and refer to them"
            raise JsonFault(at, what, fix, code="too-deep")
        return depth + 1

    def mapping(self, start: int, depth: int) -> tuple[Map, int]:
        depth = self.deeper(start, depth)
        node = Map(self.file, start)
        at = self.skip(start + 1)
        if self.text[at : at + 1] == "}":
            return node, at + 1
        while True:
            if self.text[at : at + 1] != '"':
                raise JsonFault(
                    at, "a key in double quotes is due here", "write the key, or remove a surplus comma"
                )
            key_at = at
            key, at = self.string(at)
            at = self.skip(at)
            if self.text[at : at + 1] != ":":
                raise JsonFault(at, "`:` is due after a key", "write `:`")
            value_at = self.skip(at + 1)
            value, at = self.value(value_at, depth)
            if key in node:
                line = node.key_source(key).line
                what = f"the key `{key[:60]}` is already given at line {line}"
                finding = Finding(self.file.source(key_at), "duplicate-key", what, "keep one of the two")
                self.findings.append(finding)
            else:
                node.put(key, value, key_at, value_at)
            at = self.skip(at)
            mark = self.text[at : at + 1]
            if mark == "}":
                return node, at + 1
            if mark != ",":
                raise JsonFault(
                    at, "`,` or `}` is due here", "separate entries by commas and close the brace"
                )
            at = self.skip(at + 1)

    def sequence(self, start: int, depth: int) -> tuple[Seq, int]:
        depth = self.deeper(start, depth)
        node = Seq(self.file, start)
        at = self.skip(start + 1)
        if self.text[at : at + 1] == "]":
            return node, at + 1
        while True:
            value, end = self.value(at, depth)
            node.put(value, at)
            at = self.skip(end)
            mark = self.text[at : at + 1]
            if mark == "]":
                return node, at + 1
            if mark != ",":
                raise JsonFault(
                    at, "`,` or `]` is due here", "separate items by commas and close the bracket"
                )
            at = self.skip(at + 1)
