"""Random changes of a contract, one after another: nothing of what somebody wrote is lost.

Two sequences of three changes here; `nox -s evolution` runs a thousand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evolution.sequences import Session

pytestmark = pytest.mark.unmeasured


def test_nothing_is_lost(tmp_path: Path) -> None:
    session = Session(tmp_path, short=True)
    for seed in range(2):
        session.run(seed)
    session.check()
    assert not session.figures.failures, "\n\n".join(session.figures.failures)
    assert (session.figures.sequences, session.figures.steps, session.figures.boots) == (2, 6, 2)
