"""One peer on one contract: generated twice, imported, typed, linted, its operations counted."""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools.compare.peers import Peer
from tools.corpus.generation import authors, make, place, types
from tools.measured import Cost, measure

PROBE = Path(__file__).with_name("probe.py")
GIANT = 500
"""Operations; contracts with more have more time, and are told apart."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came out; a later flag is True only where all before it are."""

    contract: str
    declared: int
    made: bool = False
    """Whether it generates, or loads where nothing is made."""
    imports: bool = False
    typed: bool = False
    linted: bool = False
    exposed: int = 0
    """Operations that the importable application routes."""
    stable: bool = False
    """Whether a second generation elsewhere gives the same bytes."""
    seconds: float = 0.0
    """CPU of one generation."""
    why: str = ""
    """The end of what was said where something went wrong."""


def ours(contract: Path, scratch: Path, cache: Path) -> tuple[Trial, Mapping[str, Any]]:
    """Try our own generator as the corpus session does; return the author's whole document too."""
    project = scratch / "handfast" / contract.name
    place(contract, project, contract.name)
    made, loaded = make(project)
    faults = made.faults + (() if loaded.fatal else types(project, cache))
    generated = made.first.code == 0 and not loaded.fatal
    imports = generated and not any(fault.startswith("does not import") for fault in faults)
    trial = Trial(
        contract.name,
        made.declared,
        generated,
        imports,
        imports and not any(fault.startswith("mypy") for fault in faults),
        imports and not any(fault.startswith("ruff") for fault in faults),
        made.exposed if imports else 0,
        generated and not any("other bytes" in fault for fault in faults),
        made.first.seconds,
        "; ".join(faults)[-200:],
    )
    return trial, authors(project, loaded.features[0]) if loaded.features else {}


def theirs(peer: Peer, python: Path, contract: Path, document: Mapping[str, Any], scratch: Path) -> Trial:
    """Try a peer, by its own `python`, on the entry of a contract; `document` is the author's, whole."""
    here = scratch / peer.name / contract.parent.name
    _emptied(here)
    operations = probes(document)
    (here / "operations.json").write_text(json.dumps(operations), encoding="utf-8")
    limit = 120.0 if len(operations) > GIANT else 60.0
    bench = _Bench(peer, python, contract, here, limit, Trial(contract.parent.name, len(operations)))
    return bench.make() if peer.commands else bench.serve()


@dataclass(frozen=True, slots=True)
class _Bench:
    peer: Peer
    python: Path
    contract: Path
    here: Path
    limit_seconds: float
    blank: Trial

    def serve(self) -> Trial:
        cost, exposed = self.probe(self.contract)
        if exposed is None:
            return replace(self.blank, seconds=cost.seconds, why=_end(cost))
        return replace(self.blank, made=True, imports=True, exposed=exposed, seconds=cost.seconds)

    def make(self) -> Trial:
        first, second = self.here / "first", self.here / "second"
        root = first / self.peer.root
        for command in self.peer.commands:
            cost = self.run(command(self.python.parent, self.contract, _emptied(first)))
            if cost.code == 0 and all(_code(root, package) for package in self.peer.packages):
                break
        else:
            return replace(self.blank, seconds=cost.seconds, why=_end(cost))
        again = self.run(command(self.python.parent, self.contract, _emptied(second)))
        stable = again.code == 0 and same(first, second)
        trial = replace(self.blank, made=True, stable=stable, seconds=cost.seconds)
        probed, exposed = self.probe(root, self.peer.app)
        if exposed is None:
            return replace(trial, why=_end(probed))
        return replace(
            trial, imports=True, exposed=exposed, typed=self.is_typed(root), linted=self.is_linted(root)
        )

    def run(self, command: Sequence[str | Path], cwd: Path | None = None) -> Cost:
        # Nothing of ours may be imported for theirs.
        env = {"PYTHONPATH": ""}
        return measure(command, cwd=cwd or self.here, env=env, limit_seconds=self.limit_seconds)

    def probe(self, *words: str | Path) -> tuple[Cost, int | None]:
        """Return what a probe cost, and how many operations it found; None where it failed."""
        cost = self.run([self.python, PROBE, self.here / "operations.json", *words])
        return cost, counted(cost)

    def is_typed(self, root: Path) -> bool:
        flags = [flag for package in self.peer.packages for flag in ("-p", package)]
        cache = self.here.parent / "mypy"
        mypy: list[str | Path] = [sys.executable, "-m", "mypy", "--strict"]
        mypy += ["--python-executable", self.python]
        return self.run([*mypy, "--cache-dir", cache, *flags], root).code == 0

    def is_linted(self, root: Path) -> bool:
        shown = [_code(root, package) or root for package in self.peer.packages]
        ruff: list[str | Path] = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", *shown]
        return self.run(ruff).code == 0


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def probes(document: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the operations of a document: the method, and the paths that may route it, with bases too."""
    bases = [""]
    for server in document.get("servers") or ():
        base = urlsplit(re.sub(r"\{[^{}]*\}", "x", str(server.get("url", "")))).path.rstrip("/")
        bases += [base] if base not in bases else []
    found: list[tuple[str, list[str]]] = []
    for path, item in (document.get("paths") or {}).items():
        sample = re.sub(r"\{[^{}]*\}", "1", path)
        methods = [method for method in item if method in _METHODS] if isinstance(item, dict) else []
        more = item.get("additionalOperations") or () if isinstance(item, dict) else ()
        for method in (*(one.upper() for one in methods), *more):
            found.append((method, [base + sample for base in bases]))
    return found


_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")


def counted(probed: Cost) -> int | None:
    """Return how many operations are routed, by the last line of what a probe says; None where it failed."""
    lines = probed.output.strip().splitlines()
    if probed.code or not lines or not lines[-1].startswith("["):
        return None
    flags: list[bool] = json.loads(lines[-1])
    return sum(flags)


def same(first: Path, second: Path) -> bool:
    """Whether two folders hold the same files with the same bytes."""
    names = [_files(one) for one in (first, second)]
    if names[0] != names[1]:
        return False
    _, unlike, odd = filecmp.cmpfiles(first, second, names[0], shallow=False)
    return not unlike and not odd


def _files(folder: Path) -> Sequence[str]:
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _code(root: Path, package: str) -> Path | None:
    """Return where the code of an importable name is; None where there is none."""
    return next((path for path in (root / f"{package}.py", root / package) if path.exists()), None)


def _end(cost: Cost) -> str:
    said = " ".join(cost.output.split())[-200:]
    return f"killed at the end of its time: {said}" if cost.code < 0 else said
