"""`contract.json`: what the running service reads of a feature's contract."""

from __future__ import annotations

from collections.abc import Iterable

from handfast.codegen.answers import Answers
from handfast.codegen.ir import (
    Encoding,
    Feature,
    Header,
    Json,
    Media,
    Operation,
    Param,
    Part,
    Response,
    Sender,
)

JsonObject = dict[str, Json]


def contract(feature: Feature, added: Iterable[Answers]) -> JsonObject:
    """Return the document that the runtime decodes, validates and routes by."""
    platform = {one.operation.name: one for one in added}
    found: JsonObject = {
        "feature": feature.name,
        "file": feature.file,
        "title": feature.title,
        "version": feature.version,
        "schemas": {name: feature.schemas[name] for name in feature.schemas},
        "securitySchemes": dict(feature.security_schemes),
        "operations": {
            operation.name: _operation(operation, platform.get(operation.name))
            for operation in feature.operations
        },
    }
    if feature.senders:
        found["senders"] = {one.operation.name: _sender(one) for one in feature.senders}
    return found


def _sender(sender: Sender) -> JsonObject:
    return {**_operation(sender.operation, None), "kind": sender.kind, "to": sender.to}


def _operation(operation: Operation, added: Answers | None) -> JsonObject:
    body = operation.body
    found: JsonObject = {
        "operationId": operation.operation_id,
        "method": operation.method,
        "path": operation.path,
        "route": operation.route,
        "source": str(operation.source),
        "status": operation.status,
        "security": [
            {scheme: list(scopes) for scheme, scopes in alternative} for alternative in operation.security
        ],
        "deprecated": operation.deprecated,
        "parameters": [_param(param) for param in operation.params],
        "body": None
        if body is None
        else {"required": body.required, "media": [_media(one) for one in body.media]},
        "responses": {response.status: _response(response) for response in operation.responses},
        "platform": {} if added is None else _platform(added),
    }
    if operation.deprecation is not None:
        found["deprecation"] = {"since": operation.deprecation.since, "sunset": operation.deprecation.sunset}
    return found


def _param(param: Param) -> JsonObject:
    found: JsonObject = {
        "name": param.name,
        "wire": param.wire,
        "in": param.location,
        "required": param.required,
        "style": param.style,
        "explode": param.explode,
        "content": param.content,
        "schema": param.schema,
    }
    if param.media is not None:
        found["media"] = _media(param.media)
    if param.allow_empty:
        found["allowEmptyValue"] = True
    return found | {"default": param.default_json} if param.has_default else found


def _media(media: Media) -> Json:
    found: JsonObject = {
        "type": media.media_type,
        "kind": media.kind,
        "schema": media.schema,
        "encoding": {name: _encoding(one) for name, one in media.encoding.items()},
    }
    if media.prefix:
        found["prefix"] = [_part(one) for one in media.prefix]
    if media.rest is not None:
        found["rest"] = _part(media.rest)
    return found if media.of_items else found | {"ofItems": False}


def _encoding(encoding: Encoding) -> JsonObject:
    found: JsonObject = {}
    if encoding.content_type:
        found["contentType"] = encoding.content_type
    if encoding.style:
        found["style"] = encoding.style
    if encoding.explode is not None:
        found["explode"] = encoding.explode
    if encoding.headers:
        found["headers"] = [_header(one) for one in encoding.headers]
    return found if encoding.inner is None else found | {"inner": _media(encoding.inner)}


def _part(part: Part) -> JsonObject:
    return {"kind": part.kind, "schema": part.schema, "encoding": _encoding(part.encoding)}


def _response(response: Response) -> Json:
    return {
        "media": [_media(one) for one in response.media],
        "headers": [_header(one) for one in response.headers],
    }


def _header(header: Header) -> Json:
    found: JsonObject = {
        "name": header.name,
        "wire": header.wire,
        "required": header.required,
        "schema": header.schema,
    }
    return found if header.form == "simple" else found | {"form": header.form}


def _platform(added: Answers) -> JsonObject:
    media: Json = {"type": added.error.media_type, "kind": "json", "schema": added.error.name, "encoding": {}}
    return {status: {"media": [media], "headers": []} for status in added.statuses}
