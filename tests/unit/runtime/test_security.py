from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, assert_type
from uuid import UUID

import httpx
import pytest
from starlette.requests import Request

from handfast.runtime import (
    ConfigError,
    Context,
    Forbidden,
    Inputs,
    Principal,
    TooManyRequests,
    Unauthorized,
    development_authenticator,
)
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


@dataclass(frozen=True, slots=True)
class ApiKey(Principal):
    """The key of an application, which says nothing of its user."""

    names_user = False
    plan: str = "free"


async def keys(credential: str) -> Principal | None:
    return ApiKey.of("key-user") if credential == "secret" else None


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
        return error.status, error.headers.get("WWW-Authenticate")
    return None if found is None else found.user.subject


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
    ("scheme", "challenge"),
    [("digest", 'Digest realm="api"'), ("tls", "MutualTLS"), ("unknown", "Unsupported")],
)
@pytest.mark.threat("spoofing.scheme-without-authenticator")
async def test_a_scheme_that_nobody_checks_admits_nobody(scheme: str, challenge: str) -> None:
    assert await call(one(scheme), {"Authorization": "Digest ok"}) == (401, challenge)


@pytest.mark.threat("elevation.scope-missing")
async def test_scopes_must_all_be_granted() -> None:
    assert await call(one("oauth", "a", "b"), {"Authorization": "Bearer ok:a,b,c"}) == "user"
    refused = (403, 'Bearer error="insufficient_scope", scope="a b"')
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
async def test_combined_schemes_must_all_hold() -> None:
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


@pytest.mark.threat("spoofing.mixed-identities")
class TestCombinedIdentities:
    """`ctx.user` is the one user that combined credentials name, whatever their order."""

    ALL: ClassVar[dict[str, str]] = {"Authorization": "Bearer ok", "X-Key": "secret"}

    async def test_what_only_accompanies_a_user_is_not_the_user(self) -> None:
        for both in ([(("bearer", ()), ("key", ()))], [(("key", ()), ("bearer", ()))]):
            assert await call(both, self.ALL) == "user"

    async def test_two_users_are_refused(self) -> None:
        async def another(credential: str) -> Principal | None:
            return Principal.of("another")

        for both in ([(("bearer", ()), ("key", ()))], [(("key", ()), ("bearer", ()))]):
            assert await call(both, self.ALL, key=another) == (403, None)

    async def test_twice_the_same_user_is_one(self) -> None:
        async def same(credential: str) -> Principal | None:
            return Principal.of("user")

        assert await call([(("bearer", ()), ("key", ()))], self.ALL, key=same) == "user"

    async def test_alone_it_owns_rows_like_a_user(self) -> None:
        assert await call(one("key"), self.ALL) == "key-user"

    async def test_another_alternative_may_still_hold(self) -> None:
        async def another(credential: str) -> Principal | None:
            return Principal.of("another")

        either = [(("bearer", ()), ("key", ())), *one("bearer")]
        assert await call(either, self.ALL, key=another) == "user"


async def test_handlers_get_at_typed_principals(tmp_path: Path) -> None:
    async def told(ctx: Context, inputs: Inputs) -> object:
        key = ctx.principal(ApiKey)
        assert_type(key, ApiKey)
        with pytest.raises(LookupError, match="gave a Other"):
            ctx.principal(Other)
        return [ctx.user.subject, key.plan, len(ctx.principals)]

    @dataclass(frozen=True, slots=True)
    class Other(Principal):
        """Nobody's."""

    async def paid(credential: str) -> Principal | None:
        return ApiKey(user_id("app"), "app", plan="paid")

    app = service(
        tmp_path,
        {"get": operation(security=[{"key": [], "bearer": []}])},
        {"get": told},
        schemes=SCHEMES,
        authenticators={"key": paid},
    )
    async with client(app, "ann") as http:
        answer = await http.get("/things", headers={"X-Key": "k"})
        assert answer.json() == ["ann", "paid", 2]


