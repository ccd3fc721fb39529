"""Which handler functions a project still has to write or change, told from the text of its files.

Nothing is imported, so that a half-written module can be looked at too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from handfast.codegen.cache import Outline


@dataclass(frozen=True, slots=True, order=True)
class Work:
    """One thing to do in `file`, by hand."""

    file: str
    line: int
    kind: Literal["write", "change", "rename", "remove", "blocked"]
    function: str
    what: str
    fix: str

    def __str__(self) -> str:
        """Return `file:line: what` and, on the next line, `fix: how`."""
        return f"{self.file}:{self.line}: {self.what}\n  fix: {self.fix}"

    def facts(self) -> dict[str, object]:
        """Return it as JSON says it."""
        return {name: getattr(self, name) for name in ("kind", "file", "line", "function", "what", "fix")}


@dataclass(frozen=True, slots=True)
class Handler:
    """Where the function of an operation stands, and whether it does."""

    file: str
    line: int
    state: Literal["written", "still a stub", "missing", "not known"]


def handler_of(root: Path, feature: str, function: str) -> Handler:
    """Return where `function` of the feature's handlers stands; the module's first line where it does not."""
    from handfast.runtime.binding import is_stub_definition

    file, defined = _defined(root, feature)
    if defined is None:
        return Handler(file, 1, "not known")
    node = defined.get(function)
    if node is None:
        return Handler(file, 1, "missing")
    stub = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_stub_definition(node)
    return Handler(file, node.lineno, "still a stub" if stub else "written")


def lacks(root: Path, feature: str, functions: Iterable[str]) -> bool:
    """Whether one of `functions` is known not to be there."""
    _, defined = _defined(root, feature)
    return defined is not None and any(name not in defined for name in functions)


def protocol_file(feature: str) -> str:
    """Return where the generated protocol of `feature` stands."""
    return f"generated/{feature}/handler.py"


def work(
    root: Path,
    features: Sequence[Outline],
    before: Mapping[str, str],
    after: Mapping[str, str],
    own: Mapping[str, bytes] | None = None,
) -> list[Work]:
    """List what the handlers of `features` lack against the protocols in `after`.

    `before` and `after` map generated paths to texts, of the last generation and of this one: a function
    whose signature differs between the two, or whose parameters are not the protocol's, is to be changed; one
    that is in no protocol any more is to be removed; one that the handlers do not define is to be written.
    Types are left to mypy, which knows what their names mean. `own` holds files that are about to change.
    """
    found: list[Work] = []
    for feature in features:
        path = protocol_file(feature.name)
        text = after.get(path, "")
        protocol = _methods(text)
        wanted = {name: _signature(method) for name, method in protocol.items()}
        same = before.get(path) == text
        was = (
            wanted
            if same
            else {name: _signature(method) for name, method in _methods(before.get(path, "")).items()}
        )
        file, defined = _defined(root, feature.name, own or {})
        if defined is None:
            continue
        for name, signature in wanted.items():
            said = f"{signature}  ({feature.places.get(name, path)})"
            node = defined.get(name)
            if node is None:
                what = f"`{name}` is still to be written"
                found.append(Work(file, 1, "write", name, what, said))
            elif name in was and was[name] != signature:
                what = f"the contract changed the signature of `{name}`"
                found.append(Work(file, node.lineno, "change", name, what, said))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                misfit = _misfit(node, protocol[name])
                if misfit:
                    found.append(Work(file, node.lineno, "change", name, f"`{name}` {misfit}", said))
        for name in was.keys() - wanted.keys() & defined.keys():
            what = f"no operation claims `{name}` any more"
            line = defined[name].lineno
            found.append(Work(file, line, "remove", name, what, "remove it or make its name private"))
    return sorted(found)


def _methods(protocol: str) -> dict[str, ast.AsyncFunctionDef]:
    """Each method of the protocol class by its name."""
    return {
        function.name: function
        for node in ast.parse(protocol).body
        if isinstance(node, ast.ClassDef) and node.name == "Handler"
        for function in node.body
        if isinstance(function, ast.AsyncFunctionDef)
    }


def _misfit(function: ast.FunctionDef | ast.AsyncFunctionDef, method: ast.AsyncFunctionDef) -> str:
    """Say why `function` cannot be called as `method` is; empty where it can, or where it cannot be told."""
    if function.decorator_list:
        return ""  # a wrapper may take something else than what it wraps
    if isinstance(function, ast.FunctionDef):
        return "is not `async def`"
    given, wanted = function.args, method.args
    if given.vararg or given.kwarg:
        return ""
    positional = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    expected = [argument.arg for argument in wanted.args if argument.arg != "self"]
    if positional[: len(expected)] != expected:
        return f"takes ({', '.join(positional)}) instead of ({', '.join(expected)})"
    by_name = {argument.arg for argument in (*given.args, *given.kwonlyargs)}
    for argument in wanted.kwonlyargs:
        if argument.arg not in by_name:
            return f"lacks the parameter `{argument.arg}`"
    known = {argument.arg for argument in (*wanted.args, *wanted.kwonlyargs)}
    without_default = positional[: len(positional) - len(given.defaults)]
    without_default += [
        argument.arg
        for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if default is None
    ]
    more = [name for name in without_default if name not in known]
    return f"wants `{more[0]}`, which the contract does not have" if more else ""


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


def _defined(
    root: Path, feature: str, own: Mapping[str, bytes] | None = None
) -> tuple[str, Mapping[str, ast.stmt] | None]:
    """The feature's handler module, and what defines each name in it; None where that cannot be told."""
    file = f"handlers/{feature}/operations.py"
    single = f"handlers/{feature}.py"
    texts = own or {}
    if file not in texts and not (root / file).is_file() and (root / single).is_file():
        file = single
    try:
        tree = ast.parse(texts[file] if file in texts else (root / file).read_bytes())
    except FileNotFoundError:
        return file, {}
    except (
        SyntaxError,
        ValueError,
    ):  # the service says so when it is restarted; nothing is known about the functions
        return file, None
    names: dict[str, ast.stmt] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names[node.name] = node
            case ast.ImportFrom():
                if any(alias.name == "*" for alias in node.names):
                    return file, None
                names.update({alias.asname or alias.name: node for alias in node.names})
            case ast.Assign():
                names.update({target.id: node for target in node.targets if isinstance(target, ast.Name)})
    return file, names
