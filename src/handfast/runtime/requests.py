"""What a request says: every parameter and the body, decoded and held against the contract."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request

from handfast.runtime.accept import preferred
from handfast.runtime.bodies import BodyDecoder, Decoded
from handfast.runtime.contract import Contract, OperationSpec
from handfast.runtime.decode import ParametersDecoder
from handfast.runtime.errors import NotAcceptable, Unauthorized, Violation, Violations


class RequestReader:
    """Reads the requests of one operation; built once, when the service starts."""

    def __init__(self, contract: Contract, spec: OperationSpec, *, document_limit_bytes: int) -> None:
        """Prepare decoders; what is read whole has at most `document_limit_bytes`."""
        view = contract.request
        self._spec = spec
        self._parameters = ParametersDecoder(spec.parameters, view, spec.path) if spec.parameters else None
        self._body = (
            None
            if spec.body is None
            else BodyDecoder(spec.body, view, document_limit_bytes=document_limit_bytes)
        )
        self._credential = any(
            parameter.location == "header"
            and parameter.required
            and parameter.wire.lower() == "authorization"
            for parameter in spec.parameters
        )

        self._offered = offered(spec)
        self.has_body = self._body is not None

    async def read(self, request: Request, opened: list[Decoded]) -> dict[str, object]:
        """Return parameters by Python name, and `body`; `opened` takes what must be closed afterwards.

        Raises what `read_head` raises, with the places of the body among them.
        """
        if self._offered or self._credential:
            self._check_head(request)
        violations: list[Violation] = []
        values = {} if self._parameters is None else self._parameters.decode(request, violations)
        if self._body is not None:
            decoded = await self._body.decode(request, violations)
            if decoded.files or decoded.items is not None:
                opened.append(decoded)
            if decoded.items is not None:
                decoded.items.status = self._spec.violation_status
            values["body"] = decoded.value
        if violations:
            raise Violations(violations, status=self._spec.violation_status)
        return values

    def read_head(self, request: Request) -> dict[str, object]:
        """Return parameters by Python name, of an operation without a body.

        Raises `Violations` naming each place that breaks the contract; `NotAcceptable` where the caller can
        choose among media types and takes none; `Unauthorized` where a declared `Authorization` header is
        missing: OpenAPI leaves that parameter to security (3.1, 4.8.12.2), and what a caller lacks then are
        credentials.
        """
        if self._offered or self._credential:
            self._check_head(request)
        if self._parameters is None:
            return {}
        violations: list[Violation] = []
        values = self._parameters.decode(request, violations)
        if violations:
            raise Violations(violations, status=self._spec.violation_status)
        return values

    def _check_head(self, request: Request) -> None:
        if self._credential and "authorization" not in request.headers:
            raise Unauthorized
        if self._offered and preferred(self._offered, request.headers.get("accept")) is None:
            raise NotAcceptable(f"This operation offers {', '.join(self._offered)}.")


def offered(spec: OperationSpec) -> tuple[str, ...]:
    """The media types of all successes, where one of them gives a choice; nothing otherwise.

    Whoever offers one media type sends it whatever is accepted (RFC 9110, 12.5.1 leaves that free): callers
    that say what they cannot take should not lose what they could have had.
    """
    successes = [response for status, response in spec.responses.items() if status[0] in "2d"]
    if all(len(response.media) < 2 for response in successes):
        return ()
    return tuple(dict.fromkeys(media.type for response in successes for media in response.media))


async def read_on(opened: Iterable[Decoded]) -> None:
    """Read what is left of streams, so that each of their items is checked; raises `Violations`."""
    for decoded in opened:
        if decoded.items is not None:
            async for _ in decoded.items:
                pass


async def close(opened: Iterable[Decoded]) -> None:
    """Close the files of bodies that have been read."""
    for decoded in opened:
        for file in decoded.files:
            await file.close()
