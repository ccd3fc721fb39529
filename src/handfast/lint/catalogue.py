"""Every finding that there is, by its code: what it says, and why it matters.

`generate` and `check` tell what changes or stops the service; `lint` tells that too, and what a contract
leaves to its readers to guess. Both have their words here, and docs/reference/lint.md is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["warning", "advice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule that only `lint` has."""

    code: str
    severity: Severity
    what: str
    """What it reports, in one sentence."""
    why: str


RULES = (
    Rule(
        code="no-operation-id",
        severity="warning",
        what="An operation has no `operationId`.",
        why="Handlers and clients are named after the path instead, and change their names with it.",
    ),
    Rule(
        code="no-input-error",
        severity="advice",
        what="An operation takes input and declares neither 400 nor 422 (nor `4XX` or `default`).",
        why="A service that checks its requests answers so; clients do not know the body of that answer.",
    ),
    Rule(
        code="no-401",
        severity="advice",
        what="An operation demands credentials and declares no 401 (nor `4XX` or `default`).",
        why="It is the first answer that the writer of a client meets.",
    ),
    Rule(
        code="no-client-error",
        severity="advice",
        what="An operation declares no 4xx answer and no `default` at all.",
        why="Every service refuses something, if only a method or a media type.",
    ),
    Rule(
        code="unused-component",
        severity="warning",
        what="Nothing refers to a component, or other unused ones alone do.",
        why="It is generated, read and kept up for nobody; often its reference is misspelt.",
    ),
    Rule(
        code="mixed-errors",
        severity="advice",
        what="The body of an error has another schema than most errors of the contract.",
        why="Clients have to read errors by the operation that gave them.",
    ),
    Rule(
        code="unbounded-string",
        severity="advice",
        what="A text in a request has no `maxLength`, and nothing else that bounds it.",
        why="Only the limit of the whole request stands between a caller and your storage.",
    ),
    Rule(
        code="unbounded-list",
        severity="advice",
        what="A list in a request has no `maxItems`.",
        why="The work of one request grows with its length; the limit of the body is all that bounds it.",
    ),
    Rule(
        code="unpaged-list",
        severity="advice",
        what="A `GET` answers a list that has no `maxItems`, and takes no parameter that pages it.",
        why="The answer grows with the data, until it is too large for those who ask.",
    ),
    Rule(
        code="secret-in-example",
        severity="warning",
        what="An example or a default has the form of a real credential.",
        why="Contracts are published; what stands in them is no secret any longer.",
    ),
)
"""The rules of `lint` alone, in the order of the page."""

SEVERITIES: dict[str, Severity] = {rule.code: rule.severity for rule in RULES}

