"""Errors that a caller of the service sees. Handlers raise them; the runtime turns them into responses.

    ApiError
    ├── BadRequest             400
    │   └── Violations         the contract's own status (422, else 400): the request breaks the contract
    ├── Unauthorized           401
    ├── PaymentRequired        402
    ├── Forbidden              403
    ├── NotFound               404
    ├── MethodNotAllowed       405
    ├── NotAcceptable          406
    ├── RequestTimeout         408
    ├── Conflict               409
    ├── Gone                   410
    ├── PreconditionFailed     412
    ├── ContentTooLarge        413
    ├── UnsupportedMediaType   415
    ├── UnprocessableContent   422
    ├── Locked                 423
    ├── PreconditionRequired   428
    ├── TooManyRequests        429
    ├── InternalError          500
    ├── NotImplementedYet      501
    ├── BadGateway             502
    ├── ServiceUnavailable     503
    └── GatewayTimeout         504

A feature derives its own from them: `class ReferenceTaken(Conflict, code="reference_taken")`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from inspect import cleandoc
from typing import ClassVar, Literal, TypeAlias

InputLocation: TypeAlias = Literal["path", "query", "header", "cookie", "body"]


_RENAMED = {413: "Content Too Large", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""RFC 9110's names, which Python learnt in 3.13."""


class ApiError(Exception):
    """An answer that is no success: a status, a stable code for programs and words for people.

    The class's first docstring line is the detail of an error raised without one. `body` replaces the
    error schema that the runtime would fill by itself; `headers` are added to the response.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    default_detail: ClassVar[str] = ""

    def __init_subclass__(cls, *, status: int | None = None, code: str | None = None) -> None:
        """Set what the class line says: `class X(Conflict, code="reference_taken")`."""
        super().__init_subclass__()
        if status is not None:
            if not 400 <= status <= 599:
                raise TypeError(f"{cls.__name__}: an error's status is 400 to 599, not {status}")
            cls.status = status
        if code is not None:
            cls.code = code
        if cls.__doc__:
            cls.default_detail = cleandoc(cls.__doc__).splitlines()[0]

    def __init__(
        self,
        detail: str = "",
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        """Say what happened this time; never put a secret or another user's data into `detail`.

        `status` is for errors whose class has none of its own, since the contract declares a range.
        """
        if status is not None:
            self.status = status  # type: ignore[misc]  # of this one error
        self.detail = detail or self.default_detail
        self.body = body
        self.headers: Mapping[str, str] = headers or {}
        super().__init__(self.detail)

    @property
    def title(self) -> str:
        """The status in words, e.g. `Not Found`."""
        return phrase(self.status)


def within(declared: str, status: int) -> int:
    """Return `status`; raises ValueError where it is not in the `declared` range (`4XX`, `default`)."""
    if not 400 <= status <= 599 or (declared != "default" and str(status)[0] != declared[0]):
        raise ValueError(f"the contract declares {declared} for this error, which {status} is not")
    return status


def phrase(status: int) -> str:
    """Return the reason phrase of `status` (RFC 9110), or a general one for an unregistered status."""
    newer = _RENAMED.get(status)
    if newer is not None:
        return newer
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Error" if status < 500 else "Server Error"


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a request breaks the contract; says what is expected, never what was sent."""

    location: InputLocation
    pointer: str
    """The place in that part of the request, a JSON Pointer (RFC 6901); a parameter is its first token."""
    keyword: str
    """The broken rule: a JSON Schema keyword, or `style`, `encoding`, `syntax`, `representation`."""
    message: str


class BadRequest(ApiError, status=400, code="bad_request"):
    """The request cannot be understood."""


class Violations(BadRequest, status=422, code="invalid_request"):
    """The request breaks the contract."""

    def __init__(self, violations: Sequence[Violation], *, status: int = 422) -> None:
        """List every place that was found; `status` is what the operation's contract has for it."""
        super().__init__()
        self.violations = tuple(violations)
        self.status = status  # type: ignore[misc]  # the one error whose status the contract chooses


class Unauthorized(ApiError, status=401, code="unauthorized"):
    """Valid credentials are required."""


class PaymentRequired(ApiError, status=402, code="payment_required"):
    """Payment is required."""


class Forbidden(ApiError, status=403, code="forbidden"):
    """You may not do this."""


class NotFound(ApiError, status=404, code="not_found"):
    """There is no such thing."""


class MethodNotAllowed(ApiError, status=405, code="method_not_allowed"):
    """This address does not take this method."""


class NotAcceptable(ApiError, status=406, code="not_acceptable"):
    """None of the media types that you accept can be given."""


class RequestTimeout(ApiError, status=408, code="request_timeout"):
    """The request took too long to arrive."""


class Conflict(ApiError, status=409, code="conflict"):
    """The request contradicts the present state."""


class Gone(ApiError, status=410, code="gone"):
    """This thing is no more."""


class PreconditionFailed(ApiError, status=412, code="precondition_failed"):
    """A condition that the request set does not hold."""


class ContentTooLarge(ApiError, status=413, code="content_too_large"):
    """The body is larger than this service takes."""


class UnsupportedMediaType(ApiError, status=415, code="unsupported_media_type"):
    """This operation does not take a body of this media type."""


class UnprocessableContent(ApiError, status=422, code="unprocessable_content"):
    """The request is well formed but cannot be carried out."""


class Locked(ApiError, status=423, code="locked"):
    """The thing is locked."""


class PreconditionRequired(ApiError, status=428, code="precondition_required"):
    """The request must be conditional."""


class TooManyRequests(ApiError, status=429, code="too_many_requests"):
    """Too many requests; wait before the next one."""


class InternalError(ApiError, status=500, code="internal_error"):
    """The service failed; the fault is not yours."""


class NotImplementedYet(ApiError, status=501, code="not_implemented"):
    """This operation is declared but not written yet."""


class BadGateway(ApiError, status=502, code="bad_gateway"):
    """A service behind this one gave a wrong answer."""


class ServiceUnavailable(ApiError, status=503, code="service_unavailable"):
    """The service cannot answer now; try again later."""


class GatewayTimeout(ApiError, status=504, code="gateway_timeout"):
    """The answer did not come in time."""


class NotWritten(Exception):
    """The whole body of a handler that is still to be written; such an operation answers 501."""


_BY_STATUS: dict[int, type[ApiError]] = {cls.status: cls for cls in ApiError.__subclasses__()}


def error_of_status(status: int, detail: str = "", headers: Mapping[str, str] | None = None) -> ApiError:
    """Return an error of `status`, of its own class where there is one."""
    known = _BY_STATUS.get(status)
    if known is not None:
        return known(detail, headers=headers)
    error = ApiError(detail, headers=headers)
    error.status, error.code = status, phrase(status).lower().replace(" ", "_")  # type: ignore[misc]
    return error
