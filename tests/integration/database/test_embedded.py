"""The embedded server: private, kept over restarts, and master of what killed processes leave behind."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from handfast.runtime.database import embedded, resolve, throwaway
from handfast.runtime.database.embedded import EmbeddedError, Server
from handfast.runtime.database.resolve import plain, server
from handfast.runtime.faults import ConfigError


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A durable server with one row; each test finds it running."""
    kept = Server(tmp_path_factory.mktemp("it's a project") / "my $data" / "postgres")
    assert kept.port == 0
    assert not kept.running()
    kept.stop()
    kept.start()
    with psycopg.connect(kept.dsn()) as connection:
        connection.execute("create table t as select 42 as answer")
    yield kept
    kept.stop()
    assert not kept.running()


@pytest.fixture(autouse=True)
def _started(kept: Server) -> None:
    kept.start()


def answer(kept: Server) -> object:
    with psycopg.connect(kept.dsn()) as connection:
        return connection.execute("select answer from t").fetchall()


def pid(kept: Server) -> int:
    return int((kept.data / "postmaster.pid").read_text().split()[0])


def setting(dsn: str, name: str) -> object:
    with psycopg.connect(dsn) as connection:
        (value,) = connection.execute("select current_setting(%s)", [name]).fetchone() or (None,)
        return value


