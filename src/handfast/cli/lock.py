"""One `handfast dev` a project at a time, and a note of where it listened."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from handfast.cli.errors import CliError


class Lock:
    """The lock file of a project; the system lets go of it when the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        """Take over the locked file."""
        self._descriptor = descriptor
        held = os.pread(descriptor, 16, 0).decode().strip()
        self.left = int(held) if held.isdigit() else None
        """The port of the last run, if that did not come to an orderly end; else None."""

    def write(self, port: int) -> None:
        """Note where this run listens."""
        self.clear()
        os.pwrite(self._descriptor, str(port).encode(), 0)

    def clear(self) -> None:
        """Note that this run has come to an orderly end."""
        os.ftruncate(self._descriptor, 0)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[Lock]:
    """Hold the lock in `folder`; raise `CliError` where another process has it."""
    descriptor = os.open(folder / "dev.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CliError(
                f"`handfast dev` already runs in {folder.parent}", "stop it with Ctrl-C, or go on using it"
            ) from error
        lock = Lock(descriptor)
        yield lock
        lock.clear()
    finally:
        os.close(descriptor)
