"""The page that `handfast explain` prints: a heading a step, a line a fact, every place as `file:line`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handfast.codegen.ir import Json

JsonObject = dict[str, "Json"]


def page(facts: JsonObject) -> str:
    """Return an explanation as text."""
    sections = [
        ("Contract", _contract(facts)),
        ("Overlay: what the platform answers besides", _overlay(_object(facts["overlay"]))),
        ("Legalisation: what is published otherwise", _steps(facts["legalisations"])),
        ("Route", _route(facts)),
        ("Security", _security(_object(facts["security"]))),
        ("Decoders", [*_parameters(facts["parameters"]), *_body(facts["body"])]),
        ("Validators", _validators(_object(facts["validators"]))),
        ("Answers", _answers(facts)),
        ("Handler", _handler(facts)),
        ("Tables and policies", _tables(facts)),
        ("Coverage ledger", _ledger(_object(facts["ledger"]))),
    ]
    head = f"{facts['method']} {facts['path']}  {facts['operationId']}"
    parts = [head]
    for title, lines in sections:
        parts += ["", title, *(f"  {line}" for line in lines)]
    return "\n".join(parts)


def _object(node: Json) -> JsonObject:
    return node if isinstance(node, dict) else {}


def _objects(node: Json) -> Iterator[JsonObject]:
    yield from (_object(one) for one in (node if isinstance(node, list) else []))


def _texts(node: Json) -> list[str]:
    return [str(one) for one in (node if isinstance(node, list) else [])]


def _place(node: Json) -> str:
    place = _object(node)
    column = f":{place['column']}" if "column" in place else ""
    return f"{place.get('file')}:{place.get('line')}{column}"


def _or_none(lines: Iterable[str], none: str) -> list[str]:
    return list(lines) or [none]


def _contract(facts: JsonObject) -> Iterator[str]:
    yield _place(facts["contract"])
    if facts["summary"]:
        yield str(facts["summary"])
    if facts["tags"]:
        yield f"tags {', '.join(_texts(facts['tags']))}"
    if facts["deprecated"]:
        yield "deprecated"


def _overlay(overlay: JsonObject) -> list[str]:
    lines = [f"{one['status']} since {one['why']}" for one in _objects(overlay["answers"])]
    error = _object(overlay["error"])
    if error:
        shape = f"schema {error['schema']}" if error["schema"] else "problem details (RFC 9457)"
        lines.append(f"as {error['type']}, {shape}")
    return _or_none(lines, "nothing: the contract says all of it")


def _steps(steps: Json) -> list[str]:
    return _or_none(
        (f"{_place(step['source'])}: {step['op']} {step['path']}: {step['why']}" for step in _objects(steps)),
        "nothing: it is published as it is written",
    )


def _route(facts: JsonObject) -> Iterator[str]:
    yield f"{facts['method']} {facts['route']}"
    servers = _texts(facts["servers"])
    if servers:
        yield f"below {', '.join(servers)}"
    yield _place(facts["routes"]) if facts["routes"] else "not generated yet: run `handfast generate`"


def _security(security: JsonObject) -> Iterator[str]:
    yield f"the handler gets a {security['context']}"
    alternatives = security["alternatives"]
    for alternative in alternatives if isinstance(alternatives, list) else []:
        schemes = [_scheme(one) for one in _objects(alternative)]
        yield " and ".join(schemes) if schemes else "or nobody at all"
    if not alternatives:
        yield "public: no credentials are asked for"


def _scheme(one: JsonObject) -> str:
    scopes = _texts(one["scopes"])
    return f"{one['scheme']} ({one['type']})" + (f" with {', '.join(scopes)}" if scopes else "")


def _parameters(parameters: Json) -> Iterator[str]:
    for one in _objects(parameters):
        how = f"content {one['content']}" if one["content"] else str(one["style"])
        how += " exploded" if one["explode"] and not one["content"] else ""
        need = "required" if one["required"] else "optional"
        if "default" in one:
            need = f"default {one['default']!r}"
        yield (
            f"{one['in']} {one['wire']}: {how}, {need}, schema {one['schema']} "
            f"→ {one['name']}: {one['type']}  {_place(one['source'])}"
        )


def _body(body: Json) -> Iterator[str]:
    found = _object(body)
    if not found:
        yield "no body"
        return
    need = "required" if found["required"] else "optional"
    yield f"body, {need} → {found['type']}  {_place(found['source'])}"
    for media in _objects(found["media"]):
        yield f"  {_media(media)}"
        yield from (f"    {line}" for line in _parts(media))


def _parts(media: JsonObject) -> Iterator[str]:
    """What is said of the parts of a body, or of the fields of a form."""
    for one in _objects(media.get("parts", [])):
        read = f" read as {one['kind']}, {_schema(one)} → {one['model']}" if "kind" in one else ""
        headers = [f"{head['wire']}{'' if head['required'] else '?'}" for head in _objects(one["headers"])]
        said = f"{one['types']}" + (f" with {', '.join(headers)}" if headers else "")
        yield f"{one['place']}: {said.strip() or 'its usual type'}{read}"
        yield from (f"  {line}" for line in _parts(_object(one.get("inner", {}))))


def _media(media: JsonObject) -> str:
    return f"{media['type']} read as {media['kind']}, {_schema(media)} → {media['model']}"


def _schema(one: JsonObject) -> str:
    return f"schema {one['schema']}" if one["schema"] else "any value"


def _validators(validators: JsonObject) -> Iterator[str]:
    for direction in ("request", "response"):
        names = _texts(validators[direction])
        yield f"{direction}: {', '.join(names) if names else 'none'}"


def _answers(facts: JsonObject) -> Iterator[str]:
    yield f"the handler returns {facts['result']}, sent as {facts['status']}"
    for one in _objects(facts["responses"]):
        media = ", ".join(
            f"{each['type']} {each['schema'] or 'any value'}" for each in _objects(one["media"])
        )
        headers = ", ".join(
            f"{each['wire']}{'' if each['required'] else '?'}" for each in _objects(one["headers"])
        )
        yield (
            f"{one['status']} {media or 'no body'}"
            + (f", headers {headers}" if headers else "")
            + f"  {_place(one['source'])}"
        )


def _handler(facts: JsonObject) -> Iterator[str]:
    handler = _object(facts["handler"])
    yield f"{handler['file']}:{handler['line']}: {facts['function']} is {handler['state']}"
    if facts["protocol"]:
        yield f"{_place(facts['protocol'])}: its signature"


def _tables(facts: JsonObject) -> list[str]:
    lines = []
    for table in _objects(facts["tables"]):
        owner = f"rows of {table['owner']}" if table["owner"] else "rows of everybody"
        shared = f", shared by {table['sharedBy']}" if table["sharedBy"] else ""
        lines.append(f"{table['table']} ({table['class']}): {owner}{shared}  {_place(table)}")
        lines += [
            f"  {one['what']}  {_place(one)}"
            for one in _objects(facts["policies"])
            if one["table"] in (table["table"], table["sharedBy"])
        ]
    lines = lines or ["none that can be told from the text of the handlers"]
    return [*lines, *(f"not known: {text}" for text in _texts(facts["unknown"]))]


def _ledger(ledger: JsonObject) -> Iterator[str]:
    counts = _object(ledger["counts"])
    yield ", ".join(f"{number} {status}" for status, number in counts.items())
    for one in _objects(ledger["lines"]):
        yield f"{_place(one['source'])}: {one['status']}: {one['kind']} `{one['name']}`: {one['reason']}"
