"""The key set of an authentication server: which of its keys can be used, and how they are kept up to date.

`usable_keys` is pure; `KeySet` fetches. A key that is known goes on to work while the server cannot be
reached, for as long as HANDFAST_JWKS_STALE_SECONDS allows; an unknown key id asks the server again, but only
so often.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException
from typing import IO, Any, Final
from urllib.parse import urlsplit

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from handfast.runtime.errors import ServiceUnavailable

FAMILIES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("OKP", "Ed25519"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", ""): ("RS256", "PS256"),
}
"""Key type and curve (RFC 7518, 6; RFC 8037) -> what such a key may sign with. Symmetric keys are not among
them: a key set is public."""

ALGORITHMS: Final = frozenset(name for names in FAMILIES.values() for name in names)

SHORTEST_RSA_BITS: Final = 2048
"""RFC 7518, 3.3."""
LONGEST_RSA_BITS: Final = 8192
"""A larger one costs more to verify by than a caller may ask for."""
MOST_KEYS: Final = 100
LARGEST_DOCUMENT: Final = 512 * 1024
LONGEST_KID: Final = 256

FETCH_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 10.0
"""Every so often one more fetch is allowed for key ids that are unknown, and after a fetch that failed."""
BURST: Final = 4
"""How many such fetches may follow each other at once: keys may be rotated twice in a pause."""
MOST_UNKNOWN: Final = 1000
REFRESH_AT: Final = 0.8
"""The part of its time after which a key set is fetched again in the background."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, and what it may verify."""

    kid: str | None
    thumbprint: bytes
    """Tells whether it is still the same key under this id."""
    verifiers: Mapping[str, jwt.PyJWK]
    """The algorithm of a token's header -> the key prepared for it; any other algorithm is not this key's."""


