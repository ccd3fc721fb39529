"""What a generated `handler.py` demands, read from its text; the previous text is still on the disk."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_ROUTE = re.compile(r"^\s*([A-Z]\S*) (/\S*|\S+) \((\S+:\d+:\d+)\)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Method:
    """One operation as a handler function has to be written."""

    name: str
    node: ast.AsyncFunctionDef
    route: str
    """Method and path, by which an operation is known when its name changes; empty where not told."""
    place: str
    """Where the contract declares it."""
    doc_source: str
    """Its docstring as it is written below a function at the top of a module; empty where there is none."""

    @property
    def shape(self) -> str:
        """The signature with nothing of its layout, to compare."""
        return shape(self.node)


@dataclass(frozen=True, slots=True)
class Protocol:
    """The operations of a feature and where the names in their signatures come from."""

    methods: Mapping[str, Method]
    origins: Mapping[str, tuple[str, str]]
    """Name as it is written → (module, name there); the second is empty for `import module`."""


def shape(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return parameters and result of a function as text to compare, `self` left out."""
    arguments = function.args
    words = [ast.dump(one) for one in arguments.args if one.arg != "self"]
    words += [ast.dump(one) for one in arguments.defaults]
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    words += [f"{ast.dump(one)}={ast.dump(default) if default else ''}" for one, default in named]
    return ";".join([*words, ast.dump(function.returns) if function.returns else ""])


def read(text: str, module: str) -> Protocol:
    """Read the generated module `module` from its text; an empty one demands nothing."""
    methods: dict[str, Method] = {}
    lines = text.encode().splitlines(keepends=True)
    origins: dict[str, tuple[str, str]] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.Import(names=names):
                origins.update({one.asname or one.name: (one.name, "") for one in names})
            case ast.ImportFrom(module=str(origin), names=names):
                origins.update({one.asname or one.name: (origin, one.name) for one in names})
            case ast.ClassDef(name="Handler"):
                for function in node.body:
                    if isinstance(function, ast.AsyncFunctionDef):
                        methods[function.name] = _method(function, lines)
            case ast.ClassDef(name=name):
                origins[name] = (module, name)
            case _:
                pass
    return Protocol(methods, origins)


def _method(function: ast.AsyncFunctionDef, lines: Sequence[bytes]) -> Method:
    doc = ast.get_docstring(function) or ""
    found = _ROUTE.findall(doc)
    verb, path, place = found[-1] if found else ("", "", "")
    source = _source(function.body[0], lines) if doc else ""
    written = source.replace("\n        ", "\n    ")
    return Method(function.name, function, f"{verb} {path}".strip(), place, written)


def _source(node: ast.stmt, lines: Sequence[bytes]) -> str:
    """The text of a statement; `ast.get_source_segment` would split the whole text anew for each."""
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    text = b"".join(lines[first:last])
    end = len(text) - len(lines[last - 1]) + (node.end_col_offset or 0)
    return text[node.col_offset : end].decode()


def exported(text: str) -> dict[str, ast.stmt]:
    """What a generated module defines at its top: name → statement."""
    names: dict[str, ast.stmt] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names[name] = node
            case ast.Assign(targets=[ast.Name(id=name)]):
                names[name] = node
            case _:
                pass
    return names


def renamed_classes(before: str, after: str) -> dict[str, str]:
    """Old → new name of each class that is gone from `before` and stands in `after` with the same content.

    Only pairs that nothing else could be meant by; docstrings count, since they are the contract's words.
    """
    old, new = exported(before), exported(after)
    gone = {name: node for name, node in old.items() if name not in new}
    come = {name: node for name, node in new.items() if name not in old}
    left = {name: _content(name, node) for name, node in gone.items()}
    right = {name: _content(name, node) for name, node in come.items()}
    pairs = {}
    for name, content in left.items():
        same = [other for other, found in right.items() if found == content]
        if len(same) == 1 and list(left.values()).count(content) == 1:
            pairs[name] = same[0]
    return pairs


def changed_classes(before: str, after: str) -> dict[str, str]:
    """Name of each class that stands in both texts with other fields → how they differ, in words."""
    old, new = exported(before), exported(after)
    changed = {}
    for name in old.keys() & new.keys():
        was, now = _fields(old[name]), _fields(new[name])
        said = [f"`{field}` is gone" for field in was if field not in now]
        said += [f"`{kind}` is new" for field, kind in now.items() if field not in was]
        said += [f"`{was[field]}` is `{kind}`" for field, kind in now.items() if was.get(field, kind) != kind]
        if said:
            changed[name] = "; ".join(said)
    return changed


def _fields(node: ast.stmt) -> dict[str, str]:
    """What a class is made of, or an alias stands for, docstrings aside; by name, as it is written."""
    if not isinstance(node, ast.ClassDef):
        return {"": ast.unparse(node)}
    fields = {"": f"({', '.join(map(ast.unparse, node.bases))})"}
    for one in node.body:
        match one:
            case ast.AnnAssign(target=ast.Name(id=field)) | ast.Assign(targets=[ast.Name(id=field)]):
                fields[field] = ast.unparse(one)
            case _:
                pass
    return fields


def _content(name: str, node: ast.stmt) -> str:
    return re.sub(rf"\b{re.escape(name)}\b", "·", ast.dump(node))
