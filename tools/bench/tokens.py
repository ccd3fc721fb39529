"""CPU microseconds of one token verification, cached and not; medians of interleaved rounds."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from handfast.runtime import Settings
from handfast.runtime.jwks import KeySet
from handfast.runtime.tokens import Tokens

SECRET = "only-for-benchmarks-0123456789abcdefghij"
URL = "https://auth.example.com"
KEYS: dict[str, tuple[Any, Any]] = {
    "EdDSA": (OKPAlgorithm, ed25519.Ed25519PrivateKey.generate()),
    "ES256": (ECAlgorithm, ec.generate_private_key(ec.SECP256R1())),
    "RS256": (RSAAlgorithm, rsa.generate_private_key(65537, 2048)),
}
ROUNDS, CALLS = 15, 300


async def cost(check: Tokens, token: str) -> float:
    """CPU microseconds of one call."""
    start = time.process_time()
    for _ in range(CALLS):
        if await check(token) is None:
            raise SystemExit("a good token was refused")
    return (time.process_time() - start) / CALLS * 1e6


async def main() -> None:
    """Measure, and print a line for each algorithm."""
    published = [
        dict(kind.to_jwk(key.public_key(), as_dict=True)) | {"kid": name, "alg": name}
        for name, (kind, key) in KEYS.items()
    ]

    def made(seconds: int) -> Tokens:
        given = {"better_auth_secret": SECRET, "better_auth_url": URL, "token_cache_seconds": seconds}
        keys = KeySet(URL, keep_seconds=600, stale_seconds=0, download=lambda url: {"keys": published})
        return Tokens(Settings.model_validate({"env": "test", **given}), key_set=keys)

    claims = {"sub": "u" * 32, "iat": int(time.time()), "exp": 9_999_999_999, "iss": URL, "aud": URL}
    tokens = {"HS256": jwt.encode(claims, SECRET, algorithm="HS256")}
    for name, (_, key) in KEYS.items():
        tokens[name] = jwt.encode(claims, key, algorithm=name, headers={"kid": name})
    checks = {"cached": made(60), "uncached": made(0)}
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for name, token in tokens.items():
            for kind, check in checks.items():
                found.setdefault((name, kind), []).append(await cost(check, token))
    for name in tokens:
        told = (f"{kind} {statistics.median(found[name, kind]):6.1f} µs" for kind in checks)
        print(f"{name:6}", *told)


if __name__ == "__main__":
    asyncio.run(main())
