"""Tokens that no service may take: each is a known way to get past a careless check of a JSON Web Token.

Where the secret is known, tokens that are right but for one claim are among them; without it only those
that need no secret. Sources: RFC 8725 (best practices), RFC 7515 (`kid`, `jku`, `jwk`, `crit`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from handfast.fuzz.contract import Json

Claims = Mapping[str, Json]
MUCH_BYTES = 20_000
TOO_MUCH_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Forgery:
    """One bad way to say who calls."""

    kind: str
    """A stable name: `alg-none`, `expired`."""
    headers: tuple[tuple[str, str], ...]
    oversized: bool = False
    """Whether the server itself may refuse it before anything looks at the token."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Who issues the service's tokens, as far as the fuzzer can speak for it."""

    secret: str
    """Key of its HS256 tokens."""
    audience: str | None = None
    """`aud` that the service demands; None where it demands none."""
    issuer: str | None = None
    """`iss` that the service demands."""


def claims_of(token: str) -> dict[str, Json]:
    """Return the claims of a token without checking it; empty where it is no JSON Web Token."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def signed(claims: Claims, secret: bytes, **header: Json) -> str:
    """Return an HS256 signature over `claims`, whatever `header` says about the algorithm."""
    head = {"alg": "HS256", "typ": "JWT", **header}
    text = f"{_part(head)}.{_part(dict(claims))}"
    return f"{text}.{_base64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def forgeries(token: str | None, authority: Authority | None) -> tuple[Forgery, ...]:
    """Return every bad credential for a user whose good token is `token`; None where tokens are not used."""
    found = list(_headers(token))
    if token is not None and (claims := claims_of(token)):
        found += [_bearer(kind, value) for kind, value in _without_secret(token, claims)]
        if authority is not None:
            found += [_bearer(kind, value) for kind, value in _with_secret(claims, authority)]
    return tuple(found)


def _headers(token: str | None) -> Iterator[Forgery]:
    yield Forgery("no-credentials", ())
    good = token or "x" * 40
    for kind, value in (
        ("empty", ""),
        ("scheme-only", "Bearer"),
        ("garbage", "Bearer not-a-token"),
        ("dots", "Bearer .."),
        ("unknown-scheme", f"Token {good}"),
        ("basic-instead", f"Basic {base64.b64encode(b'admin:admin').decode()}"),
        ("bare-token", good),
        ("two-in-one", f"Bearer {good}, Bearer {good}"),
        ("with-tail", f"Bearer {good} {good}"),
        ("quoted", f'Bearer "{good}"'),
    ):
        yield Forgery(kind, (("Authorization", value),))
    yield Forgery("oversized", (("Authorization", f"Bearer {'a' * MUCH_BYTES}"),), oversized=True)
    yield Forgery("far-oversized", (("Authorization", f"Bearer {'a' * TOO_MUCH_BYTES}"),), oversized=True)
    if token is not None:
        twice = ("Authorization", f"Bearer {token}")
        yield Forgery("duplicated-header", (twice, twice))
        yield Forgery("second-header", (("Authorization", "Bearer x"), twice))
        elsewhere = (("X-Authorization", f"Bearer {token}"), ("X-Access-Token", token))
        yield Forgery("in-another-header", elsewhere)


def _without_secret(token: str, claims: Claims) -> Iterator[tuple[str, str]]:
    head, body, signature = token.split(".")[:3]
    yield "truncated", token[:-5]
    yield "signature-stripped", f"{head}.{body}."
    yield "signature-dropped", f"{head}.{body}"
    yield "signature-altered", f"{head}.{body}.{_altered(signature)}"
    yield "fourth-part", f"{token}.{signature}"
    yield "claims-altered", f"{head}.{_part({**claims, 'admin': True})}.{signature}"
    for spelling in ("none", "None", "NONE", "nOnE", ""):
        yield f"alg-none-{spelling or 'empty'}", f"{_part({'alg': spelling, 'typ': 'JWT'})}.{body}."
    yield "alg-none-signed", f"{_part({'alg': 'none', 'typ': 'JWT'})}.{body}.{signature}"
    yield "alg-missing", f"{_part({'typ': 'JWT'})}.{body}.{signature}"
    yield "alg-list", f"{_part({'alg': ['HS256', 'none']})}.{body}.{signature}"
    yield "header-no-object", f"{_part(['HS256'])}.{body}.{signature}"
    yield "claims-no-object", f"{head}.{_part([1])}.{signature}"
    yield "other-key", signed(claims, b"another secret, which nobody gave to anybody else")
    for secret in ("", "secret", "changeme", "null"):
        yield f"weak-key-{secret or 'empty'}", signed(claims, secret.encode())
    kids: dict[str, Json] = {
        "path": "../../../../dev/null",
        "sql": "x' union select '' -- ",
        "command": "$(id)",
        "number": 7,
        "object": {"k": ""},
    }
    for kind, kid in kids.items():
        yield f"kid-{kind}", signed(claims, b"", kid=kid)
    yield "critical-unknown", signed(claims, b"", crit=["x-unknown"], **{"x-unknown": True})
    yield from _asymmetric(claims)


def _asymmetric(claims: Claims) -> Iterator[tuple[str, str]]:
    """Signatures by keys of our own, once as they are and once with the key in the header."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    keys: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey] = {
        "RS256": rsa_key,
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    for algorithm, key in keys.items():
        yield f"other-key-{algorithm}", jwt.encode(dict(claims), key, algorithm=algorithm)
        public = key.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        yield f"alg-confused-{algorithm}", signed(claims, pem)
    embedded = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key.public_key(), as_dict=True)
    for kind, header in (
        ("jwk", {"jwk": embedded}),
        ("jku", {"jku": "http://127.0.0.1:9/keys.json", "kid": "ours"}),
        ("x5u", {"x5u": "http://127.0.0.1:9/key.pem"}),
    ):
        yield f"{kind}-injected", jwt.encode(dict(claims), rsa_key, algorithm="RS256", headers=header)


