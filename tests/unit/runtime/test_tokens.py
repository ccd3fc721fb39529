from __future__ import annotations

import asyncio
import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode
from starlette.requests import Request

from handfast.runtime import Principal, ServiceUnavailable, jwks
from handfast.runtime.security import Caller, Guard
from handfast.runtime.tokens import Tokens, token_faults
from handfast.runtime.verified import Verified, VerifiedTokens
from handfast.testing import make_token
from tests.unit.runtime.small import SECRET, settings

USER = UUID("0191b0f0-0000-7000-8000-000000000000")


async def test_a_token_of_the_secret_is_taken() -> None:
    found = await Tokens(settings())(make_token(USER, secret=SECRET, scopes=["a", "b"], name="n"))
    assert found is not None
    assert (found.id, found.subject, found.scopes) == (USER, str(USER), frozenset(("a", "b")))
    assert found.claims["name"] == "n"


@pytest.mark.parametrize("claim", ["scope", "scopes", "scp", "permissions"])
@pytest.mark.threat("elevation.scope-missing")
async def test_scopes_go_by_several_names_and_none_grants_everything(claim: str) -> None:
    found = await Tokens(settings())(signed({"sub": "u", "exp": 9_999_999_999, claim: ["a", 5, "*"]}))
    assert found is not None
    assert found.scopes == {"a"}
    assert not found.may(["b"])


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "x" * 20_000,
        make_token(USER, secret="another-secret-another-secret-another"),
        make_token(USER, secret=SECRET, ttl=timedelta(seconds=-30)),
        signed({"sub": str(USER)}),
        signed({"exp": 9_999_999_999}),
        signed({"exp": 9_999_999_999, "sub": ""}),
        signed({"exp": 9_999_999_999, "sub": 5}),
        signed({"exp": 9_999_999_999, "sub": "u", "nbf": 9_999_999_998}),
        signed({"exp": "never", "sub": "u"}),
        signed({"exp": 9_999_999_999, "sub": "u"}, SECRET * 2, "HS512"),
        signed({"exp": 9_999_999_999, "sub": "u"}, "", "none"),
    ],
)
@pytest.mark.threat("spoofing.token-forged")
async def test_anything_else_is_refused(token: str) -> None:
    assert await Tokens(settings())(token) is None


@given(
    st.text(max_size=80)
    | st.from_regex(r"[A-Za-z0-9_-]{0,30}\.[A-Za-z0-9_-]{0,30}\.[A-Za-z0-9_-]{0,30}", fullmatch=True)
)
async def test_no_text_is_an_unexpected_error(token: str) -> None:
    assert await Tokens(settings())(token) is None


@given(
    st.dictionaries(
        st.sampled_from(["sub", "exp", "nbf", "iat", "aud", "iss", "scope", "jti"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers() | st.text()),
    )
)
@pytest.mark.threat("spoofing.token-forged")
async def test_no_signed_claims_are_an_unexpected_error(content: dict[str, Any]) -> None:
    token = jwt.api_jws.PyJWS().encode(json.dumps(content).encode(), SECRET)
    await Tokens(settings())(token)


@pytest.mark.threat("spoofing.token-outlives-its-time")
async def test_clocks_may_differ_a_little() -> None:
    late = make_token(USER, secret=SECRET, ttl=timedelta(seconds=-5))
    assert await Tokens(settings())(late) is not None
    assert await Tokens(settings(token_leeway_seconds=0))(late) is None


async def test_without_a_secret_nothing_is_taken() -> None:
    assert await Tokens(settings(better_auth_secret=None))(make_token(USER, secret=SECRET)) is None


async def test_an_audience_is_checked_only_where_one_is_set() -> None:
    token = make_token(USER, secret=SECRET, aud="them")
    assert await Tokens(settings())(token) is not None
    assert await Tokens(settings(token_audience="us"))(token) is None
    assert await Tokens(settings(token_audience="them"))(token) is not None


@pytest.mark.threat("spoofing.token-outlives-its-time")
async def test_a_verified_token_is_trusted_for_a_minute_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: moment)
    decoded = 0
    real = jwt.PyJWT.decode

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal decoded
        decoded += 1
        return real(*arguments, **options)

    monkeypatch.setattr(jwt.PyJWT, "decode", counted)
    check = Tokens(settings(token_leeway_seconds=0))
    token = make_token(USER, secret=SECRET)
    for _ in range(3):
        assert await check(token) is not None
    assert decoded == 1
    moment += 61
    assert await check(token) is not None
    assert decoded == 2
    check = Tokens(settings(token_cache_seconds=0))
    for _ in range(2):
        await check(token)
    assert decoded == 4


