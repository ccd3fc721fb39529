"""Where the contract's servers say that the service is: at the path of their address, and at the root.

`servers: [{url: https://api.example.com/v1}]` means that `/pets` is asked for as `/v1/pets`. A proxy in front
may have taken the base off already, so both are answered.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, Final

from starlette.routing import Match
from starlette.types import Scope

from handfast.runtime.routing import shape
from handfast.validation.pointers import followed

MOST_COMBINATIONS: Final = 100
"""How many paths one server may stand for."""

_VARIABLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Bases:
    """Base paths of a document's operations: they begin with a slash and do not end with one."""

    common: frozenset[str]
    """Those of the document's servers."""
    own: Mapping[tuple[str, str], frozenset[str]]
    """By the shape of the path and the method: those of operations that have servers of their own."""

    def of(self, path: str, method: str) -> frozenset[str]:
        """The bases below which an operation is served, beside the root."""
        return self.own.get((shape(path), method), self.common)

    def all(self) -> list[str]:
        """Every base, the longest first."""
        return sorted(self.common.union(*self.own.values()), key=lambda base: (-len(base), base))


class BasePaths:
    """Takes the base path of a server off, the ASGI way: the router looks behind `root_path`."""

    def __init__(self, bases: Bases) -> None:
        """Serve each operation below its bases too.

        Where several bases would do (`/v1` and `/v1/pets`), the one counts behind which the application has
        such a route.
        """
        self._bases = bases
        self._all = bases.all()
        self._asks = len(self._all) > 1 or bool(bases.own)

    def note(self, scope: Scope) -> None:
        """Note the base in the scope, where the path has one."""
        if not self._all or scope.get("root_path"):
            return
        path = scope["path"]
        fitting = [base for base in self._all if path.startswith(f"{base}/")]
        if fitting and self._asks:
            fitting = [base for base in fitting if self._serves(base, scope)]
        if fitting:
            scope["root_path"] = fitting[0]

    def _serves(self, base: str, scope: Scope) -> bool:
        """Whether the route that `scope` asks for behind `base` is served there."""
        behind = {**scope, "root_path": base}
        for route in scope["app"].router.routes:
            if route.matches(behind)[0] is not Match.NONE:
                return base in self._bases.of(getattr(route, "path", ""), scope["method"])
        return False


def base_paths(document: Mapping[str, Any]) -> Bases:
    """Return the paths of the servers of an OpenAPI document and of its operations; `/` is none.

    Servers of a path item stand in for those of the document, and servers of an operation for both (OpenAPI
    3.1, 4.8.9 and 4.8.10). Variables stand for each value of their `enum`, else for their default (4.8.6); a
    server with one that has neither is passed over, and of many combinations the first `MOST_COMBINATIONS`
    count.
    """
    own: dict[tuple[str, str], frozenset[str]] = {}
    for path, written in document.get("paths", {}).items():
        item = followed(document, written)
        if not isinstance(item, Mapping):
            continue
        operations = {**item, **item.get("additionalOperations", {})}
        for method, operation in operations.items():
            if isinstance(operation, dict) and (servers := operation.get("servers") or item.get("servers")):
                own[shape(path), method.upper()] = _paths(servers)
    return Bases(_paths(document.get("servers") or ()), own)


def _paths(servers: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(base for server in servers for base in _bases(server)) - {""}


def _bases(server: Mapping[str, Any]) -> Iterator[str]:
    url = str(server.get("url", ""))
    variables = server.get("variables") or {}
    names = list(dict.fromkeys(_VARIABLE.findall(_path(url))))
    choices = []
    for name in names:
        variable = variables.get(name, {})
        default = variable.get("default")
        others = [str(value) for value in variable.get("enum") or () if value != default]
        choices.append([*([] if default is None else [str(default)]), *others])
    for values in islice(product(*choices), MOST_COMBINATIONS):
        filled = url
        for name, value in zip(names, values, strict=True):
            filled = filled.replace(f"{{{name}}}", value)
        path = posixpath.normpath("/" + _path(_VARIABLE.sub("", filled)).strip("/"))
        yield "" if path == "/" else path


def _path(url: str) -> str:
    """The path of a server's URL, which may be relative to where the document is served: at the root."""
    scheme, mark, rest = url.partition("//")
    if mark and (not scheme or scheme.endswith(":")):
        url = rest.partition("/")[2]
    return url.partition("?")[0].partition("#")[0]