@pytest.mark.threat("spoofing.failing-authenticator")
class TestAuthenticatorsThatFail:
    """Whatever an authenticator does instead of answering, nobody gets in, and nothing is given away."""

    async def answer(self, tmp_path: Path, authenticator: Any) -> httpx.Response:
        app = service(
            tmp_path,
            {"get": operation(security=[{"key": []}])},
            {"get": echo},
            schemes=SCHEMES,
            authenticators={"key": authenticator},
            authenticator_timeout_seconds=0.05,
        )
        async with client(app) as http:
            return await http.get("/things", headers={"X-Key": "very-secret-key"})

    async def test_one_that_raises(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        async def raises(credential: str) -> Principal | None:
            raise ValueError(f"no such key: {credential}")

        answer = await self.answer(tmp_path, raises)
        assert answer.status_code == 500
        written = capsys.readouterr()
        assert "authenticator_failed" in written.out + written.err
        assert "very-secret-key" not in answer.text + written.out + written.err

    async def test_one_that_hangs(self, tmp_path: Path) -> None:
        async def hangs(credential: str) -> Principal | None:
            await asyncio.Event().wait()
            return Principal.of("never")

        answer = await self.answer(tmp_path, hangs)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]

    async def test_one_that_times_out_by_itself(self, tmp_path: Path) -> None:
        async def gives_up(credential: str) -> Principal | None:
            raise TimeoutError(credential)

        assert (await self.answer(tmp_path, gives_up)).status_code == 500

    async def test_one_whose_own_task_was_cancelled(self, tmp_path: Path) -> None:
        async def cancelled(credential: str) -> Principal | None:
            raise asyncio.CancelledError(credential)

        answer = await self.answer(tmp_path, cancelled)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")

    @pytest.mark.parametrize("result", [True, "ann", object(), {"id": "ann"}])
    async def test_one_that_returns_something_else(self, tmp_path: Path, result: Any) -> None:
        async def returns(credential: str) -> Any:
            return result

        assert (await self.answer(tmp_path, returns)).status_code == 500

    async def test_one_that_is_no_coroutine(self, tmp_path: Path) -> None:
        def plain(credential: str) -> Principal:
            return Principal.of("ann")

        assert (await self.answer(tmp_path, plain)).status_code == 500

    async def test_its_own_refusals_are_kept(self, tmp_path: Path) -> None:
        async def locked(credential: str) -> Principal | None:
            raise TooManyRequests(headers={"Retry-After": "60"})

        async def refuses(credential: str) -> Principal | None:
            raise Unauthorized

        assert (await self.answer(tmp_path, locked)).status_code == 429
        answer = await self.answer(tmp_path, refuses)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("ApiKey")


async def test_a_scheme_is_asked_once_a_request() -> None:
    asked = 0

    async def counting(credential: str) -> Principal | None:
        nonlocal asked
        asked += 1
        return Principal.of("u", scopes=frozenset("b"))

    either = [*one("key", "a"), *one("key", "b")]
    assert await call(either, {"X-Key": "k"}, key=counting) == "u"
    assert asked == 1


BIG = "x" * 20_000


@pytest.mark.threat("spoofing.malformed-credentials")
@pytest.mark.parametrize(
    ("scheme", "headers", "query"),
    [
        ("bearer", [("Authorization", "Bearer")], ""),
        ("bearer", [("Authorization", "Bearer ")], ""),
        ("bearer", [("Authorization", "Bearer ok ok")], ""),
        ("bearer", [("Authorization", "Bearer ok, Bearer ok")], ""),
        ("bearer", [("Authorization", "Bearer\tok")], ""),
        ("bearer", [("Authorization", "Bearerok")], ""),
        ("bearer", [("Authorization", "ok")], ""),
        ("bearer", [("Authorization", "Bearer oké")], ""),
        ("bearer", [("Authorization", "Token ok")], ""),
        ("bearer", [("Authorization", "Bearer ok"), ("Authorization", "Basic eDp5")], ""),
        ("bearer", [("Authorization", f"Bearer {BIG}")], ""),
        ("bearer", [("X-Authorization", "Bearer ok")], ""),
        ("bearer", [("Proxy-Authorization", "Bearer ok")], ""),
        ("bearer", [("Cookie", "Authorization=Bearer ok")], ""),
        ("bearer", [], "access_token=ok"),
        ("bearer", [], "Authorization=Bearer%20ok"),
        ("key", [("X-Key", "")], ""),
        ("key", [("X-Key", "secret"), ("X-Key", "secret")], ""),
        ("key", [("X-Key", BIG)], ""),
        ("key", [("Authorization", "ApiKey secret")], ""),
        ("key", [("Cookie", "X-Key=secret")], ""),
        ("key", [], "X-Key=secret"),
        ("query", [], "k="),
        ("query", [], "k"),
        ("query", [], "K=secret"),
        ("query", [], f"k={BIG}"),
        ("query", [("k", "secret")], ""),
        ("cookie", [("Cookie", "sid=")], ""),
        ("cookie", [("Cookie", "sid=secret; sid=secret")], ""),
        ("cookie", [("sid", "secret")], ""),
        ("basic", [("Authorization", "Basic")], ""),
        ("basic", [("Authorization", "Basic ok")], ""),
        ("basic", [("Authorization", "Basic b2s=")], ""),  # no colon
        ("basic", [("Authorization", "Basic b2s6AA==")], ""),  # a NUL
        ("basic", [("Authorization", f"Basic {base64.b64encode(BIG.encode()).decode()}")], ""),
        ("digest", [("Authorization", "Digest")], ""),
    ],
)
async def test_credentials_that_are_none(scheme: str, headers: list[tuple[str, str]], query: str) -> None:
    async def believes(credential: str) -> Principal | None:
        assert credential
        return Principal.of("anybody")

    authenticators = {scheme: believes} if scheme in ("basic", "digest") else {}
    assert (await call(one(scheme), headers, query, **authenticators))[0] == 401


