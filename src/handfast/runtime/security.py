"""Who calls: OpenAPI `security` with its alternatives (OR), combinations (AND) and scopes.

Bearer, OAuth 2 and OpenID Connect schemes are served by the service's own tokens (`tokens`); any other
scheme needs an `Authenticator` given to `create_app`. A scheme without one admits nobody.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

from starlette.requests import Request

from handfast.runtime.decode import cookies
from handfast.runtime.errors import Forbidden, Unauthorized
from handfast.runtime.faults import Fault
from handfast.runtime.readings import MalformedText, parse_pairs, percent_decode

USER_NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:handfast:user")
"""Names a `sub` that is no UUID; never change it: owner columns hold what came out."""

EVERY_SCOPE: Final = "*"

Role: TypeAlias = Literal["user", "service", "admin"]
"""What a caller is; only `service` and `admin` may use `ctx.db.elevated(...)`."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    id: UUID
    """What owner columns hold: `subject` itself if it is a UUID, else a stable uuid5 of it."""
    subject: str
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Everything that the credentials say; never log it."""
    role: Role = "user"
    """Only an authenticator sets another; for tokens `HANDFAST_ADMIN_ROLES` says which are an admin's."""

    @classmethod
    def of(cls, subject: str, *, scopes: frozenset[str] = frozenset(), **claims: object) -> Principal:
        """The caller called `subject`."""
        return cls(user_id(subject), subject, scopes, claims)

    def may(self, scopes: Sequence[str]) -> bool:
        """Whether all of `scopes` have been granted."""
        return EVERY_SCOPE in self.scopes or self.scopes.issuperset(scopes)


def user_id(subject: str) -> UUID:
    """Map the `sub` of a token to the id that owner columns hold."""
    try:
        return UUID(subject)
    except ValueError:
        return uuid5(USER_NAMESPACE, subject)


Authenticator: TypeAlias = Callable[[str], Awaitable[Principal | None]]
"""Given a scheme's credential (the token, the key, `user:password`), says whose it is; None refuses it."""


class DevelopmentAuthenticator:
    """Believes whatever it is told; production refuses to start with one."""

    def __init__(self, scopes: frozenset[str]) -> None:
        """Grant `scopes` to everybody."""
        self._scopes = scopes

    async def __call__(self, credential: str) -> Principal | None:
        """Take any credential as the name of a user."""
        name = credential.partition(":")[0]
        return Principal.of(name, scopes=self._scopes) if name else None


def development_authenticator(scopes: Sequence[str] = (EVERY_SCOPE,)) -> Authenticator:
    """An authenticator for development: any credential is taken as its user's name, with `scopes` granted.

    One user a distinct key; of `user:password` only the user counts. Start-up fails with it in production.
    """
    return DevelopmentAuthenticator(frozenset(scopes))


class _Scheme:
    """One security scheme of the contract: where its credential is, who checks it, how to ask for it."""

    def __init__(self, name: str, scheme: Mapping[str, Any], authenticator: Authenticator | None) -> None:
        self.name = name
        self.authenticator = authenticator
        self._type = str(scheme.get("type", ""))
        self._http = str(scheme.get("scheme", "")).lower()
        self._in = str(scheme.get("in", ""))
        self._key = str(scheme.get("name", ""))

    @property
    def takes_tokens(self) -> bool:
        """Whether the service's own tokens fit this scheme."""
        return self._type in ("oauth2", "openIdConnect") or (self._type == "http" and self._http == "bearer")

    @property
    def challenge(self) -> str:
        """The `WWW-Authenticate` element that asks for this scheme (RFC 9110, 11.6.1)."""
        if self.takes_tokens:
            return "Bearer"
        if self._type == "http" and self._http == "basic":
            return 'Basic realm="api", charset="UTF-8"'
        if self._type == "apiKey":
            return f'ApiKey in="{_quoted(self._in)}", name="{_quoted(self._key)}"'
        return _token(self._http) or "Mutual"

    def credential(self, request: Request) -> str | None:
        """The credential that the request carries for this scheme, "" for an unreadable one."""
        if self._type == "apiKey":
            return self._api_key(request)
        if not self.takes_tokens and self._type != "http":
            return None
        sent = request.headers.getlist("authorization")
        if not sent:
            return None
        if len(sent) > 1:
            return ""
        word, _, rest = sent[0].partition(" ")
        wanted = "bearer" if self.takes_tokens else self._http
        if word.lower() != wanted:
            return None
        return _basic(rest.strip()) if wanted == "basic" else rest.strip()

    def _api_key(self, request: Request) -> str | None:
        found: list[str] = []
        if self._in == "header":
            found = request.headers.getlist(self._key)
        elif self._in == "cookie":
            found = cookies(request).get(self._key, [])
        elif self._in == "query":
            try:
                texts = parse_pairs(request.scope["query_string"]).get(self._key, [])
                found = [percent_decode(text, plus=True) for text in texts]
            except MalformedText:
                return ""
        if not found:
            return None
        return found[0] if len(found) == 1 else ""


