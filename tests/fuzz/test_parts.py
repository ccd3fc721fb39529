"""The pure parts of the fuzzer: names, ids, markers, comparison, bodies, the contract, the report."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Final
from uuid import uuid4

import jwt
import pytest
from fastapi import FastAPI, Response
from hypothesis import given
from hypothesis import strategies as st

from handfast.fuzz.bodies import place, remove
from handfast.fuzz.compare import differences, shape, told_apart
from handfast.fuzz.contract import Contract, Json, Slot
from handfast.fuzz.http import HttpSurface, _files
from handfast.fuzz.identities import Given, credentials
from handfast.fuzz.identities import given as user_given
from handfast.fuzz.ids import fits, unissued
from handfast.fuzz.markers import Markers, markers_in
from handfast.fuzz.names import is_id, noun, singular, words
from handfast.fuzz.report import Coverage, Finding, Report, Step
from handfast.fuzz.surface import ABSENT, Answer, Credential, Identity, Values
from handfast.fuzz.tokens import Authority, claims_of, forgeries
from handfast.testing import make_token
from tests.conftest import ROOT, SECRET, live

RANDOM: Final = Random(1)  # noqa: S311 - a test repeats itself


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("task_id", "task"),
        ("taskIds", "task"),
        ("X-Note-Id", "x_note"),
        ("id", ""),
        ("categories", "category"),
        ("HTTPServers", "http_server"),
        ("people", "person"),
        ("parentTaskUUID", "parent_task"),
        ("boxes", "box"),
        ("status", "status"),
    ],
)
def test_nouns(name: str, expected: str) -> None:
    assert noun(name) == expected


def test_names_of_ids() -> None:
    assert [one for one in ("id", "noteId", "note-ids", "paid", "grid", "identity", "key") if is_id(one)] == [
        "id",
        "noteId",
        "note-ids",
    ]
    assert words("getHTTPResponse2") == ["get", "http", "response", "2"]
    assert singular("classes") == "class"


def slot(schema: Json = None, location: str = "path", *way: str) -> Slot:
    return Slot(location, way or ("id",), ("thing",), True, schema)


@given(st.integers() | st.uuids().map(str) | st.from_regex(r"[A-Z]{3}-[0-9]{6}", fullmatch=True))
def test_an_id_that_was_never_issued_has_the_form_of_the_others(like: int | str) -> None:
    made = unissued(slot(), like, RANDOM)
    assert type(made) is type(like)
    if isinstance(made, str) and isinstance(like, str):
        assert len(made) == len(like)
        assert made.count("-") == like.count("-")


def test_an_id_that_was_never_issued_fits_the_schema() -> None:
    nine: Json = {"type": "string", "pattern": "^[0-9]{1,9}$"}
    made = unissued(slot(nine), "7", RANDOM)
    assert fits(nine, made)
    assert made != "7"
    assert unissued(slot(), True, RANDOM) is True
    assert fits({"type": "nonsense"}, 1)


def answer(body: Json, status: int = 404, media: str = "application/json", etag: str = "") -> Answer:
    named = (("content-type", media), *((("etag", etag),) if etag else ()))
    return Answer(status, named, json.dumps(body).encode(), "", {})


def test_shapes_and_differences() -> None:
    assert shape({"b": [1, 2.0, "x"], "a": None}) == {"a": "null", "b": ["number", "str"]}
    assert differences({"a": [1, 2]}, {"a": [1, 3], "b": 1}) == {("a", "1"), ("b",)}


@pytest.mark.parametrize(
    ("one", "other", "again", "said"),
    [
        (answer({"detail": "no 1"}), answer({"detail": "no 2"}), answer({"detail": "no 3"}), None),
        (answer({"detail": "private"}), answer({"detail": "no"}), answer({"detail": "no"}), "`detail`"),
        (answer({"a": 1}), answer({"b": 1}), answer({"b": 1}), "members"),
        (answer({"a": 1}, 403), answer({"a": 2}), answer({"a": 2}), None),
        (answer({}, etag="x"), answer({}), answer({}), "etag"),
        (answer({}, media="text/plain"), answer({}), answer({}), "media type"),
        (
            Answer(404, (), b"a", "", {}),
            Answer(404, (), b"b", "", {}),
            Answer(404, (), b"b", "", {}),
            "bodies",
        ),
        (Answer(404, (), b"a", "", {}), Answer(404, (), b"b", "", {}), Answer(404, (), b"c", "", {}), None),
    ],
)
def test_answers_are_told_apart_by_what_does_not_vary_anyhow(
    one: Answer, other: Answer, again: Answer, said: str | None
) -> None:
    found = told_apart(one, other, again)
    assert (found is None) if said is None else (found is not None and said in found)


def test_markers_know_their_owner_in_every_spelling() -> None:
    markers = Markers()
    canary, number, key = markers.canary("A"), markers.number("A"), str(uuid4())
    markers.learn("A", key)
    markers.learn("A", 7)
    hexed = key.replace("-", "")
    for text in (canary, f"x_{canary.upper()}_y", str(number), key.upper(), f"0123456789abcdef{hexed}"):
        assert markers.foreign(text, "B"), text
        assert not markers.foreign(text, "A")
    assert not markers.foreign("7", "B")
    markers.tell("B", f"/things/{key}")
    assert not markers.foreign(key, "B")
    assert markers.foreign(key, "C")


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    assert not Markers().foreign(text, "B")
    assert all(isinstance(one, str) for one in markers_in(text))


def test_ids_go_into_every_place() -> None:
    values = Values(body={"a": {"ids": ["x"]}, "n": 1})
    nested = slot(None, "body", "a", "ids", "*")
    assert place(values, nested, "y").body == {"a": {"ids": ["y"]}, "n": 1}
    assert remove(values, nested).body == {"a": {}, "n": 1}
    assert place(Values(), slot(None, "body", "items", "*", "id"), 1).body == {"items": [{"id": 1}]}
    assert place(Values(), slot(None, "query", "ids", "*"), 1).query == {"ids": [1]}
    assert remove(Values(query={"q": 1}), slot(None, "query", "q")).query == {}
    assert remove(Values(), slot(None, "body", "a")).body is ABSENT
    several = Values(body={"rows": [{"id": 1, "n": 2}]})
    assert remove(several, slot(None, "body", "rows", "*", "id")).body == {"rows": [{"n": 2}]}


DOCUMENT: dict[str, Json] = {
    "openapi": "3.1.0",
    "security": [{"bearer": ["read"]}],
    "paths": {
        "/v1/orders/{orderId}/lines": {
            "parameters": [{"$ref": "#/components/parameters/Order"}],
            "post": {
                "operationId": "addLine",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Line"}}},
                },
                "responses": {
                    "201": {"links": {"get": {"parameters": {"path.lineId": "$response.body#/data/id"}}}},
                    "4XX": {},
                },
            },
            "get": {
                "security": [],
                "parameters": [
                    {
                        "name": "userIds",
                        "in": "query",
                        "schema": {"type": "array", "items": {"type": "string"}},
                    },
                    {"name": "kind", "in": "query", "schema": {"enum": ["a"]}},
                ],
                "responses": {"default": {}},
            },
        }
    },
    "components": {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        "parameters": {
            "Order": {"name": "orderId", "in": "path", "required": True, "schema": {"type": "integer"}}
        },
        "schemas": {
            "Line": {
                "allOf": [{"$ref": "#/components/schemas/Base"}],
                "required": ["productId"],
                "properties": {
                    "productId": {"type": "string"},
                    "next": {"$ref": "#/components/schemas/Line"},
                    "made_by_id": {"type": "string", "readOnly": True},
                },
            },
            "Base": {"properties": {"tags": {"type": "array", "items": {"properties": {"tag_id": {}}}}}},
        },
    },
}


def test_the_contract_tells_where_ids_go() -> None:
    contract = Contract(DOCUMENT)
    read, add = contract.operations
    assert (read.name, add.name) == (
        "GET /v1/orders/{orderId}/lines",
        "POST /v1/orders/{orderId}/lines (addLine)",
    )
    assert (read.protected, add.protected, contract.scopes) == (False, True, ("read",))
    assert add.declares(404)
    assert not add.declares(500)
    assert [(one.name, one.nouns, one.required) for one in read.slots] == [
        ("path `orderId`", ("order",), True),
        ("query `userIds.*`", ("user",), False),
    ]
    found = {one.name: one.required for one in add.slots}
    assert found["body `productId`"]
    assert not found["body `tags.*.tag_id`"]
    assert "body `made_by_id`" not in found
    assert add.nouns == ("line",)
    assert [(one.pointer, one.parameter) for one in add.links] == [(("data", "id"), "lineId")]


def test_references_that_lead_nowhere_end() -> None:
    contract = Contract({"paths": {}, "a": {"$ref": "#/a"}})
    assert contract.resolve({"$ref": "#/a"}) is None
    assert contract.resolve({"$ref": "https://example.com"}) is None


@pytest.mark.threat("spoofing.token-forged")
def test_forgeries_are_of_many_kinds_and_none_is_the_good_token() -> None:
    good = make_token(uuid4(), secret=SECRET, aud="us", iss="issuer")
    made = forgeries(good, Authority(SECRET, "us", "issuer"))
    kinds = [one.kind for one in made]
    assert len(kinds) == len(set(kinds))
    assert len(kinds) >= 50
    values = {one.kind: one.headers for one in made}
    assert all(
        dict(headers).get("Authorization") != f"Bearer {good}" or len(headers) > 1
        for headers in values.values()
    )
    expired = dict(values["expired"])["Authorization"].removeprefix("Bearer ")
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(expired, SECRET, algorithms=["HS256"], audience="us")
    other = dict(values["other-audience"])["Authorization"].removeprefix("Bearer ")
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(other, SECRET, algorithms=["HS256"], audience="us")


def test_forgeries_without_a_secret_or_a_readable_token() -> None:
    opaque = {one.kind for one in forgeries("an-opaque-token", None)}
    assert "duplicated-header" in opaque
    assert "expired" not in opaque
    assert "duplicated-header" not in {one.kind for one in forgeries(None, None)}
    assert claims_of("a.b") == {}
    assert claims_of("a.WzFd.c") == {}


def test_credentials_for_every_scheme() -> None:
    schemes: dict[str, dict[str, Json]] = {
        "bearer": {"type": "http", "scheme": "Bearer"},
        "key": {"type": "apiKey", "in": "cookie", "name": "k"},
        "login": {"type": "http", "scheme": "basic"},
        "other": {"type": "http", "scheme": "digest"},
        "oidc": {"type": "openIdConnect"},
    }
    found = credentials(schemes, "t", "u")
    assert {name: (one.location, one.value) for name, one in found.items()} == {
        "bearer": ("header", "Bearer t"),
        "key": ("cookie", "u"),
        "login": ("header", "Basic dTp1"),
        "other": ("header", "Digest u"),
        "oidc": ("header", "Bearer t"),
    }
    assert "Bearer" not in repr(found["bearer"])
    token = make_token("someone", secret=SECRET)
    user = user_given("A", schemes, token, [("X-Tenant", "1")])
    assert (user.subject, set(user.credentials), user.headers) == (
        "someone",
        {"bearer", "oidc"},
        (("X-Tenant", "1"),),
    )
    both: Any = SimpleNamespace(security=(("bearer", "key"), ("login",)))
    assert [one.value for one in user.sends(both)] == [f"Bearer {token}"]  # the key may be among the headers
    assert [one.value for one in Identity("A", found).sends(both)] == ["Bearer t", "u"]
    login: Any = SimpleNamespace(security=(("login",),))
    assert user.sends(login) == []
    pair = Given(user, Identity("B"))
    assert [one.name for _ in range(2) for one in pair.pair()] == ["A", "B", "B", "A"]


def test_a_report_keeps_one_finding_a_rule_and_operation_and_no_credentials() -> None:
    report = Report(1)
    request: dict[str, Json] = {
        "as": "B1",
        "credentials": [
            ["header", "Authorization", "Bearer $B1"],
            ["query", "key", "$B1_key"],
            ["cookie", "sid", "$B1_sid"],
        ],
        "method": "POST",
        "url": "http://h/it's",
        "headers": {"If-None-Match": '"x"'},
        "status": 200,
        "body": "{}",
        "media_type": "application/json",
    }
    finding = Finding("access", "POST /x", "answers 200", "refuse", (Step(request),))
    report.add(finding)
    report.add(Finding("access", "POST /x", "again", "refuse"))
    report.add(Finding("coverage", "GET /a", "not exercised", "try", fatal=False))
    assert [one.what for one in report.findings] == ["answers 200", "not exercised"]
    assert report.failed
    assert str(finding).splitlines()[2] == (
        "  $ curl -i -X POST 'http://h/it'\\''s' -H \"Authorization: Bearer $B1\" "
        '--url-query "key=$B1_key" -b "sid=$B1_sid" '
        "-H 'If-None-Match: \"x\"' -H 'Content-Type: application/json' --data-raw '{}'   # 200"
    )
    assert report.facts(())["calls"] == 0


def test_credentials_are_variables_of_a_shell() -> None:
    sent = [
        Credential("header", "Authorization", "Bearer secret"),
        Credential("header", "X-API-Key", "secret"),
        Credential("query", "key", "secret"),
        Credential("cookie", "session-id", "a b"),
    ]
    assert [one.shown("A1").value for one in sent] == [
        "Bearer $A1",
        "$A1_X_API_Key",
        "$A1_key",
        "$A1_session_id",
    ]


def test_a_call_is_shown_with_all_its_credentials_and_none_of_their_values() -> None:
    document: dict[str, Json] = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {
            "/x": {"get": {"security": [{"a": [], "b": []}], "responses": {"200": {"description": ""}}}}
        },
        "components": {
            "securitySchemes": {
                "a": {"type": "apiKey", "in": "query", "name": "key"},
                "b": {"type": "apiKey", "in": "cookie", "name": "sid"},
            }
        },
    }

    app = FastAPI()
    app.openapi = lambda: document  # type: ignore[method-assign]  # as FastAPI's manual tells

    @app.get("/x")
    def read() -> Response:
        return Response(status_code=418)

    with live(app) as url:
        surface = HttpSurface(url)
        (operation,) = surface.operations()
        found = credentials(surface.contract.schemes, None, "sekret-key")
        user = Identity("A1", found, (("X-Tenant", "sekret-tenant"),))
        answer = surface.call(user, operation, Values())
        surface.close()
    assert answer.status == 418
    line = Step(answer.request).curl()
    assert line == (
        f'curl -i -X GET \'{url}/x\' --url-query "key=$A1_key" -b "sid=$A1_sid" '
        '-H "X-Tenant: $A1_X_Tenant"   # 418'
    )
    assert "sekret" not in json.dumps(answer.request)


def test_what_could_not_be_exercised_says_why() -> None:
    document: dict[str, Json] = json.loads((Path(ROOT) / "generated/openapi.json").read_text())
    operations = {one.operation_id: one for one in Contract(document).operations}
    read, listing = operations["getTask"], operations["listTasks"]
    assert Coverage().gap(read) == "no thing was created whose id it takes"
    assert Coverage().gap(listing) == "it was never called"
    assert Coverage(undrawn="no value fits").gap(read) == "no value fits"
    failing = Coverage()
    failing.owned[422] = 3
    assert failing.gap(listing) == "no call of the owner succeeded: it answered 422 (3 times)"
    unattacked = Coverage()
    unattacked.owned[200] = 1
    assert unattacked.gap(read) == "no attack on it got as far as the check of access"
    assert unattacked.gap(listing) is None


def test_parts_of_a_form_are_text_files_or_json() -> None:
    upload = ("a.txt", b"x", "text/plain")
    assert _files({"file": upload, "note": 5, "tags": ["a"]}) == [
        ("file", upload),
        ("note", (None, "5")),
        ("tags", (None, '["a"]')),
    ]
    assert _files([("note", "text"), ("raw", b"x")]) == [("note", "text"), ("raw", b"x")]
    assert _files(None) is None
