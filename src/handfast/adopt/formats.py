"""The report as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from handfast.adopt.report import Report, Standing
from handfast.adopt.sight import Code, Route
from handfast.diff.formats import change_facts, witness
from handfast.diff.model import Change, Severity


def text(report: Report) -> str:
    """Return it for a terminal: what is still by hand first, each with both places."""
    lines: list[str] = []
    for one in report.of("by hand"):
        lines += [f"{one.name}: by hand, {_place(one.route)}", f"  contract: {one.contract}"]
        lines += _lost(one.route)
        lines += [
            f"  shadowed: {_place(route)} has the same path and is not reached" for route in one.shadowed
        ]
        lines += _unserved(one)
        if not one.compared:
            lines.append("  not compared: the application's document does not have it")
        for change in one.departures:
            lines.append(f"  departs: {_departure(change)}")
    for one in report.of("moved"):
        lines += [f"{one.name}: moved, {one.handler.place}", f"  contract: {one.contract}"]
        lines += _lost(one.route)
        if one.route is not None:
            lines.append(f"  replaced: {_place(one.route)} gets nothing any more and can be deleted")
    for one in report.of("nowhere"):
        lines += [f"{one.name}: nowhere, no route and no handler", f"  contract: {one.contract}"]
        lines += _unserved(one) or [f"  write: `{one.function}` in {one.handler.place}"]
        if one.near is not None:
            lines.append(f"  near: {_place(one.near)} has {one.near.path}, which differs by its last slash")
    for route in report.uncontracted:
        lines.append(f"{_called(route)}: outside of the contract, {_place(route)}")
    for route in report.others:
        lines.append(f"{_called(route)}: stays as it is, {_kind(route)}")
    return "\n".join(lines)


def _unserved(one: Standing) -> list[str]:
    """Say why a handler that may be there gets nothing."""
    match one.written:
        case "not known":
            return [f"  handler: {one.handler.file} cannot be read: a wildcard import, or no Python"]
        case "not mounted":
            feature = one.handler.file.removeprefix("handlers/").partition("/")[0].removesuffix(".py")
            return [f"  handler: give `adopt` in adopted.py the router of generated.{feature}.routes, too"]
        case _:
            return []


def summary(report: Report) -> str:
    """Return the counts and the next steps."""
    counts = ", ".join(f"{number} {name}" for name, number in _counts(report).items())
    told = ", ".join(f"{report.count(one)} {one}" for one in sorted(Severity, reverse=True))
    return "\n".join(
        [
            f"{counts}",
            f"departures of what is by hand: {told}",
            *(f"next: {step}" for step in report.next_steps()),
        ]
    )


def _counts(report: Report) -> dict[str, int]:
    return {
        "moved": len(report.of("moved")),
        "by hand": len(report.of("by hand")),
        "nowhere": len(report.of("nowhere")),
        "outside of the contract": len(report.uncontracted),
    }


def _departure(change: Change) -> str:
    shown = f", for example {witness(change)}" if change.witness is not None else ""
    place = "" if change.old is None else f" ({change.old.source})"
    return f"{change.severity}: {change.direction}: {change.what}{shown}{place}"


def _lost(route: Route | None) -> Iterator[str]:
    """Say what does not happen where the handler answers."""
    if route is None:
        return
    for code in route.dependencies:
        yield f"  depends: {code.name} ({code.place}) is not called before a handler"
    for name in route.slashes:
        yield f"  slashes: {{{name}}} may hold slashes by hand; a parameter of a contract holds none"
    for code in route.middleware:
        yield f"  middleware: {code.name} ({code.place}) is not passed on the way to a handler"


def _called(route: Route) -> str:
    path = route.path.removesuffix("/{path}") if route.kind == "mount" else route.path
    return " ".join([*([",".join(route.methods)] if route.methods else []), path or "/"])


def _place(route: Route | None) -> str:
    return "(no code)" if route is None or route.code is None else f"{route.code.place} `{route.code.name}`"


def _kind(route: Route) -> str:
    return {"websocket": "a WebSocket", "mount": "a mounted application whose routes are not known"}.get(
        route.kind, "a kind of route that is not looked into"
    )


# --- Markdown -------------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    """Return it for a pull request: a table of operations, then the departures."""
    return "\n".join(_markdown(report)).rstrip() + "\n"


def _markdown(report: Report) -> Iterator[str]:
    yield f"# Adoption of `{report.target}`\n"
    yield from (f"{line}.  " for line in summary(report).splitlines())
    yield "\n| operation | served | by hand | contract | breaking | risky | safe |"
    yield "|---|---|---|---|---|---|---|"
    for one in report.operations:
        served = {"moved": f"handler `{one.handler.place}`", "by hand": "by hand"}.get(one.state, "nowhere")
        counts = [sum(change.severity is each for change in one.departures) for each in reversed(Severity)]
        by_hand = "" if one.route is None else f"`{one.route.code.place}`" if one.route.code else "yes"
        cells = (f"`{one.name}`", served, by_hand, f"`{one.contract}`", *map(str, counts))
        yield f"| {' | '.join(cells)} |"
    departing = [one for one in report.operations if one.departures]
    if departing:
        yield "\n## Departures"
    for one in departing:
        yield f"\n### `{one.name}`\n"
        yield from (f"- {_plain(_departure(change))}" for change in one.departures)
    if report.uncontracted:
        yield "\n## Outside of the contract\n"
        yield from (f"- `{_called(route)}`, {_place(route)}" for route in report.uncontracted)
    if report.others:
        yield "\n## Stays as it is\n"
        yield from (f"- `{_called(route)}`, {_kind(route)}" for route in report.others)


def _plain(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")


# --- JSON -----------------------------------------------------------------------------------------


def facts(report: Report) -> dict[str, object]:
    """Return it as JSON says it."""
    return {
        "application": report.target,
        "counts": _counts(report),
        "departures": {str(one): report.count(one) for one in sorted(Severity, reverse=True)},
        "operations": [_standing(one) for one in report.operations],
        "uncontracted": [_route(route) for route in report.uncontracted],
        "others": [_route(route) for route in report.others],
        "next": list(report.next_steps()),
    }


def _standing(one: Standing) -> Mapping[str, object]:
    source = one.contract
    return {
        "operation": one.name,
        "operationId": one.operation_id,
        "state": one.state,
        "contract": {"file": source.file, "line": source.line, "column": source.column},
        "handler": {**_code(one.handler), "state": one.written},
        "route": None if one.route is None else _route(one.route),
        "shadowed": [_route(route) for route in one.shadowed],
        "near": None if one.near is None else _route(one.near),
        "compared": one.compared,
        "departures": [change_facts(change) for change in one.departures],
    }


def _route(route: Route) -> dict[str, Any]:
    return {
        "kind": route.kind,
        "methods": list(route.methods),
        "path": route.path,
        "slashes": list(route.slashes),
        "code": None if route.code is None else _code(route.code),
        "dependencies": [_code(code) for code in route.dependencies],
        "middleware": [_code(code) for code in route.middleware],
    }


def _code(code: Code) -> dict[str, Any]:
    return {"name": code.name, "file": code.file, "line": code.line}
