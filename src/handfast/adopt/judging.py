"""What a comparison of contracts means where the second is only what an application says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from handfast.adopt.sight import Route
from handfast.codegen.ir import Source
from handfast.diff.catalogue import RULES
from handfast.diff.model import Change, Severity
from handfast.validation.pointers import pointer

_NOT_SHOWN: Final = frozenset(("deprecation", "tags", "servers", "webhooks"))
"""Categories of rules about what no request and no answer shows."""
_NO_DEPARTURES: Final = frozenset(("operation-id-changed", "operation-id-added"))
"""Rules of other categories about the same."""
_LAXER: Final = frozenset(("security-removed", "security-alternative-added"))
"""Safe for callers when a contract changes; here the contract still promises to keep strangers out."""
_OF_BAD_REQUESTS: Final = frozenset(("400", "422", "4XX", "default"))


def judged(
    changes: Sequence[Change], route: Route, method: str, path: str, told: Mapping[str, Any], promised: Any
) -> tuple[Change, ...]:
    """Return the departures of one operation, the worst first.

    `told` is the operation as the application describes it, at `path` of the document that was compared;
    `promised` are the responses of the contract. The new place of each is the route's function.
    """
    untold = list(_untold(method, path, told))
    found: list[Change] = []
    silent: list[Change] = []
    for change in changes:
        if change.rule in _NO_DEPARTURES or RULES[change.rule].category in _NOT_SHOWN:
            continue
        if _is_fastapis_own(change, promised):
            continue
        if change.rule in _LAXER:
            found.append(_of_security(change))
        elif _is_of_silence(change, untold):
            silent.append(change)
        else:
            found.append(change)
    if silent:
        found.append(_of_silence(silent[0], untold[0]))
    return tuple(sorted((_placed(change, route) for change in found), key=Change.order))


def _is_fastapis_own(change: Change, promised: Any) -> bool:
    """Whether a change is the 422 that FastAPI declares wherever there is input, and the author is silent."""
    if (
        change.rule != "error-added"
        or change.new is None
        or not change.new.pointer.endswith("/responses/422")
    ):
        return False
    return not (isinstance(promised, Mapping) and _OF_BAD_REQUESTS & promised.keys())


def _of_security(change: Change) -> Change:
    return replace(
        change,
        severity=Severity.RISKY,
        what=f"{change.what}, as far as the application's document says",
        hurts="whoever relies on strangers being kept out",
        fix="demand them with one of FastAPI's security classes, or see that a dependency does",
    )


def _untold(method: str, path: str, told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the pointers of answers of which nothing is said: the function has no return annotation."""
    for status, response in told.get("responses", {}).items():
        for media, entry in response.get("content", {}).items() if isinstance(response, Mapping) else ():
            if isinstance(entry, Mapping) and entry.get("schema") == {}:
                yield "#" + pointer(
                    ("paths", path, method.lower(), "responses", status, "content", media, "schema")
                )


def _is_of_silence(change: Change, untold: Sequence[str]) -> bool:
    """Whether a change says that an answer has become anything, where the document is only silent."""
    if not untold or change.direction != "response":
        return False
    if change.new is None:  # a part that the document does not have
        return RULES[change.rule].category not in ("headers", "responses", "media types")
    return any(f"{change.new.pointer}/".startswith(f"{one}/") for one in untold)


def _of_silence(change: Change, where: str) -> Change:
    return replace(
        change,
        severity=Severity.RISKY,
        what=f"the application's document does not say what is answered ({where.rpartition('/content/')[0]})",
        hurts="some consumers that count on what the contract declares",
        fix="give the function a return annotation, or its route a response_model",
        witness=None,
        reason="the function may keep the contract all the same",
    )


def _placed(change: Change, route: Route) -> Change:
    """Put the function in the place of the position in the derived document, which nobody has as a file."""
    if change.new is None or route.code is None:
        return change
    source = Source(route.code.file, route.code.line, 1)
    return replace(change, new=replace(change.new, source=source))
