from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_encode

from handfast.runtime import ServiceUnavailable, tokens
from handfast.runtime.tokens import Tokens, token_faults
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
    real = jwt.decode

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal decoded
        decoded += 1
        return real(*arguments, **options)

    monkeypatch.setattr(jwt, "decode", counted)
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
    ((_, until),) = check._verified.values()
    assert until <= time.time() + 5


@pytest.mark.threat("denial.token-cache-memory")
async def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_CACHED_TOKENS", 2)
    check = Tokens(settings())
    for _ in range(5):
        await check(make_token(uuid4(), secret=SECRET))
    assert len(check._verified) <= 2


ED = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


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
    monkeypatch.setattr(tokens, "JWKS_PAUSE_SECONDS", -1.0)
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
    monkeypatch.setattr(tokens, "JWKS_PAUSE_SECONDS", 60.0)
    check = Tokens(settings(better_auth_secret=None, better_auth_url=auth.url))
    for number in range(5):
        token = jwt.encode(claims(auth), EC, algorithm="ES256", headers={"kid": str(number)})
        assert await check(token) is None
    assert auth.asked == 1


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
    ],
)
@pytest.mark.threat("spoofing.weak-secret")
def test_settings_that_tokens_cannot_be_checked_by(values: dict[str, Any], words: str) -> None:
    (fault,) = token_faults(settings(**values))
    assert words in fault.what


def test_settings_that_are_well() -> None:
    assert token_faults(settings()) == []
    assert token_faults(settings(better_auth_secret=None, better_auth_url="https://auth.example.com")) == []
