"""What a wrong value may cost: violations that are told, steps of a pattern, names that are long."""

from __future__ import annotations

from typing import Any

import pytest

from handfast.runtime.errors import Violation
from handfast.runtime.routing import NUL, places_of
from handfast.runtime.schemas import LONGEST_POINTER, MOST_VALUES, MOST_VIOLATIONS, View

SCHEMAS: dict[str, Any] = {
    "Numbers": {"type": "array", "items": {"type": "integer"}},
    "Closed": {"type": "object", "additionalProperties": False, "properties": {"a": {"type": "integer"}}},
    "Lists": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Numbers"}},
    "Back": {"type": "string", "pattern": r"^(a|aa)*\1b$"},
    "Ahead": {"type": "string", "pattern": "^(?!.*--)[a-z-]+$"},
}


def violations(name: str, value: object) -> list[Violation]:
    return View(SCHEMAS, "request").named(name).violations(value, "body")


@pytest.mark.threat("denial.json-bomb")
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (1, 1),
        (MOST_VIOLATIONS, MOST_VIOLATIONS),
        (MOST_VALUES - 1, MOST_VIOLATIONS),
        (MOST_VALUES, 1),
        (200_000, 1),
    ],
)
def test_a_value_with_very_many_values_is_told_its_first_violation(wrong: int, told: int) -> None:
    found = violations("Numbers", ["x"] * wrong)
    assert len(found) == told
    assert found[0].pointer == "/0"
    assert violations("Numbers", [1] * wrong) == []


@pytest.mark.threat("denial.json-bomb")
def test_names_of_the_caller_are_told_in_part() -> None:
    assert len(violations("Closed", {f"k{n}": 1 for n in range(1000)})) == MOST_VIOLATIONS
    (found,) = violations("Closed", {"k" * 100_000: 1})
    assert len(found.pointer) == LONGEST_POINTER + 1
    found = violations("Lists", {"k" * 100_000: ["x"]})[0]
    assert len(found.pointer) == LONGEST_POINTER + 1


@pytest.mark.threat("denial.regular-expression")
def test_a_pattern_that_goes_back_too_far_is_a_violation_in_words() -> None:
    (found,) = violations("Back", "a" * 60)
    assert (found.keyword, found.message) == ("pattern", "takes too long to hold against its pattern")
    assert violations("Back", "aab") == []
    (found,) = violations("Back", "c")
    assert found.message == r"must match the pattern ^(a|aa)*\1b$"


@pytest.mark.threat("denial.regular-expression")
@pytest.mark.parametrize("length", [10, 1000, 100_000])
def test_lookahead_over_long_texts_goes_back_little(length: int) -> None:
    assert violations("Ahead", "a-" * length) == []
    assert violations("Ahead", "a-" * length + "-")[0].keyword == "pattern"


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ("a", []),
        (1, []),
        ("\0", [()]),
        (["a", "\0b"], [(1,)]),
        ({"a": {"\0": 1}}, [("a", "\0")]),
        ({"a": [{"b": "x\0"}]}, [("a", 0, "b")]),
    ],
)
def test_places_of_a_character(value: object, places: list[tuple[str | int, ...]]) -> None:
    assert list(places_of(NUL, value)) == places