GENERATION: dict[str, str] = {
    "alias-bomb": "The aliases of a YAML file stand for too many values.",
    "alias-cycle": "A YAML alias stands inside the value that it names.",
    "ambiguous-path": "Two paths match the same address, and neither is more precise.",
    "bad-component-name": "A component's name has characters that OpenAPI does not allow.",
    "bad-expression": "A runtime expression of a link or callback cannot be read.",
    "bad-header-name": "A header's name is no token of HTTP.",
    "bad-key": "A key of a YAML mapping is a mapping or a list.",
    "bad-media-type": "A media type cannot be read.",
    "bad-merge": "A YAML merge (`<<`) names something else than a mapping.",
    "bad-parameter-name": "A parameter's name cannot be sent where it stands.",
    "bad-path": "A path does not start with `/`, or cannot be served.",
    "bad-pattern": "A pattern is no regular expression that can be enforced.",
    "bad-querystring": "A parameter of the whole query string is declared wrongly.",
    "bad-scheme": "A security scheme is declared wrongly.",
    "bad-status": "A key of `responses` is no status.",
    "bad-style": "A parameter's `style` does not go with its place or schema.",
    "bad-sunset": "`x-sunset` or `x-deprecated-since` is no date, or means nothing where it stands.",
    "both-given": "Two fields exclude each other.",
    "broken-manifest": "The list of the generated files cannot be read.",
    "copy": "A contract stands in its folder twice.",
    "dangling-link": "A link names no operation.",
    "dangling-mapping": "A discriminator maps to a schema that does not exist.",
    "dangling-ref": "A `$ref` names nothing.",
    "duplicate-key": "A key is given twice.",
    "duplicate-operation": "Two contracts declare the same method and path.",
    "duplicate-operation-id": "Two operations have the same `operationId`.",
    "duplicate-parameter": "An operation has the same parameter twice.",
    "early-removal": "A deprecated operation is removed before its `x-sunset`; `--force` allows it.",
    "edited-by-hand": "A generated file was edited.",
    "empty-value": "A key has no value.",
    "equal-paths": "Two paths differ in the names of their parameters only.",
    "foreign-pattern": "A pattern is written for another language than ECMA-262.",
    "fragment-in-path": "The key of a path holds a fragment, which is never sent; it is published without.",
    "given-twice": "A value stands in a list twice that must hold it once.",
    "huge-number": "A number is larger than programs hold.",
    "id-ignored": "A pointer in a schema with an `$id` names nothing there, and is read from the document.",
    "ignored-header": "A header is declared that OpenAPI says to ignore.",
    "ignored-sibling": "A key stands beside a `$ref` and means nothing there.",
    "inexact-pattern": "A pattern has a form that is not matched in all texts as ECMA-262 has it.",
    "interim-status": "A 1xx status is declared, which no handler answers.",
    "many-documents": "A YAML file holds several documents.",
    "missing-field": "A field is missing that OpenAPI demands.",
    "missing-mapping": "A schema takes its own value of a discriminator that its mapping does not name.",
    "name-clash": "Two names of the contract are one in Python.",
    "nameless-parameter": "A parameter has no name.",
    "newer-key": "A key belongs to a later version of OpenAPI than the contract's.",
    "newer-value": "A value belongs to a later version of OpenAPI than the contract's.",
    "no-paths": "The contract has no `paths`.",
    "no-responses": "An operation declares no answer; it answers an empty 200.",
    "no-success": "An operation declares errors alone; it answers a valid request by an empty 200.",
    "not-json": "A file is no JSON.",
    "not-openapi": "A file is no OpenAPI 3 document.",
    "not-text": "A file is no text in its encoding.",
    "not-yaml": "A file is no YAML.",
    "odd-template": "The braces of a path hold more than names.",
    "old-keyword": "A keyword means nothing in the contract's version of OpenAPI, such as `nullable` in 3.1.",
    "optional-path-parameter": "A path parameter is not `required: true`.",
    "other-characters": "A path parameter's name is composed of other Unicode characters than in its path.",
    "other-dialect": "A schema names another dialect of JSON Schema.",
    "outside-ref": "A `$ref` leads out of the project.",
    "query-in-path": "The key of a path holds a query; it is published as parameters.",
    "querystring-beside-query": "A parameter of the whole query string stands beside single ones.",
    "ref-cycle": "A chain of `$ref` leads back to itself.",
    "remote-ref": "A `$ref` leads to another machine.",
    "reused-operation": "An operation stands at a second place by reference.",
    "spelled-out-anchor": "A reference by `$anchor` is published as a pointer.",
    "spliced-ref": "A mapping of properties or the like holds a `$ref`, and is replaced by what it names.",
    "surplus-media-type": "Several media types stand where there can be one; the others are ignored.",
    "surplus-path-parameter": "A path parameter does not stand in the path.",
    "too-deep": "A file or its references nest too deeply.",
    "too-large": "A file is too large.",
    "too-many-parts": "Too many parts of other files are copied into one contract.",
    "too-many-scopes": "Dynamic references make more kinds of schemas than can be told apart.",
    "unchecked-media": "The body of a media type is passed on unchecked.",
    "undeclared-path-parameter": "A path names a parameter that is not declared.",
    "unencoded-ref": "A `$ref` holds characters that a URI cannot hold.",
    "unknown-key": "A key means nothing where it stands: misspelt (`tag` for `tags`), or without its `x-`.",
    "unknown-link-parameter": "A link gives a parameter that its operation does not have.",
    "unknown-location": "A parameter's `in` is no location.",
    "unknown-scheme": "A security scheme is not declared, or of an unknown type.",
    "unknown-tag": "A YAML tag has no meaning in a contract.",
    "unreadable": "A file cannot be read.",
    "unreadable-body": "A body cannot be read as it is declared.",
    "unsatisfiable": "No value can meet a schema; references are looked through a few levels deep.",
    "unsendable-body": "A body of a callback or webhook cannot be sent as it is declared.",
    "unservable-method": "A method cannot be received by the server.",
    "useless-field": "A field means nothing in its place.",
    "wrong-default": "A `default` is not a value of its own schema.",
    "wrong-example": "An example or a `default` is refused by its schema.",
    "wrong-ref": "A `$ref` names an object of another kind.",
    "wrong-structure": "A value has another structure than OpenAPI demands.",
    "wrong-value": "A value is none that its key may have.",
}
"""Findings of `generate` and `check`, which `lint` tells too: code → what is wrong."""
