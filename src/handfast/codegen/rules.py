"""What must hold between the parts of a checked document: versions, locations, names."""

from __future__ import annotations

import re

from handfast.codegen.grammar import operations_in
from handfast.codegen.report import Report, listed, nearest
from handfast.codegen.source import Map, Node, Seq, child_source, entry_source, kind_of
from handfast.codegen.walk import walk

LOCATIONS = ("path", "query", "header", "cookie", "querystring")
_VERSION = re.compile(r"3\.[012](\.\d+)?(-.*)?\Z")
_LEAVES = frozenset(("schema", "parameter"))
_SWAGGER2 = {
    "body": "use `requestBody`",
    "formdata": "use `requestBody` with `application/x-www-form-urlencoded`",
}


def check(root: Map, report: Report) -> None:
    """Note every breach of a rule that reaches beyond one object's structure."""
    _version(root, report)
    _paths(root, report)
    _operation_ids(root, report)
    _parameters(root, report)
    if str(root.get("openapi", "")).startswith(("3.0", "3.1")):
        _no_newer_values(root, report)
    _security(root, report)


def _version(root: Map, report: Report) -> None:
    version = root.get("openapi")
    if not isinstance(version, str) or not _VERSION.match(version):
        shown = f"`{version[:40]}`" if isinstance(version, str) else kind_of(version)
        what = f"{shown} is no version of OpenAPI that can be read"
        report.error(root.value_source("openapi"), "not-openapi", what, "write `openapi: 3.1.0` (or 3.0.x)")


def _paths(root: Map, report: Report) -> None:
    # A `paths` of the wrong structure has been reported, and is gone.
    if (
        not report.fatal
        and "paths" not in root
        and not any(key in root for key in ("webhooks", "components"))
    ):
        report.error(
            root.source, "no-paths", "the contract has no `paths`", "add `paths:` with at least one operation"
        )


def operations(root: Map) -> list[tuple[str, Map, str, Map]]:
    """Return (path, path item, method, operation) of every operation that stands under `paths`."""
    found: list[tuple[str, Map, str, Map]] = []
    paths = root.get("paths")
    if isinstance(paths, Map):
        for path, item in paths.items():
            if not isinstance(item, Map) or not path.startswith("/"):
                continue
            found += [(path, item, method, op) for method, op in _operations(item)]
    return found


def _operations(item: Map) -> list[tuple[str, Map]]:
    """Return (HTTP method, operation) of a path item."""
    found = [(method, holder[key]) for method, holder, key in operations_in(item)]
    return [(method, operation) for method, operation in found if isinstance(operation, Map)]


def _operation_ids(root: Map, report: Report) -> None:
    first: dict[str, Map] = {}
    for path, _, method, operation in operations(root):
        name = operation.get("operationId")
        if not isinstance(name, str):
            continue
        other = first.setdefault(name, operation)
        if other is operation:
            continue
        if other.value_source("operationId") == operation.value_source("operationId"):
            _by_reference(name, operation, method, path, report)
            continue
        place = other.key_source("operationId")
        where = f"line {place.line}"
        source = operation.value_source("operationId")
        if place.file != source.file:
            where += f" of {place.file}"
        what = f"`{name}` is already the name of the operation at {where}"
        report.error(source, "duplicate-operation-id", what, "give each operation its own operationId")


def _by_reference(name: str, operation: Map, method: str, path: str, report: Report) -> None:
    """Let an operation that stands under two paths by reference have its operationId under the first."""
    what = f"`{name}` stands at `{method} {path}` too, by reference; there it has no operationId"
    fix = "write the operation anew, with an operationId of its own"
    finding = report.warn(operation.value_source("operationId"), "reused-operation", what, fix)
    report.explain(operation, "operationId", finding)
    del operation["operationId"]


def _parameters(node: Map, report: Report) -> None:
    """Check every parameter object, wherever it stands."""
    components = node.get("components")
    if isinstance(components, Map):
        parameters = components.get("parameters")
        if isinstance(parameters, Map):
            for name, parameter in parameters.items():
                _parameter(parameter, parameters, name, report)
        for section in ("pathItems", "callbacks"):
            _items(components.get(section), report, nested=section == "callbacks")
    _items(node.get("paths"), report)
    _items(node.get("webhooks"), report)