@pytest.mark.threat("spoofing.token-outlives-its-time")
async def test_the_cache_never_outlives_the_token() -> None:
    check = Tokens(settings(token_leeway_seconds=0))
    assert await check(make_token(USER, secret=SECRET, ttl=timedelta(seconds=5))) is not None
    (kept,) = check._verified._found.values()
    assert kept.until <= time.time() + 5


GOOD = make_token(USER, secret=SECRET, scopes=["a"])


@pytest.mark.threat("spoofing.token-forged")
@pytest.mark.parametrize("scopes", [(), ("a",), ("b",)])
@pytest.mark.parametrize(
    ("sent", "recalled"),
    [
        ([f"Bearer {GOOD}"], True),
        ([f"bEARER {GOOD}"], True),
        ([f"Bearer  {GOOD} "], False),
        ([f"Bearer {GOOD}", f"Bearer {GOOD}"], False),
        ([f"Bearer {GOOD}", "Basic eDp5"], False),
        ([f"Bearer {GOOD[:-1]}"], False),
        ([f"Basic {GOOD}"], False),
        ([GOOD], False),
        ([""], False),
        ([], False),
    ],
)
async def test_a_token_that_was_seen_lets_nobody_in_who_would_be_refused(
    sent: list[str], recalled: bool, scopes: tuple[str, ...]
) -> None:
    tokens = Tokens(settings())
    schemes = {"bearer": {"type": "http", "scheme": "bearer"}}
    guard = Guard([[("bearer", scopes)]], schemes, {}, tokens, recall=tokens.recall)
    headers = [(b"host", b"x"), *((b"authorization", one.encode()) for one in sent)]
    assert guard.known(dict(headers), len(headers)) is None
    await tokens(GOOD)
    found = guard.known(dict(headers), len(headers))
    assert (found is not None) == (recalled and scopes != ("b",))
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": headers})
    if found is not None:
        assert found == await guard(request)
    tokens.forget(USER)
    assert guard.known(dict(headers), len(headers)) is None


def caller(name: str) -> Caller:
    who = Principal.of(name)
    return Caller(who, (who,))


@pytest.mark.threat("denial.token-cache-memory")
async def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    kept = VerifiedTokens(most=2, most_bytes=100)
    user = caller("u")
    for digest in (b"a", b"b"):
        kept.put(digest, Verified(user, 10.0, None, 30), generation=0)
    assert kept.get(b"a", 1.0) is not None
    kept.put(b"c", Verified(user, 10.0, None, 30), generation=0)
    assert (kept.get(b"b", 1.0), len(kept)) == (None, 2)
    kept.put(b"d", Verified(user, 10.0, None, 90), generation=0)
    assert [kept.get(digest, 1.0) is not None for digest in (b"a", b"c", b"d")] == [False, False, True]
    assert kept.get(b"d", 10.0) is None
    assert len(kept) == 0


async def test_who_is_forgotten_is_not_remembered_by_a_verification_under_way() -> None:
    kept = VerifiedTokens()
    user = caller("u")
    kept.put(b"a", Verified(user, 10.0, None, 1), generation=kept.generation)
    before = kept.generation
    kept.forget(user.user.id)
    kept.put(b"b", Verified(user, 10.0, None, 1), generation=before)
    assert len(kept) == 0


ED = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused


def jwk(algorithm: Any, key: Any, kid: str, alg: str) -> dict[str, Any]:
    return dict(algorithm.to_jwk(key.public_key(), as_dict=True)) | {"kid": kid, "alg": alg, "use": "sig"}


