"""Run the reference service beside its peers under one load: CPU per request, requests per second, latency.

Needs `wrk`. All services share one embedded PostgreSQL and one table. They are started one at a time, in
turn, for several rounds; the medians of the rounds are compared. CPU is that of the server's processes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.bench import regression
from tools.bench.load import Figures, load, memory_mb, need_wrk
from tools.bench.plot import plot
from tools.bench.report import Footprint, Load, Results, as_json, footprints, median, page, table
from tools.bench.scenarios import NAMES, requests
from tools.bench.seed import Database, database
from tools.bench.services import SERVICES, answers, differences, serving

WARM_SECONDS = 1.0
ENOUGH = 5
"""Rounds whose medians may be quoted."""
START_SECONDS = 4.0
"""About what a service takes to start and to end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    services: Sequence[str]
    scenarios: Sequence[str]
    connections: Sequence[int]
    rounds: int
    seconds: float
    tasks: int
    workers: int

    @property
    def minutes(self) -> float:
        """How long it is going to take, without the data."""
        measured = len(self.scenarios) * (WARM_SECONDS + len(self.connections) * self.seconds)
        return len(self.services) * ((self.rounds + 1) * START_SECONDS + self.rounds * measured) / 60

    @property
    def conditions(self) -> str:
        """All of it in a sentence."""
        return (
            f"Medians of {self.rounds} interleaved rounds of {self.seconds:g} s, {self.workers} worker(s), "
            f"{self.tasks:,} tasks of 1,000 users, {os.cpu_count()} cores for load, service and database."
            + (" A short run, which chance has a part in." if self.rounds < ENOUGH else "")
        )


def main() -> None:
    """Parse the command line, measure, print."""
    plan, options = _read()
    need_wrk()
    _tell(f"about {plan.minutes:.0f} minutes")
    with database(plan.tasks) as there:
        _tell("the data is there")
        check(plan, there)
        results = run(plan, there)
        if options.write:
            regression.RECORDED.write_text(regression.record(there))
    print(table(results), footprints(results), sep="\n\n")
    if options.json:
        options.json.write_text(as_json(results))
    if options.write:
        picture = options.write.with_suffix(".svg")
        picture.write_text(plot(results, sorted(plan.connections)[len(plan.connections) // 2]))
        options.write.write_text(page(results, picture.name))


def _read() -> tuple[Plan, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--services", default=",".join(SERVICES), help="by commas (default: all)")
    parser.add_argument("--scenarios", default=",".join(NAMES), help="by commas (default: all)")
    parser.add_argument("--connections", default="1,16,128", help="by commas (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ENOUGH)
    parser.add_argument("--seconds", type=int, default=2, help="of load for each scenario and round")
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=1, help="processes of each service")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--write", type=Path, help="write a page, a picture beside it, and recorded.json")
    options = parser.parse_args()
    plan = Plan(
        services=_chosen(options.services, tuple(SERVICES)),
        scenarios=_chosen(options.scenarios, NAMES),
        connections=[int(number) for number in options.connections.split(",")],
        rounds=options.rounds,
        seconds=options.seconds,
        tasks=options.tasks,
        workers=options.workers,
    )
    return plan, options


def _chosen(text: str, known: Sequence[str]) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(known):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}\n  fix: of {', '.join(known)}")
    return names


def check(plan: Plan, there: Database) -> None:
    """End where the services do not give equal answers: their figures would compare different work."""
    first = None
    for name in plan.services:
        with serving(name, there.environment) as running:
            said = answers(running, there)
        first = first or said
        if different := differences(first, said):
            raise SystemExit("\n".join([f"{plan.services[0]} and {name} answer differently:", *different]))
    _tell("all answers are equal")


def run(plan: Plan, there: Database) -> Results:
    """Measure every service in every scenario, interleaved."""
    loads: dict[Load, dict[str, list[Figures]]] = {}
    taken: dict[str, list[Footprint]] = {}
    asked = {scenario: requests(scenario, there.tasks) for scenario in plan.scenarios}
    for number in range(plan.rounds):
        for name in plan.services:
            _tell(f"round {number + 1} of {plan.rounds}: {name}")
            with serving(name, there.environment, plan.workers) as running:
                for scenario, sent in asked.items():
                    load(running.url, running.pid, there.pid, sent, connections=16, seconds=WARM_SECONDS)
                    for connections in plan.connections:
                        figures = load(
                            running.url,
                            running.pid,
                            there.pid,
                            sent,
                            connections=connections,
                            seconds=plan.seconds,
                        )
                        services = loads.setdefault(Load(scenario, connections), {})
                        services.setdefault(name, []).append(figures)
                footprint = Footprint(memory_mb(running.pid), running.startup_seconds)
                taken.setdefault(name, []).append(footprint)
            there.tidy()
    return Results(
        {key: {name: median(rounds) for name, rounds in row.items()} for key, row in loads.items()},
        {
            name: Footprint(
                statistics.median(one.memory_mb for one in rounds),
                statistics.median(one.startup_seconds for one in rounds),
            )
            for name, rounds in taken.items()
        },
        plan.conditions,
    )


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
