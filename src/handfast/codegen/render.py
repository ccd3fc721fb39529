"""IR → Python text: `models.py`, `handler.py` and `routes.py` of a feature."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from handfast.codegen import rendersend
from handfast.codegen.errors import BASES
from handfast.codegen.imports import Imports
from handfast.codegen.ir import ErrorClass, Feature, Header, Operation, Param, ResultClass, TypeRef
from handfast.codegen.models import models_module
from handfast.codegen.names import pascal
from handfast.codegen.printing import Format, environment
from handfast.codegen.prose import docstring, sentence, words
from handfast.codegen.pyliteral import literal
from handfast.codegen.results import reason
from handfast.codegen.unions import chosen
from handfast.codegen.view import Schemas

_RUNTIME = "handfast.runtime"
_DECORATORS = frozenset(("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"))


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute of an operation's inputs, or a header of a result class."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class HeaderField:
    """A header of a result class."""

    name: str
    annotation: str
    required: bool


@dataclass(frozen=True, slots=True)
class Result:
    """A result class to print."""

    name: str
    base: str
    doc: str
    status: int
    body: str
    headers: tuple[HeaderField, ...]


@dataclass(frozen=True, slots=True)
class Error:
    """An exception class to print."""

    name: str
    bases: str
    doc: str
    init_doc: str
    arguments: str
    given: str


@dataclass(frozen=True, slots=True)
class Function:
    """An operation as a function: in the protocol, or as a stub."""

    name: str
    signature: str
    result: str
    doc: str


@dataclass(frozen=True, slots=True)
class Route:
    """An operation as a route."""

    name: str
    endpoint: str
    variable: str
    context: str
    decorator: str
    doc: str
    arguments: str
    silent: bool
    """Whether the handler returns nothing."""
    inputs: tuple[Field, ...]
    inputs_class: str
    inputs_doc: str


class Renderer:
    """Prints the modules of features of one project."""

    def __init__(self, root: Path | None, style: Format) -> None:
        """Use the templates and the line length of the project at `root`."""
        self._templates = environment(root)
        self._width = style.line_length

    def feature(self, feature: Feature) -> dict[str, str]:
        """Return the Python files of `feature` below `generated/`, not yet formatted."""
        folder = f"generated/{feature.name}"
        return {
            f"{folder}/__init__.py": self._package(feature),
            **({f"{folder}/errors.py": self._errors(feature)} if feature.errors else {}),
            f"{folder}/models.py": self._models(feature),
            f"{folder}/handler.py": self._handler(feature),
            f"{folder}/routes.py": self._routes(feature),
            **({f"{folder}/senders.py": self._senders(feature)} if feature.senders else {}),
        }

    def root_package(self) -> str:
        """Return `generated/__init__.py`."""
        doc = self._doc("Everything here is made from the contracts under `specs/`.")
        return self._print("package.py.jinja", file="specs/", doc=doc)

    def stubs(self, feature: Feature) -> str:
        """Return `operations.py` with a stub for each operation of `feature`, not yet formatted."""
        names = [operation.name for operation in feature.operations]
        imports = Imports(shadowed=names, taken=())
        functions = [self._function(op, feature, imports, indent=4) for op in feature.operations]
        if functions:
            imports.name(_RUNTIME, "NotWritten")
        doc = self._doc(f"{feature.title or words(feature.name)}: the operations of {feature.file}.")
        return self._print("operations.py.jinja", doc=doc, imports=imports.block(), operations=functions)

    # --- one module each -------------------------------------------------------------------------

    def _package(self, feature: Feature) -> str:
        title = sentence(feature.title) or f"The `{feature.name}` feature."
        doc = docstring(title, feature.description, indent=0, width=self._width)
        return self._print("package.py.jinja", file=feature.file, doc=doc)

    def _models(self, feature: Feature) -> str:
        module = models_module(feature, width=self._width)
        doc = self._doc(f"Models of the `{feature.name}` feature.")
        return self._print("models.py.jinja", file=feature.file, doc=doc, module=module)

    def _handler(self, feature: Feature) -> str:
        names = [operation.name for operation in feature.operations]
        results = [result for operation in feature.operations for result in operation.result_classes]
        imports = Imports(shadowed=names, taken={*feature.classes, *(result.name for result in results)})
        imports.name("typing", "Protocol")
        printed = [self._result(result, feature, imports) for result in results]
        functions = [self._function(op, feature, imports, indent=8) for op in feature.operations]
        return self._print(
            "handler.py.jinja",
            file=feature.file,
            doc=self._doc(f"What `handlers/{feature.name}` must provide."),
            handler_doc=docstring(
                f"The operations of {feature.file}.",
                indent=4,
                width=self._width,
            ),
            imports=imports.block(),
            results=printed,
            operations=functions,
        )

    def _errors(self, feature: Feature) -> str:
        imports = Imports(taken={*feature.classes, *(error.name for error in feature.errors)})
        printed = [self._error(error, feature, imports) for error in feature.errors]
        return self._print(
            "errors.py.jinja",
            file=feature.file,
            doc=self._doc(f"Errors that the operations of {feature.file} declare."),
            imports=imports.block(),
            errors=printed,
        )

    def _routes(self, feature: Feature) -> str:
        operations = sorted(feature.operations, key=lambda op: specificity(op.path))
        fields = {param.name for op in operations for param in op.params}
        imports = Imports(shadowed=fields, taken=feature.classes)
        imports.name(f"generated.{feature.name}.handler", "Handler")
        scope = {"handler", "router", "request", "call", *(op.name for op in operations)}
        schemas = Schemas(feature)
        routes = [self._route(op, feature, schemas, imports, scope) for op in operations]
        return self._print(
            "routes.py.jinja",
            file=feature.file,
            doc=self._doc(f"HTTP routes of the `{feature.name}` feature."),
            router_doc=docstring(
                f"Bind `handler` to the operations of {feature.file}.", indent=4, width=self._width
            ),
            router=imports.name(_RUNTIME, "ContractRouter"),
            inputs=imports.name(_RUNTIME, "Inputs") if any(route.inputs for route in routes) else "",
            request=imports.name("fastapi", "Request") if routes else "",
            response=imports.name("fastapi", "Response") if routes else "",
            operations=routes,
            imports=imports.block(),
        )

    def _senders(self, feature: Feature) -> str:
        return self._print("senders.py.jinja", **rendersend.values(feature, Schemas(feature), self._width))

    # --- parts -----------------------------------------------------------------------------------

    def _function(self, op: Operation, feature: Feature, imports: Imports, *, indent: int) -> Function:
        def written(ref: TypeRef) -> str:
            return imports.type(_without(ref, own), models) if own else imports.type(ref, models)

        models = f"generated.{feature.name}.models"
        own = {result.name for result in op.result_classes}
        positional = [
            f"{param.name}: {written(param.type)}" for param in op.params if param.location == "path"
        ]
        if op.body is not None:
            positional.append(f"body: {written(op.body.type)}")
        named = [
            f"{param.name}: {written(param.type)}{_default(param, imports)}"
            for param in op.params
            if param.location != "path"
        ]
        first = ["self"] if indent == 8 else []
        context = f"ctx: {imports.name(_RUNTIME, op.context)}"
        signature = [*first, context, *positional, *(["*"] if named else []), *named]
        result = written(op.result)
        if indent == 4:
            imports.names(f"generated.{feature.name}.handler", sorted(own & set(_NAMES.findall(result))))
        return Function(
            op.name, ", ".join(signature), result, self._operation_doc(op, indent, full=indent == 8)
        )

    def _result(self, result: ResultClass, feature: Feature, imports: Imports) -> Result:
        models = f"generated.{feature.name}.models"
        body = "None" if result.body is None else imports.type(result.body, models)
        imports.name("dataclasses", "dataclass")
        imports.name("typing", "ClassVar")
        return Result(
            name=result.name,
            base=f"{imports.name(_RUNTIME, 'Result')}[{body}]",
            doc=docstring(sentence(f"{result.status}: {result.doc}"), indent=4, width=self._width),
            status=result.status,
            body=body,
            headers=tuple(self._header(header, models, imports) for header in result.headers),
        )

    def _error(self, error: ErrorClass, feature: Feature, imports: Imports) -> Error:
        models = f"generated.{feature.name}.models"
        exact = error.status.isdigit()
        base = imports.name(_RUNTIME, BASES.get(int(error.status), "ApiError") if exact else "ApiError")
        code = reason(error.status).lower().replace(" ", "_").replace("-", "_")
        if exact and int(error.status) not in BASES:
            base += f", status={error.status}, code={literal(code)}"
        arguments = [] if exact else ["status: int"]
        given = [] if exact else [f"status=within({literal(error.status)}, status)"]
        if not exact:
            imports.name(_RUNTIME, "within")
        if error.body is not None:
            arguments.append(f"body: {imports.type(error.body, models)}")
            given.append("body=body")
        if error.headers:
            texts = imports.name(_RUNTIME, "header_texts")
            pairs = ", ".join(f"{literal(header.wire)}: {header.name}" for header in error.headers)
            given.append(f"headers={texts}({{{pairs}}})")
            named = sorted(error.headers, key=lambda header: not header.required)
            arguments += ["*", *(self._argument(header, models, imports) for header in named)]
        return Error(
            name=error.name,
            bases=base,
            doc=docstring(sentence(error.doc) or f"{reason(error.status)}.", indent=4, width=self._width),
            init_doc=docstring(
                f"Answer {error.status if exact else '`status`'}{' with `body`' * bool(error.body)}.",
                indent=8,
                width=self._width,
            ),
            arguments=", ".join(["self", *arguments]),
            given=", ".join(given),
        )

    def _argument(self, header: Header, models: str, imports: Imports) -> str:
        kind = imports.type(header.type, models)
        if header.required:
            return f"{header.name}: {kind}"
        optional = kind if kind.endswith("None") or kind == "JsonValue" else f"{kind} | None"
        return f"{header.name}: {optional} = None"

    def _header(self, header: Header, models: str, imports: Imports) -> HeaderField:
        annotated = imports.name("typing", "Annotated")
        marker = f"{imports.name(_RUNTIME, 'HeaderName')}({literal(header.wire)})"
        kind = imports.type(header.type, models)
        if not header.required and not kind.endswith("None") and kind != "JsonValue":
            kind = f"{kind} | None"
        return HeaderField(header.name, f"{annotated}[{kind}, {marker}]", header.required)

    def _route(
        self, op: Operation, feature: Feature, schemas: Schemas, imports: Imports, scope: set[str]
    ) -> Route:
        models = f"generated.{feature.name}.models"
        kinds = [(str(param.name), param.type) for param in op.params]
        kinds += [] if op.body is None else [("body", op.body.type)]
        fields = [Field(name, chosen(imports.type(kind, models), schemas, imports)) for name, kind in kinds]
        inputs_class = imports.name(_RUNTIME, "Inputs")
        if fields:
            inputs_class = pascal(f"{op.name}_inputs")
        positional = [f"call.inputs.{param.name}" for param in op.params if param.location == "path"]
        if op.body is not None:
            positional.append("call.inputs.body")
        named = [f"{param.name}=call.inputs.{param.name}" for param in op.params if param.location != "path"]
        endpoint = (
            op.name if op.name not in ("handler", "router", "request", "call") else f"{op.name}_endpoint"
        )
        variable = f"{op.name}_operation"
        while variable in scope:
            variable += "_"
        scope.add(variable)
        return Route(
            name=op.name,
            endpoint=endpoint,
            variable=variable,
            context=imports.name(_RUNTIME, op.context),
            decorator=_decorator(op),
            doc=self._operation_doc(op, 8, full=False),
            arguments=", ".join(["call.ctx", *positional, *named]),
            silent=op.result.expr == "None",
            inputs=tuple(fields),
            inputs_class=inputs_class,
            inputs_doc=docstring(f"What `{op.name}` is called with.", indent=4, width=self._width),
        )

    def _operation_doc(self, op: Operation, indent: int, *, full: bool) -> str:
        head = sentence(op.summary)
        rest = op.description if full else ""
        if not head:
            head, _, rest = op.description.strip().partition("\n\n")
            head, rest = sentence(head) or f"{words(op.name)}.", rest if full else ""
        elif sentence(rest) == head:
            rest = ""
        place = f"{op.method} {op.path} ({op.source})"
        old = "Deprecated." if op.deprecated and full else ""
        raised = f"Raises {', '.join(op.errors)}." if op.errors and full else ""
        return docstring(head, rest, old, raised, place, indent=indent, width=self._width)

    def _doc(self, text: str) -> str:
        return docstring(text, indent=0, width=self._width)

    def _print(self, name: str, **values: object) -> str:
        return self._templates.get_template(name).render(**values)


_NAMES = re.compile(r"[^\W\d]\w*")


def specificity(path: str) -> tuple[tuple[int, int], ...]:
    """Sort key of a path template: at the first difference the more literal segment comes first."""
    return tuple(
        (0, 0) if "{" not in segment else (1, -len(re.sub(r"\{[^}]*\}", "", segment)))
        for segment in path.strip("/").split("/")
    )


def _without(ref: TypeRef, names: Collection[str]) -> TypeRef:
    """`ref` without imports for result classes, which handler.py itself defines."""
    return TypeRef(
        ref.expr,
        frozenset(name for name in ref.models if name not in names),
        frozenset((module, name) for module, name in ref.imports if name not in names),
    )


def _default(param: Param, imports: Imports) -> str:
    if param.default is not None:
        return f" = {imports.expression(param.default)}"
    return "" if param.required or param.has_default else " = None"


def _decorator(op: Operation) -> str:
    arguments = f"{literal(op.route)}, operation_id={literal(op.operation_id)}, status_code={op.status}"
    if op.deprecated:
        arguments += ", deprecated=True"
    if op.method in _DECORATORS:
        return f"{op.method.lower()}({arguments})"
    return f'api_route({arguments}, methods=["{op.method}"])'
