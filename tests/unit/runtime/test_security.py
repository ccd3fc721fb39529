from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.requests import Request

from handfast.runtime import Forbidden, Principal, Unauthorized, development_authenticator
from handfast.runtime.security import Authenticator, Guard, scheme_faults, user_id
from tests.unit.runtime.small import client, echo, operation, service

SCHEMES: dict[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "Bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "digest": {"type": "http", "scheme": "digest"},
    "oauth": {"type": "oauth2", "flows": {}},
    "openid": {"type": "openIdConnect", "openIdConnectUrl": "https://example.com"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "query": {"type": "apiKey", "in": "query", "name": "k"},
    "tls": {"type": "mutualTLS"},
}


async def tokens(credential: str) -> Principal | None:
    """Take `ok` and `ok:scope,scope`."""
    word, _, scopes = credential.partition(":")
    return Principal.of("user", scopes=frozenset(scopes.split(","))) if word == "ok" else None


async def keys(credential: str) -> Principal | None:
    return Principal.of("key-user") if credential == "secret" else None


def request(headers: dict[str, str] | list[tuple[str, str]], query: str = "") -> Request:
    pairs = headers.items() if isinstance(headers, dict) else headers
    raw = [(name.lower().encode(), value.encode()) for name, value in pairs]
    return Request(
        {"type": "http", "method": "GET", "path": "/", "headers": raw, "query_string": query.encode()}
    )


async def call(
    alternatives: Any,
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    query: str = "",
    **authenticators: Authenticator,
) -> Any:
    """The caller's subject, or what the refusal asks for."""
    guard = Guard(
        alternatives, SCHEMES, {"key": keys, "cookie": keys, "query": keys, **authenticators}, tokens
    )
    try:
        found = await guard(request(headers or {}, query))
    except (Unauthorized, Forbidden) as error:
        return error.status, error.headers["WWW-Authenticate"]
    return None if found is None else found.subject


def one(name: str, *scopes: str) -> list[tuple[tuple[str, tuple[str, ...]], ...]]:
    return [((name, scopes),)]


@pytest.mark.parametrize("scheme", ["bearer", "oauth", "openid"])
async def test_tokens_serve_bearer_oauth_and_openid(scheme: str) -> None:
    assert await call(one(scheme), {"Authorization": "Bearer ok"}) == "user"
    assert await call(one(scheme), {"Authorization": "bearer ok"}) == "user"
    assert await call(one(scheme)) == (401, "Bearer")
    assert await call(one(scheme), {"Authorization": "Bearer bad"}) == (401, 'Bearer error="invalid_token"')
    assert await call(one(scheme), {"Authorization": "Basic ok"}) == (401, "Bearer")
    twice = [("Authorization", "Bearer ok"), ("Authorization", "Bearer ok")]
    assert await call(one(scheme), twice) == (401, 'Bearer error="invalid_token"')


async def test_an_authenticator_given_for_oauth_replaces_the_tokens() -> None:
    assert await call(one("oauth"), {"Authorization": "Bearer secret"}, oauth=keys) == "key-user"
    assert (await call(one("oauth"), {"Authorization": "Bearer ok"}, oauth=keys))[0] == 401


async def test_api_keys_are_found_where_the_contract_says() -> None:
    assert await call(one("key"), {"x-key": "secret"}) == "key-user"
    assert await call(one("cookie"), {"Cookie": "a=b; sid=secret"}) == "key-user"
    assert await call(one("query"), query="k=secret") == "key-user"
    assert await call(one("key"), {"x-key": "wrong"}) == (401, 'ApiKey in="header", name="X-Key"')
    assert await call(one("query"), {"x-key": "secret"}) == (401, 'ApiKey in="query", name="k"')
    assert (await call(one("query"), query="k=secret&k=secret"))[0] == 401
    assert (await call(one("query"), query="k=%zz"))[0] == 401
    assert (await call(one("key"), {"x-key": ""}))[0] == 401


async def test_basic_gives_user_and_password() -> None:
    async def passwords(credential: str) -> Principal | None:
        return Principal.of("ann") if credential == "ann:pass:word" else None

    sent = base64.b64encode(b"ann:pass:word").decode()
    assert await call(one("basic"), {"Authorization": f"Basic {sent}"}, basic=passwords) == "ann"
    challenge = (401, 'Basic realm="api", charset="UTF-8"')
    assert await call(one("basic"), {"Authorization": "Basic !!"}, basic=passwords) == challenge
    assert await call(one("basic"), {"Authorization": "Basic /w=="}, basic=passwords) == challenge


@pytest.mark.parametrize(
    ("scheme", "challenge"), [("digest", "Digest"), ("tls", "Mutual"), ("unknown", "Mutual")]
)
@pytest.mark.threat("spoofing.scheme-without-authenticator")
async def test_a_scheme_that_nobody_checks_admits_nobody(scheme: str, challenge: str) -> None:
    assert await call(one(scheme), {"Authorization": "Digest ok"}) == (401, challenge)


@pytest.mark.threat("elevation.scope-missing")
async def test_scopes_must_all_be_granted() -> None:
    assert await call(one("oauth", "a", "b"), {"Authorization": "Bearer ok:a,b,c"}) == "user"
    refused = (403, 'Bearer error="insufficient_scope"')
    assert await call(one("oauth", "a", "b"), {"Authorization": "Bearer ok:a"}) == refused


@pytest.mark.threat("spoofing.combined-schemes")
async def test_alternatives_are_tried_in_turn() -> None:
    either = [*one("bearer", "a"), *one("key")]
    assert await call(either, {"X-Key": "secret"}) == "key-user"
    assert await call(either, {"Authorization": "Bearer ok:a", "X-Key": "wrong"}) == "user"
    assert await call(either, {"Authorization": "Bearer ok", "X-Key": "secret"}) == "key-user"
    assert (await call(either, {"Authorization": "Bearer ok"}))[0] == 403
    assert await call(either) == (401, 'Bearer, ApiKey in="header", name="X-Key"')


@pytest.mark.threat("spoofing.combined-schemes")
async def test_combined_schemes_must_all_hold_and_the_first_names_the_caller() -> None:
    both = [(("bearer", ()), ("key", ()))]
    assert await call(both, {"Authorization": "Bearer ok", "X-Key": "secret"}) == "user"
    assert (await call(both, {"Authorization": "Bearer ok"}))[0] == 401
    assert (await call(both, {"X-Key": "secret"}))[0] == 401


@pytest.mark.threat("spoofing.combined-schemes")
async def test_optional_security_admits_the_unknown_but_not_bad_credentials() -> None:
    optional = [*one("bearer"), ()]
    assert await call(optional) is None
    assert await call(optional, {"Authorization": "Bearer ok"}) == "user"
    assert (await call(optional, {"Authorization": "Bearer bad"}))[0] == 401
    assert await call([]) is None
    assert await call([()]) is None


async def test_a_development_authenticator_believes_everything_but_nothing() -> None:
    believes = development_authenticator()
    found = await believes("ann:whatever")
    assert found is not None
    assert (found.subject, found.may(["any"])) == ("ann", True)
    assert await believes(":x") is None
    narrow = await development_authenticator(["a"])("bob")
    assert narrow is not None
    assert not narrow.may(["b"])


def faults(*used: str, production: bool = False, **authenticators: Authenticator) -> list[tuple[str, bool]]:
    found = scheme_faults(SCHEMES, used, authenticators, "api.yaml", production=production)
    return [(fault.what, fault.fatal) for fault in found]


@pytest.mark.threat("spoofing.scheme-without-authenticator")
def test_a_scheme_without_an_authenticator_is_a_fault() -> None:
    assert faults("bearer", "oauth", "openid") == []
    assert faults("key", key=keys) == []
    ((what, fatal),) = faults("key")
    assert "`key` has no authenticator" in what
    assert not fatal


@pytest.mark.threat("spoofing.development-credentials")
def test_a_development_authenticator_is_a_fault_in_production_only() -> None:
    given: Any = {"key": development_authenticator(), "bearer": development_authenticator()}
    assert faults("key", "bearer", **given) == []
    assert [fatal for _, fatal in faults("key", "bearer", production=True, **given)] == [True, True]


def test_subjects_map_to_stable_ids() -> None:
    assert user_id("0191b0f0-0000-7000-8000-000000000000") == UUID("0191b0f0-0000-7000-8000-000000000000")
    # Owner columns hold this value: it may never change.
    assert user_id("Zk3vH0aW9rXbN2cT5yLmQ8pJ1dS7fGe4") == UUID("e40ddec5-b6d8-57aa-8299-cb745c70345c")
    assert "claims" not in repr(Principal.of("a", email="x"))


@pytest.mark.threat("spoofing.no-credentials")
async def test_over_http_security_comes_before_decoding(tmp_path: Path) -> None:
    entry = operation(
        parameters=[], security=[{"bearerAuth": []}], body={"required": True, "media": []}, method="POST"
    )
    app = service(tmp_path, {"post": entry}, {"post": echo})
    async with client(app) as http:
        answer = await http.post("/things", content=b"x", headers={"content-type": "text/odd"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "unauthorized"
