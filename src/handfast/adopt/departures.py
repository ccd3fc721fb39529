"""Where an application does not keep what its contract promises, operation by operation.

The application's own document stands for it: the contract is compared with that as an old contract with a
new one, so a breaking change is a promise that callers rely on and that the application breaks.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from handfast.adopt.judging import judged
from handfast.adopt.matching import Matched
from handfast.adopt.sight import Document
from handfast.codegen.grammar import place_of
from handfast.codegen.ir import Finding
from handfast.codegen.project import Loaded, load_file
from handfast.codegen.source import plain
from handfast.diff.compare import compare
from handfast.diff.contract import Contract, Operation
from handfast.diff.model import Change
from handfast.runtime.routing import shape

_PARAMETER = re.compile(r"\{([^{}]*)\}")


def departures(
    loaded: Loaded, matched: Sequence[Matched], documents: Sequence[Document], folder: Path, today: date
) -> tuple[Mapping[str, tuple[Change, ...]], tuple[Finding, ...]]:
    """Return the changes from the contracts to the application, by `METHOD /path` of the contract.

    Operations that are in no derived document are not compared. `folder` is an empty one to work in. The
    second result is what is fatally wrong with the application's own documents; then there are no changes.
    """
    derived: list[Contract] = []
    told: list[Finding] = []
    compared: set[tuple[str, str]] = set()
    for number, document in enumerate(documents):
        own = [one for one in matched if one.route is not None and one.route.document == number]
        if not own:
            continue
        renamed = _as_in_contract(document, own)
        file = folder / f"application-{number}.json"
        file.write_text(json.dumps(renamed), encoding="utf-8")
        found = load_file(file, folder)
        told += [finding for finding in found.findings if finding.fatal]
        derived += [Contract(found.roots[feature.file]) for feature in found.features]
        compared |= {(one.operation.method, one.operation.path) for one in own}
    if told:
        return {}, tuple(told)
    contracts = [
        Contract(loaded.roots[feature.file], _names(matched, feature.name) & compared)
        for feature in loaded.features
    ]
    changes: dict[str, list[Change]] = {}
    for change in compare(contracts, derived, today):
        for name in change.operations:
            changes.setdefault(name, []).append(change)
    described = {one.name: operation for contract in derived for one, operation in _described(contract)}
    promised = {one.name: operation for contract in contracts for one, operation in _described(contract)}
    return {
        one.name: judged(
            changes[one.name],
            one.route,
            one.operation.method,
            one.operation.path,
            described[one.name],
            promised[one.name].get("responses"),
        )
        for one in matched
        if one.name in changes and one.route is not None
    }, ()


def _described(contract: Contract) -> Iterator[tuple[Operation, dict[str, Any]]]:
    """Yield each operation with its object as plain JSON."""
    for one in contract.operations:
        operation: Any = plain(one.at.node)
        yield one, operation


def _names(matched: Sequence[Matched], feature: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (one.operation.method, one.operation.path) for one in matched if one.feature.name == feature
    )


def _as_in_contract(document: Document, matched: Sequence[Matched]) -> dict[str, Any]:
    """Return a derived document with nothing but the matched operations, under the contract's paths.

    Parameters in paths and operations take the contract's names, which no request shows.
    """
    found: dict[tuple[str, str], tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {}
    for path, item in document.document.get("paths", {}).items():
        for method, operation in item.items():
            if isinstance(operation, dict):
                found.setdefault((method.upper(), shape(document.prefix + path)), (path, item, operation))
    paths: dict[str, dict[str, Any]] = {}
    for one in matched:
        assert one.route is not None  # noqa: S101 - the caller has chosen those that have one
        method, contract_path = one.operation.method, one.operation.path
        known = found.get((method, shape(one.route.path)))
        if known is None:
            continue
        path, item, operation = known
        names = _PARAMETER.findall(document.prefix + path), _PARAMETER.findall(contract_path)
        behind = len(names[0]) - len(names[1])
        renaming = dict(zip(names[0][max(behind, 0) :], names[1], strict=False))
        # Applications may use one id twice, which no contract may.
        made = {**copy.deepcopy(dict(operation)), "operationId": str(one.operation.operation_id)}
        parameters = [*item.get("parameters", ()), *made.get("parameters", ())]
        if parameters:
            made["parameters"] = [_renamed(parameter, renaming) for parameter in parameters]
        holder = paths.setdefault(contract_path, {})
        *outer, last = place_of(method)
        for key in outer:
            holder = holder.setdefault(key, {})
        holder[last] = made
    kept = {key: value for key, value in document.document.items() if key not in ("servers", "webhooks")}
    return {**kept, "paths": paths}


def _renamed(parameter: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    if parameter.get("in") != "path":
        return dict(parameter)
    return {**parameter, "name": names.get(str(parameter.get("name")), parameter.get("name"))}
