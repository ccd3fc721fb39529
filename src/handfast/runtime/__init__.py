"""What generated code, handlers and `app.py` import."""

import handfast.runtime.lean  # noqa: F401 (before whatever imports structlog)
from handfast.runtime.adoption import adopt
from handfast.runtime.app import create_app
from handfast.runtime.context import Context, OptionalContext, PublicContext
from handfast.runtime.database import conflict
from handfast.runtime.errors import (
    ApiError,
    BadGateway,
    BadRequest,
    Conflict,
    ContentTooLarge,
    Forbidden,
    GatewayTimeout,
    Gone,
    InternalError,
    Locked,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    NotImplementedYet,
    NotWritten,
    PaymentRequired,
    PreconditionFailed,
    PreconditionRequired,
    RequestTimeout,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnprocessableContent,
    UnsupportedMediaType,
    Violation,
    Violations,
    within,
)
from handfast.runtime.exchange import Exchange, Unresolved
from handfast.runtime.faults import ConfigError, Fault
from handfast.runtime.headertexts import header_texts
from handfast.runtime.items import ItemStream
from handfast.runtime.outbound import Outbound
from handfast.runtime.results import (
    Accepted,
    Created,
    HeaderName,
    NoContent,
    Ok,
    Part,
    Result,
    Stream,
    Upload,
)
from handfast.runtime.routing import Call, ContractRoute, ContractRouter, Operation
from handfast.runtime.security import Authenticator, Principal, development_authenticator, user_id
from handfast.runtime.senders import BadReply, NotDelivered, NotSent, Rejected, Reply, SenderBase, SendError
from handfast.runtime.settings import Settings
from handfast.runtime.views import UNSET, Chosen, Inputs, Model, OneOf, is_absent

__all__ = [
    # composition
    "create_app",
    "adopt",
    "Settings",
    "Authenticator",
    "development_authenticator",
    "ConfigError",
    "Fault",
    # handlers
    "Context",
    "OptionalContext",
    "PublicContext",
    "Principal",
    "user_id",
    "conflict",
    "NotWritten",
    # results and inputs
    "Result",
    "Ok",
    "Created",
    "Accepted",
    "NoContent",
    "Part",
    "Stream",
    "Upload",
    "ItemStream",
    "UNSET",
    # senders
    "BadReply",
    "Exchange",
    "NotDelivered",
    "NotSent",
    "Outbound",
    "Rejected",
    "Reply",
    "SendError",
    "SenderBase",
    "Unresolved",
    # errors
    "ApiError",
    "BadGateway",
    "BadRequest",
    "Conflict",
    "ContentTooLarge",
    "Forbidden",
    "GatewayTimeout",
    "Gone",
    "InternalError",
    "Locked",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "NotImplementedYet",
    "PaymentRequired",
    "PreconditionFailed",
    "PreconditionRequired",
    "RequestTimeout",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "UnprocessableContent",
    "UnsupportedMediaType",
    "Violation",
    "Violations",
    # generated code
    "Call",
    "Chosen",
    "ContractRoute",
    "ContractRouter",
    "HeaderName",
    "Inputs",
    "Model",
    "OneOf",
    "Operation",
    "header_texts",
    "is_absent",
    "within",
]
