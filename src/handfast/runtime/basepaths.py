"""Where the contract's servers say that the service is: at the path of their address, and at the root.

`servers: [{url: https://api.example.com/v1}]` means that `/pets` is asked for as `/v1/pets`. A proxy in front
may have taken the base off already, so both are answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

_VARIABLE = re.compile(r"\{([^{}]*)\}")


class BasePaths:
    """Takes the base path of a server off, the ASGI way: the router looks behind `root_path`."""

    def __init__(self, app: ASGIApp, bases: Sequence[str]) -> None:
        """Serve below each of `bases` too: paths that begin with a slash and do not end with one."""
        self.app = app
        self._bases = tuple(bases)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the base in the scope, where the path has one."""
        if scope["type"] == "http" and not scope.get("root_path"):
            path = scope["path"]
            for base in self._bases:
                if path.startswith(f"{base}/"):
                    scope["root_path"] = base
                    break
        await self.app(scope, receive, send)


def base_paths(document: Mapping[str, Any]) -> list[str]:
    """Return the paths of all servers that an OpenAPI document names, the longest first; `/` is none.

    Variables stand for their defaults (OpenAPI 3.1, 4.8.6); a server with one that has none is passed over.
    """
    found = {_base(server) for server in _servers(document)}
    return sorted(found - {""}, key=lambda base: (-len(base), base))


def _servers(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    holders: list[Any] = [document]
    for item in document.get("paths", {}).values():
        holders += [item, *item.values()]
    for holder in holders:
        if isinstance(holder, dict):
            yield from holder.get("servers") or ()


def _base(server: Mapping[str, Any]) -> str:
    variables = server.get("variables") or {}

    def default(match: re.Match[str]) -> str:
        return str(variables.get(match[1], {}).get("default", match[0]))

    url = _VARIABLE.sub(default, str(server.get("url", "")))
    rest = url.partition("://")[2].partition("/")[2] if "://" in url else url.lstrip("/")
    path = rest.partition("?")[0].partition("#")[0].rstrip("/")
    return f"/{path}" if path and "{" not in path else ""
