"""Which hole is open now: a file says so, since the tests change it while the service runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

FILE = Path(os.environ["SHELF_HOLE"])


def hole(*names: str) -> bool:
    """Whether one of these holes is open."""
    return FILE.read_text() in names


@contextmanager
def beside_the_walls(role: str) -> Iterator[psycopg.Connection]:
    """A connection of the handler's own, as the `OWNER` of the tables or as the server's `ADMIN`istrator."""
    with psycopg.connect(os.environ[f"SHELF_{role}_URL"]) as connection:
        yield connection
