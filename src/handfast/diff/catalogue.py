"""Every rule by its name: what it finds, how severe it is for whom, and how to make the change compatible.

`docs/reference/diff.md` is written from it. A rule of a schema has no severity of its own: whether it
hurts is decided for each place, by what the schemas accept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from handfast.diff.model import Direction, Severity

SAFE, RISKY, BREAKING = Severity.SAFE, Severity.RISKY, Severity.BREAKING
Judged: TypeAlias = Literal["subsumption"]
SUBSUMPTION: Final = "subsumption"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of change."""

    category: str
    what: str
    request: Severity | Judged
    response: Severity | Judged
    fix: str = ""
    """How to make it compatible where it hurts; empty for the advice of its direction."""

    def severity(self, direction: Direction) -> Severity | Judged:
        """Return how severe it is in one direction."""
        return self.request if direction == "request" else self.response


def hurts(direction: Direction, severity: Severity) -> str:
    """Say who is hurt."""
    if severity is SAFE:
        return ""
    who = {
        "request": "callers that send what was accepted until now",
        "response": "consumers that count on what they were sent until now",
    }[direction]
    return who if severity is BREAKING else f"some {who}"


_ADVICE: Final[Mapping[Direction, str]] = {
    "request": "keep accepting what was accepted, and offer the stricter form as a new operation or version",
    "response": "keep sending only what was declared, and send the new form in a new property or version",
}


def advice(rule: str, direction: Direction, severity: Severity) -> str:
    """Say how to make a change compatible."""
    return "" if severity is SAFE else RULES[rule].fix or _ADVICE[direction]


def _both(category: str, what: str, severity: Severity | Judged, fix: str = "") -> Rule:
    return Rule(category, what, severity, severity, fix)


def _schema(category: str, what: str, fix: str = "") -> Rule:
    return Rule(category, what, SUBSUMPTION, SUBSUMPTION, fix)


BOUNDS: Final = {
    "minimum": ("the least value", "minimum", "exclusiveMinimum"),
    "maximum": ("the greatest value", "maximum", "exclusiveMaximum"),
    "min-length": ("the least length", "minLength"),
    "max-length": ("the greatest length", "maxLength"),
    "min-items": ("the least number of items", "minItems"),
    "max-items": ("the greatest number of items", "maxItems"),
    "min-properties": ("the least number of properties", "minProperties"),
    "max-properties": ("the greatest number of properties", "maxProperties"),
}
"""Name of a border → what it bounds, and its keywords."""


def _bounds() -> Iterator[tuple[str, Rule]]:
    for name, (what, *_) in BOUNDS.items():
        for verb in ("added", "removed", "raised", "lowered"):
            yield f"{name}-{verb}", _schema("bounds", f"{what} was {verb}")


