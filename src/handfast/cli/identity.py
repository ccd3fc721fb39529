"""Development identities: a secret that stays in `.handfast/`, and tokens signed with it."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from handfast.cli.errors import CliError, WrongUse
from handfast.fuzz.identities import credentials
from handfast.redaction import learn

if TYPE_CHECKING:
    from handfast.codegen.ir import Json
    from handfast.fuzz.surface import Credential
    from handfast.runtime.settings import Settings

DEVELOPER = UUID("00000000-0000-4000-8000-000000000001")
"""The user of a token for which none was named."""

DAY = timedelta(days=1)


def private_folder(root: Path) -> Path:
    """Return the project's `.handfast/`, made at first, closed to other users and unknown to git."""
    folder = root / ".handfast"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise CliError(
            f"{folder} cannot be made: {error.strerror}", "make the project's folder writable"
        ) from error
    return folder


def development_secret(root: Path) -> str:
    """Return the secret of this project's development tokens, made at first, readable by this user alone."""
    file = private_folder(root) / "secret"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = file.read_text(encoding="ascii").strip()
        if len(kept) >= 32:
            learn([kept])
            return kept
        raise CliError(f"{file} holds no secret of 32 characters", "delete the file") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        made = secrets.token_urlsafe(48)
        opened.write(made + "\n")
    learn([made])
    return made


def mint(
    settings: Settings,
    secret: str,
    *,
    user: UUID = DEVELOPER,
    ttl: timedelta = DAY,
    scopes: Sequence[str] = (),
) -> str:
    """Return an HS256 token that the service accepts from now on for `ttl`, with `scopes` granted."""
    from handfast.testing import make_token

    claims: dict[str, object] = {}
    if settings.better_auth_url is not None:
        claims = {"iss": settings.better_auth_url, "aud": settings.better_auth_url}
    if settings.token_audience is not None:
        claims["aud"] = settings.token_audience
    return make_token(user, secret=secret, ttl=ttl, scopes=scopes, **claims)


def development_credentials(schemes: Mapping[str, Json], token: str | None) -> Mapping[str, Credential]:
    """Return what to send for each security scheme: `token`, or what a development authenticator takes."""
    known = {name: scheme for name, scheme in schemes.items() if isinstance(scheme, dict)}
    return credentials(known, token, "developer")


UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Read `90s`, `30m`, `12h` or `7d`; raise `WrongUse` for anything else."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if found is None:
        raise WrongUse(f"{text!r} is no duration", "write a number and a unit: 90s, 30m, 12h, 7d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