class Keys:
    """A Better Auth server as far as its key set goes."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.broken = False
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                assert self.path == "/api/auth/jwks"
                body = b"[]" if outer.broken else json.dumps({"keys": outer.keys}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def auth(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 1e-9)
    keys = Keys()
    keys.keys = [
        jwk(OKPAlgorithm, ED, "ed", "EdDSA"),
        jwk(ECAlgorithm, EC, "ec", "ES256"),
        jwk(RSAAlgorithm, RSA, "rsa", "RS256"),
    ]
    thread = threading.Thread(target=keys.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield keys
    keys.server.shutdown()
    keys.server.server_close()
    thread.join()


def encoded(value: object) -> bytes:
    return base64url_encode(json.dumps(value).encode())


def claims(auth: Keys, **more: Any) -> dict[str, Any]:
    return {"sub": "u", "exp": 9_999_999_999, "iss": auth.url, "aud": auth.url} | more


@pytest.mark.parametrize(
    ("algorithm", "key", "kid"), [("EdDSA", ED, "ed"), ("ES256", EC, "ec"), ("RS256", RSA, "rsa")]
)
async def test_tokens_of_a_better_auth_server(auth: Keys, algorithm: str, key: Any, kid: str) -> None:
    check = Tokens(settings(better_auth_secret=None, better_auth_url=auth.url + "/"))
    token = jwt.encode(claims(auth), key, algorithm=algorithm, headers={"kid": kid})
    found = await check(token)
    assert found is not None
    assert found.subject == "u"
    other = jwt.encode(claims(auth, sub="v"), key, algorithm=algorithm, headers={"kid": kid})
    assert await check(other) is not None
    assert auth.asked == 1


@pytest.mark.threat("spoofing.token-forged")
async def test_issuer_and_audience_are_checked(auth: Keys) -> None:
    check = Tokens(settings(better_auth_secret=None, better_auth_url=auth.url))
    for wrong in ({"iss": "https://evil.example.com"}, {"aud": "https://evil.example.com"}):
        token = jwt.encode(claims(auth, **wrong), ED, algorithm="EdDSA", headers={"kid": "ed"})
        assert await check(token) is None


@pytest.mark.threat("spoofing.token-algorithm-confusion")
async def test_keys_are_not_confused(auth: Keys) -> None:
    check = Tokens(settings(better_auth_secret=None, better_auth_url=auth.url))
    # Signed by hand, with the public key as the secret: PyJWT would refuse to.
    head = encoded({"alg": "HS256", "typ": "JWT", "kid": "rsa"})
    text = b".".join((head, encoded(claims(auth))))
    mark = hmac.digest(json.dumps(auth.keys[2]).encode(), text, "sha256")
    assert await check(b".".join((text, base64url_encode(mark))).decode()) is None
    assert await check(jwt.encode(claims(auth), EC, algorithm="ES256", headers={"kid": "ed"})) is None
    assert await check(jwt.encode(claims(auth), ED, algorithm="EdDSA")) is None  # no kid, several keys


async def test_a_new_key_is_fetched_when_its_id_is_first_seen(auth: Keys) -> None:
    check = Tokens(settings(better_auth_secret=None, better_auth_url=auth.url))
    late, auth.keys = auth.keys[1], auth.keys[:1]
    assert await check(jwt.encode(claims(auth), ED, algorithm="EdDSA")) is not None  # no kid, one key
    token = jwt.encode(claims(auth), EC, algorithm="ES256", headers={"kid": "ec"})
    assert await check(token) is None
    auth.keys.append(late)
    assert await check(token) is not None


@pytest.mark.threat("denial.jwks-hammering")
async def test_invented_key_ids_do_not_make_us_hammer_the_server(
    auth: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 60.0)
    check = Tokens(settings(better_auth_secret=None, better_auth_url=auth.url))
    for number in range(50):
        token = jwt.encode(claims(auth), EC, algorithm="ES256", headers={"kid": str(number)})
        assert await check(token) is None
    assert auth.asked <= jwks.BURST


@pytest.mark.threat("denial.auth-server-down")
async def test_an_auth_server_that_cannot_be_asked_is_a_503(auth: Keys) -> None:
    auth.broken = True
    check = Tokens(settings(better_auth_secret=None, better_auth_url=auth.url))
    token = jwt.encode(claims(auth), ED, algorithm="EdDSA", headers={"kid": "ed"})
    with pytest.raises(ServiceUnavailable):
        await check(token)
    auth.broken = False
    assert await check(token) is not None


@pytest.mark.threat("spoofing.token-algorithm-confusion")
async def test_both_profiles_side_by_side(auth: Keys) -> None:
    check = Tokens(settings(better_auth_url=auth.url))
    assert await check(jwt.encode(claims(auth), ED, algorithm="EdDSA", headers={"kid": "ed"})) is not None
    assert await check(signed(claims(auth))) is not None
    assert await check(make_token(USER, secret=SECRET)) is None  # neither iss nor aud


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"better_auth_secret": None}, "every token is refused"),
        ({"better_auth_secret": "short"}, "shorter than 32 bytes"),
        ({"better_auth_secret": "a" * 40}, "placeholder"),
        ({"better_auth_secret": "change-me-please-change-me-please-1234567"}, "placeholder"),
        ({"better_auth_url": "ftp://x"}, "not an http"),
        ({"better_auth_url": "https://"}, "not an http"),
        ({"better_auth_url": "https://user:word@auth.example.com"}, "not an http"),
        ({"better_auth_url": "https://auth.example.com:port"}, "not an http"),
        ({"better_auth_url": "http://auth.example.com"}, "could be replaced"),
        ({"better_auth_url": "http://127.0.0.1.example.com"}, "could be replaced"),
    ],
)
@pytest.mark.threat("spoofing.weak-secret")
def test_settings_that_tokens_cannot_be_checked_by(values: dict[str, Any], words: str) -> None:
    (fault,) = token_faults(settings(**values))
    assert words in fault.what


def test_settings_that_are_well() -> None:
    assert token_faults(settings()) == []
    assert token_faults(settings(better_auth_secret=None, better_auth_url="https://auth.example.com")) == []
    assert token_faults(settings(better_auth_url="http://127.0.0.1:3000")) == []
    assert token_faults(settings(better_auth_url="http://localhost:3000")) == []


@pytest.mark.threat("spoofing.unusable-published-keys")
class TestUsableKeys:
    """A key set is read key by key: what cannot be used is passed over and spoils nothing."""

    GOOD = jwk(OKPAlgorithm, ED, "ed", "EdDSA")

    @pytest.mark.parametrize(
        "bad",
        [
            None,
            [],
            "x",
            {},
            {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": "o", "alg": "HS256"},
            {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "k"},
            {"kty": ["EC"], "crv": {}, "kid": "k"},
            GOOD | {"alg": "RS256"},
            GOOD | {"alg": "HS256"},
            GOOD | {"alg": "none"},
            GOOD | {"alg": 5},
            GOOD | {"kid": 5},
            GOOD | {"use": "enc"},
            GOOD | {"key_ops": ["sign"]},
            GOOD | {"key_ops": "verify"},
            GOOD | {"d": "AA"},
            GOOD | {"x": "!!"},
            GOOD | {"x": "AA"},
            GOOD | {"crv": "X25519"},
            jwk(RSAAlgorithm, SMALL, "small", "RS256"),
        ],
    )
    def test_what_is_passed_over(self, bad: object) -> None:
        (key,) = jwks.usable_keys({"keys": [bad, self.GOOD, bad]})
        assert list(key.verifiers) == ["EdDSA"]

    @pytest.mark.parametrize("document", [None, [], "x", {}, {"keys": None}, {"keys": {}}])
    def test_what_is_no_key_set(self, document: object) -> None:
        with pytest.raises(ValueError, match="JSON object"):
            jwks.usable_keys(document)

    def test_a_key_without_an_algorithm_serves_those_of_its_kind(self) -> None:
        entry = jwk(RSAAlgorithm, RSA, "rsa", "RS256")
        del entry["alg"]
        assert [list(key.verifiers) for key in jwks.usable_keys({"keys": [entry]})] == [["RS256", "PS256"]]


class Server:
    """A key set's server, and the clock, as far as `KeySet` sees them."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.now = 1000.0
        self.keys = list(keys)
        self.down = False
        self.asked = 0
        self.set = jwks.KeySet(
            "http://127.0.0.1", keep_seconds=100, stale_seconds=200, download=self.get, clock=lambda: self.now
        )

    def get(self, url: str) -> object:
        self.asked += 1
        if self.down:
            raise OSError("down")
        return {"keys": list(self.keys)}

    async def knows(self, kid: str) -> bool:
        return await self.set.key(kid, "EdDSA") is not None

    async def settle(self) -> None:
        """Wait for a fetch in the background."""
        if self.set._fetching is not None:
            await self.set._fetching


