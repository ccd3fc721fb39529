"""Patterns match what ECMA-262 says they match."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.codegen.patterns import compilable
from handfast.codegen.regexmeaning import said_otherwise
from handfast.validation.engine import compiled
from tests.codegen.helpers import HEAD, contract, found, schemas


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^a{,3}$", ["a{,3}"], ["a", ""]),
        (r"^[^]$", ["\n"], ["", "ab"]),
        (r"a[]", [], ["a", ""]),
        (r"^\p{L}[]?$", ["é"], ["1"]),
        (r"^(?<n>a)\k<n>$", ["aa"], ["a"]),
        (r"^(?<y>\d)-\k<y>0$", ["1-10"], ["1-1", "1-20"]),
        (r"^[(](?<n>a)(b)\k<n>\2$", ["(abab"], ["(abaa"]),
        (r"^\k$", ["k"], []),
        (r"^[\b]$", ["\b"], ["b"]),
        (r"^\0[\0]$", ["\0\0"], ["00"]),
        (r"^\07\8$", ["\x078"], []),
        (r"^(a)\2$", ["a\x02"], ["aa"]),
        (r"^x]{$", ["x]{"], []),
        (r"^\é\u$", ["éu"], []),
        (r"^[\w-z]$", ["a", "-", "z"], ["!"]),
        (r"^[a-\d]$", ["a", "-", "1"], ["b"]),
        (r"^[\x41-\x43]{,}$", ["B{,}"], ["D{,}"]),
        (r"^[+--]{,}$", ["+{,}", ",{,}", "-{,}"], ["a{,}"]),
        (r"^[a&&b{,3}]{,3}$", ["&{,3}"], ["c{,3}"]),
        (r"^\cA[\cA]{,}$", ["\x01\x01{,}"], []),
        (r"^\uD83D\uDE00[\uD83D\uDE00]$", ["😀😀"], ["😀"]),
        (r"^\u{1F600}$", ["😀"], ["u"]),
        (r"^[^\uD800-\uDFFF]$", ["a"], ["ab"]),
        (r"^[\uD800-\uFFFF]$", ["\ue000"], ["a"]),
        (r"^\d$", ["1"], ["٣"]),
        (r"^[\/]\/\-$", ["//-"], []),
        (r"^a$", ["a"], ["a\n"]),
        (r"^(?:a|b){1,100000}$", ["ab"], ["c", ""]),
        (r"^(?!.*\.\.)[a-z.]+(?<=z)$", ["a.z"], ["a..z", "a.b"]),
        (r"^(?=.*\d)\w{2}$", ["a1"], ["a٣", "é1"]),
        (r"^(?!x)[\w-]\s[^\S\d]$", ["-\ufeff\u3000"], ["é  ", "-\x85 ", "- \x85"]),
        (r"^(?!x)\D\W\S[\D]$", ["٣é\x85a"], ["1é.a", "٣a.a", "٣é\ufeffa", "٣é.1"]),
        (r"^(\d)\1$", ["11"], ["٣٣"]),
        (r"(?<=a)b\cJ", ["ab\n"], ["b\n"]),
        (r"\bé", ["aé"], ["é"]),
        (r"^(?!x)a\Bb\b.\B$", ["ab.", "abé"], ["a b.", "abc"]),
        (r"\bfoo\b", ["a foo", "x " * 5_000 + "foo"], ["afoo"]),
        (r"^(?<ñ>a)\k<ñ>$", ["aa"], ["ak<ñ>"]),
        (r"^\<[\<\a]\>$", ["<a>", "<<>"], ["a", "<\x07>"]),
        (r"^\d+-?[0-9]+$", ["5-5", "55"], ["5", "5-"]),
        (r"^(?:a+)(?:x*)a{1,}$", ["aa", "axxa"], ["a", "ax"]),
        (r"^[a-z]+x{0,2}?[a-z]+_?[a-z]+$", ["aaa", "axxa_a"], ["a", "aa", "a_a"]),
        (r"^(?:ab)+-?(?:ab)+$", ["abab", "ab-ab"], ["ab"]),
        (r"^.$", ["a", "\x85", "\x0b"], ["\n", "\r", "\u2028", "\u2029"]),
        (r"^(?s:.).[.]$", ["\na."], ["a\r.", "aaa"]),
        (r"^(?!x).\.$", ["a."], ["\r.", "ab"]),
        (r"\bfoo\b", ["éfooé", "x " * 200_000 + "foo", "foo"], ["foo_", "x " * 200_000]),
        (r"^\w+\b-\b\d+$", ["a-1"], ["a--1", "é-1"]),
        (r"\b(?:foo|bar)\b|\bbaz$", ["x bar", "x baz", "foo é"], ["xbar", "baz x"]),
        (r"\Bfoo", ["afoo"], ["éfoo", "foo"]),
        (r"\b-\B", ["a-", "a-é"], ["-", "a-a"]),
        (r"^\b", ["a"], ["", "é", "-a"]),
        (r"\b$", ["a"], ["", "é"]),
        (r"^a\bb$", [], ["ab", "a b"]),
        (r"\b", ["a", "é1"], ["", "é"]),
        (r"x\b.", ["x-"], ["xa", "x"]),
        (r"^(a)?\1b$", ["aab", "b"], ["ab"]),
        (r"^(?<n>a)?\k<n>b$", ["aab", "b"], ["ab"]),
        (r"^(?:(a)|b)\1c$", ["aac", "bc"], ["ac", "bac"]),
        (r"^(?:(a)|\1b)$", ["a", "b"], ["ab", ""]),
        (r"^\1(a)$", ["a"], ["aa"]),
        (r"^(a\1)$", ["a"], ["aa"]),
        (r"^(?!(b))a\1$", ["a"], ["ab"]),
        (r"^(a(b)?)(c)\2\3$", ["acc", "abcbc"], ["abcc", "acbc"]),
        (r"^(a)*\1$", ["", "aa", "aaa"], ["a", "b"]),
        (r"^(\w??)\1(-)\2$", ["--", "aa--"], ["a--", "-"]),
        (r"^(?=(ab|a)(?:b|-))\1-", ["ab-", "a--"], ["aba-", "ac-"]),
    ],
)
def test_patterns_mean_what_they_mean_in_ecma_262(pattern: str, good: list[str], bad: list[str]) -> None:
    made = compilable(pattern)
    assert made is not None
    assert not made.is_foreign
    check = compiled({"pattern": made.text})
    assert [text for text in good if not check.is_valid(text)] == []
    assert [text for text in bad if check.is_valid(text)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(?:(a)|b)*\1$",
        r"^(?:(a)?b){2}\1$",
        r"^(a*)+b\1$",
        r"(?<=(a)\1)b",
        r"^(?:b(a)?\1)+$",
        r"(?<=(a))b\1",
        r"(?<!\ba?)b",
        r"(?<=(?!a)b|cc)d",
    ],
)
def test_what_is_not_exact_is_told(tmp_path: Path, pattern: str) -> None:
    made = compilable(pattern)
    assert made is not None
    assert made.inexact is not None
    loaded = contract(
        tmp_path,
        HEAD + f"paths: {{}}\ncomponents: {{schemas: {{A: {{type: string, pattern: '{pattern}'}}}}}}",
    )
    assert len(found(loaded, "inexact-pattern")) == 1
    (line,) = [line for line in loaded.ledger() if line.code == "inexact-pattern"]
    assert (line.name, line.status) == ("pattern", "partly enforced")


@pytest.mark.parametrize(
    "pattern", [r"^[a.]+$", r"^(a)(?:b|c)*\1?$", r"a{2,}|b{,3}", r"[^]x]", r"\k<a>", r"\cA\x41\07", "(?i:a)"]
)  # fmt: skip
def test_what_both_take_alike_is_left_as_it_is(pattern: str) -> None:
    expected = pattern.replace(r"\1", r"(?:\1)")
    assert said_otherwise(pattern).text == expected


@pytest.mark.parametrize("pattern", [r"(?i)a", r"\Aa\z", r"(?P<n>a)", r"a++", r"a{2}+"])
def test_patterns_of_other_languages_are_told_and_kept(tmp_path: Path, pattern: str) -> None:
    made = compilable(pattern)
    assert made is not None
    assert made.is_foreign
    loaded = contract(
        tmp_path,
        HEAD + f"paths: {{}}\ncomponents: {{schemas: {{A: {{type: string, pattern: '{pattern}'}}}}}}",
    )
    assert len(found(loaded, "foreign-pattern")) == 1


@pytest.mark.parametrize("pattern", [r"(?i:a)", r"\\A", r"[?+]+", r"a+\+", r"\++", r"[\\]+\w+?"])
def test_what_only_looks_foreign_is_not(pattern: str) -> None:
    made = compilable(pattern)
    assert made is not None
    assert not made.is_foreign


@pytest.mark.parametrize("pattern", ["(", "[a", r"a\Z", r"\h", "*"])
def test_what_cannot_be_compiled_is_none(pattern: str) -> None:
    assert compilable(pattern) is None


def test_names_that_a_pattern_nobody_compiles_may_match_are_not_refused(tmp_path: Path) -> None:
    made = schemas(
        tmp_path,
        r"""
        Open: {type: object, patternProperties: {'a\Z': {type: integer}, '^[^]$': {type: integer}},
               additionalProperties: false}
        """,
    )
    assert dict(made.schemas) == {
        "Open": {"type": "object", "patternProperties": {r"^[\s\S]$": {"type": "integer"}}}
    }
