from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.runtime.jsontext import MalformedJson, parse_json

pytestmark = pytest.mark.threat("tampering.json-ambiguity")

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(VALUES, st.lists(st.sampled_from("[]{},:\"'0123456789eE+-.\\u \t\n/*N"), max_size=4), st.integers(0))
def test_what_is_read_the_standard_library_reads_alike(value: object, noise: list[str], place: int) -> None:
    text = json.dumps(value)
    place %= len(text) + 1
    text = text[:place] + "".join(noise) + text[place:]
    try:
        found = parse_json(text.encode())
    except MalformedJson:
        return

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} was read")

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs), "a key that comes twice was read"
        return dict(pairs)

    assert json.loads(text, parse_constant=refuse, object_pairs_hook=once) == found
    assert all(math.isfinite(one) for one in (found,) if isinstance(one, float))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a":1,"a":1}', "an object names a key twice, line 1 column 12"),
        (b'[\n{"sekret":1,\n"sekret":2}]', "an object names a key twice, line 3 column 10"),
        (b'{"\\u0061":1,"a":2}', "an object names a key twice, line 1 column 17"),
        (b'{"at line 1 column 2":1,"at line 1 column 2":1}', "an object names a key twice, line 1 column 46"),
        (b"[1e400]", "number out of range"),
        (b'{"a":[{"b":-1e400}]}', "number out of range"),
        (b"[" + b"9" * 400 + b".5]", "number out of range"),
        (b'["' + b"x" * 2000 + b'",1e400]', "number out of range"),
        (b'["' + b"x" * 2000 + b'",' + b"123456789" * 40 + b".0]", "number out of range"),
        (b"1" * 211 + b"e99", "number out of range"),
        (b'["' + b"x" * 2000 + b'",' + b"1" * 211 + b"e99]", "number out of range"),
        (b'["' + b"x" * 2000 + b'",' + b"1" * 250 + b".5E+98]", "number out of range"),
        (b"9" * 4301, "number out of range, line 1 column 4301"),
        (b"[" * 203, "recursion limit exceeded, line 1 column 202"),
        (b"NaN", "expected value, line 1 column 1"),
        (b'"\\ud800"', "unexpected end of hex escape, line 1 column 8"),
    ],
)
def test_the_refusal_tells_the_place_and_quotes_nothing(text: bytes, words: str) -> None:
    with pytest.raises(MalformedJson) as caught:
        parse_json(text)
    assert str(caught.value) == words


def test_integers_are_exact_up_to_4300_digits() -> None:
    assert parse_json(b"9" * 4300) == 10**4300 - 1
    assert parse_json(b"18446744073709551617") == 2**64 + 1
