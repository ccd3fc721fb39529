"""Which tables a handler function can touch, and what isolates them, told from the text of a project's files.

Nothing is imported and no database is asked. What a function does with names alone is seen, through every
function of `handlers/` that it calls; what is put together at run time is not, and is said to be unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

_HIDDEN = {
    "session": "statements of `ctx.db.session()` are not looked at",
    "getattr": "names that are looked up at run time are not known",
}
_UNDONE = {
    "disable_row_security": "enable_row_security",
    "disable_sharing": "enable_sharing",
    "forbid_elevation": "allow_elevation",
    "drop_users": "create_users",
    "drop_table": "",
}
"""Operation of a migration → the one that it takes back; an empty text is everything about the table."""
_POLICIES = frozenset(("enable_row_security", "enable_sharing", "allow_elevation", "create_users"))


@dataclass(frozen=True, slots=True, order=True)
class Table:
    """A table class of the project."""

    table: str
    name: str
    file: str
    line: int
    owner: str | None
    """The column that names the owner of a row; None where every row is everybody's."""
    shared_by: str | None


@dataclass(frozen=True, slots=True, order=True)
class Policy:
    """What a migration does to isolate a table."""

    table: str
    text: str
    file: str
    line: int


@dataclass(slots=True)
class Touched:
    """What a function can touch, as far as it can be told."""

    tables: list[Table] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def touched(root: Path, file: str, function: str) -> Touched:
    """Return what the function of the module `file` can touch."""
    code = _Code(root)
    names, unknown = code.uses(file, function)
    tables = sorted(code.tables[name] for name in names if name in code.tables)
    wanted = {table.table for table in tables} | {table.shared_by for table in tables if table.shared_by}
    policies, more = _policies(root)
    unknown |= more
    return Touched(tables, [policy for policy in policies if policy.table in wanted], sorted(unknown))


@dataclass(slots=True)
class _Module:
    """A module of `handlers/`: what it defines, and what its names come from."""

    file: str
    tree: ast.Module
    defined: dict[str, ast.stmt] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name → (module, name in it; empty where the name is the module)."""


class _Code:
    """The modules of `handlers/`, each parsed once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.parsed: dict[str, _Module | None] = {}

    @cached_property
    def tables(self) -> Mapping[tuple[str, str], Table]:
        """(file, class) → table."""
        found = {}
        for path in sorted((self.root / "handlers").rglob("*.py")):
            module = self.module(path.relative_to(self.root).as_posix())
            for node in module.tree.body if module is not None else ():
                if module is not None and isinstance(node, ast.ClassDef) and _is_table(node):
                    found[module.file, node.name] = _table(node, module.file)
        return found

    def module(self, file: str) -> _Module | None:
        if file not in self.parsed:
            try:
                tree = ast.parse((self.root / file).read_text(encoding="utf-8"))
                self.parsed[file] = _read(file, tree)
            except (OSError, SyntaxError, ValueError):
                self.parsed[file] = None
        return self.parsed[file]

    def file_of(self, name: str) -> str | None:
        """Return the file of the module called `name`, if it is one of the project's handlers."""
        path = name.replace(".", "/")
        if not path.startswith("handlers"):
            return None
        for file in (f"{path}.py", f"{path}/__init__.py"):
            if (self.root / file).is_file():
                return file
        return None

    def uses(self, file: str, function: str) -> tuple[set[tuple[str, str]], set[str]]:
        """Return (file, name) of everything of `handlers/` that a function leads to, and what hides more."""
        seen: set[tuple[str, str]] = set()
        unknown: set[str] = set()
        waiting = [(file, function)]
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            module = self.module(one[0])
            if module is None:
                unknown.add(f"{one[0]} cannot be read")
                continue
            node = module.defined.get(one[1])
            if node is None:
                waiting += self.resolved(module, one[1], "")
                continue
            for name, attribute in _names(node):
                waiting += self.resolved(module, name, attribute)
                unknown |= {_HIDDEN[word] for word in (name, attribute) if word in _HIDDEN}
        return seen, unknown

    def resolved(self, module: _Module, name: str, attribute: str) -> list[tuple[str, str]]:
        """Return where `name`, or `name.attribute`, is defined among the handlers."""
        if name in module.defined:
            return [(module.file, name)]
        origin, inner = module.imported.get(name, ("", ""))
        if inner:
            deeper = self.file_of(f"{origin}.{inner}")
            if deeper is not None and attribute:
                return [(deeper, attribute)]
        file = self.file_of(origin)
        wanted = inner or attribute
        return [(file, wanted)] if file is not None and wanted else []


