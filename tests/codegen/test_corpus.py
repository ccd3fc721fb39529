"""Real contracts: each loads without a fatal finding and keeps its operations, but for those named here.

`HANDFAST_CORPUS` is a folder with INDEX.tsv and a folder a contract;
`HANDFAST_CORPUS_GIANTS=1` adds the largest.
"""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import pytest

from handfast.codegen.project import Project, load
from tests.codegen.invariants import check_feature

pytestmark = pytest.mark.unmeasured

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("HANDFAST_CORPUS", ROOT.parent / "shared" / "corpus" / "openapi"))
GIANTS = frozenset(("github", "digitalocean"))
REFUSED = {
    # `/cookies#formNonExploded`: no client can send a fragment.
    "readme-params": 2,
}
PERFECT = frozenset(("museum", "tictactoe", "uspto", "link-example", "startrek", "watchman"))
"""Contracts about which nothing is to be said."""


def entries() -> list[dict[str, str]]:
    index = CORPUS / "INDEX.tsv"
    if not index.is_file():
        return []
    with index.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    giants = bool(os.environ.get("HANDFAST_CORPUS_GIANTS"))
    return [row for row in rows if giants or row["name"] not in GIANTS]


@pytest.mark.skipif(
    not entries(), reason=f"no contracts in {CORPUS}; set HANDFAST_CORPUS to a folder with INDEX.tsv"
)
@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry["name"])
def test_real_contracts_load(entry: dict[str, str], tmp_path: Path) -> None:
    name = entry["name"]
    shutil.copytree(CORPUS / name, tmp_path / "specs" / "001-x" / "contracts")
    loaded = load(Project(tmp_path))
    assert not loaded.fatal, [str(finding) for finding in loaded.findings if finding.fatal]
    (feature,) = loaded.features
    check_feature(feature)
    assert len(feature.operations) == int(entry["operations"]) - REFUSED.get(name, 0)
    if name in PERFECT:
        assert not loaded.findings
