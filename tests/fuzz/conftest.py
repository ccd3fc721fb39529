"""The services that are fuzzed here run without coverage, which triples what a call costs."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.conftest import SWITCH


@pytest.fixture(scope="session", autouse=True)
def unmeasured() -> Iterator[None]:
    """Keep coverage out of other processes."""
    found = os.environ.pop(SWITCH, None)
    yield
    if found is not None:
        os.environ[SWITCH] = found
