"""Parameters and headers as OpenAPI wants them: a style that their place has, one way to say the value."""

from __future__ import annotations

from collections.abc import Mapping

from handfast.codegen.changes import Changes
from handfast.codegen.report import listed, nearest
from handfast.codegen.source import Map, child_source
from handfast.codegen.walk import Visit, key_of

STYLES: Mapping[str, tuple[str, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form", "cookie"),
    "querystring": ("form",),
}
"""Location of a parameter → the styles that it may have, the first by default (OpenAPI 3.1.1, 4.8.12.2.1)."""
FORM = "application/x-www-form-urlencoded"


def parameter(visit: Visit, changes: Changes) -> None:
    """Mend what depends on where a parameter stands."""
    node = visit.node
    location = node.get("in")
    if "$ref" in node or not isinstance(location, str):
        return
    name = str(node.get("name"))
    source = child_source(visit.owner, key_of(visit)) if visit.owner is not None else node.source
    if location == "path" and node.get("required") is not True:
        what = f"the path parameter `{name}` must be `required: true`, and is taken so"
        finding = changes.report.warn(source, "optional-path-parameter", what, "add `required: true`")
        changes.set(node, "required", True, finding)
    if location != "query" and "allowEmptyValue" in node:
        what = f"`allowEmptyValue` means nothing for a {location} parameter, and is ignored"
        changes.drop(node, "allowEmptyValue", "useless-field", what, "remove it")
    allowed = STYLES.get(location)
    style = node.get("style")
    if allowed is not None and style is not None and style not in allowed:
        near = nearest(str(style), allowed)
        fix = f"did you mean `{near}`?" if near else f"write {listed(allowed)}"
        what = f"`{style}` is no style of a {location} parameter; `{name}` is read as `{allowed[0]}`"
        changes.drop(node, "style", "bad-style", what, fix)


def querystring(visit: Visit, changes: Changes) -> None:
    """A whole query string has a media type (OpenAPI 3.2.0, 4.12.1); by a schema alone it is a form."""
    node = visit.node
    if node.get("in") != "querystring" or "$ref" in node or "content" in node:
        return
    content, form = Map(node.file, node.offset), Map(node.file, node.offset)
    schema = node.get("schema")
    if "schema" in node:
        form.put_from(node, "schema", schema)
    what = "a parameter `in: querystring` needs `content` with one media type; it is read as a form"
    fix = f"write `content: {{{FORM}: {{schema: …}}}}`"
    source = node.value_source("in")
    finding = changes.report.warn(source, "bad-querystring", what, fix)
    content.put(FORM, form, node.offset, node.offset)
    changes.set(node, "content", content, finding)
    if "schema" in node:
        changes.drop(node, "schema", "bad-querystring", what, fix)


def header(visit: Visit, changes: Changes) -> None:
    """Drop a style that headers do not have."""
    style = visit.node.get("style")
    if style is not None and style != "simple":
        what = f"`{style}` is no style of a header, which is read as `simple`"
        changes.drop(visit.node, "style", "bad-style", what, "write `simple`, or nothing")


def no_empty_header(visit: Visit, changes: Changes) -> None:
    """Drop fields that OpenAPI 3.1 has for parameters alone."""
    for key in ("allowEmptyValue", "allowReserved"):
        if key in visit.node:
            what = f"`{key}` means nothing for a header, and is ignored"
            changes.drop(visit.node, key, "useless-field", what, "remove it")


def value(visit: Visit, changes: Changes) -> None:
    """A parameter or header has either a schema or one media type."""
    node = visit.node
    if "$ref" in node:
        return
    content = node.get("content")
    if isinstance(content, Map) and "schema" in node:
        what = "`schema` says what the value is, and `content` is ignored"
        changes.drop(node, "content", "both-given", what, "keep one of the two")
    elif isinstance(content, Map) and not content:
        changes.drop(node, "content", "empty-value", "`content` is empty", "name one media type")
    elif isinstance(content, Map):
        for media_type in list(content)[1:]:
            what = f"only one media type may stand here; `{media_type}` is ignored"
            changes.drop(content, media_type, "surplus-media-type", what, "keep one media type")
    if "schema" not in node and "content" not in node:
        what = "neither `schema` nor `content` says what the value is; anything is taken"
        made = Map(node.file, node.offset)
        changes.put(node, "schema", made, "missing-field", what, "add `schema:`")
