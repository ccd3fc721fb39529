"""What the isolation fuzzer needs of a way into the service; HTTP is the first, others may join.

An agent protocol, a job queue or a stream of events joins as one more `Surface`: whatever has operations
that take values under an identity and give an answer can be held to the same rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Final, Protocol, TypeAlias, cast

from handfast.fuzz.contract import Json, Operation

Headers: TypeAlias = Sequence[tuple[str, str]]


class _Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT
"""No body; null is a body."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a call sends: parameters by location, and a body."""

    path: Mapping[str, Json] = field(default_factory=dict)
    query: Mapping[str, Json] = field(default_factory=dict)
    header: Mapping[str, Json] = field(default_factory=dict)
    cookie: Mapping[str, Json] = field(default_factory=dict)
    body: Json | _Absent = ABSENT
    media_type: str | None = None

    def at(self, location: str) -> Mapping[str, Json]:
        """Return the parameters of one location."""
        found: Mapping[str, Json] = getattr(self, location)
        return found

    def put(self, location: str, name: str, value: Json) -> Values:
        """Return a copy with one parameter set."""
        changed: dict[str, Mapping[str, Json]] = {location: {**self.at(location), name: value}}
        return replace(self, **changed)  # type: ignore[arg-type]  # `location` is one of the four mappings

    def drop(self, location: str, name: str) -> Values:
        """Return a copy without one parameter."""
        kept = {key: value for key, value in self.at(location).items() if key != name}
        changed: dict[str, Mapping[str, Json]] = {location: kept}
        return replace(self, **changed)  # type: ignore[arg-type]  # the same

    def with_body(self, body: Json) -> Values:
        """Return a copy with another body."""
        return replace(self, body=body)


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves an identity to one security scheme: a header, a query parameter or a cookie."""

    location: str
    name: str
    value: str = field(repr=False)

    def shown(self, user: str) -> Credential:
        """Return it with a variable of a shell for what is secret: `Bearer $A1`, or `$A1_X_API_Key`."""
        if self.name.lower() != "authorization":
            return replace(self, value=f"${user}_{re.sub(r'[^A-Za-z0-9]', '_', self.name)}")
        scheme = self.value.partition(" ")[0] + " " if " " in self.value else ""
        return replace(self, value=f"{scheme}${user}")


@dataclass(frozen=True, slots=True)
class Identity:
    """A user as the service knows it; the empty one is nobody."""

    name: str
    credentials: Mapping[str, Credential] = field(default_factory=dict, repr=False)
    """Security scheme -> what to send for it."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every call, whatever the operation asks for."""
    subject: str = ""
    """Whose token it is; empty where that is not known."""

    def sends(self, operation: Operation) -> list[Credential]:
        """Return what to send to `operation`: the first alternative that can be met, else a part of one.

        The rest may be among `headers`, which are sent anyway.
        """
        if not operation.security:
            return list(self.credentials.values())[:1]
        known = [
            [self.credentials[name] for name in alternative if name in self.credentials]
            for alternative in operation.security
            if alternative
        ]
        for alternative, found in zip(filter(None, operation.security), known, strict=True):
            if len(found) == len(alternative):
                return found
        return max(known, key=len, default=[])

    def proof(self, operation: Operation) -> list[Credential]:
        """Return all that a call of `operation` carries to say who calls."""
        return [*self.sends(operation), *(Credential("header", *header) for header in self.headers)]


NOBODY = Identity("nobody")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes
    sent: str = field(repr=False)
    """Everything of the request that the caller chose, as text: what may come back is no leak."""
    request: Mapping[str, Json] = field(repr=False)
    """The request for a report: `as`, `credentials` as they are shown, `method`, `url`, `headers`, `body`."""

    @property
    def ok(self) -> bool:
        """Whether the service did what was asked."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str | None:
        """Return the first header of this name."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def media_type(self) -> str:
        """The media type without its parameters."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @cached_property
    def text(self) -> str:
        """Body and headers as one text."""
        named = "\n".join(f"{name}: {value}" for name, value in self.headers)
        return f"{named}\n\n{self.body.decode('utf-8', errors='replace')}"

    @cached_property
    def json(self) -> Json:
        """The body as JSON; None where it is none."""
        try:
            return cast("Json", json.loads(self.body))
        except ValueError:
            return None


class Surface(Protocol):
    """A way into the service."""

    def operations(self) -> Sequence[Operation]:
        """Return what can be called."""
        ...

    def draw(self, operation: Operation) -> Sequence[Values]:
        """Return valid values for `operation`, made from its schemas; always the same ones."""
        ...

    def valid(self, operation: Operation, values: Values) -> bool:
        """Whether the body of `values` is one that the contract allows."""
        ...

    def call(
        self, identity: Identity, operation: Operation, values: Values, extra: Headers | None = None
    ) -> Answer:
        """Call `operation` as `identity`; `extra` are headers that take the place of its credentials."""
        ...

    def faults(self) -> Sequence[str]:
        """Return what the service itself says is wrong with it."""
        ...
