"""The service against its own contract: Schemathesis as a process, its report in our form.

Schemathesis checks what it sees of one user. Given two, it also looks whether one reads what the other
created (its check `object_level_authorization`), in its own way and on other sequences than `isolation`.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from handfast.fuzz.contract import Contract, Json
from handfast.fuzz.report import Finding, Step
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
    names = {operation.label: operation.name for operation in contract.operations}
    sent = _headers(contract, identities[0]) if identities else []
    shown: list[Json] = [
        ["header", name, Credential("header", name, value).shown("A1").value] for name, value in sent
    ]
    with tempfile.TemporaryDirectory(prefix="handfast-fuzz-") as folder:
        scratch = Path(folder)
        report, events = scratch / "report.json", scratch / "events.ndjson"
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
            "--report=json,ndjson",
            f"--report-json-path={report}",
            f"--report-ndjson-path={events}",
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
        summary = cast("dict[str, Json]", json.loads(report.read_text(encoding="utf-8")))
        with events.open(encoding="utf-8") as lines:
            failures = [one for line in lines for one in _failures(json.loads(line), names, shown)]
    errors = [_error(_dict(one), names) for one in _list(summary.get("errors"))]
    cases, seconds = _dict(summary.get("test_cases")).get("generated"), summary.get("running_time")
    outcome = Outcome(
        tuple({(one.oracle, one.where): one for one in [*errors, *failures]}.values()),
        cases if isinstance(cases, int) else 0,
        float(seconds) if isinstance(seconds, int | float) else 0.0,
    )
    if done.returncode and not outcome.findings:
        raise Failed(f"Schemathesis ended with exit code {done.returncode}: {done.stdout.strip()[-2000:]}")
    return outcome


def _configure(scratch: Path, contract: Contract, identities: Sequence[Identity]) -> None:
    """Write who may call, in files that only this user can read and that end with the run."""
    users = [
        {
            "name": f"user{number}",
            "fixedHeaders": [{"name": name, "value": value} for name, value in _headers(contract, identity)],
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
    (scratch / "schemathesis.toml").write_text(f'[auth.wfc]\npath = "users.json"\n{peers}', encoding="utf-8")


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


def _failures(event: Json, names: Mapping[str, str], shown: list[Json]) -> Iterator[Finding]:
    """Yield what one event of the report says went wrong."""
    recorder = _dict(_dict(_dict(event).get("ScenarioFinished")).get("recorder"))
    interactions = _dict(recorder.get("interactions"))
    for case, checks in _dict(recorder.get("checks")).items():
        for check in map(_dict, _list(checks)):
            failure = _dict(_dict(check.get("failure_info")).get("failure"))
            if check.get("status") != "failure" or not failure:
                continue
            label = str(failure.get("operation") or recorder.get("label"))
            said = " ".join(str(failure.get("message") or "").split())
            what = f"{failure.get('title')}: {said}" if said else str(failure.get("title"))
            yield Finding(
                str(check.get("name")),
                names.get(label, label),
                what,
                _FIX,
                _steps(_dict(interactions.get(case)), shown),
            )


def _steps(interaction: Mapping[str, Json], shown: list[Json]) -> tuple[Step, ...]:
    request, answer = _dict(interaction.get("request")), _dict(interaction.get("response"))
    if "uri" not in request:
        return ()
    made: dict[str, Json] = {
        "as": "A1",
        "credentials": shown,
        "method": request.get("method"),
        "url": request.get("uri"),
        "headers": {},
        "status": answer.get("status_code"),
    }
    try:
        body = base64.b64decode(str(_dict(request.get("body")).get("$base64", ""))).decode("utf-8")
    except ValueError:
        body = ""
    if body:
        sent = {name.lower(): value for name, value in _dict(request.get("headers")).items()}
        media = sent.get("content-type")
        made |= {"body": body[:2000], "media_type": media[0] if isinstance(media, list) else media}
    return (Step(made),)


def _error(error: Mapping[str, Json], names: Mapping[str, str]) -> Finding:
    """What kept Schemathesis from testing something; its words are all kept, as each kind has its own."""
    label = next((str(error[key]) for key in ("operation", "label") if error.get(key)), "the contract")
    said = "; ".join(f"{name}: {' '.join(str(value).split())}" for name, value in error.items() if value)
    return Finding("error", names.get(label, label), f"Schemathesis cannot go on: {said[:800]}", _UNABLE)


def _dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


_FIX = "let the contract say it, or let the service obey the contract"
_UNABLE = "see whether any value can fit the schemas of this operation"
