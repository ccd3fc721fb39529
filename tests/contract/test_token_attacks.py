"""Forged, broken and hostile tokens over real HTTP: each is a 401, and the service goes on."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from handfast.testing import make_token
from tests.conftest import SECRET

USER = "0191b0f0-0000-7000-8000-00000000000a"
GOOD = {"sub": USER, "exp": 9_999_999_999}
PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    + "MCowBQYDK2VwAyEA50yh0oIv1f7EDObRXrRXblzBboo5Z3CdBQMl2/xaf+o="
    + "\n-----END PUBLIC KEY-----"
)


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def forged(
    claims: object = GOOD, header: object = None, *, secret: str = SECRET, raw: str | None = None
) -> str:
    """A token with a right signature of `secret` over whatever it says."""
    head = {"alg": "HS256"} | (header if isinstance(header, dict) else {})
    body = json.dumps(claims) if raw is None else raw
    return sealed(json.dumps(head).encode(), body.encode(), secret)


def sealed(header: bytes, claims: bytes, secret: str = SECRET) -> str:
    """The signature of `secret` over these very bytes."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(hmac.digest(secret.encode(), text.encode(), 'sha256'))}"


def times(name: str, value: Any) -> str:
    return forged(GOOD | {name: value})


VALID = forged()
HEAD, BODY, MARK = VALID.split(".")
KIDS = (
    "../../etc/passwd",
    "' or 1=1--",
    "http://evil.example.com/jwks",
    "k" * 5000,
    5,
    None,
    ["a"],
    {"a": 1},
)

ATTACKS: dict[str, str] = {
    "expired": times("exp", 1),
    "exp missing": forged({"sub": USER}),
    "exp null": times("exp", None),
    "exp a text": times("exp", "9999999999"),
    "exp a bool": times("exp", True),
    "exp a list": times("exp", [9_999_999_999]),
    "exp negative": times("exp", -1),
    "exp huge": times("exp", 10**400),
    "exp beyond parsing": forged(raw=f'{{"sub": "{USER}", "exp": {"9" * 5000}}}'),
    "exp infinite": forged(raw=f'{{"sub": "{USER}", "exp": 1e999}}'),
    "exp Infinity": forged(raw=f'{{"sub": "{USER}", "exp": Infinity}}'),
    "exp NaN": forged(raw=f'{{"sub": "{USER}", "exp": NaN}}'),
    "nbf in the future": times("nbf", 9_999_999_998),
    "nbf a text": times("nbf", "1"),
    "iat in the future": times("iat", 9_999_999_998),
    "iat NaN": forged(raw=f'{{"sub": "{USER}", "exp": 9999999999, "iat": NaN}}'),
    "sub missing": forged({"exp": 9_999_999_999}),
    "sub a number": times("sub", 5),
    "sub a list": times("sub", [USER]),
    "sub empty": times("sub", ""),
    "sub with a NUL": times("sub", "a\0b"),
    "sub a lone surrogate": forged(raw='{"sub": "\\ud800", "exp": 9999999999}'),
    "sub very long": times("sub", "u" * 5000),
    "claims twice": forged(raw=f'{{"sub": "{uuid4()}", "sub": "{USER}", "exp": 9999999999}}'),
    "claims in UTF-16": sealed(json.dumps({"alg": "HS256"}).encode(), json.dumps(GOOD).encode("utf-16-le")),
    "header names alg twice": sealed(b'{"alg": "none", "alg": "HS256"}', json.dumps(GOOD).encode()),
    "header in UTF-16": sealed(json.dumps({"alg": "HS256"}).encode("utf-16-le"), json.dumps(GOOD).encode()),
    "header a list": sealed(b'["HS256"]', json.dumps(GOOD).encode()),
    "claims a list": forged([GOOD]),
    "claims no JSON": forged(raw="{"),
    "claims nested deeply": forged(raw="[" * 5000),
    "another key": forged(secret="another-secret-another-secret-another"),
    "the empty key": forged(secret=""),
    "a public key as the secret": forged(secret=PEM),
    "HS256 said to be HS512": forged(header={"alg": "HS512"}),
    "HS256 said to be RS256": forged(header={"alg": "RS256"}),
    "HS256 said to be EdDSA": forged(header={"alg": "EdDSA"}),
    "alg none, no signature": f"{part(json.dumps({'alg': 'none'}).encode())}.{BODY}.",
    **{f"alg {word}": forged(header={"alg": word}) for word in ("none", "None", "NONE", "", "hs256")},
    **{f"alg {word!r}": forged(header={"alg": word}) for word in (None, 5, ["HS256"], {"HS256": 1})},
    "crit": forged(header={"crit": ["exp"], "exp": 1}),
    "zip": forged(header={"zip": "DEF"}),
    "b64": forged(header={"b64": False, "crit": ["b64"]}),
    "another type": forged(header={"typ": "logout+jwt"}),
    "a nested token": forged(raw=json.dumps(VALID)),
    **{f"kid {number}": forged(header={"alg": "RS256", "kid": kid}) for number, kid in enumerate(KIDS)},
    "own key in jwk": forged(header={"jwk": {"kty": "oct", "k": part(b"x" * 32)}}, secret="x" * 32),
    "own key at jku": forged(header={"jku": "http://127.0.0.1:9/"}, secret="x" * 32),
    "own key at x5u": forged(header={"x5u": "http://127.0.0.1:9/"}, secret="x" * 32),
    "oversized": times("more", "x" * 20_000),
    "truncated": VALID[:-1],
    "no signature": f"{HEAD}.{BODY}.",
    "two parts": f"{HEAD}.{BODY}",
    "four parts": f"{VALID}.{MARK}",
    "five parts": f"{HEAD}.{BODY}.{MARK}.{MARK}.{MARK}",
    "padded signature": f"{VALID}=",
    "signature in plain base64": f"{HEAD}.{BODY}.+/{MARK[2:]}",
    "whitespace within": f"{HEAD}. {BODY}.{MARK}",
    "other claims": f"{HEAD}.{part(json.dumps(GOOD | {'sub': str(uuid4())}).encode())}.{MARK}",
    "dots": "...",
}


@pytest.mark.threat("spoofing.token-forged")
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_token_is_refused(client: httpx.Client, attack: str) -> None:
    answer = client.get("/api/tasks", headers={"Authorization": f"Bearer {ATTACKS[attack]}"})
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert SECRET not in answer.text


@pytest.mark.threat("spoofing.token-forged")
def test_the_service_goes_on(client: httpx.Client) -> None:
    for token in (VALID, make_token(USER, secret=SECRET)):
        answer = client.get("/api/tasks", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
