"""The process that serves: imports the project's `app`, says when it is ready, and ends with its parent.

`handfast serve` with one worker does this in its own process; `handfast dev` and several workers run
`python -m handfast.cli.child`, which inherits the listening socket, a pipe to report on and a pipe whose
end means that the parent is gone, however it went.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from handfast.cli import signals
from handfast.cli.root import composition
from handfast.redaction import redact
from handfast.runtime.app import settings_of
from handfast.runtime.crash import guard_process
from handfast.runtime.faults import ConfigError, Fault
from handfast.runtime.server import server_options, settle

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

GRACE_SECONDS = 10
"""How long running requests may go on after the service was told to stop."""


@dataclass(frozen=True, slots=True)
class Report:
    """How the start went: no faults means that requests are answered."""

    faults: tuple[Fault, ...] = ()

    def dump(self) -> bytes:
        """Return it as it travels through a pipe."""
        return json.dumps([asdict(fault) for fault in self.faults]).encode()

    @classmethod
    def load(cls, data: bytes) -> Report:
        """Read what `dump` wrote."""
        return cls(tuple(Fault(**facts) for facts in json.loads(data)))


def load_app(root: Path) -> ASGIApp:
    """Import the project's `app`; raise `ConfigError` with the places of what is wrong."""
    os.chdir(root)  # `.env` is read from here
    sys.path.insert(0, str(root))
    try:
        app: ASGIApp = importlib.import_module(composition(root) or "app").app
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError([broken(error, root)]) from error
    return app


def broken(error: BaseException, root: Path) -> Fault:
    """Say where in the project's own files `error` came from."""
    words = str(error) or "no message"
    return Fault(
        what=f"the service cannot be loaded: {type(error).__name__}: {words}",
        fix="mend the module; `--debug` shows the whole stack trace",
        where=raised_at(error, root) or f"{composition(root) or 'app'}.py:1",
    )


def raised_at(error: BaseException, root: Path) -> str | None:
    """Return `file:line` of the innermost of the project's own lines that `error` came through, if any."""
    if isinstance(error, SyntaxError) and error.filename:
        file, line = Path(error.filename), error.lineno or 1
    else:
        trace = traceback.extract_tb(error.__traceback__)
        frames = [frame for frame in trace if _own(Path(frame.filename), root)]
        if not frames:
            return None
        file, line = Path(frames[-1].filename), frames[-1].lineno or 1
    return f"{file.relative_to(root) if file.is_relative_to(root) else file}:{line}"


def _own(file: Path, root: Path) -> bool:
    return file.is_relative_to(root) and not file.is_relative_to(Path(sys.prefix))


class Guard:
    """Keeps what the application's start-up raised, so that it is told in words and not as a stack trace."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before `app`."""
        self.app = app
        self.error: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; swallow the error of a failed start."""
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        told = False

        async def quiet(message: Message) -> None:
            nonlocal told
            told = told or message["type"].startswith("lifespan.startup.")
            if message["type"] == "lifespan.startup.failed":
                message = {"type": "lifespan.startup.failed", "message": ""}
            await send(message)

        try:
            await self.app(scope, receive, quiet)
        except Exception as error:
            self.error = error
            if not told:
                await quiet({"type": "lifespan.startup.failed"})


class Server(uvicorn.Server):
    """A uvicorn server that tells when it begins to answer."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        """Call `ready` once requests are answered."""
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets=sockets)
        if self.started:
            settle()
            self._ready()


def serve(
    root: Path,
    listener: socket.socket,
    *,
    ready: Callable[[], None],
    grace: int = GRACE_SECONDS,
    parent: int | None = None,
) -> None:
    """Serve the project on `listener` until told to stop; raise `ConfigError` where it cannot start.

    `parent` is the reading end of a pipe; the service stops when the other end is closed.
    """
    guard_process()
    app = load_app(root)
    guard = Guard(app)
    config = uvicorn.Config(guard, timeout_graceful_shutdown=grace, **server_options(settings_of(app)))
    server = Server(config, ready)
    if parent is not None:
        threading.Thread(target=_follow, args=(parent, server), daemon=True).start()
    try:
        with signals.harmless():  # uvicorn stops in order, then raises the signal once more
            server.run(sockets=[listener])
    except SystemExit:
        if guard.error is None:
            raise
    if isinstance(guard.error, ConfigError):
        raise guard.error
    if guard.error is not None:
        raise ConfigError([broken(guard.error, root)]) from guard.error


def _follow(parent: int, server: uvicorn.Server) -> None:
    while os.read(parent, 1):
        pass
    server.should_exit = True


def main() -> None:
    """Serve as a child process; exit code 0 after a stop, 3 when the start failed (the pipe tells why)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    for name in ("--listener", "--report", "--parent"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--grace", type=int, default=GRACE_SECONDS)
    parser.add_argument("--debug", action="store_true")
    arguments = parser.parse_args()

    def report(outcome: Report) -> None:
        os.write(arguments.report, outcome.dump())
        os.close(arguments.report)

    try:
        serve(
            arguments.root,
            socket.socket(fileno=arguments.listener),
            ready=lambda: report(Report()),
            grace=arguments.grace,
            parent=arguments.parent,
        )
    except ConfigError as error:
        if arguments.debug:
            sys.stderr.write(redact(traceback.format_exc()))
        report(Report(error.faults))
        sys.exit(3)


if __name__ == "__main__":
    main()