def _with_secret(claims: Claims, authority: Authority) -> Iterator[tuple[str, str]]:
    secret = authority.secret.encode()
    now = int(time.time())
    sign: Callable[..., str] = lambda **changed: signed({**claims, **changed}, secret)  # noqa: E731 - shortest
    yield "expired", sign(exp=now - 3600, iat=now - 7200)
    yield "expired-epoch", sign(exp=0)
    yield "not-yet-valid", sign(nbf=now + 3600)
    yield "exp-no-number", sign(exp="tomorrow")
    yield "exp-null", sign(exp=None)
    yield "exp-missing", signed({name: value for name, value in claims.items() if name != "exp"}, secret)
    yield "sub-missing", signed({name: value for name, value in claims.items() if name != "sub"}, secret)
    yield "sub-empty", sign(sub="")
    yield "sub-null", sign(sub=None)
    yield "sub-number", sign(sub=1)
    yield "sub-object", sign(sub={"id": "1"})
    for algorithm in ("RS256", "ES256", "EdDSA", "HS384", "HS512"):
        yield f"alg-says-{algorithm}", signed(claims, secret, alg=algorithm)
    if authority.audience is not None:
        yield "other-audience", sign(aud="https://another-service.example.com")
        yield (
            "audience-missing",
            signed({name: value for name, value in claims.items() if name != "aud"}, secret),
        )
    if authority.issuer is not None:
        yield "other-issuer", sign(iss="https://another-issuer.example.com")


def _bearer(kind: str, token: str) -> Forgery:
    return Forgery(kind, (("Authorization", f"Bearer {token}"),))


def _altered(signature: str) -> str:
    """`signature` with its first character changed, so that the bytes surely differ."""
    return ("A" if signature[:1] != "A" else "B") + signature[1:]


def _part(value: Json) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
