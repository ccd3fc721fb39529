"""Routes by hand and operations of the contracts: which belongs to which, and what is left on either side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from handfast.adopt.sight import Route
from handfast.codegen.ir import Feature, Operation
from handfast.runtime.basepaths import Bases, base_paths
from handfast.runtime.routing import shape

Written: TypeAlias = Literal["written", "still a stub", "missing", "not known", "not mounted"]
"""What is known of a handler; one that is not mounted gets no request, whatever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """One operation of a contract and the routes by hand that have its requests."""

    feature: Feature
    operation: Operation
    route: Route | None
    """The one that is reached; None where there is none."""
    shadowed: tuple[Route, ...] = ()
    """Routes of the same method and path behind it, which get nothing."""
    near: Route | None = None
    """Where there is none: one that differs by a slash at the end."""

    @property
    def name(self) -> str:
        """`METHOD /path`, as the contract has it."""
        return f"{self.operation.method} {self.operation.path}"


@dataclass(frozen=True, slots=True)
class Matching:
    """Everything that the contracts and the application have."""

    operations: tuple[Matched, ...]
    left: tuple[Route, ...]
    """Routes that no contract has, of every kind, but for what FastAPI adds."""


def match(features: Sequence[Feature], routes: Sequence[Route]) -> Matching:
    """Join operations and routes of one method whose templates are equal but for parameters' names.

    A contract's path counts at the root and below the paths of its servers. Where several routes fit, the
    first one is reached.
    """
    answering = [route for route in routes if route.kind in ("operation", "route") and not route.framework]
    by_request: dict[tuple[str, str], list[Route]] = {}
    for route in answering:
        for method in route.methods:
            by_request.setdefault((method, shape(route.path)), []).append(route)
    known: set[tuple[str, int]] = set()
    matched = []
    for feature in features:
        bases = base_paths(feature.document)
        for operation in feature.operations:
            found = _of(operation, bases, by_request)
            known.update((operation.method, route.position) for route in found)
            matched.append(
                Matched(
                    feature=feature,
                    operation=operation,
                    route=found[0] if found else None,
                    shadowed=tuple(found[1:]),
                    near=None if found else _near(operation, bases, by_request),
                )
            )
    return Matching(tuple(matched), tuple(route for route in routes if _is_left(route, known)))


def _paths(operation: Operation, bases: Bases) -> list[str]:
    return [base + operation.path for base in ("", *sorted(bases.of(operation.path, operation.method)))]


def _of(
    operation: Operation, bases: Bases, by_request: Mapping[tuple[str, str], Sequence[Route]]
) -> list[Route]:
    found = {
        route.position: route
        for path in _paths(operation, bases)
        for route in by_request.get((operation.method, shape(path)), ())
    }
    return [found[position] for position in sorted(found)]


def _near(
    operation: Operation, bases: Bases, by_request: Mapping[tuple[str, str], Sequence[Route]]
) -> Route | None:
    for path in _paths(operation, bases):
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        found = by_request.get((operation.method, shape(other)))
        if found:
            return found[0]
    return None


def _is_left(route: Route, known: set[tuple[str, int]]) -> bool:
    if route.framework:
        return False
    if route.kind not in ("operation", "route"):
        return True
    # Starlette adds HEAD to GET: it is no operation that anybody has to declare.
    methods = set(route.methods) - ({"HEAD"} if "GET" in route.methods else set())
    return any((method, route.position) not in known for method in methods)
