"""Unions whose branches JSON alone does not tell apart, marked so that the contract's schemas choose.

`str | int` needs nothing: a JSON value is one or the other. Two classes are both objects and a date is a
string too, so these become `OneOf[Dog | Cat]`, or carry their discriminator where the contract has one.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from handfast.codegen.imports import Imports
from handfast.codegen.pyliteral import literal
from handfast.codegen.view import Schemas

_RUNTIME = "handfast.runtime"
_STRINGS = frozenset(("str", "date", "datetime", "UUID", "Upload"))
_OPAQUE = frozenset(("Annotated", "Literal"))


def chosen(expr: str, schemas: Schemas, imports: Imports) -> str:
    """Return the type expression `expr` with such unions marked, and what that needs imported."""
    if "|" not in expr:
        return expr
    tree = ast.parse(expr, mode="eval").body
    marker = _Marker(schemas, imports)
    found = marker.mark(tree)
    return ast.unparse(found) if marker.touched else expr


class _Marker:
    def __init__(self, schemas: Schemas, imports: Imports) -> None:
        self.schemas = schemas
        self.imports = imports
        self.touched = False

    def mark(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Subscript) and _name(node.value).lstrip("_") not in _OPAQUE:
            node.slice = self.mark(node.slice)
        if not isinstance(node, ast.BinOp):
            return node
        members = [self.mark(member) for member in _members(node)]
        none = [member for member in members if isinstance(member, ast.Constant)]
        rest = [member for member in members if not isinstance(member, ast.Constant)]
        if not self._needs_choice(rest):
            return _union(members)
        self.touched = True
        return _union([self._choice(rest), *none])

    def _needs_choice(self, members: list[ast.expr]) -> bool:
        kinds = [self._kind(member) for member in members]
        return any(kinds.count(kind) > 1 for kind in ("object", "array", "string"))

    def _kind(self, member: ast.expr) -> str:
        """The JSON type of a member, as far as it matters."""
        name = _name(member.value if isinstance(member, ast.Subscript) else member)
        if name == "list":
            return "array"
        if name == "dict" or name.lstrip("_") == "Annotated":
            return "object"
        if name in _STRINGS:
            return "string"
        if not self.schemas.is_class(name):
            return ""
        values = self.schemas.enum_values(name)
        if values is None:
            return "object"
        return "string" if all(isinstance(value, str) for value in values) else ""

    def _choice(self, members: list[ast.expr]) -> ast.expr:
        union = ast.unparse(_union(members))
        tag = self.schemas.tag_of({_name(member) for member in members})
        if tag is None:
            text = f"{self.imports.name(_RUNTIME, 'OneOf')}[{union}]"
        else:
            name, classes = tag
            annotated = self.imports.name("typing", "Annotated")
            marker = self.imports.name(_RUNTIME, "Chosen")
            text = f"{annotated}[{union}, {marker}({literal(name)}, {_mapping(classes)})]"
        return ast.parse(text, mode="eval").body


def _mapping(classes: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{literal(tag)}: {literal(name)}" for tag, name in classes.items()) + "}"


def _members(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_members(node.left), *_members(node.right)]
    return [node]


def _union(members: list[ast.expr]) -> ast.expr:
    found = members[0]
    for member in members[1:]:
        found = ast.BinOp(found, ast.BitOr(), member)
    return found


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
