"""`handfast mock`: any contract as a service, before there is a handler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from handfast.cli import signals
from handfast.cli.errors import FINDINGS, OK
from handfast.cli.options import Run, command
from handfast.counted import counted

if TYPE_CHECKING:
    pass


def add(app: typer.Typer) -> None:
    """Register the command."""
    command(app, "mock")(mock)


def mock(
    run: Run,
    contract: Annotated[
        Path | None, typer.Argument(help="A contract file; without one, the project's own contracts.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 4010,
    seed: Annotated[int, typer.Option(help="What made data is made from.")] = 0,
    any_credential: Annotated[
        bool, typer.Option("--any-credential", help="Take every credential, not only the mock's own.")
    ] = False,
) -> int:
    """Serve a contract without handlers, project, database or settings.

    Requests are checked as by the service itself. Answers come from the contract's examples, else from made
    data that its schemas admit; `Prefer: code=404, example=name` chooses. Credentials are `mock` (a token or
    key), `mock:mock` (Basic) and every token that looks like a JWT.
    """
    from handfast.cli.children import listen
    from handfast.cli.generation import read_path
    from handfast.codegen.contractjson import contract as contract_json
    from handfast.codegen.publish import publish

    with run.out.progress("reading contracts"):
        loaded, _ = read_path(run.root, contract)
        published = publish(loaded.features)
    run.out.findings(loaded.findings)
    if loaded.fatal:
        run.out.result("nothing is served")
        return FINDINGS
    contracts = [contract_json(feature, published.added[feature.name]) for feature in loaded.features]
    listener = listen(host, port)
    address = "http://{}:{}".format(*listener.getsockname()[:2])

    import uvicorn

    from handfast.cli.child import Server
    from handfast.mock import create_mock
    from handfast.runtime.app import settings_of
    from handfast.runtime.server import server_options

    assert isinstance(published.document, dict)  # noqa: S101 (publish makes a document)
    app = create_mock(contracts, published.document, seed=seed, any_credential=any_credential)
    count = sum(len(feature.operations) for feature in loaded.features)
    documentation = f"(documentation: {address}/docs)"
    said = f"{counted(count, 'operation')} mocked on {address}  {documentation}"
    run.out.event("ready", said, url=address, operations=count)
    config = uvicorn.Config(app, timeout_graceful_shutdown=1, **server_options(settings_of(app)))
    with signals.harmless():
        Server(config, lambda: None).run(sockets=[listener])
    return OK
