"""Flame graphs of the reference service, one for each scenario, by py-spy, in reports/."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from tools.bench.environments import programs
from tools.bench.load import load, need_wrk
from tools.bench.scenarios import NAMES, requests
from tools.bench.seed import ROOT, database
from tools.bench.services import OURS, serving

RATE = 500


def main() -> None:
    """Put every scenario's load on the service, and watch it."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.profile", description=__doc__)
    parser.add_argument("--scenarios", default=",".join(NAMES), help="by commas (default: all)")
    parser.add_argument("--seconds", type=int, default=10, help="for each scenario")
    parser.add_argument("--tasks", type=int, default=100_000)
    options = parser.parse_args()
    need_wrk()
    reports = ROOT / "reports"
    reports.mkdir(exist_ok=True)
    spy = programs("profile") / "py-spy"
    with database(options.tasks) as there, serving(OURS, there.environment) as running:
        for scenario in options.scenarios.split(","):
            sent = requests(scenario, there.tasks)
            load(running.url, running.pid, there.pid, sent, connections=16, seconds=1)
            picture = reports / f"profile-{scenario.replace(' ', '-').replace('/', '-')}.svg"
            command: list[str | Path] = [
                spy,
                "record",
                "--pid",
                str(running.pid),
                "--rate",
                str(RATE),
                "--output",
                picture,
            ]
            command += ["--duration", str(options.seconds), "--format", "flamegraph"]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as watching:
                seconds = options.seconds + 1
                load(running.url, running.pid, there.pid, sent, connections=16, seconds=seconds)
                _, said = watching.communicate()
            if watching.returncode:
                raise SystemExit(f"py-spy: {said.decode()}\n  fix: run as root, or allow ptrace")
            print(picture.relative_to(ROOT))


if __name__ == "__main__":
    main()
