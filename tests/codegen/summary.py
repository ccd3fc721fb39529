"""An IR as a few lines of text that a person can review: an operation, its parameters and answers below."""

from __future__ import annotations

import json

from handfast.codegen.ir import Encoding, Feature, Media, Operation, TypeRef
from handfast.codegen.project import Loaded


def findings_text(loaded: Loaded) -> str:
    """Return all findings as the command line prints them."""
    return "".join(f"{finding}\n" for finding in loaded.findings)


def features_text(loaded: Loaded) -> str:
    """Return all features as text."""
    return "\n".join(feature_text(feature) for feature in loaded.features)


def feature_text(feature: Feature) -> str:
    """Return one feature as text."""
    lines = [f"feature {feature.name} ({feature.title} {feature.version}) from {feature.file}"]
    for operation in feature.operations:
        lines += operation_lines(operation)
    lines.append(f"  classes: {' '.join(sorted(feature.classes))}")
    if feature.patch_schemas:
        lines.append(f"  patch: {' '.join(sorted(feature.patch_schemas))}")
    if feature.upload_schemas:
        lines.append(f"  upload: {' '.join(sorted(feature.upload_schemas))}")
    lines += [
        f"  {name}: {json.dumps(schema, ensure_ascii=False)}" for name, schema in feature.schemas.items()
    ]
    return "\n".join(lines) + "\n"


def operation_lines(operation: Operation) -> list[str]:
    """Return the lines of one operation."""
    place = str(operation.source).split("/contracts/")[-1]
    head = f"{operation.method} {operation.route} {operation.status} {operation.context}"
    lines = [f"  {head} [{operation.operation_id}] {place}"]
    signature = [f"{param.name}: {param.type.expr}" for param in operation.params if param.location == "path"]
    if operation.body:
        signature.append(f"body: {operation.body.type.expr}")
    keywords = [param for param in operation.params if param.location != "path"]
    for param in keywords:
        default = param.default or ("..." if param.has_default else "None")
        signature.append(f"{param.name}: {param.type.expr}" + ("" if param.required else f" = {default}"))
    lines.append(f"    {operation.name}({', '.join(signature)}) -> {operation.result.expr}")
    for param in operation.params:
        how = [param.schema, param.style, *(["explode"] if param.explode else []), param.content or ""]
        lines.append(f"    {param.location} {param.wire}: {' '.join(how)}".rstrip())
    if operation.body:
        for media in operation.body.media:
            lines.append(f"    body {media.media_type} {media.kind} {media.schema}: {media.type.expr}")
            lines += [f"      {line}" for line in part_lines(media)]
    for response in operation.responses:
        kinds = ", ".join(f"{media.media_type} {media.kind} {media.schema}" for media in response.media)
        headers = ", ".join(f"{header.wire}: {header.type.expr}" for header in response.headers)
        lines.append(f"    {response.status} {kinds}{' headers ' + headers if headers else ''}".rstrip())
        lines += [f"      {line}" for media in response.media for line in part_lines(media)]
    for result in operation.result_classes:
        body: TypeRef | None = result.body
        lines.append(f"    class {result.name}({result.status}, {body.expr if body else None})")
    return lines


def part_lines(media: Media) -> list[str]:
    """Return the lines of what is said of the parts of a body, or of the fields of a form."""
    places = [*(("", one) for one in media.prefix), *([("further ", media.rest)] if media.rest else [])]
    lines: list[str] = []
    for word, part in places:
        lines.append(f"{word}part {part.kind} {part.schema}: {part.type.expr}{encoding_text(part.encoding)}")
        lines += inner_lines(part.encoding)
    for name, encoding in media.encoding.items():
        lines.append(f"field {name}{encoding_text(encoding)}")
        lines += inner_lines(encoding)
    return lines


def inner_lines(encoding: Encoding) -> list[str]:
    """Return the lines of the parts inside of a part."""
    return [] if encoding.inner is None else [f"  {line}" for line in part_lines(encoding.inner)]


def encoding_text(encoding: Encoding) -> str:
    """Return what an encoding says, in one line."""
    said = [encoding.content_type, encoding.style]
    said += [f"{header.wire}: {header.schema}{'!' * header.required}" for header in encoding.headers]
    return "".join(f" [{one}]" for one in said if one)