@pytest.mark.threat("disclosure.stored-password")
def test_it_is_private(kept: Server) -> None:
    for path, mode in ((kept.folder, 0o700), (kept.data, 0o700), (kept.folder / "password", 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    for password in ("", "wrong"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(make_conninfo(kept.dsn(), password=password))
    assert setting(kept.dsn(), "listen_addresses") == "127.0.0.1"
    assert setting(kept.dsn(), "unix_socket_directories") == ""
    with psycopg.connect(kept.dsn()) as connection:
        methods = connection.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
    assert methods == [("scram-sha-256",)]


def test_it_is_durable_and_a_throwaway_is_not(kept: Server, postgres: throwaway.Server) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes")
    assert [setting(kept.dsn(), name) for name in names] == ["on"] * 3
    assert [setting(postgres.dsn(), name) for name in names] == ["off"] * 3
    assert setting(kept.dsn(), "server_version_num") > "180000"  # type: ignore[operator]


def test_starting_again_does_nothing(kept: Server) -> None:
    before, port = pid(kept), kept.port
    Server(kept.folder).start()
    assert (pid(kept), kept.port) == (before, port)


def test_port_and_data_are_kept_over_a_restart(kept: Server) -> None:
    port = kept.port
    kept.stop()
    kept.stop()
    assert not kept.running()
    kept.start()
    assert kept.port == port
    assert answer(kept) == [(42,)]


def test_a_server_of_a_killed_owner_is_adopted(kept: Server) -> None:
    kept.stop()
    code = (
        "import os, signal, sys; from pathlib import Path; "
        "from handfast.runtime.database.embedded import Server; "
        "Server(Path(sys.argv[1])).start(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    owner = subprocess.run([sys.executable, "-c", code, str(kept.folder)], check=False)
    assert owner.returncode == -signal.SIGKILL
    before = pid(kept)
    assert kept.running()
    kept.start()
    assert pid(kept) == before
    assert answer(kept) == [(42,)]


def test_a_killed_server_is_started_again(kept: Server) -> None:
    connection = psycopg.connect(kept.dsn())  # its backend outlives the postmaster for a moment
    before = pid(kept)
    os.kill(before, signal.SIGKILL)
    while Path(f"/proc/{before}").exists() and "Z" not in Path(f"/proc/{before}/stat").read_text().split()[2]:
        time.sleep(0.01)
    assert not kept.running()
    kept.start()
    assert pid(kept) != before
    assert answer(kept) == [(42,)]
    connection.close()


@pytest.mark.parametrize(
    "content",
    [str(os.getpid()), "1", "999999999", "nonsense", ""],
    ids=["ours", "init", "nobody", "nonsense", "empty"],
)
def test_a_pid_file_left_behind_is_no_hindrance(kept: Server, content: str) -> None:
    kept.stop()
    (kept.data / "postmaster.pid").write_text(f"{content}\n{kept.data}\n0\n0\n\n\n0 0\nready\n")
    if content in ("nonsense", ""):
        (kept.data / "postmaster.pid").unlink()
    assert not kept.running()
    kept.start()
    assert answer(kept) == [(42,)]


def test_a_taken_port_is_given_up(kept: Server) -> None:
    kept.stop()
    port = kept.port
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        kept.start()
        assert kept.port != port
    assert answer(kept) == [(42,)]


def test_a_port_taken_at_the_last_moment_is_given_up(kept: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.stop()
    port = kept.port
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        honest, looks = embedded._is_free, []

        def late(asked: int) -> bool:
            looks.append(asked)
            return len(looks) == 1 or honest(asked)

        monkeypatch.setattr(embedded, "_is_free", late)
        kept.start()
        assert kept.port != port
    assert answer(kept) == [(42,)]


def test_a_client_that_holds_on_does_not_hold_up_the_stop(kept: Server) -> None:
    with psycopg.connect(kept.dsn()) as connection:
        connection.execute("select 1")
        kept.stop()
        assert not kept.running()
        connection.close()


def test_a_lost_password_is_told(kept: Server) -> None:
    file = kept.folder / "password"
    right = file.read_text()
    try:
        file.write_text("wrong\n")
        with pytest.raises(EmbeddedError, match="does not accept the password"):
            kept.start()
        file.unlink()
        with pytest.raises(EmbeddedError, match="does not accept the password"):
            kept.start()
    finally:
        file.write_text(right)


def test_another_version_is_told(kept: Server) -> None:
    kept.stop()
    file = kept.data / "PG_VERSION"
    try:
        file.write_text("17\n")
        with pytest.raises(EmbeddedError, match="PostgreSQL 17"):
            kept.start()
    finally:
        file.write_text("18\n")


def test_a_server_that_cannot_start_shows_its_last_words(kept: Server) -> None:
    kept.stop()
    file = kept.data / "postgresql.conf"
    right = file.read_text()
    try:
        file.write_text(right + "\nshared_buffers = nonsense\n")
        with pytest.raises(EmbeddedError, match="FATAL") as caught:
            kept.start()
        assert str(kept.log) in str(caught.value)
    finally:
        file.write_text(right)


def test_without_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match="not installed") as caught:
        embedded.binaries()
    assert "handfast[dev]" in caught.value.faults[0].fix
    assert "DATABASE_URL" in caught.value.faults[0].fix


def test_where_namespaces_are_forbidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(EmbeddedError, match="`unshare` \\(util-linux\\) is missing"):
        Server(tmp_path / "pg").start()
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/false")
    refused = SimpleNamespace(returncode=1, stderr="unshare: unshare failed: Operation not permitted\n")
    monkeypatch.setattr(embedded, "_run", lambda command, cwd=None: refused)
    with pytest.raises(EmbeddedError, match="Operation not permitted") as caught:
        Server(tmp_path / "pg").start()
    assert "seccomp" in caught.value.faults[0].fix


def test_as_an_ordinary_user_nothing_is_wrapped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert embedded._wrapper(tmp_path) == ()


def test_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedError, match="cannot make the folder"):
        Server(tmp_path / "file" / "pg").start()
    full = SimpleNamespace(returncode=1, stderr="initdb: error: could not write: No space left on device\n")
    monkeypatch.setattr(embedded, "_wrapper", lambda folder: ())
    monkeypatch.setattr(embedded, "_run", lambda command, cwd=None: full)
    with pytest.raises(EmbeddedError, match="No space left on device") as caught:
        Server(tmp_path / "pg").start()
    assert "free disk space" in caught.value.faults[0].fix


def test_an_interrupted_initdb_is_done_again(tmp_path: Path) -> None:
    made = Server(tmp_path / "pg", durable=False)
    (made.data / "base").mkdir(parents=True)
    made.start()
    assert made.running()
    made.stop(immediate=True)


def test_cures_fit_the_reason() -> None:
    assert "disk" in embedded._start_cure("No space left on device")
    assert "end the PostgreSQL processes" in embedded._start_cure("pre-existing shared memory block")
    assert "log" in embedded._start_cure("anything")
    assert embedded._last_words("") == "no message"
    assert embedded._last_words("a\nFATAL: b\nc") == "FATAL: b"
    assert embedded._read_from(Path("/nowhere"), 0) == ""


def test_no_free_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_is_free", lambda port: False)
    with pytest.raises(EmbeddedError, match="no port"):
        embedded._free_port()


def settings(**values: Any) -> Any:
    return SimpleNamespace(
        **({"env": "development", "database_url": None, "database_owner_url": None} | values)
    )


def test_resolve_takes_what_is_given(tmp_path: Path) -> None:
    given = settings(
        env="production",
        database_url=SecretStr("postgresql+psycopg://s:p@h/d"),
        database_owner_url=SecretStr("postgres://o:p@h/d"),
    )
    dsns = resolve(given, tmp_path)
    assert (dsns.service, dsns.owner) == ("postgresql://s:p@h/d", "postgresql://o:p@h/d")
    assert resolve(settings(database_url=SecretStr("host=h user=s")), tmp_path).owner == ""
    assert plain("mysql://x") == "mysql://x"


def test_resolve_in_production_wants_a_database(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        resolve(settings(env="production"), tmp_path)


def test_resolve_starts_the_embedded_server(tmp_path: Path) -> None:
    try:
        dsns = resolve(settings(), tmp_path)
        assert resolve(settings(), tmp_path) == dsns
        with psycopg.connect(dsns.service) as connection:
            assert connection.execute("select current_user, current_database()").fetchone() == (
                "handfast_service",
                "handfast",
            )
        assert server(tmp_path).folder == tmp_path / ".handfast" / "postgres"
    finally:
        server(tmp_path).stop()


def test_a_throwaway_server_leaves_nothing() -> None:
    with throwaway.server() as made:
        folder = made.folder
        assert made.running()
    assert not folder.exists()


def test_a_throwaway_server_of_a_killed_run_is_ended_by_the_next(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from handfast.runtime.database import throwaway\n"
        "with throwaway.server(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    left = Server(tmp_path / "server")
    assert left.running()
    with throwaway.server():
        assert not left.folder.exists()
