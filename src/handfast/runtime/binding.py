"""Start-up comparison of a handler module with its generated Protocol.

mypy says the same at the desk; here it is said again of what really runs, with file and line: functions
that are missing, still stubs, of another signature, or coroutines that no operation claims.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from handfast.runtime.errors import NotWritten
from handfast.runtime.faults import Fault

_WRITE = "replace `raise NotWritten` by the operation's logic"

TOLD_ALONE = 5
"""How many functions that are not written yet are told one by one; more are told together."""


@dataclass(frozen=True, slots=True)
class Binding:
    """How a handler fits its Protocol."""

    faults: tuple[Fault, ...]
    unwritten: frozenset[str]
    """Names of operations whose function is missing or a stub: they answer 501."""
    misfits: tuple[Fault, ...]
    """Those of the faults that functions have which are written."""


def bind(handler: object, protocol: type, *, feature: str, contract: str) -> Binding:
    """Compare `handler`, a module or any object, with `protocol`."""
    faults: list[Fault] = []
    lacking: set[Fault] = set()
    unwritten: set[str] = set()
    stubs: dict[str, Fault] = {}
    place = handler_file(handler, feature)
    names = list(_functions(protocol))
    for name in names:
        expected = vars(protocol)[name]
        function = getattr(handler, name, None)
        if function is None:
            unwritten.add(name)
            what, fix = f"`{name}` is missing", f"write `async def {name}{_shown(expected)}`"
            faults.append(Fault(what=what, fix=fix, where=place, fatal=False))
            lacking.add(faults[-1])
        elif is_stub(function):
            unwritten.add(name)
            what, where = f"`{name}` is not written yet", _where(function, place)
            stubs[name] = Fault(what=what, fix=_WRITE, where=where, fatal=False)
        else:
            faults += _mistyped(name, function, expected, contract, _where(function, place))
    if len(stubs) > TOLD_ALONE:
        what = f"{len(stubs)} functions are not written yet: {', '.join(stubs)}"
        faults.append(Fault(what=what, fix=_WRITE, where=place, fatal=False))
        lacking.add(faults[-1])
    else:
        faults += stubs.values()
        lacking.update(stubs.values())
    if isinstance(handler, ModuleType):
        faults += _unclaimed(handler, set(names), contract, place)
    misfits = tuple(fault for fault in faults if fault not in lacking)
    return Binding(tuple(faults), frozenset(unwritten), misfits)


def handler_file(handler: object, feature: str) -> str:
    """The file that holds, or should hold, the functions of `handler`; relative to the working directory."""
    module = handler if isinstance(handler, ModuleType) else inspect.getmodule(type(handler))
    file = getattr(module, "__file__", None)
    if file is None or not isinstance(handler, ModuleType):
        return f"handlers/{feature}/operations.py"
    return _relative(file)


def is_stub(function: Callable[..., object]) -> bool:
    """Whether the body of `function` is nothing but `raise NotWritten`, a docstring aside."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or NotWritten.__name__ not in code.co_names:
        return False
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):
        return False
    definition = tree.body[0]
    return isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_stub_definition(definition)


