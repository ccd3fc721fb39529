"""Sending bytes to a real server over a socket, and reading what it answers."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from handfast.runtime.database import Dsns
from handfast.testing import free_port, make_token
from tests.conftest import ROOT, SECRET

PATIENCE_SECONDS = 15.0
"""How long an answer may take before the server counts as dead."""
QUIET_SECONDS = 0.2
"""How long after an answer another one is waited for, which would mean that something was smuggled in."""


@dataclass
class Target:
    """A server process, its address and its log."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    token: bytes = b""

    @property
    def resident_bytes(self) -> int:
        """The memory that the process holds now."""
        return self._memory("VmRSS")

    @property
    def peak_bytes(self) -> int:
        """The most memory that the process has ever held."""
        return self._memory("VmHWM")

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024


@contextlib.contextmanager
def serving(root: Path, environment: Mapping[str, str], log: Path) -> Iterator[Target]:
    """Run `handfast serve` for the project `root` until the block ends; its output goes to `log`."""
    port = free_port()
    command = [sys.executable, "-m", "handfast", "serve", "--project", str(root), "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--grace", "1"],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.05)
        yield Target(process, port, log)
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def attacked(folder: Path, dsns: Dsns, **settings: str) -> Iterator[Target]:
    """Run the reference service and the routes of `tests.hostile.service` in `folder`, with a user's token."""
    (folder / "app.py").write_text("from tests.hostile.service import app\n__all__ = ['app']\n")
    environment = {
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),
        "HANDFAST_ENV": "test",
        "DATABASE_URL": dsns.service,
        "BETTER_AUTH_SECRET": SECRET,
        **settings,
    }
    with serving(folder, environment, folder / "log") as target:
        target.token = make_token(uuid4(), secret=SECRET).encode()
        yield target


def _answers(port: int) -> bool:
    try:
        return statuses(port, (b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",)) == [200]
    except OSError:
        return False


def statuses(port: int, pieces: tuple[bytes | float, ...]) -> list[int]:
    """Send `pieces` and return the statuses of all answers; empty if the server closed without one.

    Raises TimeoutError if there is neither an answer nor an end.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        reader = Reader(connection)
        try:
            for piece in pieces:
                if isinstance(piece, bytes):
                    connection.sendall(piece)
                else:
                    reader.pause(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already, and does not want the rest
        found: list[int] = []
        while (status := reader.status(QUIET_SECONDS if found else PATIENCE_SECONDS)) is not None:
            if status != 100:
                found.append(status)
        return found


class Reader:
    """Reads answers off a connection, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self._ended = False

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the server closes."""
        deadline = time.monotonic() + seconds
        while not self._ended and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                self._receive(left)

    def status(self, seconds: float) -> int | None:
        """The next answer's status; None at the end, or when an answer was there and no other came in time."""
        first = not self._buffer and seconds == QUIET_SECONDS
        try:
            head = self._until(b"\r\n\r\n", seconds)
        except TimeoutError:
            if first:
                return None
            raise
        if head is None:
            return None
        line, *headers = head.split(b"\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (one.partition(b":") for one in headers)}
        status = int(line.split()[1])
        if status >= 200 and status not in (204, 304):
            self._skip_body(fields)
        return status

    def _skip_body(self, fields: Mapping[bytes, bytes]) -> None:
        if b"content-length" in fields:
            self._take(int(fields[b"content-length"]))
            return
        while True:
            size = self._until(b"\r\n", PATIENCE_SECONDS)
            if size is None:
                return
            self._take(int(size, 16) + 2)
            if int(size, 16) == 0:
                return

    def _until(self, end: bytes, seconds: float) -> bytes | None:
        while end not in self._buffer:
            if self._ended:
                return None
            self._receive(seconds)
        found, _, self._buffer = self._buffer.partition(end)
        return found

    def _take(self, length: int) -> None:
        while len(self._buffer) < length and not self._ended:
            self._receive(PATIENCE_SECONDS)
        self._buffer = self._buffer[length:]

    def _receive(self, seconds: float) -> None:
        self._connection.settimeout(seconds)
        try:
            data = self._connection.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self._buffer += data
        self._ended = not data
