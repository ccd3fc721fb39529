"""The HTTP surface: values from the contract's schemas, requests as OpenAPI writes them, one connection."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import httpx
import jsonschema_rs
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import given as over
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode

from handfast.fuzz.contract import Contract, Json, Operation
from handfast.fuzz.surface import ABSENT, Answer, Credential, Headers, Identity, Values

DRAWN = 20
"""Different values an operation; rounds take them in turn, with markers planted anew each time."""
TIMEOUT_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 60.0
"""An answer 429 is waited for at most this long."""
TRIES = 4
_OURS = frozenset(("x-schemathesis-testcaseid", "user-agent", "connection", "accept-encoding"))
_Primitive: TypeAlias = str | int | float | bool | None


class Unreachable(Exception):
    """The service does not answer, or its contract cannot be read."""


class HttpSurface:
    """A service at `url`, as its `/openapi.json` describes it."""

    def __init__(self, url: str, *, number: int = 1) -> None:
        """Read the contract of the service at `url`; `number` seeds the values."""
        self.url = url.rstrip("/")
        self._seed = number
        self._client = httpx.Client(
            timeout=TIMEOUT_SECONDS, follow_redirects=False, headers={"User-Agent": "handfast-fuzz"}
        )
        self.document = self._read()
        self.contract = Contract(self.document)
        schema = schemathesis.openapi.from_dict(cast("dict[str, Any]", self.document))
        found: list[Any] = list(schema.get_all_operations())
        usable = [one.ok() for one in found if type(one).__name__ == "Ok"]
        self._known: dict[tuple[str, str], Any] = {(one.method.upper(), one.path): one for one in usable}
        self._drawn: dict[str, list[Values]] = {}
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def operations(self) -> Sequence[Operation]:
        """Return the contract's operations."""
        return self.contract.operations

    def draw(self, operation: Operation) -> Sequence[Values]:
        """Return up to `DRAWN` valid values, the same for a seed; raise ValueError where none exist."""
        if operation.label not in self._drawn:
            self._drawn[operation.label] = self._generate(operation)
        return self._drawn[operation.label]

    def valid(self, operation: Operation, values: Values) -> bool:
        """Whether the JSON body is valid; other bodies are not looked at."""
        if operation.body is None or values.body is ABSENT:
            return True
        validator = self._validators.get(operation.label)
        if validator is None:
            schema = {"components": self.document.get("components", {}), "allOf": [operation.body]}
            validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            self._validators[operation.label] = validator
        return validator.is_valid(values.body)

    def call(
        self, identity: Identity, operation: Operation, values: Values, extra: Headers | None = None
    ) -> Answer:
        """Send one request; an answer 429 is waited for and the request repeated."""
        proof = identity.proof(operation) if extra is None else []
        request = self._request(proof, operation, values, extra or ())
        said = _said(identity.name, [one.shown(identity.name) for one in proof], request, values)
        sent = _sent(request, values)
        for turn in range(TRIES):
            try:
                answer = self._client.send(request)
            except httpx.ProtocolError:  # it hung up, or the request cannot be written as HTTP
                return Answer(0, (), b"", sent, {**said, "status": 0})
            except httpx.HTTPError as error:
                raise Unreachable(f"{self.url} does not answer: {error}") from error
            if answer.status_code != 429 or turn == TRIES - 1:
                break
            time.sleep(_pause(answer.headers.get("retry-after", "1")))
        headers = tuple((name.lower(), value) for name, value in answer.headers.multi_items())
        self._client.cookies.clear()  # an identity is what its call sends, and nothing that an answer left
        status = answer.status_code
        return Answer(status, headers, answer.content, sent, {**said, "status": status})

    def faults(self) -> Sequence[str]:
        """Return what `/ready` complains of; nothing where the service has no such probe."""
        try:
            answer = self._client.get(f"{self.url}/ready")
        except httpx.HTTPError as error:
            raise Unreachable(f"{self.url} does not answer: {error}") from error
        if answer.status_code != 503:
            return ()
        try:
            said = answer.json()
        except ValueError:
            said = None
        detail = said.get("detail") if isinstance(said, dict) else None
        return tuple(str(detail).split("; ")) if detail else ("/ready answers 503",)

    def _read(self) -> Mapping[str, Json]:
        try:
            answer = self._client.get(f"{self.url}/openapi.json")
            document = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable(f"{self.url}/openapi.json cannot be read: {error}") from error
        if answer.status_code != 200 or not isinstance(document, dict) or "paths" not in document:
            raise Unreachable(f"{self.url}/openapi.json is no OpenAPI document")
        return cast("dict[str, Json]", document)

    def _generate(self, operation: Operation) -> list[Values]:
        known = self._known.get((operation.method, operation.path))
        if known is None:
            raise ValueError("its schemas cannot be read")
        found: list[Values] = []
        declared = frozenset(operation.parameters)  # not what Schemathesis makes up for security schemes

        def keep(case: Any) -> None:
            query, header, cookie = (
                {name: value for name, value in (taken or {}).items() if (location, name) in declared}
                for location, taken in (
                    ("query", case.query),
                    ("header", case.headers),
                    ("cookie", case.cookies),
                )
            )
            values = Values(
                dict(case.path_parameters or {}),
                query,
                header,
                cookie,
                ABSENT if case.body is NOT_SET else case.body,
                case.media_type,
            )
            if values not in found:
                found.append(values)

        run = settings(
            max_examples=DRAWN,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        try:
            strategy = known.as_strategy(generation_mode=GenerationMode.POSITIVE)
            # Hypothesis leaves what `given` returns without types.
            drawing: Any = seed(self._seed)(run(over(strategy)(keep)))  # type: ignore[no-untyped-call]
            drawing()
        except Exception as error:  # a strategy made of any contract's schemas raises whatever it likes
            raise ValueError(f"no value fits its schemas ({type(error).__name__})") from error
        if not found:
            raise ValueError("no value fits its schemas")
        return found

    def _request(
        self, proof: Sequence[Credential], operation: Operation, values: Values, extra: Headers
    ) -> httpx.Request:
        known: Any = self._known[operation.method, operation.path]
        case: Any = known.Case(
            path_parameters=dict(values.path),
            query=dict(values.query),
            headers=dict(values.header),
            cookies=dict(values.cookie),
            body=NOT_SET if values.body is ABSENT else values.body,
            media_type=values.media_type,
        )
        made = case.as_transport_kwargs(base_url=self.url)
        headers = [(name, value) for name, value in made["headers"].items() if name.lower() not in _OURS]
        query = _pairs(made.get("params"))
        cookies = dict(made.get("cookies") or {})
        for credential in proof:
            if credential.location == "query":
                query.append((credential.name, credential.value))
            elif credential.location == "cookie":
                cookies[credential.name] = credential.value
            else:
                headers.append((credential.name, credential.value))
        headers += extra
        if cookies:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())))
        return self._client.build_request(
            made["method"],
            made["url"],
            params=query or None,
            headers=[(_bytes(name), _bytes(value)) for name, value in headers],
            content=_content(made),
            data=made["data"] if isinstance(made.get("data"), dict) else None,
            files=_files(made.get("files")),
        )