def usable_keys(document: object) -> list[Key]:
    """Return the keys of a JWK set (RFC 7517) that may verify tokens; the others are passed over.

    Passed over is what is symmetric or unknown, for encryption (`use`, `key_ops`), too small, malformed, or
    published with its private part. Raises `ValueError` if `document` is no JWK set at all.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("a key set is a JSON object with a list `keys`")
    found = (_usable(entry) for entry in entries[:MOST_KEYS])
    return [key for key in found if key is not None]


def _usable(entry: object) -> Key | None:
    if not isinstance(entry, dict) or not _for_verifying(entry):
        return None
    kty, crv, kid, alg = (entry.get(name) for name in ("kty", "crv", "kid", "alg"))
    if not isinstance(kid, str | None) or not isinstance(kty, str):
        return None
    algorithms = FAMILIES.get((kty, crv if kty != "RSA" and isinstance(crv, str) else ""), ())
    if alg is not None:
        algorithms = (alg,) if alg in algorithms else ()
    try:
        verifiers = {name: jwt.PyJWK(entry, name) for name in algorithms}
    # PyJWT lets some of what cryptography and base64 raise at nonsense through.
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    if not verifiers or any(not _large_enough(verifier.key) for verifier in verifiers.values()):
        return None
    thumbprint = sha256(json.dumps(entry, sort_keys=True).encode()).digest()
    return Key(kid, thumbprint, verifiers)


def _for_verifying(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops")
    return (
        entry.get("use") in (None, "sig")
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        # Whoever reads it could sign with it.
        and "d" not in entry
    )


def _large_enough(key: object) -> bool:
    return not isinstance(key, RSAPublicKey) or SHORTEST_RSA_BITS <= key.key_size <= LONGEST_RSA_BITS


class KeySet:
    """The keys of one authentication server."""

    def __init__(
        self,
        url: str,
        *,
        keep_seconds: float,
        stale_seconds: float,
        download: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Fetch nothing yet.

        Keys are fresh for `keep_seconds`, then go on to work for `stale_seconds` while no newer ones can be
        had. `download` and `clock` are the network and the time.
        """
        self._url = url
        self._keep_seconds = keep_seconds
        self._stale_seconds = stale_seconds
        self._download = download or _download
        self._clock = clock
        self._keys: list[Key] = []
        self._thumbprints: frozenset[bytes] = frozenset()
        self._fetched: float | None = None
        self._failed = False
        self._tokens = float(BURST)
        self._refilled = clock()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._fetching: asyncio.Task[None] | None = None

    def holds(self, thumbprint: bytes) -> bool:
        """Whether a key is still in the set, and the set not too old to be trusted."""
        return thumbprint in self._thumbprints and self._age() <= self._keep_seconds + self._stale_seconds

    async def key(self, kid: str | None, algorithm: str) -> Key | None:
        """Return the key called `kid`, or the only one for a token that names none, if it fits `algorithm`.

        Waits for the server only if there are no keys, or none of this id. Raises `ServiceUnavailable` if it
        cannot be told which keys there are.
        """
        if kid is not None and len(kid) > LONGEST_KID:
            return None
        age = self._age()
        if age > self._keep_seconds + self._stale_seconds:
            await self._fetch(kid)
        elif age > self._keep_seconds * REFRESH_AT:
            self._start()
        found = self._find(kid)
        if not found and self._worth_asking(kid):
            await self._fetch(kid)
            found = self._find(kid)
        if not found and (self._failed or self._fetched is None):
            raise self._unavailable()
        if self._age() > self._keep_seconds + self._stale_seconds:
            raise self._unavailable()
        return next((key for key in found if algorithm in key.verifiers), None)

    async def close(self) -> None:
        """End a fetch that is still under way."""
        task = self._fetching
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._clock() - self._fetched

    def _find(self, kid: str | None) -> list[Key]:
        if kid is None:
            return self._keys if len(self._keys) == 1 else []
        return [key for key in self._keys if key.kid == kid]

    def _unavailable(self) -> ServiceUnavailable:
        return ServiceUnavailable(
            "Tokens cannot be checked now.", headers={"Retry-After": str(round(PAUSE_SECONDS))}
        )

    def _worth_asking(self, kid: str | None) -> bool:
        """Whether the server may know `kid` by now: it has not been asked for it within the pause."""
        if kid is None:
            return self._fetched is None
        asked = self._unknown.get(kid)
        return asked is None or self._clock() - asked > PAUSE_SECONDS

    async def _fetch(self, kid: str | None) -> None:
        """Wait for the fetch under way, or for a new one if one is allowed; all callers share it."""
        task = self._start()
        if task is None:
            return
        # A caller that goes away must not take the others' fetch along.
        await asyncio.shield(task)
        if kid is not None and not self._failed and not self._find(kid):
            self._unknown[kid] = self._clock()
            self._unknown.move_to_end(kid)
            if len(self._unknown) > MOST_UNKNOWN:
                self._unknown.popitem(last=False)

    def _start(self) -> asyncio.Task[None] | None:
        """The fetch under way, or a new one; None if it is too early for one."""
        if self._fetching is None:
            now = self._clock()
            self._tokens = min(float(BURST), self._tokens + (now - self._refilled) / PAUSE_SECONDS)
            self._refilled = now
            if self._tokens < 1:
                return None
            self._tokens -= 1
            self._fetching = asyncio.get_running_loop().create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        try:
            # The limit of a socket is one for each read; this one is for all of them.
            async with asyncio.timeout(2 * FETCH_SECONDS):
                document = await asyncio.to_thread(self._download, self._url)
            keys = usable_keys(document)
        except (OSError, ValueError, HTTPException, RecursionError) as error:
            self._failed = True
            _log.warning("jwks_unavailable", url=self._url, reason=type(error).__name__)
        else:
            if not keys:
                _log.warning("jwks_without_usable_keys", url=self._url)
            self._keys = keys
            self._thumbprints = frozenset(key.thumbprint for key in keys)
            self._fetched = self._clock()
            self._failed = False
        finally:
            self._fetching = None


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects on the server itself; any other address could hand out keys of its own."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            raise urllib.error.URLError("the key set's server redirects to another one")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_opener = urllib.request.build_opener(_SameHost)


def _download(url: str) -> object:
    """Return the JSON document at `url`; blocks. Raises `OSError` or `ValueError` if there is none."""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - checked at start-up
    with _opener.open(request, timeout=FETCH_SECONDS) as answer:
        until = time.monotonic() + FETCH_SECONDS
        text = bytearray()
        while chunk := answer.read1(65536):
            text += chunk
            if len(text) > LARGEST_DOCUMENT:
                raise ValueError("the key set is too large")
            if time.monotonic() > until:
                raise TimeoutError("the key set comes too slowly")
    return json.loads(bytes(text))


__all__ = ["ALGORITHMS", "Key", "KeySet", "usable_keys"]
