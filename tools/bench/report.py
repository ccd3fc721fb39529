"""What was measured, as a page: ratios first, then the figures they come from."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from tools.bench.load import Figures


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked for, by how many connections at a time."""

    scenario: str
    connections: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a service takes before it answers."""

    memory_mb: float
    """Resident memory of a worker after its load."""
    startup_seconds: float
    """CPU until the first answer."""


@dataclass(frozen=True, slots=True)
class Results:
    """All of it; each figure is the median of the rounds."""

    loads: Mapping[Load, Mapping[str, Figures]]
    footprints: Mapping[str, Footprint]
    conditions: str
    """How it was measured, in a sentence."""


def median(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure; failures are added up."""
    kept = {
        field.name: statistics.median(getattr(figures, field.name) for figures in rounds)
        for field in fields(Figures)
    }
    return Figures(**{**kept, "failed": sum(figures.failed for figures in rounds)})


_COLUMNS = (
    "scenario", "connections", "service", "CPU to idiomatic", "CPU to limit", "CPU to limit-tx",
    "req/s to idiomatic", "req/s", "CPU us", "database CPU us", "p50 ms", "p95 ms", "p99 ms", "failed",
)  # fmt: skip


def ratio(value: float, base: float | None) -> str:
    """`value` to `base`, a dash where that was not measured."""
    return f"{value / base:.2f}" if base else "-"


def table(results: Results) -> str:
    """The figures of every load and service as Markdown."""
    lines = [_line(_COLUMNS), "|---|---:|---" + "|---:" * (len(_COLUMNS) - 3) + "|"]
    for load, services in results.loads.items():
        cpu = {name: figures.cpu_us for name, figures in services.items()}
        speed = {name: figures.requests_per_second for name, figures in services.items()}
        for name, figures in services.items():
            cells = (
                load.scenario,
                str(load.connections),
                name,
                *(ratio(figures.cpu_us, cpu.get(base)) for base in ("idiomatic", "limit", "limit-tx")),
                ratio(figures.requests_per_second, speed.get("idiomatic")),
                f"{figures.requests_per_second:,.0f}",
                f"{figures.cpu_us:,.0f}",
                f"{figures.database_us:,.0f}",
                f"{figures.p50_ms:.1f}",
                f"{figures.p95_ms:.1f}",
                f"{figures.p99_ms:.1f}",
                f"{figures.failed:g}",
            )
            lines.append(_line(cells))
    return "\n".join(lines)


def footprints(results: Results) -> str:
    """Memory and start-up of every service as Markdown."""
    lines = ["| service | memory MB | CPU s to the first answer |", "|---|---:|---:|"]
    for name, taken in results.footprints.items():
        lines.append(f"| {name} | {taken.memory_mb:.1f} | {taken.startup_seconds:.2f} |")
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def page(results: Results, plot: str) -> str:
    """The whole page; `plot` is the file name of the picture beside it."""
    return f"""# Performance

Written by `nox -s bench -- --write docs/performance.md`; do not edit. {results.conditions}

All services use one PostgreSQL and one table, and were first checked to give equal answers. `handfast` is
the reference service as in production, everything on; `naive` a synchronous SQLAlchemy session inside
`async def`; `idiomatic` async FastAPI with SQLModel's `AsyncSession`; `connexion` and `codegen` (the server
mode of datamodel-code-generator) serve the same contract with the same data access; `limit` is bare ASGI and
asyncpg without framework, validation or isolation, and `limit-tx` the same with BEGIN and COMMIT around
writes. CPU is that of the service's processes per request; of ratios of CPU less is better.

![CPU per request to the idiomatic service]({plot})

{table(results)}

## Memory and start

{footprints(results)}
"""


def as_json(results: Results) -> str:
    """Everything for programs."""
    loads = [
        {**asdict(load), "services": {name: asdict(figures) for name, figures in services.items()}}
        for load, services in results.loads.items()
    ]
    taken = {name: asdict(footprint) for name, footprint in results.footprints.items()}
    whole = {"conditions": results.conditions, "loads": loads, "footprints": taken}
    return json.dumps(whole, indent=2) + "\n"
