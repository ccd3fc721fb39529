"""The service has not become slower: its CPU for a read to that of the bare limit, in one run."""

from __future__ import annotations

import shutil

import pytest

from tools.bench import regression
from tools.bench.seed import database


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk, which puts the load on, is not installed")
def test_cpu_of_a_read_is_as_recorded() -> None:
    with database(10_000) as there:
        ratio = regression.measured(there)
    allowed = regression.recorded() * regression.BOUND
    assert ratio <= allowed, f"a read costs {ratio:.2f} times the bare limit's CPU; {allowed:.2f} are allowed"
