"""Nothing that breaks is missed: pairs that a sampler refutes are told to be breaking."""

from __future__ import annotations

from tools.diff_figures import measure

PAIRS = 60


def test_no_refuted_pair_is_missed() -> None:
    figures = measure(PAIRS, seed=2)
    assert figures.refuted > PAIRS // 4
    assert not figures.missed, "\n".join(figures.missed)
    assert len(figures.alarms) <= figures.breaking // 20, "\n".join(figures.alarms)
