"""What the files of a project call by names of generated modules and handlers, and how that is renamed."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence

from handfast.codegen.evolution.scope import bindings, hints, imported_from, module_of, renaming
from handfast.codegen.evolution.splice import Edit, PythonFile
from handfast.codegen.evolution.work import Work

_REPLACE = "write what takes its place"


def refer(work: Work, wanted: Mapping[tuple[str, str], str], *, but: str = "") -> None:
    """Rename what other files import, and whatever they pass on under the same name."""
    todo = dict(wanted)
    done: set[tuple[str, str, str]] = set()
    while todo:
        (module, old), new = todo.popitem()
        for path in sorted(work.files):
            if path == but or (path, module, old) in done or not work.mentions(path, old):
                continue
            done.add((path, module, old))
            file = work.open(path)
            if file is not None and _refer_in(work, path, file, module, old, new):
                todo[(module_of(path), old)] = new


def _refer_in(work: Work, path: str, file: PythonFile, module: str, old: str, new: str) -> bool:
    """Rename in one file; tell whether the file itself now gives the name to others."""
    passed = False
    holders = _holders(file, path, module)
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        origin = imported_from(node, path)
        for alias in node.names:
            if origin != module or alias.name != old:
                continue
            start = file.span(alias)[0]
            inner = None if alias.asname else renaming(file, old, new)
            work.called[path, (module, new)] = alias.asname or (old if inner is None else new)
            if alias.asname:
                work.edit(path, Edit(start, start + len(old), new))
            elif inner is not None:
                work.edit(path, Edit(start, start + len(old), new), *inner)
                passed = True
            else:
                work.edit(path, Edit(start, start + len(old), f"{new} as {old}"))
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Attribute) and node.attr == old and ast.unparse(node.value) in holders:
            end = file.span(node)[1]
            if file.text[end - len(old) : end] == old:
                work.edit(path, Edit(end - len(old), end, new))
    for _, start, end in _in_texts(file, holders, old):
        work.edit(path, Edit(start, end, new))
    for node in _names_in_texts(file, holders, module, old):
        start, end = file.span(node)
        places = [*re.finditer(rf"\b{re.escape(old)}\b", file.text[start:end])]
        if len(places) == 1:
            work.edit(path, Edit(start + places[0].start(), start + places[0].end(), new))
    return passed


def _names_in_texts(file: PythonFile, holders: set[str], module: str, name: str) -> Iterator[ast.Constant]:
    """Texts that name a thing to whoever puts something in its place.

    With its whole path, as in `patch("module.name")`, or beside what holds it: `setattr(module, "name", …)`.
    """
    whole = f"{module}.{name}"
    for node in ast.walk(file.tree):
        match node:
            case ast.Constant(value=str(value)) if f"{value}.".startswith(f"{whole}."):
                yield node
            case ast.Call(args=[holder, ast.Constant(value=str(value)) as text, *_]) if value == name:
                if ast.unparse(holder) in holders:
                    yield text
            case _:
                pass


def _holders(file: PythonFile, path: str, module: str) -> set[str]:
    """What the file calls a module, written as Python writes it."""
    holders = {module}
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            holders.update(one.asname for one in node.names if one.asname and one.name == module)
        elif isinstance(node, ast.ImportFrom):
            origin = imported_from(node, path)
            holders.update(one.asname or one.name for one in node.names if f"{origin}.{one.name}" == module)
    return holders


def _in_texts(file: PythonFile, holders: set[str], name: str) -> Iterator[tuple[int, int, int]]:
    """Where annotations that are written as text name `module.name`: of the module, of the name, its end."""
    named = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(holders)))})\.({re.escape(name)})\b")
    texts = {
        file.span(node)
        for annotation in hints(file.tree)
        for node in ast.walk(annotation)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for start, end in sorted(texts):
        for found in named.finditer(file.text, start, end):
            yield found.start(), found.start(1), found.end()


def tell_content(work: Work, module: str, changed: Mapping[str, str]) -> None:
    """Tell which functions and classes of the handlers name a class that has other fields now."""
    for path in sorted(work.files):
        if not any(work.mentions(path, name) for name in changed):
            continue
        file = work.open(path)
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
                work.note(path, file.span(node)[0], "change", name, what, "see whether it still fits")


def stand_in(work: Work, module: str, gone: Iterable[str]) -> None:
    """Let names that the contract lost mean `Any`, so that what was written with them still imports."""
    names = set(gone)
    for path in sorted(work.files):
        if not names or not any(work.mentions(path, name) for name in names):
            continue
        file = work.open(path)
        if file is None:
            continue
        _stand_in_attributes(work, path, file, module, names)
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ImportFrom) and imported_from(node, path) == module:
                lost = [alias for alias in node.names if alias.name in names]
                if lost:
                    work.edit(path, *_stood_in(file, node, lost))
                for alias in lost:
                    what = f"the contract has `{alias.name}` no more; it stands for `Any` here"
                    at = file.span(node)[0]
                    work.note(path, at, "change", alias.name, what, _REPLACE)


def _stand_in_attributes(work: Work, path: str, file: PythonFile, module: str, gone: set[str]) -> None:
    """Tell where `module.name` is written for a lost name; in annotations, write `Any` for it.

    Those are evaluated when the module is imported; elsewhere the author's expression is left as it is.
    """
    holders = _holders(file, path, module)
    annotated = {node for one in hints(file.tree) for node in ast.walk(one)}
    written: list[tuple[int, int, str]] = [
        (start, end, name) for name in sorted(gone) for start, _, end in _in_texts(file, holders, name)
    ]
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Attribute) or node.attr not in gone:
            continue
        if ast.unparse(node.value) not in holders:
            continue
        start, end = file.span(node)
        if node in annotated:
            written.append((start, end, node.attr))
            continue
        what = f"the contract has `{node.attr}` no more, which is used here"
        work.note(path, start, "change", node.attr, what, _REPLACE)
    for start, end, name in written:
        work.edit(path, Edit(start, end, work.spell(path, ("typing", "Any"), "Any")))
        what = f"the contract has `{name}` no more; it became `Any` here"
        work.note(path, start, "change", name, what, _REPLACE)


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
