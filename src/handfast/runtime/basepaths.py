"""Where the contract's servers say that the service is: at the path of their address, and at the root.

`servers: [{url: https://api.example.com/v1}]` means that `/pets` is asked for as `/v1/pets`. A proxy in front
may have taken the base off already, so both are answered.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

MOST_COMBINATIONS: Final = 100
"""How many paths one server may stand for."""

_VARIABLE = re.compile(r"\{([^{}]*)\}")


class BasePaths:
    """Takes the base path of a server off, the ASGI way: the router looks behind `root_path`."""

    def __init__(self, app: ASGIApp, bases: Sequence[str], paths: Iterable[str] = ()) -> None:
        """Serve below each of `bases` too: paths that begin with a slash and do not end with one.

        `paths` are the contract's templates: where several bases would do (`/v1` and `/v1/pets`), the one
        counts behind which there is such a path.
        """
        self.app = app
        self._bases = tuple(bases)
        self._paths = tuple(paths)
        self._known: list[re.Pattern[str]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the base in the scope, where the path has one."""
        if scope["type"] == "http" and not scope.get("root_path"):
            path = scope["path"]
            fitting = [base for base in self._bases if path.startswith(f"{base}/")]
            if len(fitting) > 1:
                fitting = [base for base in fitting if self._is_known(path.removeprefix(base))] or fitting
            if fitting:
                scope["root_path"] = fitting[0]
        await self.app(scope, receive, send)

    def _is_known(self, path: str) -> bool:
        if self._known is None:
            pieces = [_VARIABLE.split(template)[::2] for template in self._paths]
            self._known = [re.compile("[^/]+".join(map(re.escape, parts))) for parts in pieces]
        return any(pattern.fullmatch(path) for pattern in self._known)


def base_paths(document: Mapping[str, Any]) -> list[str]:
    """Return the paths of all servers that an OpenAPI document names, the longest first; `/` is none.

    Variables stand for each value of their `enum`, else for their default (OpenAPI 3.1, 4.8.6); a server with
    one that has neither is passed over, and of many combinations the first `MOST_COMBINATIONS` count.
    """
    found = {base for server in _servers(document) for base in _bases(server)}
    return sorted(found - {""}, key=lambda base: (-len(base), base))


def _servers(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    items = [*document.get("paths", {}).values()]
    items += document.get("components", {}).get("pathItems", {}).values()
    holders: list[Any] = [document]
    for item in items:
        if isinstance(item, dict):
            holders += [item, *item.values(), *item.get("additionalOperations", {}).values()]
    for holder in holders:
        if isinstance(holder, dict):
            yield from holder.get("servers") or ()


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
