"""Who calls: OpenAPI `security` with its alternatives (OR), combinations (AND) and scopes.

Bearer, OAuth 2 and OpenID Connect schemes are served by the service's own tokens (`tokens`); any other
scheme needs an `Authenticator` given to `create_app`. A scheme without one admits nobody.

Alternatives are tried in the contract's order, and the first that holds decides. Of combined schemes all must
hold. `ctx.user` is then the user that they name: the first principal that stands for a user, else the first
of all. Two that name different users are refused (403), so that nobody acts with one half of each.
"""

from __future__ import annotations

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from starlette.requests import Request

from handfast.runtime.errors import ApiError, Forbidden, InternalError, ServiceUnavailable, Unauthorized
from handfast.runtime.faults import Fault
from handfast.runtime.schemes import Scheme

USER_NAMESPACE: Final = uuid5(NAMESPACE_URL, "urn:handfast:user")
"""Names a `sub` that is no UUID; never change it: owner columns hold what came out."""

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

EVERY_SCOPE: Final = "*"

Role: TypeAlias = Literal["user", "service", "admin"]
"""What a caller is; only `service` and `admin` may use `ctx.db.elevated(...)`."""

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749, 3.3: what a header can say between quotes."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. An authenticator may return a frozen subclass with fields of its own."""

    names_user: ClassVar[bool] = True
    """Whether it stands for a user. A subclass for what only accompanies a user, such as the key of an
    application, says False; alone, it owns rows like a user."""

    id: UUID
    """What owner columns hold: `subject` itself if it is a UUID, else a stable uuid5 of it."""
    subject: str = field(repr=False)
    """What the credentials call the caller; personal data: never log it."""
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Everything that the credentials say; never log it."""
    role: Role = "user"
    """Only an authenticator sets another; for tokens `HANDFAST_ADMIN_ROLES` says which are an admin's."""

    @classmethod
    def of(cls, subject: str, *, scopes: frozenset[str] = frozenset(), **claims: object) -> Self:
        """The caller called `subject`."""
        return cls(user_id(subject), subject, scopes, claims)

    def may(self, scopes: Sequence[str]) -> bool:
        """Whether all of `scopes` have been granted."""
        return EVERY_SCOPE in self.scopes or self.scopes.issuperset(scopes)


def user_id(subject: str) -> UUID:
    """Map the `sub` of a token to the id that owner columns hold.

    Only the form of RFC 9562, 4 is a UUID, in digits of any case: whatever else Python reads as one (braces,
    `urn:uuid:`, no hyphens) is another subject, lest two subjects own the same rows.
    """
    return UUID(subject) if _UUID.fullmatch(subject) else uuid5(USER_NAMESPACE, subject)


Authenticator: TypeAlias = Callable[[str], Awaitable[Principal | None]]
"""Given a scheme's credential (the token, the key, `user:password`), says whose it is; None refuses it.

`schemes` lists what each scheme gives. It may raise an `ApiError`, e.g. `TooManyRequests`; any other error is
answered 500, and one that takes longer than HANDFAST_AUTHENTICATOR_TIMEOUT_SECONDS 503.
"""


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


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, by every credential that counted."""

    user: Principal
    principals: tuple[Principal, ...]
    """One for each scheme of the alternative that held, in the contract's order."""
    user_id: str = field(init=False)
    """The user's id as log lines tell it."""

    def __post_init__(self) -> None:
        """Write the id down once, since who calls is remembered by token."""
        object.__setattr__(self, "user_id", str(self.user.id))


Recall: TypeAlias = Callable[[bytes], Caller | None]
"""Given a bearer token, says whose it is if that was found out before and still holds."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One scheme of an alternative, who checks it, and what it must grant."""

    scheme: Scheme
    authenticator: Authenticator | None
    scopes: tuple[str, ...]
    bounded: bool
    """Whether the authenticator is the project's, and so may take as long as it likes."""


