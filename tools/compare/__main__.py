"""Install the peers, run them and us over real contracts, and print the table; `--write` puts it into a page.

Exit code 0: compared. 2: there are no contracts. 75: no peer could be installed, so nothing was compared.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tools.advisories import UNAVAILABLE
from tools.compare.peers import PEERS, Peer
from tools.compare.report import page
from tools.compare.trial import Trial, ours, theirs
from tools.corpus.__main__ import CORPUS, chosen

US = "Handfast"
INSTALL_SECONDS = 600


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="tools.compare", description=__doc__)
    parser.add_argument("names", nargs="*", help="contracts to take, as patterns; all without one")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of contracts")
    parser.add_argument("--peers", default="*", help="peers to take, as a pattern")
    parser.add_argument("--keep", type=Path, help="where environments and what is made are kept")
    parser.add_argument("--write", type=Path, help="the page to write")
    wanted = parser.parse_args()
    contracts = chosen(wanted.corpus, wanted.names)
    if not contracts:
        print(f"no contracts in {wanted.corpus}; set HANDFAST_CORPUS", file=sys.stderr)
        return 2
    scratch = wanted.keep or Path(tempfile.mkdtemp(prefix="handfast-compare-"))
    try:
        pythons = {peer: install(peer, scratch) for peer in PEERS if fnmatch(peer.name, wanted.peers)}
        there = {peer: python for peer, python in pythons.items() if python is not None}
        for peer in pythons.keys() - there.keys():
            print(f"{peer.title}: cannot be installed here, and is left out", file=sys.stderr)
        if not there:
            print("compare: skipped: no peer could be installed; nothing was compared", file=sys.stderr)
            return UNAVAILABLE
        trials = run(contracts, there, scratch)
        versions = {US: version("handfast")} | {
            peer.title: installed(peer) if peer in there else f"{installed(peer)}: could not be installed"
            for peer in pythons
        }
    finally:
        if wanted.keep is None:
            shutil.rmtree(scratch, ignore_errors=True)
    made = page(trials, versions, frozenset((US, *(peer.title for peer in there if peer.commands))))
    print(made)
    if wanted.write:
        wanted.write.write_text(made, encoding="utf-8")
    return 0


def install(peer: Peer, scratch: Path) -> Path | None:
    """Return the Python of an environment with the peer's locked packages; None where they cannot be had."""
    home = scratch / "environments" / peer.name
    python = home / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    for command in (
        [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)],
        [*uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(peer.lock)],
    ):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            print(done.stderr[-400:], file=sys.stderr)
            return None
    return python


def installed(peer: Peer) -> str:
    """Return the version of the peer that its lock names."""
    first = (peer.lock.with_suffix(".in")).read_text(encoding="utf-8").splitlines()[0]
    return first.partition("==")[2]


def run(contracts: Sequence[Path], peers: Mapping[Peer, Path], scratch: Path) -> dict[str, list[Trial]]:
    """Try every contract with us, then with the peers, a peer a thread at a time."""
    trials: dict[str, list[Trial]] = {US: []}
    documents: dict[str, Mapping[str, Any]] = {}
    for contract in contracts:
        trial, documents[contract.name] = ours(contract, scratch, scratch / "mypy")
        trials[US].append(trial)
        _tell(US, trial)

    def every(peer: Peer) -> list[Trial]:
        found = []
        for contract in contracts:
            entry = next(contract.glob("api.*"))
            found.append(theirs(peer, peers[peer], entry, documents[contract.name], scratch))
            _tell(peer.title, found[-1])
        return found

    with ThreadPoolExecutor(2) as pool:
        trials |= {peer.title: found for peer, found in zip(peers, pool.map(every, peers), strict=True)}
    return trials


def _tell(title: str, trial: Trial) -> None:
    steps = {"made": trial.made, "imports": trial.imports, "typed": trial.typed, "linted": trial.linted}
    passed = ", ".join(name for name, flag in steps.items() if flag) or "not made"
    said = f": {trial.why}" if trial.why else ""
    print(
        f"{title}: {trial.contract}: {passed}, {trial.exposed}/{trial.declared}{said}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
