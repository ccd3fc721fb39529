"""Copies of remote documents in the project: a contract must mean tomorrow what it means today.

A remote reference is followed to its copy; only where the author asks for it is one fetched, once.
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, Final, TypeAlias
from urllib.parse import quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

FOLDER: Final = "specs/remote"
TIMEOUT_SECONDS: Final = 20.0
MAX_BYTES: Final = 32 * 1024 * 1024

Fetch: TypeAlias = Callable[[str], bytes]
"""From an absolute URL to the document there; raises `Unreachable`."""


class Unreachable(Exception):
    """A document that cannot be had."""


def copy_of(url: str) -> str | None:
    """Return the file of the project that holds the copy of what is at `url`; None for no URL of the web."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # such as a broken address in brackets, or a port that is no number
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or not url.isascii():
        return None
    place = f"{parts.scheme}_{host}" if port is None else f"{parts.scheme}_{host}_{port}"
    path = posixpath.normpath("/" + unquote(parts.path)).lstrip("/") or "index"
    query = f"_{quote(parts.query, safe='')}" if parts.query else ""
    return f"{FOLDER}/{quote(place, safe='.-_')}/{quote(path, safe='/.-_')}{query}"


def fetch(url: str) -> bytes:
    """Return the document at `url`; raises `Unreachable`."""
    wanted = {"Accept": "application/yaml, application/json, */*;q=0.5"}
    request = Request(url, headers=wanted)  # noqa: S310 (`copy_of` takes no scheme but HTTP's)
    content = bytearray()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        with build_opener(_Moved).open(request, timeout=TIMEOUT_SECONDS) as answer:
            announced = answer.headers.get("Content-Length")
            if answer.headers.get_content_type() == "text/html":
                raise Unreachable("an HTML page is there")
            while chunk := answer.read1(2**16):
                content += chunk
                if len(content) > MAX_BYTES:
                    raise Unreachable(f"it has more than {MAX_BYTES // 2**20} MiB")
                if time.monotonic() > deadline:
                    raise Unreachable(f"it did not come within {TIMEOUT_SECONDS:.0f} seconds")
    except (OSError, ValueError, HTTPException) as error:
        raise Unreachable(str(getattr(error, "reason", error) or type(error).__name__)) from None
    if announced is not None and announced.isdigit() and len(content) < int(announced):
        raise Unreachable(f"only {len(content)} of {announced} bytes came")
    return bytes(content)


class _Moved(HTTPRedirectHandler):
    """References in a document are read from where it is, so that is where it must be asked for."""

    def redirect_request(self, *of_the_answer: Any) -> Request | None:
        raise Unreachable(f"it has moved to {of_the_answer[-1]}; refer to that")
