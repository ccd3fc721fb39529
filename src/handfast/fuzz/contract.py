"""The contract as the fuzzer sees it: operations, and every place where one of them takes an id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from handfast.fuzz.names import is_id, noun
from handfast.validation.pointers import at, target

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "QUERY"))
DEEPEST = 6
"""Schemas are followed this far down; recursive ones have no end."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a request that takes an id, or several."""

    location: str
    """`path`, `query`, `header`, `cookie` or `body`."""
    path: tuple[str, ...]
    """The parameter's name, or the way through the body; `*` stands for each item of an array."""
    nouns: tuple[str, ...]
    """What the id may be of, the likeliest first; empty where the names do not tell."""
    required: bool
    schema: Json = field(default=None, compare=False, repr=False)
    """What an id looks like there, its references followed."""

    @property
    def addresses(self) -> bool:
        """Whether it says what the call is about: ids of the path, and those outside a body that it needs."""
        return self.required and self.location != "body"

    @property
    def name(self) -> str:
        """How a message calls it."""
        return f"{self.location} `{'.'.join(self.path)}`"


@dataclass(frozen=True, slots=True)
class Link:
    """What an answer's `links` promise: the value at `pointer` of its body fits `parameter` of a target."""

    pointer: tuple[str, ...]
    parameter: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the contract."""

    method: str
    path: str
    operation_id: str
    security: tuple[tuple[str, ...], ...]
    """Alternatives of scheme names that are needed together; empty where anybody may call."""
    takes_basic: bool
    """Whether a name and a password are one way to say who calls."""
    parameters: tuple[tuple[str, str], ...]
    """Location and name of each parameter."""
    required: frozenset[tuple[str, str]]
    """Those of them that a call needs."""
    slots: tuple[Slot, ...]
    statuses: frozenset[str]
    """Declared statuses: `404`, `4XX`, `default`."""
    body: Json
    """The schema of the JSON body with its references followed; None where there is none."""
    links: tuple[Link, ...]
    nouns: tuple[str, ...]
    """What the fixed parts of the path behind its last id are about: `/notes/{id}/comments` -> `comment`."""

    @property
    def label(self) -> str:
        """`METHOD /path`, as reports say it."""
        return f"{self.method} {self.path}"

    @property
    def name(self) -> str:
        """`METHOD /path (operationId)`."""
        return f"{self.label} ({self.operation_id})" if self.operation_id else self.label

    @property
    def protected(self) -> bool:
        """Whether every caller has to say who it is."""
        return bool(self.security) and all(self.security)

    @property
    def safe(self) -> bool:
        """Whether the method promises to change nothing (RFC 9110, 9.2.1)."""
        return self.method in SAFE

    @property
    def on_one(self) -> bool:
        """Whether the path ends with an id, so that the operation is about one thing."""
        return self.path.rstrip("/").endswith("}")

    def declares(self, status: int) -> bool:
        """Whether the contract names this status, by itself or by its class."""
        return str(status) in self.statuses or f"{status // 100}XX" in self.statuses


class Contract:
    """A published OpenAPI document, 3.0 or 3.1."""

    def __init__(self, document: Mapping[str, Json]) -> None:
        """Read every operation of `document`; references to other documents are not followed."""
        self.document = document
        self.operations = tuple(self._operations())

    @cached_property
    def schemes(self) -> Mapping[str, Mapping[str, Json]]:
        """The security schemes by name."""
        found = _dict(_dict(self.document.get("components")).get("securitySchemes"))
        return {name: _dict(self.resolve(scheme)) for name, scheme in found.items()}

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope that any operation asks for."""
        asked = [_list(self.document.get("security"))]
        for item in _dict(self.document.get("paths")).values():
            asked += [_list(_dict(one).get("security")) for one in _dict(item).values()]
        return tuple(
            sorted(
                {
                    scope
                    for requirements in asked
                    for requirement in requirements
                    for scopes in _dict(requirement).values()
                    for scope in _list(scopes)
                    if isinstance(scope, str)
                }
            )
        )

    def resolve(self, node: Json) -> Json:
        """Follow `node` while it is a reference within the document; None where one leads nowhere."""
        for _ in range(20):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                return node
            found: Json = at(self.document, target(node) or ("",))
            siblings = {key: value for key, value in node.items() if key != "$ref"}
            node = {**siblings, **found} if isinstance(found, dict) else found
        return None

    def schema(self, node: Json, depth: int = DEEPEST) -> Json:
        """Return `node` with its references followed and `allOf` merged, as far as `properties` need it."""
        node = self.resolve(node)
        if not isinstance(node, dict) or depth == 0:
            return node
        whole = dict(node)
        for part in _list(whole.pop("allOf", None)):
            merged = _dict(self.schema(part, depth - 1))
            properties = {**_dict(whole.get("properties")), **_dict(merged.get("properties"))}
            required = [*_list(whole.get("required")), *_list(merged.get("required"))]
            whole = {**merged, **whole, "properties": properties, "required": required}
        if isinstance(properties_ := whole.get("properties"), dict):
            whole["properties"] = {name: self.schema(one, depth - 1) for name, one in properties_.items()}
        if "items" in whole:
            whole["items"] = self.schema(whole["items"], depth - 1)
        for key in ("oneOf", "anyOf"):
            if key in whole:
                whole[key] = [self.schema(one, depth - 1) for one in _list(whole[key])]
        return whole

    def _operations(self) -> Iterator[Operation]:
        base = self.document.get("security")
        for path, raw in _dict(self.document.get("paths")).items():
            item = _dict(self.resolve(raw))
            for method in METHODS:
                if isinstance(found := item.get(method), dict):
                    yield self._operation(path, method, found, _list(item.get("parameters")), base)

    def _operation(
        self, path: str, method: str, node: dict[str, Json], shared: list[Json], base: Json
    ) -> Operation:
        parameters: dict[tuple[str, str], dict[str, Json]] = {}
        for one in [*shared, *_list(node.get("parameters"))]:
            known = _dict(self.resolve(one))
            parameters[str(known.get("in")), str(known.get("name"))] = known
        body, body_required = self._body(node.get("requestBody"))
        slots = [*self._parameter_slots(path, parameters), *_body_slots(body, required=body_required)]
        security = node.get("security", base)
        responses = _dict(node.get("responses"))
        return Operation(
            method=method.upper(),
            path=path,
            operation_id=str(node.get("operationId") or ""),
            security=tuple(tuple(_dict(one)) for one in _list(security)),
            takes_basic=any(
                str(self.schemes.get(name, {}).get("scheme")).lower() == "basic"
                for one in _list(security)
                for name in _dict(one)
            ),
            parameters=tuple(parameters),
            required=frozenset(key for key, one in parameters.items() if one.get("required") is True),
            slots=tuple(slots),
            statuses=frozenset(key.upper() if key != "default" else key for key in responses),
            body=body,
            links=tuple(self._links(responses)),
            nouns=tuple(filter(None, (noun(one) for one in path.rpartition("}")[2].split("/")))),
        )

    def _body(self, node: Json) -> tuple[Json, bool]:
        known = _dict(self.resolve(node))
        for media, content in _dict(known.get("content")).items():
            if re.match(r"application/([\w.-]+\+)?json\b", media):
                return self.schema(_dict(content).get("schema")), known.get("required") is True
        return None, False

    def _parameter_slots(
        self, path: str, parameters: Mapping[tuple[str, str], dict[str, Json]]
    ) -> Iterator[Slot]:
        for number, segment in enumerate(path.split("/")):
            for name in re.findall(r"{([^{}]+)}", segment):
                schema = _dict(self.schema(parameters.get(("path", name), {}).get("schema")))
                if "enum" in schema or schema.get("type") == "boolean":
                    continue
                nouns = [noun(name), _segment_noun(path, number - 1)]
                yield Slot("path", (name,), tuple(dict.fromkeys(filter(None, nouns))), True, schema)
        for (location, name), known in parameters.items():
            if location == "path":
                continue
            schema = _dict(self.schema(known.get("schema")))
            for way in _id_ways(name, schema):
                about = noun(name) or _segment_noun(path, path.count("/"))
                needed = known.get("required") is True
                yield Slot(location, way, (about,) if about else (), needed, _item(way, schema))

    def _links(self, responses: Mapping[str, Json]) -> Iterator[Link]:
        for answer in responses.values():
            for link in _dict(_dict(self.resolve(answer)).get("links")).values():
                for parameter, expression in _dict(_dict(self.resolve(link)).get("parameters")).items():
                    found = re.fullmatch(r"{?\$response\.body#/(.+?)}?", str(expression))
                    if found:
                        yield Link(tuple(found[1].split("/")), parameter.rpartition(".")[2])