def is_stub_definition(definition: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the body of a function is nothing but `raise NotWritten`, a docstring aside."""
    body = definition.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    raised = body[0].exc
    if isinstance(raised, ast.Call):
        raised = raised.func
    name = raised.attr if isinstance(raised, ast.Attribute) else getattr(raised, "id", None)
    return name == NotWritten.__name__


def _functions(protocol: type) -> Iterator[str]:
    for name, value in vars(protocol).items():
        if not name.startswith("_") and inspect.isfunction(value):
            yield name


def _mistyped(
    name: str, function: Callable[..., object], expected: Callable[..., object], contract: str, where: str
) -> Iterator[Fault]:
    def fault(what: str) -> Fault:
        fix = f"the contract ({contract}) says `async def {name}{_shown(expected)}`"
        return Fault(what=f"`{name}` {what}", fix=fix, where=where, fatal=False)

    if inspect.isasyncgenfunction(inspect.unwrap(function)):
        yield Fault(
            what=f"`{name}` has a `yield`, so calling it gives a generator at once and it has no transaction",
            fix="move what yields into a function of its own, and `return` what calling that gives",
            where=where,
            fatal=False,
        )
        return
    if not inspect.iscoroutinefunction(inspect.unwrap(function)):
        yield fault("is not `async def`")
        return
    signature = inspect.signature(function)
    wanted = [p for p in inspect.signature(expected).parameters.values() if p.name != "self"]
    try:
        hints = get_type_hints(inspect.unwrap(function))
        wanted_hints = get_type_hints(expected)
    except (NameError, TypeError, AttributeError) as error:
        yield fault(f"has an annotation that cannot be resolved ({error})")
        return
    given = dict(signature.parameters)
    if any(p.kind is p.VAR_KEYWORD for p in given.values()):
        return  # it takes whatever comes: nothing to hold against it
    positional = [p.name for p in wanted if p.kind is p.POSITIONAL_OR_KEYWORD]
    actual = [p.name for p in given.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)]
    if actual[: len(positional)] != positional:
        yield fault(f"takes ({', '.join(actual)}) instead of ({', '.join(positional)})")
        return
    for parameter in wanted:
        found = given.pop(parameter.name, None)
        if found is None:
            yield fault(f"lacks the parameter `{parameter.name}`")
        elif parameter.kind is parameter.KEYWORD_ONLY and found.kind is found.POSITIONAL_ONLY:
            yield fault(f"does not take `{parameter.name}` by name")
        elif parameter.name in hints and not _fits(wanted_hints[parameter.name], into=hints[parameter.name]):
            expected_type = _type_name(wanted_hints[parameter.name])
            yield fault(
                f"takes `{parameter.name}` as {_type_name(hints[parameter.name])}, not as {expected_type}"
            )
    for parameter in given.values():
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
            yield fault(f"wants `{parameter.name}`, which the contract does not have")
    if "return" in hints and not _fits(hints["return"], into=wanted_hints["return"]):
        yield fault(f"returns {_type_name(hints['return'])}, not {_type_name(wanted_hints['return'])}")


def _fits(value: object, *, into: object) -> bool:
    """Whether a value of type `value` may be given where `into` is asked for; in doubt yes: mypy knows."""
    if value == into or Any in (value, into) or into is object:
        return True
    if _is_union(value):
        return all(_fits(member, into=into) for member in get_args(value))
    if _is_union(into):
        return any(_fits(value, into=member) for member in get_args(into))
    if isinstance(value, type) and isinstance(into, type):
        return issubclass(value, into)
    value_origin, into_origin = get_origin(value), get_origin(into)
    if value_origin is None and into_origin is None:
        return False
    left, right = value_origin or value, into_origin or into
    if isinstance(left, type) and isinstance(right, type):
        if not issubclass(left, right):
            return False
        pairs = list(zip(get_args(value), get_args(into), strict=False))
        return all(_fits(one, into=other) for one, other in pairs)
    return True


def _is_union(hint: object) -> bool:
    return get_origin(hint) in (Union, UnionType)


def _unclaimed(module: ModuleType, names: set[str], contract: str, place: str) -> Iterator[Fault]:
    for name, value in vars(module).items():
        if (
            not name.startswith("_")
            and name not in names
            and inspect.iscoroutinefunction(value)
            and value.__module__ == module.__name__
        ):
            yield Fault(
                what=f"`{name}` is a public coroutine that no operation claims",
                fix=f"rename it after its operation in {contract}, or begin its name with an underscore",
                where=_where(value, place),
                fatal=False,
            )


def _shown(function: Callable[..., object]) -> str:
    """The signature without `self`, types by their short names."""
    signature = inspect.signature(function)
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    try:
        hints = get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        return str(signature.replace(parameters=parameters))
    pieces: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in pieces:
            pieces.append("*")
        hint = f": {_type_name(hints[parameter.name])}" if parameter.name in hints else ""
        default = "" if parameter.default is parameter.empty else " = ..."
        pieces.append(f"{parameter.name}{hint}{default}")
    result = f" -> {_type_name(hints['return'])}" if "return" in hints else ""
    return f"({', '.join(pieces)}){result}"


def _type_name(hint: object) -> str:
    if hint is type(None):
        return "None"
    if _is_union(hint):
        return " | ".join(_type_name(one) for one in get_args(hint))
    origin = get_origin(hint)
    if isinstance(origin, type) and get_args(hint):
        return f"{origin.__name__}[{', '.join(_type_name(one) for one in get_args(hint))}]"
    return hint.__name__ if isinstance(hint, type) else str(hint).removeprefix("typing.")


def _where(function: Callable[..., object], place: str) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return place if code is None else f"{_relative(code.co_filename)}:{code.co_firstlineno}"


def _relative(file: str) -> str:
    path = Path(file)
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
