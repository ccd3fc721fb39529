"""`handfast dev` where things go wrong; tests/integration/test_dev.py shows it at work."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from handfast.cli import development
from handfast.cli.child import Report
from handfast.cli.children import listen
from handfast.cli.development import Development
from handfast.cli.errors import CliError
from handfast.cli.lock import only_one
from handfast.cli.options import Run
from handfast.cli.output import Output
from handfast.runtime.faults import Fault
from tests.unit.cli_kit import as_it_was

Events = Callable[[], list[dict[str, Any]]]


class Stub:
    """A service that starts as it was told to."""

    outcomes: list[Report | BaseException]
    alive: list[Stub]

    def __init__(self, *_: object, **__: object) -> None:
        self.ended = False
        Stub.alive.append(self)

    def wait(self) -> Report:
        outcome = Stub.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def stop(self) -> None:
        Stub.alive.remove(self)


@pytest.fixture
def dev(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Development]:
    """A development of the notes project whose database is somebody else's."""
    monkeypatch.setattr(development, "Child", Stub)
    Stub.outcomes, Stub.alive = [], []
    for name in ("BETTER_AUTH_SECRET", "BETTER_AUTH_URL", "HANDFAST_DATABASE_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HANDFAST_ENV", "development")
    monkeypatch.setenv("DATABASE_URL", "postgresql://service@127.0.0.1:9/app")
    with as_it_was(), listen("127.0.0.1", 0) as listener, ExitStack() as stack:
        monkeypatch.chdir(project)
        made = Development(Run(project, Output(json=True)), listener)
        made._prepare(stack)
        yield made


@pytest.fixture
def events(capsys: pytest.CaptureFixture[str]) -> Events:
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


FAILED = Report((Fault("no function", "write it", where="handlers/x.py:1"),))


def test_a_restart_that_fails_keeps_what_runs(dev: Development, events: Events) -> None:
    Stub.outcomes = [FAILED, Report(), FAILED, Report()]
    dev._restart()
    assert [event["event"] for event in events()] == ["fault", "refused"]
    assert Stub.alive == []
    dev._generate()
    dev._restart()
    (ready,) = events()
    assert ready["database"] == "DATABASE_URL"
    assert "-X POST" in ready["curl"]
    (first,) = Stub.alive
    dev._restart()
    assert events()[-1] == {"event": "refused"}
    assert Stub.alive == [first]
    dev._restart()
    assert events() == [{"event": "reloaded"}]
    assert len(Stub.alive) == 1
    assert Stub.alive != [first]


def test_ctrl_c_during_a_restart_leaves_one_to_stop(dev: Development) -> None:
    Stub.outcomes = [Report(), KeyboardInterrupt()]
    dev._restart()
    with pytest.raises(KeyboardInterrupt):
        dev._restart()
    assert len(Stub.alive) == 1
    dev._stop_child()
    assert Stub.alive == []


def test_a_service_that_ends_is_told_and_forgotten(
    dev: Development, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_self: object, timeout: float) -> set[str]:
        if not Stub.alive:
            raise KeyboardInterrupt
        Stub.alive[0].ended = True
        return set()

    monkeypatch.setattr("handfast.cli.watch.Watcher.next", ends)
    monkeypatch.setattr("handfast.cli.signals.ignore", lambda: None)
    Stub.outcomes = [Report()]
    with pytest.raises(KeyboardInterrupt):
        dev.serve()
    assert [event["event"] for event in events()] == ["unmigrated", "ready", "ended"]


def test_failures_of_the_generator_do_not_end_it(
    dev: Development, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = [CliError("no specs", "write some"), ValueError("odd")]

    def fails(_root: Path) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(development, "prepare", fails)
    assert not dev._generate()
    assert not dev._generate()
    assert [event["what"] for event in events()] == ["no specs", "odd"]
    errors.append(ValueError("odd"))
    dev.run = Run(dev.root, dev.out, debug=True)
    with pytest.raises(ValueError, match="odd"):
        dev._generate()


def test_a_contract_that_is_well_again_is_told(dev: Development, events: Events, project: Path) -> None:
    contract = next(project.glob("specs/*/contracts/*.yaml"))
    good = contract.read_text()
    contract.write_text(good + "\n  : [")
    assert not dev._generate()
    assert events()[-1]["event"] == "broken"
    contract.write_text(good)
    assert not dev._generate()
    assert [event["event"] for event in events()][:1] == ["mended"]
    assert not dev._generate()
    assert "mended" not in [event["event"] for event in events()]


def test_a_file_edited_by_hand_is_told(dev: Development, events: Events, project: Path) -> None:
    routes = project / "generated/notes/routes.py"
    routes.write_text(routes.read_text() + "# mine\n")
    assert not dev._generate()
    assert events()[0]["file"] == "generated/notes/routes.py"
    assert routes.read_text().endswith("# mine\n")


def test_migrations_that_fail_are_told(dev: Development, events: Events, project: Path) -> None:
    dev._migrate()
    assert events()[0]["event"] == "unmigrated"
    dev._environment["HANDFAST_DATABASE_OWNER_URL"] = "postgresql://owner@127.0.0.1:9/app"
    dev._migrate()
    (failed,) = events()
    assert failed["event"] == "failed"
    assert "127.0.0.1:9" in failed["what"]
    (project / "migrations").rename(project / "elsewhere")
    dev._migrate()
    assert events() == []


@pytest.mark.parametrize(
    ("changed", "writes", "expected"),
    [
        ({"specs/001-notes/contracts/notes.yaml"}, False, ["generate"]),
        ({"generated/notes/routes.py"}, True, ["generate", "restart"]),
        ({"specs/001-notes/contracts/notes.yaml"}, True, ["generate", "restart"]),
        ({"handlers/notes/operations.py"}, False, ["restart"]),
        ({"app.py", ".env"}, False, ["restart"]),
        ({"migrations/versions/0001.py"}, False, ["migrate", "restart"]),
    ],
)
def test_only_what_changed_is_done(
    dev: Development, monkeypatch: pytest.MonkeyPatch, changed: set[str], writes: bool, expected: list[str]
) -> None:
    done: list[str] = []

    def generate(_self: Development) -> bool:
        done.append("generate")
        return writes

    monkeypatch.setattr(Development, "_generate", generate)
    monkeypatch.setattr(Development, "_migrate", lambda _: done.append("migrate"))
    monkeypatch.setattr(Development, "_restart", lambda _: done.append("restart"))
    dev._child = Stub()  # type: ignore[assignment]  # as much of a child as is looked at
    dev._follow(changed)
    assert done == expected


def test_tokens_of_an_authentication_server_are_not_made_up(
    dev: Development, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETTER_AUTH_URL", "https://auth.example.com")
    with ExitStack() as stack:
        dev._prepare(stack)
    Stub.outcomes = [Report()]
    dev._restart()
    assert events()[0]["token"] is None


def test_the_port_of_a_killed_run_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    (tmp_path / "dev.lock").write_text(str(port))
    tries = iter([taken.close])

    def wait(_seconds: float) -> None:
        next(tries)()

    monkeypatch.setattr("handfast.cli.development.time.sleep", wait)
    with only_one(tmp_path) as lock, development._listener("127.0.0.1", None, lock) as listener:
        assert listener.getsockname()[1] == port


def test_a_port_that_stays_taken_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(development, "GRACE_SECONDS", -1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (tmp_path / "dev.lock").write_text(str(taken.getsockname()[1]))
        with only_one(tmp_path) as lock, development._listener("127.0.0.1", None, lock) as listener:
            assert listener.getsockname()[1] != taken.getsockname()[1]