class Guard:
    """The security of one operation; built once, when the service starts."""

    def __init__(
        self,
        alternatives: Sequence[Sequence[tuple[str, Sequence[str]]]],
        schemes: Mapping[str, Mapping[str, Any]],
        authenticators: Mapping[str, Authenticator],
        tokens: Authenticator,
    ) -> None:
        """Join the operation's `security` with who checks each scheme."""
        self.public = not alternatives
        self.optional = any(not alternative for alternative in alternatives)
        self._alternatives: list[list[tuple[_Scheme, tuple[str, ...]]]] = []
        challenges: dict[str, None] = {}
        for alternative in alternatives:
            combined = []
            for name, scopes in alternative:
                scheme = _Scheme(name, schemes.get(name, {}), authenticators.get(name))
                if scheme.authenticator is None and scheme.takes_tokens:
                    scheme.authenticator = tokens
                combined.append((scheme, tuple(scopes)))
                challenges[scheme.challenge] = None
            if combined:
                self._alternatives.append(combined)
        self._challenge = ", ".join(challenges) or "Bearer"

    async def __call__(self, request: Request) -> Principal | None:
        """Return who calls, None for somebody unknown where the contract allows that.

        Raises `Unauthorized` without valid credentials, `Forbidden` where a scope is missing. Credentials
        that are sent must be valid even where none are needed.
        """
        if self.public:
            return None
        sent = lacking = False
        for alternative in self._alternatives:
            principal: Principal | None = None
            granted = True
            for scheme, scopes in alternative:
                credential = scheme.credential(request)
                sent = sent or credential is not None
                found = (
                    await scheme.authenticator(credential) if credential and scheme.authenticator else None
                )
                if found is None:
                    principal = None
                    break
                granted = granted and found.may(scopes)
                principal = principal or found
            if principal is not None and granted:
                return principal
            lacking = lacking or principal is not None
        if lacking:
            raise Forbidden(
                "Your credentials do not grant what this operation needs.",
                headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
            )
        if self.optional and not sent:
            return None
        raise Unauthorized(headers={"WWW-Authenticate": self._refusal(sent)})

    def _refusal(self, sent: bool) -> str:
        if sent and self._challenge.startswith("Bearer"):
            return 'Bearer error="invalid_token"' + self._challenge[len("Bearer") :]
        return self._challenge


def scheme_faults(
    schemes: Mapping[str, Mapping[str, Any]],
    used: Sequence[str],
    authenticators: Mapping[str, Authenticator],
    where: str,
    *,
    production: bool,
) -> list[Fault]:
    """What is wrong with the authenticators: a scheme without one, or one that is for development only."""
    faults = []
    for name in used:
        scheme = _Scheme(name, schemes.get(name, {}), None)
        given = authenticators.get(name)
        if given is None and not scheme.takes_tokens:
            faults.append(
                Fault(
                    what=f"the security scheme `{name}` has no authenticator; its operations answer 401",
                    fix=f'give create_app(authenticators={{"{name}": ...}}) a function from the credential '
                    "to a Principal",
                    where=where,
                    fatal=False,
                )
            )
        elif isinstance(given, DevelopmentAuthenticator) and production:
            faults.append(
                Fault(
                    what=f"the authenticator of `{name}` believes everybody and is for development only",
                    fix="write one that checks the credential",
                    where=where,
                )
            )
    return faults


def _basic(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _token(text: str) -> str:
    return text.capitalize() if text.isalnum() else ""
