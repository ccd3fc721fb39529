"""Routers of a feature, and the way of one call: security, decoding, transaction, answer.

The generated `routes.py` is what executes: a route that is deleted there answers 404.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from inspect import iscoroutinefunction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, get_type_hints

import structlog
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from handfast.runtime.binding import bind, handler_file
from handfast.runtime.bodies import Decoded
from handfast.runtime.context import PublicContext
from handfast.runtime.contract import Contract, OperationSpec
from handfast.runtime.database.audit import Origin
from handfast.runtime.database.unstorable import unstorable
from handfast.runtime.encode import Encoder
from handfast.runtime.errors import (
    ApiError,
    InputLocation,
    MethodNotAllowed,
    NotFound,
    NotImplementedYet,
    Violation,
    Violations,
)
from handfast.runtime.exchange import Exchange
from handfast.runtime.faults import Fault
from handfast.runtime.observability import Metrics
from handfast.runtime.parameter import location_of
from handfast.runtime.requests import RequestReader, close, read_on
from handfast.runtime.security import Authenticator, Guard, Principal, Recall, Role
from handfast.runtime.settings import Settings
from handfast.runtime.state import KEY, RequestState, state_of
from handfast.runtime.views import Inputs
from handfast.validation.pointers import pointer

if TYPE_CHECKING:
    from handfast.runtime.database import Pool, UnitOfWork
    from handfast.runtime.users import Users

ContextT = TypeVar("ContextT", bound=PublicContext)
InputsT = TypeVar("InputsT", bound=Inputs)

_PARAMETER: Final = re.compile(r"\{[^{}]*\}")

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Service:
    """What all operations of one application share."""

    settings: Settings
    metrics: Metrics
    tokens: Authenticator
    authenticators: Mapping[str, Authenticator] = field(default_factory=dict)
    recall: Recall | None = None
    """Who is known by a token without asking `tokens`."""
    pool: Pool | None = None
    """The database; None until start-up is through, and in a service without one."""
    users: Users | None = None
    """The rows of users, in a service that keeps them."""


class ContractRoute(APIRoute):
    """A route that answers for its whole path item: 405 with every declared method, 404 for a deleted one."""

    declared: frozenset[str] = frozenset()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Take an undeclared method too, lest it fall to a templated sibling of a literal path."""
        match, child_scope = super().matches(scope)
        if match is Match.PARTIAL and scope["method"] not in self.declared:
            return Match.FULL, child_scope
        return match, child_scope

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the operation, if the method is its own."""
        method = scope["method"]
        own = self.methods or set()
        if method in own:
            if self._is_direct(scope):
                await self.call(scope, receive, send)
            else:
                await super().handle(scope, receive, send)
        elif method in self.declared:
            raise NotFound("This operation is not part of this service.")
        else:
            raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(self.declared | own))})

    def takes(self, scope: Scope) -> bool:
        """Whether `scope` asks for this operation and FastAPI has nothing to do for it; then `call` it."""
        if scope["method"] not in (self.methods or ()) or not self._is_direct(scope):
            return False
        found = self.path_regex.match(get_route_path(scope))
        if found is None:
            return False
        values: dict[str, Any] = found.groupdict()
        for name, convertor in self.param_convertors.items():
            values[name] = convertor.convert(values[name])
        scope["path_params"] = {**scope.get("path_params", {}), **values}
        scope["endpoint"], scope["route"] = self.endpoint, self
        return True

    async def call(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the operation alone."""
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    def _is_direct(self, scope: Scope) -> bool:
        """Whether FastAPI has nothing to do here: no dependencies and no limits, no tracing."""
        return self._takes_requests and "fastapi" not in scope and scope.get("fastapi.telemetry") is None

    @cached_property
    def _takes_requests(self) -> bool:
        """Whether the endpoint is a coroutine from a request to a response, as generated ones are."""
        taken = Dependant(
            name=self.dependant.name,
            call=self.endpoint,
            path=self.dependant.path,
            scope=self.dependant.scope,
            request_param_name=self.dependant.request_param_name,
        )
        return (
            type(self).get_route_handler is APIRoute.get_route_handler
            and self.max_body_size is None
            and self.dependant == taken
            and taken.request_param_name is not None
            and iscoroutinefunction(self.endpoint)
            and _returns_response(self.endpoint)
        )


