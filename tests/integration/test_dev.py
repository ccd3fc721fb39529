"""`handfast dev` as a developer uses it: start, call, edit, break, mend, stop, kill, start again."""

from __future__ import annotations

import json
import os
import queue
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from handfast.testing import free_port
from tests.conftest import ROOT, SWITCH
from tests.waiting import eventually

CONTRACT = "specs/001-task-management/contracts/api.yaml"
OPERATIONS = "handlers/task_management/operations.py"
ARCHIVE = """
  /api/tasks/{task_id}/archive:
    post:
      operationId: archiveTask
      parameters:
        - {name: task_id, in: path, required: true, schema: {type: string, format: uuid}}
      responses:
        '204': {description: Archived.}
        '401': {$ref: '#/components/responses/Unauthorized'}
components:
"""

ARCHIVED = "/api/tasks/00000000-0000-4000-8000-00000000000a/archive"

PROGRAM = (
    f"import os; os.environ.pop({SWITCH!r}, None)  # the parent is measured, not the service\n"
    "from handfast.cli.main import main; main()"
)


class Dev:
    """A running `handfast dev --json`."""

    def __init__(self, root: Path, measured: dict[str, str], *arguments: str) -> None:
        dropped = ("HANDFAST_", "BETTER_", "DATABASE")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        self.root = root
        with (root.parent / "dev.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "dev", "--json", *arguments],
                cwd=root,
                env=clean | measured,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.seen: list[dict[str, Any]] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.events.put({"event": "result"} | json.loads(line))
        self.events.put({"event": "end"})

    def until(self, event: str, seconds: float = 90) -> dict[str, Any]:
        """The next event of that kind; everything before it goes to `seen`."""
        deadline = time.monotonic() + seconds
        while True:
            got = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            self.seen.append(got)
            if got["event"] == event:
                return got
            assert got["event"] != "end", self.seen

    def kept(self, event: str) -> list[dict[str, Any]]:
        """The events of that kind since the last edit."""
        return [one for one in self.seen if one["event"] == event]

    def edit(self, file: str, change: Callable[[str], str]) -> None:
        path = self.root / file
        self.seen.clear()
        path.write_text(change(path.read_text()))

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        code = self.process.wait(60)
        self.reader.join(60)
        return code


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The reference service in a folder of its own."""
    root = tmp_path / "service"
    for folder in ("generated", "handlers", "migrations", "contracts", "specs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("app.py", "pyproject.toml"):
        shutil.copy(ROOT / file, root)
    return root


@pytest.fixture
def dev(copy: Path, measured: dict[str, str]) -> Iterator[Callable[..., Dev]]:
    """Start it; whatever a test leaves running is stopped."""
    started: list[Dev] = []

    def start(*arguments: str) -> Dev:
        started.append(Dev(copy, measured, *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()
        one.reader.join(60)


def processes_of(root: Path) -> list[str]:
    """Command lines of everything that runs for the project at `root`: the service and its database."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            place = os.readlink(process / "cwd")
        except OSError:
            continue
        if str(root) in words or Path(place).is_relative_to(root):
            found.append(words)
    return found


@contextmanager
def client_of(ready: dict[str, Any]) -> Iterator[httpx.Client]:
    """A client of the running service, as its developer."""
    headers = {"Authorization": f"Bearer {ready['token']}"}
    with httpx.Client(base_url=ready["url"], headers=headers, timeout=30) as client:
        yield client


def test_a_day_of_work(dev: Callable[..., Dev], copy: Path) -> None:
    running = dev("--port", "0")
    ready = running.until("ready")
    the_printed_line_creates_a_task(ready)
    with client_of(ready) as client:
        a_new_operation_is_generated_and_its_handler_asked_for(running, client)
        a_handler_is_written(running, client)
        a_new_field_is_published(running, client)
        a_broken_contract_is_told_and_the_service_goes_on(running, client)
        an_operation_that_is_gone_leaves_a_handler_to_remove(running, client)
        a_broken_handler_is_told_and_the_service_goes_on(running, client)
    assert dev("--port", "0").process.wait(60) == 3  # one a project
    assert processes_of(copy)
    assert running.stop() == 0
    assert processes_of(copy) == []


def the_printed_line_creates_a_task(ready: dict[str, Any]) -> None:
    assert ready["database"].startswith("embedded PostgreSQL")
    words = shlex.split(ready["curl"])
    assert words[:4] == ["curl", "-sS", "-X", "POST"]
    made = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    assert made["status"] == "todo"
    with client_of(ready) as client:
        assert [task["id"] for task in client.get("/api/tasks").json()["items"]] == [made["id"]]
        assert client.get("/ready").status_code == 200


def a_new_operation_is_generated_and_its_handler_asked_for(running: Dev, client: httpx.Client) -> None:
    assert client.post(ARCHIVED).status_code == 404
    running.edit(CONTRACT, lambda text: text.replace("\ncomponents:\n", ARCHIVE, 1))
    running.until("reloaded")
    (work,) = running.kept("work")
    assert (work["kind"], work["function"], work["file"]) == ("write", "archive_task", OPERATIONS)
    assert "async def archive_task(ctx: Context, task_id: UUID) -> None" in work["fix"]
    assert client.post(ARCHIVED, headers={"Authorization": ""}).status_code == 401
    missing = client.post(ARCHIVED)
    assert missing.status_code == 501
    assert "archive_task" in missing.text


def a_handler_is_written(running: Dev, client: httpx.Client) -> None:
    body = "\n\nasync def archive_task(ctx: Context, task_id: UUID) -> None:\n"
    body += "    await ctx.db.delete(tables.Task, task_id)\n"
    running.edit(OPERATIONS, lambda text: text + body)
    running.until("reloaded")
    assert client.post(ARCHIVED).status_code == 404
    assert running.kept("work") == []


def a_new_field_is_published(running: Dev, client: httpx.Client) -> None:
    field = "        colour:\n          type: string\n"
    running.edit(CONTRACT, lambda text: text.replace("        title:\n", f"{field}        title:\n"))
    running.until("reloaded")
    assert "colour" in client.get("/openapi.json").text
    assert client.post("/api/tasks", json={"title": "Rose", "colour": "red"}).status_code == 201
    assert client.post("/api/tasks", json={"title": "Rose", "colour": 7}).status_code == 422


def a_broken_contract_is_told_and_the_service_goes_on(running: Dev, client: httpx.Client) -> None:
    running.edit(CONTRACT, lambda text: text.replace("operationId: archiveTask", "operationId: getTask"))
    running.until("broken")
    (finding,) = running.kept("finding")
    assert finding["file"] == CONTRACT
    assert finding["line"] > 1
    assert finding["fix"]
    assert client.get("/api/tasks").status_code == 200


def an_operation_that_is_gone_leaves_a_handler_to_remove(running: Dev, client: httpx.Client) -> None:
    broken = ARCHIVE.replace("archiveTask", "getTask")
    running.edit(CONTRACT, lambda text: text.replace(broken, "\ncomponents:\n"))
    running.until("reloaded")
    assert [(work["kind"], work["function"]) for work in running.kept("work")] == [("remove", "archive_task")]
    assert client.post(ARCHIVED).status_code == 404


def a_broken_handler_is_told_and_the_service_goes_on(running: Dev, client: httpx.Client) -> None:
    running.edit(OPERATIONS, lambda text: text + "\ndef broken(:\n")
    running.until("refused")
    (fault,) = running.kept("fault")
    assert fault["where"].startswith(f"{OPERATIONS}:")
    assert client.get("/api/tasks").status_code == 200


def test_after_a_kill_and_with_a_broken_contract(dev: Callable[..., Dev], copy: Path) -> None:
    port = str(free_port())
    first = dev("--port", port)
    ready = first.until("ready")
    subprocess.run(shlex.split(ready["curl"]), capture_output=True, check=True)
    first.stop(signal.SIGKILL)
    eventually(lambda: not any("handfast.cli.child" in words for words in processes_of(copy)))

    whole = (copy / CONTRACT).read_text()
    (copy / CONTRACT).write_text(whole.replace("openapi: 3.1.0", "openapi: [3.1.0"))
    shutil.rmtree(copy / "generated")
    second = dev("--port", port)
    second.until("broken")
    second.edit(CONTRACT, lambda _: whole)
    again = second.until("ready")
    assert again["url"] == ready["url"]
    with client_of(ready) as client:  # with the token of the run that was killed
        assert len(client.get("/api/tasks").json()["items"]) == 1
    assert second.stop(signal.SIGHUP) == 0
    assert processes_of(copy) == []


def test_a_taken_port_is_the_environments_fault(dev: Callable[..., Dev]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = dev("--port", str(taken.getsockname()[1]))
        assert refused.process.wait(60) == 3
