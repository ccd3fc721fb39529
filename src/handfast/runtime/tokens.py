"""JSON Web Tokens in two profiles, each with its own pinned algorithms, so that no key serves two.

`BETTER_AUTH_SECRET`: HS256. `BETTER_AUTH_URL`: EdDSA, ES256, ES512, RS256 or PS256, keys from the server's
JWKS; `iss` and `aud` are then checked too. `exp` and `sub` are always required.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence, Set
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import jwt
from jwt.utils import base64url_decode

from handfast.runtime.faults import Fault
from handfast.runtime.jwks import ALGORITHMS, KeySet
from handfast.runtime.schemes import LONGEST_CREDENTIAL
from handfast.runtime.security import Caller, Principal, Role, user_id
from handfast.runtime.settings import Settings
from handfast.runtime.verified import Verified, VerifiedTokens

SHORTEST_SECRET_BYTES: Final = 32
LONGEST_SUBJECT: Final = 255
"""Characters; OpenID Connect Core, 2."""
LATEST_TIME: Final = 253_402_300_799
"""The end of the year 9999 in Unix time; a later time is a mistake, or an attempt to overflow something."""
JWKS_PATH: Final = "/api/auth/jwks"
TYPES: Final = frozenset(("", "jwt", "at+jwt", "application/at+jwt"))
"""The `typ` of access tokens (RFC 9068, 2.1); a token made for something else is none (RFC 8725, 3.11)."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_UNUSED_HEADERS = ("crit", "zip", "b64")
"""Headers that change what a token means, in ways not known here (RFC 7515, 4.1.11)."""
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "your-secret", "your_secret", "better-auth-secret")


class UserRows(Protocol):
    """Where it is kept from when on a user's tokens count."""

    async def admits(self, user: UUID, subject: str, issued: float | None) -> bool:
        """Whether a token of `user` that was issued at the Unix time `issued` still counts."""


class _StrictJWT(jwt.PyJWT):
    """PyJWT, but claims are read as strictly as the header, and times are finite numbers."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        claims = _object(decoded["payload"])
        for name in ("exp", "nbf", "iat"):
            if name in claims and not _is_time(claims[name]):
                raise jwt.DecodeError(f"`{name}` is no time")
        return claims


def _bytes(part: str) -> bytes:
    try:
        return base64url_decode(part)
    except ValueError as error:
        raise jwt.DecodeError("a part is no base64url") from error


def _object(text: bytes) -> dict[str, Any]:
    """Return the JSON object that a part of a token holds; raises `DecodeError`."""
    try:
        # As UTF-8 (RFC 7515, 3): json.loads would guess the encoding of bytes.
        found = json.loads(text.decode(), object_pairs_hook=_without_duplicates, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise jwt.DecodeError("a part cannot be read") from error
    if not isinstance(found, dict):
        raise jwt.DecodeError("a part is no object")
    return found


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")  # RFC 7519, 4
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _is_time(value: object) -> bool:
    """Whether it is a NumericDate (RFC 7519, 2): a JSON number, whole or not."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (isinstance(value, int) or math.isfinite(value))
        and 0 <= value <= LATEST_TIME
    )


_jwt = _StrictJWT()


class Tokens:
    """Checks bearer tokens; an `Authenticator`."""

    def __init__(
        self, settings: Settings, *, users: UserRows | None = None, key_set: KeySet | None = None
    ) -> None:
        """Take secret, address and times from `settings`; `users` are asked at each verification."""
        secret = settings.better_auth_secret
        self._secret = None if secret is None else secret.get_secret_value()
        self._issuer = settings.better_auth_url
        self._audience = settings.token_audience or settings.better_auth_url
        self._leeway = settings.token_leeway_seconds
        self._keep_seconds = settings.token_cache_seconds
        self._admin_roles = frozenset(settings.admin_roles)
        self._users = users
        self._verified = VerifiedTokens()
        if key_set is None and self._issuer is not None:
            key_set = KeySet(
                self._issuer + JWKS_PATH,
                keep_seconds=settings.jwks_cache_seconds,
                stale_seconds=settings.jwks_stale_seconds,
            )
        self._key_set = key_set

    async def __call__(self, token: str) -> Principal | None:
        """Return whose token it is; None if it is not a valid one.

        Raises `ServiceUnavailable` while it cannot be told: no keys, or no database to ask about the user.
        """
        if len(token) > LONGEST_CREDENTIAL or _COMPACT.fullmatch(token) is None:
            return None
        known = self.recall(token.encode())
        if known is not None:
            return known.user
        now = time.time()
        generation = self._verified.generation
        try:
            claims, thumbprint = await self._claims(token)
        except jwt.PyJWTError:
            return None
        principal = _principal(claims, self._admin_roles)
        if principal is None:
            return None
        if self._users is not None and not await self._users.admits(
            principal.id, principal.subject, claims.get("iat")
        ):
            return None
        until = min(now + self._keep_seconds, claims["exp"] + self._leeway)
        if until > now:
            found = Verified(Caller(principal, (principal,)), until, thumbprint, len(token))
            self._verified.put(token.encode(), found, generation=generation)
        return principal

    def recall(self, token: bytes) -> Caller | None:
        """Return whose token it is, if that was found out a short while ago and its key still counts."""
        known = self._verified.get(token, time.time())
        if known is None:
            return None
        if known.thumbprint is None or (self._key_set and self._key_set.holds(known.thumbprint)):
            return known.caller
        self._verified.drop(token)
        return None

    def forget(self, user: UUID) -> None:
        """Check the tokens of `user` anew, whatever was found out about them before."""
        self._verified.forget(user)

    async def close(self) -> None:
        """End what still runs in the background."""
        if self._key_set is not None:
            await self._key_set.close()

    async def _claims(self, token: str) -> tuple[dict[str, Any], bytes | None]:
        """Return the claims and the thumbprint of the published key that signed them; raises `PyJWTError`."""
        header = _object(_bytes(token.partition(".")[0]))
        algorithm, kid = header.get("alg"), header.get("kid")
        kind = header.get("typ", "")
        if not isinstance(kind, str) or kind.lower() not in TYPES:
            raise jwt.InvalidTokenError("not an access token")
        if any(name in header for name in _UNUSED_HEADERS):
            raise jwt.InvalidTokenError("a header that changes what the token means")
        if not isinstance(algorithm, str):
            raise jwt.InvalidAlgorithmError("no algorithm")
        if not isinstance(kid, str | None):
            raise jwt.InvalidTokenError("a key id is a text")
        key: str | jwt.PyJWK
        thumbprint = None
        if algorithm == "HS256" and self._secret is not None:
            key = self._secret
        elif algorithm in ALGORITHMS and self._key_set is not None:
            found = await self._key_set.key(kid, algorithm)
            if found is None:
                raise jwt.InvalidKeyError("unknown key")
            key, thumbprint = found.verifiers[algorithm], found.thumbprint
        else:
            raise jwt.InvalidAlgorithmError("not an algorithm of this service")
        claims = _jwt.decode(
            token,
            key,
            algorithms=[algorithm],  # one that the key itself is for
            issuer=self._issuer,
            audience=self._audience,
            leeway=self._leeway,
            options={
                "require": ["exp", "sub"],
                "verify_iss": self._issuer is not None,
                "verify_aud": self._audience is not None,
            },
        )
        return claims, thumbprint


