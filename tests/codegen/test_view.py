"""The view never decides: what a contract accepts is seen as its types, and comes back as it went in.

HANDFAST_VIEW_EXAMPLES draws more contracts.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from handfast.codegen.ir import Json
from handfast.codegen.project import Project, load
from tests.codegen.contracts import write_contract
from tests.codegen.drawn import contracts
from tests.codegen.viewed import hold

pytestmark = pytest.mark.unmeasured

EXAMPLES = int(os.environ.get("HANDFAST_VIEW_EXAMPLES", "12"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.generate] if EXAMPLES <= 12 else [Phase.generate, Phase.shrink],
)
@given(contracts())
def test_what_a_drawn_contract_accepts_is_seen_and_given_back(document: dict[str, Json]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_contract(root, "001-drawn", document)
        loaded = load(Project(root))
        for feature in loaded.features if not loaded.fatal else ():
            assert hold(root, feature, tries=25).faults == []
