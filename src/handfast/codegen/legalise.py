"""Checked document → legal document: what OpenAPI's own schema refuses is mended where its meaning is plain.

The published contract must be accepted by every strict reader. Each change is a finding and, by comparison
with the author's document, a step of the legalisation; nothing that is enforced depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from handfast.codegen import legalnames, legalpaths, legalschemas, legalsecurity
from handfast.codegen import pointer as pointers
from handfast.codegen.changes import Changes
from handfast.codegen.grammar import is_extension
from handfast.codegen.legalisation import Move
from handfast.codegen.report import Report, listed, nearest
from handfast.codegen.source import Map, Seq, child_source
from handfast.codegen.walk import Visit, walk

STYLES: Mapping[str, tuple[str, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form", "cookie"),
    "querystring": ("form",),
}
"""Location of a parameter → the styles that it may have, the first by default (OpenAPI 3.1.1, 4.8.12.2.1)."""
FORM = "application/x-www-form-urlencoded"
_STATUS = re.compile(r"[1-5](\d\d|XX)\Z")


def legalise(root: Map, report: Report) -> tuple[Move, ...]:
    """Mend `root` in place; return which entries were moved."""
    changes = Changes(report)
    old = str(root.get("openapi", "")).startswith("3.0")
    rules = _RULES | (_OLD_RULES if old else _NEW_RULES)
    if not str(root.get("openapi", "")).startswith(("3.0", "3.1")):
        rules |= _NEWEST_RULES
    for visit in walk(root):
        _reference(visit, "$ref", changes)
        if visit.kind == "link":
            _reference(visit, "operationRef", changes)
        if old:
            legalschemas.no_flags(visit, changes)
        for rule in rules.get(visit.kind, ()):
            rule(visit, changes)
    legalpaths.legalise(root, changes)
    legalnames.legalise(root, changes)
    return tuple(changes.moves)


def _reference(visit: Visit, key: str, changes: Changes) -> None:
    ref = visit.node.get(key)
    made = pointers.encoded(ref) if isinstance(ref, str) else ref
    if made != ref:
        what = f"`{ref}` holds characters that a reference may not hold; it is published percent-encoded"
        finding = changes.report.warn(visit.node.value_source(key), "unencoded-ref", what, f"write `{made}`")
        changes.set(visit.node, key, made, finding)


Rule = Callable[[Visit, Changes], None]


def _needs(key: str, value: str, shown: str) -> Rule:
    """Make the rule that adds a field that must be there."""

    def rule(visit: Visit, changes: Changes) -> None:
        if key not in visit.node and "$ref" not in visit.node:
            what = f"{shown} has no `{key}`, which OpenAPI demands"
            changes.put(visit.node, key, value, "missing-field", what, f"add `{key}:`")

    return rule


def _useless_without(key: str, shown: str) -> Rule:
    """Make the rule that drops an object without the field that gives it a meaning."""

    def rule(visit: Visit, changes: Changes) -> None:
        if key not in visit.node and visit.owner is not None:
            what = f"{shown} has no `{key}`, and is ignored"
            changes.drop(visit.owner, _key(visit), "missing-field", what, f"add `{key}:`")

    return rule


def _key(visit: Visit) -> str | int:
    """Return where the object stands in its owner by now."""
    if isinstance(visit.owner, Seq):
        return next(index for index, item in enumerate(visit.owner) if item is visit.node)
    return visit.key


def _either(one: str, other: str, shown: str) -> Rule:
    """Make the rule that drops `other` where `one` is given too."""

    def rule(visit: Visit, changes: Changes) -> None:
        if one in visit.node and other in visit.node:
            what = f"{shown} has both `{one}` and `{other}`, and `{other}` is ignored"
            changes.drop(visit.node, other, "both-given", what, "keep one of the two")

    return rule


# --- operations -----------------------------------------------------------------------------------


def _statuses(visit: Visit, changes: Changes) -> None:
    responses = visit.node.get("responses")
    if not isinstance(responses, Map):
        return
    for key in [key for key in responses if not is_extension(key) and key != "default"]:
        status = key.upper()
        if not _STATUS.match(status):
            what = f"`{key[:40]}` is no status, and is dropped"
            fix = "write three digits, a range such as `4XX`, or `default`"
            changes.drop(responses, key, "bad-status", what, fix)
        elif status[0] == "1":
            what = f"`{key}` is no final answer; it is dropped"
            changes.drop(responses, key, "interim-status", what, "declare the final answer only")
        elif status != key and status in responses:
            what = f"`{key}` is `{status}`, which is declared too; it is dropped"
            changes.drop(responses, key, "bad-status", what, "declare each range once")
        elif status != key:
            what = f"`{key}` is published as `{status}`"
            finding = changes.report.warn(responses.key_source(key), "bad-status", what, f"write `{status}`")
            changes.move((*visit.path, "responses", key), (*visit.path, "responses", status), finding)
            responses[status] = responses.pop(key)
            responses.marks[status] = responses.marks.pop(key)


def _answers(visit: Visit, changes: Changes) -> None:
    """OpenAPI 3.0 demands an answer; what an operation without any answers is an empty 200."""
    file, offset = visit.node.file, visit.node.offset
    responses = visit.node.get("responses")
    if isinstance(responses, Map) and any(not is_extension(key) for key in responses):
        return
    what = "the operation declares no answer, which OpenAPI 3.0 demands; it answers an empty 200"
    finding = changes.report.warn(visit.node.key_source("responses"), "no-responses", what, "declare one")
    if not isinstance(responses, Map):
        responses = Map(file, offset)
        changes.set(visit.node, "responses", responses, finding)
    answer = Map(file, offset)
    answer.put("description", "", offset, offset)
    changes.set(responses, "200", answer, finding)


def _no_empty_responses(visit: Visit, changes: Changes) -> None:
    if visit.node.get("responses") == {}:
        changes.drop(visit.node, "responses", "no-responses", "`responses` is empty", "declare an answer")


# --- parameters -----------------------------------------------------------------------------------


def _parameter(visit: Visit, changes: Changes) -> None:
    node = visit.node
    location = node.get("in")
    if "$ref" in node or not isinstance(location, str):
        return
    name = str(node.get("name"))
    source = child_source(visit.owner, _key(visit)) if visit.owner is not None else node.source
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


def _querystring(visit: Visit, changes: Changes) -> None:
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


def _header(visit: Visit, changes: Changes) -> None:
    style = visit.node.get("style")
    if style is not None and style != "simple":
        what = f"`{style}` is no style of a header, which is read as `simple`"
        changes.drop(visit.node, "style", "bad-style", what, "write `simple`, or nothing")


def _no_empty_header(visit: Visit, changes: Changes) -> None:
    for key in ("allowEmptyValue", "allowReserved"):
        if key in visit.node:
            what = f"`{key}` means nothing for a header, and is ignored"
            changes.drop(visit.node, key, "useless-field", what, "remove it")


def _value(visit: Visit, changes: Changes) -> None:
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


# --- the rest -------------------------------------------------------------------------------------


def _info(visit: Visit, changes: Changes) -> None:
    if "info" not in visit.node:
        made = Map(visit.node.file, visit.node.offset)
        what = "the contract has no `info`, which OpenAPI demands"
        changes.put(visit.node, "info", made, "missing-field", what, "add `info:` with `title` and `version`")


def _paths(visit: Visit, changes: Changes) -> None:
    if "paths" not in visit.node:
        made = Map(visit.node.file, visit.node.offset)
        what = "the contract has no `paths`, which OpenAPI 3.0 demands"
        changes.put(visit.node, "paths", made, "missing-field", what, "add `paths: {}`")


def _mapping(visit: Visit, changes: Changes) -> None:
    if not isinstance(visit.node.get("mapping", visit.node), Map):
        what = "`mapping` must be a mapping of values to schemas, and is ignored"
        changes.drop(visit.node, "mapping", "wrong-value", what, "write a mapping")


def _requirement(visit: Visit, changes: Changes) -> None:
    for name in [name for name, scopes in visit.node.items() if scopes is None]:
        made = Seq(visit.node.file, visit.node.offset)
        what = f"the scopes of `{name}` are empty"
        changes.put(visit.node, name, made, "empty-value", what, "write `[]` or a list of scopes")


def _variable(visit: Visit, changes: Changes) -> None:
    if "default" in visit.node:
        return
    values = visit.node.get("enum")
    first = values[0] if isinstance(values, Seq) and values else ""
    what = "the server variable has no `default`, which OpenAPI demands"
    changes.put(visit.node, "default", first, "missing-field", what, "add `default:`")


def _link(visit: Visit, changes: Changes) -> None:
    node = visit.node
    if visit.owner is not None and not any(key in node for key in ("$ref", "operationRef", "operationId")):
        what = "the link names no operation, and is ignored"
        changes.drop(visit.owner, _key(visit), "missing-field", what, "add `operationId:`")


_EXAMPLES = _either("examples", "example", "the object")
_BY_NAME = (
    _either("encoding", "prefixEncoding", "the object"),
    _either("encoding", "itemEncoding", "the object"),
)
_RULES: dict[str, tuple[Rule, ...]] = {
    "document": (_info,),
    "info": (_needs("title", "", "`info`"), _needs("version", "0", "`info`")),
    "operation": (_statuses,),
    "response": (_needs("description", "", "the response"),),
    "parameter": (_parameter, _value, _EXAMPLES),
    "header": (_header, _value, _EXAMPLES),
    "media type": (_EXAMPLES,),
    "example": (_either("value", "externalValue", "the example"),),
    "security requirement": (_requirement,),
    "server": (_useless_without("url", "the server"),),
    "server variable": (_variable,),
    "license": (_useless_without("name", "the license"),),
    "tag": (_useless_without("name", "the tag"),),
    "external docs": (_useless_without("url", "the documentation"),),
    "discriminator": (_mapping,),
    "security scheme": (legalsecurity.scheme,),
    "oauth flows": (legalsecurity.flows,),
    "link": (_link, _either("operationId", "operationRef", "the link")),
}
"""Kind of object → what is mended in it, whatever the version."""
_OLD_RULES: dict[str, tuple[Rule, ...]] = {
    "document": (_info, _paths),
    "operation": (_statuses, _answers),
    "schema": (legalschemas.old,),
}
"""What OpenAPI 3.0 wants besides."""
_NEW_RULES: dict[str, tuple[Rule, ...]] = {
    "header": (_no_empty_header, *_RULES["header"]),
    "operation": (_statuses, _no_empty_responses),
    "schema": (legalschemas.new,),
}
"""What OpenAPI 3.1 wants besides."""
_NEWEST_RULES: dict[str, tuple[Rule, ...]] = {
    "response": (),
    "example": (
        _either("value", "externalValue", "the example"),
        _either("value", "dataValue", "the example"),
        _either("value", "serializedValue", "the example"),
        _either("externalValue", "serializedValue", "the example"),
    ),
    "parameter": (_querystring, *_RULES["parameter"]),
    "media type": (_EXAMPLES, *_BY_NAME),
    "encoding": _BY_NAME,
}
"""What OpenAPI 3.2 wants instead."""
