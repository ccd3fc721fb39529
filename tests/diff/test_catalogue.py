"""The catalogue and its page say the same."""

from __future__ import annotations

import pytest

from handfast.diff.catalogue import RULES, SUBSUMPTION, advice, hurts
from handfast.diff.model import Severity
from tools import diff_page

CATEGORIES = {
    "bodies", "bounds", "choices", "defaults", "deprecation", "discriminator", "enums", "formats", "headers",
    "items", "media types", "nullable", "operations", "parameters", "paths", "properties",
    "read-only and write-only", "required", "responses", "security", "servers", "tags", "types", "webhooks",
}  # fmt: skip


def test_the_page_is_what_the_catalogue_says() -> None:
    assert diff_page.PAGE.read_text(encoding="utf-8") == diff_page.page(), "run `python -m tools.diff_page`"


def test_every_category_has_rules() -> None:
    assert {rule.category for rule in RULES.values()} == CATEGORIES


@pytest.mark.parametrize("name", RULES)
def test_who_is_hurt_is_told_what_to_do(name: str) -> None:
    rule = RULES[name]
    for direction in ("request", "response"):
        severity = rule.severity(direction)
        severity = Severity.BREAKING if severity == SUBSUMPTION else Severity(severity)
        told = hurts(direction, severity), advice(name, direction, severity)
        assert all(told) is (severity is not Severity.SAFE), told