@pytest.mark.threat("denial.auth-server-down")
class TestKeySet:
    """Keys are renewed without anybody waiting, and go on to work while the server is down, for a while."""

    async def test_callers_share_one_fetch(self) -> None:
        server = Server(jwk(OKPAlgorithm, ED, "ed", "EdDSA"))
        assert await asyncio.gather(*(server.knows("ed") for _ in range(20))) == [True] * 20
        assert server.asked == 1

    async def test_renewed_in_the_background_before_it_is_old(self) -> None:
        server = Server(jwk(OKPAlgorithm, ED, "ed", "EdDSA"))
        assert await server.knows("ed")
        server.now += 81
        server.keys = [jwk(OKPAlgorithm, ED, "new", "EdDSA")]
        assert await server.knows("ed")  # does not wait
        await server.settle()
        assert not await server.knows("ed")
        assert await server.knows("new")

    async def test_known_keys_outlive_the_server_for_a_while(self) -> None:
        server = Server(jwk(OKPAlgorithm, ED, "ed", "EdDSA"))
        assert await server.knows("ed")
        (key,) = jwks.usable_keys({"keys": server.keys})
        server.down = True
        server.now += 299
        assert await server.knows("ed")
        await server.settle()
        assert server.set.holds(key.thumbprint)
        with pytest.raises(ServiceUnavailable) as refused:
            await server.knows("other")  # whether it exists cannot be told
        assert refused.value.headers["Retry-After"] == "10"
        server.now += 2
        assert not server.set.holds(key.thumbprint)
        with pytest.raises(ServiceUnavailable):
            await server.knows("ed")
        server.down = False
        server.now += 10
        assert await server.knows("ed")

    async def test_an_unknown_id_is_not_asked_for_again_at_once(self) -> None:
        server = Server(jwk(OKPAlgorithm, ED, "ed", "EdDSA"))
        for _ in range(10):
            assert not await server.knows("invented")
        assert server.asked == 1
        for number in range(1000):
            assert not await server.knows(str(number))
            server.now += 0.1
        assert server.asked <= jwks.BURST + 100 / jwks.PAUSE_SECONDS + 1
        assert await server.knows("ed")
        assert not await server.knows("x" * 300)

    async def test_a_key_that_leaves_the_set_takes_its_verified_tokens_along(self) -> None:
        server = Server(jwk(OKPAlgorithm, ED, "ed", "EdDSA"))
        check = Tokens(
            settings(better_auth_secret=None, better_auth_url="https://a.example"), key_set=server.set
        )
        said = {"sub": "u", "exp": 9_999_999_999, "iss": "https://a.example", "aud": "https://a.example"}
        token = jwt.encode(said, ED, algorithm="EdDSA", headers={"kid": "ed"})
        assert await check(token) is not None
        server.keys = []
        server.now += 81
        assert await check(token) is not None  # from the cache, without a look at the server
        assert not await server.knows("other")
        assert await check(token) is None

    async def test_closing_ends_a_fetch(self) -> None:
        server = Server()
        waiting = asyncio.create_task(server.knows("ed"))
        await asyncio.sleep(0)
        await server.set.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
