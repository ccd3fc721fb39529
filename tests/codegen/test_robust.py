# ruff: noqa: E501  (one case a line reads best)
"""Whatever stands in a contract file, `load` answers with findings: no mutation of a good contract makes it raise."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handfast.codegen.project import Loaded, Project, load
from tests.codegen.invariants import check_feature

pytestmark = pytest.mark.unmeasured

CASES = Path(__file__).parent / "cases"
TEXTS = [
    (CASES / "shapes-32/specs/010-shapes/contracts/api.yaml").read_text(encoding="utf-8"),
    (CASES / "null-30/specs/001-null/contracts/api.yaml").read_text(encoding="utf-8"),
    (CASES / "local-faults/specs/001-pets/contracts/api.yaml").read_text(encoding="utf-8"),
]
TREES = [yaml.safe_load(text) for text in TEXTS]
WORDS = [
    "$ref", "type", "properties", "items", "allOf", "oneOf", "schema", "content", "in", "name", "null", "x-y", "enum",
    "#/components/schemas/Item", "#/paths/~1items/get", "#", "#/", "#/components", "./api.yaml", "api.yaml#/paths", "..",
    "http://x/y", "#/components/schemas/Item/allOf/1", "object", "array", "string", "default", "discriminator", "é", "",
    "/a/{b}", "get", "200", "4XX", "{", "\u0000", "~2", "%", "nullable", "required", "const", "not", "application/json",
]  # fmt: skip
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 300), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS), st.text(max_size=8),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=6,
)


def load_text(text: str | bytes, name: str = "api.yaml") -> Loaded:
    with TemporaryDirectory() as folder:
        contracts = Path(folder) / "specs" / "001-x" / "contracts"
        contracts.mkdir(parents=True)
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        (contracts / name).write_bytes(data)
        loaded = load(Project(Path(folder)))
    for feature in loaded.features:
        check_feature(feature)
    for finding in loaded.findings:
        assert finding.source.line >= 1
        assert finding.source.column >= 1
        assert finding.what
        assert finding.fix
    return loaded


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(node, dict):
        for key, value in node.items():
            found += places(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            found += places(value, (*path, index))
    return found


def mutated(data: st.DataObject) -> Any:
    """A contract in which some values are other values, gone, renamed, or copies of what stands elsewhere."""
    tree = json.loads(json.dumps(data.draw(st.sampled_from(TREES)), default=str))
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from([place for place in places(tree) if place]))
        parent = tree
        for key in path[:-1]:
            parent = parent[key]
        action = data.draw(st.sampled_from(["replace", "remove", "rename", "copy"]))
        if action == "replace":
            parent[path[-1]] = data.draw(values)
        elif action == "remove":
            del parent[path[-1]]
        elif action == "rename" and isinstance(parent, dict):
            parent[data.draw(st.sampled_from(WORDS))] = parent.pop(path[-1])
        else:
            other = data.draw(st.sampled_from(places(tree)))
            value = tree
            for key in other:
                value = value[key]
            parent[path[-1]] = json.loads(json.dumps(value))
        if not [place for place in places(tree) if place]:
            break
    return tree


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_mutated_structure_makes_load_raise(data: st.DataObject) -> None:
    tree = mutated(data)
    loaded = load_text(json.dumps(tree), data.draw(st.sampled_from(["api.yaml", "api.json"])))
    if "openapi" in tree:
        assert loaded.features or loaded.fatal, "a contract is neither taken nor refused"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_mutated_text_makes_load_raise(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        insert = data.draw(
            st.sampled_from(
                ["", "\n", "  ", "\t", "*a", "&a ", "!x ", "<<: ", "- ", ": ", "{", "]", "'", "|"]
            )
        )
        text = text[:start] + insert + text[end:]
    load_or_pass_over(text)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=60))
def test_no_bytes_make_load_raise(data: bytes) -> None:
    load_or_pass_over(data)


def load_or_pass_over(text: str | bytes) -> None:
    """A file that lost its `openapi` key may also be passed over as no contract."""
    with TemporaryDirectory() as folder:
        contracts = Path(folder) / "specs" / "001-x" / "contracts"
        contracts.mkdir(parents=True)
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        (contracts / "api.yaml").write_bytes(data)
        for feature in load(Project(Path(folder))).features:
            check_feature(feature)
