"""The service against its own contract: Schemathesis as a process, its report in our form.

Schemathesis checks what it sees of one user. Given two, it also looks whether one reads what the other
created (its check `object_level_authorization`), in its own way and on other sequences than `isolation`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from handfast.fuzz.contract import Contract, Json
from handfast.fuzz.report import Finding
from handfast.fuzz.surface import Credential, Identity

PEER_CHECK = "object_level_authorization"
PHASES = "examples,coverage,fuzzing,stateful"
PEER_PHASES = "fuzzing,stateful"
_PROGRAM = "from schemathesis.cli import schemathesis; schemathesis()"


class Failed(Exception):
    """Schemathesis itself could not run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What Schemathesis found and did."""

    findings: tuple[Finding, ...]
    cases: int
    """Test cases that it made."""
    seconds: float


def run(
    url: str,
    contract: Contract,
    identities: Sequence[Identity],
    *,
    examples: int,
    seed: int,
    operations: Sequence[str] = (),
    peers_only: bool = False,
) -> Outcome:
    """Hold the service at `url` against its published contract, every check on, all phases.

    `identities` are the users to call as: the first, and with two of them the other as its peer.
    `peers_only` makes the check between the two only. Raises `Failed` where Schemathesis cannot run.
    """
    with tempfile.TemporaryDirectory(prefix="handfast-fuzz-") as folder:
        scratch = Path(folder)
        report = scratch / "report.json"
        _configure(scratch, contract, identities)
        command = [sys.executable, "-c", _PROGRAM, "run", f"{url.rstrip('/')}/openapi.json"]
        command += [
            f"--checks={PEER_CHECK if peers_only else 'all'}",
            f"--phases={PEER_PHASES if peers_only else PHASES}",
            "--mode=positive" if peers_only else "--mode=all",
            f"--seed={seed}",
            f"--max-examples={examples}",
            "--continue-on-failure",
            "--generation-database=none",
            "--no-color",
            "--report=json",
            f"--report-json-path={report}",
        ]
        for one in operations:
            command += ["--include-name", one] if " " in one else ["--include-operation-id", one]
        done = subprocess.run(
            command,
            cwd=scratch,
            env=os.environ | {"HYPOTHESIS_STORAGE_DIRECTORY": str(scratch / "hypothesis")},
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.is_file():
            said = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise Failed(f"Schemathesis ended with exit code {done.returncode}: {said}")
        found = cast("dict[str, Json]", json.loads(report.read_text(encoding="utf-8")))
    outcome = _outcome(found, contract)
    if done.returncode and not outcome.findings:
        raise Failed(f"Schemathesis ended with exit code {done.returncode}: {done.stdout.strip()[-2000:]}")
    return outcome


def _configure(scratch: Path, contract: Contract, identities: Sequence[Identity]) -> None:
    """Write who may call, in files that only this user can read and that end with the run."""
    users = [
        {
            "name": f"user{number}",
            "fixedHeaders": [
                {"name": name, "value": value} for name, value in _headers(contract, identity)
            ],
        }
        for number, identity in enumerate(identities, 1)
    ]
    users = [user for user in users if user["fixedHeaders"]]
    if not users:
        (scratch / "schemathesis.toml").write_text("", encoding="utf-8")
        return
    names = [str(user["name"]) for user in users]
    peers = f"peers = {json.dumps(names)}\n" if len(names) > 1 else ""
    (scratch / "users.json").write_text(json.dumps({"auth": users}), encoding="utf-8")
    (scratch / "schemathesis.toml").write_text(
        f'[auth.wfc]\npath = "users.json"\n{peers}', encoding="utf-8"
    )


def _headers(contract: Contract, identity: Identity) -> list[tuple[str, str]]:
    """Every header that says who calls; one name once, as a request can carry it."""
    found: dict[str, str] = {}
    for name in contract.schemes:
        credential: Credential | None = identity.credentials.get(name)
        if credential is None:
            continue
        if credential.location == "header":
            found.setdefault(credential.name, credential.value)
        elif credential.location == "cookie":
            found.setdefault("Cookie", f"{credential.name}={credential.value}")
    return [*found.items(), *identity.headers]


def _outcome(report: Mapping[str, Json], contract: Contract) -> Outcome:
    names = {operation.label: operation.name for operation in contract.operations}
    findings = [_failure(_mapping(one), names) for one in _items(report.get("failures"))]
    findings += [_error(_mapping(one), names) for one in _items(report.get("errors"))]
    cases = _mapping(report.get("test_cases")).get("generated")
    seconds = report.get("running_time")
    return Outcome(
        tuple(dict.fromkeys(findings)),
        cases if isinstance(cases, int) else 0,
        float(seconds) if isinstance(seconds, int | float) else 0.0,
    )
