"""From results to a report: pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tools.audit.register import Threat

Results = Mapping[str, Mapping[str, Any]]
HOSTILE = "tests/hostile/"


def by_mark(results: Results, mark: str) -> dict[str, dict[str, str]]:
    """Return value of the mark -> its tests with their outcomes."""
    found: dict[str, dict[str, str]] = {}
    for test, result in sorted(results.items()):
        for value in result[mark]:
            found.setdefault(value, {})[test] = result["outcome"]
    return dict(sorted(found.items()))


def by_threat(known: Iterable[Threat], results: Results) -> list[dict[str, Any]]:
    """Return each threat with its tests."""
    tests = by_mark(results, "threat")
    return [
        {
            "id": threat.id,
            "boundary": threat.boundary,
            "title": threat.title,
            "mitigation": threat.mitigation,
            "result": verdict(tests.get(threat.id, {}).values()),
            "tests": tests.get(threat.id, {}),
        }
        for threat in known
    ]


def verdict(outcomes: Iterable[str]) -> str:
    """Return `untested`, `failed`, `skipped` (none ran) or `passed`."""
    seen = set(outcomes)
    if not seen:
        return "untested"
    return "failed" if "failed" in seen else "passed" if "passed" in seen else "skipped"


def answers(results: Results) -> dict[str, set[int]]:
    """Return operation -> the statuses that it answered while the tests ran."""
    found: dict[str, set[int]] = {}
    for result in results.values():
        for operation, status in result["answers"]:
            found.setdefault(operation, set()).add(status)
    return found


def hostile(results: Results) -> dict[str, int]:
    """Return outcome -> how many hostile inputs had it; a test that names none is one by itself."""
    found: Counter[str] = Counter()
    for test, result in results.items():
        if test.startswith(HOSTILE):
            found["passed"] += len(result["hostile"])
            if result["outcome"] != "passed" or not result["hostile"]:
                found[result["outcome"]] += 1
    return dict(sorted((+found).items()))


def problems(document: Mapping[str, Any], results: Results, known: Sequence[Threat]) -> list[str]:
    """Return everything that makes the audit fail, in words."""
    found = [f"threat {t['id']} is {t['result']}" for t in document["threats"] if t["result"] != "passed"]
    names = {threat.id for threat in known}
    found += [
        f"mark {name} names no threat of docs/threats.toml"
        for name in by_mark(results, "threat")
        if name not in names
    ]
    found += [
        f"test {test} {r['outcome']}" for test, r in sorted(results.items()) if r["outcome"] == "failed"
    ]
    for operation in document["operations"]:
        name = operation["operation"]
        if not operation["public"] and not operation["refused_401"]:
            found.append(f"operation {name} was never seen to answer 401")
        if operation["needs_403"] and not operation["refused_403"]:
            found.append(f"operation {name} was never seen to answer 403")
    for table in document["tables"]:
        found += [f"table {table['table']}: {fault}" for fault in table["faults"]]
    return found


def markdown(document: Mapping[str, Any]) -> str:
    """Return the report for people."""
    failed = document["problems"]
    lines = ["# Security audit", "", f"{document['date']}: **{'failed' if failed else 'passed'}**", ""]
    lines += [f"- {problem}" for problem in failed] + ([""] if failed else [])
    lines += ["## Threats", "", *_table(("threat", "boundary", "result", "tests", "what stands in the way"))]
    lines += [
        _row((f"`{t['id']}`", t["boundary"], t["result"], len(t["tests"]), t["mitigation"]))
        for t in document["threats"]
    ]
    lines += [
        "",
        "## Operations",
        "",
        *_table(("operation", "route", "schemes", "scopes", "401 seen", "403 seen")),
    ]
    lines += [
        _row(
            (
                o["operation"],
                f"{o['method']} {o['path']}",
                "public" if o["public"] else " or ".join(o["schemes"]),
                " ".join(o["scopes"]) or "none",
                "public" if o["public"] else _yes(o["refused_401"]),
                _yes(o["refused_403"]) if o["needs_403"] or o["refused_403"] else "not declared",
            )
        )
        for o in document["operations"]
    ]
    lines += [
        "",
        "## Tables",
        "",
        *_table(("table", "row security", "forced", "owner", "policies", "faults")),
    ]
    lines += [
        _row(
            (
                t["table"],
                _yes(t["row_security"]),
                _yes(t["forced"]),
                t["owner"],
                ", ".join(t["policies"]) or "none",
                "; ".join(t["faults"]) or "none",
            )
        )
        for t in document["tables"]
    ]
    planted = document["planted"]
    lines += ["", "## Planted holes", ""]
    lines += [f"- {name}: {verdict(tests.values())}" for name, tests in planted.items()] or [
        "None are planted."
    ]
    counts = document["hostile"]
    lines += ["", "## Hostile inputs", ""]
    lines += [f"- {outcome}: {count}" for outcome, count in counts.items()] or ["None were tried."]
    lines += [
        "",
        "## Versions",
        "",
        *(f"- {name} {version}" for name, version in document["versions"].items()),
    ]
    lines += ["", "## Tests", ""]
    for threat in document["threats"]:
        lines += [f"### `{threat['id']}`", "", f"{threat['title']}.", ""]
        lines += [f"- {outcome}: `{test}`" for test, outcome in threat["tests"].items()] + [""]
    return "\n".join(lines)


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _table(heads: Sequence[str]) -> list[str]:
    return [_row(heads), "|" + "---|" * len(heads)]


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
