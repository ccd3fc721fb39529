"""What names of a module mean: where they are bound at its top, and what is imported under which name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from handfast.codegen.evolution.splice import Edit, PythonFile


@dataclass(frozen=True, slots=True)
class Bound:
    """One statement that gives a name a meaning; `conditional` where it stands below an `if`, `try`."""

    node: ast.stmt
    conditional: bool
    origin: tuple[str, str] | None = None
    """(module, name there) of an import."""


def module_of(path: str) -> str:
    """The dotted name of the module in `path`, which is relative to the project."""
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_from(node: ast.ImportFrom, path: str) -> str:
    """The absolute module that `node`, in the file `path`, imports from."""
    if not node.level:
        return node.module or ""
    package = path.removesuffix(".py").split("/")[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def bindings(tree: ast.Module, path: str) -> dict[str, list[Bound]]:
    """Name → every statement at module level that binds it, conditional ones too; `*` for star imports."""
    found: dict[str, list[Bound]] = {}
    for node, conditional in _statements(tree.body, conditional=False):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.setdefault(node.name, []).append(Bound(node, conditional))
            case ast.ImportFrom():
                module = imported_from(node, path)
                for alias in node.names:
                    bound = Bound(node, conditional, (module, alias.name))
                    found.setdefault(alias.asname or alias.name, []).append(bound)
            case ast.Import():
                for alias in node.names:
                    name = alias.asname or alias.name.split(".")[0]
                    origin = (alias.name if alias.asname else name, "")
                    found.setdefault(name, []).append(Bound(node, conditional, origin))
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for one in (one for target in targets for one in ast.walk(target)):
                    if isinstance(one, ast.Name):
                        found.setdefault(one.id, []).append(Bound(node, conditional))
            case _:
                pass
    return found


def _statements(body: list[ast.stmt], *, conditional: bool) -> Iterator[tuple[ast.stmt, bool]]:
    for node in body:
        yield node, conditional
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                yield from _statements([child], conditional=True)
            elif isinstance(child, ast.ExceptHandler | ast.match_case):
                yield from _statements(child.body, conditional=True)


def hints(tree: ast.Module) -> Iterator[ast.expr]:
    """Every annotation in the file: of parameters, results and variables."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(returns=ast.expr() as one) | ast.AsyncFunctionDef(returns=ast.expr() as one):
                yield one
            case ast.arg(annotation=ast.expr() as one) | ast.AnnAssign(annotation=one):
                yield one
            case _:
                pass


def bound_anywhere(tree: ast.Module) -> list[str]:
    """Every name that anything in the file binds, at whatever depth, once for each time."""
    names: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                names.append(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.append(name)
            case ast.alias():
                names.append(node.asname or node.name.split(".")[0])
            case ast.ExceptHandler(name=str(name)):
                names.append(name)
            case _:
                pass
    return names


def renaming(file: PythonFile, old: str, new: str) -> list[Edit] | None:
    """The edits that rename the one meaning of `old` in the file, its binding aside; None if unsafe.

    It is unsafe where `new` is taken, where `old` is bound more than once, or where a text of one word
    names it that is neither an annotation, which is renamed too, nor a docstring: `cast("old", one)`.
    """
    bound = bound_anywhere(file.tree)
    if new in bound or bound.count(old) != 1:
        return None
    exports = [
        constant
        for node in file.tree.body
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        and "__all__" in {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        for constant in ast.walk(node)
        if isinstance(constant, ast.Constant)
    ]
    written = {node for one in hints(file.tree) for node in ast.walk(one)}
    plain = {node.value for node in ast.walk(file.tree) if isinstance(node, ast.Expr)}
    word = re.compile(rf"(?<![\w.]){re.escape(old)}\b")
    edits: list[Edit] = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Name) and node.id == old:
            start, end = file.span(node)
            if file.text[start:end] != old:
                return None  # inside an f-string, where older versions of Python tell no places
            edits.append(Edit(start, end, new))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node in exports and node.value == old:
                start, end = file.span(node)
                edits.append(Edit(start, end, file.text[start:end].replace(old, new)))
            elif node in written:
                start, end = file.span(node)
                edits += [Edit(*one.span(), new) for one in word.finditer(file.text, start, end)]
            elif node not in plain and not re.search(r"\s", node.value) and word.search(node.value):
                return None
    return edits
