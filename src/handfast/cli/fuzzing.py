"""What `handfast fuzz` calls: a running service, or the project's own on a PostgreSQL that ends with it."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from handfast.cli import signals
from handfast.cli.children import Child, listen
from handfast.cli.errors import CliError, WrongUse
from handfast.cli.identity import mint, private_folder
from handfast.cli.migrate import migrate_apart
from handfast.cli.options import Run
from handfast.cli.output import SLOW_SECONDS
from handfast.cli.root import check_composition
from handfast.counted import counted
from handfast.fuzz.contract import Contract
from handfast.fuzz.http import HttpSurface, Unreachable
from handfast.fuzz.identities import Given, Identities, Minted, given
from handfast.fuzz.report import Finding, Report
from handfast.fuzz.surface import Identity
from handfast.fuzz.tokens import Authority
from handfast.runtime.database import throwaway
from handfast.runtime.settings import Settings

AUDIENCE = "handfast-fuzz"
"""`aud` of the tokens of our own service, so that a token for another one can be told from them."""
LOG = "fuzz.log"

User: TypeAlias = tuple[str | None, Sequence[str]]
"""A bearer token, and headers as `Name: value`."""


@dataclass(frozen=True)
class Target:
    """The service to fuzz, and who may call it."""

    url: str
    make_identities: Callable[[Contract], Identities] = field(repr=False)
    authority: Authority | None = field(default=None, repr=False)
    faults: tuple[Finding, ...] = ()
    """Why the service did not start."""

    @contextlib.contextmanager
    def surface(self, seed: int) -> Iterator[HttpSurface]:
        """Read the contract of the service and connect to it."""
        try:
            made = HttpSurface(self.url, number=seed)
        except Unreachable as error:
            raise CliError(str(error), "start the service, or correct the URL") from error
        try:
            yield made
        except Unreachable as error:
            raise CliError(
                str(error), f"see the service's log ({LOG} in .handfast/, if it is ours)"
            ) from error
        finally:
            made.close()

    def identities(self, contract: Contract) -> Identities:
        """Return where users come from."""
        return self.make_identities(contract)

    def users(self, contract: Contract) -> Sequence[Identity]:
        """Return two users."""
        return self.make_identities(contract).pair()


class Progress:
    """Says how far a run is, every few seconds."""

    SECONDS = 5.0

    def __init__(self, run: Run, calls: int) -> None:
        """Say it through the output of `run`."""
        self._run = run
        self._calls = calls
        self._next = time.monotonic() + SLOW_SECONDS

    def __call__(self, report: Report) -> None:
        """Say it, if it was not said just now."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + self.SECONDS
            found = f", {counted(len(report.findings), 'finding')}" if report.findings else ""
            self._run.out.note(f"two identities: {report.calls} of {counted(self._calls, 'call')}{found} …")


@contextlib.contextmanager
def running(url: str, users: Sequence[User], *, identities: int) -> Iterator[Target]:
    """Yield the service at `url` with the users whose credentials were given."""
    if not url.startswith(("http://", "https://")):
        raise WrongUse(f"{url!r} is no address", "write it like http://127.0.0.1:8000")
    headers = [[_header(one) for one in lines] for _, lines in users]
    known = [token is not None or bool(sent) for (token, _), sent in zip(users, headers, strict=True)]
    if identities == 2 and not all(known):
        raise WrongUse(
            "two identities need the credentials of two users",
            "give --token and --other-token, or --header and --other-header",
        )

    def make(contract: Contract) -> Identities:
        first, second = (
            given(name, contract.schemes, token, sent)
            for name, (token, _), sent in zip(("A", "B"), users, headers, strict=True)
        )
        return Given(first, second)

    yield Target(url, make)


@contextlib.contextmanager
def own_service(run: Run) -> Iterator[Target]:
    """Start the project's service with a database and a secret of its own; both end with the block."""
    root = run.root
    check_composition(root, "name a project with --project, or the URL of a service")
    os.chdir(root)  # `.env` is read from here
    secret = secrets.token_urlsafe(48)
    with signals.interruptible(), contextlib.ExitStack() as stack:
        with run.out.progress("starting PostgreSQL and the service"), signals.deferred():
            dsns = throwaway.database(stack.enter_context(throwaway.server()))
        environment = os.environ | {
            "HANDFAST_ENV": "test",
            "DATABASE_URL": dsns.service,
            "HANDFAST_DATABASE_OWNER_URL": dsns.owner,
            "BETTER_AUTH_SECRET": secret,
            "HANDFAST_TOKEN_AUDIENCE": AUDIENCE,
            "LOG_LEVEL": "warning",
        }
        settings = Settings(token_audience=AUDIENCE)
        _migrate(run, environment)
        log = stack.enter_context((private_folder(root) / LOG).open("w", encoding="utf-8"))
        listener = stack.enter_context(listen("127.0.0.1", 0))
        child = Child(root, listener, environment, grace=2, debug=run.debug, stdout=log.fileno())
        stack.callback(child.stop)
        stack.callback(signals.ignore)
        url = "http://{}:{}".format(*listener.getsockname()[:2])
        faults = tuple(
            Finding("ready", fault.where or "start-up", fault.what, fault.fix)
            for fault in child.wait().faults
        )

        def make(contract: Contract) -> Identities:
            def token(user: UUID) -> str:
                return mint(settings, secret, user=user, scopes=contract.scopes)

            return Minted(contract.schemes, token)

        yield Target(url, make, Authority(secret, AUDIENCE, settings.better_auth_url), faults)


def _migrate(run: Run, environment: dict[str, str]) -> None:
    with run.out.progress("migrating"):
        done = migrate_apart(run.root, environment)
    if done is not None and done.returncode:
        raise CliError(f"the migrations fail: {done.stderr.strip()}", "mend them: handfast migrate")


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise WrongUse(f"{name!r} is no header", "write it like 'X-API-Key: value'")
    return name.strip(), value.strip()