def _returns_response(endpoint: Callable[..., Any]) -> bool:
    try:
        returned = get_type_hints(endpoint).get("return")
    except NameError:
        return False
    return isinstance(returned, type) and issubclass(returned, Response)


class OperationRouter(APIRouter):
    """Routes of one contract, each of which knows what else its path item declares."""

    def __init__(self, contract: Contract) -> None:
        """Begin without a route."""
        super().__init__(route_class=ContractRoute, redirect_slashes=False)
        self.contract = contract
        self._declared: dict[str, frozenset[str]] = {}
        for spec in contract.operations.values():
            key = shape(spec.route)
            self._declared[key] = self._declared.get(key, frozenset()) | {spec.method}

    def add_api_route(self, path: str, *args: Any, **kwargs: Any) -> None:
        """Add a route, and tell it what else its path item declares."""
        super().add_api_route(path, *args, **kwargs)
        route = self.routes[-1]
        if isinstance(route, ContractRoute):
            route.declared = self._declared.get(shape(path), frozenset(route.methods or ()))

    def declared(self) -> Mapping[str, frozenset[str]]:
        """The methods that the contract declares, by the shape of their path."""
        return self._declared


class ContractRouter(OperationRouter):
    """The routes of one feature, bound to the handler that serves them."""

    def __init__(self, file: str, handler: object, protocol: type) -> None:
        """Read the contract.json beside `file` and compare `handler` with `protocol`."""
        super().__init__(Contract.read(Path(file).with_name("contract.json")))
        self.binding = bind(handler, protocol, feature=self.contract.feature, contract=self.contract.file)
        self.operations: dict[str, Operation[Any, Any]] = {}
        self.left: frozenset[str] = frozenset()
        """Names of operations that another application serves."""
        self._handler_file = handler_file(handler, self.contract.feature)

    def operation(
        self, name: str, context: type[ContextT], inputs: type[InputsT]
    ) -> Operation[ContextT, InputsT]:
        """The operation whose handler function is `name`."""
        missing = None
        spec = self.contract.operations[name]
        if name in self.binding.unwritten:
            missing = (
                f"`{name}` is not written yet. Write it in {self._handler_file}; "
                f"the contract is {spec.source}."
            )
        operation = Operation(self.contract, spec, context, inputs, missing)
        self.operations[name] = operation
        return operation

    @property
    def served(self) -> Mapping[str, OperationSpec]:
        """The operations that this service has to answer, by the name of their function."""
        return {name: spec for name, spec in self.contract.operations.items() if name not in self.left}

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the handler; functions that another application serves may be unwritten."""
        return self.binding.misfits if self.left else self.binding.faults

    def leave_unwritten(self) -> None:
        """Leave every operation whose function is not written to another application."""
        self.left = self.binding.unwritten
        ids = {spec.operation_id for spec in self.served.values()}
        self.routes[:] = [route for route in self.routes if getattr(route, "operation_id", None) in ids]

    def start(self, service: Service) -> None:
        """Build each operation's plan."""
        for operation in self.operations.values():
            operation.start(service)