def _principal(claims: Mapping[str, Any], admin_roles: Set[str]) -> Principal | None:
    subject = claims["sub"]
    if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        return None
    scopes: set[str] = set()
    for name in ("scope", "scopes", "scp", "permissions"):
        granted = claims.get(name)
        if isinstance(granted, str):
            scopes.update(granted.split())
        elif isinstance(granted, list):
            scopes.update(one for one in granted if isinstance(one, str))
    scopes.discard("*")  # a wildcard is for development authenticators, not for whoever issues tokens
    return Principal(user_id(subject), subject, frozenset(scopes), claims, _role(claims, admin_roles))


def _role(claims: Mapping[str, Any], admin_roles: Set[str]) -> Role:
    """Return `admin` if the claim `role` names one of those; Better Auth separates several by commas."""
    claimed = claims.get("role")
    names = claimed.split(",") if isinstance(claimed, str) else claimed if isinstance(claimed, list) else []
    held = {name.strip() for name in names if isinstance(name, str)}
    return "admin" if held & admin_roles else "user"


def token_faults(settings: Settings) -> list[Fault]:
    """What is wrong with the settings that tokens are checked by; call it only if a scheme uses tokens."""
    secret = settings.better_auth_secret
    if secret is None and settings.better_auth_url is None:
        return [
            Fault(
                what="neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL is set; every token is refused",
                fix="set BETTER_AUTH_SECRET to at least 32 random bytes, or BETTER_AUTH_URL to the address "
                "of your Better Auth server",
                where="BETTER_AUTH_SECRET",
                fatal=False,
            )
        ]
    faults = []
    if secret is not None:
        text = secret.get_secret_value()
        if len(text.encode()) < SHORTEST_SECRET_BYTES:
            faults.append(
                Fault(
                    what=f"the secret is shorter than {SHORTEST_SECRET_BYTES} bytes",
                    fix="make one with `openssl rand -base64 48`",
                    where="BETTER_AUTH_SECRET",
                    fatal=False,
                )
            )
        elif len(set(text)) < 8 or any(word in text.lower() for word in _PLACEHOLDERS):
            faults.append(
                Fault(
                    what="the secret is a placeholder that everybody can guess",
                    fix="make one with `openssl rand -base64 48`",
                    where="BETTER_AUTH_SECRET",
                    fatal=False,
                )
            )
    if settings.better_auth_url is not None:
        faults += _address_faults(settings.better_auth_url)
    return faults


def _address_faults(address: str) -> list[Fault]:
    try:
        parts = urlsplit(address)
        host = parts.hostname
        _ = parts.port  # raises where it is no number
    except ValueError:
        host = None
    if (
        host is None
        or parts.scheme not in ("http", "https")
        or any((parts.username, parts.password, parts.query, parts.fragment))
    ):
        return [
            Fault(
                what="the address of the Better Auth server is not an http(s) URL",
                fix="write it like https://auth.example.com",
                where="BETTER_AUTH_URL",
            )
        ]
    if parts.scheme == "http" and not _is_loopback(host):
        return [
            Fault(
                what="the address of the Better Auth server is http: keys could be replaced on their way",
                fix="write https://, or reach the server over 127.0.0.1",
                where="BETTER_AUTH_URL",
                fatal=False,
            )
        ]
    return []


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host == "::1" or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None
