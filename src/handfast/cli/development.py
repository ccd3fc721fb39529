"""What `handfast dev` does: PostgreSQL, generation, migrations and the service, until Ctrl-C.

The listening socket belongs to this process and every start of the service inherits it. A restart starts
the new service first and stops the old one when the new one answers; one that cannot start, like a broken
contract, is told and changes nothing: the old service goes on.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

from handfast.cli import signals
from handfast.cli.children import Child, listen
from handfast.cli.curl import line
from handfast.cli.errors import CliError
from handfast.cli.generation import Generation, prepare
from handfast.cli.identity import development_credentials, development_secret, mint, private_folder
from handfast.cli.lock import Lock, only_one
from handfast.cli.migrate import migrate_apart
from handfast.cli.options import Run
from handfast.cli.watch import Watcher
from handfast.counted import counted
from handfast.runtime.settings import Settings

if TYPE_CHECKING:
    from handfast.codegen.ir import Feature

FIRST_PORT = 8000
PORTS = 20
"""How many ports are tried, from the first on, where none was asked for."""
GRACE_SECONDS = 2
"""How long requests of the old service may take when the new one answers already."""
STDERR = 2


class Development:
    """One run of `handfast dev`."""

    def __init__(self, run: Run, listener: socket.socket) -> None:
        """Serve the project of `run` on `listener`."""
        self.run, self.out, self.root = run, run.out, run.root
        self._listener = listener
        self._environment = dict(os.environ)
        self._features: tuple[Feature, ...] = ()
        self._child: Child | None = None
        self._announced = False
        self._broken = False
        """Whether the contracts could not be read the last time."""
        self._own: dict[str, bytes] = {}
        """Handlers as generation has fitted them: hearing of them asks for nothing more."""

    def serve(self) -> None:
        """Start everything, follow changes until interrupted, stop everything."""
        with contextlib.ExitStack() as stack:
            self._prepare(stack)
            stack.callback(self._stop_child)  # the service before its database
            watcher = Watcher(self.root)
            stack.callback(watcher.close)
            stack.callback(signals.ignore)  # runs first: nothing is to interrupt the steps above
            generated = self._generate()
            if generated or (self.root / "generated").is_dir():
                self._migrate()
                self._restart()
            while True:
                if self._child is not None and self._child.ended:
                    self.out.event("ended", "the service ended; it starts again when a file changes")
                    self._stop_child()
                changed = watcher.next(timeout=0.5)
                if changed:
                    self._follow(changed)

    def _prepare(self, stack: contextlib.ExitStack) -> None:
        """Find or start the database, find or make the secret, and put both where the service looks."""
        settings = Settings()
        self._database = "DATABASE_URL"
        if settings.database_url is None:
            self._start_postgres(settings, stack)
        self._settings = settings
        self._secret = settings.better_auth_secret.get_secret_value() if settings.better_auth_secret else None
        if self._secret is None and settings.better_auth_url is None:
            self._secret = self._environment["BETTER_AUTH_SECRET"] = development_secret(self.root)

    def _start_postgres(self, settings: Settings, stack: contextlib.ExitStack) -> None:
        from handfast.runtime.database import resolve
        from handfast.runtime.database.resolve import server

        with self.out.progress("starting PostgreSQL"), signals.deferred():
            stack.callback(server(self.root).stop)
            dsns = resolve(settings, self.root)
        self._environment |= {"DATABASE_URL": dsns.service, "HANDFAST_DATABASE_OWNER_URL": dsns.owner}
        self._database = "embedded PostgreSQL 18 in .handfast/postgres"

    def _follow(self, changed: set[str]) -> None:
        """Do what the changed files ask for."""
        changed = {path for path in changed if not self._is_own(path)}
        folders = {path.partition("/")[0] for path in changed}
        contracts = folders & {"specs", "templates", "generated"}
        again = bool(folders - contracts)
        if contracts:
            again |= self._generate()
        if again:
            if "migrations" in folders or self._child is None:
                self._migrate()
            self._restart()

    def _is_own(self, path: str) -> bool:
        if path not in self._own:
            return False
        file = self.root / path
        return file.is_file() and file.read_bytes() == self._own[path]

    def _generate(self) -> bool:
        """Generate and tell what there is to do by hand; return whether anything was written."""
        try:
            with self.out.progress("reading contracts"):
                made = prepare(self.root)
                written = self._write(made)
        except CliError as error:
            self.out.event("failed", str(error), what=error.what, fix=error.fix)
            return False
        except Exception as error:  # a defect of the generator must not end the service
            if self.run.debug:
                raise
            self.out.event("failed", f"generation failed: {type(error).__name__}: {error}", what=str(error))
            return False
        return written

    def _write(self, made: Generation) -> bool:
        for finding in made.findings:
            self.out.finding_event(finding)
        well_again, self._broken = self._broken and made.plan is not None, made.plan is None
        if well_again:
            self.out.event("mended", "the contract can be read again")
        if made.plan is None:
            still = "; the service goes on as it was" if self._child else ""
            self.out.event("broken", f"the contract cannot be read{still}")
            return False
        for finding in made.plan.refused:
            self.out.finding_event(finding)
        if made.plan.refused:
            return False
        self._features = made.features
        todo = made.work()
        if made.evolved.blocked:
            for work in todo:
                self.out.event("work", str(work), **work.facts())
            return False
        made.apply()
        self._own |= made.evolved.files
        written = [*made.plan.created, *made.plan.changed, *made.plan.deleted, *sorted(made.evolved.files)]
        if written:
            self.out.event("generated", f"generated {counted(len(written), 'file')}", files=written)
        for work in todo:
            self.out.event("work", str(work), **work.facts())
        return bool(written)

    def _migrate(self) -> None:
        """Migrate, and tell what came of it."""
        if (
            "HANDFAST_DATABASE_OWNER_URL" not in self._environment
            and self._settings.database_owner_url is None
        ):
            self.out.event("unmigrated", "HANDFAST_DATABASE_OWNER_URL is not set: migrations are not run")
            return
        with self.out.progress("migrating"):
            done = migrate_apart(self.root, self._environment)
        if done is None:
            return
        if done.returncode:
            self.out.event("failed", done.stderr.strip() or "migration failed", what=done.stderr.strip())
        elif done.stdout.strip() != "nothing was pending":
            self.out.event("migrated", f"migrations: {done.stdout.strip()}")

    def _restart(self) -> None:
        """Start the service as it is now; keep the present one where that fails."""
        with self.out.progress("starting the service"):
            with signals.deferred():
                fresh = Child(
                    self.root,
                    self._listener,
                    self._environment,
                    grace=GRACE_SECONDS,
                    debug=self.run.debug,
                    stdout=STDERR,
                )
                previous, self._child = self._child, fresh
            try:
                faults = fresh.wait().faults
            except KeyboardInterrupt:
                if previous is not None:
                    previous.stop()
                raise
        if faults:
            fresh.stop()
            self._child = previous
            for fault in faults:
                self.out.fault_event(fault)
            still = "the service goes on as it was" if previous else "nothing is served"
            self.out.event("refused", f"{still} until that is mended")
            return
        if previous is not None:
            previous.stop()
        if self._announced:
            self.out.event("reloaded", "reloaded")
        else:
            self._announce()

    def _announce(self) -> None:
        """Say where the service is and how to call it."""
        host, port = self._listener.getsockname()[:2]
        url = f"http://{host}:{port}"
        scopes = sorted({scope for feature in self._features for scope in _scopes(feature)})
        token = mint(self._settings, self._secret, scopes=scopes) if self._secret else None
        credentials = {
            str(one.name): development_credentials(one.security_schemes, token) for one in self._features
        }
        curl = line(url, self._features, credentials)
        said = [f"\n  address   {url}  (documentation: {url}/docs)", f"  database  {self._database}"]
        said += [f"  token     {token}"] if token else [f"  token     from {self._settings.better_auth_url}"]
        said += [f"  try       {curl}"] if curl else []
        self.out.event(
            "ready", "\n".join([*said, ""]), url=url, token=token, curl=curl, database=self._database
        )
        self._announced = True

    def _stop_child(self) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            child.stop()


def _scopes(feature: Feature) -> set[str]:
    return {
        scope
        for operation in feature.operations
        for alternative in operation.security
        for _, scopes in alternative
        for scope in scopes
    }


def develop(run: Run, host: str, port: int | None) -> None:
    """Serve the project of `run` until it is told to stop; raise `CliError` where it cannot."""
    os.chdir(run.root)  # `.env` is read from here
    # Development, whatever the shell was set up for; `test` is as lenient and is left as it is.
    if os.environ.get("HANDFAST_ENV") != "test":
        os.environ["HANDFAST_ENV"] = "development"
    with signals.interruptible(), only_one(private_folder(run.root)) as lock:
        try:
            with _listener(host, port, lock) as listener:
                lock.write(listener.getsockname()[1])
                Development(run, listener).serve()
        except KeyboardInterrupt:
            run.out.event("stopped", "\nstopped")


def _listener(host: str, port: int | None, lock: Lock) -> socket.socket:
    """Listen where it was asked for, else where the last run did, else on the first free port."""
    deadline = time.monotonic() + 2 * GRACE_SECONDS + 1
    while lock.left and (port is None or port == lock.left):
        try:
            return listen(host, lock.left)
        except CliError:  # the service of a killed run is still on its way out
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
    return listen(host, FIRST_PORT, tries=PORTS) if port is None else listen(host, port)
