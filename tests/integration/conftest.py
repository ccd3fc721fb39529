"""Coverage of other processes is taken only where a test asks for it; it triples what a start costs."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

SWITCH = "COVERAGE_PROCESS_CONFIG"
"""What coverage leaves in the environment for the processes that the tests start."""


@pytest.fixture(scope="session", autouse=True)
def measured() -> Iterator[dict[str, str]]:
    """What to add to the environment of a process that is to be measured; nothing without coverage."""
    found = os.environ.pop(SWITCH, None)
    yield {} if found is None else {SWITCH: found}
    if found is not None:
        os.environ[SWITCH] = found
