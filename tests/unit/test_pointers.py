"""JSON Pointers lead back to where they were made, and references end somewhere or nowhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.validation.pointers import at, followed, fragment_tokens, pointer, tokens

VALUES = st.recursive(
    st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(st.lists(st.text()))
def test_a_pointer_holds_its_tokens(parts: list[str]) -> None:
    assert tokens(pointer(parts)) == tuple(parts)
    assert fragment_tokens(quote(pointer(parts))) == tuple(parts)


@given(VALUES, st.data())
def test_every_place_is_reached_by_its_pointer(document: Any, data: st.DataObject) -> None:
    node, path = document, []
    while isinstance(node, list | dict) and node:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        path.append(data.draw(st.sampled_from(keys)))
        node = node[path[-1]]
    assert at(document, tokens(pointer(path))) == node
    assert at(document, [*map(str, path), "absent"]) is None


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"$ref": "#/a/0/b~1c"}, {"x": 1}),
        ({"$ref": "#/a/0/b%2Fc", "beside": 1}, {"x": 1}),
        ({"$ref": "#/twice"}, {"x": 1}),
        ({"$ref": "#/round"}, None),
        ({"$ref": "#/a/1"}, None),
        ({"$ref": "#/a/²"}, None),
        ({"$ref": "#/a/0/b~1c/x/y"}, None),
        ({"$ref": "other.yaml#/a"}, {"$ref": "other.yaml#/a"}),
        ({"$ref": 5}, {"$ref": 5}),
        (7, 7),
    ],
)
def test_local_references_are_followed(node: Any, expected: Any) -> None:
    document = {
        "a": [{"b/c": {"x": 1}}],
        "twice": {"$ref": "#/a/0/b~1c"},
        "round": {"$ref": "#/round"},
    }
    assert followed(document, node) == expected
