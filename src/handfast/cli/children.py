"""Starting, watching and stopping processes that serve, from the parent's side."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from handfast.cli.child import GRACE_SECONDS, Report
from handfast.cli.errors import CliError
from handfast.runtime.faults import Fault

START_SECONDS = 60.0
"""A service that does not answer after this long is given up."""


def listen(host: str, port: int, *, tries: int = 1) -> socket.socket:
    """Return a listening socket on `port`, or on one of the next `tries - 1` where it is taken.

    How many connections may wait is what the server says as it begins to accept them.
    """
    for offset in range(tries):
        try:
            return socket.create_server((host, port + offset if port else 0))
        except PermissionError as error:
            raise CliError(
                f"port {port} of {host} may not be used: {error.strerror}", "choose one above 1023"
            ) from error
        except OSError as error:
            problem = error
    raise CliError(
        f"port {port} of {host} cannot be used: {problem.strerror}", "choose another one with --port"
    ) from problem


class Child:
    """One process that serves a project on a socket that the parent owns.

    It has a session of its own, so that Ctrl-C reaches the parent alone, and it ends when the parent ends,
    even by `kill -9`.
    """

    def __init__(
        self,
        root: Path,
        listener: socket.socket,
        environment: Mapping[str, str],
        *,
        grace: int = GRACE_SECONDS,
        debug: bool = False,
        stdout: int | None = None,
    ) -> None:
        """Start the process, which logs to the file descriptor `stdout`; `wait` tells how the start went."""
        self._report, report = os.pipe()
        parent, self._parent = os.pipe()
        numbers = {"--listener": listener.fileno(), "--report": report, "--parent": parent}
        arguments = [word for name, number in numbers.items() for word in (name, str(number))]
        command = [sys.executable, "-m", "handfast.cli.child", "--root", str(root), "--grace", str(grace)]
        command += ["--debug"] if debug else []
        self._grace = grace
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            cwd=root,
            env=dict(environment),
            pass_fds=list(numbers.values()),
            start_new_session=True,
        )
        os.close(report)
        os.close(parent)

    def wait(self, timeout: float = START_SECONDS) -> Report:
        """Wait until the service answers or says why it cannot."""
        data = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._report, selectors.EVENT_READ)
            while selector.select(timeout):
                chunk = os.read(self._report, 65536)
                data += chunk
                if not chunk:
                    break
            else:
                return Report(
                    (Fault(f"the service did not answer within {timeout:.0f} s", "look at its log"),)
                )
        if data:
            return Report.load(data)
        code = self.process.wait()
        return Report((Fault(f"the service ended while it started (exit code {code})", "look at its log"),))

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """End the process: ask first, kill where it is still there after its grace."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(self._grace + 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._report)
        os.close(self._parent)
