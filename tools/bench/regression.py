"""Has the service become slower? Its CPU for a read, as a ratio to the bare limit's in the same run.

Neither other load on the machine nor its speed changes such a ratio much, as both would change both. What
other load adds is left out: of several rounds the cheapest counts.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from tools.bench.load import load
from tools.bench.scenarios import requests
from tools.bench.seed import Database
from tools.bench.services import OURS, serving

RECORDED = Path(__file__).with_name("recorded.json")
BOUND = 1.6
"""How much worse than recorded is a regression: generous, so that chance never is."""
ROUNDS = 5


def measured(database: Database) -> float:
    """CPU of a read of ours to that of the limit, each in the cheapest of interleaved rounds."""
    sent = requests("get", database.tasks)
    with ExitStack() as stack:
        running = {name: stack.enter_context(serving(name, database.environment)) for name in (OURS, "limit")}
        spent: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(ROUNDS):
            for name, service in running.items():
                figures = load(service.url, service.pid, database.pid, sent, connections=16, seconds=1)
                spent[name].append(figures.cpu_us)
    ours, limit = map(min, spent.values())
    return ours / limit


def record(database: Database) -> str:
    """What `recorded.json` is to hold."""
    return json.dumps({"get": {"cpu_to_limit": round(measured(database), 2)}}, indent=2) + "\n"


def recorded() -> float:
    """The ratio when it was last recorded."""
    return float(json.loads(RECORDED.read_text())["get"]["cpu_to_limit"])