class Operation(Generic[ContextT, InputsT]):
    """One operation; calling it with a request opens a `Call`."""

    def __init__(
        self,
        contract: Contract,
        spec: OperationSpec,
        context: type[ContextT],
        inputs: type[InputsT],
        missing: str | None,
    ) -> None:
        """Made by `ContractRouter.operation`; `missing` says what to write where there is no handler."""
        self.contract = contract
        self.spec = spec
        self.context = context
        self.inputs = inputs
        self.missing = missing
        self._plan: Plan | None = None

    def start(self, service: Service) -> None:
        """Build what every call needs, once."""
        spec, settings = self.spec, service.settings
        limit = min(settings.document_limit_bytes, settings.body_limit_bytes)
        self._plan = Plan(
            service=service,
            reader=RequestReader(self.contract, spec, document_limit_bytes=limit),
            guard=Guard(
                spec.security,
                self.contract.security_schemes,
                service.authenticators,
                service.tokens,
                recall=service.recall,
                timeout_seconds=service.settings.authenticator_timeout_seconds,
                certificate_header=service.settings.client_certificate_header,
            ),
            encoder=Encoder(
                self.contract,
                spec,
                mode=service.settings.check_responses,
                count=service.metrics.violation,
            ),
        )

    @property
    def plan(self) -> Plan:
        """What `start` has built."""
        if self._plan is None:
            raise RuntimeError(f"{self.spec.operation_id}: give its router to create_app(routers=...)")
        return self._plan

    def __call__(self, request: Request) -> Call[ContextT, InputsT]:
        """Begin a call: `async with operation(request) as call`."""
        return Call(self, self._plan or self.plan, request)

    def typed(self, values: dict[str, object]) -> InputsT:
        """Return what was decoded as the input's type; raises `Violations` where that cannot hold it."""
        try:
            inputs: InputsT = self.inputs.__pydantic_validator__.validate_python(
                values, context=self.contract.request, by_alias=True, by_name=False
            )
        except ValidationError as error:
            # The view must hold what the contract accepts: a fault of ours, which must not become a 500.
            places = [pointer(entry["loc"]) for entry in error.errors(include_input=False)]
            _log.error("view_refused", operation_id=self.spec.operation_id, places=places[:10])
            raise Violations(
                [self._unrepresentable(entry["loc"]) for entry in error.errors()],
                status=self.spec.violation_status,
            ) from None
        return inputs

    def _unrepresentable(self, place: Sequence[str | int]) -> Violation:
        """A place where the typed view does not hold what the schema admits."""
        name, *rest = place
        location: InputLocation = "body"
        for parameter in self.spec.parameters:
            if parameter.name == name:
                location = location_of(parameter)
                rest = [parameter.wire, *rest] if parameter.media is None else rest
        return Violation(
            location, pointer(rest), "representation", "this service cannot represent this value"
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What the calls of one operation share."""

    service: Service
    guard: Guard
    reader: RequestReader
    encoder: Encoder


class Call(Generic[ContextT, InputsT]):
    """One call of an operation: entering checks and decodes, leaving commits or rolls back."""

    __slots__ = ("_body", "_opened", "_operation", "_plan", "_request", "_state", "_unit", "ctx", "inputs")

    ctx: ContextT
    inputs: InputsT
    _state: RequestState

    def __init__(self, operation: Operation[ContextT, InputsT], plan: Plan, request: Request) -> None:
        """Do nothing yet."""
        self._operation = operation
        self._plan = plan
        self._request = request
        self._unit: UnitOfWork | None = None
        self._body: object = None
        self._opened: list[Decoded] = []

    async def __aenter__(self) -> Call[ContextT, InputsT]:
        """Authenticate, decode, and open a unit of work, in this order."""
        operation, plan, request = self._operation, self._plan, self._request
        spec, scope = operation.spec, request.scope
        state = self._state = scope.get(KEY) or state_of(scope)
        state.contract, state.operation = operation.contract, spec
        guard = plan.guard
        caller = None
        if not guard.public:
            caller = guard.known(state.headers, len(scope["headers"])) or await guard(request)
        user = owner = None
        role: Role = "user"
        principals: tuple[Principal, ...] = ()
        if caller is not None:
            user, principals = caller.user, caller.principals
            owner, role = user.id, user.role
            state.user_id, state.caller = caller.user_id, role
        if operation.missing is not None:
            raise NotImplementedYet(operation.missing)
        if plan.reader.has_body:
            try:
                values = await plan.reader.read(request, self._opened)
                self._body = values["body"]
                self.inputs = operation.typed(values)
            except BaseException:
                await close(self._opened)
                raise
        else:
            self.inputs = operation.typed(plan.reader.read_head(request))
        service = plan.service
        if service.pool is not None:
            origin = Origin(role, spec.operation_id, state.correlation_id)
            self._unit = service.pool.unit(owner, origin)
        self.ctx = operation.context(
            unit=self._unit,
            user=user,
            principals=principals,
            users=service.users,
            operation_id=spec.operation_id,
            correlation_id=state.correlation_id,
            exchange=partial(_exchange, request, spec, self.inputs),
        )
        return self

    def answer(self, result: object) -> Response:
        """Check `result` against the contract and encode it; it leaves after the commit."""
        encoder = self._plan.encoder
        accept = self._request.headers.get("accept") if encoder.has_choice else None
        return encoder.response(result, accept)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit, if all that came with the request has been checked; roll back after any error."""
        unit, well = self._unit, False
        try:
            try:
                if error is None:
                    if self._opened:
                        await read_on(self._opened)
                    if unit is not None and not unit.settle():
                        await unit.commit()
                    well = True
                    for act in self.ctx.after_commit:
                        act()
            finally:
                if unit is not None and not well:
                    await unit.rollback()
        finally:
            if unit is not None:
                self._state.statements, self._state.database_seconds = unit.statements, unit.seconds
            if self._opened:
                await close(self._opened)
        if error is not None:
            self._look_at(error)

    def _look_at(self, error: BaseException) -> None:
        """Hold what the handler raised against the contract, and tell what lies behind it."""
        match error:
            case ApiError():
                self._plan.encoder.raised(error.status, error.body)
            case HTTPException():
                self._plan.encoder.raised(error.status_code)
            case Exception() if self._unit is not None:
                self._tell_unstorable(error)

    def _tell_unstorable(self, error: BaseException) -> None:
        """Raise `Violations` where the database cannot hold what the contract let pass, such as NUL."""
        keyword = unstorable(error)
        if keyword is None:
            return
        _log.warning("input_not_storable", reason=keyword, error=type(error).__name__)
        message = "this service cannot store this value"
        found = [Violation(location, place, "representation", message) for location, place in self._nul()]
        if not found and keyword != "nul":
            location: InputLocation = "query" if self._operation.spec.body is None else "body"
            found = [Violation(location, "", "representation", "this service cannot store one of the values")]
        if found:
            raise Violations(found, status=self._operation.spec.violation_status) from error

    def _nul(self) -> Iterator[tuple[InputLocation, str]]:
        """Where the caller sent U+0000, which no text of PostgreSQL holds."""
        for parameter in self._operation.spec.parameters:
            for place in places_of(NUL, getattr(self.inputs, parameter.name)):
                name = [parameter.wire] if parameter.media is None else []
                yield location_of(parameter), pointer([*name, *place])
        for place in places_of(NUL, self._body):
            yield "body", pointer(place)


def _exchange(request: Request, spec: OperationSpec, inputs: Inputs) -> Exchange:
    return Exchange.of(request, spec, None if spec.body is None else getattr(inputs, "body", None))


NUL: Final = "\0"


def places_of(character: str, value: object) -> Iterator[tuple[str | int, ...]]:
    """Where in a JSON-like `value` a text or a key has `character`."""
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while waiting:
        place, one = waiting.pop()
        if isinstance(one, str) and character in one:
            yield place
        elif isinstance(one, dict):
            yield from ((*place, name) for name in one if character in str(name))
            waiting += [((*place, name), inner) for name, inner in one.items()]
        elif isinstance(one, list):
            waiting += [((*place, index), inner) for index, inner in enumerate(one)]


def shape(route: str) -> str:
    """The path template without the names of its parameters: templates of one shape match the same paths."""
    return _PARAMETER.sub("{}", route)


def literalness(route: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts literal segments before templated ones, and more literal ones of these first."""
    return tuple(
        (segment.count("{") and 1, -len(segment.replace("{}", "")) if "{" in segment else 0, segment)
        for segment in shape(route).split("/")
    )
