"""The import block of one generated module, and type expressions that no name in their scope can shadow."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Collection, Iterable

from handfast.codegen.ir import TypeRef

_BUILTIN_TYPES = frozenset(name for name in dir(builtins) if isinstance(getattr(builtins, name), type))
_LOCAL = "generated"


class Imports:
    """Collects what a module uses and prints its imports as `ruff check --select I` would sort them.

    `shadowed` are lower-case names that mean something else where types are written: a method `list`, a
    field `date`. Types of such a name are written with their module (`builtins.list`, `dt.date`).
    `taken` are class names that the module defines or imports itself; an import of the same name gets a
    leading underscore.
    """

    def __init__(self, *, shadowed: Collection[str] = (), taken: Collection[str] = ()) -> None:
        """Start with nothing imported."""
        self._shadowed = frozenset(shadowed)
        self._taken = frozenset(taken)
        self._modules: set[str] = set()
        self._names: dict[str, set[str]] = {}

    def name(self, module: str, name: str) -> str:
        """Import `name` from `module`; return how to write it."""
        if name in self._shadowed:
            return self._qualified(module, name)
        written = f"_{name}" if name in self._taken and module.split(".")[0] != _LOCAL else name
        self._names.setdefault(module, set()).add(name if written == name else f"{name} as {written}")
        return written

    def names(self, module: str, names: Iterable[str]) -> None:
        """Import several names that nothing shadows."""
        for name in names:
            self.name(module, name)

    def type(self, ref: TypeRef, models: str) -> str:
        """Import what `ref` needs, its classes from the module `models`; return the expression to write."""
        self.names(models, ref.models)
        renamed = {name: self.name(module, name) for module, name in sorted(ref.imports)}
        return self.expression(ref.expr, renamed)

    def expression(self, expr: str, renamed: dict[str, str] | None = None) -> str:
        """Return `expr` with names replaced as `renamed` says, and shadowed builtins written in full."""
        wanted = {old: new for old, new in (renamed or {}).items() if old != new}
        if not wanted and not (self._shadowed & _BUILTIN_TYPES):
            return expr
        rename = _Rename(wanted, self._shadowed & _BUILTIN_TYPES)
        tree = rename.visit(ast.parse(expr, mode="eval"))
        if rename.builtins:
            self._modules.add("builtins")
        return ast.unparse(tree) if rename.touched else expr

    def _qualified(self, module: str, name: str) -> str:
        # The module `datetime` would clash with a field of that name, as likely as one called `date`.
        alias = "dt" if module == "datetime" else module
        self._modules.add(f"{module} as {alias}" if alias != module else module)
        return f"{alias}.{name}"

    def block(self) -> str:
        """Return the import statements, sections apart; empty if nothing was imported."""
        sections: dict[int, list[str]] = {}
        for module in sorted(self._modules, key=str.lower):
            sections.setdefault(_section(module), []).append(f"import {module}")
        for module in sorted(self._names, key=str.lower):
            names = sorted(self._names[module], key=_member)
            plain = [name for name in names if " as " not in name]
            lines = [", ".join(plain)] if plain else []
            lines += [name for name in names if " as " in name]  # one statement each, as isort has it
            lines.sort(key=lambda line: _member(line.split(",")[0]))
            sections.setdefault(_section(module), []).extend(f"from {module} import {one}" for one in lines)
        return "\n\n".join("\n".join(sections[section]) for section in sorted(sections))


class _Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, str], builtin: Collection[str]) -> None:
        self.names = names
        self.builtin = builtin
        self.touched = False
        self.builtins = False

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace a name that something in the scope shadows."""
        if node.id in self.names:
            self.touched = True
            return ast.parse(self.names[node.id], mode="eval").body
        if node.id in self.builtin:
            self.touched = self.builtins = True
            return ast.Attribute(ast.Name("builtins", ast.Load()), node.id, ast.Load())
        return node


def _section(module: str) -> int:
    first = module.split(".")[0].split(" ")[0]
    if first == "__future__":
        return 0
    return 1 if first in sys.stdlib_module_names else 3 if first == _LOCAL else 2


def _member(name: str) -> tuple[int, tuple[tuple[int, str], ...], str]:
    """Sort as isort does: CONSTANTS, Classes, then the rest; `Load5` before `Load15`."""
    first = name.split(" ")[0]
    kind = 0 if first.isupper() and len(first) > 1 else 1 if first[:1].isupper() else 2
    pieces = re.split(r"(\d+)", first if kind == 0 else first.lower())
    return kind, tuple((int(piece), "") if piece.isdigit() else (0, piece) for piece in pieces), first
