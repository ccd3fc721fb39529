"""Whom a mock lets in: its own credentials, and tokens that look like real ones.

A mock knows no users, yet a caller should see what happens without valid credentials. So there are known
ones; and since a frontend may have real tokens already, a JWT is taken as it is, unverified.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from handfast.runtime.security import EVERY_SCOPE, Authenticator, Principal

KNOWN: Final = "mock"
"""The token, and the key, that is always taken; of Basic `mock:mock`."""


def authenticators(
    schemes: Mapping[str, Mapping[str, Any]], *, any_credential: bool = False
) -> dict[str, Authenticator]:
    """Return who checks the credentials of each scheme."""
    return {name: _anybody if any_credential else _known for name in schemes}


async def _anybody(credential: str) -> Principal | None:
    return Principal.of("mock", scopes=frozenset((EVERY_SCOPE,)))


async def _known(credential: str) -> Principal | None:
    if credential in (KNOWN, f"{KNOWN}:{KNOWN}") or looks_like_jwt(credential):
        return await _anybody(credential)
    return None


def looks_like_jwt(token: str) -> bool:
    """Whether `token` has the form of a signed JSON Web Token (RFC 7519, 7515); nothing is verified."""
    pieces = token.split(".")
    if len(pieces) != 3 or not all(pieces):
        return False
    try:
        head, claims = (json.loads(_decoded(piece)) for piece in pieces[:2])
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(head, dict) and "alg" in head and isinstance(claims, dict)


def _decoded(piece: str) -> bytes:
    return base64.b64decode(piece + "=" * (-len(piece) % 4), altchars=b"-_", validate=True)
