"""The comparison with other generators: what is counted, and how it is shown."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tools.compare.__main__ import installed
from tools.compare.peers import PEERS, Peer
from tools.compare.report import page, rows
from tools.compare.trial import Trial, counted, probes, same, theirs
from tools.measured import Cost, measure

APP = """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/base/things/{thing_id}")
def read(thing_id: str) -> str:
    return thing_id
"""
DOCUMENT = {
    "servers": [{"url": "{scheme}://example.com/base/"}],
    "paths": {"/things/{id}": {"get": {}, "delete": {}, "parameters": []}},
}


def writes(text: str, *, code: int = 0) -> Peer:
    """A peer that makes one module of `text`, and ends with `code`."""
    program = "import pathlib, sys; pathlib.Path(sys.argv[1], 'made.py').write_text(sys.argv[2])"
    program += f"; sys.exit({code})"
    return Peer(
        "made",
        "Made",
        (lambda programs, contract, out: [sys.executable, "-c", program, out, text],),
        packages=("made",),
        app="made",
    )


def tried(peer: Peer, root: Path) -> Trial:
    return theirs(peer, Path(sys.executable), root / "things" / "api.yaml", DOCUMENT, root / "scratch")


def test_a_peer_is_taken_as_far_as_it_comes(tmp_path: Path) -> None:
    good = tried(writes(APP), tmp_path)
    assert (good.declared, good.made, good.imports, good.exposed, good.stable) == (2, True, True, 1, True)
    assert good.typed
    assert good.linted
    assert not tried(writes(APP + "import os, sys\n"), tmp_path).linted
    assert not tried(writes(APP + "def untyped(): return 1\n"), tmp_path).typed
    broken = tried(writes("import nowhere"), tmp_path)
    assert (broken.made, broken.imports, broken.exposed) == (True, False, 0)
    assert "nowhere" in broken.why
    assert not tried(writes(APP, code=3), tmp_path).made


def test_operations_may_stand_below_a_base_path() -> None:
    assert probes(DOCUMENT) == [
        ("GET", ["/things/1", "/base/things/1"]),
        ("DELETE", ["/things/1", "/base/things/1"]),
    ]
    assert probes({"paths": {"/a": {"additionalOperations": {"COPY": {}}}}}) == [("COPY", ["/a"])]


@pytest.mark.parametrize(
    ("output", "code", "found"),
    [
        ("a warning\n[true, false, true]\n", 0, 2),
        ("[]", 0, 0),
        ("[true]", 1, None),
        ("", 0, None),
        ("no", 0, None),
    ],
)
def test_only_a_probe_that_ends_well_counts(output: str, code: int, found: int | None) -> None:
    assert counted(Cost(0, 0, code, output)) == found


def test_folders_are_the_same_by_names_and_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "a.py").write_text("same")
    assert same(first, second)
    (second / "inner" / "a.py").write_text("else")
    assert not same(first, second)
    (second / "inner" / "a.py").write_text("same")
    (second / "b.py").write_text("")
    assert not same(first, second)


def test_a_command_is_killed_at_the_end_of_its_time(tmp_path: Path) -> None:
    cost = measure([sys.executable, "-c", "import time; time.sleep(60)"], cwd=tmp_path, limit_seconds=0.5)
    assert cost.code < 0


def test_the_page_holds_a_column_a_tool() -> None:
    mine = Trial("small", 4, True, True, True, True, 4, True, 1.0)
    trials = {
        "Us": [mine, replace(mine, contract="huge", declared=700, exposed=700, seconds=9.4)],
        "Them": [Trial("small", 4, True, seconds=2.0), Trial("huge", 700, seconds=120.2)],
        "Served": [replace(mine, exposed=3), replace(mine, contract="huge", declared=700)],
    }
    table = {row[0]: row[1:] for row in rows(trials, frozenset(("Us", "Them")))}
    assert table["generates or loads"] == ["1/1", "1/1", "1/1"]
    assert table["imports"] == ["1/1", "0/1", "1/1"]
    assert table["imports and `mypy --strict` clean"] == ["1/1", "0/1", "n/a"]
    assert table["operations in importable applications"] == ["4/4 = 100.0 %", "0/4 = 0.0 %", "3/4 = 75.0 %"]
    assert table["huge: operations in an importable application, CPU of one generation"] == [
        "700, 9 s", "fails after 120 s", "4, 1 s",
    ]  # fmt: skip
    text = page(trials, {"Us": "1.0"}, frozenset(("Us", "Them")))
    assert "2 public contracts with 704 operations" in text
    assert "- Them: huge, small" in text
    assert "- Us: none" in text


def test_every_peer_is_locked_by_hash() -> None:
    for peer in PEERS:
        assert installed(peer)
        text = peer.lock.read_text(encoding="utf-8")
        assert f"=={installed(peer)} \\\n    --hash=sha256:" in text
        assert "://" not in text
