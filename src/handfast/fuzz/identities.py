"""Two users at a time: minted anew for each round, or the two whose credentials were given."""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID, uuid4

from handfast.fuzz.contract import Json
from handfast.fuzz.surface import Credential, Identity


class Identities(Protocol):
    """Where the engine gets its users from."""

    @property
    def fresh(self) -> bool:
        """Whether each pair is new, so that neither owns anything yet."""
        ...

    def pair(self) -> tuple[Identity, Identity]:
        """Return an owner and another user."""
        ...


@dataclass
class Given:
    """Two users whose credentials were given; they change roles from round to round."""

    first: Identity
    second: Identity
    fresh: bool = False

    def pair(self) -> tuple[Identity, Identity]:
        """Return them, the other way round each time."""
        self.first, self.second = self.second, self.first
        return self.second, self.first


class Minted:
    """New users as often as wanted, for a service whose secret is known."""

    fresh = True

    def __init__(self, schemes: Mapping[str, Mapping[str, Json]], mint: Callable[[UUID], str]) -> None:
        """Make users for the contract's security `schemes`; `mint` makes a user's token."""
        self._schemes = schemes
        self._mint = mint
        self._count = itertools.count(1)

    def pair(self) -> tuple[Identity, Identity]:
        """Return two users whom the service has never seen."""
        number = next(self._count)
        return self._user(f"A{number}"), self._user(f"B{number}")

    def _user(self, name: str) -> Identity:
        user = uuid4()  # new in every run, whatever its seed
        return Identity(name, credentials(self._schemes, self._mint(user), str(user)), subject=str(user))


def credentials(
    schemes: Mapping[str, Mapping[str, Json]], token: str | None, user: str
) -> Mapping[str, Credential]:
    """Return what to send for each scheme: `token` where bearer tokens fit, else `user` as name or key.

    The second is what development authenticators believe.
    """
    found: dict[str, Credential] = {}
    for name, scheme in schemes.items():
        kind, http = scheme.get("type"), str(scheme.get("scheme", "")).lower()
        if kind == "apiKey":
            found[name] = Credential(str(scheme.get("in")), str(scheme.get("name")), user)
        elif kind in ("oauth2", "openIdConnect") or (kind == "http" and http == "bearer"):
            if token is not None:
                found[name] = Credential("header", "Authorization", f"Bearer {token}")
        elif kind == "http" and http == "basic":
            pair = b64encode(f"{user}:{user}".encode()).decode()
            found[name] = Credential("header", "Authorization", f"Basic {pair}")
        elif kind == "http":
            found[name] = Credential("header", "Authorization", f"{http.title()} {user}")
    return found


def given(
    name: str,
    schemes: Mapping[str, Mapping[str, Json]],
    token: str | None,
    headers: Sequence[tuple[str, str]],
) -> Identity:
    """Return the user of a `token`, of `headers` that are sent with every call, or of both."""
    from handfast.fuzz.tokens import claims_of

    bearer = {
        key: one
        for key, one in credentials(schemes, token, "").items()
        if token is not None and one.value.startswith("Bearer ")
    }
    subject = claims_of(token).get("sub") if token is not None else None
    return Identity(name, bearer, tuple(headers), subject if isinstance(subject, str) else "")