_SCHEMA_RULES: dict[str, Rule] = {
    "type-removed": _schema("types", "a type is admitted no more"),
    "type-added": _schema("types", "another type is admitted"),
    "type-changed": _schema("types", "the types are others"),
    "nullable-removed": _schema("nullable", "null is admitted no more"),
    "nullable-added": _schema("nullable", "null is admitted"),
    "enum-value-removed": _schema("enums", "a value was taken out of an enum or const"),
    "enum-value-added": _schema("enums", "a value was added to an enum or const",
        "announce new values beforehand, or send them in a new property; consumers should have been told to expect more"),
    "enum-added": _schema("enums", "only named values are admitted now"),
    "enum-removed": _schema("enums", "any value is admitted where only named ones were"),
    **dict(_bounds()),
    "multiple-of-changed": _schema("bounds", "`multipleOf` was added, removed or changed"),
    "unique-items-changed": _schema("bounds", "`uniqueItems` was added or removed"),
    "pattern-added": _schema("formats", "texts must match a pattern now"),
    "pattern-removed": _schema("formats", "texts need not match a pattern any more"),
    "pattern-changed": _schema("formats", "the pattern of a text is another one"),
    "format-added": _schema("formats", "values must have a format now"),
    "format-removed": _schema("formats", "values need not have a format any more"),
    "format-changed": _schema("formats", "the format is another one"),
    "content-changed": _both("formats", "`contentEncoding`, `contentMediaType` or `contentSchema` is another one", RISKY,
        "send the other encoding in a new property"),
    "property-became-required": _schema("required", "a property is demanded now", "leave it optional, and say what is assumed without it"),
    "property-became-optional": _schema("required", "a property need not be there any more", "keep sending it always"),
    "required-property-added": _schema("required", "there is a new property, and it is demanded", "make it optional, with a default"),
    "optional-property-added": _schema("properties", "there is a new property, which may be absent"),
    "property-removed": Rule("properties", "a property is not described any more", SUBSUMPTION, SUBSUMPTION,
        "keep it, marked `deprecated`, until nobody uses it"),
    "property-forbidden": _schema("properties", "a property may not be there any more", "keep it, marked `deprecated`, until nobody uses it"),
    "additional-properties-forbidden": _schema("properties", "properties that are not described are admitted no more"),
    "additional-properties-allowed": _schema("properties", "properties that are not described are admitted"),
    "pattern-properties-changed": _schema("properties", "`patternProperties` describe other names"),
    "property-names-changed": _schema("properties", "`propertyNames` are others"),
    "dependencies-changed": _schema("properties", "what a property demands of others (`dependentRequired`, `dependentSchemas`) is another"),
    "unevaluated-changed": _schema("properties", "`unevaluatedProperties` or `unevaluatedItems` is another"),
    "items-changed": _schema("items", "the items of a list are described otherwise (`prefixItems`, `items`)"),
    "contains-changed": _schema("items", "what a list must contain is another"),
    "schema-forbidden": _schema("types", "nothing is admitted here any more"),
    "schema-allowed": _schema("types", "something is admitted where nothing was"),
    "choice-option-removed": _schema("choices", "a branch of `oneOf` or `anyOf` is gone"),
    "choice-option-added": _schema("choices", "there is a new branch of `oneOf` or `anyOf`"),
    "choice-added": _schema("choices", "a value must be of one of several forms now"),
    "choice-removed": _schema("choices", "a value need not be of one of several forms any more"),
    "choice-changed": _schema("choices", "the branches of `oneOf` or `anyOf` admit other values together"),
    "not-changed": _schema("choices", "what a value must not be (`not`) is another"),
    "condition-changed": _schema("choices", "what holds under a condition (`if`, `then`, `else`) is another"),
    "schema-changed": _schema("choices", "the schema as a whole admits other values, which no single keyword says"),
    "discriminator-added": _both("discriminator", "there is a discriminator", SAFE),
    "discriminator-removed": _both("discriminator", "there is no discriminator any more", RISKY, "keep it: generated clients choose classes by it"),
    "discriminator-property-changed": _both("discriminator", "another property discriminates", BREAKING, "keep the property, and add the other one beside it"),
    "discriminator-value-removed": Rule("discriminator", "a value of the discriminator is gone", BREAKING, SAFE),
    "discriminator-value-added": Rule("discriminator", "there is a new value of the discriminator", SAFE, RISKY),
    "discriminator-value-moved": _both("discriminator", "a value of the discriminator leads to another schema", BREAKING, "give the other schema a value of its own"),
    "default-added": Rule("defaults", "there is a default", RISKY, SAFE, "let what was absent mean what it meant"),
    "default-removed": Rule("defaults", "there is no default any more", RISKY, SAFE, "let what was absent mean what it meant"),
    "default-changed": Rule("defaults", "the default is another one", RISKY, SAFE, "let what was absent mean what it meant"),
    "schema-deprecated": _both("deprecation", "a schema or property is deprecated", SAFE),
    "schema-undeprecated": _both("deprecation", "a schema or property is deprecated no more", SAFE),
    "became-read-only": Rule("read-only and write-only", "a property is read-only now: what callers send of it is ignored", RISKY, SAFE, "add a read-only property of another name"),
    "no-longer-read-only": _both("read-only and write-only", "a property is read-only no more", SAFE),
    "became-write-only": Rule("read-only and write-only", "a property is write-only now: it is sent no more", SAFE, BREAKING, "keep sending it"),
    "no-longer-write-only": Rule("read-only and write-only", "a property is write-only no more: it may be sent", SAFE, RISKY, "send it under another name"),
    "xml-changed": _both("media types", "a value is written otherwise in XML", BREAKING, "offer the other form as a media type of its own"),
}  # fmt: skip

