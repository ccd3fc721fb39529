"""CPU of `handfast diff` on a large contract: `python -m tools.bench.diff CONTRACT`.

The contract is compared with a copy in which some hundred schemas have changed (JSON or YAML in, no `$ref` to
other files). The aim: two contracts of 1,000 operations in less than 10 seconds, reading included.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import yaml

from handfast.codegen.project import load_file
from handfast.diff.compare import compare
from handfast.diff.contract import contracts


def changed(node: Any, random: Random) -> int:
    """Change schemas in place; return how many."""
    count = 0
    if isinstance(node, dict):
        for wanted, chance, change in _CHANGES:
            if wanted(node) and random.random() < chance:
                change(node)
                count += 1
        return count + sum(changed(one, random) for one in list(node.values()))
    return sum(changed(one, random) for one in node) if isinstance(node, list) else 0


def _without_one(key: str) -> Any:
    return lambda node: node.update({key: node[key][:-1]})


_CHANGES: tuple[tuple[Any, float, Any], ...] = (
    (lambda node: node.get("type") == "string", 0.05, lambda node: node.update(maxLength=50)),
    (lambda node: node.get("type") == "integer", 0.05, lambda node: node.update(minimum=3)),
    (lambda node: isinstance(node.get("enum"), list) and len(node["enum"]) > 1, 0.1, _without_one("enum")),
    (
        lambda node: isinstance(node.get("required"), list) and len(node["required"]) > 1,
        0.1,
        _without_one("required"),
    ),
)


def main() -> None:
    """Measure the contract that the arguments name."""
    contract = Path(sys.argv[1]).resolve()
    document = yaml.load(contract.read_text(encoding="utf-8"), yaml.CSafeLoader)
    count = changed(document, Random(7))  # noqa: S311 (the same changes at each run)
    with tempfile.TemporaryDirectory() as scratch:
        other = Path(scratch, "api.json")
        other.write_text(json.dumps(document, default=str), encoding="utf-8")
        began = time.process_time()
        old, new = load_file(contract, contract.parent), load_file(other, other.parent)
        read = time.process_time()
        changes = compare(contracts(old), contracts(new), date(2026, 1, 1))
        done = time.process_time()
    operations = sum(len(feature.operations) for feature in new.features)
    told = ", ".join(
        f"{number} {name}" for name, number in Counter(str(one.severity) for one in changes).items()
    )
    print(f"{operations} operations, {count} schemas changed: {told}")
    print(f"read {read - began:.2f} s, compared {done - read:.2f} s, {done - began:.2f} s of CPU in all")


if __name__ == "__main__":
    main()
