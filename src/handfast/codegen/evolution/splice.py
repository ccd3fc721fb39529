"""A Python file as bytes, places in it as offsets, and changes that leave every other byte alone."""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LINE = re.compile(r"\r\n|\r|\n")


class Unreadable(Exception):
    """A file is no Python, so nothing in it can be located; says where and why."""

    def __init__(self, line: int, why: str) -> None:
        """Take the line, from 1, and what the parser says."""
        super().__init__(why)
        self.line = line


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Text that takes the place of the characters from `start` up to `end` of a file."""

    start: int
    end: int
    text: str


class PythonFile:
    """A parsed file: `text` as it stands, line ends and all, and what encodes it."""

    def __init__(self, data: bytes) -> None:
        """Decode and parse `data`; raises `Unreadable` where either fails."""
        self.data = data
        self._mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        rest = data[len(self._mark) :]
        try:
            # Line ends are made `\n` for finding the declaration alone: it may follow a lone CR.
            named, _ = tokenize.detect_encoding(io.BytesIO(_unix(data)).readline)
            self.codec = "utf-8" if named == "utf-8-sig" else named
            self.text = rest.decode(self.codec)
            self.tree = ast.parse(_LINE.sub("\n", self.text))
        except SyntaxError as error:
            raise Unreadable(error.lineno or 1, error.msg) from error
        except (UnicodeDecodeError, ValueError) as error:
            raise Unreadable(1, str(error)) from error
        if self.text.encode(self.codec) != rest:
            raise Unreadable(1, f"its text does not come back as it was from {self.codec}")
        self.starts = [0, *(found.end() for found in _LINE.finditer(self.text))]
        found = _LINE.search(self.text)
        self.newline = found.group() if found else "\n"

    def offset(self, line: int, column: int) -> int:
        """The offset of a place as `ast` tells it: line from 1, column in bytes of UTF-8."""
        start = self.starts[line - 1]
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode())

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.alias) -> tuple[int, int]:
        """From where to where `node` stands; a decorated definition without its decorators."""
        assert node.end_lineno is not None and node.end_col_offset is not None  # noqa: S101, PT018 - parsed
        start = self.offset(node.lineno, node.col_offset)
        return start, self.offset(node.end_lineno, node.end_col_offset)

    def source(self, node: ast.expr | ast.arg) -> str:
        """The text of `node`."""
        start, end = self.span(node)
        return self.text[start:end]

    def line_of(self, offset: int) -> int:
        """The line, from 1, on which `offset` stands."""
        return len(_LINE.findall(self.text, 0, offset)) + 1

    def line_start(self, line: int) -> int:
        """The offset at which a line begins; past the last one, the end of the text."""
        return self.starts[line - 1] if line <= len(self.starts) else len(self.text)

    def line_after(self, line: int) -> int:
        """The first line, from `line` + 1, on which a statement of the module can begin."""
        for node in self.tree.body:
            if node.lineno <= line < (node.end_lineno or node.lineno):
                line = node.end_lineno or node.lineno
        return line + 1

    def tokens(self, first: int, last: int) -> Iterator[tuple[int, str, int, int]]:
        """The tokens of some whole lines: kind, text, offset of the start and of the end."""
        text = self.text[self.line_start(first) : self.line_start(last + 1)]
        reader = io.StringIO(_LINE.sub("\n", text)).readline
        try:
            for token in tokenize.generate_tokens(reader):
                start = self.line_start(first + token.start[0] - 1) + token.start[1]
                yield token.type, token.string, start, start + len(token.string)
        except (tokenize.TokenError, IndentationError):
            return  # lines taken out of their surroundings end in the middle of something

    def spliced(self, edits: Iterable[Edit]) -> bytes:
        """The file with `edits` made; raises `ValueError` unless all other bytes are what they were.

        Edits must not overlap, and must be expressible in the encoding of the file.
        """
        pieces, kept, at = [self._mark], [self._mark], 0
        for edit in sorted(edits):
            if edit.start < at:
                raise ValueError(f"two changes overlap at character {edit.start}")
            untouched = self.text[at : edit.start].encode(self.codec)
            pieces += [untouched, edit.text.encode(self.codec)]
            kept += [untouched, self.text[edit.start : edit.end].encode(self.codec)]
            at = edit.end
        rest = self.text[at:].encode(self.codec)
        if b"".join([*kept, rest]) != self.data:
            raise ValueError("bytes outside the changes would be lost")
        made = b"".join([*pieces, rest])
        PythonFile(made)
        return made


def _unix(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
