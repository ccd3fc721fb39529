"""One contract under Schemathesis: its mock is started, every phase and check is run, the report is read."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from handfast.testing import free_port
from tools.corpus.answerable import NO_ANSWER, unanswerable
from tools.corpus.events import Case, Error, cases, collisions, errors, undecidable

ROOT = Path(__file__).parents[2]
PHASES = "examples,coverage,fuzzing,stateful"
_PROGRAM = "from schemathesis.cli import schemathesis; schemathesis()"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")


class Unable(Exception):
    """A mock or Schemathesis did not start."""


@dataclass(frozen=True, slots=True)
class Options:
    """How hard a contract is tried."""

    seed: int = 1
    examples: int = 25
    operations: int = 1000
    """How many operations of a large contract are taken, by the seed."""


@dataclass(frozen=True, slots=True)
class Exercised:
    """What came out of one contract."""

    cases: int
    operations: int
    skipped: int
    failures: tuple[Case, ...]
    collisions: tuple[Case, ...]
    """Failures whose bytes were also sent with the opposite sign, so that no answer fits both."""
    errors: tuple[Error, ...]
    ruled: Mapping[str, int] = field(default_factory=dict)
    """Failures that a rule says no answer avoids, by the rule."""
    seconds: float = 0.0


def exercise(project: Path, scratch: Path, options: Options) -> Exercised:
    """Hold the mock of `project` against the contract that it publishes; files go to `scratch`.

    Raises `Unable` where the mock or Schemathesis does not run.
    """
    started = time.monotonic()
    scratch.mkdir(parents=True, exist_ok=True)
    with mock(project, scratch / "mock.log", options.seed) as url:
        document = httpx.get(f"{url}/openapi.json").raise_for_status().json()
        every = labels(document)
        chosen = every
        if len(every) > options.operations:
            chosen = sorted(random.Random(options.seed).sample(every, options.operations))  # noqa: S311
        verdicts = _schemathesis(url, scratch, options, chosen if len(chosen) < len(every) else ())
    summary = json.loads((scratch / "report.json").read_text(encoding="utf-8"))
    made = list(cases(scratch / "events.ndjson"))
    failed = tuple(case for case in made if case.failures)
    collided = collisions(made)
    proven = {case.id for case in collided}
    ruled = [(case, rule) for case, rule in undecidable(failed, verdicts) if case.id not in proven]
    told = proven | {case.id for case, _ in ruled}
    ruled += [
        (case, NO_ANSWER)
        for case in failed
        if case.id not in told and not case.crashed and unanswerable(document, case.label)
    ]
    told |= {case.id for case, _ in ruled}
    return Exercised(
        cases=summary["test_cases"]["generated"],
        operations=len(chosen),
        skipped=len(every) - len(chosen),
        failures=tuple(case for case in failed if case.id not in told),
        collisions=tuple(collided),
        errors=tuple(errors(summary)),
        ruled=dict(Counter(rule for _, rule in ruled)),
        seconds=time.monotonic() - started,
    )


@contextmanager
def mock(project: Path, log: Path, seed: int) -> Iterator[str]:
    """Serve the contracts of `project` as a mock; its address."""
    port = free_port()
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "handfast", "mock", str(project), f"--port={port}", f"--seed={seed}"],
            stdout=sink,
            stderr=sink,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=10).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Unable(f"the mock did not start: {log.read_text()[-2000:]}") from None
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def labels(document: Mapping[str, object]) -> list[str]:
    """Return `METHOD /path` of every operation of a document, as Schemathesis names them."""
    found: list[str] = []
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        if isinstance(item, dict):
            found += [f"{method.upper()} {path}" for method in item if method in _METHODS]
            more = item.get("additionalOperations")
            found += [f"{method} {path}" for method in more] if isinstance(more, dict) else []
    return sorted(found)


def _schemathesis(url: str, scratch: Path, options: Options, chosen: Sequence[str]) -> dict[str, list[str]]:
    """Run Schemathesis; return the rules by which cases have no right answer, by the case's id."""
    (scratch / "schemathesis.toml").write_text('hooks = "tools.corpus.hooks"\n', encoding="utf-8")
    verdicts = scratch / "verdicts.ndjson"
    verdicts.write_bytes(b"")
    report, events = scratch / "report.json", scratch / "events.ndjson"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-c", _PROGRAM, "run", f"{url}/openapi.json"]
    command += ["--checks=all", f"--phases={PHASES}", "--mode=all", f"--seed={options.seed}"]
    command += [f"--max-examples={options.examples}", "--continue-on-failure", "--generation-database=none"]
    command += ["--no-color", "--report=json,ndjson", "--output-sanitize=false"]
    command += [f"--report-json-path={report}", f"--report-ndjson-path={events}"]
    for name in chosen:
        command += ["--include-name", name]
    done = subprocess.run(
        command,
        cwd=scratch,
        env=os.environ
        | {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
            "CORPUS_VERDICTS": str(verdicts),
            "CORPUS_URL": url,
            "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch / "hypothesis"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    (scratch / "output.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    if not report.is_file():
        raise Unable(
            f"Schemathesis ended with exit code {done.returncode}: {(done.stderr or done.stdout)[-1500:]}"
        )
    found: dict[str, list[str]] = {}
    with verdicts.open(encoding="utf-8") as lines:
        for case, rule in map(json.loads, lines):
            found.setdefault(case, []).append(rule)
    return found