class Guard:
    """The security of one operation; built once, when the service starts."""

    def __init__(
        self,
        alternatives: Sequence[Sequence[tuple[str, Sequence[str]]]],
        schemes: Mapping[str, Mapping[str, Any]],
        authenticators: Mapping[str, Authenticator],
        tokens: Authenticator,
        *,
        recall: Recall | None = None,
        timeout_seconds: float = 5.0,
        certificate_header: str | None = None,
    ) -> None:
        """Join the operation's `security` with who checks each scheme."""
        self.public = not alternatives
        self.optional = any(not alternative for alternative in alternatives)
        self._timeout_seconds = timeout_seconds
        self._schemes: dict[str, Scheme] = {}
        self._alternatives: list[list[_Part]] = []
        for alternative in alternatives:
            combined = []
            for name, scopes in alternative:
                scheme = self._schemes.setdefault(
                    name, Scheme(name, schemes.get(name, {}), certificate_header=certificate_header)
                )
                given = authenticators.get(name)
                check = tokens if given is None and scheme.takes_tokens else given
                combined.append(_Part(scheme, check, tuple(scopes), given is not None))
            if combined:
                self._alternatives.append(combined)
        single = not self.optional and [len(combined) for combined in self._alternatives] == [1]
        self._only = self._alternatives[0][0] if single else None
        own_tokens = self._only is not None and self._only.authenticator is tokens
        self._recall = recall if own_tokens else None
        self._scopes = () if self._only is None else self._only.scopes

    def known(self, headers: Mapping[bytes, bytes], sent: int) -> Caller | None:
        """Return who calls, where a bearer token decides that was seen before; else ask.

        `headers` are those of the request by their lower-case names, `sent` how many it has: one that came
        twice could be the token.
        """
        recall = self._recall
        if recall is None or len(headers) != sent:
            return None
        header = headers.get(b"authorization")
        if header is None or header[:7].lower() != b"bearer ":
            return None
        caller = recall(header[7:])
        return caller if caller is None or not self._scopes or caller.user.may(self._scopes) else None

    async def __call__(self, request: Request) -> Caller | None:
        """Return who calls, None for somebody unknown where the contract allows that.

        Raises `Unauthorized` without valid credentials, `Forbidden` where a scope is missing or combined
        credentials name two users. Credentials that are sent must be valid even where none are needed.
        """
        if self.public:
            return None
        if self._only is not None:
            return await self._single(self._only, request)
        sent = {name: scheme.credential(request) for name, scheme in self._schemes.items()}
        known: dict[str, Principal | None] = {}
        refusal: Forbidden | None = None
        for alternative in self._alternatives:
            found: list[Principal] = []
            for part in alternative:
                name = part.scheme.name
                if name not in known:
                    known[name] = await self._ask(part, sent[name])
                principal = known[name]
                if principal is None:
                    break
                found.append(principal)
            else:
                pairs = zip(alternative, found, strict=True)
                lacking = next((part for part, who in pairs if not who.may(part.scopes)), None)
                user = _user(found)
                if lacking is None and user is not None:
                    return Caller(user, tuple(found))
                refusal = refusal or (_two_users() if lacking is None else _too_narrow(lacking))
        if refusal is not None:
            raise refusal
        if self.optional and not any(credential is not None for credential in sent.values()):
            return None
        raise Unauthorized(headers={"WWW-Authenticate": self._challenges(sent)})

    async def _single(self, part: _Part, request: Request) -> Caller:
        """The caller where one credential decides, which is what most contracts say: without tables."""
        credential = part.scheme.credential(request)
        principal = await self._ask(part, credential)
        if principal is None:
            sent = {part.scheme.name: credential}
            raise Unauthorized(headers={"WWW-Authenticate": self._challenges(sent)})
        if not principal.may(part.scopes):
            raise _too_narrow(part)
        return Caller(principal, (principal,))

    async def _ask(self, part: _Part, credential: str | None) -> Principal | None:
        """Return whose credential it is; whatever else the authenticator does, nobody gets in."""
        if not credential or part.authenticator is None:
            return None
        if not part.bounded:
            return await part.authenticator(credential)
        limit = asyncio.timeout(self._timeout_seconds)
        try:
            async with limit:
                found: object = await part.authenticator(credential)
        except Unauthorized:
            return None  # the guard knows what else would do, and how to ask for it
        except ApiError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # the request itself is cancelled, not something within the authenticator
            if limit.expired():
                _log.error("authenticator_timed_out", scheme=part.scheme.name)
                raise ServiceUnavailable(
                    "Your credentials cannot be checked now.", headers={"Retry-After": "1"}
                ) from None
            # Its message may hold the credential: only what it is and where it comes from is written.
            last = traceback.extract_tb(error.__traceback__)[-1]
            _log.error(
                "authenticator_failed",
                scheme=part.scheme.name,
                error=type(error).__name__,
                place=f"{last.filename}:{last.lineno}",
            )
            raise InternalError from None
        if found is None or isinstance(found, Principal):
            return found
        _log.error("authenticator_returned_no_principal", scheme=part.scheme.name)
        raise InternalError

    def _challenges(self, sent: Mapping[str, str | None]) -> str:
        """Ask for every scheme that would do; a token that was sent is called invalid (RFC 6750, 3)."""
        refused = any(sent[name] is not None for name, scheme in self._schemes.items() if scheme.takes_tokens)
        challenges = dict.fromkeys(scheme.challenge for scheme in self._schemes.values())
        return ", ".join(
            'Bearer error="invalid_token"' if challenge == "Bearer" and refused else challenge
            for challenge in challenges
        )


def _user(found: Sequence[Principal]) -> Principal | None:
    """Return the one user that combined principals name; None if they name two."""
    users = [principal for principal in found if principal.names_user]
    if len({principal.id for principal in users}) > 1:
        return None
    return users[0] if users else found[0]


def _two_users() -> Forbidden:
    return Forbidden("Your credentials name different users.")


def _too_narrow(part: _Part) -> Forbidden:
    """The refusal for want of a scope; OAuth's words (RFC 6750, 3.1) only where tokens are meant."""
    headers = {}
    if part.scheme.takes_tokens:
        sayable = " ".join(scope for scope in part.scopes if _SCOPE.fullmatch(scope))
        headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{sayable}"'
    return Forbidden("Your credentials do not grant what this operation needs.", headers=headers)


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
        scheme = Scheme(name, schemes.get(name, {}))
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