def _said(
    user: str, credentials: Sequence[Credential], request: httpx.Request, values: Values
) -> dict[str, Json]:
    """Return `request` for a report; `credentials` are as they are shown."""
    url = request.url
    for one in credentials:
        if one.location == "query":
            url = url.copy_remove_param(one.name)
    said: dict[str, Json] = {
        "as": user,
        "credentials": [[one.location, one.name, one.value] for one in credentials],
        "method": request.method,
        "url": str(url),
        "headers": {name: str(value) for name, value in values.header.items()},
    }
    if text := _text(request):
        said |= {"body": text[:2000], "media_type": request.headers.get("content-type")}
    return said


def _sent(request: httpx.Request, values: Values) -> str:
    url, parameters = urllib.parse.unquote(str(request.url)), {**values.header, **values.cookie}
    return f"{url}\n{parameters}\n{_text(request)}"


def _text(request: httpx.Request) -> str:
    return request.read().decode("utf-8", errors="replace")


def _pairs(params: object) -> list[tuple[str, _Primitive]]:
    if isinstance(params, dict):
        return [
            (str(name), str(item))
            for name, value in params.items()
            for item in (value if isinstance(value, list) else [value])
        ]
    if isinstance(params, str):
        return [*urllib.parse.parse_qsl(params, keep_blank_values=True)]
    return [(str(name), str(value)) for name, value in params] if isinstance(params, list) else []


def _content(made: Mapping[str, Any]) -> bytes | None:
    if "json" in made:
        return json.dumps(made["json"]).encode()
    data = made.get("data")
    if isinstance(data, str):
        return data.encode("utf-8", errors="surrogatepass")
    return data if isinstance(data, bytes) else None


def _bytes(text: object) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode("utf-8", errors="replace")


def _pause(text: str) -> float:
    return min(float(text), LONGEST_PAUSE_SECONDS) if text.isdigit() else 1.0


def _files(parts: object) -> list[tuple[str, Any]] | None:
    """Return the parts of a multipart form; what is neither text nor a file is a field of JSON."""
    if not isinstance(parts, Mapping | list):
        return None
    pairs = parts.items() if isinstance(parts, Mapping) else parts
    return [
        (name, part if isinstance(part, str | bytes | tuple) else (None, json.dumps(part)))
        for name, part in pairs
    ]