def _segment_noun(path: str, number: int) -> str:
    """What the last fixed segment up to `number` is about, skipping what only says a version."""
    segments = path.split("/")[: number + 1]
    fixed = [one for one in segments if one and "{" not in one and not re.fullmatch(r"v\d+|api", one)]
    return noun(fixed[-1]) if fixed else ""


def _id_ways(name: str, schema: dict[str, Json]) -> Iterator[tuple[str, ...]]:
    items = _dict(schema.get("items"))
    kinds = [schema.get("type"), *_list(schema.get("type"))]
    if "array" in kinds:
        if is_id(name) or items.get("format") == "uuid":
            yield name, "*"
    elif (is_id(name) or schema.get("format") == "uuid") and "enum" not in schema and "object" not in kinds:
        yield (name,)


def _body_slots(
    schema: Json, *, required: bool, way: tuple[str, ...] = (), depth: int = DEEPEST
) -> Iterator[Slot]:
    known = _dict(schema)
    if depth == 0:
        return
    needed = _list(known.get("required"))
    for name, one in _dict(known.get("properties")).items():
        part = _dict(one)
        must = required and name in needed
        if part.get("readOnly") is True:
            continue
        found = list(_id_ways(name, part))
        for inner in found:
            nouns = (noun(name),) if noun(name) else ()
            yield Slot("body", (*way, *inner), nouns, must, _item(inner, part))
        if not found:
            yield from _body_slots(part, required=must, way=(*way, name), depth=depth - 1)
            if isinstance(items := part.get("items"), dict):
                yield from _body_slots(items, required=False, way=(*way, name, "*"), depth=depth - 1)
    for key in ("oneOf", "anyOf"):
        for branch in _list(known.get(key)):
            yield from _body_slots(branch, required=False, way=way, depth=depth - 1)


def _item(way: tuple[str, ...], schema: dict[str, Json]) -> Json:
    return schema.get("items") if way[-1] == "*" else schema


def _dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