_OPERATION_RULES: dict[str, Rule] = {
    "path-added": _both("paths", "there is a new path", SAFE),
    "path-removed": _both("paths", "a path is gone, with all of its operations", BREAKING, "keep it, `deprecated` and with `x-sunset`, until that day"),
    "path-parameter-renamed": _both("paths", "a path parameter has another name: requests are the same, generated clients are not", RISKY, "keep its name"),
    "operation-added": _both("operations", "there is a new operation", SAFE),
    "operation-removed": _both("operations", "an operation is gone", BREAKING, "keep it, `deprecated` and with `x-sunset`, until that day"),
    "operation-removed-after-sunset": _both("operations", "an operation is gone, and the day of its `x-sunset` is past", SAFE),
    "operation-removed-before-sunset": _both("operations", "a deprecated operation is gone before the day of its `x-sunset`", BREAKING, "keep it until that day"),
    "operation-id-changed": _both("operations", "the operationId is another one: generated clients and handlers are named by it", RISKY, "keep the operationId"),
    "operation-id-added": _both("operations", "the operation has an operationId now", SAFE),
    "operation-deprecated": _both("deprecation", "an operation is deprecated", SAFE),
    "operation-undeprecated": _both("deprecation", "an operation is deprecated no more", SAFE),
    "sunset-added": _both("deprecation", "there is a day from which on it may be gone", SAFE),
    "sunset-removed": _both("deprecation", "the day of its end is said no more", RISKY, "say a day, or end the deprecation"),
    "sunset-postponed": _both("deprecation", "the day of its end is later", SAFE),
    "sunset-brought-forward": _both("deprecation", "the day of its end is earlier than was said", BREAKING, "keep the day that was said"),
    "sunset-unreadable": _both("deprecation", "`x-sunset` is no date", RISKY, "write a date: `x-sunset: '2030-01-31'`"),
    "parameter-deprecated": _both("deprecation", "a parameter is deprecated", SAFE),
    "parameter-undeprecated": _both("deprecation", "a parameter is deprecated no more", SAFE),
    "tag-added": _both("tags", "an operation has a new tag", SAFE),
    "tag-removed": _both("tags", "an operation has a tag no more: generated clients are grouped by tags", SAFE),
    "required-parameter-added": _both("parameters", "there is a new parameter, and it is demanded", BREAKING, "make it optional, with a default"),
    "optional-parameter-added": _both("parameters", "there is a new parameter, which may be absent", SAFE),
    "parameter-removed": _both("parameters", "a parameter is gone: what callers send of it has no effect", RISKY, "keep it, `deprecated`, and do what it says"),
    "parameter-removed-after-sunset": _both("parameters", "a parameter is gone, and the day of its `x-sunset` is past", SAFE),
    "parameter-removed-before-sunset": _both("parameters", "a deprecated parameter is gone before the day of its `x-sunset`", BREAKING, "keep it until that day"),
    "parameter-moved": _both("parameters", "a parameter is sent in another place (path, query, header, cookie)", BREAKING, "take it in both places"),
    "parameter-became-required": _both("required", "a parameter is demanded now", BREAKING, "leave it optional, with a default"),
    "parameter-became-optional": _both("required", "a parameter need not be sent any more", SAFE),
    "parameter-style-changed": _both("parameters", "a parameter is written otherwise (`style`, `explode`)", BREAKING, "keep the style, or take a parameter of another name"),
    "parameter-content-changed": _both("parameters", "a parameter is of another media type", BREAKING, "keep the media type, or take a parameter of another name"),
    "parameter-empty-value-refused": _both("parameters", "`allowEmptyValue` is gone", BREAKING, "keep it"),
    "parameter-empty-value-allowed": _both("parameters", "a parameter may be empty", SAFE),
    "parameter-reserved-changed": _both("parameters", "`allowReserved` was added or removed", RISKY, "keep it"),
    "body-added": _both("bodies", "there is a request body, which may be absent", SAFE),
    "required-body-added": _both("bodies", "there is a request body, and it is demanded", BREAKING, "make it optional"),
    "body-removed": _both("bodies", "there is no request body any more: what callers send has no effect", RISKY, "keep it, and do what it says"),
    "body-became-required": _both("required", "the request body is demanded now", BREAKING, "leave it optional"),
    "body-became-optional": _both("required", "the request body may be absent", SAFE),
    "media-type-removed": _both("media types", "a media type is offered no more", BREAKING, "keep it beside the others"),
    "media-type-added": Rule("media types", "another media type is offered", SAFE, RISKY, "send it only to those who ask for it with `Accept`"),
    "encoding-changed": _both("media types", "a part of a form or multipart body is written otherwise (`encoding`)", RISKY, "keep it"),
    "stream-items-changed": _both("media types", "a stream has items now, or has none any more (`itemSchema`)", BREAKING, "offer the other form as a media type of its own"),
    "success-removed": _both("responses", "a success is declared no more", BREAKING, "keep answering it"),
    "success-added": _both("responses", "there is another success", RISKY, "keep to the successes that were declared"),
    "error-removed": _both("responses", "an error is declared no more", SAFE),
    "error-added": _both("responses", "there is another error", RISKY, "keep to the errors that were declared, or declare `default` early"),
    "response-body-added": _both("responses", "a response has a body where it had none", RISKY, "keep it empty"),
    "response-body-removed": _both("responses", "a response has no body any more", BREAKING, "keep sending it"),
    "header-added": _both("headers", "there is a new response header", SAFE),
    "header-removed": _both("headers", "a response header that may be absent is gone", RISKY, "keep sending it"),
    "required-header-removed": _both("headers", "a response header that was always sent is gone", BREAKING, "keep sending it"),
    "header-became-optional": _both("headers", "a response header need not be sent any more", BREAKING, "keep sending it always"),
    "header-became-required": _both("headers", "a response header is always sent", SAFE),
    "header-style-changed": _both("headers", "a response header is written otherwise", BREAKING, "keep it, and send a header of another name"),
    "link-added": _both("responses", "there is a new link", SAFE),
    "link-removed": _both("responses", "a link is gone", RISKY, "keep it"),
    "link-changed": _both("responses", "a link leads elsewhere", RISKY, "keep it, and add another one"),
    "security-added": _both("security", "credentials are demanded where none were", BREAKING, "leave it public, and protect a new operation"),
    "security-removed": _both("security", "no credentials are demanded any more", SAFE),
    "security-alternative-added": _both("security", "there is another way to be let in", SAFE),
    "security-alternative-removed": _both("security", "a way to be let in is gone", BREAKING, "keep it beside the others"),
    "scope-added": _both("security", "a scope more is demanded", BREAKING, "demand it of new operations only"),
    "scope-removed": _both("security", "a scope is demanded no more", SAFE),
    "security-scheme-added": _both("security", "there is a new security scheme", SAFE),
    "security-scheme-removed": _both("security", "a security scheme is gone; where an operation asked for it, `security-alternative-removed` tells so", SAFE),
    "security-scheme-changed": _both("security", "credentials of a scheme are of another kind, or sent elsewhere", BREAKING, "add a scheme of another name beside it"),
    "security-address-changed": _both("security", "tokens are given out elsewhere (OAuth or OpenID Connect addresses)", RISKY, "keep the old address until nobody asks it"),
    "oauth-flow-added": _both("security", "there is a new OAuth flow", SAFE),
    "oauth-flow-removed": _both("security", "an OAuth flow is gone", BREAKING, "keep it beside the others"),
    "oauth-scope-added": _both("security", "there is a new OAuth scope", SAFE),
    "oauth-scope-removed": _both("security", "an OAuth scope is gone", BREAKING, "keep it"),
    "server-added": _both("servers", "there is a new server", SAFE),
    "server-removed": _both("servers", "a server or base path is gone", BREAKING, "keep it, or redirect from it (308)"),
    "server-variable-changed": _both("servers", "a variable of a server's address has another default or other values", RISKY, "keep the default and the values"),
    "webhook-added": _both("webhooks", "there is a new webhook", SAFE),
    "webhook-removed": _both("webhooks", "a webhook is sent no more", BREAKING, "keep sending it"),
    "callback-added": _both("webhooks", "there is a new callback", SAFE),
    "callback-removed": _both("webhooks", "a callback is sent no more", BREAKING, "keep sending it"),
}  # fmt: skip

RULES: Final[Mapping[str, Rule]] = {**_OPERATION_RULES, **_SCHEMA_RULES}
"""Name → rule."""
