"""Which handler functions a project still has to write or change, told from the text of its files.

Nothing is imported, so that a half-written module can be looked at too.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from handfast.codegen.ir import Feature


@dataclass(frozen=True, slots=True, order=True)
class Work:
    """One thing to do in `file`, by hand."""

    file: str
    line: int
    kind: Literal["write", "change", "remove"]
    function: str
    what: str
    fix: str

    def __str__(self) -> str:
        """Return `file:line: what` and, on the next line, `fix: how`."""
        return f"{self.file}:{self.line}: {self.what}\n  fix: {self.fix}"

    def facts(self) -> dict[str, object]:
        """Return it as JSON says it."""
        return {name: getattr(self, name) for name in ("kind", "file", "line", "function", "what", "fix")}


def protocol_file(feature: str) -> str:
    """Return where the generated protocol of `feature` stands."""
    return f"generated/{feature}/handler.py"


def work(
    root: Path, features: Sequence[Feature], before: Mapping[str, str], after: Mapping[str, str]
) -> list[Work]:
    """List what the handlers of `features` lack against the protocols in `after`.

    `before` and `after` map generated paths to texts, of the last generation and of this one: a function
    whose signature differs between the two is to be changed, one that is in no protocol any more is to be
    removed, and one that the handlers do not define is to be written.
    """
    found: list[Work] = []
    for feature in features:
        path = protocol_file(feature.name)
        wanted, was = _signatures(after.get(path, "")), _signatures(before.get(path, ""))
        places = {str(operation.name): str(operation.source) for operation in feature.operations}
        file, defined = _defined(root, feature.name)
        if defined is None:
            continue
        for name, signature in wanted.items():
            said = f"{signature}  ({places.get(name, path)})"
            line = defined.get(name)
            if line is None:
                what = f"`{name}` is still to be written"
                found.append(Work(file, 1, "write", name, what, said))
            elif name in was and was[name] != signature:
                what = f"the contract changed the signature of `{name}`"
                found.append(Work(file, line, "change", name, what, said))
        for name in was.keys() - wanted.keys() & defined.keys():
            what = f"no operation claims `{name}` any more"
            found.append(
                Work(file, defined[name], "remove", name, what, "remove it or make its name private")
            )
    return sorted(found)


def _signatures(protocol: str) -> dict[str, str]:
    """Each method of the protocol class as the function that a module has to define."""
    found = {}
    for node in ast.parse(protocol).body:
        if isinstance(node, ast.ClassDef) and node.name == "Handler":
            for function in node.body:
                if isinstance(function, ast.AsyncFunctionDef):
                    found[function.name] = _signature(function)
    return found


def _signature(function: ast.AsyncFunctionDef) -> str:
    """`function` as a developer writes it; `ast.unparse` leaves no blanks around defaults."""
    arguments = function.args
    positional = [ast.unparse(argument) for argument in arguments.args if argument.arg != "self"]
    named = [
        ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    words = ", ".join([*positional, *(["*"] if named else []), *named])
    result = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"async def {function.name}({words}){result}"


def _defined(root: Path, feature: str) -> tuple[str, Mapping[str, int] | None]:
    """The feature's handler module, and the line of each name in it; None where that cannot be told."""
    file = f"handlers/{feature}/operations.py"
    single = f"handlers/{feature}.py"
    if not (root / file).is_file() and (root / single).is_file():
        file = single
    try:
        tree = ast.parse((root / file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return file, {}
    except SyntaxError:  # the service says so when it is restarted; nothing is known about the functions
        return file, None
    names: dict[str, int] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names[node.name] = node.lineno
            case ast.ImportFrom():
                if any(alias.name == "*" for alias in node.names):
                    return file, None
                names.update({alias.asname or alias.name: node.lineno for alias in node.names})
            case ast.Assign():
                names.update(
                    {target.id: node.lineno for target in node.targets if isinstance(target, ast.Name)}
                )
    return file, names
