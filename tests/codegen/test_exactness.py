"""What the runtime accepts is what the contract accepts, whatever became of its schemas on the way.

HANDFAST_EXACT_EXAMPLES draws more contracts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from handfast.codegen.project import Project, load
from handfast.runtime.schemas import View
from tests.codegen.anyschema import COMPONENTS, VALUES, Meaning, contracts
from tests.codegen.contracts import write_contract
from tests.codegen.instances import Maker

EXAMPLES = int(os.environ.get("HANDFAST_EXACT_EXAMPLES", "25"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES <= 25,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate] if EXAMPLES <= 25 else [Phase.generate, Phase.shrink],
)
@given(contracts(), st.integers(0, 2**32))
def test_the_runtime_accepts_what_a_drawn_contract_accepts(document: dict[str, Any], seed: int) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_contract(root, "001-drawn", document)
        loaded = load(Project(root))
    assume(not loaded.fatal)
    (feature,) = loaded.features
    schemas: dict[str, Any] = json.loads(json.dumps(dict(feature.schemas)))
    maker = Maker(schemas, seed)
    for direction in ("request", "response"):
        meaning = Meaning(document, direction)
        view = View(schemas, direction)
        for operation, component in zip(feature.operations, COMPONENTS, strict=True):
            body, answer = operation.body, operation.responses[0]
            assert body is not None
            media = body.media[0] if direction == "request" else answer.media[0]
            check = view.named(media.schema)
            expected = meaning.of_component(component)
            made = [maker.make({"$ref": f"#/$defs/{media.schema}"}) for _ in range(4)] if media.schema else []
            for value in (*VALUES, *made):
                place = (direction, component, value)
                assert check.is_valid(value) is bool(expected.is_valid(value)), place
