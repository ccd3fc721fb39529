"""IR → `senders.py` of a feature: its webhooks and callbacks as typed functions."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.codegen.imports import Imports
from handfast.codegen.ir import Feature, Param, Sender, TypeRef
from handfast.codegen.prose import docstring, sentence, words
from handfast.codegen.pyliteral import literal
from handfast.codegen.unions import chosen
from handfast.codegen.view import Schemas

_RUNTIME = "handfast.runtime"


@dataclass(frozen=True, slots=True)
class Function:
    """A sender to print."""

    name: str
    signature: str
    result: str
    doc: str
    arguments: str


def values(feature: Feature, schemas: Schemas, width: int) -> dict[str, object]:
    """Return what the template `senders.py.jinja` needs."""
    shadowed = {sender.operation.name for sender in feature.senders}
    shadowed |= {param.name for sender in feature.senders for param in sender.operation.params}
    imports = Imports(shadowed=shadowed, taken={*feature.classes, "Senders"})
    functions = [_function(sender, feature, schemas, imports, width) for sender in feature.senders]
    return {
        "file": feature.file,
        "doc": docstring(f"Webhooks and callbacks of the `{feature.name}` feature.", indent=0, width=width),
        "class_doc": docstring(
            f"Sends what {feature.file} says that this service sends.", indent=4, width=width
        ),
        "base": imports.name(_RUNTIME, "SenderBase"),
        "outbound": imports.name(_RUNTIME, "Outbound"),
        "operations": functions,
        "imports": imports.block(),
    }


def _function(sender: Sender, feature: Feature, schemas: Schemas, imports: Imports, width: int) -> Function:
    models = f"generated.{feature.name}.models"
    op = sender.operation

    def written(ref: TypeRef) -> str:
        return imports.type(ref, models)

    to = f"str | {imports.name(_RUNTIME, 'Exchange')}" if sender.to else "str"
    signature = ["self", f"to: {to}"]
    if op.body is not None:
        signature.append(f"body: {written(op.body.type)}")
    mapping = imports.name("collections.abc", "Mapping")
    named = [f"{param.name}: {written(_given(param))}{_default(param)}" for param in op.params]
    headers = f"extra_headers: {mapping}[str, str] | None = None"
    signature += ["*", *named, headers]
    reply = imports.name(_RUNTIME, "Reply")
    result = f"{reply}[{chosen(written(op.result), schemas, imports)}]"
    parameters = ", ".join(f"{literal(param.name)}: {param.name}" for param in op.params)
    body = "body" if op.body is not None else "None"
    return Function(
        name=op.name,
        signature=", ".join(signature),
        result=result,
        doc=_doc(sender, width),
        arguments=f"{body}, {{{parameters}}}, extra_headers",
    )


def _given(param: Param) -> TypeRef:
    """The type of an argument: where the receiver would fill in a default, it may be left out."""
    if param.required or "None" in param.type.expr:
        return param.type
    return TypeRef(f"{param.type.expr} | None", param.type.models, param.type.imports)


def _default(param: Param) -> str:
    return "" if param.required else " = None"


def _doc(sender: Sender, width: int) -> str:
    op = sender.operation
    head = sentence(op.summary) or f"{words(op.name)}."
    rest = op.description if sentence(op.description) != head else ""
    where = f"to {sender.to}" if sender.to else "to a URL"
    old = "Deprecated." if op.deprecated else ""
    return docstring(head, rest, old, f"{op.method} {where} ({op.source})", indent=8, width=width)
