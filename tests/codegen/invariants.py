"""What holds for every feature that `load` returns, whatever the contract."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator

from handfast.codegen.ir import Feature, Media, Operation, TypeRef
from handfast.codegen.names import is_reserved_class
from handfast.codegen.variants import references


def type_refs(operation: Operation) -> Iterator[TypeRef]:
    """Yield every type that the operation's generated code names."""
    yield operation.result
    for param in operation.params:
        yield param.type
    if operation.body:
        yield operation.body.type
        for media in operation.body.media:
            yield media.type
    for response in operation.responses:
        for media in response.media:
            yield media.type
        for header in response.headers:
            yield header.type
    for result in operation.result_classes:
        if result.body:
            yield result.body


def check_feature(feature: Feature) -> None:
    """Assert every invariant of one feature."""
    names = set(feature.schemas)
    for name, schema in feature.schemas.items():
        assert references(schema) <= names, f"{name} refers to a schema that does not exist"
    assert feature.classes <= names
    assert feature.patch_schemas <= feature.classes
    assert feature.upload_schemas <= feature.classes
    for name in names:
        assert name.isidentifier()
        assert name[0].isupper() or not name[0].isascii()
        assert not is_reserved_class(name), name
        assert len(name) <= 70
    assert len({name.casefold() for name in names}) == len(names)
    functions = [operation.name for operation in feature.operations]
    assert len(set(functions)) == len(functions)
    results = [result.name for operation in feature.operations for result in operation.result_classes]
    assert len(set(results)) == len(results)
    assert not set(results) & names
    for operation in feature.operations:
        check_operation(operation, feature)


def check_operation(operation: Operation, feature: Feature) -> None:
    """Assert what holds for one operation."""
    assert operation.name.isidentifier()
    assert not keyword.iskeyword(operation.name)
    assert operation.source.line >= 1
    assert operation.source.column >= 1
    own = {result.name for result in operation.result_classes}
    for ref in type_refs(operation):
        ast.parse(ref.expr, mode="eval")
        assert ref.models <= feature.classes, (operation.name, ref)
        used = {node.id for node in ast.walk(ast.parse(ref.expr, mode="eval")) if isinstance(node, ast.Name)}
        known = (
            ref.models
            | own
            | {name for _, name in ref.imports}
            | {"str", "int", "float", "bool", "list", "dict", "tuple"}
        )
        assert used <= known, (operation.name, ref)
    params = [param.name for param in operation.params]
    assert len(set(params)) == len(params)
    assert {"self", "ctx", "body"}.isdisjoint(params)
    in_path = [param.name for param in operation.params if param.location == "path"]
    assert re.findall(r"\{([^{}]*)\}", operation.route) == in_path
    for param in operation.params:
        assert param.name.isidentifier()
        assert not keyword.iskeyword(param.name)
        assert param.schema in feature.schemas
        assert param.has_default or param.default is None
        if param.default is not None:
            ast.parse(param.default, mode="eval")
    for media in operation.body.media if operation.body else ():
        check_media(media, feature)
    for response in operation.responses:
        for media in response.media:
            check_media(media, feature)


def check_media(media: Media, feature: Feature) -> None:
    """Assert what holds for a media type and the parts that it may have."""
    assert media.schema is None or media.schema in feature.schemas
    parts = [*media.prefix, *([] if media.rest is None else [media.rest])]
    assert not parts or media.kind == "parts"
    for part in parts:
        assert part.schema is None or part.schema in feature.schemas
    for encoding in [*media.encoding.values(), *(part.encoding for part in parts)]:
        assert all(header.schema in feature.schemas for header in encoding.headers)
        if encoding.inner is not None:
            check_media(encoding.inner, feature)
