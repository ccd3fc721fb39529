from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handfast.runtime.jsontext import parse_json
from handfast.runtime.yamltext import DEEPEST, MalformedYaml, dump, parse

TEXT = st.text(st.characters(codec="utf-8")) | st.from_regex(r"[-+.~0-9eExXon_:T]{1,8}", fullmatch=True)
"""Any text, and many that look like something else in YAML."""
PLAIN = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cc", "Cs", "Zl", "Zp"])
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


def documents(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | NUMBERS | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    )


@given(documents(TEXT))
@example("1e5")
@example("+.5e1")
def test_what_is_written_is_read_again(value: Any) -> None:
    assert parse(dump(value)) == value
    assert type(parse(dump(value))) is type(value)


@given(documents(PLAIN), st.sampled_from([None, 2]))
def test_json_is_yaml(value: Any, indent: int | None) -> None:
    content = json.dumps(value, ensure_ascii=False, indent=indent).encode()
    assert parse(content) == parse_json(content)


def test_a_value_that_stands_in_two_places_is_written_twice() -> None:
    shared = {"a": [1]}
    assert parse(dump([shared, shared])) == [shared, shared]


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert parse(dump({"a\ud800": "\udfff"})) == {"a?": "?"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("---", None),
        ("~", None),
        ("null", None),
        ("''", ""),
        ("true", True),
        ("TRUE", True),
        ("yes", "yes"),
        ("on", "on"),
        ("tRue", "tRue"),
        ("1", 1),
        ("+1", 1),
        ("-0", 0),
        ("01", 1),
        ("-010", -10),
        ("010.5", 10.5),
        ("0o17", 15),
        ("0x1F", 31),
        ("0o8", "0o8"),
        ("+0x1", "+0x1"),
        ("0X1F", "0X1F"),
        ("0x", "0x"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2024-01-01", "2024-01-01"),
        ("'1'", "1"),
        ('"\\u00e9"', "é"),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
        ("1: a\nnull: b", {"1": "a", "null": "b"}),
        ("{a, b: }", {"a": None, "b": None}),
        ("9" * 2000, "9" * 2000),
        ("%YAML 1.2\n---\na", "a"),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: object) -> None:
    found = parse(text.encode())
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a: &x 1\nb: *x", "anchors"),
        (b"&x a: 1", "anchor"),
        (b"*x", "undefined|anchors"),
        (b"&x [1]", "anchors"),
        (b"a: [&x {b: *x}]", "anchors"),
        (b"!!str 1", "tags"),
        (b"!!python/object/apply:os.system [x]", "tags"),
        (b"!!set {a}", "tags"),
        (b"!!str a: 1", "tag"),
        (b"! 1", "tags"),
        (b"a: 1\na: 2", "twice"),
        (b"{a: 1, 'a': 2}", "twice"),
        (b"{1: 1, '1': 2}", "twice"),
        (b"? [a]\n: 1", "a key must be a text"),
        (b"a\n---\nb", "more than one"),
        (b"---\n---\n", "more than one"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "nested"),
        (b"[" * 100_000, "nested"),
        (b"- " * 5000 + b"a", "nested"),
        (b"{a: " * 200, "nested"),
        (b"[", "."),
        (b"a: b: c", "."),
        (b"\t- a", "."),
        (b"'", "."),
        (b"\xff", "UTF-8"),
        ("a".encode("utf-16"), "UTF-8"),
        (b"a: \x00", "."),
        (b'"\\ud800"', "."),
    ],
)
@pytest.mark.threat("denial.hostile-input")
def test_what_is_not_taken_is_refused_and_told(content: bytes, why: str) -> None:
    with pytest.raises(MalformedYaml, match=why):
        parse(content)


def test_the_deepest_document_is_read() -> None:
    assert parse(b"[" * DEEPEST + b"]" * DEEPEST)


@given(st.text("-:{}[]&*!|>'\"%@`#,?ab1~. \n\t", max_size=40) | st.binary(max_size=30))
@pytest.mark.threat("denial.hostile-input")
def test_no_document_is_an_unexpected_error(document: str | bytes) -> None:
    try:
        parse(document.encode() if isinstance(document, str) else document)
    except MalformedYaml:
        return
