"""JSON Web Tokens in two profiles, each with its own pinned algorithms, so that no key serves two.

`BETTER_AUTH_SECRET`: HS256. `BETTER_AUTH_URL`: EdDSA, ES256, RS256 or PS256, keys from the server's JWKS;
`iss` and `aud` are then checked too. `exp` and `sub` are always required.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Set
from typing import Any, Final

import jwt
import structlog

from handfast.runtime.errors import ServiceUnavailable
from handfast.runtime.faults import Fault
from handfast.runtime.security import Principal, Role, user_id
from handfast.runtime.settings import Settings

SHORTEST_SECRET_BYTES: Final = 32
ASYMMETRIC: Final = ("EdDSA", "ES256", "RS256", "PS256")
MOST_CACHED_TOKENS: Final = 10_000
LONGEST_TOKEN: Final = 16_384
JWKS_PATH: Final = "/api/auth/jwks"
JWKS_TIMEOUT_SECONDS: Final = 5.0
JWKS_PAUSE_SECONDS: Final = 10.0
"""Least time between two fetches, so that tokens with invented key ids cannot make us hammer the server."""
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "your-secret", "your_secret", "better-auth-secret")

_log = structlog.get_logger(__name__)


class KeySet:
    """The key set of a Better Auth server: fetched off the event loop, kept for a while."""

    def __init__(self, url: str, *, keep_seconds: float) -> None:
        """Fetch nothing yet."""
        self._url = url
        self._keep_seconds = keep_seconds
        self._keys: list[jwt.PyJWK] | None = None
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str | None) -> jwt.PyJWK | None:
        """Return the key called `kid`, or the only one for a token that names none."""
        found = self._find(kid)
        now = time.monotonic()
        if (
            found is None or now - self._fetched > self._keep_seconds
        ) and now - self._tried > JWKS_PAUSE_SECONDS:
            async with self._lock:
                if time.monotonic() - self._tried > JWKS_PAUSE_SECONDS:
                    await self._fetch()
            found = self._find(kid)
        if self._keys is None:
            raise ServiceUnavailable("Tokens cannot be checked now.", headers={"Retry-After": "10"})
        return found

    def _find(self, kid: str | None) -> jwt.PyJWK | None:
        keys = self._keys or []
        if kid is None:
            return keys[0] if len(keys) == 1 else None
        return next((key for key in keys if key.key_id == kid), None)

    async def _fetch(self) -> None:
        self._tried = time.monotonic()
        try:
            document = await asyncio.to_thread(_download, self._url)
            self._keys = jwt.PyJWKSet.from_dict(document).keys
            self._fetched = time.monotonic()
        except (OSError, ValueError, jwt.PyJWTError) as error:
            _log.warning("jwks_unavailable", url=self._url, reason=type(error).__name__)


def _download(url: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - checked at start-up
    with urllib.request.urlopen(request, timeout=JWKS_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the same
        document = json.loads(answer.read(1_000_000))
    if not isinstance(document, dict):
        raise ValueError("a key set is a JSON object")
    return document


class Tokens:
    """Checks bearer tokens; an `Authenticator`."""

    def __init__(self, settings: Settings) -> None:
        """Take secret, address and times from `settings`."""
        secret = settings.better_auth_secret
        self._secret = None if secret is None else secret.get_secret_value()
        self._issuer = settings.better_auth_url
        self._audience = settings.token_audience or settings.better_auth_url
        self._leeway = settings.token_leeway_seconds
        self._keep_seconds = settings.token_cache_seconds
        self._admin_roles = frozenset(settings.admin_roles)
        self._verified: dict[str, tuple[Principal, float]] = {}
        self._key_set = (
            None
            if self._issuer is None
            else KeySet(self._issuer + JWKS_PATH, keep_seconds=settings.jwks_cache_seconds)
        )

    async def __call__(self, token: str) -> Principal | None:
        """Return whose token it is; None if it is not a valid one."""
        now = time.time()
        known = self._verified.get(token)
        if known is not None:
            if now < known[1]:
                return known[0]
            del self._verified[token]
        if len(token) > LONGEST_TOKEN:
            return None
        try:
            claims = await self._claims(token)
        except jwt.PyJWTError:
            return None
        principal = _principal(claims, self._admin_roles)
        if principal is not None and self._keep_seconds:
            if len(self._verified) >= MOST_CACHED_TOKENS:
                self._verified.clear()
            self._verified[token] = (
                principal,
                min(now + self._keep_seconds, float(claims["exp"]) + self._leeway),
            )
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        key: str | jwt.PyJWK
        if algorithm == "HS256" and self._secret is not None:
            key = self._secret
        elif algorithm in ASYMMETRIC and self._key_set is not None:
            found = await self._key_set.key(header.get("kid"))
            if found is None:
                raise jwt.InvalidKeyError("unknown key")
            key = found
        else:
            raise jwt.InvalidAlgorithmError("not an algorithm of this service")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=self._leeway,
            options={
                "require": ["exp", "sub"],
                "verify_iss": self._issuer is not None,
                "verify_aud": self._audience is not None,
            },
        )
        return claims


def _principal(claims: dict[str, Any], admin_roles: Set[str]) -> Principal | None:
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject:
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


def _role(claims: dict[str, Any], admin_roles: Set[str]) -> Role:
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
    address = settings.better_auth_url
    if address is not None and not address.startswith(("https://", "http://")):
        faults.append(
            Fault(
                what="the address of the Better Auth server is not an http(s) URL",
                fix="write it like https://auth.example.com",
                where="BETTER_AUTH_URL",
            )
        )
    return faults
