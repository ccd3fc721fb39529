"""`handfast serve`: the service as it runs in production."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli import signals
from handfast.cli.errors import OK
from handfast.cli.options import Run, command
from handfast.cli.root import check_composition

if TYPE_CHECKING:
    from handfast.cli.children import Child

RESTART_SECONDS = 2.0
"""A worker that ended is replaced this long after its own start at the earliest."""


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "serve")(serve)


def serve(
    run: Run,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that serve; 0 takes one for each processor. HANDFAST_WORKERS if not given.", min=0
        ),
    ] = None,
    grace: Annotated[
        int, typer.Option(help="Seconds that running requests may take after a stop.", min=0)
    ] = 10,
) -> int:
    """Serve as in production.

    Refuses to start where settings, handlers or database are not safe, and lists every reason.
    """
    from handfast.cli.children import listen
    from handfast.cli.cores import cores
    from handfast.runtime.faults import ConfigError
    from handfast.runtime.settings import Settings, variable

    check_composition(run.root)
    os.chdir(run.root)  # `.env` is read from here
    try:
        configured = Settings().workers
    except ConfigError:
        configured = 1  # the application refuses them, beside whatever else is wrong with it
    workers = (configured if workers is None else workers) or cores()
    os.environ[variable("workers")] = str(workers)  # each worker takes its share of the connections
    listener = listen(host, port)
    address = "http://{}:{}".format(*listener.getsockname()[:2])
    ready = lambda: run.out.note(f"serving on {address}")  # noqa: E731 - one short line is its best name
    if workers == 1:
        from handfast.cli import child

        child.serve(run.root, listener, ready=ready, grace=grace)
        return OK
    return _serve_many(run, listener, workers, grace, address)


def _serve_many(run: Run, listener: socket.socket, workers: int, grace: int, address: str) -> int:
    from handfast.cli.children import Child
    from handfast.runtime.faults import ConfigError

    def start() -> tuple[Child, float]:
        return Child(run.root, listener, os.environ, grace=grace, debug=run.debug), time.monotonic()

    running: list[tuple[Child, float]] = []
    with signals.interruptible():
        try:
            running += [start() for _ in range(workers)]
            for process, _ in running:
                if faults := process.wait().faults:
                    raise ConfigError(faults)
            run.out.note(f"serving on {address} with {workers} workers")
            while True:
                time.sleep(0.5)
                for index, (process, since) in enumerate(running):
                    if process.ended and time.monotonic() - since > RESTART_SECONDS:
                        run.out.note(f"worker {process.process.pid} ended; starting another one")
                        process.stop()
                        running[index] = start()
        except KeyboardInterrupt:
            return OK
        finally:
            signals.ignore()
            for process, _ in running:
                process.process.terminate()  # all at once, so that their grace runs side by side
            for process, _ in running:
                process.stop()
