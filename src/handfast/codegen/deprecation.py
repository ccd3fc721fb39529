"""Operations that go: when they were deprecated, when they will be gone, and how the answers say so.

`deprecated: true` is OpenAPI's. `x-sunset` and `x-deprecated-since` hold a date, or a date and time, of
RFC 3339. What is sent is `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime

from handfast.codegen.answers import Answers, place_in
from handfast.codegen.grammar import operations_in
from handfast.codegen.ir import Deprecation, Finding, Json, Operation
from handfast.codegen.legalpaths import template_shape
from handfast.codegen.overlay import Action
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node
from handfast.validation.pointers import at

_DATE = re.compile(r"(?a:\d{4}-\d\d-\d\d)(?a:[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))?")
SINCE = "x-deprecated-since"
SUNSET = "x-sunset"
UNKNOWN_SINCE = 0
"""The `Deprecation` header holds a date and nothing else; 1970 stands for "long since"."""


def read(node: Map, report: Report) -> Deprecation | None:
    """Return what an operation says of its end; None where it is not deprecated.

    Tells of dates that cannot be read, or that mean nothing for want of `deprecated: true`.
    """
    dates = {key: _told(node, key, report) for key in (SINCE, SUNSET) if key in node}
    if node.get("deprecated") is not True:
        for key in dates:
            what = f"`{key}` means nothing for an operation that is not deprecated"
            report.warn(node.key_source(key), "bad-sunset", what, "add `deprecated: true`")
        return None
    since, sunset = dates.get(SINCE), dates.get(SUNSET)
    if since is not None and sunset is not None and sunset < since:
        what = f"`{SUNSET}` is earlier than `{SINCE}`; it is ignored"
        report.warn(node.value_source(SUNSET), "bad-sunset", what, "write a later date (RFC 9745, 4)")
        sunset = None
    return Deprecation(
        since=UNKNOWN_SINCE if since is None else int(since.timestamp()),
        sunset="" if sunset is None else format_datetime(sunset, usegmt=True),
    )


def _told(node: Map, key: str, report: Report) -> datetime | None:
    moment = moment_of(node[key])
    if moment is None:
        what = f"`{key}` is no date; it is ignored"
        report.warn(node.value_source(key), "bad-sunset", what, "write a date such as `2030-06-30`")
    return moment


def moment_of(value: Node) -> datetime | None:
    """Return the moment that a date, or a date and time, of RFC 3339 names; a date begins at 00:00 UTC."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        if len(value) == len("2030-06-30"):
            return datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
        return datetime.fromisoformat(value.upper()).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


# --- the published contract -----------------------------------------------------------------------


def actions(
    document: Mapping[str, Json], operations: Iterable[Operation], added: Iterable[Answers]
) -> list[Action]:
    """Return the headers of deprecated operations as additions to the author's `document`.

    They come after those of the answers that the platform adds, and are added to those, too. A response that
    is a reference is left as it is: what it names may belong to other operations.
    """
    platform = {one.operation.name: one.statuses for one in added}
    found: list[Action] = []
    done: set[tuple[str, ...]] = set()
    for operation in operations:
        path = place_in(document, operation) if operation.deprecation is not None else None
        if path is None or operation.deprecation is None or path in done:
            continue
        done.add(path)
        responses = at(document, (*path, "responses"))
        declared: dict[str, Json] = responses if isinstance(responses, dict) else {}
        for status in sorted({*declared, *platform.get(operation.name, ())}):
            response = declared.get(status, {})
            if status.startswith("x-") or not isinstance(response, dict) or "$ref" in response:
                continue
            found += _headers((*path, "responses", status), response, operation, operation.deprecation)
    return found


def _headers(
    path: tuple[str, ...], response: Mapping[str, Json], operation: Operation, deprecation: Deprecation
) -> list[Action]:
    held = response.get("headers")
    own = {name.lower() for name in held} if isinstance(held, dict) else set()
    headers: dict[str, Json] = {
        name: header for name, header in _declared(deprecation).items() if name.lower() not in own
    }
    if not headers:
        return []
    words = f"{operation.method} {operation.path} is deprecated, and says so."
    if isinstance(held, dict):
        return [Action((*path, "headers"), headers, words)]
    return [Action(path, {"headers": headers}, words)]


def _declared(deprecation: Deprecation) -> dict[str, Json]:
    text: Json = {"type": "string"}
    found: dict[str, Json] = {
        "Deprecation": {"description": "Since when this operation is deprecated (RFC 9745).", "schema": text}
    }
    if deprecation.sunset:
        found["Sunset"] = {
            "description": "When this operation will be gone (RFC 8594).",
            "schema": {"type": "string"},
        }
    return found


# --- removing them --------------------------------------------------------------------------------


def removed_early(previous: Node, current: Node, now: datetime) -> Sequence[Finding]:
    """Tell of each operation of the published contract that is gone before the date that it promised."""
    kept = {(method, template_shape(path)) for path, method, _ in _operations(current)}
    found = []
    for path, method, node in _operations(previous):
        sunset = moment_of(node.get(SUNSET)) if node.get("deprecated") is True else None
        if sunset is None or sunset <= now or (method, template_shape(path)) in kept:
            continue
        what = f"`{method} {path}` is removed before its sunset on {sunset.date().isoformat()}"
        fix = "keep it until then, or write `handfast generate --force` if nobody calls it any more"
        found.append(Finding(node.key_source(SUNSET), "early-removal", what, fix))
    return found


def _operations(root: Node) -> Iterable[tuple[str, str, Map]]:
    """Yield (path, method, operation) of a published document, whose paths are no references."""
    paths = root.get("paths") if isinstance(root, Map) else None
    for path, item in paths.items() if isinstance(paths, Map) else ():
        if isinstance(item, Map):
            for method, holder, key in operations_in(item):
                node = holder[key]
                if isinstance(node, Map):
                    yield path, method, node
