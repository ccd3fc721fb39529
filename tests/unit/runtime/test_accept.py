"""Which media type a caller gets: the one that `Accept` likes best, and none where it likes none."""

from __future__ import annotations

import pytest

from handfast.runtime.accept import preferred

JSON, TEXT, XML = "application/json", "text/plain", "application/xml"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("text/*", TEXT),
        ("text/plain;q=0.5, application/xml", XML),
        ("application/json;q=0, */*", TEXT),
        ("application/*;q=0.2, text/plain;q=0.3", TEXT),
        ("application/xml;q=rubbish, text/plain", TEXT),
        ("TEXT/PLAIN", TEXT),
        ("image/png", None),
        ("*/*;q=0", None),
        ("image/png," * 3000, JSON),
    ],
)
def test_the_best_liked_is_sent(accept: str | None, expected: str | None) -> None:
    offered = (JSON, TEXT, XML)
    found = preferred(offered, accept)
    assert (None if found is None else offered[found]) == expected


def test_a_range_that_is_offered_meets_what_lies_in_it() -> None:
    assert preferred(["image/*"], "image/png") == 0
    assert preferred(["image/*"], "text/plain") is None
    assert preferred([], "text/plain") is None
