# ruff: noqa: E501  (one format a line reads best)
"""Formats that the engine does not know are held against their RFCs; those it knows are trusted but for edges."""

from __future__ import annotations

import pytest

from handfast.codegen import constructs
from handfast.validation.engine import compiled
from handfast.validation.formats import BOUNDS, FORMATS

TEXTS: dict[str, tuple[list[str], list[str]]] = {
    "date-time": (
        ["2016-12-31T23:59:60Z", "2016-12-31t15:59:60-08:00", "0000-02-29T00:00:00z", "2024-01-01T00:00:00.123456789012Z"],
        ["2016-12-31T22:59:60Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "2023-02-29T00:00:00Z", "2024-01-01T24:00:00Z"],
    ),
    "date": (["0000-01-01", "2024-02-29"], ["2023-02-29", "2024-1-01", "20240101", "\uff12024-01-01"]),
    "time": (["23:59:60Z", "12:00:00.5+01:00"], ["12:00:00", "22:59:60Z", "24:00:00Z"]),
    "duration": (["P1D", "P1W", "PT36H", "P1Y2M3DT4H5M6S"], ["PT0.5S", "P1W2D", "P", "PT", "P1YT", "p1d"]),
    "email": (["a@b", '"a b"@c.d', "a@[127.0.0.1]"], ["Joe <a@b.c>", "a..b@c.d", "é@c.d", "a@b_c.d"]),
    "uuid": (["2EB8AA08-AA98-11EA-B4AA-73B441D16380"], ["2eb8aa08aa9811eab4aa73b441d16380"]),
    "ipv4": (["1.2.3.0"], ["01.2.3.4", "256.1.1.1", "1.2.3"]),
    "ipv6": (["::", "::ffff:1.2.3.4"], ["::1%eth0", "1::2::3", "12345::"]),
    "uri": (["urn:x:y", "http://[::1]/%41"], ["//a", "http://a b", "http://a/é", "http://a/%zz"]),
    "regex": (["(?<n>a)", "[^]"], ["(", r"\Z", "(?i)a"]),
    "byte": (["", "aGk=", "aGkh"], ["aGk", "aGl=", "a-_=", "aGk=\n", "é"]),
    "base64url": (["", "aGk", "aGk=", "-_-_"], ["a", "aGk==", "a+/=", "aGl"]),
    "char": (["a", "😀"], ["", "ab"]),
    "date-time-local": (["2024-02-29T10:11:12", "0000-02-29t10:59:60.5"], ["2024-02-29T10:11:12Z", "2023-02-29T10:11:12", "2024-02-29", "x"]),
    "time-local": (["10:11:12.5", "23:59:60"], ["10:11", "24:00:00", "10:11:60", "10:11:12Z"]),
    "http-date": (["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"], ["Sun, 31 Feb 1994 08:49:37 GMT", "1994-11-06", "Sun, 06 Nov 1994 08:49:37 UTC"]),
    "media-range": (["*/*", "text/*", "text/html;q=0.5; a=\"b c\"", "application/problem+json"], ["*", "text", "text/", "text/html; a="]),
    "decimal": (["1", "-0.50"], ["1e5", ".5", "1.", "01", ""]),
    "decimal128": (["1E+5", "1234567890123456789012345678901234"], ["12345678901234567890123456789012345", "NaN"]),
    "sf-binary": ([":aGk=:", "::"], ["aGk=", ":aGk:", ":"]),
    "sf-boolean": (["?0", "?1"], ["?2", "true"]),
    "sf-decimal": (["1.5", "-123456789012.123"], ["1", "1.1234"]),
    "sf-string": (['"a\\"b"'], ["a", '"\\a"', '"é"']),
    "sf-token": (["a/b:c", "*a"], ["1a", "a b", ""]),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_held_against_the_format(name: str) -> None:
    good, bad = TEXTS[name]
    check = compiled({"format": name})
    assert [text for text in good if not check.is_valid(text)] == []
    assert [text for text in bad if check.is_valid(text)] == []
    assert check.is_valid(1), "a format speaks of texts only"


def test_each_format_says_who_enforces_it() -> None:
    assert {name for name, one in FORMATS.items() if one.check} <= TEXTS.keys()
    assert {name for name, one in FORMATS.items() if one.by == "bounds"} == BOUNDS.keys()
    for name, one in FORMATS.items():
        refuses = not compiled({"format": name}).is_valid("\x00 ü(")
        assert refuses is (one.by in ("engine", "here")), name
        assert one.what


def test_the_ledger_says_what_is_done() -> None:
    told = {name: one.status == "enforced" for name, one in constructs.FORMATS.items()}
    assert told == {name: one.by != "nobody" for name, one in FORMATS.items()}