async def test_digest_and_others_give_what_follows_the_word() -> None:
    async def digest(credential: str) -> Principal | None:
        return Principal.of(credential.partition("=")[2].strip('"'))

    assert await call(one("digest"), {"Authorization": 'Digest username="ann"'}, digest=digest) == "ann"


@pytest.mark.threat("spoofing.client-certificate-header")
class TestMutualTls:
    """The certificate comes from the proxy that was named, or from the server itself; from nowhere else."""

    async def call(self, header: str | None, scope: dict[str, Any], *headers: tuple[str, str]) -> int | str:
        async def certificates(credential: str) -> Principal | None:
            return Principal.of(credential)

        asked = request(list(headers))
        asked.scope.update(scope)
        guard = Guard(one("tls"), SCHEMES, {"tls": certificates}, tokens, certificate_header=header)
        try:
            found = await guard(asked)
        except Unauthorized as error:
            return error.status
        return "" if found is None else found.user.subject

    async def test_the_header_counts_only_where_a_proxy_is_trusted_with_it(self) -> None:
        sent = ("Client-Cert", ":MII:")
        assert await self.call("Client-Cert", {}, sent) == ":MII:"
        assert await self.call(None, {}, sent) == 401
        assert await self.call("X-Other", {}, sent) == 401
        assert await self.call("Client-Cert", {}, sent, sent) == 401
        assert await self.call("Client-Cert", {}) == 401

    async def test_the_server_itself_may_tell(self) -> None:
        def tls(*chain: str) -> dict[str, Any]:
            return {"extensions": {"tls": {"client_cert_chain": chain}}}

        assert await self.call(None, tls("PEM", "CA")) == "PEM"
        assert await self.call(None, tls()) == 401
        assert await self.call("Client-Cert", tls("PEM")) == 401


def faults(*used: str, production: bool = False, **authenticators: Authenticator) -> list[tuple[str, bool]]:
    found = scheme_faults(SCHEMES, used, authenticators, "api.yaml", production=production)
    return [(fault.what, fault.fatal) for fault in found]


@pytest.mark.threat("spoofing.scheme-without-authenticator")
@pytest.mark.parametrize("scheme", ["basic", "digest", "key", "cookie", "query", "tls"])
async def test_a_scheme_without_an_authenticator_is_a_fault(scheme: str, tmp_path: Path) -> None:
    assert faults("bearer", "oauth", "openid") == []
    given_for: Any = {scheme: keys}
    assert faults(scheme, **given_for) == []
    ((what, fatal),) = faults(scheme)
    assert f"`{scheme}` has no authenticator" in what
    assert not fatal
    given: Any = {"operations": {"get": operation(security=[{scheme: []}])}, "handlers": {"get": echo}}
    with pytest.raises(ConfigError, match="has no authenticator"):
        service(tmp_path, given["operations"], given["handlers"], schemes=SCHEMES, env="production")
    app = service(tmp_path, given["operations"], given["handlers"], schemes=SCHEMES)
    async with client(app) as http:
        sent = {"Authorization": "Digest x", "X-Key": "k", "Cookie": "sid=k", "Client-Cert": "x"}
        assert (await http.get("/things?k=k", headers=sent)).status_code == 401
        assert (await http.get("/things", auth=("ann", "word"))).status_code == 401


def test_only_schemes_of_tokens_ask_for_their_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        service(
            tmp_path,
            {"get": operation(security=[{"basic": []}])},
            {"get": echo},
            schemes=SCHEMES,
            env="production",
            better_auth_secret=None,
        )
    assert "BETTER_AUTH_SECRET" not in str(refused.value)


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


@pytest.mark.threat("elevation.another-users-row")
@pytest.mark.parametrize(
    "spelling",
    ["urn:uuid:{}", "{{{}}}", " {}", "{}\n", "{{{}"],
)
def test_other_spellings_of_an_id_are_other_subjects(spelling: str) -> None:
    known = "0191b0f0-0000-7000-8000-00000000000a"
    ids = [
        user_id(spelling.format(known)),
        user_id(known.replace("-", "")),
        user_id(known.replace("0", "\uff10", 1)),
    ]
    assert UUID(known) not in ids
    assert user_id(known.upper()) == UUID(known)  # RFC 9562, 4: the case of its digits does not count


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
