from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from pydantic import Field
from starlette.responses import Response, StreamingResponse
from structlog.testing import capture_logs

from handfast.runtime import (
    UNSET,
    Accepted,
    Created,
    HeaderName,
    Model,
    NoContent,
    Ok,
    Result,
    Stream,
    Upload,
    is_absent,
)
from handfast.runtime.contract import Contract
from handfast.runtime.encode import Encoder, ResponseViolation
from tests.unit.runtime.small import contract, media, operation, response


class Pet(Model, extra="forbid"):
    name: str
    class_: Annotated[str, Field(alias="class")] = "dog"
    note: Annotated[str | None, Field(exclude_if=is_absent)] = None
    born: date | None = None
    tag: str | UNSET = UNSET


PET = {
    "type": "object",
    "required": ["name", "class"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "class": {"type": "string"},
        "note": {"type": "string"},
        "born": {"type": ["string", "null"], "format": "date"},
        "tag": {"type": "string"},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PetCreated(Result[Pet]):
    status: ClassVar[int] = 201
    body: Pet
    location: Annotated[str, HeaderName("Location")]
    limit: Annotated[int | None, HeaderName("X-Limit")] = None
    tags: Annotated[list[str] | None, HeaderName("X-Tags")] = None


LOCATION = {"name": "location", "wire": "Location", "required": True, "schema": "Location"}
LIMIT = {"name": "limit", "wire": "X-Limit", "required": False, "schema": "Limit"}


def encoder(mode: Any = "raise", **responses: Any) -> tuple[Encoder, list[str]]:
    entry = operation(responses={name.removeprefix("s"): one for name, one in responses.items()})
    schemas = {
        "Pet": PET,
        "Pets": {"type": "array", "items": {"$ref": "#/$defs/Pet"}},
        "Location": {"type": "string", "format": "uri-reference"},
        "Limit": {"type": "integer", "maximum": 9},
        "Text": {"type": "string", "maxLength": 5},
        "Number": {"type": "number"},
    }
    made = Contract(contract({"get": entry}, schemas))
    counted: list[str] = []
    return Encoder(made, made.operations["get"], mode=mode, count=counted.append), counted


def encode(result: object, accept: str | None = None, **responses: Any) -> Response:
    return encoder(**responses)[0].response(result, accept)


async def content(answer: Response) -> bytes:
    assert isinstance(answer, StreamingResponse)
    return b"".join([chunk async for chunk in answer.body_iterator])  # type: ignore[misc]


JSON = response(media("Pet"))


def test_a_model_is_sent_by_its_wire_names_without_what_is_absent() -> None:
    answer = encode(Pet(name="Rex"), s200=JSON)
    assert answer.body == b'{"name":"Rex","class":"dog"}'
    assert encode(Pet(name="Rex", born=None), s200=JSON).body == b'{"name":"Rex","class":"dog","born":null}'
    assert answer.headers["content-type"] == "application/json"
    answer = encode(Pet(name="Rex", class_="cat", note="n", born=date(2020, 1, 2), tag="t"), s200=JSON)
    assert answer.body == b'{"name":"Rex","class":"cat","note":"n","born":"2020-01-02","tag":"t"}'


def test_lists_mappings_and_plain_values() -> None:
    assert encode([Pet(name="a")], s200=response(media("Pets"))).body == b'[{"name":"a","class":"dog"}]'
    assert (
        encode({"at": datetime(2020, 1, 1, tzinfo=UTC)}, s200=response(media())).body
        == b'{"at":"2020-01-01T00:00:00Z"}'
    )
    assert encode(UUID(int=1), s200=response(media())).body == b'"00000000-0000-0000-0000-000000000001"'
    assert encode(None, s200=response(media())).body == b"null"


def test_a_response_that_breaks_the_contract_is_refused_told_and_counted() -> None:
    made, counted = encoder(s200=JSON)
    with capture_logs() as logs, pytest.raises(ResponseViolation, match="at most 5 characters"):
        made.response(Pet(name="sekret-name"), None)
    assert counted == ["get_things"]
    assert logs[0]["event"] == "response_violation"
    assert "sekret" not in str(logs)


def test_in_production_it_is_sent_all_the_same() -> None:
    made, counted = encoder("log", s200=JSON)
    assert made.response(Pet(name="toolong"), None).status_code == 200
    assert counted == ["get_things"]
    made, counted = encoder("off", s200=JSON)
    assert made.response(Pet(name="toolong"), None).status_code == 200
    assert made.response(Created(Pet(name="a")), None).status_code == 201
    assert counted == []


def test_a_wrong_type_inside_a_model_is_the_contracts_business_not_a_warning() -> None:
    with pytest.raises(ResponseViolation):
        encode(Pet(name="a").model_copy(update={"name": 5}), s200=JSON)


def test_not_a_number_breaks_the_contract_and_is_sent_as_null() -> None:
    with pytest.raises(ResponseViolation):
        encode(float("nan"), s200=response(media("Number")))
    assert encoder("log", s200=response(media("Number")))[0].response(float("nan"), None).body == b"null"


def test_each_result_class_has_its_status() -> None:
    every: Any = {f"s{status}": JSON for status in (200, 201, 202)}
    for result, status in ((Ok, 200), (Created, 201), (Accepted, 202)):
        assert encode(result(Pet(name="a")), **every).status_code == status
    answer = encode(NoContent(), s204=response())
    assert (answer.status_code, answer.body) == (204, b"")
    assert "content-length" not in answer.headers


def test_nothing_to_say() -> None:
    answer = encode(None, s200=response())
    assert (answer.status_code, answer.body) == (200, b"")
    assert "content-type" not in answer.headers


def test_an_undeclared_status_and_a_body_where_none_may_be() -> None:
    with pytest.raises(ResponseViolation, match="201 is not declared"):
        encode(Created(Pet(name="a")), s200=JSON)
    assert encode(Created(Pet(name="a")), s2XX=JSON).status_code == 201
    made = operation(status=204, responses={"204": response()})
    spec = Contract(contract({"get": made}))
    with pytest.raises(ResponseViolation, match="has no body"):
        Encoder(spec, spec.operations["get"], mode="raise", count=lambda _: None).response("x", None)
    with pytest.raises(ResponseViolation, match="no media type"):
        encode(Pet(name="a"), s200=response(media("Text", "text/plain", "text")))
    lenient, _ = encoder("log", s200=response())
    assert lenient.response(Pet(name="a"), None).headers["content-type"] == "application/json"


def test_headers_of_a_result() -> None:
    declared = response(media("Pet"), headers=[LOCATION, LIMIT])
    answer = encode(
        PetCreated(body=Pet(name="a"), location="/pets/1", limit=3, tags=["a", "b"]), s201=declared
    )
    assert answer.headers["location"] == "/pets/1"
    assert answer.headers["x-limit"] == "3"
    assert answer.headers["x-tags"] == "a,b"
    assert "x-limit" not in encode(PetCreated(body=Pet(name="a"), location="/pets/1"), s201=declared).headers


def test_headers_are_judged_too() -> None:
    declared = response(media("Pet"), headers=[LOCATION, LIMIT])
    with pytest.raises(ResponseViolation, match="X-Limit"):
        encode(PetCreated(body=Pet(name="a"), location="/a", limit=10), s201=declared)
    with pytest.raises(ResponseViolation, match="Location"):
        encode(Pet(name="a"), s200=declared)
    with pytest.raises(ResponseViolation, match="line break"):
        encode(PetCreated(body=Pet(name="a"), location="/a", tags=["a\r\nX-Evil: 1"]), s201=declared)
    lenient, _ = encoder("log", s201=declared)
    answer = lenient.response(PetCreated(body=Pet(name="a"), location="/a", tags=["a\r\nX-Evil: 1"]), None)
    assert answer.headers["x-tags"] == "a X-Evil: 1"
    assert "x-evil" not in answer.headers


def test_header_values_of_other_kinds() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Odd(Result[None]):
        status: ClassVar[int] = 200
        body: None = None
        flag: Annotated[bool, HeaderName("X-Flag")] = True
        pairs: Annotated[dict[str, int] | None, HeaderName("X-Pairs")] = None

    # Annotations of a class made inside a function cannot be resolved from their text.
    Odd.__annotations__ = {
        "flag": Annotated[bool, HeaderName("X-Flag")],
        "pairs": Annotated[dict[str, int] | None, HeaderName("X-Pairs")],
    }
    answer = encode(Odd(pairs={"a": 1, "b": 2}), s200=response())
    assert (answer.headers["x-flag"], answer.headers["x-pairs"]) == ("true", "a,1,b,2")


TEXT = media("Text", "text/plain", "text")


def test_text_and_json_of_one_response_are_chosen_by_accept() -> None:
    both = response(media("Text"), TEXT)
    assert encode("hi", None, s200=both).body == b"hi"
    assert encode("hi", "application/json", s200=both).body == b'"hi"'
    assert encode("hi", "text/*;q=0.5, application/json;q=0.4", s200=both).body == b"hi"
    assert encode("hi", "text/plain;q=0, */*;q=0.1", s200=both).body == b'"hi"'
    assert encode("hi", "image/png", s200=both).body == b'"hi"'
    assert encode("hi", "text/plain;q=odd", s200=both).body == b'"hi"'
    answer = encode("hi", s200=response(TEXT))
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert encode(5, s200=response(media(None, "text/*", "text"))).body == b"5"
    with pytest.raises(ResponseViolation):
        encode("too long", s200=response(TEXT))


async def test_streams_of_bytes() -> None:
    png = response(media(None, "image/*", "binary"))
    answer = encode(Stream(b"\x00", "image/png", filename="a ü.png"), s200=png)
    assert answer.body == b"\x00"
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20%C3%BC.png"
    upload = Upload.of(b"chunks")
    assert await content(encode(Stream(aiter(upload), "image/png"), s200=png)) == b"chunks"
    with pytest.raises(ResponseViolation, match="media type is not declared"):
        encode(Stream(b"", "text/plain"), s200=png)


@pytest.mark.parametrize(
    ("declared", "sent"),
    [
        (("image/png",), "image/png"),
        (("application/octet-stream", "image/*"), "application/octet-stream"),
        (("application/octet-stream", "image/png"), "application/octet-stream"),
    ],
)
def test_a_stream_that_names_no_type_takes_the_single_one(declared: tuple[str, ...], sent: str) -> None:
    answer = encode(Stream(b"\x00"), s200=response(*(media(None, one, "binary") for one in declared)))
    assert answer.headers["content-type"] == sent


async def pets(*names: str) -> AsyncIterator[Pet]:
    for name in names:
        yield Pet(name=name)


async def test_items_as_json_lines() -> None:
    lines = response(media("Pet", "application/jsonl", "jsonl"))
    answer = encode(pets("a", "b"), s200=lines)
    assert answer.headers["content-type"] == "application/jsonl"
    assert await content(answer) == b'{"name":"a","class":"dog"}\n{"name":"b","class":"dog"}\n'


async def test_items_as_events() -> None:
    events = response(media("Pet", "text/event-stream", "sse"))
    answer = encode(pets("a"), s200=events)
    assert answer.headers["cache-control"] == "no-cache"
    assert await content(answer) == b'data: {"name":"a","class":"dog"}\n\n'


async def test_items_with_the_fields_of_an_event() -> None:
    async def items() -> AsyncIterator[dict[str, Any]]:
        yield {"event": "tick", "id": 1, "data": "two\nlines"}
        yield {"data": {"a": 1}, "retry": 5, "comment": "c"}

    answer = encode(items(), s200=response(media(None, "text/event-stream", "sse")))
    assert await content(answer) == (
        b'event: tick\nid: 1\ndata: two\ndata: lines\n\nretry: 5\n: c\ndata: {"a":1}\n\n'
    )


async def test_a_wrong_item_ends_the_stream_and_closes_the_generator() -> None:
    ended = False

    async def items() -> AsyncIterator[Pet]:
        nonlocal ended
        try:
            yield Pet(name="a")
            yield Pet(name="toolong")
            yield Pet(name="b")
        finally:
            ended = True

    answer = encode(items(), s200=response(media("Pet", "application/jsonl", "jsonl")))
    with pytest.raises(ResponseViolation):
        await content(answer)
    assert ended


async def test_items_where_none_are_declared() -> None:
    with pytest.raises(ResponseViolation, match="not declared as a stream"):
        encode(pets("a"), s200=JSON)
    lenient, _ = encoder("log", s200=JSON)
    assert (await content(lenient.response(Stillborn(), None))) == b""


class Stillborn:
    """An iterator that is no generator: there is nothing to close."""

    def __aiter__(self) -> Stillborn:
        return self

    async def __anext__(self) -> object:
        raise StopAsyncIteration
