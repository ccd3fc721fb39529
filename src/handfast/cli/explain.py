"""`handfast explain`: one operation on one page, from the line of its contract to the tables it touches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli.errors import FINDINGS, OK, WrongUse
from handfast.cli.options import Run, command
from handfast.counted import counted

if TYPE_CHECKING:
    from handfast.codegen.explain import Found, JsonObject
    from handfast.codegen.project import Loaded

OperationArgument = Annotated[
    str,
    typer.Argument(metavar="OPERATION", help='An operationId, a handler function, or "METHOD /path".'),
]


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "explain")(explain)


def explain(run: Run, operation: OperationArgument) -> int:
    """Show everything about one operation on one page.

    From the line of the contract over what the platform adds, what is published otherwise, security,
    decoders, validators and answers to the handler, its tables, their policies and the coverage ledger.
    Needs no database and writes nothing.
    """
    from handfast.cli.generation import read_contracts
    from handfast.cli.page import page

    with run.out.progress("reading contracts"):
        loaded = read_contracts(run.root)
    if loaded.fatal:
        run.out.findings(finding for finding in loaded.findings if finding.fatal)
        return FINDINGS
    facts = explanation(run.root, loaded, _one(loaded, operation))
    run.out.data(page(facts), **facts)
    return OK


def _one(loaded: Loaded, text: str) -> Found:
    """Return the operation that is meant; raises `WrongUse` where it is none, or one of several."""
    from handfast.codegen.explain import find, suggestion

    found = find(loaded.features, text)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(one.names[-1] for one in found)
        raise WrongUse(f"`{text}` is the name of several operations", f"write one of {names}")
    near = suggestion(loaded.features, text)
    count = sum(len(feature.operations) for feature in loaded.features)
    fix = f"did you mean `{near}`?" if near else "write an operationId, a function, or a method with a path"
    raise WrongUse(f"of {counted(count, 'operation')} none is called `{text}`", fix)


def explanation(root: Path, loaded: Loaded, found: Found) -> JsonObject:
    """Return all facts about an operation: what the contracts tell, and the project's own files."""
    from handfast.codegen.explain import facts
    from handfast.codegen.ledger import ledger
    from handfast.codegen.publish import publish

    feature = found.feature
    added = publish(loaded.features).added[feature.name]
    own = next((one for one in added if one.operation.name == found.operation.name), None)
    bundle = loaded.bundles[feature.file]
    lines = ledger(bundle, loaded.findings, feature.legalisations)
    return facts(found, own, bundle, lines) | _code(root, found)


def _code(root: Path, found: Found) -> JsonObject:
    """Return where the operation is routed and handled, and what its handler can touch."""
    from handfast.cli.handlers import handler_of, protocol_file
    from handfast.cli.touched import touched

    feature, name = str(found.feature.name), str(found.operation.name)
    handler = handler_of(root, feature, name)
    reach = touched(root, handler.file, name)
    routes = f"generated/{feature}/routes.py"
    return {
        "routes": _place(root, routes, f'"{found.operation.operation_id}"'),
        "protocol": _place(root, protocol_file(feature), f"async def {name}("),
        "handler": {"file": handler.file, "line": handler.line, "state": handler.state},
        "tables": [
            {
                "table": table.table,
                "class": table.name,
                "owner": table.owner,
                "sharedBy": table.shared_by,
                "file": table.file,
                "line": table.line,
            }
            for table in reach.tables
        ],
        "policies": [
            {"table": one.table, "what": one.text, "file": one.file, "line": one.line}
            for one in reach.policies
        ],
        "unknown": list(reach.unknown),
    }


def _place(root: Path, file: str, text: str) -> JsonObject | None:
    """Return where `text` first stands in a generated file; None where it has not been generated."""
    try:
        lines = (root / file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    line = next((number for number, one in enumerate(lines, start=1) if text in one), None)
    return None if line is None else {"file": file, "line": line}
