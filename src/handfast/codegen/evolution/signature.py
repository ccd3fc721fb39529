"""Signatures: where one stands in a file, and how the one that the contract wants is written there."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handfast.codegen.evolution.protocol import Method
from handfast.codegen.evolution.splice import PythonFile


@dataclass(frozen=True, slots=True)
class Span:
    """From the opening parenthesis up to the colon, and the comments between."""

    start: int
    end: int
    comments: tuple[str, ...]


def span_of(file: PythonFile, function: ast.AsyncFunctionDef) -> Span:
    """Locate the signature of `function`; raises `ValueError` if its tokens do not tell."""
    depth, start, comments = 0, None, []
    for kind, text, begin, _ in file.tokens(function.lineno, function.end_lineno or function.lineno):
        if kind == tokenize.COMMENT:
            comments.append(text)
        if kind != tokenize.OP:
            continue
        if text in "([{":
            start = begin if start is None else start
            depth += 1
        elif text in ")]}":
            depth -= 1
        elif text == ":" and depth == 0 and start is not None:
            return Span(start, begin, tuple(comments))
    raise ValueError(f"no signature on line {function.lineno}")


def name_of(file: PythonFile, function: ast.stmt, name: str) -> int:
    """The offset of the name in a definition."""
    for kind, text, begin, _ in file.tokens(function.lineno, function.end_lineno or function.lineno):
        if kind == tokenize.NAME and text == name:
            return begin
    raise ValueError(f"no `{name}` on line {function.lineno}")


def written(
    method: Method, name: str, spell: Callable[[str], str], extra: Sequence[str], *, width: int
) -> str:
    """Return the signature of `method` in one line if it fits, parameters apart if it does not.

    `spell` says how a name of the protocol is written in the file, `extra` are parameters of the author's
    own, which have defaults.
    """
    arguments = method.node.args
    words = [_argument(one, None, spell) for one in arguments.args if one.arg != "self"]
    named = [
        _argument(one, default, spell)
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    named += extra
    words += ["*", *named] if named else []
    result = f" -> {_spelt(method.node.returns, spell)}" if method.node.returns else ""
    line = f"({', '.join(words)}){result}"
    head = len(f"async def {name}:")
    if head + len(line) <= width:
        return line
    if len(", ".join(words)) + 4 <= width:
        return f"(\n    {', '.join(words)}\n){result}"
    return "(\n" + "".join(f"    {word},\n" for word in words) + f"){result}"


def _argument(argument: ast.arg, default: ast.expr | None, spell: Callable[[str], str]) -> str:
    kind = f": {_spelt(argument.annotation, spell)}" if argument.annotation else ""
    return f"{argument.arg}{kind}{f' = {_spelt(default, spell)}' if default else ''}"


def _spelt(node: ast.expr, spell: Callable[[str], str]) -> str:
    """The text of an expression; quotes as most code has them."""
    tree = _Spelling(spell).visit(ast.parse(ast.unparse(node), mode="eval").body)
    return ast.unparse(tree)


class _Spelling(ast.NodeTransformer):
    def __init__(self, spell: Callable[[str], str]) -> None:
        self.spell = spell

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Write a name as the file has it."""
        return ast.parse(self.spell(node.id), mode="eval").body


def difference(before: Method, after: Method) -> str:
    """Say in words how the signature changed."""
    old, new = _kinds(before), _kinds(after)
    said = [f"`{name}` is gone" for name in old if name not in new]
    said += [f"`{name}: {kind}` is new" for name, kind in new.items() if name not in old]
    said += [
        f"`{name}` was {old[name]} and is {kind}"
        for name, kind in new.items()
        if name in old and old[name] != kind
    ]
    results = [ast.unparse(one.node.returns) if one.node.returns else "None" for one in (before, after)]
    if results[0] != results[1]:
        said.append(f"the result was {results[0]} and is {results[1]}")
    return "; ".join(said) or "parameters stand in another order"


def _kinds(method: Method) -> dict[str, str]:
    arguments = method.node.args
    kinds = {
        one.arg: ast.unparse(one.annotation) if one.annotation else ""
        for one in arguments.args
        if one.arg != "self"
    }
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        kind = ast.unparse(one.annotation) if one.annotation else ""
        kinds[one.arg] = f"{kind} = {ast.unparse(default)}" if default else kind
    return kinds
