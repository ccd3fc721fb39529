"""Files, the previous generated texts and the new ones → new bytes of the files, and notes for the author.

Pure: the caller reads and writes. What the previous contract was, the generated texts on the disk say.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from handfast.codegen.evolution.protocol import (
    Method,
    Protocol,
    changed_classes,
    exported,
    read,
    renamed_classes,
    shape,
)
from handfast.codegen.evolution.scope import Bound, bindings, imported_from, module_of, renaming
from handfast.codegen.evolution.signature import difference, name_of, span_of, written
from handfast.codegen.evolution.splice import Edit, PythonFile, Unreadable

MARK = "# Set aside by handfast:"
"""How the line begins that stands above a function whose operation is gone."""
_GENERATED = ("models", "errors", "handler")


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


def evolve(
    files: Mapping[str, bytes],
    features: Sequence[str],
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    width: int = 88,
) -> Evolved:
    """Fit the handlers of `features` to the generated texts `after`, which were `before`.

    `files` are the project's own Python files, below `handlers/` and `tests/`; the paths of all three are
    relative to the project.
    """
    work = _Work(files, width)
    for feature in features:
        _Feature(work, feature, before, after).run()
    return work.done()


class _Work:
    """The files, parsed when they are first asked for, and what is to be done to them."""

    def __init__(self, files: Mapping[str, bytes], width: int) -> None:
        self.files = files
        self.width = width
        self.edits: dict[str, list[Edit]] = {}
        self.rewritten: dict[str, list[tuple[int, int]]] = {}
        self.imports: dict[str, dict[tuple[str, str], str]] = {}
        self.appended: dict[str, list[str]] = {}
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


class _Feature:
    """One feature between two generations."""

    def __init__(
        self, work: _Work, feature: str, before: Mapping[str, str], after: Mapping[str, str]
    ) -> None:
        self.work = work
        self.feature = feature
        place = f"generated/{feature}"
        self.texts = {
            name: (before.get(f"{place}/{name}.py", ""), after.get(f"{place}/{name}.py", ""))
            for name in _GENERATED
        }
        old, new = self.texts["handler"]
        self.before: Protocol = read(old, f"generated.{feature}.handler")
        self.after: Protocol = read(new, f"generated.{feature}.handler")
        package, single = f"handlers/{feature}/operations.py", f"handlers/{feature}.py"
        self.path = single if package not in work.files and single in work.files else package

    def run(self) -> None:
        """Look at every name and operation that changed."""
        classes: dict[str, str] = {}
        for module, (old, new) in self.texts.items():
            if old and old != new:
                pairs = renamed_classes(old, new)
                classes |= pairs
                self._refer({(f"generated.{self.feature}.{module}", was): now for was, now in pairs.items()})
                gone = set(exported(old)) - set(exported(new)) - set(pairs) - {"Handler"}
                self._stand_in(f"generated.{self.feature}.{module}", gone)
                self._tell_content(f"generated.{self.feature}.{module}", changed_classes(old, new))
        file = self.work.open(self.path)
        if self.path in self.work.files and file is None:
            return
        if file is None and not any(path.startswith("handlers/") for path in self.work.files):
            return  # a project that keeps its handlers elsewhere
        top = {} if file is None else bindings(file.tree, self.path)
        if "*" in top:
            return
        renames = self._renames(top)
        for name, method in self.after.methods.items():
            was = renames.get(name, name)
            old_method = self.before.methods.get(was)
            if was != name and old_method is not None:
                self._rename(was, name, method)
            if was not in top:
                self._append(method)
            elif old_method is not None:
                self._fit(was, method, old_method, classes)
            else:
                self._take_back(name, method)
        gone_operations = self.before.methods.keys() - self.after.methods.keys() - set(renames.values())
        for name in sorted(gone_operations & top.keys()):
            self._set_aside(name, self.before.methods[name])

    def _renames(self, top: Mapping[str, list[Bound]]) -> dict[str, str]:
        """New → old name of each operation that kept its method and path."""
        routes = {method.route: name for name, method in self.before.methods.items() if method.route}
        found = {}
        for name, method in self.after.methods.items():
            was = routes.get(method.route)
            if was and was != name and was in top and name not in top and was not in self.after.methods:
                found[name] = was
        return found

    # --- operations --------------------------------------------------------------------------------

    def _definition(self, name: str) -> tuple[str, list[Bound], list[str]]:
        """The file that defines the function, its definitions there, and the modules that lead to it."""
        path, modules, seen = self.path, [], set()
        while path not in seen:
            seen.add(path)
            modules.append(module_of(path))
            file = self.work.open(path)
            bound = [] if file is None else bindings(file.tree, path).get(name, [])
            if len(bound) != 1 or bound[0].origin is None or bound[0].origin[1] != name:
                return path, bound, modules
            base = bound[0].origin[0].replace(".", "/")
            step = next(
                (one for one in (f"{base}.py", f"{base}/__init__.py") if one in self.work.files), None
            )
            if step is None:
                return path, bound, modules
            path = step
        return path, [], modules

    def _by_hand(self, bound: Sequence[Bound]) -> str:
        """Why a definition is not rewritten; empty where it can be."""
        if len(bound) != 1:
            return "it is defined more than once"
        one = bound[0]
        if one.conditional:
            return "its definition is conditional"
        if not isinstance(one.node, ast.AsyncFunctionDef):
            return "it is no plain `async def`"
        if one.node.decorator_list:
            return "its decorator hides what it takes"
        if one.node.args.vararg or one.node.args.kwarg or one.node.args.posonlyargs:
            return "it takes its arguments in a way of its own"
        return ""

    def _fit(self, name: str, method: Method, old: Method, classes: Mapping[str, str]) -> None:
        was = re.sub(r"\bid='(\w+)'", lambda found: f"id='{classes.get(found[1], found[1])}'", old.shape)
        if was == method.shape:
            return
        said = difference(old, method)
        path, bound, _ = self._definition(name)
        reason = self._by_hand(bound)
        if reason:
            at = self._offset(path, bound)
            what = f"the contract changed the signature of `{name}`, and {reason}: {said}"
            self.work.note(path, at, "change", method.name, what, f"{_line_of(method)}  ({method.place})")
            return
        self._rewrite(path, bound[0].node, method, old, said)

    def _rewrite(self, path: str, node: ast.stmt, method: Method, old: Method | None, said: str) -> None:
        file = self.work.open(path)
        if file is None or not isinstance(node, ast.AsyncFunctionDef):
            return
        if shape(node) == method.shape and not _foreign(file, path, method, self.after):
            return
        known = {one.arg for one in (*old.node.args.args, *old.node.args.kwonlyargs)} if old else set()
        known |= {one.arg for one in (*method.node.args.args, *method.node.args.kwonlyargs)}
        extra = _own_parameters(file, node, known)
        text = written(method, method.name, self._speller(path), extra, width=self.work.width)
        span = span_of(file, node)
        self.work.rewritten.setdefault(path, []).append((span.start, span.end))
        self.work.edit(path, Edit(span.start, span.end, text))
        if span.comments:
            at = file.line_start(node.lineno)
            self.work.edit(path, Edit(at, at, "".join(f"{comment}\n" for comment in span.comments)))
        what = f"the contract changed the signature of `{method.name}`, which was rewritten: {said}"
        lost = _lost(node, method)
        if lost:
            what += f"; its body uses {', '.join(f'`{name}`' for name in lost)}"
        self.work.note(
            path, method.name, "change", method.name, what, f"{_line_of(method)}  ({method.place})"
        )

    def _append(self, method: Method) -> None:
        path = self.path
        spell = self._speller(path)
        signature = written(method, method.name, spell, (), width=self.work.width)
        body = f"    {method.doc_source}\n" if method.doc_source else ""
        raised = spell("NotWritten")
        function = f"async def {method.name}{signature}:\n{body}    raise {raised}\n"
        if path not in self.work.files and path not in self.work.appended:
            self.work.edit(path, Edit(0, 0, f'"""The operations of `{self.feature}`."""\n\n'))
            package = f"handlers/{self.feature}/__init__.py"
            if package not in self.work.files:
                self.work.edit(package, Edit(0, 0, f'"""The handlers of `{self.feature}`."""\n'))
        self.work.appended.setdefault(path, []).append(function)
        file = self.work.open(path)
        if file is not None:
            self.work.edit(path, *_exported_too(file, method.name))
        what = f"`{method.name}` is still to be written: a stub was added"
        self.work.note(path, method.name, "write", method.name, what, f"{_line_of(method)}  ({method.place})")

    def _set_aside(self, name: str, method: Method) -> None:
        path, bound, _ = self._definition(name)
        file = self.work.open(path)
        if file is None:
            return
        for one in bound:
            decorators = getattr(one.node, "decorator_list", [])
            line = min([one.node.lineno, *(decorator.lineno for decorator in decorators)])
            at = file.line_start(line)
            indent = re.match(r"[ \t\f]*", file.text[at:])
            space = indent.group() if indent else ""
            if one.node.lineno == line and file.span(one.node)[0] != at + len(space):
                continue  # it shares its line with another statement
            route = method.route or f"the operation `{name}`"
            mark = f"{space}{MARK} the contract has {route} no more (it stood at {method.place}).\n"
            self.work.edit(path, Edit(at, at, mark))
        what = f"no operation claims `{name}` any more; it was set aside where it stands"
        at = self._offset(path, bound)
        self.work.note(
            path, at, "remove", name, what, "remove it, or make its name private, once nothing needs it"
        )

    def _take_back(self, name: str, method: Method) -> None:
        """An operation came whose function is there: if it was set aside, that ends."""
        path, bound, _ = self._definition(name)
        file = self.work.open(path)
        if file is None or len(bound) != 1:
            return
        node = bound[0].node
        line = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        if line < 2:
            return
        start, end = file.line_start(line - 1), file.line_start(line)
        if not file.text[start:end].strip().startswith(MARK):
            return
        self.work.edit(path, Edit(start, end, ""))
        if not self._by_hand(bound):
            self._rewrite(path, node, method, None, "the operation is back")

    def _rename(self, old: str, new: str, method: Method) -> None:
        path, bound, modules = self._definition(old)
        file = self.work.open(path)
        at = self._offset(path, bound)
        inner = None if file is None else renaming(file, old, new)
        fix = f"{_line_of(method)}  ({method.place})"
        if (
            file is None
            or inner is None
            or len(bound) != 1
            or not isinstance(bound[0].node, ast.FunctionDef | ast.AsyncFunctionDef)
        ):
            what = f"the operation `{old}` is called `{new}` now, and the function cannot be renamed safely"
            self.work.note(path, at, "rename", new, what, fix)
            return
        start = name_of(file, bound[0].node, old)
        self.work.edit(path, Edit(start, start + len(old), new), *inner)
        self._refer({(module, old): new for module in modules}, but=path)
        what = f"the operation `{old}` is called `{new}` now; the function was renamed, and where it is named"
        self.work.note(path, new, "rename", new, what, fix)

    def _offset(self, path: str, bound: Sequence[Bound]) -> int:
        file = self.work.open(path)
        return file.span(bound[0].node)[0] if file is not None and bound else 0

    def _speller(self, path: str) -> _Speller:
        return _Speller(self.work, path, self.after)

    # --- references --------------------------------------------------------------------------------

    def _refer(self, wanted: Mapping[tuple[str, str], str], *, but: str = "") -> None:
        """Rename what other files import, and whatever they pass on under the same name."""
        todo = dict(wanted)
        done: set[tuple[str, str, str]] = set()
        while todo:
            (module, old), new = todo.popitem()
            for path in sorted(self.work.files):
                if path == but or (path, module, old) in done or not self._mentions(path, old):
                    continue
                done.add((path, module, old))
                file = self.work.open(path)
                if file is not None and self._refer_in(path, file, module, old, new):
                    todo[(module_of(path), old)] = new

    def _mentions(self, path: str, name: str) -> bool:
        return name.encode() in self.work.files[path]

    def _refer_in(self, path: str, file: PythonFile, module: str, old: str, new: str) -> bool:
        """Rename in one file; tell whether the file itself now gives the name to others."""
        passed = False
        holders: set[str] = {module}
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Import):
                holders.update(one.asname for one in node.names if one.asname and one.name == module)
            if not isinstance(node, ast.ImportFrom):
                continue
            origin = imported_from(node, path)
            for alias in node.names:
                if f"{origin}.{alias.name}" == module:
                    holders.add(alias.asname or alias.name)
                if origin != module or alias.name != old:
                    continue
                start = file.span(alias)[0]
                inner = None if alias.asname else renaming(file, old, new)
                if alias.asname:
                    self.work.edit(path, Edit(start, start + len(old), new))
                elif inner is not None:
                    self.work.edit(path, Edit(start, start + len(old), new), *inner)
                    passed = True
                else:
                    self.work.edit(path, Edit(start, start + len(old), f"{new} as {old}"))
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Attribute) and node.attr == old and ast.unparse(node.value) in holders:
                end = file.span(node)[1]
                if file.text[end - len(old) : end] == old:
                    self.work.edit(path, Edit(end - len(old), end, new))
        return passed

    def _tell_content(self, module: str, changed: Mapping[str, str]) -> None:
        """Tell which functions and classes of the handlers name a class that has other fields now."""
        for path in sorted(self.work.files):
            if not any(self._mentions(path, name) for name in changed):
                continue
            file = self.work.open(path)
            if file is None:
                continue
            bound = bindings(file.tree, path)
            local = {
                spelt: one.origin[1]
                for spelt, ones in bound.items()
                for one in ones
                if one.origin and one.origin[0] == module and one.origin[1] in changed
            }
            told: set[tuple[str, str]] = set()
            for statement in file.tree.body:
                for node in ast.walk(statement):
                    if not isinstance(node, ast.Name) or node.id not in local:
                        continue
                    holder = getattr(statement, "name", "") or f"{node.lineno}"
                    if (holder, node.id) in told:
                        continue
                    told.add((holder, node.id))
                    name = local[node.id]
                    what = f"the contract changed `{name}`, which is used here: {changed[name]}"
                    self.work.note(
                        path, file.span(node)[0], "change", name, what, "see whether it still fits"
                    )

    def _stand_in(self, module: str, gone: Iterable[str]) -> None:
        """Let names that the contract lost mean `Any`, so that what was written with them still imports."""
        names = set(gone)
        for path in sorted(self.work.files):
            if not names or not any(self._mentions(path, name) for name in names):
                continue
            file = self.work.open(path)
            if file is None:
                continue
            for node in ast.walk(file.tree):
                if isinstance(node, ast.ImportFrom) and imported_from(node, path) == module:
                    lost = [alias for alias in node.names if alias.name in names]
                    if lost:
                        self.work.edit(path, *_stood_in(file, node, lost))
                    for alias in lost:
                        what = f"the contract has `{alias.name}` no more; it stands for `Any` here"
                        at = file.span(node)[0]
                        self.work.note(path, at, "change", alias.name, what, "write what takes its place")


class _Speller:
    """How names of a protocol are written in one file."""

    def __init__(self, work: _Work, path: str, protocol: Protocol) -> None:
        self.work, self.path, self.protocol = work, path, protocol

    def __call__(self, name: str) -> str:
        """The name, imported if need be; builtins as they are."""
        origin = self.protocol.origins.get(name)
        if origin is None and name == "NotWritten":
            origin = ("handfast.runtime", "NotWritten")
        return name if origin is None else self.work.spell(self.path, origin, name)


def _foreign(file: PythonFile, path: str, method: Method, protocol: Protocol) -> bool:
    """Whether a name of the signature means something else in the file, or nothing."""
    bound = bindings(file.tree, path)
    used = {one.id for one in ast.walk(method.node.args) if isinstance(one, ast.Name)}
    if method.node.returns:
        used |= {one.id for one in ast.walk(method.node.returns) if isinstance(one, ast.Name)}
    return any(
        [one.origin for one in bound.get(name, [])] != [protocol.origins[name]]
        for name in used & protocol.origins.keys()
    )


def _own_parameters(file: PythonFile, node: ast.AsyncFunctionDef, known: set[str]) -> list[str]:
    """Parameters with a default that the author added to those of the contract, as they are written."""
    arguments = node.args
    ordinary = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    pairs = [*zip(ordinary, arguments.defaults, strict=True)]
    pairs += [
        (one, default)
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
    return [
        f"{ast.unparse(one)}{' = ' if one.annotation else '='}{ast.unparse(default)}"
        for one, default in pairs
        if one.arg not in known
    ]


def _exported_too(file: PythonFile, name: str) -> list[Edit]:
    """Put `name` into the list or tuple `__all__`; type checkers do not see what it leaves out."""
    for node in file.tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="__all__")], value=ast.List(elts=[*_, last]) | ast.Tuple(elts=[*_, last])
            ):
                end = file.span(last)[1]
                return [Edit(end, end, f', "{name}"')]
            case _:
                pass
    return []


def _lost(node: ast.AsyncFunctionDef, method: Method) -> list[str]:
    """Old parameters that the body still uses."""
    wanted = {one.arg for one in (*method.node.args.args, *method.node.args.kwonlyargs)}
    old = [one.arg for one in (*node.args.args, *node.args.kwonlyargs) if one.arg not in wanted]
    used = {one.id for statement in node.body for one in ast.walk(statement) if isinstance(one, ast.Name)}
    return [name for name in old if name in used]


def _line_of(method: Method) -> str:
    return f"async def {method.name}{written(method, method.name, str, (), width=10_000)}"


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


def _stood_in(file: PythonFile, node: ast.ImportFrom, lost: Sequence[ast.alias]) -> list[Edit]:
    """Take names out of an import and import `Any` for them; comments between them stay."""
    first, end = file.span(node)
    tokens = [
        one for one in file.tokens(node.lineno, node.end_lineno or node.lineno) if first <= one[2] < end
    ]
    imported = [f"Any as {alias.asname or alias.name}" for alias in lost]
    if len(lost) == len(node.names):
        keyword = next(index for index, one in enumerate(tokens) if one[1] == "import")
        module = Edit(tokens[1][2], tokens[keyword - 1][3], "typing")
        return [module, *(Edit(*file.span(alias), text) for alias, text in zip(lost, imported, strict=True))]
    commas = [one[2] for one in tokens if one[0] == tokenize.OP and one[1] == ","]
    last_kept = max(index for index, alias in enumerate(node.names) if alias not in lost)
    edits = []
    for index, alias in enumerate(node.names):
        if alias in lost:
            comma = commas[index if index < last_kept else index - 1]
            edits += [Edit(*file.span(alias), ""), Edit(comma, comma + 1, "")]
    statement = f"from typing import {', '.join(imported)}"
    start = file.line_start(node.lineno)
    indent = file.text[start:first]
    if indent.strip():
        return [*edits, Edit(end, end, f"; {statement}")]
    line = node.end_lineno or node.lineno
    if line >= len(file.starts):
        return [*edits, Edit(len(file.text), len(file.text), f"\n{indent}{statement}")]
    at = file.line_start(line + 1)
    return [*edits, Edit(at, at, f"{indent}{statement}\n")]


def _encodable(text: str, codec: str) -> str:
    return text.encode(codec, "replace").decode(codec)