def _read(file: str, tree: ast.Module) -> _Module:
    module = _Module(file, tree)
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                module.defined[node.name] = node
            case ast.Assign():
                module.defined.update({one.id: node for one in node.targets if isinstance(one, ast.Name)})
            case ast.ImportFrom(module=str(origin)):
                for alias in node.names:
                    module.imported[alias.asname or alias.name] = origin, alias.name
            case ast.Import():
                for alias in node.names:
                    module.imported[alias.asname or alias.name] = alias.name, ""
            case _:
                pass
    return module


def _names(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield each name that is used, and the attribute that is asked of it."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute):
            base = inner.value
            yield (base.id if isinstance(base, ast.Name) else ""), inner.attr
        elif isinstance(inner, ast.Name):
            yield inner.id, ""


def _is_table(node: ast.ClassDef) -> bool:
    return any(
        keyword.arg == "table" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in node.keywords
    )


def _table(node: ast.ClassDef, file: str) -> Table:
    values = {
        target.id: statement.value
        for statement in node.body
        for target in _targets(statement)
        if isinstance(target, ast.Name) and isinstance(statement, ast.Assign | ast.AnnAssign)
    }
    sharing = values.get("__shared__")
    by = next((one.value for one in getattr(sharing, "keywords", ()) if one.arg == "by"), None)
    name = _text(values.get("__tablename__")) or node.name.lower()
    return Table(name, node.name, file, node.lineno, _text(values.get("__owner__")), _text(by))


def _targets(statement: ast.stmt) -> Sequence[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


# --- migrations -----------------------------------------------------------------------------------


def _policies(root: Path) -> tuple[list[Policy], set[str]]:
    """Return what the migrations leave standing, and what of them cannot be told."""
    standing: dict[tuple[str, str], Policy] = {}
    unknown: set[str] = set()
    for file, tree in _revisions(root):
        for call in _upgrade(tree):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            table = (
                "handfast_users" if name.endswith("_users") else _text(call.args[0] if call.args else None)
            )
            if name == "execute":
                unknown.add("statements that migrations execute as text are not looked at")
            if table is None:
                continue
            if name in _POLICIES:
                standing[table, name] = Policy(table, ast.unparse(call), file, call.lineno)
            elif name in _UNDONE:
                gone = [key for key in standing if key[0] == table and _UNDONE[name] in ("", key[1])]
                for key in gone:
                    del standing[key]
    return sorted(standing.values()), unknown


def _revisions(root: Path) -> list[tuple[str, ast.Module]]:
    """Return the migrations in the order in which they run; what is in no chain comes last."""
    found: dict[str, tuple[str | None, str, ast.Module]] = {}
    for path in sorted((root / "migrations" / "versions").glob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError):
            continue
        values = {
            target.id: _text(node.value)
            for node in tree.body
            for target in _targets(node)
            if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign)
        }
        revision = values.get("revision") or path.stem
        found[revision] = values.get("down_revision"), path.relative_to(root).as_posix(), tree
    order: list[str] = []
    while len(order) < len(found):
        rest = {one: before for one, (before, *_) in found.items() if one not in order}
        ready = [one for one, before in rest.items() if before not in rest]
        order += ready or list(rest)
    return [(found[one][1], found[one][2]) for one in order]


def _upgrade(tree: ast.Module) -> Iterator[ast.Call]:
    """Yield the calls of `upgrade`, in the order of the text."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "upgrade":
            calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
            yield from sorted(calls, key=lambda call: (call.lineno, call.col_offset))