def _items(items: Node, report: Report, *, nested: bool = False) -> None:
    if not isinstance(items, Map):
        return
    for item in items.values():
        if nested:
            _items(item, report)
        elif isinstance(item, Map):
            _list(item.get("parameters"), report)
            for _, operation in _operations(item):
                _list(operation.get("parameters"), report)
                _items(operation.get("callbacks"), report, nested=True)


def _list(parameters: Node, report: Report) -> None:
    if isinstance(parameters, Seq):
        for index, parameter in enumerate(parameters):
            _parameter(parameter, parameters, index, report)


def _parameter(parameter: Node, owner: Map | Seq, key: str | int, report: Report) -> None:
    if not isinstance(parameter, Map) or "$ref" in parameter:
        return
    source = entry_source(owner, key)
    name = parameter.get("name")
    if not isinstance(name, str) or not name:
        report.error(source, "nameless-parameter", "the parameter has no `name`", "add `name:`")
    shown = f"the parameter `{name}`" if isinstance(name, str) else "the parameter"
    location = parameter.get("in")
    if not isinstance(location, str):
        what = f"{shown} does not say where it stands"
        report.error(source, "unknown-location", what, f"add `in:` with {listed(LOCATIONS)}")
    elif location not in LOCATIONS:
        near = nearest(location, LOCATIONS)
        fix = _SWAGGER2.get(
            location.lower(), f"did you mean `{near}`?" if near else f"write {listed(LOCATIONS)}"
        )
        what = f"`{location[:40]}` is no location of a parameter"
        report.error(parameter.value_source("in"), "unknown-location", what, fix)


def _no_newer_values(root: Map, report: Report) -> None:
    """Tell of values that a parameter may have from OpenAPI 3.2 on."""
    version = str(root["openapi"])[:3]
    for visit in walk(root, leaves=_LEAVES):
        node = visit.node
        if visit.kind != "parameter":
            continue
        if node.get("in") == "querystring":
            what = f"`in: querystring` means nothing in OpenAPI {version}"
            report.error(node.value_source("in"), "newer-value", what, "write `openapi: 3.2.0`")
        if node.get("style") == "cookie":
            what = f"`style: cookie` means nothing in OpenAPI {version}; the parameter is read as `form`"
            finding = report.warn(node.value_source("style"), "newer-value", what, "write `openapi: 3.2.0`")
            report.explain(node, "style", finding)
            del node["style"]


def _security(root: Map, report: Report) -> None:
    components = root.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, Map) else None
    declared = list(schemes) if isinstance(schemes, Map) else []
    for owner in [root, *(operation for _, _, _, operation in operations(root))]:
        requirements = owner.get("security")
        for requirement in requirements if isinstance(requirements, Seq) else ():
            if not isinstance(requirement, Map):
                continue
            for name, scopes in requirement.items():
                _requirement(name, scopes, requirement, declared, report)


def _requirement(name: str, scopes: Node, requirement: Map, declared: list[str], report: Report) -> None:
    if name not in declared:
        near = nearest(name, declared)
        fix = f"did you mean `{near}`?" if near else "declare it in `components.securitySchemes`"
        what = f"the security scheme `{name}` is not declared; nobody can satisfy it"
        report.warn(requirement.key_source(name), "unknown-scheme", what, fix)
    if scopes is not None and not isinstance(scopes, Seq):
        what = f"the scopes of `{name}` must be a list, not {kind_of(scopes)}"
        report.error(
            requirement.value_source(name), "wrong-structure", what, "write `[]` or a list of scopes"
        )
    for index, scope in enumerate(scopes if isinstance(scopes, Seq) else ()):
        if not isinstance(scope, str) and isinstance(scopes, Seq):
            what = f"a scope of `{name}` must be a text, not {kind_of(scope)}"
            report.error(child_source(scopes, index), "wrong-structure", what, "write its name as a text")
