"""The project's own files, what is to be done to each, and what its author is told of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from handfast.codegen.evolution.scope import bindings
from handfast.codegen.evolution.splice import Edit, PythonFile, Unreadable


@dataclass(frozen=True, slots=True)
class Note:
    """What was done to a function or name, or is left to do, in `file`; `line` is that of the new text."""

    file: str
    line: int
    kind: Literal["write", "change", "rename", "remove", "blocked"]
    function: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Evolved:
    """Path → new bytes of files that change, and the notes by place; `blocked` if nothing may be written."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether a file that has to change cannot be read as Python."""
        return any(note.kind == "blocked" for note in self.notes)


class Work:
    """The files, parsed when they are first asked for, and what is to be done to them."""

    def __init__(self, files: Mapping[str, bytes], width: int) -> None:
        self.files = files
        self.width = width
        self.edits: dict[str, list[Edit]] = {}
        self.rewritten: dict[str, list[tuple[int, int]]] = {}
        self.imports: dict[str, dict[tuple[str, str], str]] = {}
        self.appended: dict[str, list[str]] = {}
        self.called: dict[tuple[str, tuple[str, str]], str] = {}
        """By path and origin, what a file calls a thing that is imported there under its new name."""
        self.notes: list[tuple[Note, int | str]] = []
        self._parsed: dict[str, PythonFile | None] = {}

    def open(self, path: str) -> PythonFile | None:
        """The file; None where there is none or where it cannot be read, which is noted."""
        if path not in self._parsed:
            self._parsed[path] = None
            if path in self.files:
                try:
                    self._parsed[path] = PythonFile(self.files[path])
                except Unreadable as error:
                    what = f"the contract's change cannot reach this file, which is no Python: {error}"
                    note = Note(
                        path, error.line, "blocked", "", what, "mend it, then run `handfast generate`"
                    )
                    self.notes.append((note, error.line))
        return self._parsed[path]

    def edit(self, path: str, *edits: Edit) -> None:
        """Add splices to what is to be done to a file."""
        self.edits.setdefault(path, []).extend(edits)

    def note(
        self,
        path: str,
        at: int | str,
        kind: Literal["write", "change", "rename", "remove"],
        name: str,
        what: str,
        fix: str,
    ) -> None:
        """Note something at an offset of the old text, or at the definition of a name in the new one."""
        self.notes.append((Note(path, 1, kind, name, what, fix), at))

    def spell(self, path: str, origin: tuple[str, str], wanted: str) -> str:
        """How the thing that `origin` names is written in a file; it is imported if it is not yet."""
        if (path, origin) in self.called:
            return self.called[path, origin]
        module, name = origin
        file = self.open(path)
        bound = {} if file is None else bindings(file.tree, path)
        for local, ones in bound.items():
            if len(ones) != 1 or ones[0].conditional:
                continue
            if ones[0].origin == origin:
                return local
            if name and ones[0].origin == (module, ""):
                return f"{local}.{name}"
        asked = self.imports.setdefault(path, {})
        if origin not in asked:
            taken = {*bound, *asked.values()}
            local = wanted
            while local in taken:
                local = f"_{local}"
            asked[origin] = local
        return asked[origin]

    def mentions(self, path: str, name: str) -> bool:
        """Whether the name stands in the file at all, as code or otherwise."""
        return name.encode() in self.files[path]

    def done(self) -> Evolved:
        """Carry everything out; where a file cannot be read or written in its encoding, nothing."""
        made: dict[str, bytes] = {}
        blocked = [note for note, _ in self.notes if note.kind == "blocked"]
        if blocked and (self.edits or self.imports or self.appended):
            return Evolved({}, tuple(blocked))
        finished: dict[str, tuple[PythonFile, list[Edit]]] = {}
        for path in sorted({*self.edits, *self.appended, *self.imports}):
            file = self.open(path) or PythonFile(b"")
            edits = self._all_edits(path, file)
            try:
                new = file.spliced(edits)
            except (ValueError, Unreadable) as error:
                note = Note(
                    path, 1, "blocked", "", f"the change cannot be made here: {error}", "make it by hand"
                )
                return Evolved({}, (note,))
            if new != self.files.get(path):
                made[path] = new
            finished[path] = (file, edits)
        notes = []
        for note, at in self.notes:
            line = (
                at
                if note.kind == "blocked" and isinstance(at, int)
                else self._line(note.file, at, finished, made)
            )
            notes.append(Note(note.file, line, note.kind, note.function, note.what, note.fix))
        return Evolved(made, tuple(sorted(notes, key=lambda note: (note.file, note.line, note.function))))

    def _all_edits(self, path: str, file: PythonFile) -> list[Edit]:
        spans = self.rewritten.get(path, [])
        edits = [
            edit
            for edit in dict.fromkeys(self.edits.get(path, []))
            if not any(
                start < edit.end and edit.start < end and (edit.start, edit.end) != (start, end)
                for start, end in spans
            )
        ]
        lines = [
            f"from {module} import {name}{f' as {local}' if local != name else ''}"
            if name
            else f"import {module}{f' as {local}' if local != module else ''}"
            for (module, name), local in sorted(self.imports.get(path, {}).items())
        ]
        end = file.newline
        if lines:
            edits.append(_import_edit(file, "".join(f"{line}\n" for line in lines)))
        if path in self.appended:
            gap = "" if not file.text or file.text.endswith(("\n", "\r")) else "\n"
            text = "".join(f"\n\n{function}" for function in self.appended[path])
            edits.append(Edit(len(file.text), len(file.text), gap + text))
        merged: dict[tuple[int, int], str] = {}
        for edit in edits:
            text = edit.text.replace("\n", end)
            if edit.start == edit.end:
                text = merged.get((edit.start, edit.end), "") + text
            merged[(edit.start, edit.end)] = text
        return [Edit(start, stop, _encodable(text, file.codec)) for (start, stop), text in merged.items()]

    def _line(
        self,
        path: str,
        at: int | str,
        finished: Mapping[str, tuple[PythonFile, list[Edit]]],
        made: Mapping[str, bytes],
    ) -> int:
        if isinstance(at, str):
            data = made.get(path, self.files.get(path, b""))
            for node in PythonFile(data).tree.body:
                if isinstance(node, ast.AsyncFunctionDef) and node.name == at:
                    return node.lineno
            return 1
        known = finished.get(path)
        file = known[0] if known else self.open(path)
        if file is None:
            return 1
        more = sum(
            len(re.findall(r"\r\n|\r|\n", edit.text))
            - len(re.findall(r"\r\n|\r|\n", file.text[edit.start : edit.end]))
            for edit in (known[1] if known else [])
            if edit.end <= at
        )
        return file.line_of(at) + more


def _import_edit(file: PythonFile, text: str) -> Edit:
    """Put import statements after the last unconditional one at the top, or after the docstring."""
    line = 0
    for index, node in enumerate(file.tree.body):
        doc = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Import | ast.ImportFrom) or doc:
            line = node.end_lineno or node.lineno
    if line == 0:
        first = file.tree.body[0] if file.tree.body else None
        line = (
            0
            if first is None
            else min([first.lineno, *(one.lineno for one in getattr(first, "decorator_list", []))]) - 1
        )
    line = file.line_after(line)
    if line > len(file.starts):
        return Edit(len(file.text), len(file.text), f"\n{text}" if file.text else text)
    at = file.line_start(line)
    return Edit(at, at, text)


def _encodable(text: str, codec: str) -> str:
    return text.encode(codec, "replace").decode(codec)
