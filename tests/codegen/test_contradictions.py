# ruff: noqa: E501 (one case a line reads best)
"""Schemas whose parts no value can meet together are told, through references too; nothing is told that a value meets."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema_rs import Draft202012Validator

from handfast.codegen.contradictions import takes_nothing
from handfast.codegen.load import parse
from handfast.codegen.normalise import Normaliser
from handfast.codegen.project import Loaded
from handfast.codegen.report import Report
from handfast.codegen.source import Map
from handfast.codegen.types import PREFIX
from handfast.codegen.unsatisfiable import CODE
from tests.codegen.anyschema import VALUES, contracts
from tests.codegen.helpers import HEAD, HEAD_30, contract, fixes, found

pytestmark = pytest.mark.unmeasured

CLOSED = "{type: object, properties: {a: {}}, additionalProperties: false}"


def load(root: Path, schemas: str, head: str = HEAD) -> Loaded:
    return contract(root, f"{head}paths: {{}}\ncomponents:\n  schemas:\n{schemas}")


@pytest.mark.parametrize("head", [HEAD, HEAD_30])
@pytest.mark.parametrize(
    ("schemas", "said"),
    [
        (f"    B: {CLOSED}\n    A: {{allOf: [{{$ref: '#/components/schemas/B'}}, {{type: object, required: [b], properties: {{b: {{}}}}}}]}}\n", "7:17 part 1 of `allOf` takes nothing that the rest of the schema takes"),
        ("    B: {type: object, required: [k], properties: {k: {type: string}}}\n    A: {type: object, properties: {k: {type: integer}}, allOf: [{$ref: '#/components/schemas/B'}]}\n", "7:65 part 1 of `allOf`"),
        ("    B: {type: string, enum: [a]}\n    C: {$ref: '#/components/schemas/B'}\n    A: {properties: {x: {}}, required: [x], type: object, allOf: [{properties: {x: {$ref: '#/components/schemas/C'}}}, {properties: {x: {type: integer}}}]}\n", "8:"),
        ("    B: {type: object, required: [k], properties: {k: {enum: [a, b]}}}\n    A: {anyOf: [{$ref: '#/components/schemas/B'}], type: object, properties: {k: {enum: [c]}}}\n", "what `anyOf` takes is refused by what stands beside it"),
        ("    A: {oneOf: [{type: string}, {type: string}]}\n", "what `oneOf` takes"),
    ],
)  # fmt: skip
def test_parts_that_exclude_each_other_are_told(tmp_path: Path, schemas: str, said: str, head: str) -> None:
    (one,) = found(load(tmp_path, schemas, head), CODE)
    assert said in one
    assert one.endswith(": no value can meet this schema")


def test_closed_parts_are_told_with_their_cure(tmp_path: Path) -> None:
    schemas = f"    B: {CLOSED}\n    A: {{allOf: [{{$ref: '#/components/schemas/B'}}, {{type: object, required: [b], properties: {{b: {{}}}}}}]}}\n"
    (fix,) = fixes(load(tmp_path, schemas), CODE)
    assert fix.startswith("`additionalProperties: false` knows the properties beside it alone")


@pytest.mark.parametrize(
    "schemas",
    [
        f"    B: {CLOSED}\n    A: {{allOf: [{{$ref: '#/components/schemas/B'}}, {{type: object, properties: {{b: {{}}}}}}]}}\n",
        "    A: {type: [object, 'null'], required: [k], properties: {k: {type: string}}, allOf: [{properties: {k: {type: integer}}}]}\n",
        "    A: {type: object, discriminator: {propertyName: k}, oneOf: [{$ref: '#/components/schemas/B'}, {$ref: '#/components/schemas/C'}]}\n    B: {type: object, properties: {k: {type: string}}}\n    C: {type: object, properties: {k: {type: string}}}\n",
        "    A: {not: {$ref: '#/components/schemas/A2'}}\n    A2: {type: object, properties: {a: {$ref: '#/components/schemas/A2'}}}\n",
        "    A: {oneOf: [{$ref: '#/components/schemas/B'}, {$ref: '#/components/schemas/C'}]}\n    B: {type: object, required: [n], properties: {n: {$ref: '#/components/schemas/B2'}}}\n    B2: {properties: {n: {properties: {n: {properties: {n: {properties: {n: {const: 1}}}}}}}}}\n    C: {type: object, required: [n], properties: {n: {properties: {n: {properties: {n: {properties: {n: {properties: {n: {const: 2}}}}}}}}}}}\n",
    ],
)  # fmt: skip
def test_what_a_value_meets_is_not_told(tmp_path: Path, schemas: str) -> None:
    assert found(load(tmp_path, schemas), CODE) == []


def test_what_takes_nothing_for_what_it_refers_to_is_not_told_again(tmp_path: Path) -> None:
    schemas = """    None: {allOf: [{$ref: '#/components/schemas/S'}, {type: integer}]}
    S: {type: string}
    Own: {type: integer, minimum: 3, maximum: 2}
    A: {type: object, required: [n], properties: {n: {$ref: '#/components/schemas/None'}}, allOf: [{}]}
    B: {type: object, required: [n], properties: {n: {$ref: '#/components/schemas/Own'}}, allOf: [{}]}
    C: {type: object, required: [n], properties: {n: {type: integer, minimum: 3, maximum: 2}}, allOf: [{}]}
    D: {allOf: [{$ref: '#/components/schemas/Own'}, {minimum: 0}]}
"""
    assert [one.split(" ")[0] for one in found(load(tmp_path, schemas), CODE)] == ["6:20", "8:26", "11:70"]


def test_chains_of_references_and_many_combinations_cost_nothing(tmp_path: Path) -> None:
    chain = "".join(
        f"    C{n}: {{allOf: [{{$ref: '#/components/schemas/C{n + 1}'}}, {{minLength: 1}}]}}\n"
        for n in range(800)
    )
    both = ", ".join(f"{{anyOf: [{{required: [a{n}]}}, {{required: [b{n}]}}]}}" for n in range(30))
    began = time.process_time()
    loaded = load(tmp_path, f"{chain}    C800: {{type: string}}\n    Many: {{allOf: [{both}]}}\n")
    assert found(loaded, CODE) == []
    assert time.process_time() - began < 5


@settings(max_examples=150, deadline=None)
@given(document=contracts())
def test_a_schema_that_is_told_takes_no_value(document: dict[str, Any]) -> None:
    root = parse(json.dumps(document), "api.json").root
    assert isinstance(root, Map)
    schemas = Normaliser(root, Report())
    schemas.components()
    for name in schemas.schemas:
        if takes_nothing(name, schemas.schemas):
            whole = {"$ref": PREFIX + name, "$defs": schemas.schemas}
            validator = Draft202012Validator(whole)
            assert not [value for value in VALUES if validator.is_valid(value)], schemas.schemas[name]
