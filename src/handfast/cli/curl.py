"""One request to copy: the first operation that shows something, with everything it needs filled in."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from handfast.cli.sample import NoSampleError, sample
from handfast.validation.pointers import followed

if TYPE_CHECKING:
    from handfast.codegen.ir import Feature, Json, Media, Operation, Param
    from handfast.fuzz.surface import Credential

    Credentials = Mapping[str, Credential]
    """Security scheme -> what to send for it."""


def line(url: str, features: Sequence[Feature], credentials: Mapping[str, Credentials]) -> str | None:
    """Return a curl command for one operation of the service at `url`, or None where none can be made.

    The first POST with a JSON body is taken, those without path parameters before others; where no such
    operation has a sample, the first GET. `credentials` is per feature, by its name.
    """
    pairs = [(feature, operation) for feature in features for operation in feature.operations]
    posts = [pair for pair in pairs if pair[1].method == "POST" and _json_body(pair[1])]
    gets = [pair for pair in pairs if pair[1].method == "GET"]
    for feature, operation in (*sorted(posts, key=_places), *sorted(gets, key=_places)):
        try:
            return _command(url, feature, operation, credentials.get(feature.name, {}))
        except NoSampleError:
            continue
    return None


def _places(pair: tuple[Feature, Operation]) -> int:
    """How many things a caller must know beforehand."""
    return sum(param.location == "path" for param in pair[1].params)


def _json_body(operation: Operation) -> Media | None:
    media = operation.body.media if operation.body else ()
    return next((one for one in media if one.kind == "json"), None)


def _command(url: str, feature: Feature, operation: Operation, credentials: Credentials) -> str:
    path, query, headers, cookies = operation.path, [], [], []
    for param in operation.params:
        if not param.required:
            continue
        text = _text(param, feature)
        match param.location:
            case "path":
                path = path.replace("{" + param.wire + "}", quote(text, safe=""))
            case "query":
                query.append((str(param.wire), text))
            case "header":
                headers.append((str(param.wire), text))
            case "cookie":
                cookies.append((str(param.wire), text))
    for scheme in operation.security[0] if operation.security else ():
        if scheme[0] not in credentials:
            raise NoSampleError
        sent = credentials[scheme[0]]
        {"query": query, "cookie": cookies}.get(sent.location, headers).append((sent.name, sent.value))
    if cookies:
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
    body = _json_body(operation)
    data: list[str] = []
    if body is not None:
        headers.append(("Content-Type", "application/json" if "*" in body.media_type else body.media_type))
        schema: Json = {"$ref": f"#/$defs/{body.schema}"} if body.schema else True
        made = sample(schema, _defs(feature), first=_written(feature, operation, body.media_type))
        data = ["-d", json.dumps(made, ensure_ascii=False)]
    address = url + path + (f"?{urlencode(query)}" if query else "")
    words = [word for name, text in headers for word in ("-H", f"{name}: {text}")]
    return shlex.join(["curl", "-sS", "-X", operation.method, address, *words, *data])


def _text(param: Param, feature: Feature) -> str:
    """A scalar as it stands in an address; lists and objects are left to other operations."""
    value = sample({"$ref": f"#/$defs/{param.schema}"}, _defs(feature))
    match value:
        case bool():
            return "true" if value else "false"
        case str() if value:
            return value
        case int() | float():
            return str(value)
    raise NoSampleError


def _defs(feature: Feature) -> dict[str, Json]:
    return {str(name): schema for name, schema in feature.schemas.items()}


def _written(feature: Feature, operation: Operation, media_type: str) -> Iterator[Json]:
    """The examples that the author wrote beside the body."""
    body: Json = dict(feature.document)
    for key in ("paths", operation.path, operation.method.lower(), "requestBody", "content", media_type):
        body = _resolved(body, feature).get(key)
    media = _resolved(body, feature)
    if "example" in media:
        yield media["example"]
    for example in _resolved(media.get("examples"), feature).values():
        yield _resolved(example, feature).get("value")


def _resolved(node: Json, feature: Feature) -> Mapping[str, Json]:
    """`node` as a mapping, its local reference followed; empty where it is none."""
    found = followed(feature.document, node)
    return found if isinstance(found, dict) else {}
