"""What an application shows of itself: its routes and their places in the code, the documents it derives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from handfast.runtime.handwritten import Kind


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """A function or class, and the line that defines it."""

    name: str
    file: str
    """Relative to the project; absolute outside of it, empty where there is no file."""
    line: int

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}" if self.file else "(no file)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route by hand."""

    kind: Kind
    path: str
    methods: tuple[str, ...] = ()
    position: int
    code: Code | None = None
    document: int | None = None
    """Which of the documents describes it; None where none does."""
    dependencies: tuple[Code, ...] = ()
    """What FastAPI calls before the function, but for its security schemes."""
    middleware: tuple[Code, ...] = ()
    """What stands before it and not before the whole application: that of mounted applications."""
    slashes: tuple[str, ...] = ()
    """Parameters of the path that take slashes, as none of a contract does."""
    framework: bool = False
    """Whether FastAPI has added it: its document and the pages that show it."""


@dataclass(frozen=True, slots=True)
class Document:
    """The OpenAPI document of one application, and the path where that is mounted."""

    prefix: str
    document: Mapping[str, Any]
    """Its paths are as they stand there, without the prefix."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An application seen from outside."""

    target: str
    """`module:attribute`."""
    factory: bool
    """Whether the attribute makes the application, and is not it."""
    routes: tuple[Route, ...] = ()
    documents: tuple[Document, ...] = field(default=())

    def facts(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Sight:
        """Return what `facts` gave."""
        return cls(
            facts["target"],
            facts["factory"],
            tuple(map(_route, facts["routes"])),
            tuple(Document(**one) for one in facts["documents"]),
        )


def _route(facts: Mapping[str, Any]) -> Route:
    def codes(given: Sequence[Mapping[str, Any]]) -> tuple[Code, ...]:
        return tuple(Code(**one) for one in given)

    code = facts["code"]
    return Route(
        **{
            **facts,
            "methods": tuple(facts["methods"]),
            "slashes": tuple(facts["slashes"]),
            "middleware": codes(facts["middleware"]),
            "code": None if code is None else Code(**code),
            "dependencies": codes(facts["dependencies"]),
        }
    )
