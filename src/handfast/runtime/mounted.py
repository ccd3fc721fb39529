"""Secrets from files: `X_FILE` names a file whose content is the value of the secret setting `X`.

That is how orchestrators hand over secrets: a file stays out of `docker inspect`, of `/proc/<pid>/environ`
and of the environment of child processes. A file that everybody may read is accepted, since a mount usually
is (Kubernetes gives 0644, Docker 0444) and the wall is then the container. One that everybody may write is
refused: whoever replaces a key decides who gets in.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from handfast.runtime.faults import Fault

SUFFIX: Final = "_FILE"
LONGEST_BYTES: Final = 65_536
"""A larger file is no secret but a mistake."""


def read_mounted(variables: Iterable[str], environment: Mapping[str, str | None]) -> dict[str, str | Fault]:
    """Return what the files hold that `environment` names for `variables`: a value, or why there is none.

    A faulty file's content is never part of the fault.
    """
    found: dict[str, str | Fault] = {}
    for variable in variables:
        path = environment.get(variable + SUFFIX)
        if not path:
            continue
        if environment.get(variable):
            found[variable] = Fault(
                what=f"{variable} and {variable}{SUFFIX} are both set",
                fix="unset one of them",
                where=variable + SUFFIX,
            )
        else:
            found[variable] = _content(variable + SUFFIX, Path(path))
    return found


def _content(where: str, path: Path) -> str | Fault:
    """Return the text of `path` without one newline at its end."""

    def fault(what: str, fix: str) -> Fault:
        return Fault(what=f"the file {path} {what}", fix=fix, where=where)

    try:
        # Not blocking, so that a pipe without a writer is refused instead of waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be used"
        return fault(f"cannot be read: {reason}", "mount the secret there, or correct the path")
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            return fault("is no regular file", "name the file that holds the secret")
        if state.st_mode & stat.S_IWOTH:
            return fault("can be written by everybody", "take that right away: chmod o-w")
        with open(descriptor, "rb", closefd=False) as file:
            raw = file.read(LONGEST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(raw) > LONGEST_BYTES:
        return fault(f"is larger than {LONGEST_BYTES} bytes", "name the file that holds the secret alone")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return fault("is no UTF-8 text", "write the secret as text")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        return fault("is empty", "write the secret into it")
    if any(character in text for character in "\0\r\n"):
        return fault("holds more than one line", "write the secret alone into it, as one line")
    return text
