"""Checked document → legal document: what OpenAPI's own schema refuses is mended where its meaning is plain.

The published contract must be accepted by every strict reader. Each change is a finding and, by comparison
with the author's document, a step of the legalisation; nothing that is enforced depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from handfast.codegen import legallinks, legalnames, legalparams, legalpaths, legalschemas, legalsecurity
from handfast.codegen import pointer as pointers
from handfast.codegen.changes import Changes
from handfast.codegen.grammar import is_extension
from handfast.codegen.legalisation import Move
from handfast.codegen.legalpaths import TOKEN
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Seq
from handfast.codegen.walk import Visit, key_of, walk

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
        else:
            _siblings(visit, changes)
        for rule in rules.get(visit.kind, ()):
            rule(visit, changes)
    legalpaths.legalise(root, changes)
    legallinks.legalise(root, changes)
    legalnames.legalise(root, changes)
    return tuple(changes.moves)


def _reference(visit: Visit, key: str, changes: Changes) -> None:
    ref = visit.node.get(key)
    made = pointers.encoded(ref) if isinstance(ref, str) else ref
    if made != ref:
        what = f"`{ref}` holds characters that a reference may not hold; it is published percent-encoded"
        finding = changes.report.warn(visit.node.value_source(key), "unencoded-ref", what, f"write `{made}`")
        changes.set(visit.node, key, made, finding)


def _siblings(visit: Visit, changes: Changes) -> None:
    """Drop what stands beside the `$ref` of a Reference Object (OpenAPI 3.1.1, 4.8.23); nobody reads it."""
    if visit.kind in ("schema", "path item") or not isinstance(visit.node.get("$ref"), str):
        return
    for key in [key for key in visit.node if key not in ("$ref", "summary", "description")]:
        what = f"`{key}` beside `$ref` is ignored"
        changes.drop(visit.node, key, "ignored-sibling", what, "write it where the reference leads to")


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
            changes.drop(visit.owner, key_of(visit), "missing-field", what, f"add `{key}:`")

    return rule


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
    """An operation that declares no answer to a valid request answers it with an empty 200, and says so.

    OpenAPI 3.0 demands an answer, 3.1 that `responses` is not empty. Where only errors are declared, those
    that a valid request may meet (there is no such thing, or the caller may not see it) are answers too.
    """
    file, offset = visit.node.file, visit.node.offset
    responses = visit.node.get("responses")
    declared = [key for key in responses if not is_extension(key)] if isinstance(responses, Map) else []
    if any(key[:1] in "23" or key in _TO_VALID for key in declared):
        return
    what, code = "the operation declares no answer; it answers an empty 200", "no-responses"
    if declared:
        what, code = (
            "the operation declares errors alone; to a valid request it answers an empty 200",
            "no-success",
        )
    finding = changes.report.warn(visit.node.key_source("responses"), code, what, "declare what it answers")
    if not isinstance(responses, Map):
        responses = Map(file, offset)
        changes.set(visit.node, "responses", responses, finding)
    answer = Map(file, offset)
    answer.put("description", "", offset, offset)
    changes.set(responses, "200", answer, finding)


_TO_VALID = frozenset(("default", "401", "403", "404", "409", "429", "4XX"))


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


def _header_names(visit: Visit, changes: Changes) -> None:
    headers = visit.node.get("headers")
    for name in list(headers) if isinstance(headers, Map) else ():
        if isinstance(headers, Map) and not TOKEN.match(name):
            what = f"`{name[:40]}` is no name that HTTP allows for a header; it is dropped"
            changes.drop(headers, name, "bad-header-name", what, "use letters, digits and hyphens")


def _tags(visit: Visit, changes: Changes) -> None:
    tags = visit.node.get("tags")
    seen: set[str | int] = set()
    for index, tag in [*enumerate(tags if isinstance(tags, Seq) else ())]:
        name = tag.get("name") if isinstance(tag, Map) else None
        if isinstance(name, str) and name in seen and isinstance(tags, Seq):
            at = next(at for at, one in enumerate(tags) if one is tag)
            what = f"the tag `{name}` is described twice; the first counts"
            changes.drop(tags, at, "given-twice", what, "remove one of the two")
        seen.add(name if isinstance(name, str) else index)


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
        changes.drop(visit.owner, key_of(visit), "missing-field", what, "add `operationId:`")


_EXAMPLES = _either("examples", "example", "the object")
_BY_NAME = (
    _either("encoding", "prefixEncoding", "the object"),
    _either("encoding", "itemEncoding", "the object"),
)
_RULES: dict[str, tuple[Rule, ...]] = {
    "document": (_info, _tags),
    "info": (_needs("title", "", "`info`"), _needs("version", "0", "`info`")),
    "operation": (_statuses,),
    "response": (_needs("description", "", "the response"), _header_names),
    "encoding": (_header_names,),
    "parameter": (legalparams.parameter, legalparams.value, _EXAMPLES),
    "header": (legalparams.header, legalparams.value, _EXAMPLES),
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
    "document": (_info, _tags, _paths),
    "operation": (_statuses, _answers),
    "schema": (legalschemas.old, legalschemas.default),
}
"""What OpenAPI 3.0 wants besides."""
_NEW_RULES: dict[str, tuple[Rule, ...]] = {
    "header": (legalparams.no_empty_header, *_RULES["header"]),
    "operation": (_statuses, _answers),
    "schema": (legalschemas.new, legalschemas.default),
}
"""What OpenAPI 3.1 wants besides."""
_NEWEST_RULES: dict[str, tuple[Rule, ...]] = {
    "response": (_header_names,),
    "example": (
        _either("value", "externalValue", "the example"),
        _either("value", "dataValue", "the example"),
        _either("value", "serializedValue", "the example"),
        _either("externalValue", "serializedValue", "the example"),
    ),
    "parameter": (legalparams.querystring, *_RULES["parameter"]),
    "media type": (_EXAMPLES, *_BY_NAME),
    "encoding": (*_BY_NAME, _header_names),
}
"""What OpenAPI 3.2 wants instead."""
