"""Copies of remote documents in the project: a contract must mean tomorrow what it means today.

A remote reference is followed to its copy; only where the author asks for it is one fetched, once.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.error import URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

FOLDER: Final = "specs/remote"
TIMEOUT_SECONDS: Final = 20.0
MAX_BYTES: Final = 32 * 1024 * 1024

Fetch: TypeAlias = Callable[[str], bytes]
"""From an absolute URL to the document there; raises `Unreachable`."""


class Unreachable(Exception):
    """A document that cannot be had."""


def copy_of(url: str) -> str | None:
    """Return the file of the project that holds the copy of what is at `url`; None for no URL of the web."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    host = parts.netloc.rpartition("@")[2].lower().replace(":", "_")
    path = posixpath.normpath("/" + unquote(parts.path)).lstrip("/") or "index"
    query = f"_{quote(parts.query, safe='')}" if parts.query else ""
    return f"{FOLDER}/{quote(host, safe='.-_')}/{quote(path, safe='/.-_')}{query}"


def fetch(url: str) -> bytes:
    """Return the document at `url`; raises `Unreachable`."""
    request = Request(url, headers={"Accept": "application/yaml, application/json, */*;q=0.5"})  # noqa: S310
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 (`copy_of` takes no other scheme)
            content: bytes = answer.read(MAX_BYTES + 1)
    except (URLError, OSError, ValueError) as error:
        raise Unreachable(str(getattr(error, "reason", error))) from None
    if len(content) > MAX_BYTES:
        raise Unreachable(f"it has more than {MAX_BYTES // 2**20} MiB")
    return content
