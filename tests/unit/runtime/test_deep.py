from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.runtime.deep import DEEPEST, Repeated, split, tree_of, value_of
from handfast.runtime.readings import Reader
from handfast.runtime.schemas import View

NAMES = st.sampled_from(["a", "b c", "é", "0x", "."])
TEXT = st.text(st.characters(codec="utf-8"), max_size=5)


@st.composite
def written(draw: st.DrawFn, depth: int = 4) -> tuple[Any, Any, list[tuple[str, str]]]:
    """A schema, a value of it, and the pairs of brackets and text that say the value."""
    kind = draw(st.sampled_from(["integer", "string", "list", "object", "objects"][: 5 if depth else 2]))
    if kind == "integer":
        number = draw(st.integers())
        return {"type": "integer"}, number, [("", str(number))]
    if kind == "string":
        text = draw(TEXT)
        return {"type": "string"}, text, [("", text)]
    if kind == "list":
        texts = draw(st.lists(TEXT, min_size=1, max_size=3))
        marks = draw(st.sampled_from([[""] * 3, ["[]"] * 3, ["[0]", "[1]", "[2]"]]))
        schema = {"type": "array", "items": {"type": "string"}}
        return schema, texts, list(zip(marks, texts, strict=False))
    if kind == "objects":
        schema, value, pairs = draw(objects(depth - 1))
        count = draw(st.integers(1, 3))
        repeated = [(f"[{index}]{rest}", text) for index in range(count) for rest, text in pairs]
        return {"type": "array", "items": schema}, [value] * count, repeated
    return draw(objects(depth - 1))


@st.composite
def objects(draw: st.DrawFn, depth: int) -> tuple[Any, Any, list[tuple[str, str]]]:
    members = draw(st.dictionaries(NAMES, written(depth), min_size=1, max_size=3))
    properties = {name: schema for name, (schema, _, _) in members.items()}
    value = {name: one for name, (_, one, _) in members.items()}
    pairs = [(f"[{name}]{rest}", text) for name, (_, _, said) in members.items() for rest, text in said]
    return {"type": "object", "properties": properties}, value, pairs


def read(schema: Any, name: str, source: dict[str, list[str]]) -> object:
    return value_of(tree_of(source, name), Reader(View({}, "request"), schema), str)


@given(objects(4))
def test_what_brackets_say_is_read_at_every_depth(drawn: tuple[Any, Any, list[tuple[str, str]]]) -> None:
    schema, value, pairs = drawn
    source: dict[str, list[str]] = {"other[a]": ["1"], "p": ["2"]}
    for rest, text in pairs:
        source.setdefault(f"p{rest}", []).append(text)
    assert read(schema, "p", source) == value


@pytest.mark.parametrize(
    ("key", "name", "brackets"),
    [
        ("a[b]", "a", ["b"]),
        ("a[b][c d][]", "a", ["b", "c d", ""]),
        ("a", "a", []),
        ("", "", []),
        ("[b]", "[b]", []),
        ("a[b]c", "a[b]c", []),
        ("a[b", "a[b", []),
        ("a]b[", "a]b[", []),
        ("a[b[c]]", "a[b[c]]", []),
        ("a" + "[b]" * DEEPEST, "a", ["b"] * DEEPEST),
        ("a" + "[b]" * (DEEPEST + 1), "a" + "[b]" * (DEEPEST + 1), []),
        ("a" + "[" * 100_000, "a" + "[" * 100_000, []),
    ],
)
@pytest.mark.threat("denial.hostile-input")
def test_names_are_split_at_their_brackets(key: str, name: str, brackets: list[str]) -> None:
    assert split(key) == (name, brackets)


@pytest.mark.parametrize(
    "source",
    [
        {"p[a]": ["1", "2"]},
        {"p[a]": ["1"], "p[a][b]": ["2"]},
        {"p[a][b]": ["1"], "p[a]": ["2"]},
        {"p[a][b]": ["1"], "p[a][b][c]": ["2"]},
    ],
)
def test_what_is_no_list_is_said_once(source: dict[str, list[str]]) -> None:
    with pytest.raises(Repeated):
        read({"type": "object", "additionalProperties": {"type": ["string", "object"]}}, "p", source)


def test_indices_say_where_an_item_stands() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    whole = {"type": "object", "properties": {"t": schema}}
    assert read(whole, "p", {"p[t][10]": ["c"], "p[t][2]": ["b"], "p[t][0]": ["a"]}) == {"t": ["a", "b", "c"]}


def test_an_empty_text_is_an_empty_object_where_nothing_else_may_stand() -> None:
    only = {"type": "object"}
    assert read({"type": "object", "properties": {"a": only}}, "p", {"p[a]": [""]}) == {"a": {}}
    assert read({"type": "object", "properties": {"a": {}}}, "p", {"p[a]": [""]}) == {"a": ""}


def test_of_a_name_without_brackets_nothing_is_said() -> None:
    assert tree_of({"p": ["1"], "q[a]": ["1"]}, "p") == {}
