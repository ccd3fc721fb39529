"""Schemathesis's ndjson report as cases: what was sent, what was meant by it, and what failed."""

from __future__ import annotations

import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.corpus.unsendable import NO_404, NO_SEGMENT

SIGNED = ("negative_data_rejection", "positive_data_acceptance")
"""The checks that judge an answer by what the case was meant to be."""
_GONE = {"use_after_free"}
_CRASH = "not_a_server_error"
_OF_THE_TOOL = ("x-schemathesis-testcaseid", "content-length", "host")


@dataclass(frozen=True, slots=True)
class Failure:
    """One check that a case did not pass."""

    check: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class Case:
    """One request of a run."""

    id: str
    label: str
    phase: str
    mode: str
    """`positive` or `negative`."""
    what: str
    """What Schemathesis says it did to make the case."""
    method: str
    uri: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int
    answer: str
    failures: tuple[Failure, ...]

    @property
    def crashed(self) -> bool:
        """Whether it ended in an error of the server."""
        return any(failure.check == _CRASH for failure in self.failures)

    @property
    def wire(self) -> tuple[str, str, tuple[tuple[str, str], ...], bytes]:
        """What the server sees, the multipart boundary and the tool's own marks made equal."""
        headers = tuple((name, value) for name, value in self.headers if name not in _OF_THE_TOOL)
        body = self.body
        for name, value in headers:
            match = re.search(r"boundary=\"?([^\";]+)", value) if name == "content-type" else None
            if match:
                body = body.replace(match[1].encode("latin-1"), b"boundary")
                headers = tuple((n, v.replace(match[1], "boundary")) for n, v in headers)
        return self.method, self.uri, headers, body


@dataclass(frozen=True, slots=True)
class Error:
    """What kept Schemathesis from testing something."""

    label: str
    kind: str
    message: str


def cases(path: Path) -> Iterator[Case]:
    """Yield every case of a report that was sent."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if '"ScenarioFinished"' in line[:30]:
                event = json.loads(line)["ScenarioFinished"]
                yield from _cases(event["recorder"], str(event["phase"]))


def _cases(recorder: Mapping[str, Any], phase: str) -> Iterator[Case]:
    for key, interaction in (recorder.get("interactions") or {}).items():
        request, answer = interaction.get("request"), interaction.get("response") or {}
        if not request:
            continue
        meta = ((recorder["cases"].get(key) or {}).get("value") or {}).get("meta") or {}
        failures = []
        for check in (recorder.get("checks") or {}).get(key) or ():
            failure = (check.get("failure_info") or {}).get("failure")
            if check.get("status") == "failure" and failure:
                failures.append(
                    Failure(str(check["name"]), str(failure.get("title")), str(failure.get("message") or ""))
                )
        headers = sorted(
            (name.lower(), ",".join(_texts(value))) for name, value in request["headers"].items()
        )
        yield Case(
            id=key,
            label=str(recorder.get("label")),
            phase=phase,
            mode=str((meta.get("generation") or {}).get("mode", "")),
            what=_description(meta),
            method=str(request["method"]),
            uri=str(request["uri"]),
            headers=tuple(headers),
            body=_bytes(request.get("body")),
            status=int(answer.get("status_code") or 0),
            answer=_bytes(answer.get("content")).decode("utf-8", "replace")[:2000],
            failures=tuple(failures),
        )


def collisions(made: Iterable[Case]) -> list[Case]:
    """Return the cases that failed by their sign, and whose bytes were sent with the other sign too."""
    signs: dict[object, set[str]] = defaultdict(set)
    everything = list(made)
    for case in everything:
        signs[case.wire].add(case.mode)
    return [
        case
        for case in everything
        if case.failures
        and all(failure.check in SIGNED for failure in case.failures)
        and signs[case.wire] >= {"positive", "negative"}
    ]


def undecidable(made: Iterable[Case], verdicts: Mapping[str, Sequence[str]]) -> list[tuple[Case, str]]:
    """Return the cases that failed, and that a rule says no answer saves from failing, with the rule.

    `verdicts` are rules by the case's id; they explain failures by the sign alone. What is taken out of a
    path asks for another path, of which nothing is said but that it may not end in an error of the server.
    """
    found = []
    for case in made:
        checks = {failure.check for failure in case.failures}
        rules = verdicts.get(case.id, ()) if checks else ()
        rule = next((rule for rule in rules if _explains(rule, checks)), None)
        if rule is not None:
            found.append((case, rule))
    return found


def _explains(rule: str, checks: set[str]) -> bool:
    if rule == NO_404:
        return checks <= _GONE
    return checks <= set(SIGNED) or (rule == NO_SEGMENT and _CRASH not in checks)


def errors(summary: Mapping[str, Any]) -> Iterator[Error]:
    """Yield what Schemathesis could not do, from its JSON report."""
    for error in summary.get("errors") or ():
        label = next((str(error[key]) for key in ("operation", "label") if error.get(key)), "the contract")
        said = " ".join(str(error.get("message") or error.get("title") or error).split())
        yield Error(label, str(error.get("type") or error.get("title") or "error"), said[:600])


def _description(meta: Mapping[str, Any]) -> str:
    data = (meta.get("phase") or {}).get("data") or {}
    parts = [
        str(data[key])
        for key in ("description", "location", "parameter", "parameter_location")
        if data.get(key)
    ]
    return ", ".join(parts)


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _bytes(value: object) -> bytes:
    if isinstance(value, dict) and "$base64" in value:
        return base64.b64decode(str(value["$base64"]))
    return value.encode() if isinstance(value, str) else b""
