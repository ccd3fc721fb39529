"""The mock as an application: the same layers, routes, decoders and checks as a service, and no handler."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from handfast.mock import credentials
from handfast.mock.answers import Answerer
from handfast.mock.examples import Document
from handfast.mock.memory import Deleted
from handfast.mock.prefer import preferences
from handfast.runtime.app import add_routes, raise_again
from handfast.runtime.bodies import Decoded
from handfast.runtime.contract import Contract, OperationSpec
from handfast.runtime.docs import add_contract, add_docs
from handfast.runtime.errors import NotFound
from handfast.runtime.observability import Metrics, configure_logging
from handfast.runtime.pipeline import layers
from handfast.runtime.requests import RequestReader, close, read_on
from handfast.runtime.routing import OperationRouter
from handfast.runtime.schemes import Scheme
from handfast.runtime.security import Authenticator, Guard, Principal
from handfast.runtime.settings import Settings
from handfast.runtime.state import state_of

_READING: Final = frozenset(("GET", "HEAD", "PATCH", "DELETE", "QUERY"))
"""Methods that need the resource to be there."""
_WRITING: Final = frozenset(("POST", "PUT"))


def create_mock(
    contracts: Sequence[Mapping[str, Any]],
    document: Mapping[str, Any],
    *,
    seed: int = 0,
    any_credential: bool = False,
) -> FastAPI:
    """Return an application that answers every operation of `contracts` from examples or made data.

    `contracts` are the parsed `contract.json` of each feature, `document` is the published OpenAPI document.
    Credentials are those that `credentials` tells, or any with `any_credential`.
    No settings are read from the environment.
    """
    settings = Settings.model_construct(
        env="test",
        cors_origins=("*",),
        log_level="error",
        response_validation="log",
        resource_policy="cross-origin",
        body_limit_bytes=64 * 1024 * 1024,
        document_limit_bytes=16 * 1024 * 1024,
        url_limit_bytes=64 * 1024,
        query_limit=5000,
    )
    configure_logging(settings)
    routers = [
        MockRouter(Contract(one), Document(document), settings, seed=seed, any_credential=any_credential)
        for one in contracts
    ]
    title = str(document.get("info", {}).get("title", "API"))
    methods = {spec.method for router in routers for spec in router.contract.operations.values()}
    app = FastAPI(
        title=title,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=layers(settings, Metrics(), document, methods),
        exception_handlers={HTTPException: raise_again},
    )
    app.state.settings = settings
    add_contract(app, json.dumps(document, ensure_ascii=False).encode())
    add_docs(app, title)
    add_routes(app, routers)
    return app


class MockRouter(OperationRouter):
    """The routes of one contract, answered without a handler."""

    def __init__(
        self, contract: Contract, document: Document, settings: Settings, *, seed: int, any_credential: bool
    ) -> None:
        """Add a route for each operation."""
        super().__init__(contract)
        deleted = Deleted()
        authenticators = credentials.authenticators(contract.security_schemes, any_credential=any_credential)
        answerer = Answerer(contract, document, seed)
        for spec in contract.operations.values():
            operation = _Operation(contract, spec, settings, answerer, deleted, authenticators)
            self.add_api_route(
                spec.route,
                operation.respond,
                methods=[spec.method],
                operation_id=spec.operation_id,
                include_in_schema=False,
            )


class _Operation:
    """One operation: security, decoding and checks as in a service, then an answer."""

    def __init__(
        self,
        contract: Contract,
        spec: OperationSpec,
        settings: Settings,
        answerer: Answerer,
        deleted: Deleted,
        authenticators: Mapping[str, Authenticator],
    ) -> None:
        self._contract = contract
        self._spec = spec
        self._reader = RequestReader(contract, spec, document_limit_bytes=settings.document_limit_bytes)
        self._answerer = answerer
        self._deleted = deleted
        self._guard = Guard(_checkable(spec, contract), contract.security_schemes, authenticators, _nobody)

    async def respond(self, request: Request) -> Response:
        """Return the answer to `request`."""
        spec = self._spec
        state = state_of(request.scope)
        state.contract, state.operation = self._contract, spec
        await self._guard(request)
        opened: list[Decoded] = []
        try:
            await self._reader.read(request, opened)
            await read_on(opened)
        finally:
            await close(opened)
        path = request.url.path
        self._remember(path)
        wanted = preferences(request.headers.getlist("prefer"))
        response = self._answerer.answer(
            spec, wanted, request.headers.get("accept"), request=f"{path}?{request.url.query}"
        )
        if spec.method == "DELETE" and response.status_code < 300:
            self._deleted.delete(path)
        return response

    def _remember(self, path: str) -> None:
        """Let what was deleted be gone where the contract can say so, and let writing bring it back."""
        spec = self._spec
        if spec.method in _WRITING:
            self._deleted.revive(path)
            return
        declared = spec.response(404) is not None or "404" in spec.platform
        if declared and spec.method in _READING and self._deleted.gone(path):
            raise NotFound("It has been deleted.")


async def _nobody(credential: str) -> Principal | None:
    """Take no token: every scheme has an authenticator of its own."""
    return None


def _checkable(spec: OperationSpec, contract: Contract) -> list[list[tuple[str, tuple[str, ...]]]]:
    """Return the operation's security without certificates, which plain HTTP cannot carry."""
    return [
        [
            (name, scopes)
            for name, scopes in alternative
            if not Scheme(name, contract.security_schemes.get(name, {})).needs_tls
        ]
        for alternative in spec.security
    ]
