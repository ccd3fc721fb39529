"""`handfast serve` and its children: workers, an orderly end, replacement of a worker that died."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from handfast.cli.child import Report, load_app
from handfast.cli.children import Child, listen
from handfast.cli.cores import cores
from handfast.cli.errors import CliError
from handfast.cli.lock import only_one
from handfast.cli.signals import deferred, interruptible
from handfast.runtime.database import Dsns, capacity, throwaway
from handfast.runtime.faults import ConfigError, Fault
from handfast.testing import free_port
from tests.conftest import ROOT, SECRET
from tests.unit.cli_kit import as_it_was
from tests.waiting import answered, eventually

APP = """\
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        {startup}
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        await send({{"type": "lifespan.shutdown.complete"}})
    else:
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": str(os.getpid()).encode()}})
"""


DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('deaf', 'w'); time.sleep(60)"


def service(root: Path, startup: str = "pass") -> Path:
    (root / "app.py").write_text(APP.format(startup=startup))
    return root


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as made:
        yield made


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_child_serves_and_stops(tmp_path: Path, listener: socket.socket, measured: dict[str, str]) -> None:
    child = Child(service(tmp_path), listener, os.environ | measured)
    assert child.wait() == Report()
    assert answered(url_of(listener)) == (200, str(child.process.pid))
    assert not child.ended
    child.stop()
    assert child.process.returncode == 0


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("def broken(:\n", "app.py:1", "SyntaxError"),
        ("\nimport nothing_like_that\n", "app.py:2", "ModuleNotFoundError"),
        ("x = 1\n", "app.py:1", "AttributeError"),
        ("import json\njson.loads('{')\n", "app.py:2", "JSONDecodeError"),
    ],
)
def test_a_service_that_cannot_be_loaded_names_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, where: str, said: str
) -> None:
    (tmp_path / "app.py").write_text(text)
    monkeypatch.delitem(sys.modules, "app", raising=False)
    with as_it_was(), pytest.raises(ConfigError) as caught:
        load_app(tmp_path)
    (fault,) = caught.value.faults
    assert fault.where == where
    assert said in fault.what


def test_a_start_that_fails_is_told(
    tmp_path: Path, listener: socket.socket, measured: dict[str, str]
) -> None:
    child = Child(service(tmp_path, "raise ValueError('no broker')"), listener, os.environ | measured)
    (fault,) = child.wait().faults
    child.stop()
    assert (fault.where, fault.what) == ("app.py:5", "the service cannot be loaded: ValueError: no broker")


def test_a_start_that_dies_or_hangs_is_told(tmp_path: Path, listener: socket.socket) -> None:
    dying = Child(service(tmp_path, "os._exit(9)"), listener, os.environ)
    (fault,) = dying.wait().faults
    assert "exit code 9" in fault.what
    dying.stop()
    hanging = Child(service(tmp_path, DEAF), listener, os.environ, grace=0)
    eventually((tmp_path / "deaf").exists)
    (fault,) = hanging.wait(timeout=0.1).faults
    assert "did not answer" in fault.what
    hanging.stop()
    assert hanging.process.returncode == -signal.SIGKILL


def test_a_report_survives_the_pipe() -> None:
    report = Report((Fault("what", "fix", where="x", fatal=False),))
    assert Report.load(report.dump()) == report


def test_ports(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    with pytest.raises(CliError, match=f"port {taken}"):
        listen("127.0.0.1", taken)
    with listen("127.0.0.1", taken, tries=50) as other:
        assert other.getsockname()[1] > taken
    with pytest.raises(CliError, match="cannot be used"):
        listen("203.0.113.1", 8000)


def test_one_lock_a_folder_which_remembers_a_run_that_was_killed(tmp_path: Path) -> None:
    with only_one(tmp_path) as lock:
        assert lock.left is None
        lock.write(8123)
        with pytest.raises(CliError, match="already runs"), only_one(tmp_path):
            pass
        before = (tmp_path / "dev.lock").read_text()
    (tmp_path / "dev.lock").write_text(before)
    with only_one(tmp_path) as lock:
        assert lock.left == 8123
    with only_one(tmp_path) as lock:
        assert lock.left is None


def test_signals_interrupt_or_wait() -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGTERM)
    done = []

    def start_something() -> None:
        with interruptible(), deferred():
            signal.raise_signal(signal.SIGHUP)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        start_something()
    assert done == ["all"]
    assert signal.getsignal(signal.SIGTERM) is handler


class Serve:
    """A running `handfast serve`."""

    def __init__(self, root: Path, *arguments: str, **environment: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "handfast", "serve", "--port", self.url.rpartition(":")[2], *arguments],
            cwd=root,
            env=dict(os.environ) | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pid(self) -> int:
        """Which process answers; 0 while none does."""
        answer = answered(self.url)
        return 0 if answer is None else int(answer[1])

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=60)[0]


def test_one_worker_is_the_process_itself(tmp_path: Path, measured: dict[str, str]) -> None:
    running = Serve(service(tmp_path), **measured)
    eventually(lambda: running.pid() == running.process.pid)
    assert f"serving on {running.url}" in running.stop()
    assert running.process.returncode == 0


def test_a_worker_that_dies_is_replaced_and_all_stop_together(
    tmp_path: Path, measured: dict[str, str]
) -> None:
    running = Serve(service(tmp_path), "--workers", "2", "--grace", "1", **measured)
    eventually(lambda: running.pid() > 0)
    pids: set[int] = set()

    def both_answer() -> bool:
        pids.add(running.pid())
        return len(pids) == 2

    eventually(both_answer)
    os.kill(min(pids), signal.SIGKILL)
    eventually(lambda: running.pid() not in {0, *pids})
    said = running.stop()
    assert "starting another one" in said
    assert running.process.returncode == 0
    assert running.pid() == 0


def test_workers_that_cannot_start_are_refused_at_once(tmp_path: Path) -> None:
    running = Serve(service(tmp_path, "raise ValueError('no broker')"), "--workers", "2")
    said = running.process.communicate(timeout=60)[0]
    assert running.process.returncode == 1
    assert "app.py:5: the service cannot be loaded: ValueError: no broker\n  fix: " in said
    assert "Traceback" not in said


def test_the_reference_service_with_two_workers(dsns: Dsns) -> None:
    secrets = {"DATABASE_URL": dsns.service, "BETTER_AUTH_SECRET": SECRET, "HANDFAST_ENV": "production"}
    running = Serve(ROOT, "--workers", "2", **secrets)
    try:
        eventually(lambda: _well(running.url))
        answer = answered(f"{running.url}/api/tasks")
        assert answer is not None
        assert answer[0] == 401
    finally:
        said = running.stop()
    assert running.process.returncode == 0, said


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux tells how long the queue may be")
def test_as_many_connections_wait_as_the_setting_says(dsns: Dsns) -> None:
    environment = {"DATABASE_URL": dsns.service, "BETTER_AUTH_SECRET": SECRET, "HANDFAST_BACKLOG": "77"}
    with listen("127.0.0.1", 0) as listener:
        child = Child(ROOT, listener, os.environ | environment | {"HANDFAST_ENV": "production"})
        report = child.wait()
        told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        child.stop()
    assert report == Report()
    assert int.from_bytes(told[28:32], sys.byteorder) == 77  # `tcpi_sacked`, of a socket that listens


def _well(url: str) -> bool:
    answer = answered(f"{url}/ready")
    return answer is not None and answer[0] == 200


def test_what_serving_does_not_need_is_not_imported(dsns: Dsns, tmp_path: Path) -> None:
    secrets = {"DATABASE_URL": dsns.service, "BETTER_AUTH_SECRET": SECRET, "HANDFAST_ENV": "production"}
    port, told = free_port(), tmp_path / "imports"
    command = [sys.executable, "-X", "importtime", "-m", "handfast", "serve", f"--port={port}"]
    with told.open("w") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ) | secrets, stderr=stderr)
    try:
        eventually(lambda: _well(f"http://127.0.0.1:{port}"))
    finally:
        process.terminate()
        process.wait(60)
    imported = {line.rpartition("|")[2].strip() for line in told.read_text().splitlines()}
    assert {"uvloop", "httptools", "handfast.runtime.database.pool"} <= imported
    assert imported & HEAVY == set()


HEAVY = {
    "alembic",
    "datamodel_code_generator",
    "handfast.cli.generate",
    "handfast.cli.migrate",
    "handfast.codegen",
    "handfast.mock",
    "handfast.runtime.database.throwaway",
    "handfast.testing",
    "httpx",
    "hypothesis",
    "jinja2",
    "jsonschema",
    "libcst",
    "mako",
    "pytest",
    "schemathesis",
    "yaml",
}
"""Modules that cost time and memory, and whose work is done before or beside serving."""


def test_workers_by_the_setting_and_connections_by_what_the_database_gives(
    postgres: throwaway.Server,
) -> None:
    dsns = throwaway.database(postgres, root=ROOT)
    name = conninfo_to_dict(dsns.service)["dbname"]
    environment = {
        "DATABASE_URL": dsns.service,
        "BETTER_AUTH_SECRET": SECRET,
        "HANDFAST_ENV": "production",
        "HANDFAST_WORKERS": "2",
    }
    with psycopg.connect(dsns.admin, dbname="postgres", autocommit=True) as admin:
        admin.execute(sql.SQL("alter database {} connection limit 9").format(sql.Identifier(str(name))))
        running = Serve(ROOT, **environment)
        assert running.process.stdout is not None
        said = ""
        while "with 2 workers" not in said:
            line = running.process.stdout.readline()
            assert line, said
            said += line
        running.stop()
        reduced = [json.loads(line) for line in said.splitlines() if '"pool_reduced"' in line]
        assert [(line["wanted"], line["size"], line["database_gives"]) for line in reduced] == [
            (10, 4, 9)
        ] * 2

        admin.execute(sql.SQL("alter database {} connection limit 1").format(sql.Identifier(str(name))))
        refused = Serve(ROOT, **environment)
        said = refused.process.communicate(timeout=60)[0]
        assert refused.process.returncode == 3
        assert "fix: " in said
        assert "Traceback" not in said

        # The server may still be ending the connections of the service that is gone.
        eventually(lambda: asyncio.run(capacity.room(dsns.service)) == 1)
        with pytest.raises(ConfigError, match="1 connections for 2 workers"):
            capacity.share(10, 2, 1)

        through_a_pooler = Serve(
            ROOT, **environment | {"HANDFAST_DATABASE_PREPARE": "false", "HANDFAST_WORKERS": "1"}
        )
        eventually(lambda: _well(through_a_pooler.url))
        assert "pool_reduced" not in through_a_pooler.stop()


def test_the_cores_of_a_container(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from handfast.cli.cores import cores\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(cores(Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    every = len(os.sched_getaffinity(0))
    assert cores(tmp_path) == every
    for text, expected in (("max 100000", every), ("50000 100000", 1), ("150000 100000", min(every, 2))):
        (tmp_path / "cpu.max").write_text(f"{text}\n")
        assert cores(tmp_path) == expected
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    for quota, expected in (("-1", every), ("100000", 1)):
        (tmp_path / "cpu/cpu.cfs_quota_us").write_text(f"{quota}\n")
        (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
        assert cores(tmp_path) == expected
