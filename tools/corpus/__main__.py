"""Real contracts through the generator and, by Schemathesis, through their mocks: figures in a table.

A folder of contracts holds a folder each, with `api.yaml` or `api.json` as the entry. Contracts are tried
two at a time, small ones first.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

from tools.corpus import report
from tools.corpus.exercise import Exercised, Options, Unable, exercise
from tools.corpus.generation import make, place, types
from tools.corpus.report import Row

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("HANDFAST_CORPUS") or ROOT.parent / "shared" / "corpus" / "openapi")


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tools.corpus", description=__doc__)
    parser.add_argument("names", nargs="*", help="contracts to take, as patterns; all without one")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of contracts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-examples", type=int, default=25)
    parser.add_argument("--operations", type=int, default=1000, help="most operations of one contract")
    parser.add_argument("--workers", type=int, default=2, help="contracts at a time")
    parser.add_argument("--no-fuzz", action="store_true", help="only the generator")
    parser.add_argument("--no-types", action="store_true", help="leave mypy out")
    parser.add_argument("--keep", type=Path, help="where projects and reports of each contract are kept")
    parser.add_argument("--reports", type=Path, default=ROOT / "reports")
    return parser.parse_args(words)


def chosen(corpus: Path, names: Sequence[str]) -> list[Path]:
    """Return the folders of the contracts that are asked for, small ones first."""
    folders = [path for path in corpus.glob("*/") if any(path.glob("api.*"))]
    wanted = [path for path in folders if not names or any(fnmatch(path.name, name) for name in names)]
    return sorted(wanted, key=lambda path: (sum(one.stat().st_size for one in path.rglob("*")), path.name))


def tried(contract: Path, scratch: Path, options: Options, *, fuzz: bool) -> Row:
    """Take one contract through all but mypy."""
    project = scratch / contract.name / "project"
    try:
        place(contract, project, contract.name)
        made, loaded = make(project)
        exercised: Exercised | None = None
        if fuzz and not loaded.fatal:
            exercised = exercise(project, scratch / contract.name / "fuzz", options)
    except Unable as error:
        return Row(contract.name, made, unable=str(error))
    return Row(contract.name, made, exercised)


def main() -> int:
    """Run it; 1 where anything is not as it must be."""
    wanted = arguments()
    options = Options(wanted.seed, wanted.max_examples, wanted.operations)
    contracts = chosen(wanted.corpus, wanted.names)
    if not contracts:
        print(f"no contracts in {wanted.corpus}; set HANDFAST_CORPUS", file=sys.stderr)
        return 2
    scratch = wanted.keep or Path(tempfile.mkdtemp(prefix="handfast-corpus-"))
    try:
        rows = run(contracts, scratch, options, wanted)
    finally:
        if wanted.keep is None:
            shutil.rmtree(scratch, ignore_errors=True)
    print(report.table(rows), *report.details(rows), report.sums(rows), sep="\n")
    report.write(rows, wanted.reports, "python -m tools.corpus " + " ".join(sys.argv[1:]))
    return int(any(row.failures for row in rows))


def run(contracts: Sequence[Path], scratch: Path, options: Options, wanted: argparse.Namespace) -> list[Row]:
    """Try every contract, and hold all their code against mypy."""
    rows: list[Row] = []
    with ThreadPoolExecutor(wanted.workers) as pool:
        jobs = [pool.submit(tried, one, scratch, options, fuzz=not wanted.no_fuzz) for one in contracts]
        for job in jobs:
            row = job.result()
            if row.made and not wanted.no_types:
                row = row.typed(types(scratch / row.name / "project", scratch / "mypy"))
            rows.append(row)
            print(f"{len(rows)}/{len(contracts)} {row.name}: {row.failures} faults and failures", flush=True)
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
