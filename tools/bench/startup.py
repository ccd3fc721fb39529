"""CPU seconds of `handfast serve` until it has answered /health, and its memory then; medians of starts.

The database is started and migrated before and not counted; an uncounted first start compiles the bytecode.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from handfast.runtime.database import throwaway
from tools.bench.load import memory_mb
from tools.bench.seed import ROOT, SECRET
from tools.bench.services import OURS, serving


def main() -> None:
    """Start the reference service several times, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    seconds, memory = [], []
    with tempfile.TemporaryDirectory() as folder, throwaway.server(Path(folder)) as server:
        dsns = throwaway.database(server, root=ROOT)
        environment = {
            "HANDFAST_ENV": "production",
            "DATABASE_URL": dsns.service,
            "BETTER_AUTH_SECRET": SECRET,
            "CORS_ORIGINS": "http://127.0.0.1",
        }
        for _ in range(rounds + 1):
            with serving(OURS, environment) as running:
                seconds.append(running.startup_seconds)
                memory.append(memory_mb(running.pid))
    print(f"start to first answer {statistics.median(seconds[1:]):.2f} s of CPU")
    print(f"resident memory       {statistics.median(memory[1:]):.0f} MB")


if __name__ == "__main__":
    main()
