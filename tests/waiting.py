"""Waiting for a process that a test has started."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit


def eventually(held: Callable[[], bool], seconds: float = 30) -> None:
    """Return when `held` says so; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not held():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answered(url: str) -> tuple[int, str] | None:
    """Status and body of what is answered to GET `url`; None if nobody is there.

    A client of httpx reads all certificates as it is made, which is half of what asking often costs.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
